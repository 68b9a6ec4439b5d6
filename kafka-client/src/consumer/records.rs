//! What a poll returns: batches that share the bytes as they were received.

use std::borrow::Cow;
use std::str;
use std::sync::Arc;

use kafka_proto::records::{Headers, RecordBlock, RecordCursor, RecordRef, TimestampType};

use crate::error::{Error, Result};
use crate::types::TopicPartition;

/// The batches of one poll. Those of a partition are in the order of their offsets.
///
/// ```no_run
/// # async fn consume(consumer: kafka_client::consumer::Consumer) -> kafka_client::Result<()> {
/// let records = consumer.poll(std::time::Duration::from_secs(1)).await?;
/// for batch in &records {
///     for record in batch {
///         println!("{}@{}: {:?}", record.partition(), record.offset(), record.value());
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct ConsumerRecords {
    pub(crate) batches: Vec<PartitionBatch>,
}

impl ConsumerRecords {
    /// How many records there are, over all batches.
    pub fn len(&self) -> usize {
        self.batches.iter().map(PartitionBatch::len).sum()
    }

    /// Whether there are none: the timeout was over before any arrived.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The batches, to be kept or passed on to other threads.
    pub fn into_batches(self) -> Vec<PartitionBatch> {
        self.batches
    }

    /// The batches.
    pub fn batches(&self) -> &[PartitionBatch] {
        &self.batches
    }

    /// All records, batch after batch.
    pub fn records(&self) -> impl Iterator<Item = ConsumerRecord<'_>> {
        self.batches.iter().flatten()
    }
}

impl IntoIterator for ConsumerRecords {
    type Item = PartitionBatch;
    type IntoIter = std::vec::IntoIter<PartitionBatch>;

    fn into_iter(self) -> Self::IntoIter {
        self.batches.into_iter()
    }
}

impl<'a> IntoIterator for &'a ConsumerRecords {
    type Item = &'a PartitionBatch;
    type IntoIter = std::slice::Iter<'a, PartitionBatch>;

    fn into_iter(self) -> Self::IntoIter {
        self.batches.iter()
    }
}

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

#[derive(Debug)]
struct Block {
    partition: TopicPartition,
    records: RecordBlock,
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

/// A record, borrowed from its batch.
#[derive(Debug, Clone, Copy)]
pub struct ConsumerRecord<'a> {
    block: &'a Arc<Block>,
    at: RecordCursor,
    record: RecordRef<'a>,
}

impl<'a> ConsumerRecord<'a> {
    /// The topic that the record is from.
    pub fn topic(&self) -> &'a str {
        &self.block.partition.topic
    }

    /// The partition that the record is from.
    pub fn partition(&self) -> &'a TopicPartition {
        &self.block.partition
    }

    /// The record's position in its partition.
    #[inline]
    pub fn offset(&self) -> i64 {
        self.record.offset()
    }

    /// Milliseconds since 1970 in UTC; -1 in logs from before Kafka 0.10.
    #[inline]
    pub fn timestamp(&self) -> i64 {
        self.record.timestamp()
    }

    /// The key; `None` is null, which differs from empty.
    #[inline]
    pub fn key(&self) -> Option<&'a [u8]> {
        self.record.key()
    }

    /// The value; `None` is null: a tombstone in a compacted topic.
    #[inline]
    pub fn value(&self) -> Option<&'a [u8]> {
        self.record.value()
    }

    /// The key as text; `None` is null.
    ///
    /// # Errors
    /// [`Error::NotUtf8`] names partition and offset.
    pub fn key_str(&self) -> Result<Option<&'a str>> {
        self.text("key", self.key())
    }

    /// The value as text; `None` is null.
    ///
    /// # Errors
    /// [`Error::NotUtf8`] names partition and offset.
    pub fn value_str(&self) -> Result<Option<&'a str>> {
        self.text("value", self.value())
    }

    fn text(&self, field: &'static str, bytes: Option<&'a [u8]>) -> Result<Option<&'a str>> {
        bytes
            .map(str::from_utf8)
            .transpose()
            .map_err(|_| Error::NotUtf8 {
                field,
                partition: self.block.partition.clone(),
                offset: self.offset(),
            })
    }

    /// The headers, decoded as they are asked for. A key may occur more than once.
    pub fn headers(&self) -> Headers<'a> {
        self.record.headers()
    }

    /// The record by itself, to be kept or passed on: shares the batch's bytes, and keeps them in memory.
    #[inline]
    pub fn into_owned(self) -> OwnedRecord {
        OwnedRecord {
            key: Span::of(self.record.key_range()),
            value: Span::of(self.record.value_range()),
            offset: self.offset(),
            timestamp: self.timestamp(),
            at: self.at,
            block: self.block.clone(),
        }
    }
}

/// A record that shares the bytes of its batch with others. Cheap to make and to clone: no bytes are copied.
#[derive(Debug, Clone)]
pub struct OwnedRecord {
    block: Arc<Block>,
    at: RecordCursor,
    offset: i64,
    timestamp: i64,
    key: Span,
    value: Span,
}

/// A range within a block; blocks are shorter than 2 GiB.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    /// `u32::MAX` for null.
    len: u32,
}

impl Span {
    #[inline]
    fn of(range: Option<std::ops::Range<usize>>) -> Self {
        range.map_or(
            Self {
                start: 0,
                len: u32::MAX,
            },
            |range| Self {
                start: range.start as u32,
                len: range.len() as u32,
            },
        )
    }

    #[inline]
    fn get(self, data: &[u8]) -> Option<&[u8]> {
        let start = self.start as usize;
        if self.len == u32::MAX {
            None
        } else {
            data.get(start..start + self.len as usize)
        }
    }
}

