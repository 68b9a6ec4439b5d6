//! Records of a partition, read for a share group.

use std::collections::BTreeSet;

use bytes::Bytes;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::records::{Batches, ControlRecord, ControlType, RecordBatch};

use super::config::{Reset, Rules};
use super::in_flight::Span;
use super::partition::SharePartition;
use super::{Acquired, Delivery};
use crate::clock::Moment;
use crate::log::{AbortedTransaction, Committed, Isolation, PartitionLog};

/// A decompressed batch may take this much memory.
const MAX_DECOMPRESSED: usize = 1 << 30;

/// Where a group that has no start begins to read.
fn beginning(log: &PartitionLog, reset: Reset, now: Moment) -> i64 {
    match reset {
        Reset::Earliest => log.start_offset(),
        Reset::Latest => log.high_watermark(),
        Reset::By(duration) => {
            let ago = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
            let since = now.unix_millis.saturating_sub(ago);
            let found = log.batch_at_timestamp(since);
            let found = found.and_then(|batch| offset_since(batch, since));
            found.unwrap_or(log.high_watermark())
        }
    }
}

fn offset_since(batch: Bytes, since: i64) -> Option<i64> {
    let block = RecordBatch::parse(batch).ok()?;
    let block = block.decompressed(MAX_DECOMPRESSED).ok()?;
    let mut records = block.iter().filter_map(Result::ok);
    let first = records.find(|record| record.timestamp() >= since);
    first.map(|record| record.offset())
}

impl SharePartition {
    /// Takes note of what the log is like, and begins if that was not done.
    pub(super) fn look_at(
        &mut self,
        log: &PartitionLog,
        leader_epoch: i32,
        rules: &Rules,
        now: Moment,
    ) {
        self.follow_leader(leader_epoch, log.end_offset());
        self.begin(|| beginning(log, rules.reset, now));
        self.raise_start(log.start_offset());
    }
}

/// Batches of a log, one after another.
pub(super) struct Read {
    records: Bytes,
    batches: Vec<RecordBatch>,
    aborted: Vec<AbortedTransaction>,
}

/// Reads batches from the one with `offset` on, of at most `max_bytes`; one at least if `at_least_one` and there is one.
pub(super) fn read(
    log: &PartitionLog,
    offset: i64,
    max_bytes: usize,
    at_least_one: bool,
    isolation: Isolation,
) -> Result<Read, ErrorCode> {
    let committed = match isolation {
        Isolation::ReadCommitted => log.read_committed(offset, max_bytes, at_least_one),
        Isolation::ReadUncommitted => {
            log.read(offset, max_bytes, at_least_one)
                .map(|records| Committed {
                    records,
                    aborted: Vec::new(),
                })
        }
    };
    let Committed { records, aborted } = committed.map_err(|_| ErrorCode::OffsetOutOfRange)?;
    let batches: Result<_, _> = Batches::new(records.clone()).collect();
    Ok(Read {
        records,
        batches: batches.map_err(|_| ErrorCode::CorruptMessage)?,
        aborted,
    })
}

impl Read {
    /// The offsets of each batch.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.batches.iter().map(span).collect()
    }

    /// The batches of transactions that were aborted.
    pub(super) fn aborted(&self) -> Vec<Span> {
        let mut coming = self.aborted.clone();
        coming.sort_by_key(|transaction| transaction.first_offset);
        let mut coming = coming.into_iter().peekable();
        let mut open = BTreeSet::new();
        let mut aborted = Vec::new();
        for batch in &self.batches {
            while let Some(begun) = coming.next_if(|next| next.first_offset <= batch.last_offset())
            {
                open.insert(begun.producer_id);
            }
            if batch.is_control() {
                if is_abort_marker(batch) {
                    open.remove(&batch.producer_id());
                }
            } else if batch.is_transactional() && open.contains(&batch.producer_id()) {
                aborted.push(span(batch));
            }
        }
        aborted
    }

    /// What a member gets: the batches from the first to the last one of which it has acquired a record.
    pub(super) fn delivery(self, acquired: Vec<Acquired>) -> Delivery {
        let is_needed = |batch: &RecordBatch| {
            let batch = span(batch);
            acquired
                .iter()
                .any(|acquired| acquired.span.overlaps(batch))
        };
        let (mut from, mut to, mut position) = (None, 0, 0);
        for batch in &self.batches {
            let end = position + batch.bytes().len();
            if is_needed(batch) {
                from = from.or(Some(position));
                to = end;
            }
            position = end;
        }
        Delivery {
            records: self.records.slice(from.unwrap_or(to)..to),
            acquired,
        }
    }
}

fn span(batch: &RecordBatch) -> Span {
    Span {
        first: batch.base_offset(),
        last: batch.last_offset(),
    }
}

fn is_abort_marker(batch: &RecordBatch) -> bool {
    let block = batch.decompressed(MAX_DECOMPRESSED);
    let record = block.ok().and_then(|block| {
        let key = block.iter().next()?.ok()?.key()?.to_vec();
        ControlRecord::parse(&key).ok()
    });
    record.is_some_and(|record| record.kind == ControlType::Abort)
}
