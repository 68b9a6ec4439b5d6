use std::borrow::Cow;
use std::ops::Range;
use std::str;
use std::sync::Arc;

use kafka_proto::records::{Headers, RecordCursor, RecordRef};

use super::batch::Block;
use crate::error::{Error, Result};
use crate::types::TopicPartition;

/// A record, borrowed from its batch.
#[derive(Debug, Clone, Copy)]
pub struct ConsumerRecord<'a> {
    pub(super) block: &'a Arc<Block>,
    pub(super) at: RecordCursor,
    pub(super) record: RecordRef<'a>,
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
        text("key", self.key(), self.partition(), self.offset())
    }

    /// The value as text; `None` is null.
    ///
    /// # Errors
    /// [`Error::NotUtf8`] names partition and offset.
    pub fn value_str(&self) -> Result<Option<&'a str>> {
        text("value", self.value(), self.partition(), self.offset())
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
    fn of(range: Option<Range<usize>>) -> Self {
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
        text("key", self.key(), self.partition(), self.offset())
    }

    /// The value as text; `None` is null.
    ///
    /// # Errors
    /// [`Error::NotUtf8`] names partition and offset.
    pub fn value_str(&self) -> Result<Option<&str>> {
        text("value", self.value(), self.partition(), self.offset())
    }

    /// The value as text, with `U+FFFD` for what is not UTF-8, and empty for null.
    pub fn value_utf8_lossy(&self) -> Cow<'_, str> {
        let value = self.value().unwrap_or_default();
        // Nearly always it is text, and checking that is several times faster than looking for what is not.
        str::from_utf8(value).map_or_else(|_| String::from_utf8_lossy(value), Cow::Borrowed)
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

/// A key or a value as text; `None` is null.
fn text<'a>(
    field: &'static str,
    bytes: Option<&'a [u8]>,
    partition: &TopicPartition,
    offset: i64,
) -> Result<Option<&'a str>> {
    bytes
        .map(str::from_utf8)
        .transpose()
        .map_err(|_| Error::NotUtf8 {
            field,
            partition: partition.clone(),
            offset,
        })
}
