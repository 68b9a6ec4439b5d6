//! Compaction: of all records with the same key, the newest stays.
//!
//! Whole segments are compacted, never the active one and nothing of open transactions. What is to be done is taken from
//! the log, done without holding it, and put back. As in Kafka (KIP-58, KIP-98, KIP-534) offsets stay, records of aborted
//! transactions go, and tombstones and markers of transactions stay for `delete.retention.ms` after compaction has first
//! met them, so that readers who are on their way learn of what they delete.

use std::collections::{BTreeSet, HashMap, HashSet};

use kafka_proto::records::{RecordBatch, RecordRef, RecordsError};

use super::{AbortedTransaction, PartitionLog, Segment};
use crate::configs::LogSettings;

/// What decompressing a batch may take of memory: a small batch may have been made to grow beyond all bounds.
const MAX_DECOMPRESSED: usize = 256 << 20;

/// A compaction of the older segments of a log.
#[derive(Debug)]
pub(crate) struct Cleaning {
    segments: Vec<Segment>,
    /// Where the segments begin that were not compacted before.
    dirty_from: i64,
    /// The end of the segments.
    end: i64,
    aborted: HashMap<i64, Vec<AbortedTransaction>>,
    settings: LogSettings,
    /// In milliseconds since 1970.
    now: i64,
    cuts: u64,
}

/// What is left of the segments.
#[derive(Debug)]
pub(crate) struct Cleaned {
    segments: Vec<Segment>,
    /// How many segments these stand for.
    replaced: usize,
    end: i64,
    /// Where markers were that are gone.
    markers: BTreeSet<i64>,
    cuts: u64,
}

impl PartitionLog {
    /// What there is to compact, if it is worth it. The time is in milliseconds since 1970.
    pub(crate) fn begin_cleaning(&mut self, now: i64) -> Option<Cleaning> {
        let settings = self.settings;
        if !settings.compact {
            return None;
        }
        let is_late = |segment: &Segment| {
            let first = segment.first_timestamp();
            first
                .is_some_and(|first| now.saturating_sub(first) > settings.max_compaction_lag_millis)
        };
        if self.segments.back().is_some_and(is_late) {
            self.roll(0);
        }
        let sealed = self.segments.len() - 1;
        let stable = self.last_stable_offset();
        let is_ready = |segment: &&Segment| {
            let age = now.saturating_sub(segment.max_timestamp());
            segment.next_offset() <= stable
                && (settings.min_compaction_lag_millis == 0
                    || age > settings.min_compaction_lag_millis)
        };
        let ready = self.segments.iter().take(sealed).take_while(is_ready);
        let segments: Vec<Segment> = ready.cloned().collect();
        let end = self.segments.get(segments.len())?.base_offset();
        let bytes = |is_dirty: bool| -> usize {
            let those = segments.iter();
            those
                .filter(|segment| (segment.base_offset() >= self.dirty_from) == is_dirty)
                .map(Segment::len)
                .sum()
        };
        let (clean, dirty) = (bytes(false), bytes(true));
        let is_overdue = segments
            .iter()
            .any(|segment| segment.base_offset() >= self.dirty_from && is_late(segment));
        let ratio = dirty as f64 / (clean + dirty).max(1) as f64;
        if dirty == 0 || !(is_overdue || ratio > settings.min_cleanable_dirty_ratio) {
            return None;
        }
        let mut aborted: HashMap<i64, Vec<AbortedTransaction>> = HashMap::new();
        for transaction in self.transactions.all_aborted() {
            let of_producer = aborted.entry(transaction.producer_id).or_default();
            of_producer.push(transaction);
        }
        Some(Cleaning {
            segments,
            dirty_from: self.dirty_from,
            end,
            aborted,
            settings,
            now,
            cuts: self.cuts,
        })
    }

    /// Puts what is left in the place of what was. Says whether it could: not if segments went meanwhile.
    pub(crate) fn put_cleaned(&mut self, cleaned: Cleaned) -> bool {
        if cleaned.cuts != self.cuts {
            return false;
        }
        let replaced = self.segments.drain(..cleaned.replaced);
        let before: usize = replaced.map(|segment| segment.len()).sum();
        let after: usize = cleaned.segments.iter().map(Segment::len).sum();
        self.size = self.size - before as u64 + after as u64;
        for segment in cleaned.segments.into_iter().rev() {
            self.segments.push_front(segment);
        }
        self.transactions.forget_markers(&cleaned.markers);
        self.dirty_from = cleaned.end;
        self.cuts += 1;
        true
    }
}

