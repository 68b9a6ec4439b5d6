use bytes::Bytes;

use super::record::{Span, span};
use super::{RecordRef, RecordsError, legacy};
use crate::varint;

/// Fewest bytes of a record: its length, attributes, two deltas, the lengths of key and value, and a count of headers.
const MIN_RECORD: usize = 7;

/// The decompressed records of a batch, decoded one by one as they are asked for.
///
/// Owns its bytes: those of the batch where it was not compressed (without copying them), or what they decompressed
/// to. Records borrow from it.
#[derive(Clone, Debug)]
pub struct RecordBlock {
    data: Bytes,
    format: Format,
    base_offset: i64,
    base_timestamp: i64,
    /// What every record's timestamp is, where the broker set it.
    log_append_time: Option<i64>,
    count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    V2,
    /// Messages of magic 0 or 1, whose offsets count from `base_offset`.
    Legacy,
}

impl RecordBlock {
    pub(super) fn v2(
        data: Bytes,
        base_offset: i64,
        base_timestamp: i64,
        log_append_time: Option<i64>,
        announced: i32,
    ) -> Result<Self, RecordsError> {
        let bad_count = |reason| RecordsError::BadCount {
            base_offset,
            announced,
            reason,
        };
        let count = u32::try_from(announced)
            .map_err(|_| bad_count("a number of records is not negative"))?;
        // Checked here so that whoever sizes a buffer by the count is safe.
        if count as usize > data.len() / MIN_RECORD {
            return Err(bad_count("its bytes cannot hold that many"));
        }
        Ok(Self {
            data,
            format: Format::V2,
            base_offset,
            base_timestamp,
            log_append_time,
            count,
        })
    }

    pub(super) fn legacy(
        data: Bytes,
        base_offset: i64,
        log_append_time: Option<i64>,
        count: u32,
    ) -> Self {
        Self {
            data,
            format: Format::Legacy,
            base_offset,
            base_timestamp: 0,
            log_append_time,
            count,
        }
    }

    /// How many records there are. Never more than the bytes could hold.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there are none, as in a batch whose records compaction has removed.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes that keys and values are [ranges](RecordRef::value_range) of.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// The records in the order of their offsets. Ends after the first error.
    #[inline]
    pub fn iter(&self) -> Records<'_> {
        Records {
            block: self,
            cursor: RecordCursor::default(),
        }
    }

    /// The record at the cursor, which moves past it; `None` at the end and after an error.
    ///
    /// For whoever owns the block and goes on reading it later; [`iter`](Self::iter) is the same in one go.
    #[inline]
    pub fn next(&self, cursor: &mut RecordCursor) -> Option<Result<RecordRef<'_>, RecordsError>> {
        if cursor.index == self.count {
            return self.end(cursor);
        }
        let record = match self.format {
            Format::V2 => self.record_v2(&mut cursor.at),
            Format::Legacy => legacy::read_record(
                &self.data,
                &mut cursor.at,
                self.base_offset,
                self.log_append_time,
            ),
        };
        match record {
            Ok(record) => {
                cursor.index += 1;
                Some(Ok(record))
            }
            Err(reason) => Some(Err(self.corrupt(cursor, reason))),
        }
    }

    // The innermost loop of a consumer. It reads the lengths by hand, keeps positions of 32 bits instead of slices and
    // returns errors as a word, which makes it several times faster than combinators would be.
    #[inline(always)]
    fn record_v2(&self, at: &mut usize) -> Result<RecordRef<'_>, &'static str> {
        let data = &self.data[..];
        let mut pos = *at;
        let length =
            varint::varint_at(data, &mut pos).map_err(|_| "its length is not a valid number")?;
        let left = data.len() - pos;
        if length < 0 || length as usize > left {
            return Err("it is longer than what is left of the batch");
        }
        let end = pos + length as usize;
        let record = &data[..end];
        // The attributes of a record have no meaning yet.
        pos += 1;
        if pos > end {
            return Err("it is empty");
        }
        let timestamp = varint::varlong_at(record, &mut pos)
            .map_err(|_| "its timestamp is not a valid number")?;
        let offset =
            varint::varint_at(record, &mut pos).map_err(|_| "its offset is not a valid number")?;
        let key = span(record, &mut pos)?;
        let value = span(record, &mut pos)?;
        let header_count = varint::varint_at(record, &mut pos)
            .map_err(|_| "its number of headers is not a valid number")?;
        // A header takes at least two bytes.
        if header_count < 0 || header_count as usize > (end - pos) / 2 {
            return Err("its number of headers is more than it can hold");
        }
        if header_count == 0 && pos != end {
            return Err("it is shorter than its length says");
        }
        *at = end;
        Ok(RecordRef {
            block: data,
            offset: self.base_offset.wrapping_add(i64::from(offset)),
            timestamp: self
                .log_append_time
                .unwrap_or(self.base_timestamp.wrapping_add(timestamp)),
            key,
            value,
            headers: Span {
                start: pos as u32,
                length: (end - pos) as i32,
            },
            header_count: header_count as u32,
        })
    }

    /// All announced records are read: nothing may be left.
    #[cold]
    fn end(&self, cursor: &mut RecordCursor) -> Option<Result<RecordRef<'_>, RecordsError>> {
        if cursor.at >= self.data.len() {
            return None;
        }
        cursor.at = self.data.len();
        Some(Err(RecordsError::BadCount {
            base_offset: self.base_offset,
            announced: self.count as i32,
            reason: "bytes follow the last one",
        }))
    }

    #[cold]
    fn corrupt(&self, cursor: &mut RecordCursor, reason: &'static str) -> RecordsError {
        let index = cursor.index;
        *cursor = RecordCursor {
            at: self.data.len(),
            index: self.count,
        };
        RecordsError::CorruptRecord {
            base_offset: self.base_offset,
            index,
            reason,
        }
    }
}

impl<'a> IntoIterator for &'a RecordBlock {
    type Item = Result<RecordRef<'a>, RecordsError>;
    type IntoIter = Records<'a>;

    fn into_iter(self) -> Records<'a> {
        self.iter()
    }
}

/// How far a [`RecordBlock`] has been read. The default is its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCursor {
    at: usize,
    index: u32,
}

impl RecordCursor {
    /// How many records have been read.
    pub fn records_read(&self) -> usize {
        self.index as usize
    }
}

/// The records of a [`RecordBlock`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    block: &'a RecordBlock,
    cursor: RecordCursor,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<RecordRef<'a>, RecordsError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.block.next(&mut self.cursor)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // One more: the error about bytes after the last record.
        (0, Some(self.block.len() - self.cursor.records_read() + 1))
    }
}
