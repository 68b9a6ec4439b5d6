mod compaction;
mod retention;
mod transactions;

use bytes::Bytes;
use kafka_proto::records::{Batches, ProducerSequence, RecordBatch, RecordBatchBuilder, Seal};
use proptest::prelude::*;

use super::*;

impl PartitionLog {
    /// A log with small segments.
    fn with_segments_of(segment_bytes: usize, retention_bytes: Option<u64>) -> Self {
        Self::new(LogSettings {
            segment_bytes,
            retention_bytes,
            ..LogSettings::default()
        })
    }
}

fn batch(records: usize, value_len: usize, timestamp: i64) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    for _ in 0..records {
        builder
            .append(timestamp, None, Some(&vec![b'x'; value_len]), &[])
            .unwrap();
    }
    RecordBatch::parse(builder.finish(&Seal::default()).unwrap()).unwrap()
}

/// A batch as the log is to have it.
#[derive(Debug)]
struct Stored {
    base: i64,
    last: i64,
    timestamp: i64,
    len: usize,
}

fn described(bytes: Bytes) -> Vec<(i64, i64)> {
    Batches::new(bytes)
        .map(|batch| {
            let batch = batch.unwrap();
            batch.verify_crc().unwrap();
            assert_eq!(batch.partition_leader_epoch(), 3);
            (batch.base_offset(), batch.last_offset())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Against a plain list of batches, of which those at the front may be missing because of retention.
    #[test]
    fn the_log_is_a_list_of_batches(
        appends in proptest::collection::vec((1usize..5, 0usize..300, 0i64..50), 0..60),
        segment_bytes in 1usize..3000,
        retention_bytes in proptest::option::of(0u64..5000),
        reads in proptest::collection::vec((0i64..200, 0usize..4000, any::<bool>()), 20),
        timestamps in proptest::collection::vec(-1i64..60, 10),
    ) {
        let mut log = PartitionLog::with_segments_of(segment_bytes, retention_bytes);
        let mut model: Vec<Stored> = Vec::new();
        for (records, value_len, timestamp) in appends {
            let batch = batch(records, value_len, timestamp);
            let base = model.last().map_or(0, |last| last.last + 1);
            let appended = log.append(&batch, 3).unwrap();
            prop_assert_eq!(appended.base_offset, base);
            prop_assert_eq!(appended.log_start_offset, log.start_offset());
            model.push(Stored { base, last: base + records as i64 - 1, timestamp, len: batch.bytes().len() });
        }
        let start = log.start_offset();
        prop_assert_eq!(log.end_offset(), model.last().map_or(0, |last| last.last + 1));
        prop_assert!(start == 0 || model.iter().any(|stored| stored.base == start));
        model.retain(|stored| stored.base >= start);
        let size: usize = model.iter().map(|stored| stored.len).sum();
        prop_assert_eq!(log.bytes_from(start), size);
        if let Some(retention_bytes) = retention_bytes {
            prop_assert!(start == 0 || size as u64 >= retention_bytes);
        }

        for (offset, max_bytes, at_least_one) in reads {
            if offset < start || offset > log.end_offset() {
                prop_assert_eq!(log.read(offset, max_bytes, at_least_one), Err(OffsetOutOfRange));
                continue;
            }
            let read = log.read(offset, max_bytes, at_least_one).unwrap();
            let expected: Vec<_> = model.iter().filter(|stored| stored.last >= offset).collect();
            prop_assert_eq!(log.bytes_from(offset), expected.iter().map(|stored| stored.len).sum::<usize>());
            let len = read.len();
            let got = described(read);
            let all: Vec<_> = expected.iter().map(|stored| (stored.base, stored.last)).collect();
            prop_assert!(all.starts_with(&got), "{got:?} of {all:?}");
            prop_assert!(len <= max_bytes || (at_least_one && got.len() == 1));
            let first_fits = expected.first().is_some_and(|first| at_least_one || first.len <= max_bytes);
            prop_assert_eq!(first_fits, !got.is_empty(), "what fits is read");
        }
        for timestamp in timestamps {
            let expected = model.iter().find(|stored| stored.timestamp >= timestamp);
            let found = log.batch_at_timestamp(timestamp).map(described);
            prop_assert_eq!(found, expected.map(|stored| vec![(stored.base, stored.last)]));
        }
        prop_assert_eq!(log.max_timestamp(), model.iter().map(|stored| stored.timestamp).max());
    }
}

#[test]
fn sealed_segments_are_shared_and_not_copied() {
    let mut log = PartitionLog::with_segments_of(200, None);
    for _ in 0..4 {
        log.append(&batch(1, 60, 0), 3).unwrap();
    }
    let (one, other) = (
        log.read(0, 10_000, true).unwrap(),
        log.read(0, 10_000, true).unwrap(),
    );
    assert_eq!(one.as_ptr(), other.as_ptr());
    assert!(
        log.read(0, 10_000, true).unwrap().len() < log.bytes_from(0),
        "a read ends with its segment"
    );
}

#[test]
fn a_refused_batch_leaves_no_trace() {
    let mut log = PartitionLog::new(LogSettings::default());
    let sequenced = |base_sequence| {
        let producer = ProducerSequence {
            producer_id: 1,
            producer_epoch: 0,
            base_sequence,
        };
        batch(2, 1, 0).with_producer(producer).unwrap()
    };
    assert_eq!(log.append(&sequenced(0), 3).unwrap().base_offset, 0);
    assert!(log.append(&sequenced(5), 3).is_err());
    assert_eq!(
        log.append(&sequenced(0), 3).unwrap().base_offset,
        0,
        "a duplicate has its first place"
    );
    assert_eq!(
        (
            log.end_offset(),
            described(log.read(0, 10_000, true).unwrap())
        ),
        (2, vec![(0, 1)])
    );
}

#[test]
fn waiters_are_woken_once_and_forgotten_when_gone() {
    let mut log = PartitionLog::new(LogSettings::default());
    let waiter = Arc::new(Notify::new());
    for _ in 0..1000 {
        log.notify_on_append(&Arc::new(Notify::new()));
    }
    log.notify_on_append(&waiter);
    assert!(log.waiting.len() <= 2, "those that have gone are forgotten");
    log.append(&batch(1, 1, 0), 3).unwrap();
    assert!(log.waiting.is_empty());
}

#[test]
fn what_is_cut_off_is_as_if_it_had_never_been_written() {
    for segment_bytes in [1, 200, 100_000] {
        let mut log = PartitionLog::with_segments_of(segment_bytes, None);
        for _ in 0..6 {
            log.append(&batch(2, 60, 0), 3).unwrap();
        }
        let whole = log.bytes_from(0);
        log.truncate(7);
        assert_eq!(log.end_offset(), 6, "a batch goes as a whole");
        assert_eq!((log.bytes_from(0), log.size), (whole / 2, whole as u64 / 2));
        assert_eq!(log.append(&batch(1, 60, 0), 3).unwrap().base_offset, 6);
        log.truncate(0);
        assert_eq!((log.end_offset(), log.bytes_from(0)), (0, 0));
        assert_eq!(log.append(&batch(1, 60, 0), 3).unwrap().base_offset, 0);
    }
}

#[test]
fn a_producer_may_write_again_what_was_cut_off() {
    let mut log = PartitionLog::new(LogSettings::default());
    let producer = |base_sequence| ProducerSequence {
        producer_id: 1,
        producer_epoch: 0,
        base_sequence,
    };
    let sequenced = |base| batch(2, 1, 0).with_producer(producer(base)).unwrap();
    log.append(&sequenced(0), 3).unwrap();
    log.append(&sequenced(2), 3).unwrap();
    log.truncate(2);
    assert_eq!(log.append(&sequenced(2), 3).unwrap().base_offset, 2);
}
