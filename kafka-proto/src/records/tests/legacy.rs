use super::super::*;
use super::LIMIT;
use crate::compression::{Codec, Compression};
use crate::crc::crc32;

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

/// Hazard 35.
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

/// As in what a producer sends, whose wrapper has no offset yet: the Java client reads it likewise.
#[test]
fn offsets_of_messages_stand_where_the_wrapper_says_less() {
    let set = [
        message(1, 0, 0, 50, None, None),
        message(1, 1, 0, 50, None, None),
    ]
    .concat();
    let read = read(&wrapper(1, 0, 0, 50, &set));
    assert_eq!(read, Ok(vec![(0, 50, None), (1, 50, None)]));
}

/// Brokers before 0.11 did not insist that a set has one format, nor does the Java consumer.
#[test]
fn a_wrapper_may_hold_messages_of_either_magic() {
    let set = [
        message(0, 0, 0, 0, None, Some(b"zero")),
        message(1, 1, 0, 50, None, None),
    ]
    .concat();
    let read = read(&wrapper(1, 8, 0, 50, &set));
    assert_eq!(
        read,
        Ok(vec![(7, -1, Some(b"zero".to_vec())), (8, 50, None)])
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
    for (set, expected) in [
        // No messages.
        (
            vec![],
            "byte 0 of the records: value: no messages, expected one or more",
        ),
        // A wrapper in a wrapper.
        (
            nested.bytes().to_vec(),
            "byte 17 of the records: attributes: compressed within a compressed message, expected no compression",
        ),
        // A message that is cut off.
        (
            good[..good.len() - 1].to_vec(),
            "byte 8 of the records: length: 24 bytes, where 23 are left",
        ),
        // A header that is cut off.
        (
            good[..16].to_vec(),
            "byte 0 of the records: length: 16 bytes are left, expected 26 or more",
        ),
        // A negative length.
        (
            changed(8, 0xff),
            "byte 8 of the records: length: -16777192 bytes, expected 22 or more",
        ),
        // A length below the smallest.
        (
            changed(11, 13),
            "byte 8 of the records: length: 13 bytes, expected 22 or more",
        ),
        // A huge length.
        (
            changed(8, 0x7f),
            "byte 8 of the records: length: 2130706456 bytes, where 24 are left",
        ),
        // A key longer than the message.
        (
            changed(29, 99),
            "byte 26 of the records: key: 99 bytes, where 6 are left",
        ),
        // A negative length of a key.
        (
            changed(26, 0x80),
            "byte 26 of the records: key: -2147483647 bytes, expected -1 or more",
        ),
        // A value shorter than the rest.
        (
            changed(34, 0),
            "byte 31 of the records: value: followed by 1 bytes, expected the end of the record",
        ),
        // An unknown magic.
        (
            changed(16, 9),
            "byte 16 of the records: format (magic): 9, expected 0 or 1",
        ),
    ] {
        let error = read(&wrapper(1, 0, 0, 0, &set)).expect_err(expected);
        let message =
            format!("record batch at offset 0 (byte 0): record 0 is corrupt at {expected}");
        assert_eq!(error.to_string(), message);
    }
    let damaged = read(&wrapper(1, 0, 0, 0, &changed(12, good[12] ^ 1)));
    let fault = matches!(
        damaged,
        Err(RecordsError::CorruptRecord {
            at: 12,
            field: RecordField::Checksum,
            fault: FieldFault::BadCrc { .. },
            ..
        })
    );
    assert!(fault, "{damaged:?}");
    assert!(
        read(&wrapper(1, 0, 0, 0, &good)).is_ok(),
        "what all were made from"
    );
    let null = message(1, 0, Compression::Gzip.id(), 0, None, None);
    let null = RecordBatch::parse(null.into()).expect("a message");
    assert_eq!(
        read(&null).expect_err("no value").to_string(),
        "record batch at offset 0 (byte 0): record 0 is corrupt at byte 30 of the records: value: null, expected bytes"
    );
    let unknown = message(1, 0, 5, 0, None, Some(b"v"));
    let unknown = RecordBatch::parse(unknown.into()).expect("a message");
    assert!(
        read(&unknown)
            .expect_err("no such compression")
            .to_string()
            .starts_with(
                "record batch at offset 0 (byte 0), from its byte 17 on: compression id 5"
            ),
    );
}

/// Hazard 35.
#[test]
fn a_log_may_hold_all_formats() {
    let mut builder = RecordBatchBuilder::new();
    builder
        .append(60, None, Some(b"two"), &[])
        .expect("it fits");
    let v2 = builder
        .finish(&Seal {
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
