use bytes::{Bytes, BytesMut};

use super::layout::{self as at, field};
use super::{BatchPlace, RecordBlock, RecordsError, legacy};
use crate::compression::Compression;
use crate::crc::crc32c;

/// What the timestamps of a batch's records mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimestampType {
    /// When the producer made the record.
    #[default]
    CreateTime,
    /// When the broker appended the batch: all records have the batch's maximum timestamp.
    LogAppendTime,
    /// There are none: the format of before Kafka 0.10.
    None,
}

/// A record batch as it is on the wire and on disk: a header and a record section that may be compressed.
///
/// A handle on the received bytes; fields are read from them where they are asked for. Of the old formats, magic 0
/// and 1, one message counts as a batch, be it plain or the wrapper of a compressed set; what those formats lack has the
/// value that the Java client gives it (−1 for producer id, epoch and sequence).
///
/// ```
/// use kafka_proto::records::{RecordBatch, RecordBatchBuilder, Seal};
///
/// let mut builder = RecordBatchBuilder::new();
/// builder.append(1_700_000_000_000, Some(b"key"), Some(b"value"), &[])?;
/// let bytes = builder.finish(&Seal::default())?;
///
/// let batch = RecordBatch::parse(bytes)?;
/// batch.verify_crc()?;
/// let block = batch.decompressed(1 << 20)?;
/// for record in &block {
///     let record = record?;
///     assert_eq!((record.offset(), record.value()), (0, Some(&b"value"[..])));
/// }
/// # Ok::<(), kafka_proto::records::RecordsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RecordBatch {
    /// Exactly the batch, and at least as long as its format's header.
    bytes: Bytes,
    position: usize,
}

/// The size of the batch that `bytes` start with, in bytes: the magic and the length are checked, nothing else is read.
/// `position` is where the batch is, for errors.
pub(super) fn read_size(bytes: &[u8], position: usize) -> Result<usize, RecordsError> {
    // Up to the magic byte the formats agree.
    if bytes.len() <= at::MAGIC {
        return Err(RecordsError::Truncated {
            position,
            available: bytes.len(),
            needed: at::MAGIC + 1,
        });
    }
    let batch = BatchPlace {
        base_offset: i64::from_be_bytes(field(bytes, at::BASE_OFFSET)),
        position,
    };
    let length = i32::from_be_bytes(field(bytes, at::LENGTH));
    let smallest = match bytes[at::MAGIC] {
        2 => at::RECORDS,
        0 => legacy::MIN_SIZE_V0,
        1 => legacy::MIN_SIZE_V1,
        magic => {
            return Err(RecordsError::UnknownMagic {
                batch,
                magic: magic as i8,
            });
        }
    } - at::LOG_OVERHEAD;
    match usize::try_from(length) {
        Ok(size) if size >= smallest => Ok(size + at::LOG_OVERHEAD),
        _ => Err(RecordsError::BadLength {
            batch,
            length,
            smallest,
        }),
    }
}

impl RecordBatch {
    /// Reads bytes that are exactly one batch, as in a produce request. Neither the checksum nor the records are
    /// looked at.
    pub fn parse(bytes: Bytes) -> Result<Self, RecordsError> {
        let needed = read_size(&bytes, 0)?;
        let batch = Self::from_whole(bytes, 0);
        match batch.bytes.len() {
            available if available < needed => Err(RecordsError::Truncated {
                position: 0,
                available,
                needed,
            }),
            available if available > needed => Err(RecordsError::TrailingBytes {
                batch: batch.place(),
                size: needed,
                extra: available - needed,
            }),
            _ => Ok(batch),
        }
    }

    /// The caller has made sure that `bytes` are one whole batch by [`read_size`].
    pub(super) fn from_whole(bytes: Bytes, position: usize) -> Self {
        Self { bytes, position }
    }

    /// The byte at which the batch starts in what [`Batches`](super::Batches) walks, such as a segment of a log; 0 for
    /// a batch that was parsed on its own.
    pub fn position(&self) -> usize {
        self.position
    }