impl Cleaning {
    /// How many bytes are looked at.
    pub(crate) fn len(&self) -> usize {
        self.segments.iter().map(Segment::len).sum()
    }

    /// Does it.
    pub(crate) fn run(&self) -> Result<Cleaned, RecordsError> {
        let newest = self.newest_offsets()?;
        let mut cleaned = Vec::new();
        // The producers with records that stay, of the transaction that is being walked through.
        let mut with_records = HashSet::new();
        let mut markers = BTreeSet::new();
        let mut current: Option<Segment> = None;
        for segment in &self.segments {
            let mut left = Segment::new(segment.base_offset(), 0);
            for batch in segment.batches() {
                let (batch, horizon) = batch?;
                if batch.is_control() {
                    let has_records = with_records.remove(&batch.producer_id());
                    match self.marker(has_records, horizon) {
                        Some(horizon) => left.put(&batch, horizon),
                        None => {
                            markers.insert(batch.base_offset());
                        }
                    }
                    continue;
                }
                if let Some((batch, horizon)) = self.clean(&batch, horizon, &newest)? {
                    if batch.is_transactional() {
                        with_records.insert(batch.producer_id());
                    }
                    left.put(&batch, horizon);
                }
            }
            match &mut current {
                Some(current) if current.len() + left.len() <= self.settings.segment_bytes => {
                    current.absorb(&left);
                }
                _ => cleaned.extend(current.replace(left)),
            }
        }
        cleaned.extend(current);
        cleaned.iter_mut().for_each(Segment::seal);
        Ok(Cleaned {
            segments: cleaned,
            replaced: self.segments.len(),
            end: self.end,
            markers,
            cuts: self.cuts,
        })
    }

    /// Of each key that was written since the last compaction, where it was written last.
    fn newest_offsets(&self) -> Result<HashMap<Box<[u8]>, i64>, RecordsError> {
        let mut newest = HashMap::new();
        let dirty = self.segments.iter();
        for segment in dirty.filter(|segment| segment.base_offset() >= self.dirty_from) {
            for batch in segment.batches() {
                let (batch, _) = batch?;
                if batch.is_control() || self.is_aborted(&batch) {
                    continue;
                }
                for record in &batch.decompressed(MAX_DECOMPRESSED)? {
                    let record = record?;
                    if let Some(key) = record.key() {
                        newest.insert(key.into(), record.offset());
                    }
                }
            }
        }
        Ok(newest)
    }

    fn is_aborted(&self, batch: &RecordBatch) -> bool {
        let of_producer = self.aborted.get(&batch.producer_id());
        batch.is_transactional()
            && of_producer.is_some_and(|transactions| {
                transactions.iter().any(|transaction| {
                    (transaction.first_offset..transaction.last_offset)
                        .contains(&batch.base_offset())
                })
            })
    }

    /// What is left of a batch of records, and from when on its tombstones go.
    fn clean(
        &self,
        batch: &RecordBatch,
        horizon: Option<i64>,
        newest: &HashMap<Box<[u8]>, i64>,
    ) -> Result<Option<(RecordBatch, Option<i64>)>, RecordsError> {
        if self.is_aborted(batch) {
            return Ok(None);
        }
        let is_over = horizon.is_some_and(|horizon| self.now >= horizon);
        let mut has_tombstones = false;
        let keep = |record: &RecordRef<'_>| {
            // A record without a key is the newest of nothing.
            let is_newest = record.key().is_some_and(|key| {
                let newest = newest.get(key);
                newest.is_none_or(|newest| record.offset() >= *newest)
            });
            let is_tombstone = record.value().is_none();
            let is_kept = is_newest && !(is_tombstone && is_over);
            has_tombstones |= is_kept && is_tombstone;
            is_kept
        };
        let left = batch.retaining(MAX_DECOMPRESSED, keep)?;
        let horizon = horizon
            .or_else(|| Some(self.horizon()))
            .filter(|_| has_tombstones);
        Ok(left.map(|left| (left, horizon)))
    }

    /// From when on a marker goes, if it does not go now.
    fn marker(&self, has_records: bool, horizon: Option<i64>) -> Option<Option<i64>> {
        match horizon {
            _ if has_records => Some(None),
            Some(horizon) if self.now >= horizon => None,
            Some(horizon) => Some(Some(horizon)),
            None => Some(Some(self.horizon())),
        }
    }

    fn horizon(&self) -> i64 {
        let retention = self.settings.delete_retention_millis;
        self.now.saturating_add(retention)
    }
}
