use std::ops::Range;

use super::RecordsError;
use crate::varint;

/// A record, borrowed from the block that it was decoded from.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    pub(super) block: &'a [u8],
    pub(super) offset: i64,
    pub(super) timestamp: i64,
    pub(super) key: Span,
    pub(super) value: Span,
    pub(super) headers: Span,
    pub(super) header_count: u32,
}

/// Where a field of a record is in its block. Blocks are at most `i32::MAX` bytes long, so 32 bits do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: u32,
    /// Negative for null.
    pub(super) length: i32,
}

impl Span {
    pub(super) const NULL: Self = Self {
        start: 0,
        length: -1,
    };

    #[inline]
    fn range(self) -> Option<Range<usize>> {
        let length = usize::try_from(self.length).ok()?;
        Some(self.start as usize..self.start as usize + length)
    }
}

impl<'a> RecordRef<'a> {
    /// The record's position in its partition.
    #[inline]
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// Milliseconds since 1970 in UTC: when the producer made the record, or when the broker appended it if the topic
    /// is set to `LogAppendTime`. −1 in logs from before Kafka 0.10.
    #[inline]
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// The key; `None` is null, which differs from empty.
    #[inline]
    pub fn key(&self) -> Option<&'a [u8]> {
        self.key.range().map(|range| &self.block[range])
    }

    /// The value; `None` is null: a tombstone in a compacted topic.
    #[inline]
    pub fn value(&self) -> Option<&'a [u8]> {
        self.value.range().map(|range| &self.block[range])
    }

    /// Where the key is in the [data of the block](super::RecordBlock::data).
    ///
    /// Whoever keeps the block needs nothing else to find the key again: no reference count per record.
    #[inline]
    pub fn key_range(&self) -> Option<Range<usize>> {
        self.key.range()
    }

    /// Where the value is in the [data of the block](super::RecordBlock::data).
    #[inline]
    pub fn value_range(&self) -> Option<Range<usize>> {
        self.value.range()
    }

    /// The headers, decoded as they are asked for.
    #[inline]
    pub fn headers(&self) -> Headers<'a> {
        let bytes = self
            .headers
            .range()
            .map_or(&[][..], |range| &self.block[range]);
        Headers {
            rest: bytes,
            left: self.header_count,
        }
    }
}

/// A header of a record. A key may occur more than once, and the order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header<'a> {
    /// The name.
    pub key: &'a str,
    /// The value; `None` is null, which differs from empty.
    pub value: Option<&'a [u8]>,
}

impl<'a> Header<'a> {
    /// A header with a value.
    pub fn new(key: &'a str, value: &'a [u8]) -> Self {
        Self {
            key,
            value: Some(value),
        }
    }
}

/// The headers of a record, decoded one by one. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Headers<'a> {
    /// How many the record announces and have not been taken yet.
    #[inline]
    pub fn len(&self) -> usize {
        self.left as usize
    }

    /// Whether there are none (left).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    fn read(&mut self) -> Result<Header<'a>, &'static str> {
        let mut at = 0;
        let key = span(self.rest, &mut at)?.range().ok_or("its key is null")?;
        let key = std::str::from_utf8(&self.rest[key]).map_err(|_| "its key is not UTF-8")?;
        let value = span(self.rest, &mut at)?
            .range()
            .map(|range| &self.rest[range]);
        self.rest = &self.rest[at..];
        if self.left == 1 && !self.rest.is_empty() {
            return Err("bytes follow the last one");
        }
        Ok(Header { key, value })
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<Header<'a>, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let header = self.read();
        self.left = if header.is_ok() { self.left - 1 } else { 0 };
        Some(header.map_err(RecordsError::CorruptHeader))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.len()))
    }
}

/// Reads a field that is preceded by its length, −1 for null, and moves `at` past it.
#[inline(always)]
pub(super) fn span(data: &[u8], at: &mut usize) -> Result<Span, &'static str> {
    let length = varint::varint_at(data, at).map_err(|_| "a length is not a valid number")?;
    let start = *at as u32;
    if length > 0 {
        if length as usize > data.len() - *at {
            return Err("a field is longer than what is left of the record");
        }
        *at += length as usize;
    } else if length < -1 {
        return Err("a length is negative");
    }
    Ok(Span { start, length })
}
