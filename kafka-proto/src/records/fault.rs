use std::fmt;

use crate::varint::{VarintError, varint_at, varlong_at};

/// A field of a record, as errors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordField {
    /// How many bytes the record takes.
    Length,
    /// The format, of a message before Kafka 0.11.
    Magic,
    /// The checksum, of a message before Kafka 0.11.
    Checksum,
    /// The attributes.
    Attributes,
    /// The timestamp.
    Timestamp,
    /// The offset.
    Offset,
    /// The key.
    Key,
    /// The value.
    Value,
    /// How many headers there are.
    HeaderCount,
    /// The key of a header.
    HeaderKey,
    /// The value of a header.
    HeaderValue,
}

impl fmt::Display for RecordField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Length => "length",
            Self::Magic => "format (magic)",
            Self::Checksum => "checksum",
            Self::Attributes => "attributes",
            Self::Timestamp => "timestamp",
            Self::Offset => "offset",
            Self::Key | Self::HeaderKey => "key",
            Self::Value | Self::HeaderValue => "value",
            Self::HeaderCount => "number of headers",
        })
    }
}

/// What is wrong with a field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldFault {
    /// What should be a number is none.
    #[error("{0}")]
    NotANumber(VarintError),
    /// Bytes of it are missing.
    #[error("{left} bytes are left, expected {needed} or more")]
    CutOff {
        /// Bytes that are left.
        left: usize,
        /// Bytes that the rest of the record takes at least.
        needed: usize,
    },
    /// More bytes than there are.
    #[error("{length} bytes, where {left} are left")]
    TooLong {
        /// The length it claims.
        length: i32,
        /// Bytes that are left.
        left: usize,
    },
    /// A negative length, or one less than the format's smallest.
    #[error("{length} bytes, expected {least} or more")]
    BadLength {
        /// The length it claims.
        length: i32,
        /// The smallest valid one; −1 stands for null.
        least: i32,
    },
    /// A number of headers that is negative or more than the record could hold.
    #[error("{count}, expected 0 to {most}")]
    BadCount {
        /// The number it claims.
        count: i32,
        /// How many the bytes could hold.
        most: usize,
    },
    /// The record's length counts bytes that belong to no field.
    #[error("followed by {0} bytes, expected the end of the record")]
    Trailing(usize),
    /// Null where the format has none.
    #[error("null, expected bytes")]
    Null,
    /// A text that is none.
    #[error("not UTF-8")]
    NotUtf8,
    /// A format that a set of messages cannot hold.
    #[error("{0}, expected 0 or 1")]
    BadMagic(u8),
    /// A checksum that does not match.
    #[error("{expected:#010x}, its bytes give {computed:#010x}")]
    BadCrc {
        /// The checksum in the message.
        expected: u32,
        /// The checksum of what was received.
        computed: u32,
    },
    /// A compressed message within a compressed one.
    #[error("compressed within a compressed message, expected no compression")]
    Nested,
    /// A compressed message without messages.
    #[error("no messages, expected one or more")]
    NoMessages,
}

/// A fault and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defect {
    /// Where the field starts in the block.
    pub(super) at: usize,
    pub(super) field: RecordField,
    pub(super) fault: FieldFault,
}

/// Says what is wrong with the field at `at` of a record of magic 2, whose last byte is that of `bytes`.
///
/// The loop that reads records finds out only that something is wrong: it is faster so.
#[cold]
pub(super) fn explain(bytes: &[u8], at: usize, field: RecordField) -> Defect {
    let defect = |fault| Defect { at, field, fault };
    let mut end = at;
    let number = match field {
        RecordField::Attributes => {
            let left = bytes.len() - at;
            return defect(FieldFault::CutOff { left, needed: 1 });
        }
        RecordField::Timestamp => varlong_at(bytes, &mut end).map(|_| 0),
        _ => varint_at(bytes, &mut end),
    };
    let number = match number {
        Ok(number) => number,
        Err(error) => return defect(FieldFault::NotANumber(error)),
    };
    let left = bytes.len() - end;
    let fits = usize::try_from(number).is_ok_and(|length| length <= left);
    defect(match field {
        RecordField::HeaderCount if number == 0 => FieldFault::Trailing(left),
        RecordField::HeaderCount => FieldFault::BadCount {
            count: number,
            most: left / MIN_HEADER,
        },
        RecordField::HeaderKey if number == -1 => FieldFault::Null,
        RecordField::HeaderKey if fits => FieldFault::NotUtf8,
        RecordField::HeaderValue if fits || number == -1 => {
            FieldFault::Trailing(left - number.max(0) as usize)
        }
        RecordField::Length | RecordField::HeaderKey if number < 0 => FieldFault::BadLength {
            length: number,
            least: 0,
        },
        _ if number < 0 => FieldFault::BadLength {
            length: number,
            least: -1,
        },
        _ => FieldFault::TooLong {
            length: number,
            left,
        },
    })
}

/// Fewest bytes of a header: the lengths of its key and value.
pub(super) const MIN_HEADER: usize = 2;
