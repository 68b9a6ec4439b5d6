use bytes::{BufMut, Bytes};

use super::batch::{ProducerSequence, put, put_crc};
use super::layout as at;
use super::{BatchPlace, CompressionRatio, Header, RecordsError};
use crate::compression::{Codec, Compression};
use crate::varint::{
    MAX_VARINT_LEN, MAX_VARLONG_LEN, put_varint, put_varlong, varint_len, varlong_len,
};

/// A batch's length is an `i32` that does not count offset and length themselves.
const MAX_BATCH: usize = i32::MAX as usize;
/// What precedes a record's key: length, attributes, timestamp, offset, length of the key.
const MAX_PREFIX: usize = 3 * MAX_VARINT_LEN + 1 + MAX_VARLONG_LEN;

/// Builds a record batch of magic 2: every record is encoded once, straight into the buffer that is sent.
///
/// What is known only when the batch is sent (producer id, sequence, compression) goes in with [`Seal`] at the end.
/// See [`RecordBatch`](super::RecordBatch) for an example.
#[derive(Debug, Default)]
pub struct RecordBatchBuilder {
    /// Empty, or the header's room followed by records.
    buffer: Vec<u8>,
    base_timestamp: i64,
    max_timestamp: i64,
    last_offset_delta: i32,
    count: i32,
    ratio: CompressionRatio,
}

/// What a batch gets when it is closed, after all its records. The default is that of a producer that is not
/// idempotent: base offset 0, leader epoch −1, no producer, creation times, no compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// How to compress the records.
    pub codec: Codec,
    /// Who wrote the batch.
    pub producer: ProducerSequence,
    /// Whether the records belong to the producer's transaction.
    pub transactional: bool,
    /// Whether the records are a broker's.
    pub control: bool,
    /// The broker's time for all records, in milliseconds since 1970; `None` where the records keep their own.
    pub log_append_time: Option<i64>,
    /// The offset of the first record.
    pub base_offset: i64,
    /// The epoch of the leader that appends the batch; −1 where a producer sends it.
    pub partition_leader_epoch: i32,
}

impl Default for Seal {
    fn default() -> Self {
        Self {
            codec: Codec::default(),
            producer: ProducerSequence::NONE,
            transactional: false,
            control: false,
            log_append_time: None,
            base_offset: 0,
            partition_leader_epoch: -1,
        }
    }
}

impl RecordBatchBuilder {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty batch that is built in `buffer`, whose content is dropped: memory that has been used before is several
    /// times faster to fill than fresh pages.
    pub fn with_buffer(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self {
            buffer,
            ..Self::default()
        }
    }

    /// The buffer, for another builder. Empty but for its capacity after [`finish`](Self::finish) has compressed the
    /// batch; a batch that was not compressed has taken it along.
    pub fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// Says how small compression will make the records: for this batch and those after it. Without it, a batch is
    /// taken for full by its size uncompressed.
    pub fn expect_ratio(&mut self, ratio: CompressionRatio) {
        self.ratio = ratio;
    }

