//! Traps of the record formats that some client fell into; the number is the row of the list of protocol hazards.
//!
//! Beside the code are the tests of hazards 30, 33, 35 and 36, under `src/records/tests` and `src/compression/tests.rs`.

use bytes::Bytes;
use kafka_proto::compression::{Codec, Compression};
use kafka_proto::records::{
    Batches, Header, RecordBatch, RecordBatchBuilder, RecordsError, Seal, TimestampType,
};

const LIMIT: usize = 1 << 20;
const NOW: i64 = 1_700_000_000_000;

fn finish(mut builder: RecordBatchBuilder, seal: &Seal) -> RecordBatch {
    let bytes = builder.finish(seal).expect("it compresses");
    RecordBatch::parse(bytes).expect("a batch")
}

/// A batch with a record for each value, a millisecond apart.
fn batch(values: &[&[u8]], seal: &Seal) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    for (value, time) in values.iter().zip(NOW..) {
        builder
            .append(time, None, Some(value), &[])
            .expect("it fits");
    }
    finish(builder, seal)
}

/// Hazard 25.
#[test]
fn the_checksum_covers_all_but_what_a_broker_fills_in() {
    let batch = batch(&[b"value"], &Seal::default());
    for at in 0..batch.bytes().len() {
        let mut bytes = batch.bytes().to_vec();
        bytes[at] ^= 1;
        let checked = RecordBatch::parse(bytes.into()).and_then(|batch| batch.verify_crc());
        match at {
            // Base offset, and the leader's epoch.
            0..8 | 12..16 => assert_eq!(checked, Ok(()), "byte {at}"),
            // Length and format are checked before anything is read by them.
            8..12 => assert!(
                matches!(
                    checked,
                    Err(RecordsError::Truncated { .. } | RecordsError::TrailingBytes { .. })
                ),
                "byte {at}: {checked:?}"
            ),
            16 => assert!(
                matches!(checked, Err(RecordsError::UnknownMagic { magic: 3, .. })),
                "byte {at}: {checked:?}"
            ),
            _ => assert!(
                matches!(checked, Err(RecordsError::BadCrc { .. })),
                "byte {at}: {checked:?}"
            ),
        }
    }
}

/// Hazard 26. Deltas of 64 bits have a test of their own, `timestamps_of_any_distance_come_back`.
#[test]
fn null_and_empty_are_told_apart_in_keys_values_and_headers() {
    let headers = [
        Header::new("empty", b""),
        Header {
            key: "",
            value: None,
        },
    ];
    let fields = [None, Some(&b""[..]), Some(&b"x"[..])];
    for key in fields {
        for value in fields {
            let mut builder = RecordBatchBuilder::new();
            builder.append(NOW, key, value, &headers).expect("it fits");
            let block = finish(builder, &Seal::default())
                .decompressed(LIMIT)
                .expect("a block");
            let record = block.iter().next().expect("a record").expect("valid");
            assert_eq!((record.key(), record.value()), (key, value));
            let read: Result<Vec<_>, _> = record.headers().collect();
            assert_eq!(read, Ok(headers.to_vec()));
        }
    }
}

