use std::fmt;

use super::layout as at;
use super::{FieldFault, RecordField};
use crate::compression::CompressionError;

/// Which batch an error is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BatchPlace {
    /// The base offset that the batch claims: where a consumer stands.
    pub base_offset: i64,
    /// The byte at which the batch starts in what was read, such as a segment of a log; 0 for a batch on its own.
    pub position: usize,
}

impl fmt::Display for BatchPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            base_offset,
            position,
        } = self;
        write!(f, "record batch at offset {base_offset} (byte {position})")
    }
}

/// Why bytes are not the records that they should be, or records could not become a batch.
///
/// Every error about received bytes names the batch, so that a consumer can say where it stands and an operator can
/// find the batch in the log, and the byte: in the batch, or (`at` of what is compressed) in the batch's records, which
/// is [`RecordBlock::data`](super::RecordBlock::data).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// The bytes end before the batch does. At the end of a fetched partition that is normal and
    /// [`Batches`](super::Batches) does not report it; in a produce request it is not.
    #[error("the record batch at byte {position} is cut off: {available} bytes, expected {needed}")]
    Truncated {
        /// The byte at which the batch starts in what was read.
        position: usize,
        /// Bytes that are there.
        available: usize,
        /// Bytes that the batch takes.
        needed: usize,
    },
    /// More bytes than the one batch that was expected.
    #[error("{batch} ends at byte {size}, where {extra} bytes follow: expected exactly one batch")]
    TrailingBytes {
        /// Which batch.
        batch: BatchPlace,
        /// Bytes that the batch takes.
        size: usize,
        /// Bytes after it.
        extra: usize,
    },
    /// A format that does not exist (yet).
    #[error(
        "{batch}: format (magic) {magic} at byte {} is unknown, expected 0, 1 or 2",
        at::MAGIC
    )]
    UnknownMagic {
        /// Which batch.
        batch: BatchPlace,
        /// The format it claims.
        magic: i8,
    },
    /// A format that only reading is offered for.
    #[error(
        "{batch}: format (magic) {magic} at byte {} can only be read, expected 2",
        at::MAGIC
    )]
    OldMagic {
        /// Which batch.
        batch: BatchPlace,
        /// The format it claims.
        magic: i8,
    },
    /// A length smaller than an empty batch.
    #[error(
        "{batch}: length {length} at byte {}, expected {smallest} or more",
        at::LENGTH
    )]
    BadLength {
        /// Which batch.
        batch: BatchPlace,
        /// The length it claims.
        length: i32,
        /// The smallest valid one for its format.
        smallest: usize,
    },
    /// A last offset before the first.
    #[error(
        "{batch}: last offset delta {delta} at byte {}, expected 0 or more",
        at::LAST_OFFSET_DELTA
    )]
    BadLastOffset {
        /// Which batch.
        batch: BatchPlace,
        /// What the batch claims.
        delta: i32,
    },
    /// The checksum does not match: the batch was damaged on its way or on disk.
    #[error(
        "{batch} is corrupt: its checksum at byte {at} is {expected:#010x}, its bytes give {computed:#010x}"
    )]
    BadCrc {
        /// Which batch.
        batch: BatchPlace,
        /// Where the checksum stands in the batch.
        at: usize,
        /// The checksum in the batch.
        expected: u32,
        /// The checksum of what was received.
        computed: u32,
    },
    /// The records could not be compressed or decompressed, or their compression is unknown.
    #[error("{batch}, from its byte {at} on: {source}")]
    Compression {
        /// Which batch.
        batch: BatchPlace,
        /// Where in the batch the compression is named, or the compressed data starts.
        at: usize,
        /// What the codec said.
        source: CompressionError,
    },
    /// A number of records that is negative or more than the bytes could hold.
    #[error(
        "{batch}: {announced} records announced at byte {}, expected 0 to {most}",
        at::COUNT
    )]
    BadCount {
        /// Which batch.
        batch: BatchPlace,
        /// The number in the batch's header.
        announced: i32,
        /// How many the bytes could hold.
        most: usize,
    },
    /// The batch holds more than the records that it announces.
    #[error(
        "{batch}: {extra} bytes follow at byte {at} of its records, expected the end after {count} records"
    )]
    BytesAfterRecords {
        /// Which batch.
        batch: BatchPlace,
        /// The number of records that it announces.
        count: u32,
        /// Where the last of them ends, in the records.
        at: usize,
        /// Bytes after it.
        extra: usize,
    },
    /// A record that breaks the format.
    #[error("{batch}: record {index} is corrupt at byte {at} of the records: {field}: {fault}")]
    CorruptRecord {
        /// Which batch.
        batch: BatchPlace,
        /// Position of the record in the batch, from 0.
        index: u32,
        /// Where the field starts in the records.
        at: usize,
        /// Which field.
        field: RecordField,
        /// What is wrong with it.
        fault: FieldFault,
    },
    /// A header that breaks the format.
    #[error(
        "record at offset {offset}: header {index} is corrupt at byte {at} of the batch's records: {field}: {fault}"
    )]
    CorruptHeader {
        /// Offset of the record.
        offset: i64,
        /// Position of the header in the record, from 0.
        index: u32,
        /// Where the field starts in the records.
        at: usize,
        /// Which field.
        field: RecordField,
        /// What is wrong with it.
        fault: FieldFault,
    },
    /// The key of a record in a control batch that names no type of control record.
    #[error("the key of a control record is {0} bytes long, expected 4 (version and type) or more")]
    BadControlKey(usize),
    /// A record too large for the format.
    #[error(
        "a record of {size} bytes does not fit a batch of {batch} bytes: a batch holds at most {max}, so finish it first"
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
