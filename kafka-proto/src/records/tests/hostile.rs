use bytes::Bytes;

use super::super::*;
use super::*;
use crate::compression::Compression;
use crate::varint::put_varint;

/// An uncompressed batch whose record section is `section`, with a valid checksum.
fn batch_around(section: &[u8], count: i32) -> RecordBatch {
    let mut bytes = batch_of(&[], &Seal::default()).bytes().to_vec();
    bytes.extend_from_slice(section);
    let length = (bytes.len() - 12) as i32;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[57..61].copy_from_slice(&count.to_be_bytes());
    let crc = crate::crc::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    let batch = RecordBatch::parse(bytes.into()).expect("a batch");
    batch.verify_crc().expect("a valid checksum");
    batch
}

/// A record from what follows its length.
fn record(body: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    put_varint(&mut record, body.len() as i32);
    record.extend_from_slice(body);
    record
}

/// Hazards 26 and 33.
#[test]
fn hostile_record_sections_are_errors() {
    // Attributes, timestamp and offset of a record, all zero.
    const START: [u8; 3] = [0; 3];
    const NULL: u8 = 1;
    let body = |rest: &[u8]| record(&[&START, rest].concat());
    let huge = [0xfe, 0xff, 0xff, 0xff, 0x0f];
    let lowest = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let cases: &[(&str, i32, Vec<u8>, &str)] = &[
        (
            "negative count",
            -1,
            vec![],
            "-1 records announced at byte 57, expected 0 to 0",
        ),
        (
            "count without bytes",
            1,
            vec![],
            "1 records announced at byte 57, expected 0 to 0",
        ),
        (
            "huge count",
            i32::MAX,
            body(&[NULL, NULL, 0]),
            "2147483647 records announced at byte 57, expected 0 to 1",
        ),
        (
            "bytes after the last record",
            1,
            body(&[NULL, NULL, 0]).repeat(2),
            "7 bytes follow at byte 7 of its records, expected the end after 1 records",
        ),
        (
            "fewer records than announced",
            2,
            [body(&[NULL, NULL, 0]), vec![0; 7]].concat(),
            "record 1 is corrupt at byte 8 of the records: attributes: 0 bytes are left, expected 1 or more",
        ),
        (
            "a length of zero",
            1,
            vec![0; 7],
            "record 0 is corrupt at byte 1 of the records: attributes: 0 bytes are left, expected 1 or more",
        ),
        (
            "a negative length",
            1,
            vec![NULL; 7],
            "record 0 is corrupt at byte 0 of the records: length: -1 bytes, expected 0 or more",
        ),
        (
            "a huge length",
            1,
            [&huge[..], &[0; 9]].concat(),
            "record 0 is corrupt at byte 0 of the records: length: 2147483647 bytes, where 9 are left",
        ),
        (
            "the lowest length",
            1,
            [&lowest[..], &[0; 9]].concat(),
            "record 0 is corrupt at byte 0 of the records: length: -2147483648 bytes, expected 0 or more",
        ),
        (
            "a length that never ends",
            1,
            vec![0xff; 9],
            "record 0 is corrupt at byte 0 of the records: length: a variable-length integer is longer than the 5 bytes that it may take",
        ),
        (
            "a timestamp that never ends",
            1,
            record(&[&[0][..], &[0xff; 11]].concat()),
            "record 0 is corrupt at byte 2 of the records: timestamp: a variable-length integer is longer than the 10 bytes that it may take",
        ),
        (
            "an offset that never ends",
            1,
            record(&[&[0, 0][..], &[0xff; 9]].concat()),
            "record 0 is corrupt at byte 3 of the records: offset: a variable-length integer is longer than the 5 bytes that it may take",
        ),
        (
            "a key longer than the record",
            1,
            [body(&[8, b'k', NULL, 0]), vec![0; 20]].concat(),
            "record 0 is corrupt at byte 4 of the records: key: 4 bytes, where 3 are left",
        ),
        (
            "a huge key",
            1,
            body(&[&huge[..], &[NULL, 0]].concat()),
            "record 0 is corrupt at byte 4 of the records: key: 2147483647 bytes, where 2 are left",
        ),
        (
            "a key of length -2",
            1,
            body(&[3, NULL, 0, 0]),
            "record 0 is corrupt at byte 4 of the records: key: -2 bytes, expected -1 or more",
        ),
        (
            "a value longer than the record",
            1,
            [body(&[NULL, 100, b'v', 0]), vec![0; 60]].concat(),
            "record 0 is corrupt at byte 5 of the records: value: 50 bytes, where 2 are left",
        ),
        (
            "a huge value",
            1,
            body(&[&[NULL][..], &huge, &[0]].concat()),
            "record 0 is corrupt at byte 5 of the records: value: 2147483647 bytes, where 1 are left",
        ),
        (
            "no count of headers",
            1,
            record(&[&START[..], &[NULL, 2, b'v']].concat()),
            "record 0 is corrupt at byte 7 of the records: number of headers: the bytes end inside a variable-length integer",
        ),
        (
            "a negative count of headers",
            1,
            body(&[NULL, NULL, NULL]),
            "record 0 is corrupt at byte 6 of the records: number of headers: -1, expected 0 to 0",
        ),
        (
            "a huge count of headers",
            1,
            body(&[&[NULL, NULL][..], &huge].concat()),
            "record 0 is corrupt at byte 6 of the records: number of headers: 2147483647, expected 0 to 0",
        ),
        (
            "bytes after the value",
            1,
            body(&[NULL, NULL, 0, 0]),
            "record 0 is corrupt at byte 6 of the records: number of headers: followed by 1 bytes, expected the end of the record",
        ),
        (
            "a header's key of null",
            1,
            body(&[NULL, NULL, 2, NULL, NULL]),
            "record at offset 0: header 0 is corrupt at byte 7 of the batch's records: key: null, expected bytes",
        ),
        (
            "a header's key longer than the record",
            1,
            body(&[NULL, NULL, 2, 100, b'h']),
            "record at offset 0: header 0 is corrupt at byte 7 of the batch's records: key: 50 bytes, where 1 are left",
        ),
        (
            "a header's key that is not UTF-8",
            1,
            body(&[NULL, NULL, 2, 2, 0xff, NULL]),
            "record at offset 0: header 0 is corrupt at byte 7 of the batch's records: key: not UTF-8",
        ),
        (
            "a header's value longer than the record",
            1,
            body(&[NULL, NULL, 2, 2, b'h', 100]),
            "record at offset 0: header 0 is corrupt at byte 9 of the batch's records: value: 50 bytes, where 0 are left",
        ),
        (
            "bytes after the last header",
            1,
            body(&[NULL, NULL, 2, 2, b'h', NULL, 0]),
            "record at offset 0: header 0 is corrupt at byte 9 of the batch's records: value: followed by 1 bytes, expected the end of the record",
        ),
    ];
    assert_eq!(
        read_all(&batch_around(&body(&[NULL, NULL, 0]), 1)),
        Ok(1),
        "the pattern of all cases is valid"
    );
    assert_eq!(
        read_all(&batch_around(&body(&[NULL, NULL, 2, 2, b'h', NULL]), 1)),
        Ok(1)
    );
    for (name, count, section, expected) in cases {
        let batch = batch_around(section, *count);
        let message = read_all(&batch).expect_err(name).to_string();
        let message = message
            .strip_prefix("record batch at offset 0 (byte 0): ")
            .unwrap_or(&message);
        assert_eq!(message, *expected, "{name}");
        if let Ok(block) = batch.decompressed(LIMIT) {
            assert!(
                block.len() <= section.len(),
                "{name}: a buffer sized by the count"
            );
            assert!(block.iter().count() <= 2, "{name}: it must end");
        }
    }
}

