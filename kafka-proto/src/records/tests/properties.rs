use bytes::Bytes;
use proptest::prelude::*;

use super::super::*;
use super::*;
use crate::compression::{Codec, Compression};

/// Records as a property test makes them up.
#[derive(Clone, Debug)]
struct Made {
    gap: u8,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

fn made() -> impl Strategy<Value = Made> {
    let bytes = || prop::option::of(prop::collection::vec(any::<u8>(), 0..200));
    let headers = prop::collection::vec((any::<String>(), bytes()), 0..3);
    (any::<u8>(), any::<i64>(), bytes(), bytes(), headers).prop_map(
        |(gap, timestamp, key, value, headers)| Made {
            gap,
            timestamp,
            key,
            value,
            headers,
        },
    )
}

fn build(records: &[Made], seal: &Seal) -> (RecordBatch, Vec<i64>) {
    let mut builder = RecordBatchBuilder::new();
    let (mut offsets, mut delta) = (Vec::new(), 0);
    for made in records {
        let headers: Vec<_> = made
            .headers
            .iter()
            .map(|(key, value)| Header {
                key,
                value: value.as_deref(),
            })
            .collect();
        delta += i32::from(made.gap);
        builder
            .append_at(
                delta,
                made.timestamp,
                made.key.as_deref(),
                made.value.as_deref(),
                &headers,
            )
            .expect("it fits");
        offsets.push(seal.base_offset + i64::from(delta));
        delta += 1;
    }
    (
        RecordBatch::parse(builder.finish(seal).expect("it compresses")).expect("a batch"),
        offsets,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_is_built_is_read_back(
        records in prop::collection::vec(made(), 0..20),
        base_offset in 0..i64::MAX / 2,
        producer_id: i64, producer_epoch: i16, base_sequence in 0..i32::MAX,
        transactional: bool, control: bool,
    ) {
        for codec in Compression::ALL.map(Codec::new) {
            let producer = ProducerSequence { producer_id, producer_epoch, base_sequence };
            let seal = Seal { codec, producer, transactional, control, base_offset, ..Seal::default() };
            let (batch, offsets) = build(&records, &seal);
            prop_assert_eq!(batch.verify_crc(), Ok(()));
            prop_assert_eq!(batch.record_count(), Some(records.len() as i32));
            prop_assert_eq!((batch.producer_id(), batch.producer_epoch(), batch.base_sequence()),
                (producer_id, producer_epoch, base_sequence));
            prop_assert_eq!((batch.is_transactional(), batch.is_control()), (transactional, control));
            prop_assert_eq!(batch.base_offset(), base_offset);
            prop_assert_eq!(batch.last_offset(), offsets.last().copied().unwrap_or(base_offset));
            prop_assert_eq!(batch.max_timestamp(), records.iter().map(|made| made.timestamp).max().unwrap_or(-1));
            let block = batch.decompressed(LIMIT).expect("a block");
            let mut read = block.iter();
            for (made, offset) in records.iter().zip(&offsets) {
                let record = read.next().expect("a record").expect("valid");
                prop_assert_eq!((record.offset(), record.timestamp()), (*offset, made.timestamp));
                prop_assert_eq!((record.key(), record.value()), (made.key.as_deref(), made.value.as_deref()));
                let headers: Vec<_> = record.headers()
                    .map(|header| header.map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec))).expect("valid"))
                    .collect();
                prop_assert_eq!(&headers, &made.headers);
            }
            prop_assert!(read.next().is_none());
        }
    }

    #[test]
    fn damage_is_an_error_or_fewer_batches(
        records in prop::collection::vec(made(), 1..6),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        for codec in Compression::ALL.map(Codec::new) {
            let (batch, _) = build(&records, &Seal { codec, ..Seal::default() });
            let size = batch.bytes().len();
            let two = Bytes::from(batch.bytes().repeat(2));

            let kept = cut.index(two.len());
            let mut batches = Batches::new(two.slice(..kept));
            prop_assert_eq!(batches.by_ref().filter(|batch| batch.is_ok()).count(), kept / size);
            prop_assert_eq!(batches.truncated_tail(), (!kept.is_multiple_of(size)).then_some(kept % size));

            // Whatever is flipped: reading on regardless of the checksum neither panics nor runs away.
            let mut flipped = two.to_vec();
            for (index, byte) in &flips {
                let at = index.index(flipped.len());
                flipped[at] ^= byte;
            }
            for batch in Batches::new(flipped.into()).flatten() {
                let _ = batch.verify_crc();
                if let Ok(read) = read_all(&batch) {
                    prop_assert!(read <= LIMIT);
                }
            }
        }
    }

    #[test]
    fn noise_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..300), magic in 0u8..4, codec in 0u8..6) {
        // Close enough to a batch to get past the first checks.
        if bytes.len() > 61 {
            let length = (bytes.len() - 12) as i32;
            bytes[8..12].copy_from_slice(&length.to_be_bytes());
            bytes[16] = magic;
            let attributes = if magic == 2 { 22 } else { 17 };
            bytes[attributes] = bytes[attributes] & 0xf8 | codec;
            bytes[57..60].fill(0);
        }
        for batch in Batches::new(bytes.into()).flatten() {
            let _ = read_all(&batch);
        }
    }

    #[test]
    fn a_batch_stays_within_its_limit_uncompressed(
        records in prop::collection::vec(made(), 1..40),
        limit in 0usize..4_000,
    ) {
        let mut builder = RecordBatchBuilder::new();
        let mut records = records.iter().peekable();
        while records.peek().is_some() {
            let mut last_fitted = true;
            while let Some(made) = records.peek() {
                let headers: Vec<_> = made.headers.iter()
                    .map(|(key, value)| Header { key, value: value.as_deref() })
                    .collect();
                let (key, value) = (made.key.as_deref(), made.value.as_deref());
                if !builder.would_fit(limit, made.timestamp, key, value, &headers) {
                    last_fitted = false;
                    break;
                }
                builder.append(made.timestamp, key, value, &headers).expect("it fits");
                records.next();
            }
            let (count, full) = (builder.record_count(), builder.is_full(limit));
            prop_assert!(count > 0, "one record always fits");
            prop_assert!(!full || !last_fitted || records.peek().is_none());
            let batch = builder.finish(&Seal::default()).expect("no compression");
            prop_assert!(batch.len() <= limit || count == 1, "{} bytes of {limit}", batch.len());
        }
    }
}