/// Hazard 27.
#[test]
fn under_log_append_time_every_record_has_the_largest_timestamp_of_the_batch() {
    let seal = Seal {
        log_append_time: Some(NOW + 99),
        ..Seal::default()
    };
    let batch = batch(&[b"a", b"b", b"c"], &seal);
    assert_eq!(batch.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(
        (batch.base_timestamp(), batch.max_timestamp()),
        (NOW, NOW + 99)
    );
    let block = batch.decompressed(LIMIT).expect("a block");
    for record in &block {
        assert_eq!(record.expect("valid").timestamp(), NOW + 99);
    }
}

/// Hazard 28.
#[test]
fn a_batch_that_is_cut_off_at_the_end_of_a_fetch_is_no_error() {
    let one = batch(&[b"value"], &Seal::default()).into_bytes();
    for cut in 0..one.len() {
        let fetched = [&one[..], &one[..cut]].concat();
        let mut batches = Batches::new(fetched.into());
        assert!(batches.next().expect("the first").is_ok());
        assert!(batches.next().is_none(), "cut at {cut}");
        assert_eq!(batches.truncated_tail(), (cut > 0).then_some(cut));
        // Nothing whole at all: whoever fetches has to ask for more.
        let mut batches = Batches::new(one.slice(..cut));
        assert!(batches.next().is_none(), "cut at {cut}");
        assert_eq!(batches.truncated_tail(), (cut > 0).then_some(cut));
    }
}

/// Hazard 29.
#[test]
fn reading_goes_on_after_the_last_offset_whatever_compaction_has_left() {
    for codec in Compression::ALL.map(Codec::new) {
        let seal = Seal {
            codec,
            base_offset: 100,
            ..Seal::default()
        };
        let mut builder = RecordBatchBuilder::new();
        for delta in [3, 7] {
            builder
                .append_at(delta, NOW, None, None, &[])
                .expect("it fits");
        }
        let gaps = finish(builder, &seal);
        let offsets: Vec<i64> = gaps
            .decompressed(LIMIT)
            .expect("a block")
            .iter()
            .map(|record| record.expect("valid").offset())
            .collect();
        assert_eq!(offsets, [103, 107]);
        assert_eq!((gaps.base_offset(), gaps.next_offset()), (100, 108));

        // Brokers differ in whether the header of an emptied batch still names its compression.
        let emptied = gaps.emptied().expect("magic 2").into_bytes();
        let mut still_named = emptied.to_vec();
        still_named[22] |= codec.compression().id();
        for bytes in [emptied, Bytes::from(still_named)] {
            let emptied = RecordBatch::parse(bytes).expect("a batch");
            assert_eq!(emptied.next_offset(), 108);
            let block = emptied.decompressed(LIMIT).expect("a block");
            assert!(block.is_empty() && block.iter().next().is_none());
        }
    }
}

/// Hazard 34. That they are read from any writer is tested beside the codecs.
#[test]
fn compressed_records_start_as_those_of_the_java_client() {
    for (compression, start) in [
        (Compression::Gzip, &b"\x1f\x8b\x08"[..]),
        // The framing of the xerial library.
        (Compression::Snappy, b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"),
        // A frame of independent blocks of 64 KiB without checksums, and the right checksum of its header.
        (Compression::Lz4, b"\x04\x22\x4d\x18\x60\x40\x82"),
        (Compression::Zstd, b"\x28\xb5\x2f\xfd"),
    ] {
        let seal = Seal {
            codec: compression.into(),
            ..Seal::default()
        };
        let batch = batch(&[&b"value".repeat(100)], &seal);
        assert!(batch.bytes()[61..].starts_with(start), "{compression}");
    }
}

/// Hazard 36.
#[test]
fn sequences_are_added_as_the_java_client_adds_them() {
    use kafka_proto::records::increment_sequence;
    let java = |sequence: i32, increment: i32| {
        if sequence > i32::MAX - increment {
            increment - (i32::MAX - sequence) - 1
        } else {
            sequence + increment
        }
    };
    let numbers = [0, 1, 2, 1_000, 1 << 30, i32::MAX - 1, i32::MAX];
    for sequence in numbers {
        for increment in numbers {
            assert_eq!(
                increment_sequence(sequence, increment),
                java(sequence, increment),
                "{sequence} and {increment}"
            );
        }
    }
}

/// Hazard 37. A retry that is built anew has to be what was sent before, whatever was compressed in between.
#[test]
fn the_same_records_make_the_same_bytes() {
    for compression in Compression::ALL {
        let levels = compression.levels().into_iter().flatten();
        let levels = levels.map(|level| Codec::with_level(compression, level).expect("a level"));
        for codec in levels.chain([Codec::new(compression)]) {
            let seal = Seal {
                codec,
                ..Seal::default()
            };
            let text = b"so much depends upon a red wheel barrow".repeat(30);
            let first = batch(&[&text, b"a", &text], &seal);
            batch(&[&vec![7; 100_000]], &seal);
            let again = batch(&[&text, b"a", &text], &seal);
            assert_eq!(first.bytes(), again.bytes(), "{codec}");
        }
    }
}
