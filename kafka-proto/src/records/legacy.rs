//! The formats before Kafka 0.11, for reading: single messages of magic 0 and 1, each with a CRC-32 of its own.
//!
//! A compressed message wraps a set of messages as its value. Within a wrapper of magic 1 the inner offsets count from
//! 0 and the wrapper carries the offset of the last one (KIP-31); in magic 0 they are absolute.

use super::batch::{RecordBatch, TimestampType};
use super::fault::{Defect, FieldFault, RecordField};
use super::layout::{COMPRESSION_MASK, LENGTH, LOG_OVERHEAD, MAGIC, field};
use super::record::{RecordRef, Span};
use super::{RecordBlock, RecordsError};
use crate::compression::Compression;
use crate::crc::crc32;

pub(super) const CRC: usize = 12;
/// The checksum covers everything from the magic on.
pub(super) const ATTRIBUTES: usize = 17;
const TIMESTAMP: usize = 18;

/// Offset, length, checksum, magic, attributes, and the lengths of key and value.
pub(super) const MIN_SIZE_V0: usize = 26;
/// The same with a timestamp.
pub(super) const MIN_SIZE_V1: usize = 34;

pub(super) fn attributes(message: &[u8]) -> u8 {
    message[ATTRIBUTES]
}

pub(super) fn timestamp(message: &[u8]) -> i64 {
    if message[MAGIC] == 0 {
        -1
    } else {
        i64::from_be_bytes(field(message, TIMESTAMP))
    }
}

pub(super) fn crc(message: &[u8]) -> u32 {
    u32::from_be_bytes(field(message, CRC))
}

pub(super) fn compute_crc(message: &[u8]) -> u32 {
    crc32(&message[MAGIC..])
}

pub(super) fn decompressed(batch: &RecordBatch, limit: usize) -> Result<RecordBlock, RecordsError> {
    let bytes = batch.bytes();
    let log_append_time =
        (batch.timestamp_type() == TimestampType::LogAppendTime).then(|| batch.max_timestamp());
    let compression = batch.compression()?;
    let place = batch.place();
    if compression == Compression::None {
        let data = bytes.clone();
        return Ok(RecordBlock::legacy(data, place, 0, log_append_time, 1));
    }
    let corrupt = |index, Defect { at, field, fault }| RecordsError::CorruptRecord {
        batch: place,
        index,
        at,
        field,
        fault,
    };
    let wrapper = read_message(bytes, &mut 0).map_err(|defect| corrupt(0, defect))?;
    let Some(range) = wrapper.value.range() else {
        let at = wrapper.value_at;
        let (field, fault) = (RecordField::Value, FieldFault::Null);
        return Err(corrupt(0, Defect { at, field, fault }));
    };
    let at = range.start;
    let data = if batch.magic() == 0 {
        compression.decompress_magic0(&bytes[range], limit)
    } else {
        compression.decompress(&bytes[range], limit)
    };
    let data = data.map_err(|source| RecordsError::Compression {
        batch: place,
        at,
        source,
    })?;
    let set = check_set(&data).map_err(|(index, defect)| corrupt(index, defect))?;
    // The wrapper carries the offset of the last message in it. Where that is less than the messages' own offsets tell,
    // as in what producers send, theirs stand.
    let base_offset = match batch.magic() {
        0 => 0,
        _ => batch
            .last_offset()
            .saturating_sub(set.last_inner_offset)
            .max(0),
    };
    Ok(RecordBlock::legacy(
        data.into(),
        place,
        base_offset,
        log_append_time,
        set.count,
    ))
}

struct MessageSet {
    count: u32,
    last_inner_offset: i64,
}

/// Walks the messages of a decompressed wrapper; an error comes with the number of the message. Their checksums are
/// verified here because no outer one vouches for what a wrapper decompresses to.
fn check_set(data: &[u8]) -> Result<MessageSet, (u32, Defect)> {
    let mut set = MessageSet {
        count: 0,
        last_inner_offset: 0,
    };
    let mut at = 0;
    while at < data.len() {
        let start = at;
        let fail = |at, field, fault| {
            let at = start + at;
            Err((set.count, Defect { at, field, fault }))
        };
        let message = read_message(data, &mut at).map_err(|defect| (set.count, defect))?;
        let bytes = &data[start..at];
        if u16::from(attributes(bytes)) & COMPRESSION_MASK != 0 {
            return fail(ATTRIBUTES, RecordField::Attributes, FieldFault::Nested);
        }
        let (expected, computed) = (crc(bytes), compute_crc(bytes));
        if expected != computed {
            let fault = FieldFault::BadCrc { expected, computed };
            return fail(CRC, RecordField::Checksum, fault);
        }
        set.last_inner_offset = message.offset;
        set.count += 1;
    }
    if set.count == 0 {
        let (field, fault) = (RecordField::Value, FieldFault::NoMessages);
        return Err((0, Defect { at, field, fault }));
    }
    Ok(set)
}

