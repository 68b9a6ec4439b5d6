//! A stretch of a partition's log: batches behind each other in one piece of memory.

use bytes::Bytes;
use kafka_proto::records::{RecordBatch, RecordsError};

/// One stretch of a log. Batches are appended to the active segment; a sealed one hands its bytes out without copying
/// them, however many batches are asked for.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    base_offset: i64,
    content: Content,
    batches: Vec<BatchEntry>,
    max_timestamp: i64,
}

#[derive(Debug, Clone)]
enum Content {
    Active(Vec<u8>),
    Sealed(Bytes),
}

/// What is to be known of a batch without reading it.
#[derive(Debug, Clone, Copy)]
struct BatchEntry {
    last_offset: i64,
    /// Where the batch ends in the segment.
    end: usize,
    max_timestamp: i64,
    /// From when on compaction drops the batch's tombstones or marker, in milliseconds since 1970.
    delete_horizon: Option<i64>,
}

impl Segment {
    /// An empty segment with room for `capacity` bytes.
    pub(super) fn new(base_offset: i64, capacity: usize) -> Self {
        Self {
            base_offset,
            content: Content::Active(Vec::with_capacity(capacity)),
            batches: Vec::new(),
            max_timestamp: -1,
        }
    }

    pub(super) fn base_offset(&self) -> i64 {
        self.base_offset
    }

    /// The offset after the last one here.
    pub(super) fn next_offset(&self) -> i64 {
        self.batches
            .last()
            .map_or(self.base_offset, |last| last.last_offset + 1)
    }

    pub(super) fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// The timestamp of the first batch.
    pub(super) fn first_timestamp(&self) -> Option<i64> {
        self.batches.first().map(|first| first.max_timestamp)
    }

    pub(super) fn len(&self) -> usize {
        self.batches.last().map_or(0, |last| last.end)
    }

    /// The batches, each with the time from when on compaction drops what it has to delete.
    pub(super) fn batches(
        &self,
    ) -> impl Iterator<Item = Result<(RecordBatch, Option<i64>), RecordsError>> {
        let entries = self.batches.iter().enumerate();
        entries.map(|(index, entry)| {
            let batch = RecordBatch::parse(self.slice(self.start_of(index), entry.end))?;
            Ok((batch, entry.delete_horizon))
        })
    }

    /// Adds a batch as it is, at its own offset behind all others.
    pub(super) fn put(&mut self, batch: &RecordBatch, delete_horizon: Option<i64>) {
        let Content::Active(bytes) = &mut self.content else {
            return;
        };
        bytes.extend_from_slice(batch.bytes());
        self.batches.push(BatchEntry {
            last_offset: batch.last_offset(),
            end: bytes.len(),
            max_timestamp: batch.max_timestamp(),
            delete_horizon,
        });
        self.max_timestamp = self.max_timestamp.max(batch.max_timestamp());
    }

    /// Adds the batches of the segment behind this one.
    pub(super) fn absorb(&mut self, next: &Self) {
        let Content::Active(bytes) = &mut self.content else {
            return;
        };
        let start = bytes.len();
        match &next.content {
            Content::Active(content) => bytes.extend_from_slice(content),
            Content::Sealed(content) => bytes.extend_from_slice(content),
        }
        self.batches
            .extend(next.batches.iter().map(|entry| BatchEntry {
                end: start + entry.end,
                ..*entry
            }));
        self.max_timestamp = self.max_timestamp.max(next.max_timestamp);
    }

    /// Copies a batch to the end, as the one at `base_offset`. Only active segments take one.
    pub(super) fn append(&mut self, batch: &RecordBatch, base_offset: i64, leader_epoch: i32) {
        let Content::Active(bytes) = &mut self.content else {
            return;
        };
        let delta = batch.last_offset() - batch.base_offset();
        let received = batch.bytes();
        // The checksum covers neither of the two fields that the broker fills in: the base offset in the first 8 bytes
        // and, behind the length, the leader's epoch.
        bytes.extend_from_slice(&base_offset.to_be_bytes());
        bytes.extend_from_slice(&received[8..12]);
        bytes.extend_from_slice(&leader_epoch.to_be_bytes());
        bytes.extend_from_slice(&received[16..]);
        let max_timestamp = batch.max_timestamp();
        self.batches.push(BatchEntry {
            last_offset: base_offset + delta,
            end: bytes.len(),
            max_timestamp,
            delete_horizon: None,
        });
        self.max_timestamp = self.max_timestamp.max(max_timestamp);
    }

    /// Ends the appending.
    pub(super) fn seal(&mut self) {
        if let Content::Active(bytes) = &mut self.content {
            self.content = Content::Sealed(Bytes::from(std::mem::take(bytes)));
        }
    }

    /// Takes away the batches of which a record is at `offset` or after it, and is active again.
    pub(super) fn truncate(&mut self, offset: i64) {
        let kept = self.index_of(offset);
        if kept == self.batches.len() && matches!(self.content, Content::Active(_)) {
            return;
        }
        let end = self.start_of(kept);
        self.content = Content::Active(match &self.content {
            Content::Active(bytes) => bytes[..end].to_vec(),
            Content::Sealed(bytes) => bytes[..end].to_vec(),
        });
        self.batches.truncate(kept);
        let timestamps = self.batches.iter().map(|batch| batch.max_timestamp);
        self.max_timestamp = timestamps.max().unwrap_or(-1);
    }

    /// Whole batches from the one with `offset` on that lie before `end`, of at most `max_bytes`; one at least if
    /// `at_least_one`.
    pub(super) fn read(
        &self,
        offset: i64,
        end: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Bytes {
        let first = self.index_of(offset);
        let start = self.start_of(first);
        let fitting = self
            .batches
            .partition_point(|batch| batch.end <= start.saturating_add(max_bytes));
        let past = if at_least_one {
            fitting.max(first + 1)
        } else {
            fitting.max(first)
        };
        let past = past.min(self.index_of(end)).max(first);
        self.slice(start, self.start_of(past))
    }

    /// The offset behind `len` bytes of whole batches from the one with `offset` on.
    pub(super) fn offset_after(&self, offset: i64, len: usize) -> i64 {
        let end = self.start_of(self.index_of(offset)) + len;
        let past = self.batches.partition_point(|batch| batch.end <= end);
        past.checked_sub(1)
            .map_or(self.base_offset, |last| self.batches[last].last_offset + 1)
    }

    /// How many bytes there are from the batch with `offset` on.
    pub(super) fn bytes_from(&self, offset: i64) -> usize {
        self.len() - self.start_of(self.index_of(offset))
    }

    /// The first batch from `from` on of which a record may have `timestamp` or a later one.
    pub(super) fn batch_at_timestamp(&self, from: i64, timestamp: i64) -> Option<Bytes> {
        let index = (self.index_of(from)..self.batches.len())
            .find(|&i| self.batches[i].max_timestamp >= timestamp)?;
        Some(self.slice(self.start_of(index), self.batches[index].end))
    }

    /// Which batch holds `offset`, or the first one after it.
    fn index_of(&self, offset: i64) -> usize {
        self.batches
            .partition_point(|batch| batch.last_offset < offset)
    }

    fn start_of(&self, index: usize) -> usize {
        index
            .checked_sub(1)
            .map_or(0, |before| self.batches[before].end)
    }

    fn slice(&self, start: usize, end: usize) -> Bytes {
        match &self.content {
            Content::Active(bytes) => Bytes::copy_from_slice(&bytes[start..end]),
            Content::Sealed(bytes) => bytes.slice(start..end),
        }
    }
}