/// Hazards 25 and 33.
#[test]
fn hostile_batch_headers_are_errors() {
    let good = batch_of(
        &[b"value"],
        &Seal {
            base_offset: 7,
            ..Seal::default()
        },
    )
    .into_bytes();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.to_vec();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        Bytes::from(changed)
    };
    let message = |bytes: Bytes| RecordBatch::parse(bytes).expect_err("hostile").to_string();
    for (bytes, expected) in [
        (
            with(16, &[3]),
            "record batch at offset 7 (byte 0): format (magic) 3 at byte 16 is unknown, expected 0, 1 or 2",
        ),
        (
            with(8, &[0xff; 4]),
            "record batch at offset 7 (byte 0): length -1 at byte 8, expected 49 or more",
        ),
        (
            with(8, &48i32.to_be_bytes()),
            "record batch at offset 7 (byte 0): length 48 at byte 8, expected 49 or more",
        ),
        (
            good.slice(..72),
            "the record batch at byte 0 is cut off: 72 bytes, expected 73",
        ),
        (
            good.slice(..16),
            "the record batch at byte 0 is cut off: 16 bytes, expected 17",
        ),
        (
            [&good[..], b"xy"].concat().into(),
            "record batch at offset 7 (byte 0) ends at byte 73, where 2 bytes follow: expected exactly one batch",
        ),
    ] {
        assert_eq!(message(bytes), expected);
    }
    let huge = with(8, &i32::MAX.to_be_bytes());
    assert!(message(huge.clone()).ends_with("73 bytes, expected 2147483659"));
    assert_eq!(
        Batches::new(huge).count(),
        0,
        "it looks like a batch that was cut off"
    );

    let message = |bytes: Bytes| {
        let batch = RecordBatch::parse(bytes).expect("lengths are right");
        batch.decompressed(LIMIT).expect_err("hostile").to_string()
    };
    for (bytes, expected) in [
        (
            with(22, &[7]),
            "record batch at offset 7 (byte 0), from its byte 22 on: compression id 7 is unknown: \
             expected 0 (none), 1 (gzip), 2 (snappy), 3 (lz4) or 4 (zstd)",
        ),
        (
            with(22, &[3]),
            "record batch at offset 7 (byte 0), from its byte 61 on: corrupt lz4 data at byte 0: \
             it does not start with the magic number of a frame",
        ),
        (
            with(23, &(-5i32).to_be_bytes()),
            "record batch at offset 7 (byte 0): last offset delta -5 at byte 23, expected 0 or more",
        ),
    ] {
        assert_eq!(message(bytes), expected);
    }

    // After a length that cannot be trusted nothing is read.
    let mut batches = Batches::new([&good[..], &with(16, &[9]), &good].concat().into());
    assert!(batches.next().expect("the first").is_ok());
    let error = batches.next().expect("the second").expect_err("hostile");
    assert_eq!(
        error.to_string(),
        "record batch at offset 7 (byte 73): format (magic) 9 at byte 16 is unknown, expected 0, 1 or 2"
    );
    assert!(batches.next().is_none());
    assert_eq!(batches.truncated_tail(), None, "corrupt is not truncated");
}

