//! The formats before Kafka 0.11, for reading: single messages of magic 0 and 1, each with a CRC-32 of its own.
//!
//! A compressed message wraps a set of messages as its value. Within a wrapper of magic 1 the inner offsets count from
//! 0 and the wrapper carries the offset of the last one (KIP-31); in magic 0 they are absolute.

use super::batch::{RecordBatch, TimestampType};
use super::layout::{LOG_OVERHEAD, MAGIC, field};
use super::record::{RecordRef, Span};
use super::{RecordBlock, RecordsError};
use crate::compression::Compression;
use crate::crc::crc32;

const CRC: usize = 12;
/// The checksum covers everything from the magic on.
const ATTRIBUTES: usize = 17;
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
    if compression == Compression::None {
        return Ok(RecordBlock::legacy(bytes.clone(), 0, log_append_time, 1));
    }
    let last_offset = batch.last_offset();
    let corrupt = |reason| RecordsError::CorruptRecord {
        base_offset: last_offset,
        index: 0,
        reason,
    };
    let wrapper = read_message(bytes, &mut 0).map_err(corrupt)?;
    let value = RecordRef::from(wrapper, bytes)
        .value()
        .ok_or_else(|| corrupt("a compressed message has no value"))?;
    let data = if batch.magic() == 0 {
        compression.decompress_magic0(value, limit)
    } else {
        compression.decompress(value, limit)
    };
    let data = data.map_err(|source| RecordsError::Compression {
        base_offset: last_offset,
        source,
    })?;
    let set = check_set(&data, batch.magic(), last_offset)?;
    // `last_offset` is the wrapper's, and that of the last message in it.
    let base_offset = if batch.magic() == 0 {
        0
    } else {
        last_offset.wrapping_sub(set.last_inner_offset)
    };
    Ok(RecordBlock::legacy(
        data.into(),
        base_offset,
        log_append_time,
        set.count,
    ))
}

struct MessageSet {
    count: u32,
    last_inner_offset: i64,
}

/// Walks the messages of a decompressed wrapper. Their checksums are verified here because no outer one vouches for
/// what a wrapper decompresses to.
fn check_set(data: &[u8], magic: u8, wrapper_offset: i64) -> Result<MessageSet, RecordsError> {
    let mut set = MessageSet {
        count: 0,
        last_inner_offset: 0,
    };
    let mut at = 0;
    while at < data.len() {
        let start = at;
        let corrupt = |reason| RecordsError::CorruptRecord {
            base_offset: wrapper_offset,
            index: set.count,
            reason,
        };
        let message = read_message(data, &mut at).map_err(corrupt)?;
        let bytes = &data[start..at];
        if bytes[MAGIC] != magic {
            return Err(corrupt("its format is not that of the message around it"));
        }
        if attributes(bytes) & 0b111 != 0 {
            return Err(corrupt("it is compressed within a compressed message"));
        }
        let (expected, computed) = (crc(bytes), compute_crc(bytes));
        if expected != computed {
            return Err(RecordsError::BadCrc {
                base_offset: wrapper_offset,
                expected,
                computed,
            });
        }
        set.last_inner_offset = message.offset;
        set.count += 1;
    }
    if set.count == 0 {
        return Err(RecordsError::CorruptRecord {
            base_offset: wrapper_offset,
            index: 0,
            reason: "a compressed message holds no messages",
        });
    }
    Ok(set)
}

/// The message at `*at` of a block, as a record.
pub(super) fn read_record<'a>(
    data: &'a [u8],
    at: &mut usize,
    base_offset: i64,
    log_append_time: Option<i64>,
) -> Result<RecordRef<'a>, &'static str> {
    let mut record = RecordRef::from(read_message(data, at)?, data);
    record.offset = record.offset.wrapping_add(base_offset);
    record.timestamp = log_append_time.unwrap_or(record.timestamp);
    Ok(record)
}

struct Message {
    offset: i64,
    timestamp: i64,
    key: Span,
    value: Span,
}

