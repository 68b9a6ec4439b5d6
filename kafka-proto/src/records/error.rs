use crate::compression::CompressionError;

/// Why bytes are not the records that they should be, or records could not become a batch.
///
/// Every error about received bytes names the base offset that the batch claims, so that a consumer can say where it
/// stands and an operator can find the batch in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// The bytes end before the batch does. At the end of a fetched partition that is normal and
    /// [`Batches`](super::Batches) does not report it; in a produce request it is not.
    #[error("the record batch is cut off: {available} bytes of {needed}")]
    Truncated {
        /// Bytes that are there.
        available: usize,
        /// Bytes that the batch takes.
        needed: usize,
    },
    /// More bytes than the one batch that was expected.
    #[error(
        "{extra} bytes follow the record batch at offset {base_offset}: expected exactly one batch"
    )]
    TrailingBytes {
        /// Base offset of the batch.
        base_offset: i64,
        /// Bytes after it.
        extra: usize,
    },
    /// A format that does not exist (yet).
    #[error(
        "record batch at offset {base_offset}: format (magic) {magic} is unknown, expected 0, 1 or 2"
    )]
    UnknownMagic {
        /// Base offset that the batch claims.
        base_offset: i64,
        /// The format it claims.
        magic: i8,
    },
    /// A format that only reading is offered for.
    #[error(
        "record batch at offset {base_offset}: format (magic) {magic} can only be read, expected 2"
    )]
    OldMagic {
        /// Base offset that the batch claims.
        base_offset: i64,
        /// The format it claims.
        magic: i8,
    },
    /// A length smaller than an empty batch.
    #[error(
        "record batch at offset {base_offset}: length {length} is invalid, the smallest is {smallest}"
    )]
    BadLength {
        /// Base offset that the batch claims.
        base_offset: i64,
        /// The length it claims.
        length: i32,
        /// The smallest valid one for its format.
        smallest: usize,
    },
    /// The checksum does not match: the batch was damaged on its way or on disk.
    #[error(
        "record batch at offset {base_offset} is corrupt: its checksum is {expected:#010x}, its bytes give {computed:#010x}"
    )]
    BadCrc {
        /// Base offset that the batch claims.
        base_offset: i64,
        /// The checksum in the batch.
        expected: u32,
        /// The checksum of what was received.
        computed: u32,
    },
    /// The record section could not be decompressed.
    #[error("record batch at offset {base_offset}: {source}")]
    Compression {
        /// Base offset of the batch.
        base_offset: i64,
        /// What the codec said.
        source: CompressionError,
    },
    /// A batch announces a number of records that its bytes cannot hold, or fewer than it holds.
    #[error("record batch at offset {base_offset} announces {announced} records, but {reason}")]
    BadCount {
        /// Base offset of the batch.
        base_offset: i64,
        /// The number in the batch's header.
        announced: i32,
        /// What was found instead.
        reason: &'static str,
    },
    /// A record that breaks the format.
    #[error("record {index} of the batch at offset {base_offset} is corrupt: {reason}")]
    CorruptRecord {
        /// Base offset of the batch.
        base_offset: i64,
        /// Position of the record in the batch, from 0.
        index: u32,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A header that breaks the format.
    #[error("a header of a record is corrupt: {0}")]
    CorruptHeader(&'static str),
    /// The key of a record in a control batch that names no type of control record.
    #[error("the key of a control record is {0} bytes long, expected at least 4")]
    BadControlKey(usize),
    /// A record too large for the format.
    #[error(
        "a record of {size} bytes does not fit a batch of {batch} bytes: a batch holds at most {max}"
    )]
    TooLarge {
        /// Size of the record, in bytes.
        size: usize,
        /// Size of the batch so far.
        batch: usize,
        /// The most that a batch's length can say.
        max: usize,
    },
    /// Offsets that do not go up within a batch, or span more than 31 bits.
    #[error("offset delta {delta} cannot follow {last}: offsets of a batch go up")]
    BadOffsetDelta {
        /// The delta asked for.
        delta: i32,
        /// That of the record before.
        last: i32,
    },
}
