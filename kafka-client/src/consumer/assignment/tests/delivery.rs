//! What is decoded and handed out.

use super::*;

#[test]
fn what_decompresses_to_more_than_the_buffer_waits() {
    let mut test = Test::reading(1, |config| config.buffer_memory = 5_000);
    let codec = kafka_proto::compression::Compression::Gzip.into();
    let compressed: Vec<Bytes> = (0..4)
        .map(|n| {
            batch(
                n * 40,
                40,
                Seal {
                    codec,
                    ..Seal::default()
                },
            )
        })
        .collect();
    let task = test.expect_fetch();
    test.fetched(&task, vec![data(0, concat(&compressed))]);
    test.decode();
    let ready = |test: &Test| test.assignment.partitions[0].ready_bytes();
    assert!((5_000..10_000).contains(&ready(&test)), "{}", ready(&test));
    let (batches, _) = test.assignment.take();
    assert_eq!(offsets(&batches).len(), 80);
    assert_eq!(test.take().len(), 80);
}

#[test]
fn a_poll_stops_at_the_batch_that_reaches_the_limit_and_partitions_take_turns() {
    let mut test = Test::reading(2, |config| config.max_poll_records = 15);
    let task = test.expect_fetch();
    let many = || concat(&[records(0, 10), records(10, 10), records(20, 10)]);
    test.fetched(&task, vec![data(0, many()), data(1, many())]);
    let (first, second, third) = (test.take(), test.take(), test.take());
    assert_eq!((first.len(), first[0]), (20, (0, 0)));
    assert_eq!((second.len(), second[0]), (20, (1, 0)));
    assert_eq!(third.len(), 20);
    assert!(third.contains(&(0, 29)) && third.contains(&(1, 29)));
}

#[test]
fn the_position_moves_with_what_is_handed_out_and_past_what_is_compacted_away() {
    let mut test = Test::reading(1, |_| {});
    let task = test.expect_fetch();
    let emptied = kafka_proto::records::RecordBatch::parse(records(10, 5))
        .unwrap()
        .emptied()
        .unwrap();
    test.fetched(
        &task,
        vec![data(0, concat(&[records(0, 10), emptied.into_bytes()]))],
    );
    test.decode();
    assert_eq!(
        test.assignment.position(&partition(0), test.now),
        Ok(Some(0))
    );
    assert_eq!(test.take().len(), 10);
    assert_eq!(
        test.assignment.position(&partition(0), test.now),
        Ok(Some(15))
    );
    assert_eq!(test.assignment.lag(&partition(0)), Ok(Some(985)));
    let next = test.expect_fetch();
    assert_eq!(Test::asked(&next), [(0, 15)]);
}

#[test]
fn only_what_earlier_polls_handed_out_counts_as_processed() {
    let mut test = Test::reading(1, |_| {});
    let task = test.expect_fetch();
    test.fetched(&task, vec![data(0, records(0, 10))]);
    test.assignment.all_processed();
    assert_eq!(test.take().len(), 10);
    let processed = |test: &Test| test.assignment.processed()[0].1;
    assert_eq!(processed(&test).offset, 0);
    test.assignment.all_processed();
    assert_eq!(
        processed(&test),
        Position {
            offset: 10,
            leader_epoch: 5
        }
    );
}

#[test]
fn a_chunk_that_is_decoded_during_a_seek_is_dropped() {
    let mut test = Test::reading(1, |_| {});
    let task = test.expect_fetch();
    test.fetched(&task, vec![data(0, records(0, 10))]);
    assert!(test.assignment.begin_decoding());
    let mut work = test.assignment.next_to_decode().unwrap();
    test.assignment.seek(&partition(0), 100).unwrap();
    let decoding = test.assignment.decoding();
    let pieces = vec![work.chunk.next(&decoding).unwrap().unwrap()];
    test.assignment.decoded(
        Decoded {
            ticket: work.ticket,
            pieces,
            rest: None,
            error: None,
        },
        test.now,
    );
    assert!(test.assignment.next_to_decode().is_none());
    assert_eq!(test.take(), []);
}

#[test]
fn a_corrupt_batch_is_told_of_where_it_stands_and_can_be_sought_past() {
    let mut test = Test::reading(2, |_| {});
    let task = test.expect_fetch();
    let mut damaged = BytesMut::from(&records(10, 5)[..]);
    *damaged.last_mut().unwrap() ^= 1;
    let all = concat(&[records(0, 10), damaged.freeze(), records(15, 5)]);
    test.fetched(&task, vec![data(0, all), data(1, records(0, 1))]);
    test.decode();
    assert_eq!(test.error(), None, "what was before it comes first");
    assert_eq!(test.take().len(), 11);
    let told = test.error().unwrap();
    let Error::Corrupt {
        partition: name,
        offset,
        next_offset,
        reason,
    } = &told
    else {
        panic!("{told}")
    };
    assert_eq!((name, *offset, *next_offset), (&partition(0), 10, Some(15)));
    assert!(reason.contains("checksum"), "{reason}");
    assert_eq!(test.error(), None, "told once");
    assert_eq!(
        test.assignment.take_error(test.now, true),
        Some(told),
        "and again where there is nothing else"
    );
    assert_eq!(Test::asked(&test.expect_fetch()), [(1, 1)], "others go on");
    test.assignment.fetching.clear();
    test.assignment.seek(&partition(0), 15).unwrap();
    let next = test.expect_fetch();
    test.fetched(&next, vec![data(0, records(15, 5))]);
    assert_eq!(test.take().len(), 5);
    assert_eq!(test.assignment.take_error(test.now, true), None);
}