impl<'a> RecordRef<'a> {
    fn from(message: Message, block: &'a [u8]) -> Self {
        let Message {
            offset,
            timestamp,
            key,
            value,
        } = message;
        Self {
            block,
            offset,
            timestamp,
            key,
            value,
            headers: Span::NULL,
            header_count: 0,
        }
    }
}

/// Reads the message at `*at` and moves `at` past it. Positions count from the start of `data`.
fn read_message(data: &[u8], at: &mut usize) -> Result<Message, &'static str> {
    let start = *at;
    let bytes = data.get(start..).unwrap_or_default();
    if bytes.len() <= MAGIC {
        return Err("it is cut off");
    }
    let length = i32::from_be_bytes(field(bytes, 8));
    let smallest = match bytes[MAGIC] {
        0 => MIN_SIZE_V0,
        1 => MIN_SIZE_V1,
        _ => return Err("its format (magic) is not 0 or 1"),
    };
    let size = usize::try_from(length).map_err(|_| "its length is negative")? + LOG_OVERHEAD;
    if size < smallest {
        return Err("its length is less than that of an empty message");
    }
    let Some(message) = bytes.get(..size) else {
        return Err("it is cut off");
    };
    // The lengths of key and value are the last eight bytes of the smallest message.
    let mut pos = smallest - 8;
    let key = read_span(message, &mut pos, start)?;
    let value = read_span(message, &mut pos, start)?;
    if pos != size {
        return Err("it is shorter than its length says");
    }
    *at = start + size;
    Ok(Message {
        offset: i64::from_be_bytes(field(message, 0)),
        timestamp: timestamp(message),
        key,
        value,
    })
}

