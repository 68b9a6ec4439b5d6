use std::ops::Range;

use super::fault::explain;
use super::{RecordField, RecordsError};
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
    pub(super) fn range(self) -> Option<Range<usize>> {
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
            index: 0,
            end: self.headers.start as usize + bytes.len(),
            offset: self.offset,
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
    index: u32,
    /// Where `rest` ends in the block: for errors, as is the record's offset.
    end: usize,
    offset: i64,
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

    /// Reads the header at the front, or says which field is wrong and where in the rest.
    fn read(&mut self) -> Result<Header<'a>, (usize, RecordField)> {
        let mut at = 0;
        let key = span(self.rest, &mut at)
            .and_then(Span::range)
            .and_then(|key| std::str::from_utf8(&self.rest[key]).ok())
            .ok_or((0, RecordField::HeaderKey))?;
        let value_at = at;
        let value = span(self.rest, &mut at).ok_or((at, RecordField::HeaderValue))?;
        let value = value.range().map(|range| &self.rest[range]);
        // The record ends with its last header.
        if self.left == 1 && at < self.rest.len() {
            return Err((value_at, RecordField::HeaderValue));
        }
        self.rest = &self.rest[at..];
        Ok(Header { key, value })
    }

    #[cold]
    fn corrupt(&mut self, at: usize, field: RecordField) -> RecordsError {
        self.left = 0;
        let defect = explain(self.rest, at, field);
        RecordsError::CorruptHeader {
            offset: self.offset,
            index: self.index,
            at: self.end - self.rest.len() + at,
            field,
            fault: defect.fault,
        }
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<Header<'a>, RecordsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        match self.read() {
            Ok(header) => {
                self.left -= 1;
                self.index += 1;
                Some(Ok(header))
            }
            Err((at, field)) => Some(Err(self.corrupt(at, field))),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.len()))
    }
}

/// Reads a field that is preceded by its length, −1 for null, and moves `at` past it; on an error `at` stays.
#[inline(always)]
pub(super) fn span(data: &[u8], at: &mut usize) -> Option<Span> {
    let mut pos = *at;
    let length = varint::varint_at(data, &mut pos).ok()?;
    let start = pos as u32;
    if length > 0 {
        if length as usize > data.len() - pos {
            return None;
        }
        pos += length as usize;
    } else if length < -1 {
        return None;
    }
    *at = pos;
    Some(Span { start, length })
}
