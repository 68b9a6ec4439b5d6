use std::sync::Arc;

use kafka_proto::records::{RecordBlock, RecordCursor, TimestampType};

use super::{ConsumerRecord, OwnedRecord};
use crate::types::TopicPartition;

/// Consecutive records of one partition: a record batch as a broker keeps it, or a part of one.
///
/// Owns its bytes together with its clones, which are cheap, and may go to any thread. Records are decoded as they are
/// iterated over; that they can be was checked before the batch was handed out. Never without records.
///
/// What was not compressed is a part of a broker's answer, and keeps all of that answer in memory: whoever holds a few
/// records for long better copies them.
#[derive(Debug, Clone)]
pub struct PartitionBatch {
    block: Arc<Block>,
    /// At the first record.
    start: RecordCursor,
    len: usize,
    from: i64,
    until: i64,
}

/// What the records of a batch share.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) partition: TopicPartition,
    pub(super) records: RecordBlock,
    leader_epoch: i32,
    timestamp_type: TimestampType,
}

/// What the header of a batch says.
pub(crate) struct BatchHeader {
    pub(crate) partition: TopicPartition,
    pub(crate) leader_epoch: i32,
    pub(crate) timestamp_type: TimestampType,
    /// The offset behind the last record, be it there or compacted away.
    pub(crate) next_offset: i64,
}

impl PartitionBatch {
    /// The records from offset `from` on. `None` if there are none; an error says what is wrong with the records.
    pub(crate) fn new(
        header: BatchHeader,
        records: RecordBlock,
        from: i64,
    ) -> std::result::Result<Option<Self>, String> {
        let found = Found::search(&records, from, header.next_offset)?;
        let BatchHeader {
            partition,
            leader_epoch,
            timestamp_type,
            next_offset: until,
        } = header;
        let block = Arc::new(Block {
            partition,
            records,
            leader_epoch,
            timestamp_type,
        });
        Ok((found.len > 0).then_some(Self {
            block,
            start: found.start,
            len: found.len,
            from,
            until,
        }))
    }

    /// The partition that the records are from.
    pub fn partition(&self) -> &TopicPartition {
        &self.block.partition
    }

    /// The topic that the records are from.
    pub fn topic(&self) -> &str {
        &self.block.partition.topic
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Always `false`: a batch without records is not handed out.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// No record has an offset below this one.
    pub fn first_offset(&self) -> i64 {
        self.from
    }

    /// Where reading goes on after this batch: what to commit when all of it is dealt with. More than the last
    /// record's offset plus one where compaction has removed records at the end.
    pub fn next_offset(&self) -> i64 {
        self.until
    }

    /// The leader's epoch in which the records were appended; -1 in old logs.
    pub fn leader_epoch(&self) -> i32 {
        self.block.leader_epoch
    }

    /// Who set the records' timestamps.
    pub fn timestamp_type(&self) -> TimestampType {
        self.block.timestamp_type
    }

    /// How many bytes of memory the records take, decompressed.
    pub fn size(&self) -> usize {
        self.block.records.data().len()
    }

    /// The part with offsets in `[from, until)`, without copying; `None` if there are no records in it. Takes the time
    /// of iterating over the batch.
    pub fn slice(&self, from: i64, until: i64) -> Option<Self> {
        let (from, until) = (from.max(self.from), until.min(self.until));
        // What could be iterated over when the batch was made still can be.
        let Ok(Found { start, len }) =
            Found::search_from(&self.block.records, self.start, from, until)
        else {
            return None;
        };
        (len > 0).then(|| Self {
            block: self.block.clone(),
            start,
            len,
            from,
            until,
        })
    }

    /// The first `records` records, and the rest, without copying; `None` for a part without records. Takes the time of
    /// iterating over the first part.
    pub fn split_at(self, records: usize) -> (Option<Self>, Option<Self>) {
        if records >= self.len {
            return (Some(self), None);
        }
        let (mut at, mut between) = (self.start, self.from);
        for _ in 0..records {
            // What could be iterated over when the batch was made still can be.
            if let Some(Ok(record)) = self.block.records.next(&mut at) {
                between = record.offset() + 1;
            }
        }
        let first = (records > 0).then(|| Self {
            block: self.block.clone(),
            start: self.start,
            len: records,
            from: self.from,
            until: between,
        });
        let rest = Self {
            start: at,
            len: self.len - records,
            from: between,
            ..self
        };
        (first, Some(rest))
    }

    /// The records, decoded one by one.
    #[inline]
    pub fn iter(&self) -> Records<'_> {
        Records {
            block: &self.block,
            at: self.start,
            left: self.len,
        }
    }
}