fn read_span(message: &[u8], pos: &mut usize, start: usize) -> Result<Span, &'static str> {
    let rest = &message[*pos..];
    let Some((length, rest)) = rest.split_first_chunk::<4>() else {
        return Err("a length is cut off");
    };
    let length = i32::from_be_bytes(*length);
    let taken = match length {
        -1 => 0,
        _ => usize::try_from(length).map_err(|_| "a length is negative")?,
    };
    if taken > rest.len() {
        return Err("a field is longer than what is left of the message");
    }
    *pos += 4;
    let span = Span {
        start: (start + *pos) as u32,
        length,
    };
    *pos += taken;
    Ok(span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compression::Codec;
    use crate::records::Batches;

    const LIMIT: usize = 1 << 20;

    fn message(
        magic: u8,
        offset: i64,
        attributes: u8,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Vec<u8> {
        let mut body = vec![magic, attributes];
        if magic > 0 {
            body.extend_from_slice(&timestamp.to_be_bytes());
        }
        for field in [key, value] {
            body.extend_from_slice(&field.map_or(-1, |field| field.len() as i32).to_be_bytes());
            body.extend_from_slice(field.unwrap_or_default());
        }
        let mut message = offset.to_be_bytes().to_vec();
        message.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
        message.extend_from_slice(&crc32(&body).to_be_bytes());
        message.extend_from_slice(&body);
        message
    }

    fn wrapper(magic: u8, offset: i64, attributes: u8, timestamp: i64, set: &[u8]) -> RecordBatch {
        let mut value = Vec::new();
        Codec::new(Compression::Gzip)
            .compress(set, &mut value)
            .expect("it compresses");
        let bytes = message(
            magic,
            offset,
            attributes | Compression::Gzip.id(),
            timestamp,
            None,
            Some(&value),
        );
        RecordBatch::parse(bytes.into()).expect("a message")
    }

    /// Offset, timestamp and value.
    type Read = (i64, i64, Option<Vec<u8>>);

    fn read(batch: &RecordBatch) -> Result<Vec<Read>, RecordsError> {
        let block = batch.decompressed(LIMIT)?;
        block
            .iter()
            .map(|r| r.map(|r| (r.offset(), r.timestamp(), r.value().map(<[u8]>::to_vec))))
            .collect()
    }

    #[test]
    fn offsets_within_a_wrapper_are_relative_in_magic_1_and_absolute_in_magic_0() {
        let v1 = [
            message(1, 0, 0, 50, None, Some(b"a")),
            message(1, 2, 0, 70, None, None),
        ]
        .concat();
        let read_v1 = read(&wrapper(1, 102, 0, 70, &v1));
        assert_eq!(
            read_v1,
            Ok(vec![(100, 50, Some(b"a".to_vec())), (102, 70, None)])
        );
        let v0 = [
            message(0, 100, 0, 0, None, Some(b"a")),
            message(0, 102, 0, 0, None, None),
        ]
        .concat();
        let read_v0 = read(&wrapper(0, 102, 0, 0, &v0));
        assert_eq!(
            read_v0,
            Ok(vec![(100, -1, Some(b"a".to_vec())), (102, -1, None)])
        );
    }

    #[test]
    fn log_append_time_of_a_wrapper_is_that_of_its_messages() {
        let set = message(1, 0, 0, 50, None, Some(b"a"));
        let batch = wrapper(1, 7, 1 << 3, 999, &set);
        assert_eq!(batch.timestamp_type(), TimestampType::LogAppendTime);
        assert_eq!(read(&batch), Ok(vec![(7, 999, Some(b"a".to_vec()))]));
    }

    #[test]
    fn hostile_wrappers_are_errors() {
        let good = message(1, 0, 0, 50, Some(b"k"), Some(b"v"));
        let changed = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        let nested = wrapper(1, 0, 0, 0, &good);
        for (name, set) in [
            ("no messages", vec![]),
            (
                "a message of another magic",
                message(0, 0, 0, 0, None, None),
            ),
            ("a wrapper in a wrapper", nested.bytes().to_vec()),
            ("a message that is cut off", good[..good.len() - 1].to_vec()),
            ("a header that is cut off", good[..16].to_vec()),
            ("a negative length", changed(8, 0xff)),
            ("a length below the smallest", changed(11, 13)),
            ("a huge length", changed(8, 0x7f)),
            ("a checksum that does not match", changed(12, good[12] ^ 1)),
            ("a key longer than the message", changed(29, 99)),
            ("a negative length of a key", changed(26, 0x80)),
            ("a value shorter than the rest", changed(34, 0)),
            ("an unknown magic", changed(16, 9)),
        ] {
            assert!(read(&wrapper(1, 0, 0, 0, &set)).is_err(), "{name}");
        }
        assert!(
            read(&wrapper(1, 0, 0, 0, &good)).is_ok(),
            "what all were made from"
        );
        let null = message(1, 0, Compression::Gzip.id(), 0, None, None);
        assert!(
            read(&RecordBatch::parse(null.into()).expect("a message")).is_err(),
            "a wrapper without a value"
        );
    }

    #[test]
    fn a_log_may_hold_all_formats() {
        let mut builder = crate::records::RecordBatchBuilder::new();
        builder
            .append(60, None, Some(b"two"), &[])
            .expect("it fits");
        let v2 = builder
            .finish(&crate::records::Seal {
                base_offset: 2,
                ..Default::default()
            })
            .expect("a batch");
        let log = [
            &message(0, 0, 0, 0, None, Some(b"zero"))[..],
            &message(1, 1, 0, 50, None, Some(b"one")),
            &v2,
        ]
        .concat();
        let mut read_back = Vec::new();
        for batch in Batches::new(log.into()) {
            let batch = batch.expect("a batch");
            batch.verify_crc().expect("intact");
            read_back.extend(read(&batch).expect("records"));
        }
        let expected = [(0, -1, "zero"), (1, 50, "one"), (2, 60, "two")];
        assert_eq!(
            read_back,
            expected.map(|(offset, time, value)| (offset, time, Some(value.as_bytes().to_vec())))
        );
        let old = RecordBatch::parse(message(1, 0, 0, 0, None, None).into()).expect("a message");
        assert!(
            matches!(
                old.with_offset(1, 1),
                Err(RecordsError::OldMagic { magic: 1, .. })
            ),
            "old formats are read only"
        );
    }
}