#[test]
fn an_error_says_where_in_a_log_its_batch_is() {
    let good = batch_of(&[b"value"], &Seal::default()).into_bytes();
    let mut bad = good.to_vec();
    bad[good.len() - 1] ^= 1;
    let log = [&good[..], &bad].concat();
    let second = Batches::new(log.into())
        .nth(1)
        .expect("two batches")
        .expect("lengths are right");
    assert_eq!(second.position(), good.len());
    let message = second.verify_crc().expect_err("damaged").to_string();
    assert!(
        message.starts_with(
            "record batch at offset 0 (byte 73) is corrupt: its checksum at byte 17 is 0x"
        ),
        "{message}"
    );
    let message = read_all(&second).expect_err("damaged").to_string();
    assert_eq!(
        message,
        "record batch at offset 0 (byte 73): record 0 is corrupt at byte 11 of the records: \
         number of headers: -1, expected 0 to 0"
    );
}

#[test]
fn a_flipped_byte_is_named_by_its_batch() {
    let batch = batch_of(
        &[b"value"],
        &Seal {
            base_offset: 42,
            ..Seal::default()
        },
    );
    for at in 21..batch.bytes().len() {
        let mut bytes = batch.bytes().to_vec();
        bytes[at] ^= 0x10;
        let error = RecordBatch::parse(bytes.into())
            .expect("lengths are right")
            .verify_crc()
            .expect_err("corrupt");
        assert!(
            matches!(
                error,
                RecordsError::BadCrc {
                    batch: BatchPlace {
                        base_offset: 42,
                        position: 0
                    },
                    at: 17,
                    ..
                }
            ),
            "byte {at}: {error}"
        );
    }
}

/// Hazard 33.
#[test]
fn a_decompression_bomb_stops_at_the_limit() {
    for compression in Compression::ALL.into_iter().skip(1) {
        let zeros = vec![0; 10 << 20];
        let batch = batch_of(
            &[&zeros],
            &Seal {
                codec: compression.into(),
                ..Seal::default()
            },
        );
        let error = batch
            .decompressed(LIMIT)
            .expect_err("more than the limit")
            .to_string();
        assert!(error.contains("limit of 1048576 bytes"), "{error}");
        assert!(batch.decompressed(11 << 20).is_ok());
    }
}
