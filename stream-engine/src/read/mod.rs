//! Records out of bytes: the readers of files and sockets.

mod fixed;
mod frames;
mod lines;

pub use fixed::FixedRecords;
pub use frames::Frames;
pub use lines::Lines;

/// Why bytes from a file or socket are no records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// A line is longer than the reader allows.
    #[error(
        "a line is longer than {limit} bytes: raise max_line_length, or check that the input is lines of text"
    )]
    LineTooLong {
        /// The longest line allowed, in bytes.
        limit: usize,
    },
    /// A block announces more bytes than the reader allows.
    #[error(
        "a block announces {length} bytes, more than {limit}: raise the limit, or check that the input is blocks with their length before them"
    )]
    FrameTooLong {
        /// What the block announces.
        length: u32,
        /// The longest block allowed, in bytes.
        limit: usize,
    },
    /// The input ends inside a record of fixed length or a block.
    #[error("the input ends after {found} bytes of a record of {expected}")]
    Incomplete {
        /// The bytes that were there.
        found: usize,
        /// The bytes that make a record.
        expected: usize,
    },
    /// A file's length is no multiple of the records' length.
    #[error(
        "its {length} bytes are no multiple of the record length {record_length}: check the length, or move files in whole"
    )]
    NoMultiple {
        /// The file's length in bytes.
        length: u64,
        /// The length of a record in bytes.
        record_length: usize,
    },
}