impl<'a> IntoIterator for &'a PartitionBatch {
    type Item = ConsumerRecord<'a>;
    type IntoIter = Records<'a>;

    #[inline]
    fn into_iter(self) -> Records<'a> {
        self.iter()
    }
}

/// Where the records of a range of offsets are in a block.
struct Found {
    start: RecordCursor,
    len: usize,
}

impl Found {
    /// Walks a whole block, so that whoever iterates over it later meets no errors.
    fn search(records: &RecordBlock, from: i64, until: i64) -> std::result::Result<Self, String> {
        let (mut at, mut start, mut before) = (RecordCursor::default(), RecordCursor::default(), 0);
        let mut last = i64::MIN;
        while let Some(record) = records.next(&mut at) {
            let offset = record.map_err(|error| error.to_string())?.offset();
            if offset <= last || offset >= until {
                return Err(format!(
                    "a record has offset {offset}, after {last} and in a batch that ends before {until}"
                ));
            }
            last = offset;
            if offset < from {
                start = at;
                before += 1;
            }
        }
        Ok(Self {
            start,
            len: records.len() - before,
        })
    }

    fn search_from(
        records: &RecordBlock,
        start: RecordCursor,
        from: i64,
        until: i64,
    ) -> std::result::Result<Self, String> {
        let mut found = Self { start, len: 0 };
        let mut at = start;
        while let Some(record) = records.next(&mut at) {
            let offset = record.map_err(|error| error.to_string())?.offset();
            if offset >= until {
                break;
            }
            if offset < from {
                found.start = at;
            } else {
                found.len += 1;
            }
        }
        Ok(found)
    }
}

/// The records of a [`PartitionBatch`].
#[derive(Debug, Clone)]
pub struct Records<'a> {
    block: &'a Arc<Block>,
    at: RecordCursor,
    left: usize,
}

impl<'a> Iterator for Records<'a> {
    type Item = ConsumerRecord<'a>;

    #[inline]
    fn next(&mut self) -> Option<ConsumerRecord<'a>> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let at = self.at;
        match self.block.records.next(&mut self.at) {
            Some(Ok(record)) => Some(ConsumerRecord {
                block: self.block,
                at,
                record,
            }),
            _ => {
                debug_assert!(false, "the records were walked when the batch was made");
                self.left = 0;
                None
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Records<'_> {}
impl std::iter::FusedIterator for Records<'_> {}

impl IntoIterator for PartitionBatch {
    type Item = OwnedRecord;
    type IntoIter = OwnedRecords;

    /// The records by themselves, each sharing the batch's bytes.
    fn into_iter(self) -> OwnedRecords {
        OwnedRecords {
            at: self.start,
            left: self.len,
            block: self.block,
        }
    }
}

/// The records of a [`PartitionBatch`], by themselves; may be kept and gone on with later.
#[derive(Debug, Clone)]
pub struct OwnedRecords {
    block: Arc<Block>,
    at: RecordCursor,
    left: usize,
}

impl Iterator for OwnedRecords {
    type Item = OwnedRecord;

    #[inline]
    fn next(&mut self) -> Option<OwnedRecord> {
        let mut records = Records {
            block: &self.block,
            at: self.at,
            left: self.left,
        };
        let record = records.next().map(ConsumerRecord::into_owned);
        (self.at, self.left) = (records.at, records.left);
        record
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for OwnedRecords {}
impl std::iter::FusedIterator for OwnedRecords {}
