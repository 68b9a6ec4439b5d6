//! What a poll returns: batches that share the bytes as they were received.

use std::ops::Deref;

use crate::consumer::{ConsumerRecord, OwnedRecord, OwnedRecords, PartitionBatch, Records};
use crate::types::TopicPartition;

/// The batches of one poll. Those of a partition are in the order of their offsets.
#[derive(Debug, Clone, Default)]
pub struct ShareRecords {
    pub(super) batches: Vec<ShareBatch>,
}

impl ShareRecords {
    /// How many records there are, over all batches.
    pub fn len(&self) -> usize {
        self.batches.iter().map(ShareBatch::len).sum()
    }

    /// Whether there are none: the timeout was over before any arrived.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The batches.
    pub fn batches(&self) -> &[ShareBatch] {
        &self.batches
    }

    /// All records, batch after batch.
    pub fn records(&self) -> impl Iterator<Item = ShareRecord<'_>> {
        self.batches.iter().flatten()
    }
}

impl IntoIterator for ShareRecords {
    type Item = ShareBatch;
    type IntoIter = std::vec::IntoIter<ShareBatch>;

    fn into_iter(self) -> Self::IntoIter {
        self.batches.into_iter()
    }
}

impl<'a> IntoIterator for &'a ShareRecords {
    type Item = &'a ShareBatch;
    type IntoIter = std::slice::Iter<'a, ShareBatch>;

    fn into_iter(self) -> Self::IntoIter {
        self.batches.iter()
    }
}

/// Consecutive records of one partition that were delivered together, as often as each other. Cheap to clone; see
/// [`PartitionBatch`].
#[derive(Debug, Clone)]
pub struct ShareBatch {
    batch: PartitionBatch,
    first: i64,
    last: i64,
    delivery_count: i16,
}

impl ShareBatch {
    pub(super) fn new(batch: PartitionBatch, delivery_count: i16) -> Self {
        let offsets = || batch.iter().map(|record| record.offset());
        let first = offsets().next().unwrap_or(batch.first_offset());
        // Nearly always there is one at each offset.
        let last = if first + batch.len() as i64 == batch.next_offset() {
            batch.next_offset() - 1
        } else {
            offsets().last().unwrap_or(first)
        };
        Self {
            batch,
            first,
            last,
            delivery_count,
        }
    }

    /// The partition that the records are from.
    pub fn partition(&self) -> &TopicPartition {
        self.batch.partition()
    }

    /// The topic that the records are from.
    pub fn topic(&self) -> &str {
        self.batch.topic()
    }

    /// How often these records were delivered, this time included: 1 the first time.
    pub fn delivery_count(&self) -> i16 {
        self.delivery_count
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Always `false`: a batch without records is not handed out.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// The offset of the first record.
    pub fn first_offset(&self) -> i64 {
        self.first
    }

    /// The offset of the last record.
    pub fn last_offset(&self) -> i64 {
        self.last
    }

    /// The records as another consumer has them, for what is made for those: [`PartitionBatch::typed`].
    pub fn as_batch(&self) -> &PartitionBatch {
        &self.batch
    }

    /// The records, decoded one by one.
    #[inline]
    pub fn iter(&self) -> ShareBatchRecords<'_> {
        ShareBatchRecords {
            records: self.batch.iter(),
            delivery_count: self.delivery_count,
        }
    }

    /// The first `records` of it, and the others.
    pub(super) fn split(self, records: usize) -> (Self, Option<Self>) {
        let Some(second) = self.batch.iter().nth(records) else {
            return (self, None);
        };
        let at = second.offset();
        let part = |from, until| {
            let part = self.batch.slice(from, until)?;
            Some(Self::new(part, self.delivery_count))
        };
        match (part(self.first, at), part(at, i64::MAX)) {
            (Some(first), rest) => (first, rest),
            (None, _) => (self, None),
        }
    }
}

impl<'a> IntoIterator for &'a ShareBatch {
    type Item = ShareRecord<'a>;
    type IntoIter = ShareBatchRecords<'a>;

    #[inline]
    fn into_iter(self) -> ShareBatchRecords<'a> {
        self.iter()
    }
}

impl IntoIterator for ShareBatch {
    type Item = OwnedShareRecord;
    type IntoIter = OwnedShareRecords;

    /// The records by themselves, each sharing the batch's bytes.
    fn into_iter(self) -> OwnedShareRecords {
        OwnedShareRecords {
            delivery_count: self.delivery_count,
            records: self.batch.into_iter(),
        }
    }
}

/// The records of a [`ShareBatch`].
#[derive(Debug, Clone)]
pub struct ShareBatchRecords<'a> {
    records: Records<'a>,
    delivery_count: i16,
}

impl<'a> Iterator for ShareBatchRecords<'a> {
    type Item = ShareRecord<'a>;

    #[inline]
    fn next(&mut self) -> Option<ShareRecord<'a>> {
        self.records.next().map(|record| ShareRecord {
            record,
            delivery_count: self.delivery_count,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }
}

impl ExactSizeIterator for ShareBatchRecords<'_> {}
impl std::iter::FusedIterator for ShareBatchRecords<'_> {}

/// The records of a [`ShareBatch`], by themselves.
#[derive(Debug, Clone)]
pub struct OwnedShareRecords {
    records: OwnedRecords,
    delivery_count: i16,
}

impl Iterator for OwnedShareRecords {
    type Item = OwnedShareRecord;

    #[inline]
    fn next(&mut self) -> Option<OwnedShareRecord> {
        self.records.next().map(|record| OwnedShareRecord {
            record,
            delivery_count: self.delivery_count,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }
}

impl ExactSizeIterator for OwnedShareRecords {}
impl std::iter::FusedIterator for OwnedShareRecords {}

/// A record that was delivered, borrowed from its batch: a [`ConsumerRecord`] with its delivery count.
#[derive(Debug, Clone, Copy)]
pub struct ShareRecord<'a> {
    record: ConsumerRecord<'a>,
    delivery_count: i16,
}

impl<'a> ShareRecord<'a> {
    /// How often it was delivered, this time included: 1 the first time.
    pub fn delivery_count(&self) -> i16 {
        self.delivery_count
    }

    /// The record as another consumer has it.
    pub fn record(&self) -> ConsumerRecord<'a> {
        self.record
    }

    /// The record by itself, to be kept or passed on: shares the batch's bytes, and keeps them in memory.
    #[inline]
    pub fn into_owned(self) -> OwnedShareRecord {
        OwnedShareRecord {
            record: self.record.into_owned(),
            delivery_count: self.delivery_count,
        }
    }
}

impl<'a> Deref for ShareRecord<'a> {
    type Target = ConsumerRecord<'a>;

    fn deref(&self) -> &ConsumerRecord<'a> {
        &self.record
    }
}

/// A record that was delivered, by itself: an [`OwnedRecord`] with its delivery count.
#[derive(Debug, Clone)]
pub struct OwnedShareRecord {
    record: OwnedRecord,
    delivery_count: i16,
}

impl OwnedShareRecord {
    /// How often it was delivered, this time included: 1 the first time.
    pub fn delivery_count(&self) -> i16 {
        self.delivery_count
    }
}

impl Deref for OwnedShareRecord {
    type Target = OwnedRecord;

    fn deref(&self) -> &OwnedRecord {
        &self.record
    }
}