/// The message at `*at` of a block, as a record.
pub(super) fn read_record<'a>(
    data: &'a [u8],
    at: &mut usize,
    base_offset: i64,
    log_append_time: Option<i64>,
) -> Result<RecordRef<'a>, Defect> {
    let message = read_message(data, at)?;
    Ok(RecordRef {
        block: data,
        offset: message.offset.wrapping_add(base_offset),
        timestamp: log_append_time.unwrap_or(message.timestamp),
        key: message.key,
        value: message.value,
        headers: Span::NULL,
        header_count: 0,
    })
}

struct Message {
    offset: i64,
    timestamp: i64,
    key: Span,
    value: Span,
    /// Where the value's length stands.
    value_at: usize,
}

/// Reads the message at `*at` and moves `at` past it. Positions count from the start of `data`.
fn read_message(data: &[u8], at: &mut usize) -> Result<Message, Defect> {
    let start = *at;
    let bytes = data.get(start..).unwrap_or_default();
    let defect = |at, field, fault| Defect {
        at: start + at,
        field,
        fault,
    };
    let cut_off = |left, needed| {
        let fault = FieldFault::CutOff { left, needed };
        defect(0, RecordField::Length, fault)
    };
    if bytes.len() <= MAGIC {
        return Err(cut_off(bytes.len(), MIN_SIZE_V0));
    }
    let smallest = match bytes[MAGIC] {
        0 => MIN_SIZE_V0,
        1 => MIN_SIZE_V1,
        magic => {
            let fault = FieldFault::BadMagic(magic);
            return Err(defect(MAGIC, RecordField::Magic, fault));
        }
    };
    let length = i32::from_be_bytes(field(bytes, LENGTH));
    let least = (smallest - LOG_OVERHEAD) as i32;
    if length < least {
        let fault = FieldFault::BadLength { length, least };
        return Err(defect(LENGTH, RecordField::Length, fault));
    }
    let size = length as usize + LOG_OVERHEAD;
    let Some(message) = bytes.get(..size) else {
        let left = bytes.len() - LOG_OVERHEAD;
        let fault = FieldFault::TooLong { length, left };
        return Err(defect(LENGTH, RecordField::Length, fault));
    };
    // The lengths of key and value are the last eight bytes of the smallest message.
    let mut pos = smallest - 8;
    let mut read = |field| {
        let at = pos;
        read_span(message, &mut pos, start)
            .map(|span| (at, span))
            .map_err(|fault| defect(at, field, fault))
    };
    let (_, key) = read(RecordField::Key)?;
    let (value_at, value) = read(RecordField::Value)?;
    if pos != size {
        let fault = FieldFault::Trailing(size - pos);
        return Err(defect(value_at, RecordField::Value, fault));
    }
    *at = start + size;
    Ok(Message {
        offset: i64::from_be_bytes(field(message, 0)),
        timestamp: timestamp(message),
        key,
        value,
        value_at: start + value_at,
    })
}

fn read_span(message: &[u8], pos: &mut usize, start: usize) -> Result<Span, FieldFault> {
    let rest = &message[*pos..];
    let Some((length, rest)) = rest.split_first_chunk::<4>() else {
        let (left, needed) = (rest.len(), 4);
        return Err(FieldFault::CutOff { left, needed });
    };
    let length = i32::from_be_bytes(*length);
    if length < -1 {
        let least = -1;
        return Err(FieldFault::BadLength { length, least });
    }
    let (taken, left) = (length.max(0) as usize, rest.len());
    if taken > left {
        return Err(FieldFault::TooLong { length, left });
    }
    *pos += 4;
    let span = Span {
        start: (start + *pos) as u32,
        length,
    };
    *pos += taken;
    Ok(span)
}