impl OwnedRecord {
    /// The topic that the record is from.
    pub fn topic(&self) -> &str {
        &self.block.partition.topic
    }

    /// The partition that the record is from.
    pub fn partition(&self) -> &TopicPartition {
        &self.block.partition
    }

    /// The record's position in its partition.
    #[inline]
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// Milliseconds since 1970 in UTC; -1 in logs from before Kafka 0.10.
    #[inline]
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// The key; `None` is null, which differs from empty.
    #[inline]
    pub fn key(&self) -> Option<&[u8]> {
        self.key.get(self.block.records.data())
    }

    /// The value; `None` is null: a tombstone in a compacted topic.
    #[inline]
    pub fn value(&self) -> Option<&[u8]> {
        self.value.get(self.block.records.data())
    }

    /// The key as text; `None` is null.
    ///
    /// # Errors
    /// [`Error::NotUtf8`] names partition and offset.
    pub fn key_str(&self) -> Result<Option<&str>> {
        self.text("key", self.key())
    }

    /// The value as text; `None` is null.
    ///
    /// # Errors
    /// [`Error::NotUtf8`] names partition and offset.
    pub fn value_str(&self) -> Result<Option<&str>> {
        self.text("value", self.value())
    }

    /// The value as text, with `U+FFFD` for what is not UTF-8, and empty for null.
    pub fn value_utf8_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.value().unwrap_or_default())
    }

    fn text<'a>(&self, field: &'static str, bytes: Option<&'a [u8]>) -> Result<Option<&'a str>> {
        bytes
            .map(str::from_utf8)
            .transpose()
            .map_err(|_| Error::NotUtf8 {
                field,
                partition: self.block.partition.clone(),
                offset: self.offset,
            })
    }

    /// The record in the form that iterating over a batch gives, with everything that it can do.
    pub fn as_record(&self) -> Option<ConsumerRecord<'_>> {
        let mut at = self.at;
        let record = self.block.records.next(&mut at)?.ok()?;
        Some(ConsumerRecord {
            block: &self.block,
            at: self.at,
            record,
        })
    }

    /// The headers, decoded as they are asked for. A key may occur more than once.
    pub fn headers(&self) -> impl Iterator<Item = <Headers<'_> as Iterator>::Item> {
        self.as_record()
            .map(|record| record.headers())
            .into_iter()
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_proto::records::{Header, RecordBatch, RecordBatchBuilder, Seal};

    fn batch(from: i64) -> Option<PartitionBatch> {
        let mut builder = RecordBatchBuilder::new();
        for n in 0..10 {
            let key = format!("k{n}");
            let headers = [Header::new("h", b"v")];
            builder
                .append(
                    1000 + n,
                    Some(key.as_bytes()),
                    (n % 2 == 0).then_some(&[0xff, n as u8][..]),
                    &headers,
                )
                .unwrap();
        }
        let bytes = builder.finish(&Seal::default()).unwrap();
        let raw = RecordBatch::parse(bytes)
            .unwrap()
            .with_offset(100, 4)
            .unwrap();
        let header = BatchHeader {
            partition: TopicPartition::new("t", 1),
            leader_epoch: 4,
            timestamp_type: raw.timestamp_type(),
            next_offset: raw.next_offset(),
        };
        PartitionBatch::new(header, raw.decompressed(1000).unwrap(), from).unwrap()
    }

    fn offsets(batch: &PartitionBatch) -> Vec<i64> {
        batch.iter().map(|record| record.offset()).collect()
    }

    #[test]
    fn records_before_the_position_are_passed_over() {
        let batch = batch(107).unwrap();
        assert_eq!(
            (batch.len(), batch.first_offset(), batch.next_offset()),
            (3, 107, 110)
        );
        assert_eq!(offsets(&batch), [107, 108, 109]);
        assert!(super::tests::batch(110).is_none());
    }

    #[test]
    fn a_slice_has_the_records_of_its_offsets() {
        let batch = batch(102).unwrap();
        let slice = batch.slice(0, 105).unwrap();
        assert_eq!(
            (slice.len(), slice.first_offset(), slice.next_offset()),
            (3, 102, 105)
        );
        assert_eq!(offsets(&slice), [102, 103, 104]);
        assert_eq!(offsets(&slice.slice(104, 200).unwrap()), [104]);
        assert!(slice.slice(105, 200).is_none());
    }

    #[test]
    fn an_owned_record_is_the_record() {
        let owned: Vec<OwnedRecord> = batch(100)
            .unwrap()
            .iter()
            .map(ConsumerRecord::into_owned)
            .collect();
        for (n, record) in owned.iter().enumerate() {
            assert_eq!((record.topic(), record.partition().partition), ("t", 1));
            assert_eq!(
                (record.offset(), record.timestamp()),
                (100 + n as i64, 1000 + n as i64)
            );
            assert_eq!(record.key(), Some(format!("k{n}").as_bytes()));
            assert_eq!(record.value(), (n % 2 == 0).then_some(&[0xff, n as u8][..]));
            assert_eq!(
                record.headers().map(Result::unwrap).collect::<Vec<_>>(),
                [Header::new("h", b"v")]
            );
        }
    }

    #[test]
    fn a_value_that_is_no_text_is_named() {
        let batch = batch(104).unwrap();
        let record = batch.iter().next().unwrap();
        assert_eq!(record.key_str(), Ok(Some("k4")));
        let error = record.value_str().unwrap_err().to_string();
        assert_eq!(
            error,
            "the value of the record at offset 104 of t-1 is not UTF-8: read it as bytes"
        );
    }
}
