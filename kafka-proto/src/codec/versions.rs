//! A range of versions, as Kafka's message definitions write it.

use std::fmt;

/// An inclusive range of versions; `"3-13"`, `"9+"`, `"2"` and `"none"` in Kafka's notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Versions {
    /// The lowest.
    pub min: i16,
    /// The highest; below `min` when there is none.
    pub max: i16,
}

impl Versions {
    /// No version at all.
    pub const NONE: Self = Self { min: 0, max: -1 };
    /// Every version.
    pub const ALL: Self = Self {
        min: 0,
        max: i16::MAX,
    };

    /// Reads Kafka's notation.
    ///
    /// # Panics
    /// On anything else: it is meant for constants, where that is an error of the compiler.
    pub const fn parse(text: &str) -> Self {
        let text = text.as_bytes();
        if let [b'n', b'o', b'n', b'e'] = text {
            return Self::NONE;
        }
        let (min, at) = digits(text, 0);
        if at == text.len() {
            return Self { min, max: min };
        }
        match text[at] {
            b'+' if at + 1 == text.len() => Self { min, max: i16::MAX },
            b'-' => {
                let (max, end) = digits(text, at + 1);
                assert!(
                    end == text.len() && max >= min,
                    "versions are \"N\", \"N-M\", \"N+\" or \"none\""
                );
                Self { min, max }
            }
            _ => panic!("versions are \"N\", \"N-M\", \"N+\" or \"none\""),
        }
    }

    /// Whether the version is in the range.
    #[inline]
    pub const fn contains(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }

    /// Whether there is no version in the range.
    pub const fn is_empty(self) -> bool {
        self.max < self.min
    }

    /// The versions that are in both.
    #[must_use]
    pub const fn intersect(self, other: Self) -> Self {
        let min = if self.min > other.min {
            self.min
        } else {
            other.min
        };
        let max = if self.max < other.max {
            self.max
        } else {
            other.max
        };
        if max < min {
            Self::NONE
        } else {
            Self { min, max }
        }
    }
}

const fn digits(text: &[u8], mut at: usize) -> (i16, usize) {
    let start = at;
    let mut value = 0;
    while at < text.len() && text[at].is_ascii_digit() {
        value = value * 10 + (text[at] - b'0') as i16;
        at += 1;
    }
    assert!(at > start, "a version is a number");
    (value, at)
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            v if v.is_empty() => f.write_str("none"),
            Self { min, max: i16::MAX } => write!(f, "{min}+"),
            Self { min, max } if min == max => write!(f, "{min}"),
            Self { min, max } => write!(f, "{min}-{max}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafkas_notation_is_read_and_written() {
        for (text, min, max) in [
            ("0+", 0, i16::MAX),
            ("3-13", 3, 13),
            ("2", 2, 2),
            ("none", 0, -1),
        ] {
            let versions = Versions::parse(text);
            assert_eq!((versions.min, versions.max), (min, max), "{text}");
            assert_eq!(versions.to_string(), text);
        }
    }

    #[test]
    fn the_highest_common_version_is_the_top_of_the_intersection() {
        let ours = Versions::parse("3-13");
        assert_eq!(
            ours.intersect(Versions::parse("0-7")),
            Versions::parse("3-7")
        );
        assert!(ours.intersect(Versions::parse("0-2")).is_empty());
    }
}
