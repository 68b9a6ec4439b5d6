use std::collections::HashMap;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::records::{Batches, ProducerSequence, RecordBatch, RecordBatchBuilder, Seal};
use proptest::prelude::*;

use super::super::*;
use crate::producers::ProducerIdAndEpoch;
use crate::transactions::TransactionResult;

fn written(producer_id: i64, epoch: i16, sequence: i32, records: usize) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    for _ in 0..records {
        builder.append(0, None, Some(b"value"), &[]).unwrap();
    }
    let producer = ProducerSequence {
        producer_id,
        producer_epoch: epoch,
        base_sequence: sequence,
    };
    let seal = Seal {
        producer,
        transactional: true,
        ..Seal::default()
    };
    RecordBatch::parse(builder.finish(&seal).unwrap()).unwrap()
}

fn end(producer_id: i64, epoch: i16, result: TransactionResult) -> EndTransaction {
    EndTransaction {
        producer: ProducerIdAndEpoch {
            id: producer_id,
            epoch,
        },
        result,
        coordinator_epoch: 0,
        needs_new_epoch: false,
        unix_millis: 0,
    }
}

/// What producers do in a partition.
#[derive(Debug, Clone)]
enum Step {
    Write { producer: i64, records: usize },
    End { producer: i64, committed: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0i64..4, 1usize..4).prop_map(|(producer, records)| Step::Write { producer, records }),
        1 => (0i64..4, any::<bool>()).prop_map(|(producer, committed)| Step::End { producer, committed }),
    ]
}

/// What a consumer of settled records is given: as Java's does it, by the aborted transactions and the markers.
fn delivered(committed: Committed) -> Vec<i64> {
    let mut aborted = committed.aborted;
    aborted.sort_by_key(|transaction| transaction.first_offset);
    let mut waiting = aborted.into_iter().peekable();
    let mut leaving_out = std::collections::HashSet::new();
    let mut offsets = Vec::new();
    for batch in Batches::new(committed.records) {
        let batch = batch.unwrap();
        while let Some(transaction) =
            waiting.next_if(|transaction| transaction.first_offset <= batch.last_offset())
        {
            leaving_out.insert(transaction.producer_id);
        }
        if batch.is_control() {
            leaving_out.remove(&batch.producer_id());
        } else if !leaving_out.contains(&batch.producer_id()) {
            offsets.extend(batch.base_offset()..=batch.last_offset());
        }
    }
    offsets
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_reader_of_settled_records_gets_all_that_is_committed_and_nothing_else(
        steps in proptest::collection::vec(step(), 0..60),
        segment_bytes in 1usize..2000,
        max_bytes in 1usize..2000,
        from in 0i64..40,
    ) {
        let mut log = PartitionLog::with_segments_of(segment_bytes, None);
        let mut open: HashMap<i64, Vec<i64>> = HashMap::new();
        let mut sequences: HashMap<i64, i32> = HashMap::new();
        let mut committed_offsets = Vec::new();
        for step in steps {
            match step {
                Step::Write { producer, records } => {
                    let sequence = sequences.entry(producer).or_default();
                    let batch = written(producer, 0, *sequence, records);
                    *sequence += records as i32;
                    let base = log.append(&batch, 0).unwrap().base_offset;
                    open.entry(producer).or_default().extend(base..base + records as i64);
                }
                Step::End { producer, committed } => {
                    let result = TransactionResult::committed(committed);
                    log.append_marker(end(producer, 0, result), 0).unwrap();
                    let offsets = open.remove(&producer).unwrap_or_default();
                    if committed {
                        committed_offsets.extend(offsets);
                    }
                }
            }
            let settled = open.values().filter_map(|offsets| offsets.first().copied()).min();
            prop_assert_eq!(log.last_stable_offset(), settled.unwrap_or(log.end_offset()));
        }
        let end = log.last_stable_offset();
        committed_offsets.retain(|offset| (from..end).contains(offset));
        committed_offsets.sort_unstable();
        let (mut position, mut got) = (from, Vec::new());
        while position < end {
            prop_assert!(log.readable_bytes_from(position, Isolation::ReadCommitted) > 0);
            let read = log.read_committed(position, max_bytes, true).unwrap();
            let last = Batches::new(read.records.clone()).last().unwrap().unwrap();
            position = last.next_offset();
            got.extend(delivered(read).into_iter().filter(|offset| *offset >= from));
        }
        prop_assert!(position == end || from > end);
        prop_assert_eq!(got, committed_offsets);
        prop_assert_eq!(log.readable_bytes_from(end, Isolation::ReadCommitted), 0);
    }
}

#[test]
fn retention_takes_the_aborted_transactions_along() {
    let mut log = PartitionLog::with_segments_of(100, Some(0));
    for epoch in 0..50 {
        log.append(&written(1, epoch, 0, 1), 0).unwrap();
        let abort = end(1, epoch, TransactionResult::Abort);
        log.append_marker(abort, 0).unwrap();
    }
    assert!(log.start_offset() > 90);
    let known = log.transactions.aborted(0, log.end_offset());
    assert!(known.len() <= 3, "{known:?}");
    // An open transaction whose beginning is gone holds up what is still there.
    log.append(&written(1, 50, 0, 1), 0).unwrap();
    for id in 2..50 {
        log.append(&written(id, 0, 0, 1), 0).unwrap();
        log.append_marker(end(id, 0, TransactionResult::Commit), 0)
            .unwrap();
    }
    assert_eq!(log.last_stable_offset(), log.start_offset());
    assert!(log.start_offset() > 150);
}

#[test]
fn a_marker_of_an_old_epoch_or_coordinator_is_refused() {
    let mut log = PartitionLog::new(LogSettings::default());
    log.append(&written(1, 3, 0, 1), 0).unwrap();
    let marker = end(1, 3, TransactionResult::Abort);
    for (what, marker, error) in [
        (
            "old epoch",
            end(1, 2, TransactionResult::Abort),
            ErrorCode::InvalidProducerEpoch,
        ),
        (
            "the same epoch, where each transaction has its own",
            EndTransaction {
                needs_new_epoch: true,
                ..marker
            },
            ErrorCode::InvalidProducerEpoch,
        ),
        (
            "old coordinator",
            EndTransaction {
                coordinator_epoch: -2,
                ..marker
            },
            ErrorCode::TransactionCoordinatorFenced,
        ),
    ] {
        let refused = log
            .append_marker(marker, 0)
            .map_err(|refusal| refusal.error);
        assert_eq!(refused, Err(error), "{what}");
    }
    assert_eq!((log.end_offset(), log.last_stable_offset()), (1, 0));
    log.append_marker(marker, 0).unwrap();
    assert_eq!((log.end_offset(), log.last_stable_offset()), (2, 2));
}

/// Batches 0 and 1 are on their way. The first is told to wait, as the transaction before is still ending.
#[test]
fn a_batch_does_not_overtake_the_one_that_begins_the_transaction() {
    let mut log = PartitionLog::new(LogSettings::default());
    let [first, second] = [written(1, 0, 0, 1), written(1, 0, 1, 1)];
    assert_eq!(log.is_in_transaction(&first), Ok(false));
    assert_eq!(log.is_in_transaction(&second), Ok(false));
    let refused = log.check_beginning(&second, false);
    assert_eq!(
        refused.map_err(|refusal| refusal.error),
        Err(ErrorCode::OutOfOrderSequenceNumber)
    );
    assert_eq!(log.check_beginning(&first, false), Ok(()));
    log.append(&first, 0).unwrap();
    assert_eq!(log.is_in_transaction(&second), Ok(true));
    log.append(&second, 0).unwrap();
}
