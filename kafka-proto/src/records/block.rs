use bytes::Bytes;

use super::fault::{Defect, MIN_HEADER, explain};
use super::record::{Span, span};
use super::{BatchPlace, RecordField, RecordRef, RecordsError, legacy};
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
    batch: BatchPlace,
    /// What the offsets of the records count from.
    base_offset: i64,
    base_timestamp: i64,
    /// What every record's timestamp is, where the broker set it.
    log_append_time: Option<i64>,
    count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    V2,
    /// Messages of magic 0 or 1.
    Legacy,
}

impl RecordBlock {
    pub(super) fn v2(
        data: Bytes,
        batch: BatchPlace,
        base_timestamp: i64,
        log_append_time: Option<i64>,
        announced: i32,
    ) -> Result<Self, RecordsError> {
        // Checked here so that whoever sizes a buffer by the count is safe.
        let most = data.len() / MIN_RECORD;
        let count = u32::try_from(announced)
            .ok()
            .filter(|&count| count as usize <= most)
            .ok_or(RecordsError::BadCount {
                batch,
                announced,
                most,
            })?;
        Ok(Self {
            data,
            format: Format::V2,
            batch,
            base_offset: batch.base_offset,
            base_timestamp,
            log_append_time,
            count,
        })
    }

    pub(super) fn legacy(
        data: Bytes,
        batch: BatchPlace,
        base_offset: i64,
        log_append_time: Option<i64>,
        count: u32,
    ) -> Self {
        Self {
            data,
            format: Format::Legacy,
            batch,
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
        let mut at = cursor.at;
        let defect = match self.format {
            Format::V2 => match self.record_v2(&mut at) {
                Ok(record) => return Some(Ok(cursor.advance(at, record))),
                Err(field) => self.explain_v2(cursor.at, at, field),
            },
            Format::Legacy => {
                let base_offset = self.base_offset;
                match legacy::read_record(&self.data, &mut at, base_offset, self.log_append_time) {
                    Ok(record) => return Some(Ok(cursor.advance(at, record))),
                    Err(defect) => defect,
                }
            }
        };
        Some(Err(self.corrupt(cursor, defect)))
    }

    /// Reads the record at `*at` and moves `at` past it, or on an error to the field that is wrong.
    // The innermost loop of a consumer. It reads the lengths by hand, keeps positions of 32 bits instead of slices and
    // returns errors as a byte, which makes it several times faster than combinators would be.
    #[inline(always)]
    fn record_v2(&self, at: &mut usize) -> Result<RecordRef<'_>, RecordField> {
        let data = &self.data[..];
        let mut pos = *at;
        let length = varint::varint_at(data, &mut pos).map_err(|_| RecordField::Length)?;
        let left = data.len() - pos;
        if length < 0 || length as usize > left {
            return Err(RecordField::Length);
        }
        let end = pos + length as usize;
        let record = &data[..end];
        *at = pos;
        // The attributes of a record have no meaning yet.
        if pos == end {
            return Err(RecordField::Attributes);
        }
        *at += 1;
        let timestamp = varint::varlong_at(record, at).map_err(|_| RecordField::Timestamp)?;
        let offset = varint::varint_at(record, at).map_err(|_| RecordField::Offset)?;
        let key = span(record, at).ok_or(RecordField::Key)?;
        let value = span(record, at).ok_or(RecordField::Value)?;
        let mut pos = *at;
        let header_count =
            varint::varint_at(record, &mut pos).map_err(|_| RecordField::HeaderCount)?;
        // No more headers than the bytes can hold, and no bytes where there are no headers.
        if header_count < 0
            || header_count as usize > (end - pos) / MIN_HEADER
            || header_count == 0 && pos != end
        {
            return Err(RecordField::HeaderCount);
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
        let at = std::mem::replace(&mut cursor.at, self.data.len());
        let extra = self.data.len() - at;
        (extra > 0).then_some(Err(RecordsError::BytesAfterRecords {
            batch: self.batch,
            count: self.count,
            at,
            extra,
        }))
    }

    /// What is wrong with the field at `at` of the record at `start`.
    #[cold]
    fn explain_v2(&self, start: usize, at: usize, field: RecordField) -> Defect {
        // A record's fields end where its length says.
        let mut end = start;
        let length = match field {
            RecordField::Length => None,
            _ => varint::varint_at(&self.data, &mut end).ok(),
        };
        let end = length.map_or(self.data.len(), |length| end + length.max(0) as usize);
        explain(&self.data[..end], at, field)
    }

    #[cold]
    fn corrupt(&self, cursor: &mut RecordCursor, defect: Defect) -> RecordsError {
        let index = cursor.index;
        *cursor = RecordCursor {
            at: self.data.len(),
            index: self.count,
        };
        let Defect { at, field, fault } = defect;
        RecordsError::CorruptRecord {
            batch: self.batch,
            index,
            at,
            field,
            fault,
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

    /// Where the next record begins in the block's data.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Moves past a record that ends at `at`.
    #[inline]
    fn advance<R>(&mut self, at: usize, record: R) -> R {
        self.at = at;
        self.index += 1;
        record
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