#[test]
fn bytes_that_are_no_batch_are_told_of() {
    let mut test = Test::reading(1, |_| {});
    let task = test.expect_fetch();
    let mut unknown = BytesMut::from(&records(3, 1)[..]);
    unknown[16] = 9;
    test.fetched(
        &task,
        vec![data(0, concat(&[records(0, 3), unknown.freeze()]))],
    );
    assert_eq!(test.take().len(), 3);
    assert!(matches!(
        test.error(),
        Some(Error::Corrupt {
            offset: 3,
            next_offset: None,
            ..
        })
    ));
}

/// Two records of a producer's transaction.
fn of(producer_id: i64, base_offset: i64) -> Bytes {
    let producer = ProducerSequence {
        producer_id,
        producer_epoch: 0,
        base_sequence: 0,
    };
    batch(
        base_offset,
        2,
        Seal {
            producer,
            transactional: true,
            ..Seal::default()
        },
    )
}

/// The marker with which a broker ends a producer's transaction.
fn end(producer_id: i64, base_offset: i64, kind: ControlType) -> Bytes {
    let mut builder = RecordBatchBuilder::new();
    let key = ControlRecord { version: 0, kind }.key();
    let value = ControlRecord::end_transaction_value(0);
    builder.append(0, Some(&key), Some(&value), &[]).unwrap();
    let producer = ProducerSequence {
        producer_id,
        producer_epoch: 0,
        base_sequence: -1,
    };
    let seal = Seal {
        producer,
        transactional: true,
        control: true,
        base_offset,
        ..Seal::default()
    };
    builder.finish(&seal).unwrap()
}

fn aborted(producer_id: i64, first_offset: i64) -> AbortedTransaction {
    AbortedTransaction {
        producer_id,
        first_offset,
        ..Default::default()
    }
}

/// Transaction of producer 1 aborted, that of producer 2 committed, and what is in none.
fn transactions() -> Bytes {
    concat(&[
        of(1, 0),
        of(2, 2),
        records(4, 1),
        end(1, 5, ControlType::Abort),
        of(1, 6),
        end(2, 8, ControlType::Commit),
        end(1, 9, ControlType::Commit),
    ])
}

#[test]
fn a_producers_records_are_hidden_from_its_aborted_transactions_first_to_its_own_abort() {
    let log = concat(&[
        of(1, 0),
        of(2, 2),
        end(2, 4, ControlType::Commit),
        of(2, 5),
        end(1, 7, ControlType::Abort),
        of(1, 8),
        end(1, 10, ControlType::Commit),
        of(2, 11),
        end(2, 13, ControlType::Abort),
        of(2, 14),
        end(2, 16, ControlType::Commit),
    ]);
    // Not in order, as other brokers than Kafka's list them; and one begins in the middle of a batch.
    for listed in [
        [aborted(2, 6), aborted(1, 0)],
        [aborted(1, 0), aborted(2, 5)],
    ] {
        let mut test = Test::reading(1, |config| {
            config.isolation_level = Isolation::ReadCommitted
        });
        let task = test.expect_fetch();
        let data = PartitionData {
            aborted_transactions: Some(listed.to_vec()),
            ..data(0, log.clone())
        };
        test.fetched(&task, vec![data]);
        let seen: Vec<i64> = test.take().into_iter().map(|(_, offset)| offset).collect();
        assert_eq!(seen, [2, 3, 8, 9, 14, 15], "{listed:?}");
    }
}

#[test]
fn aborted_records_are_seen_by_nobody_who_reads_committed() {
    for (isolation, expected) in [
        (Isolation::ReadCommitted, vec![2, 3, 4, 6, 7]),
        (Isolation::ReadUncommitted, vec![0, 1, 2, 3, 4, 6, 7]),
    ] {
        let mut test = Test::reading(1, |config| config.isolation_level = isolation);
        let task = test.expect_fetch();
        let data = PartitionData {
            aborted_transactions: Some(vec![aborted(1, 0)]),
            ..data(0, transactions())
        };
        test.fetched(&task, vec![data]);
        let seen: Vec<i64> = test.take().into_iter().map(|(_, offset)| offset).collect();
        assert_eq!(seen, expected, "{isolation:?}");
        assert_eq!(
            test.assignment.position(&partition(0), test.now),
            Ok(Some(10)),
            "past the control records"
        );
    }
}

/// Hazard 30: of control records only an abort means something to a consumer, and none of them is delivered.
#[test]
fn control_records_that_nobody_knows_of_are_passed_over_and_end_no_transaction() {
    let log = concat(&[
        of(1, 0),
        end(1, 2, ControlType::Unknown(77)),
        of(1, 3),
        end(1, 5, ControlType::LeaderChange),
        of(1, 6),
        end(1, 8, ControlType::Abort),
        records(9, 1),
    ]);
    let mut test = Test::reading(1, |config| {
        config.isolation_level = Isolation::ReadCommitted
    });
    let task = test.expect_fetch();
    let data = PartitionData {
        aborted_transactions: Some(vec![aborted(1, 0)]),
        ..data(0, log)
    };
    test.fetched(&task, vec![data]);
    assert_eq!(test.take(), [(0, 9)]);
}

#[test]
fn partitions_that_stay_keep_what_was_fetched_of_them() {
    let mut test = Test::reading(2, |_| {});
    let task = test.expect_fetch();
    test.fetched(&task, vec![data(0, records(0, 3)), data(1, records(0, 3))]);
    test.assignment.assign([partition(1), partition(2)]);
    assert_eq!(test.take(), [(1, 0), (1, 1), (1, 2)]);
    assert_eq!(test.assignment.partitions(), [partition(1), partition(2)]);
    let error = test.assignment.seek(&partition(0), 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "partition t-0 is not assigned to this consumer"
    );
}
