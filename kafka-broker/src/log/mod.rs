//! A partition's log in memory.

mod check;
mod cleaner;
mod epochs;
mod retention;
mod segment;
mod transactions;

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::records::RecordBatch;
use tokio::sync::Notify;

pub(crate) use check::{Limits, check_batch, single_batch};

pub(crate) use transactions::{AbortedTransaction, Committed, EndTransaction, Isolation};

use crate::configs::LogSettings;
use crate::producers::{ProducerState, ProducerStates, SequenceCheck};
use crate::refusal::Refusal;
use epochs::LeaderEpochs;
use segment::Segment;
use transactions::TransactionIndex;

/// A segment is sealed at this size at the latest, or at the topic's `segment.bytes`: large enough that a fetch seldom meets its end, small enough that little is copied
/// for readers of the active one, and that retention has something to drop.
const SEGMENT_BYTES: usize = 4 << 20;

/// The batches of a partition, by offset. All of them are readable at once: with a single replica the high watermark is
/// the end of the log.
#[derive(Debug)]
pub(crate) struct PartitionLog {
    /// Never empty; the last one is active.
    segments: VecDeque<Segment>,
    size: u64,
    /// Nothing before is to be read.
    start: i64,
    settings: LogSettings,
    /// For how long, by its records, the active segment takes more.
    segment_millis: i64,
    /// From here on nothing was compacted yet.
    dirty_from: i64,
    /// Counts how often segments went: compaction works on those that were there when it began.
    cuts: u64,
    producers: ProducerStates,
    epochs: LeaderEpochs,
    transactions: TransactionIndex,
    /// Long polls that wait for the next append.
    waiting: Vec<Weak<Notify>>,
}

/// Where a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) base_offset: i64,
    pub(crate) log_start_offset: i64,
}

/// An offset before the log's start or after its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OffsetOutOfRange;

impl PartitionLog {
    /// An empty log.
    pub(crate) fn new(settings: LogSettings) -> Self {
        Self {
            // The first segment grows with its content: most topics of a test stay small.
            segments: VecDeque::from([Segment::new(0, 0)]),
            size: 0,
            start: 0,
            settings,
            segment_millis: retention::segment_millis(&settings),
            dirty_from: 0,
            cuts: 0,
            producers: ProducerStates::default(),
            epochs: LeaderEpochs::default(),
            transactions: TransactionIndex::default(),
            waiting: Vec::new(),
        }
    }

    /// The first offset that is still there.
    pub(crate) fn start_offset(&self) -> i64 {
        self.start
    }

    /// How many bytes there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The offset that the next record gets.
    pub(crate) fn end_offset(&self) -> i64 {
        self.segments.back().map_or(0, Segment::next_offset)
    }

    /// Everything below is readable.
    pub(crate) fn high_watermark(&self) -> i64 {
        self.end_offset()
    }

    /// Everything below is settled: it belongs to no open transaction.
    pub(crate) fn last_stable_offset(&self) -> i64 {
        self.transactions
            .first_open()
            .map_or(self.high_watermark(), |first| {
                first.max(self.start_offset())
            })
    }

