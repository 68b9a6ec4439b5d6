use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// Bytes that are kept in place.
const SHORT: usize = 16;

/// A text made to be a key: up to 16 bytes are kept in place, longer ones are shared. Cloning never copies more than 24
/// bytes.
///
/// Short texts are made, compared and hashed as two machine words, which is what a word count spends its time on. Any other
/// type with `Clone + Eq + Hash` can be a key as well.
///
/// ```
/// use stream_engine::ShortString;
///
/// let word = ShortString::new("to");
/// assert_eq!(&*word, "to");
/// assert_eq!(word, ShortString::from("to".to_owned()));
/// ```
#[derive(Clone)]
pub struct ShortString(Form);

#[derive(Clone)]
enum Form {
    /// The text's bytes in the order of memory, and zeros behind them.
    Short { len: u8, words: [u64; 2] },
    /// Always longer than fits in place, so that a text has one form.
    Long(Arc<str>),
}

impl ShortString {
    /// A copy of `text`.
    #[inline]
    pub fn new(text: &str) -> Self {
        match in_place(text.as_bytes()) {
            Some(words) => Self(Form::Short {
                len: text.len() as u8,
                words,
            }),
            None => Self(Form::Long(text.into())),
        }
    }

    /// The text.
    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // The bytes came from a text, and this is where it ends.
            Form::Short { .. } => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Form::Long(text) => text,
        }
    }

    /// The text's bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Form::Short { len, words } => &bytemuck::bytes_of(words)[..usize::from(*len)],
            Form::Long(text) => text.as_bytes(),
        }
    }
}

/// The text followed by zeros, if it fits. Put together in registers, of two pieces that overlap: copying by a length that
/// is only known at run time would be a call for a few bytes, and reading back what was just written in pieces a stall.
#[inline]
fn in_place(text: &[u8]) -> Option<[u64; 2]> {
    let len = text.len();
    let words = match len {
        0 => [0, 0],
        1..4 => {
            let byte = |at: usize| u64::from(text[at]) << (8 * at);
            [byte(0) | byte(len / 2) | byte(len - 1), 0]
        }
        4..8 => {
            let (first, last) = (u32_at(text, 0), u32_at(text, len - 4));
            [u64::from(first) | u64::from(last) << (8 * (len - 4)), 0]
        }
        8 => [u64_at(text, 0), 0],
        9..=SHORT => [
            u64_at(text, 0),
            u64_at(text, len - 8) >> (8 * (SHORT - len)),
        ],
        _ => return None,
    };
    Some(words.map(u64::to_le))
}

#[inline]
fn u32_at(text: &[u8], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&text[at..at + 4]);
    u32::from_le_bytes(bytes)
}

#[inline]
fn u64_at(text: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&text[at..at + 8]);
    u64::from_le_bytes(bytes)
}

impl PartialEq for ShortString {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            // The length too: a text may end in zeros.
            (
                Form::Short {
                    len: a,
                    words: left,
                },
                Form::Short {
                    len: b,
                    words: right,
                },
            ) => left == right && a == b,
            (Form::Long(left), Form::Long(right)) => left == right,
            _ => false,
        }
    }
}

impl Eq for ShortString {}

impl PartialOrd for ShortString {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ShortString {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for ShortString {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Form::Short { words, .. } => {
                state.write_u64(words[0]);
                state.write_u64(words[1]);
            }
            Form::Long(text) => text.hash(state),
        }
    }
}

impl Deref for ShortString {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for ShortString {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for ShortString {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<&str> for ShortString {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for ShortString {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl fmt::Debug for ShortString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for ShortString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_no_larger_than_a_string() {
        assert_eq!(size_of::<ShortString>(), size_of::<String>());
    }

    #[test]
    fn a_text_of_any_length_comes_back() {
        for len in 0..60 {
            let text: String = ('a'..='z').cycle().take(len).collect();
            assert_eq!(ShortString::new(&text).as_str(), text);
        }
    }

    #[test]
    fn texts_that_differ_in_zeros_at_the_end_differ() {
        assert_ne!(ShortString::new("a"), ShortString::new("a\0"));
        assert_ne!(ShortString::new(""), ShortString::new("\0"));
    }

    proptest! {
        #[test]
        fn it_is_a_key_like_the_text_itself(texts in prop::collection::vec("[a-cé\0]{0,30}", 0..200)) {
            let mut expected: HashMap<String, u32> = HashMap::new();
            let mut counts: HashMap<ShortString, u32> = HashMap::new();
            for text in &texts {
                *expected.entry(text.clone()).or_default() += 1;
                *counts.entry(ShortString::new(text)).or_default() += 1;
            }
            let counts: HashMap<String, u32> = counts.into_iter().map(|(text, count)| (text.to_string(), count)).collect();
            prop_assert_eq!(counts, expected);
        }

        #[test]
        fn texts_are_ordered_as_texts_are(left in "[a-c\0é]{0,30}", right in "[a-c\0é]{0,30}") {
            prop_assert_eq!(ShortString::new(&left).cmp(&ShortString::new(&right)), left.cmp(&right));
        }
    }
}
