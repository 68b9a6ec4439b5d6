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

#[test]
fn hostile_record_sections_are_errors() {
    // Attributes, timestamp and offset of a record, all zero.
    const START: [u8; 3] = [0; 3];
    const NULL: u8 = 1;
    let body = |rest: &[u8]| record(&[&START, rest].concat());
    let huge = [0xfe, 0xff, 0xff, 0xff, 0x0f];
    let lowest = [0xff, 0xff, 0xff, 0xff, 0x0f];
    let cases: &[(&str, i32, Vec<u8>)] = &[
        ("negative count", -1, vec![]),
        ("count without bytes", 1, vec![]),
        ("huge count", i32::MAX, body(&[NULL, NULL, 0])),
        (
            "bytes after the last record",
            1,
            body(&[NULL, NULL, 0]).repeat(2),
        ),
        (
            "fewer records than announced",
            2,
            [body(&[NULL, NULL, 0]), vec![0; 7]].concat(),
        ),
        ("a length of zero", 1, vec![0; 7]),
        ("a negative length", 1, vec![NULL; 7]),
        ("a huge length", 1, [&huge[..], &[0; 9]].concat()),
        ("the lowest length", 1, [&lowest[..], &[0; 9]].concat()),
        ("a length that never ends", 1, vec![0xff; 9]),
        (
            "a timestamp that never ends",
            1,
            record(&[&[0][..], &[0xff; 11]].concat()),
        ),
        (
            "an offset that never ends",
            1,
            record(&[&[0, 0][..], &[0xff; 9]].concat()),
        ),
        (
            "a key longer than the record",
            1,
            [body(&[8, b'k', NULL, 0]), vec![0; 20]].concat(),
        ),
        ("a huge key", 1, body(&[&huge[..], &[NULL, 0]].concat())),
        ("a key of length -2", 1, body(&[3, NULL, 0, 0])),
        (
            "a value longer than the record",
            1,
            [body(&[NULL, 100, b'v', 0]), vec![0; 60]].concat(),
        ),
        (
            "a huge value",
            1,
            body(&[&[NULL][..], &huge, &[0]].concat()),
        ),
        (
            "no count of headers",
            1,
            record(&[&START[..], &[NULL, 2, b'v']].concat()),
        ),
        ("a negative count of headers", 1, body(&[NULL, NULL, NULL])),
        (
            "a huge count of headers",
            1,
            body(&[&[NULL, NULL][..], &huge].concat()),
        ),
        ("bytes after the value", 1, body(&[NULL, NULL, 0, 0])),
        (
            "a header's key of null",
            1,
            body(&[NULL, NULL, 2, NULL, NULL]),
        ),
        (
            "a header's key longer than the record",
            1,
            body(&[NULL, NULL, 2, 100, b'h']),
        ),
        (
            "a header's key that is not UTF-8",
            1,
            body(&[NULL, NULL, 2, 2, 0xff, NULL]),
        ),
        (
            "a header's value longer than the record",
            1,
            body(&[NULL, NULL, 2, 2, b'h', 100]),
        ),
        (
            "bytes after the last header",
            1,
            body(&[NULL, NULL, 2, 2, b'h', NULL, 0]),
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
    for (name, count, section) in cases {
        let batch = batch_around(section, *count);
        assert!(read_all(&batch).is_err(), "{name}");
        if let Ok(block) = batch.decompressed(LIMIT) {
            assert!(
                block.len() <= section.len(),
                "{name}: a buffer sized by the count"
            );
            assert!(block.iter().count() <= 2, "{name}: it must end");
        }
    }
}

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
    assert_eq!(
        message(with(16, &[3])),
        "record batch at offset 7: format (magic) 3 is unknown, expected 0, 1 or 2"
    );
    assert_eq!(
        message(with(8, &[0xff; 4])),
        "record batch at offset 7: length -1 is invalid, the smallest is 49"
    );
    assert_eq!(
        message(with(8, &48i32.to_be_bytes())),
        "record batch at offset 7: length 48 is invalid, the smallest is 49"
    );
    assert_eq!(
        message(good.slice(..72)),
        "the record batch is cut off: 72 bytes of 73"
    );
    assert_eq!(
        message(good.slice(..16)),
        "the record batch is cut off: 16 bytes of 17"
    );
    assert_eq!(
        message([&good[..], b"xy"].concat().into()),
        "2 bytes follow the record batch at offset 7: expected exactly one batch"
    );
    let huge = with(8, &i32::MAX.to_be_bytes());
    assert!(message(huge.clone()).ends_with("73 bytes of 2147483659"));
    assert_eq!(
        Batches::new(huge).count(),
        0,
        "it looks like a batch that was cut off"
    );
    let unknown_codec = RecordBatch::parse(with(22, &[7])).expect("lengths are right");
    assert!(
        unknown_codec
            .decompressed(LIMIT)
            .expect_err("hostile")
            .to_string()
            .starts_with("record batch at offset 7: compression id 7 is unknown")
    );

    // After a length that cannot be trusted nothing is read.
    let mut batches = Batches::new([&good[..], &with(16, &[9]), &good].concat().into());
    assert!(batches.next().expect("the first").is_ok());
    assert!(batches.next().expect("the second").is_err());
    assert!(batches.next().is_none());
    assert_eq!(batches.truncated_tail(), None, "corrupt is not truncated");
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
                    base_offset: 42,
                    ..
                }
            ),
            "byte {at}: {error}"
        );
    }
}

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