    /// The size of the batch as it is now, header included and not compressed, in bytes.
    pub fn len(&self) -> usize {
        self.buffer.len().max(at::RECORDS)
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many records there are.
    pub fn record_count(&self) -> usize {
        self.count as usize
    }

    /// The largest timestamp of the records, in milliseconds since 1970; −1 if there are none.
    pub fn max_timestamp(&self) -> i64 {
        if self.is_empty() {
            -1
        } else {
            self.max_timestamp
        }
    }

    /// The size that the batch is expected to have when it is finished as it is now, in bytes: [`len`](Self::len)
    /// unless a [ratio](Self::expect_ratio) says otherwise.
    pub fn estimated_len(&self) -> usize {
        self.ratio.estimate(self.len())
    }

    /// Whether nothing more should go into a batch of `limit` bytes.
    pub fn is_full(&self, limit: usize) -> bool {
        !self.is_empty() && self.estimated_len() >= limit
    }

    /// Whether the batch is expected to stay within `limit` bytes with such a record added, which is counted
    /// uncompressed. Always true for the first: a record larger than the limit has to go alone.
    ///
    /// Without a [ratio](Self::expect_ratio) that is certain: the batch uncompressed stays within the limit.
    pub fn would_fit(
        &self,
        limit: usize,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> bool {
        let size = self.body_len(timestamp, self.next_delta(), key, value, headers);
        self.is_empty()
            || self.estimated_len() + size + varint_len(i32::try_from(size).unwrap_or(i32::MAX))
                <= limit
    }

    /// Appends a record at the next offset.
    ///
    /// `timestamp` is in milliseconds since 1970. Fails only if the batch would get larger than 2 GiB, and then is
    /// unchanged.
    #[inline]
    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> Result<(), RecordsError> {
        self.append_record(self.next_delta(), timestamp, key, value, headers)
    }

    /// Appends a record `offset_delta` after the batch's base offset, leaving a gap as compaction does. Offsets have to
    /// go up.
    pub fn append_at(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> Result<(), RecordsError> {
        if offset_delta < self.next_delta() {
            return Err(RecordsError::BadOffsetDelta {
                delta: offset_delta,
                last: self.last_offset_delta,
            });
        }
        self.append_record(offset_delta, timestamp, key, value, headers)
    }

    fn next_delta(&self) -> i32 {
        // A record takes seven bytes at least, so the size of a batch ends it long before this could overflow, unless
        // `append_at` has left a gap: then the offset stays and is refused.
        if self.is_empty() {
            0
        } else {
            self.last_offset_delta.saturating_add(1)
        }
    }

    #[inline]
    fn append_record(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> Result<(), RecordsError> {
        let size = self.body_len(timestamp, offset_delta, key, value, headers);
        if self.len() + size + MAX_VARINT_LEN > MAX_BATCH {
            return Err(RecordsError::TooLarge {
                size,
                batch: self.len(),
                max: MAX_BATCH,
            });
        }
        if self.is_empty() {
            self.buffer.resize(at::RECORDS, 0);
            (self.base_timestamp, self.max_timestamp) = (timestamp, timestamp);
        } else if offset_delta <= self.last_offset_delta {
            return Err(RecordsError::BadOffsetDelta {
                delta: offset_delta,
                last: self.last_offset_delta,
            });
        }
        self.buffer.reserve(size + MAX_PREFIX);
        // The numbers before the key go through the stack: one check of the buffer's capacity for all of them.
        let mut prefix = [0; MAX_PREFIX];
        let mut room = &mut prefix[..];
        put_varint(&mut room, size as i32);
        room.put_u8(0);
        put_varlong(&mut room, timestamp.wrapping_sub(self.base_timestamp));
        put_varint(&mut room, offset_delta);
        put_varint(&mut room, key.map_or(-1, |key| key.len() as i32));
        let left = room.len();
        // All of it, and then less: what has a fixed length is copied without a call.
        self.buffer.extend_from_slice(&prefix);
        self.buffer.truncate(self.buffer.len() - left);
        put_slice(&mut self.buffer, key.unwrap_or_default());
        put_bytes(&mut self.buffer, value);
        put_varint(&mut self.buffer, headers.len() as i32);
        for header in headers {
            put_bytes(&mut self.buffer, Some(header.key.as_bytes()));
            put_bytes(&mut self.buffer, header.value);
        }
        self.last_offset_delta = offset_delta;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.count += 1;
        Ok(())
    }

    /// The length of the record that its length field states.
    #[inline]
    fn body_len(
        &self,
        timestamp: i64,
        offset_delta: i32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> usize {
        let delta = if self.is_empty() {
            0
        } else {
            timestamp.wrapping_sub(self.base_timestamp)
        };
        let headers_len: usize = headers
            .iter()
            .map(|h| bytes_len(Some(h.key.as_bytes())) + bytes_len(h.value))
            .sum();
        1 + varlong_len(delta)
            + varint_len(offset_delta)
            + bytes_len(key)
            + bytes_len(value)
            + varint_len(headers.len() as i32)
            + headers_len
    }

    /// Closes the batch: compresses the records, fills in the header and the checksum. The builder is empty then.
    ///
    /// A batch without records is valid; brokers refuse it from producers.
    pub fn finish(&mut self, seal: &Seal) -> Result<Bytes, RecordsError> {
        self.buffer.resize(self.len(), 0);
        let mut batch = match seal.codec.compression() {
            Compression::None => std::mem::take(&mut self.buffer),
            _ => {
                let mut batch = vec![0; at::RECORDS];
                seal.codec
                    .compress(&self.buffer[at::RECORDS..], &mut batch)
                    .map_err(|source| RecordsError::Compression {
                        batch: BatchPlace {
                            base_offset: seal.base_offset,
                            position: 0,
                        },
                        at: at::RECORDS,
                        source,
                    })?;
                if batch.len() > MAX_BATCH {
                    return Err(RecordsError::TooLarge {
                        size: batch.len(),
                        batch: 0,
                        max: MAX_BATCH,
                    });
                }
                self.buffer.clear();
                batch
            }
        };
        self.put_header(&mut batch, seal);
        *self = Self {
            ratio: self.ratio,
            ..Self::with_buffer(std::mem::take(&mut self.buffer))
        };
        Ok(batch.into())
    }

    fn put_header(&self, batch: &mut [u8], seal: &Seal) {
        let mut attributes = u16::from(seal.codec.compression().id());
        for (set, bit) in [
            (seal.log_append_time.is_some(), at::LOG_APPEND_TIME),
            (seal.transactional, at::TRANSACTIONAL),
            (seal.control, at::CONTROL),
        ] {
            attributes |= if set { bit } else { 0 };
        }
        let base_timestamp = if self.is_empty() {
            -1
        } else {
            self.base_timestamp
        };
        let max_timestamp = seal.log_append_time.unwrap_or(self.max_timestamp());
        put(batch, at::BASE_OFFSET, seal.base_offset.to_be_bytes());
        put(
            batch,
            at::LENGTH,
            ((batch.len() - at::LOG_OVERHEAD) as i32).to_be_bytes(),
        );
        put(
            batch,
            at::PARTITION_LEADER_EPOCH,
            seal.partition_leader_epoch.to_be_bytes(),
        );
        put(batch, at::MAGIC, [2]);
        put(batch, at::ATTRIBUTES, attributes.to_be_bytes());
        put(
            batch,
            at::LAST_OFFSET_DELTA,
            self.last_offset_delta.to_be_bytes(),
        );
        put(batch, at::BASE_TIMESTAMP, base_timestamp.to_be_bytes());
        put(batch, at::MAX_TIMESTAMP, max_timestamp.to_be_bytes());
        seal.producer.put(batch);
        put(batch, at::COUNT, self.count.to_be_bytes());
        put_crc(batch);
    }
}

/// A field preceded by its length, −1 for null.
#[inline]
fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    put_varint(out, bytes.map_or(-1, |bytes| bytes.len() as i32));
    put_slice(out, bytes.unwrap_or_default());
}

/// Appends bytes. Few of them in pieces of fixed lengths, which are copied without a call: a call to musl's `memcpy` takes as
/// long as all else that is done to a small record.
#[inline]
fn put_slice(out: &mut Vec<u8>, mut bytes: &[u8]) {
    const FEW: usize = 256;
    if bytes.len() > FEW {
        return out.extend_from_slice(bytes);
    }
    while let Some((piece, rest)) = bytes.split_first_chunk::<32>() {
        out.extend_from_slice(piece);
        bytes = rest;
    }
    if let Some((piece, rest)) = bytes.split_first_chunk::<16>() {
        out.extend_from_slice(piece);
        bytes = rest;
    }
    if let Some((piece, rest)) = bytes.split_first_chunk::<8>() {
        out.extend_from_slice(piece);
        bytes = rest;
    }
    if let Some((piece, rest)) = bytes.split_first_chunk::<4>() {
        out.extend_from_slice(piece);
        bytes = rest;
    }
    for byte in bytes {
        out.push(*byte);
    }
}

/// What [`put_bytes`] writes. Lengths beyond an `i32` end as a size that is refused.
#[inline]
fn bytes_len(bytes: Option<&[u8]>) -> usize {
    match bytes {
        None => 1,
        Some(bytes) => varint_len(bytes.len().min(MAX_BATCH) as i32) + bytes.len(),
    }
}
