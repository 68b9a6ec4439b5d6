use super::super::*;
use super::*;
use crate::compression::{Codec, Compression};

#[test]
fn would_fit_is_exact() {
    let header = [Header::new("name", b"value")];
    for (key, value_len, headers) in [
        (None, 0, &header[..]),
        (Some(&b"key"[..]), 63, &[]),
        (None, 64, &header),
        (Some(b""), 9_000, &[]),
    ] {
        let value = vec![7; value_len];
        let mut builder = RecordBatchBuilder::new();
        let mut ahead = RecordBatchBuilder::new();
        assert!(
            builder.would_fit(0, NOW, key, Some(&value), headers),
            "the first always fits"
        );
        for i in 0..300 {
            let timestamp = NOW + i * 100;
            ahead
                .append(timestamp, key, Some(&value), headers)
                .expect("it fits");
            let fits = |limit| builder.would_fit(limit, timestamp, key, Some(&value), headers);
            assert!(
                fits(ahead.len()) && (i == 0 || !fits(ahead.len() - 1)),
                "record {i}"
            );
            builder
                .append(timestamp, key, Some(&value), headers)
                .expect("it fits");
        }
    }
}

#[test]
fn a_builder_starts_anew_after_each_batch() {
    for codec in Compression::ALL.map(Codec::new) {
        let seal = Seal {
            codec,
            ..Seal::default()
        };
        let mut builder = RecordBatchBuilder::new();
        let empty = builder.len();
        let mut batches = Vec::new();
        for _ in 0..2 {
            builder
                .append(NOW, Some(b"key"), Some(b"value"), &[])
                .expect("it fits");
            assert_eq!((builder.record_count(), builder.max_timestamp()), (1, NOW));
            batches.push(builder.finish(&seal).expect("it compresses"));
            assert_eq!(
                (
                    builder.record_count(),
                    builder.len(),
                    builder.max_timestamp()
                ),
                (0, empty, -1)
            );
        }
        assert_eq!(batches[0], batches[1], "{codec}");
        let kept = builder.into_buffer();
        assert_eq!(
            kept.capacity() > 0,
            codec.compression() != Compression::None,
            "{codec}: who has the buffer"
        );
    }
}

#[test]
fn offsets_of_a_batch_go_up() {
    let mut builder = RecordBatchBuilder::new();
    builder.append_at(5, NOW, None, None, &[]).expect("a gap");
    for delta in [5, 4, 0, -1] {
        let error = builder
            .append_at(delta, NOW, None, None, &[])
            .expect_err("not above 5");
        assert_eq!(error, RecordsError::BadOffsetDelta { delta, last: 5 });
    }
    builder
        .append_at(i32::MAX, NOW, None, None, &[])
        .expect("the last offset");
    assert!(
        builder.append(NOW, None, None, &[]).is_err(),
        "there is none after it"
    );
    let batch = RecordBatch::parse(builder.finish(&Seal::default()).expect("it compresses"))
        .expect("a batch");
    assert_eq!(
        (batch.last_offset(), batch.record_count()),
        (i64::from(i32::MAX), Some(2))
    );
    let negative = RecordBatchBuilder::new().append_at(-1, NOW, None, None, &[]);
    assert!(negative.is_err(), "a batch starts at its base offset");
}