    /// For errors to name the batch by.
    pub(super) fn place(&self) -> BatchPlace {
        BatchPlace {
            base_offset: self.base_offset(),
            position: self.position,
        }
    }

    /// The batch as it goes over the wire.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The batch as it goes over the wire.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The format: 2, or 0 and 1 in logs from before Kafka 0.11.
    pub fn magic(&self) -> u8 {
        self.bytes[at::MAGIC]
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_be_bytes(field(&self.bytes, at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_be_bytes(field(&self.bytes, at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_be_bytes(field(&self.bytes, at))
    }

    fn is_v2(&self) -> bool {
        self.magic() == 2
    }

    fn attributes(&self) -> u16 {
        if self.is_v2() {
            self.i16(at::ATTRIBUTES) as u16
        } else {
            u16::from(legacy::attributes(&self.bytes))
        }
    }

    /// The offset that the first record had when the batch was written. Compaction may have removed that record.
    ///
    /// Of a compressed wrapper of the old formats: the offset of its last record, the only one known without
    /// decompressing it.
    pub fn base_offset(&self) -> i64 {
        self.i64(at::BASE_OFFSET)
    }

    /// The offset of the last record, kept when compaction removes that record.
    pub fn last_offset(&self) -> i64 {
        let delta = if self.is_v2() {
            self.i32(at::LAST_OFFSET_DELTA)
        } else {
            0
        };
        self.base_offset().wrapping_add(i64::from(delta))
    }

    /// Where reading goes on after this batch, whatever compaction has left of it.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().wrapping_add(1)
    }

    /// The leader's epoch in which the batch was appended; −1 if unknown.
    pub fn partition_leader_epoch(&self) -> i32 {
        if self.is_v2() {
            self.i32(at::PARTITION_LEADER_EPOCH)
        } else {
            -1
        }
    }

    /// What the timestamps mean.
    pub fn timestamp_type(&self) -> TimestampType {
        if self.magic() == 0 {
            TimestampType::None
        } else if self.attributes() & at::LOG_APPEND_TIME != 0 {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        }
    }

    /// The timestamp that the records' deltas count from, in milliseconds since 1970.
    pub fn base_timestamp(&self) -> i64 {
        if self.is_v2() {
            self.i64(at::BASE_TIMESTAMP)
        } else {
            legacy::timestamp(&self.bytes)
        }
    }

    /// The largest timestamp of the records, in milliseconds since 1970; −1 if there is none.
    pub fn max_timestamp(&self) -> i64 {
        if self.is_v2() {
            self.i64(at::MAX_TIMESTAMP)
        } else {
            legacy::timestamp(&self.bytes)
        }
    }

    /// The idempotent producer that wrote the batch; −1 if none did.
    pub fn producer_id(&self) -> i64 {
        if self.is_v2() {
            self.i64(at::PRODUCER_ID)
        } else {
            -1
        }
    }

    /// The producer's epoch; −1 if there is none.
    pub fn producer_epoch(&self) -> i16 {
        if self.is_v2() {
            self.i16(at::PRODUCER_EPOCH)
        } else {
            -1
        }
    }

    /// The producer's sequence number of the first record; −1 if there is none.
    pub fn base_sequence(&self) -> i32 {
        if self.is_v2() {
            self.i32(at::BASE_SEQUENCE)
        } else {
            -1
        }
    }

    /// The producer's sequence number of the last record; −1 if there is none.
    pub fn last_sequence(&self) -> i32 {
        match self.base_sequence() {
            -1 => -1,
            base => increment_sequence(base, self.i32(at::LAST_OFFSET_DELTA)),
        }
    }

    /// Whether the records are a broker's and not a user's: see [`ControlRecord`](super::ControlRecord).
    pub fn is_control(&self) -> bool {
        self.is_v2() && self.attributes() & at::CONTROL != 0
    }

    /// Whether the records belong to a transaction.
    pub fn is_transactional(&self) -> bool {
        self.is_v2() && self.attributes() & at::TRANSACTIONAL != 0
    }

    /// From when on compaction may remove the tombstones of the batch, and what is left of its transaction, in
    /// milliseconds since 1970. `None` before the log cleaner has set it (KIP-534).
    pub fn delete_horizon(&self) -> Option<i64> {
        let is_set = self.is_v2() && self.attributes() & at::DELETE_HORIZON != 0;
        is_set.then(|| self.base_timestamp())
    }

    /// How the record section is compressed.
    pub fn compression(&self) -> Result<Compression, RecordsError> {
        let id = (self.attributes() & at::COMPRESSION_MASK) as u8;
        Compression::from_id(id).map_err(|source| RecordsError::Compression {
            batch: self.place(),
            at: if self.is_v2() {
                at::ATTRIBUTES + 1
            } else {
                legacy::ATTRIBUTES
            },
            source,
        })
    }

    /// How many records the batch announces; not checked against its bytes, and possibly negative in a hostile batch.
    /// `None` for the old formats, which do not say.
    pub fn record_count(&self) -> Option<i32> {
        self.is_v2().then(|| self.i32(at::COUNT))
    }

    /// The checksum in the batch: CRC-32C, or CRC-32 in the old formats.
    pub fn crc(&self) -> u32 {
        if self.is_v2() {
            self.i32(at::CRC) as u32
        } else {
            legacy::crc(&self.bytes)
        }
    }

    /// Checks the batch against its checksum. That covers neither the base offset nor the leader's epoch, which a
    /// broker fills in without touching the rest.
    pub fn verify_crc(&self) -> Result<(), RecordsError> {
        let (at, computed) = if self.is_v2() {
            (at::CRC, crc32c(&self.bytes[at::ATTRIBUTES..]))
        } else {
            (legacy::CRC, legacy::compute_crc(&self.bytes))
        };
        let expected = self.crc();
        if expected == computed {
            Ok(())
        } else {
            Err(RecordsError::BadCrc {
                batch: self.place(),
                at,
                expected,
                computed,
            })
        }
    }

    /// The records, decompressed into at most `limit` bytes. Uncompressed ones are not copied and not limited.
    pub fn decompressed(&self, limit: usize) -> Result<RecordBlock, RecordsError> {
        // Positions in a block are 32 bits, and no batch of Kafka holds more.
        let limit = limit.min(i32::MAX as usize);
        if !self.is_v2() {
            return legacy::decompressed(self, limit);
        }
        let batch = self.place();
        let delta = self.i32(at::LAST_OFFSET_DELTA);
        if delta < 0 {
            return Err(RecordsError::BadLastOffset { batch, delta });
        }
        let section = self.bytes.slice(at::RECORDS..);
        let data = match self.compression()? {
            Compression::None => section,
            // What compaction leaves of a compressed batch: there is nothing to decompress, not even an empty frame.
            _ if section.is_empty() => section,
            compression => compression
                .decompress(&section, limit)
                .map_err(|source| RecordsError::Compression {
                    batch,
                    at: at::RECORDS,
                    source,
                })?
                .into(),
        };
        let log_append_time =
            (self.timestamp_type() == TimestampType::LogAppendTime).then(|| self.max_timestamp());
        RecordBlock::v2(
            data,
            batch,
            self.base_timestamp(),
            log_append_time,
            self.i32(at::COUNT),
        )
    }

    /// The batch at another place in a log: what a broker does when it appends. The checksum stays as it is.
    ///
    /// Copies the bytes only while somebody else still holds them, such as a request that they are a slice of.
    pub fn with_offset(
        self,
        base_offset: i64,
        partition_leader_epoch: i32,
    ) -> Result<Self, RecordsError> {
        self.edit(|bytes| {
            put(bytes, at::BASE_OFFSET, base_offset.to_be_bytes());
            put(
                bytes,
                at::PARTITION_LEADER_EPOCH,
                partition_leader_epoch.to_be_bytes(),
            );
        })
    }

    /// The batch with the broker's time, in milliseconds since 1970, as the timestamp of all its records.
    pub fn with_log_append_time(self, timestamp: i64) -> Result<Self, RecordsError> {
        let attributes = self.attributes() | at::LOG_APPEND_TIME;
        self.edit(|bytes| {
            put(bytes, at::ATTRIBUTES, attributes.to_be_bytes());
            put(bytes, at::MAX_TIMESTAMP, timestamp.to_be_bytes());
            put_crc(bytes);
        })
    }

    /// The batch under another identity of its producer: for batches that were never accepted, when the producer's
    /// epoch is bumped and its sequence starts anew.
    pub fn with_producer(self, producer: ProducerSequence) -> Result<Self, RecordsError> {
        self.edit(|bytes| {
            producer.put(bytes);
            put_crc(bytes);
        })
    }

    /// What is left of the batch when compaction has removed all its records: the header, which keeps the offsets and
    /// the producer's sequence known.
    pub fn emptied(&self) -> Result<Self, RecordsError> {
        let attributes = self.attributes() & !(at::COMPRESSION_MASK | at::DELETE_HORIZON);
        Self {
            bytes: Bytes::copy_from_slice(&self.bytes[..at::RECORDS.min(self.bytes.len())]),
            position: self.position,
        }
        .edit(|bytes| {
            put(
                bytes,
                at::LENGTH,
                ((at::RECORDS - at::LOG_OVERHEAD) as i32).to_be_bytes(),
            );
            put(bytes, at::ATTRIBUTES, attributes.to_be_bytes());
            put(bytes, at::BASE_TIMESTAMP, (-1i64).to_be_bytes());
            put(bytes, at::COUNT, 0i32.to_be_bytes());
            put_crc(bytes);
        })
    }

    fn edit(self, change: impl FnOnce(&mut [u8])) -> Result<Self, RecordsError> {
        if !self.is_v2() {
            return Err(RecordsError::OldMagic {
                batch: self.place(),
                magic: self.magic() as i8,
            });
        }
        let mut bytes = self
            .bytes
            .try_into_mut()
            .unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        change(&mut bytes);
        Ok(Self {
            bytes: bytes.freeze(),
            position: self.position,
        })
    }
}

/// Who wrote a batch, and where in that producer's sequence it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProducerSequence {
    /// The id that `InitProducerId` gave out; −1 for none.
    pub producer_id: i64,
    /// The epoch that came with it; −1 for none.
    pub producer_epoch: i16,
    /// The sequence number of the batch's first record; −1 for none.
    pub base_sequence: i32,
}

impl ProducerSequence {
    /// A producer that is not idempotent.
    pub const NONE: Self = Self {
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
    };

    pub(super) fn put(self, batch: &mut [u8]) {
        put(batch, at::PRODUCER_ID, self.producer_id.to_be_bytes());
        put(batch, at::PRODUCER_EPOCH, self.producer_epoch.to_be_bytes());
        put(batch, at::BASE_SEQUENCE, self.base_sequence.to_be_bytes());
    }
}

impl Default for ProducerSequence {
    fn default() -> Self {
        Self::NONE
    }
}

/// The sequence number `increment` records after `sequence`: after `i32::MAX` comes 0.
pub fn increment_sequence(sequence: i32, increment: i32) -> i32 {
    ((i64::from(sequence) + i64::from(increment)) & i64::from(i32::MAX)) as i32
}

pub(super) fn put<const N: usize>(batch: &mut [u8], at: usize, value: [u8; N]) {
    batch[at..at + N].copy_from_slice(&value);
}

pub(super) fn put_crc(batch: &mut [u8]) {
    let crc = crc32c(&batch[at::ATTRIBUTES..]);
    put(batch, at::CRC, crc.to_be_bytes());
}