    /// Everything below may be read.
    pub(crate) fn readable_end(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::ReadUncommitted => self.high_watermark(),
            Isolation::ReadCommitted => self.last_stable_offset(),
        }
    }

    /// What is remembered of the producers that have written here, by their ids.
    pub(crate) fn producers(&self) -> impl Iterator<Item = (i64, &ProducerState)> {
        self.producers.all()
    }

    /// Whether a batch belongs to a transaction that is open here. Otherwise it may begin one.
    pub(crate) fn is_in_transaction(&mut self, batch: &RecordBatch) -> Result<bool, Refusal> {
        let is_open = self.producers.is_in_transaction(batch)?;
        if !is_open {
            self.producers.note_beginning(batch);
        }
        Ok(is_open)
    }

    /// Whether a batch may be the first of its producer's transaction here.
    pub(crate) fn check_beginning(
        &self,
        batch: &RecordBatch,
        has_own_epoch: bool,
    ) -> Result<(), Refusal> {
        self.producers.check_beginning(batch, has_own_epoch)
    }

    /// Appends a checked batch, unless its producer's sequence says that it is here already or that one before it is
    /// missing. Wakes whoever waits.
    pub(crate) fn append(
        &mut self,
        batch: &RecordBatch,
        leader_epoch: i32,
    ) -> Result<Appended, Refusal> {
        let base_offset = self.end_offset();
        match self.producers.check(batch)? {
            SequenceCheck::Duplicate { base_offset } => {
                return Ok(Appended {
                    base_offset,
                    log_start_offset: self.start_offset(),
                });
            }
            SequenceCheck::New => {
                if self.producers.remember(batch, base_offset) {
                    self.transactions.begin(base_offset);
                }
            }
        }
        self.store(batch, base_offset, leader_epoch);
        Ok(Appended {
            base_offset,
            log_start_offset: self.start_offset(),
        })
    }

    /// Ends a producer's transaction, if it has one here, by a marker.
    pub(crate) fn append_marker(
        &mut self,
        end: EndTransaction,
        leader_epoch: i32,
    ) -> Result<(), Refusal> {
        let batch = end
            .batch()
            .map_err(|error| Refusal::new(ErrorCode::UnknownServerError, error.to_string()))?;
        let last_offset = self.end_offset();
        if let Some(first_offset) = self.producers.end_transaction(end)? {
            let transaction = AbortedTransaction {
                producer_id: end.producer.id,
                first_offset,
                last_offset,
            };
            self.transactions.end(transaction, end.result);
        }
        self.store(&batch, last_offset, leader_epoch);
        Ok(())
    }

    fn store(&mut self, batch: &RecordBatch, base_offset: i64, leader_epoch: i32) {
        self.epochs.begin(leader_epoch, base_offset);
        let len = batch.bytes().len();
        // A marker has the broker's time, and not that of the records: it says nothing of a segment's age.
        let timestamp = (!batch.is_control()).then(|| batch.max_timestamp());
        self.active_segment(len, timestamp)
            .append(batch, base_offset, leader_epoch);
        self.size += len as u64;
        self.retain();
        self.wake();
    }

    /// The segment that takes the next `len` bytes, of a batch with this timestamp.
    fn active_segment(&mut self, len: usize, timestamp: Option<i64>) -> &mut Segment {
        let segment_bytes = self.settings.segment_bytes.min(SEGMENT_BYTES);
        let (filled, first_timestamp) = self
            .segments
            .back()
            .map_or((0, None), |last| (last.len(), last.first_timestamp()));
        let is_old = first_timestamp
            .zip(timestamp)
            .is_some_and(|(first, timestamp)| {
                timestamp.saturating_sub(first) > self.segment_millis
            });
        if filled > 0 && (filled + len > segment_bytes || is_old) {
            self.roll(segment_bytes.max(len));
        }
        let last = self.segments.len() - 1;
        &mut self.segments[last]
    }

    /// Seals the active segment and begins another.
    fn roll(&mut self, capacity: usize) {
        let next_offset = self.end_offset();
        if let Some(last) = self.segments.back_mut() {
            last.seal();
        }
        self.segments.push_back(Segment::new(next_offset, capacity));
        self.segment_millis = retention::segment_millis(&self.settings);
    }

    /// A leader takes over, in this epoch.
    pub(crate) fn begin_epoch(&mut self, epoch: i32) {
        let end = self.end_offset();
        self.epochs.begin(epoch, end);
        self.wake();
    }

    /// The largest leader epoch not above this one, and where it ended; `None` if nothing can be said of it.
    pub(crate) fn end_of_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        self.epochs.end_of(epoch, self.end_offset())
    }

    /// The leader epoch of the record at `offset`.
    pub(crate) fn epoch_at(&self, offset: i64) -> Option<i32> {
        self.epochs.at(offset)
    }

    /// Loses the records from `offset` on, as when a replica takes over that never had them. A batch of which a record
    /// is lost goes as a whole.
    pub(crate) fn truncate(&mut self, offset: i64) {
        self.cuts += 1;
        while let Some(last) = self.segments.back_mut() {
            self.size -= last.len() as u64;
            last.truncate(offset);
            self.size += last.len() as u64;
            if last.len() > 0 || self.segments.len() == 1 {
                break;
            }
            self.segments.pop_back();
        }
        let end = self.end_offset();
        self.start = self.start.min(end);
        self.dirty_from = self.dirty_from.min(end);
        self.epochs.truncate(end);
        self.producers.truncate(end);
        self.transactions.truncate(end);
        self.wake();
    }

    fn segment_of(&self, offset: i64) -> Option<&Segment> {
        self.segments.get(
            self.segments
                .partition_point(|segment| segment.next_offset() <= offset),
        )
    }

    /// Whole batches from the one with `offset` on, of at most `max_bytes`; one at least if `at_least_one` and there is
    /// one. A read ends with its segment, even where `max_bytes` allows for more.
    pub(crate) fn read(
        &self,
        offset: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Bytes, OffsetOutOfRange> {
        self.read_before(self.high_watermark(), offset, max_bytes, at_least_one)
    }

    /// The same, but only what is settled, and which of it was aborted.
    pub(crate) fn read_committed(
        &self,
        offset: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Committed, OffsetOutOfRange> {
        let end = self.last_stable_offset();
        let records = self.read_before(end, offset, max_bytes, at_least_one)?;
        let aborted = match self.segment_of(offset) {
            Some(segment) if !records.is_empty() => {
                let read_to = segment.offset_after(offset, records.len());
                self.transactions.aborted(offset, read_to)
            }
            _ => Vec::new(),
        };
        Ok(Committed { records, aborted })
    }

    fn read_before(
        &self,
        end: i64,
        offset: i64,
        max_bytes: usize,
        at_least_one: bool,
    ) -> Result<Bytes, OffsetOutOfRange> {
        if offset < self.start_offset() || offset > self.end_offset() {
            return Err(OffsetOutOfRange);
        }
        Ok(self.segment_of(offset).map_or_else(Bytes::new, |segment| {
            segment.read(offset, end, max_bytes, at_least_one)
        }))
    }

    /// How many bytes a reader at `offset` has before it.
    pub(crate) fn bytes_from(&self, offset: i64) -> usize {
        let first = self
            .segments
            .partition_point(|segment| segment.next_offset() <= offset);
        let whole: usize = self.segments.iter().skip(first + 1).map(Segment::len).sum();
        self.segments
            .get(first)
            .map_or(0, |segment| segment.bytes_from(offset))
            + whole
    }

    /// How many of them it may read.
    pub(crate) fn readable_bytes_from(&self, offset: i64, isolation: Isolation) -> usize {
        let unreadable = self.bytes_from(self.readable_end(isolation));
        self.bytes_from(offset).saturating_sub(unreadable)
    }

    /// The first batch of which a record may have `timestamp` or a later one.
    pub(crate) fn batch_at_timestamp(&self, timestamp: i64) -> Option<Bytes> {
        let from = self.start_offset();
        let mut candidates = self
            .segments
            .iter()
            .filter(|segment| segment.max_timestamp() >= timestamp);
        candidates.find_map(|segment| segment.batch_at_timestamp(from, timestamp))
    }

    /// The largest timestamp of all records, if there is a record.
    pub(crate) fn max_timestamp(&self) -> Option<i64> {
        let largest = self.segments.iter().map(Segment::max_timestamp).max();
        largest.filter(|_| self.start_offset() < self.end_offset())
    }

    /// Has `waiter` notified at the next append, once.
    pub(crate) fn notify_on_append(&mut self, waiter: &Arc<Notify>) {
        self.waiting.retain(|waiting| waiting.strong_count() > 0);
        self.waiting.push(Arc::downgrade(waiter));
    }

    /// Wakes the long polls that wait, as after an append.
    pub(crate) fn wake(&mut self) {
        for waiter in self
            .waiting
            .drain(..)
            .filter_map(|waiting| waiting.upgrade())
        {
            // A permit is stored if it does not wait at this moment, so that nothing is missed.
            waiter.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