/// Hazards 25, 27 and 37.
#[test]
fn a_broker_changes_a_batch_without_touching_its_records() {
    for codec in Compression::ALL.map(Codec::new) {
        let sent = batch_of(
            &[b"a", b"b"],
            &Seal {
                codec,
                ..Seal::default()
            },
        );
        let records = sent.bytes().slice(61..);
        let appended = sent.clone().with_offset(100, 3).expect("magic 2");
        assert_eq!(
            (
                appended.base_offset(),
                appended.last_offset(),
                appended.next_offset()
            ),
            (100, 101, 102)
        );
        assert_eq!(
            (appended.partition_leader_epoch(), appended.crc()),
            (3, sent.crc())
        );
        let stamped = appended.with_log_append_time(5).expect("magic 2");
        stamped.verify_crc().expect("a new checksum");
        assert_eq!(stamped.timestamp_type(), TimestampType::LogAppendTime);
        let block = stamped.decompressed(LIMIT).expect("a block");
        assert!(
            block
                .iter()
                .all(|record| record.expect("valid").timestamp() == 5)
        );
        let producer = ProducerSequence {
            producer_id: 9,
            producer_epoch: 2,
            base_sequence: i32::MAX,
        };
        let renumbered = stamped.with_producer(producer).expect("magic 2");
        renumbered.verify_crc().expect("a new checksum");
        assert_eq!(
            (renumbered.producer_id(), renumbered.producer_epoch()),
            (9, 2)
        );
        assert_eq!(
            (renumbered.base_sequence(), renumbered.last_sequence()),
            (i32::MAX, 0)
        );
        assert_eq!(renumbered.bytes().slice(61..), records);
        assert_eq!(
            (sent.base_offset(), sent.producer_id()),
            (0, -1),
            "the original is shared and stays"
        );
    }
}

#[test]
fn a_batch_that_nobody_shares_is_changed_in_place() {
    let batch = batch_of(&[b"value"], &Seal::default());
    let at = batch.bytes().as_ptr();
    let batch = batch
        .with_offset(1, 1)
        .expect("magic 2")
        .with_log_append_time(NOW)
        .expect("magic 2");
    assert_eq!(batch.bytes().as_ptr(), at);
}

/// The sizes of 220 batches of `limit` bytes, whose fullness is told by what compression did to the ones before.
fn sizes_of_batches(
    compression: Compression,
    limit: usize,
    value: impl Fn(u32) -> Vec<u8>,
) -> Vec<usize> {
    let seal = Seal {
        codec: compression.into(),
        ..Seal::default()
    };
    let (mut ratio, mut next) = (CompressionRatio::NONE, 0);
    let mut builder = RecordBatchBuilder::new();
    let mut sizes = Vec::new();
    for _ in 0..220 {
        builder.expect_ratio(ratio);
        while !builder.is_full(limit) {
            let value = value(next);
            if !builder.would_fit(limit, NOW, None, Some(&value), &[]) {
                break;
            }
            builder
                .append(NOW, None, Some(&value), &[])
                .expect("it fits");
            next += 1;
        }
        let built = builder.len();
        sizes.push(builder.finish(&seal).expect("it compresses").len());
        ratio.observe(built, sizes[sizes.len() - 1]);
    }
    sizes
}

#[test]
fn batches_fill_up_to_the_limit_once_their_compression_is_known() {
    const LIMIT: usize = 4_096;
    let text = |i: u32| {
        format!(
            "order {i} of customer {}, paid",
            i.wrapping_mul(7_919) % 1_000
        )
    };
    for compression in Compression::ALL {
        let sizes = sizes_of_batches(compression, LIMIT, |i| text(i).into_bytes());
        assert!(
            sizes.iter().all(|&size| size <= LIMIT),
            "{compression}: never more than the limit, where all batches are alike"
        );
        assert!(
            sizes[200..].iter().all(|&size| size > LIMIT * 9 / 10),
            "{compression}: {sizes:?}"
        );
    }
}

#[test]
fn a_batch_that_comes_out_larger_than_thought_is_learnt_from_at_once() {
    let mut ratio = CompressionRatio::NONE;
    let header = 61;
    for _ in 0..400 {
        ratio.observe(header + 10_000, header + 1_000);
    }
    // What is known is kept a little above.
    assert_eq!(ratio.estimate(header + 10_000), header + 1_050);
    ratio.observe(header + 10_000, header + 8_000);
    assert_eq!(ratio.estimate(header + 10_000), header + 8_400);
    // Down it goes by 0.005 a batch.
    ratio.observe(header + 10_000, header);
    assert_eq!(ratio.estimate(header + 10_000), header + 8_347);
    ratio.observe(header, header);
    assert_eq!(
        ratio.estimate(header + 10_000),
        header + 8_347,
        "a batch without records teaches nothing"
    );
    assert_eq!(CompressionRatio::NONE.estimate(12_345), 12_345, "exact");
}
