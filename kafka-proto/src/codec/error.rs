//! What can go wrong between a message and its bytes.

use thiserror::Error;

/// Bytes that are not the message they should be. Nothing was read past the place that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{kind}{}", at(path), place(kind, *offset))]
pub struct DecodeError {
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// Where, as the number of bytes before it in what was to be decoded; 0 where it is in none of them: for an
    /// unsupported version, and in JSON.
    pub offset: usize,
    /// In which field: `ProduceRequest.topic_data[3].name`. Empty outside of a message.
    pub path: String,
}

/// The ways in which bytes can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes end before the value does.
    #[error("the bytes end early: {needed} needed, {left} left")]
    Truncated {
        /// Bytes that the value takes.
        needed: usize,
        /// Bytes that are there.
        left: usize,
    },
    /// A length or count below what its type allows.
    #[error("length {0}, expected 0 or more, or -1 for null")]
    InvalidLength(i64),
    /// A null where the version has none.
    #[error("null where this version allows none")]
    UnexpectedNull,
    /// A variable-length integer of more bytes than its type has room for.
    #[error("a variable-length integer is longer than the 5 bytes that it may take")]
    VarintTooLong,
    /// Text that is not UTF-8.
    #[error("text that is not UTF-8")]
    InvalidUtf8,
    /// The same tag twice in one struct, or tags that do not ascend.
    #[error("tag {tag} after tag {previous}: tags ascend")]
    TagOrder {
        /// The tag that is out of order.
        tag: u32,
        /// The tag before it.
        previous: u32,
    },
    /// A tagged field that is shorter than the size written before it.
    #[error("tag {tag} has {left} bytes more than its value")]
    TagSize {
        /// The tag.
        tag: u32,
        /// Bytes left over.
        left: usize,
    },
    /// Bytes after the end of the message.
    #[error("{0} bytes left over after the message")]
    TrailingBytes(usize),
    /// A version outside of the message's range.
    #[error(transparent)]
    UnsupportedVersion(#[from] UnsupportedVersion),
    /// JSON that is not the message's form.
    #[error("JSON: {0}")]
    Json(String),
}

impl From<DecodeErrorKind> for DecodeError {
    fn from(kind: DecodeErrorKind) -> Self {
        Self {
            kind,
            offset: 0,
            path: String::new(),
        }
    }
}

impl DecodeError {
    /// The same error, one level further out.
    #[must_use]
    #[cold]
    pub(crate) fn within(mut self, name: &str) -> Self {
        self.path = join(name, &self.path);
        self
    }

    /// The same error, in an element of an array.
    #[cfg(feature = "serde")]
    #[must_use]
    #[cold]
    pub(crate) fn at(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }
}

/// A message that cannot be written in the chosen version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{kind}", at(path))]
pub struct EncodeError {
    /// What is wrong.
    pub kind: EncodeErrorKind,
    /// Where, outermost first: `ProduceRequest.topic_data[3].name`.
    pub path: String,
}

/// The ways in which a message cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// A field has a value that the version has no place for, and that must not be dropped silently.
    #[error(
        "version {version} has no such field (it is in {versions}), and its value is not the default"
    )]
    FieldNotInVersion {
        /// The version asked for.
        version: i16,
        /// Where the field is.
        versions: crate::codec::Versions,
    },
    /// `None` in a field that is not nullable in the version.
    #[error("null is not allowed in version {0}")]
    NullNotAllowed(i16),
    /// Text, bytes or an array longer than its length field can say.
    #[error("length {len} is over the limit of {max}")]
    TooLong {
        /// The length.
        len: usize,
        /// The longest that can be written.
        max: usize,
    },
    /// Among the unknown tagged fields is one whose tag the definition knows, or the same tag twice.
    #[error("unknown tagged field {0}: the version has a field of this tag, or it is there twice")]
    TagTaken(u32),
    /// A version outside of the message's range.
    #[error(transparent)]
    UnsupportedVersion(#[from] UnsupportedVersion),
}

impl From<EncodeErrorKind> for EncodeError {
    fn from(kind: EncodeErrorKind) -> Self {
        Self {
            kind,
            path: String::new(),
        }
    }
}

impl EncodeError {
    /// The same error, one level further out.
    #[must_use]
    #[cold]
    pub(crate) fn within(mut self, name: &str) -> Self {
        self.path = join(name, &self.path);
        self
    }
}

/// A version that a message does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message} has no version {version} (it has {versions})")]
pub struct UnsupportedVersion {
    /// The message's name.
    pub message: &'static str,
    /// The version asked for.
    pub version: i16,
    /// The versions it has.
    pub versions: crate::codec::Versions,
}

fn place(kind: &DecodeErrorKind, offset: usize) -> String {
    match kind {
        DecodeErrorKind::UnsupportedVersion(_) | DecodeErrorKind::Json(_) => String::new(),
        _ => format!(", at byte {offset}"),
    }
}

fn at(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!("{path}: ")
    }
}

fn join(outer: &str, inner: &str) -> String {
    match inner {
        "" => outer.to_owned(),
        inner if inner.starts_with('[') => format!("{outer}{inner}"),
        inner => format!("{outer}.{inner}"),
    }
}
