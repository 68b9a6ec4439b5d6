//! What is asked for, decoded and handed out, step by step, on a clock that the test moves.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::FetchResponse;
use kafka_proto::messages::fetch::{
    AbortedTransaction, FetchableTopicResponse, LeaderIdAndEpoch, PartitionData,
};
use kafka_proto::records::{
    ControlRecord, ControlType, ProducerSequence, RecordBatchBuilder, Seal,
};

use super::*;
use crate::consumer::config::Isolation;
use crate::consumer::records::PartitionBatch;

const TOPIC_ID: Uuid = Uuid([9; 16]);

struct Test {
    assignment: Assignment,
    now: Instant,
    /// Leaders, by partition; broker 1 where nothing else is said.
    leaders: HashMap<i32, Leadership>,
}

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("t", number)
}

fn leader(broker: i32, epoch: i32) -> Leadership {
    Leadership::Leader {
        broker,
        epoch,
        topic_id: TOPIC_ID,
    }
}

/// A batch of `count` records, each of 100 bytes.
fn batch(base_offset: i64, count: i64, seal: Seal) -> Bytes {
    let mut builder = RecordBatchBuilder::new();
    for n in 0..count {
        builder.append(n, None, Some(&[7; 100]), &[]).unwrap();
    }
    builder
        .finish(&Seal {
            base_offset,
            partition_leader_epoch: 5,
            ..seal
        })
        .unwrap()
}

fn records(base_offset: i64, count: i64) -> Bytes {
    batch(base_offset, count, Seal::default())
}

fn concat(batches: &[Bytes]) -> Bytes {
    let mut all = BytesMut::new();
    batches
        .iter()
        .for_each(|batch| all.extend_from_slice(batch));
    all.freeze()
}

fn data(number: i32, records: Bytes) -> PartitionData {
    PartitionData {
        partition_index: number,
        high_watermark: 1000,
        last_stable_offset: 900,
        records: Some(records),
        ..Default::default()
    }
}

fn error(number: i32, code: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index: number,
        error_code: code.into(),
        ..Default::default()
    }
}

fn answer(partitions: Vec<PartitionData>) -> Result<FetchResponse> {
    let topic = FetchableTopicResponse {
        topic_id: TOPIC_ID,
        partitions,
        ..Default::default()
    };
    Ok(FetchResponse {
        responses: vec![topic],
        ..Default::default()
    })
}

fn offsets(batches: &[PartitionBatch]) -> Vec<(i32, i64)> {
    let records = batches.iter().flatten();
    records
        .map(|record| (record.partition().partition, record.offset()))
        .collect()
}

impl Test {
    fn new(config: impl FnOnce(&mut ConsumerConfig)) -> Self {
        let mut settings = ConsumerConfig {
            auto_offset_reset: OffsetReset::Earliest,
            ..ConsumerConfig::default()
        };
        config(&mut settings);
        Self {
            assignment: Assignment::new(settings),
            now: Instant::now(),
            leaders: HashMap::new(),
        }
    }

    /// Reads partitions `0..count` from offset 0 on.
    fn reading(count: i32, config: impl FnOnce(&mut ConsumerConfig)) -> Self {
        let mut test = Self::new(config);
        test.assignment.assign((0..count).map(partition));
        for number in 0..count {
            test.assignment.seek(&partition(number), 0).unwrap();
        }
        test
    }

    fn plan(&mut self) -> Vec<Task> {
        let leaders = &self.leaders;
        let of = |partition: &TopicPartition| {
            leaders
                .get(&partition.partition)
                .cloned()
                .unwrap_or(leader(1, 3))
        };
        self.assignment.plan(&of, self.now)
    }

    #[track_caller]
    fn expect_fetch(&mut self) -> FetchTask {
        match &self.plan()[..] {
            [Task::Fetch(task)] => task.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn fetched(
        &mut self,
        task: &FetchTask,
        partitions: Vec<PartitionData>,
    ) -> Vec<(TopicPartition, i32, i32)> {
        let news = self.assignment.fetched(task, answer(partitions), self.now);
        news.leaders
    }

    /// Decodes what there is room for.
    fn decode(&mut self) {
        if !self.assignment.begin_decoding() {
            return;
        }
        let decoding = self.assignment.decoding();
        while let Some(mut work) = self.assignment.next_to_decode() {
            let (mut pieces, mut error, mut room) = (Vec::new(), None, work.room);
            let mut is_done = false;
            while room > 0 && error.is_none() && !is_done {
                match work.chunk.next(&decoding) {
                    Some(Ok(piece)) => {
                        room = room.saturating_sub(piece.size());
                        pieces.push(piece);
                    }
                    Some(Err(reason)) => error = Some(reason),
                    None => is_done = true,
                }
            }
            let rest = (!is_done && error.is_none()).then_some(work.chunk);
            self.assignment.decoded(
                Decoded {
                    ticket: work.ticket,
                    pieces,
                    rest,
                    error,
                },
                self.now,
            );
        }
    }

    fn take(&mut self) -> Vec<(i32, i64)> {
        self.decode();
        offsets(&self.assignment.take().0)
    }

    fn asked(task: &FetchTask) -> Vec<(i32, i64)> {
        let mut asked: Vec<_> = task
            .targets
            .iter()
            .map(|target| (target.ticket.partition.partition, target.offset))
            .collect();
        asked.sort_unstable();
        asked
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    fn error(&mut self) -> Option<Error> {
        self.assignment.take_error(self.now, false)
    }
}

#[test]
fn each_leader_is_asked_for_its_partitions_once_at_a_time() {
    let mut test = Test::reading(4, |_| {});
    test.leaders = [(2, leader(2, 8)), (3, leader(2, 8))].into();
    let tasks = test.plan();
    let [Task::Fetch(one), Task::Fetch(two)] = &tasks[..] else {
        panic!("{tasks:?}")
    };
    assert_eq!((one.broker, Test::asked(one)), (1, vec![(0, 0), (1, 0)]));
    assert_eq!((two.broker, Test::asked(two)), (2, vec![(2, 0), (3, 0)]));
    assert_eq!(
        (two.targets[0].leader_epoch, two.targets[0].topic_id),
        (8, TOPIC_ID)
    );
    assert_eq!(test.plan(), []);
    test.fetched(one, vec![]);
    assert_eq!(test.expect_fetch().broker, 1);
}

#[test]
fn the_next_fetch_goes_out_before_the_last_one_is_handed_out() {
    let mut test = Test::reading(1, |_| {});
    let task = test.expect_fetch();
    test.fetched(&task, vec![data(0, records(0, 10))]);
    let tasks = test.plan();
    let [Task::Fetch(next), Task::Decode] = &tasks[..] else {
        panic!("{tasks:?}")
    };
    assert_eq!(Test::asked(next), [(0, 10)]);
    assert_eq!(test.take().len(), 10);
}

#[test]
fn what_is_full_is_emptied_before_its_broker_is_asked_again() {
    let mut test = Test::reading(2, |config| config.max_partition_fetch_bytes = 2000);
    let task = test.expect_fetch();
    test.fetched(&task, vec![data(0, records(0, 30))]);
    test.decode();
    assert_eq!(
        test.plan(),
        [],
        "a long poll for partition 1 alone would hold up partition 0"
    );
    assert_eq!(test.take().len(), 30);
    assert_eq!(Test::asked(&test.expect_fetch()), [(0, 30), (1, 0)]);
}

#[test]
fn a_full_partition_that_is_paused_does_not_hold_up_others() {
    let mut test = Test::reading(2, |config| config.max_partition_fetch_bytes = 2000);
    let task = test.expect_fetch();
    test.fetched(&task, vec![data(0, records(0, 30))]);
    test.decode();
    test.assignment.set_paused(&[partition(0)], true).unwrap();
    let next = test.expect_fetch();
    assert_eq!(Test::asked(&next), [(1, 0)]);
    test.fetched(&next, vec![data(1, records(0, 1))]);
    assert_eq!(test.take(), [(1, 0)]);
    test.assignment.set_paused(&[partition(0)], false).unwrap();
    assert_eq!(
        test.take().len(),
        30,
        "what was fetched before the pause is not fetched again"
    );
}

#[test]
fn what_is_fetched_ahead_stays_within_the_buffer() {
    let mut test = Test::reading(4, |config| {
        config.buffer_memory = 10_000;
        config.max_partition_fetch_bytes = 5_000;
    });
    let task = test.expect_fetch();
    assert_eq!(task.max_bytes, 10_000);
    let each = (0..3).map(|number| data(number, records(0, 30))).collect();
    test.fetched(&task, each);
    test.decode();
    assert_eq!(
        test.plan(),
        [],
        "9,000 bytes are buffered, and less than a partition's worth is free"
    );
    assert_eq!(test.take().len(), 90);
    test.expect_fetch();
}

#[test]
fn no_broker_may_take_the_whole_buffer() {
    let mut test = Test::reading(2, |config| {
        config.buffer_memory = 10_000;
        config.max_partition_fetch_bytes = 50_000;
    });
    test.leaders = [(1, leader(2, 1))].into();
    let tasks = test.plan();
    let bytes: Vec<usize> = tasks
        .iter()
        .filter_map(|task| match task {
            Task::Fetch(task) => Some(task.max_bytes),
            _ => None,
        })
        .collect();
    assert_eq!(bytes, [5_000, 5_000]);
}

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
    assert_eq!(test.assignment.position(&partition(0)), Ok(Some(0)));
    assert_eq!(test.take().len(), 10);
    assert_eq!(test.assignment.position(&partition(0)), Ok(Some(15)));
    assert_eq!(test.assignment.lag(&partition(0)), Ok(Some(985)));
    let next = test.expect_fetch();
    assert_eq!(Test::asked(&next), [(0, 15)]);
}

#[test]
fn only_what_earlier_polls_handed_out_counts_as_processed() {
    let mut test = Test::reading(1, |_| {});
    let task = test.expect_fetch();
    test.fetched(&task, vec![data(0, records(0, 10))]);
    test.assignment.poll_begins();
    assert_eq!(test.take().len(), 10);
    let processed = |test: &Test| test.assignment.processed()[0].1;
    assert_eq!(processed(&test).offset, 0);
    assert_eq!(
        test.assignment.positions()[0].1,
        Position {
            offset: 10,
            leader_epoch: 5
        }
    );
    test.assignment.poll_begins();
    assert_eq!(processed(&test).offset, 10);
}

#[test]
fn a_seek_drops_what_was_fetched_and_what_is_on_its_way() {
    let mut test = Test::reading(1, |_| {});
    let first = test.expect_fetch();
    test.fetched(&first, vec![data(0, records(0, 10))]);
    test.decode();
    let second = match &test.plan()[..] {
        [Task::Fetch(task)] => task.clone(),
        other => panic!("{other:?}"),
    };
    test.assignment.seek(&partition(0), 3).unwrap();
    test.fetched(&second, vec![data(0, records(10, 10))]);
    assert_eq!(test.take(), []);
    let third = test.expect_fetch();
    assert_eq!(Test::asked(&third), [(0, 3)]);
    test.fetched(&third, vec![data(0, records(0, 5))]);
    assert_eq!(
        test.take(),
        [(0, 3), (0, 4)],
        "records of the batch before the position are passed over"
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

#[test]
fn a_batch_cut_off_at_the_end_is_fetched_again_and_asked_for_with_more_room() {
    let mut test = Test::reading(1, |config| config.max_partition_fetch_bytes = 1500);
    let task = test.expect_fetch();
    let whole = records(0, 10);
    test.fetched(
        &task,
        vec![data(
            0,
            concat(&[whole.clone(), records(10, 10).slice(..500)]),
        )],
    );
    assert_eq!(test.take().len(), 10);
    let task = test.expect_fetch();
    assert_eq!(
        (Test::asked(&task), task.targets[0].max_bytes),
        (vec![(0, 10)], 1500)
    );
    test.fetched(&task, vec![data(0, records(10, 30).slice(..1500))]);
    assert_eq!(test.expect_fetch().targets[0].max_bytes, 3000);
}

#[test]
fn positions_come_from_the_group_or_else_from_the_reset_policy() {
    let mut test = Test::new(|config| config.group_id = Some("g".into()));
    test.assignment.assign((0..3).map(partition));
    let tasks = test.plan();
    let [Task::Committed(tickets)] = &tasks[..] else {
        panic!("{tasks:?}")
    };
    assert_eq!(tickets.len(), 3);
    assert_eq!(test.plan(), []);
    let at = |offset| {
        Ok(Some(Position {
            offset,
            leader_epoch: 1,
        }))
    };
    let unstable = || Err(Error::broker(ErrorCode::UnstableOffsetCommit, "it"));
    let found = HashMap::from([
        (partition(0), at(40)),
        (partition(1), Ok(None)),
        (partition(2), unstable()),
    ]);
    test.assignment.committed(tickets, Ok(found), test.now);
    let tasks = test.plan();
    let [Task::Lookup(lookup), Task::Fetch(fetch)] = &tasks[..] else {
        panic!("{tasks:?}")
    };
    assert_eq!(Test::asked(fetch), [(0, 40)]);
    assert!(
        fetch.max_wait < Duration::from_millis(100),
        "partition 1 is not to wait behind a long poll"
    );
    assert_eq!(lookup.first(), [(partition(1), 3, EARLIEST)]);
    let found = HashMap::from([(
        partition(1),
        Ok(Position {
            offset: 7,
            leader_epoch: 2,
        }),
    )]);
    test.assignment
        .looked_up(lookup, Ok(found), Ok(HashMap::new()), test.now);
    assert_eq!(test.assignment.position(&partition(1)), Ok(Some(7)));
    test.pass(Duration::from_secs(2));
    let tasks = test.plan();
    assert!(
        tasks
            .iter()
            .any(|task| matches!(task, Task::Committed(tickets) if tickets.len() == 1)),
        "{tasks:?}"
    );
}

#[test]
fn without_a_policy_a_missing_position_is_told_of() {
    let mut test = Test::new(|config| {
        config.group_id = Some("g".into());
        config.auto_offset_reset = OffsetReset::None;
    });
    test.assignment.assign([partition(0)]);
    let tasks = test.plan();
    let [Task::Committed(tickets)] = &tasks[..] else {
        panic!("{tasks:?}")
    };
    test.assignment
        .committed(tickets, Ok(HashMap::new()), test.now);
    assert_eq!(
        test.error(),
        Some(Error::NoOffset {
            partition: partition(0)
        })
    );
    assert_eq!(test.plan(), []);
    test.assignment.seek(&partition(0), 0).unwrap();
    test.expect_fetch();
}

#[test]
fn an_offset_out_of_range_is_reset_after_what_was_fetched_before_it() {
    let mut test = Test::reading(1, |_| {});
    let task = test.expect_fetch();
    test.fetched(&task, vec![data(0, records(0, 10))]);
    let tasks = test.plan();
    let Some(Task::Fetch(task)) = tasks.first() else {
        panic!("{tasks:?}")
    };
    test.fetched(task, vec![error(0, ErrorCode::OffsetOutOfRange)]);
    assert_eq!(test.take().len(), 10);
    test.pass(Duration::from_secs(2));
    let task = test.expect_fetch();
    test.fetched(&task, vec![error(0, ErrorCode::OffsetOutOfRange)]);
    let tasks = test.plan();
    let [Task::Lookup(lookup)] = &tasks[..] else {
        panic!("{tasks:?}")
    };
    assert_eq!(lookup.first(), [(partition(0), 3, EARLIEST)]);
}

#[test]
fn an_offset_out_of_range_without_a_policy_names_what_there_is() {
    let mut test = Test::reading(1, |config| config.auto_offset_reset = OffsetReset::None);
    test.assignment.seek(&partition(0), 1200).unwrap();
    let task = test.expect_fetch();
    test.fetched(&task, vec![error(0, ErrorCode::OffsetOutOfRange)]);
    let tasks = test.plan();
    let [Task::Lookup(lookup)] = &tasks[..] else {
        panic!("{tasks:?}")
    };
    let at = |offset| {
        HashMap::from([(
            partition(0),
            Ok(Position {
                offset,
                leader_epoch: -1,
            }),
        )])
    };
    test.assignment
        .looked_up(lookup, Ok(at(5000)), Ok(at(6000)), test.now);
    let told = test.error().unwrap().to_string();
    assert_eq!(
        told,
        "offset 1200 of t-0 is gone (the log has 5000..6000): set auto.offset.reset, or seek"
    );
}

#[test]
fn a_new_leader_is_asked_as_soon_as_it_is_known() {
    let mut test = Test::reading(1, |_| {});
    let task = test.expect_fetch();
    let moved = PartitionData {
        current_leader: LeaderIdAndEpoch {
            leader_id: 2,
            leader_epoch: 4,
            ..Default::default()
        },
        ..error(0, ErrorCode::NotLeaderOrFollower)
    };
    assert_eq!(test.fetched(&task, vec![moved]), [(partition(0), 2, 4)]);
    test.leaders = [(0, leader(2, 4))].into();
    assert_eq!(test.plan(), [Task::Refresh]);
    test.assignment.leaders_changed(&[partition(0)]);
    assert_eq!(test.expect_fetch().broker, 2);
}

#[test]
fn a_lost_broker_is_tried_again_and_told_of_when_it_stays_away() {
    let mut test = Test::reading(1, |_| {});
    let lost = || Error::Disconnected {
        broker: "broker 1".into(),
        reason: "gone".into(),
    };
    let begin = test.now;
    let mut told = None;
    while told.is_none() {
        assert!(
            test.now - begin < Duration::from_secs(40),
            "told within request.timeout.ms"
        );
        for task in test.plan() {
            match task {
                Task::Fetch(task) => {
                    test.assignment.fetched(&task, Err(lost()), test.now);
                }
                Task::Refresh => test.assignment.refreshed(Some(lost()), test.now),
                other => panic!("{other:?}"),
            }
        }
        let next = test
            .assignment
            .next_deadline(test.now)
            .expect("it is tried again");
        test.now = next.max(test.now);
        told = test.error();
    }
    assert!(test.now - begin >= Duration::from_secs(29));
    test.pass(Duration::from_secs(2));
    let tasks = test.plan();
    let Some(Task::Fetch(task)) = tasks.iter().find(|task| matches!(task, Task::Fetch(_))) else {
        panic!("{tasks:?}")
    };
    test.fetched(task, vec![data(0, records(0, 1))]);
    assert_eq!(test.take(), [(0, 0)]);
    assert_eq!(test.assignment.take_error(test.now, true), None);
}

#[test]
fn a_topic_that_is_not_there_is_told_of_and_read_once_it_is() {
    let mut test = Test::reading(1, |_| {});
    test.leaders = [(0, Leadership::Unasked)].into();
    let tasks = test.plan();
    assert!(
        matches!(&tasks[..], [Task::Topics(topics)] if topics.contains("t")),
        "{tasks:?}"
    );
    test.assignment.refreshed(None, test.now);
    test.leaders = [(0, Leadership::NoTopic(ErrorCode::UnknownTopicOrPartition))].into();
    let begin = test.now;
    while test.now - begin < Duration::from_secs(3) {
        if test.plan().contains(&Task::Refresh) {
            test.assignment.refreshed(None, test.now);
        }
        test.pass(Duration::from_millis(100));
    }
    let told = test.error().unwrap().to_string();
    assert!(
        told.starts_with("topic \"t\": UNKNOWN_TOPIC_OR_PARTITION"),
        "{told}"
    );
    test.leaders.clear();
    test.pass(Duration::from_secs(2));
    test.plan();
    assert_eq!(test.assignment.fetching.len(), 1);
}

#[test]
fn a_partition_that_is_not_there_is_told_of() {
    let mut test = Test::reading(1, |_| {});
    test.leaders = [(0, Leadership::NoPartition(4))].into();
    test.plan();
    test.pass(Duration::from_secs(3));
    assert_eq!(
        test.error(),
        Some(Error::NoSuchPartition {
            partition: partition(0),
            partitions: 4
        })
    );
}

#[test]
fn a_fetch_session_that_is_lost_begins_anew_at_once() {
    let mut test = Test::reading(1, |_| {});
    let task = test.expect_fetch();
    test.assignment.session_request(&task, 17);
    let created = FetchResponse {
        session_id: 7,
        ..Default::default()
    };
    test.assignment.fetched(&task, Ok(created), test.now);
    let task = test.expect_fetch();
    assert_eq!(test.assignment.session_request(&task, 17).session_id, 7);
    let lost = FetchResponse {
        error_code: ErrorCode::FetchSessionIdNotFound.into(),
        ..Default::default()
    };
    test.assignment.fetched(&task, Ok(lost), test.now);
    let task = test.expect_fetch();
    let request = test.assignment.session_request(&task, 17);
    assert_eq!(
        (
            request.session_id,
            request.session_epoch,
            request.topics.len()
        ),
        (0, 0, 1)
    );
}

/// Transaction of producer 1 aborted, that of producer 2 committed, and what is in none.
fn transactions() -> Bytes {
    let of = |producer_id, base_offset| {
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
    };
    let end = |producer_id, base_offset, kind| {
        let mut builder = RecordBatchBuilder::new();
        let key = ControlRecord { version: 0, kind }.key();
        builder
            .append(
                0,
                Some(&key),
                Some(&ControlRecord::end_transaction_value(0)),
                &[],
            )
            .unwrap();
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
    };
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
fn aborted_records_are_seen_by_nobody_who_reads_committed() {
    for (isolation, expected) in [
        (Isolation::ReadCommitted, vec![2, 3, 4, 6, 7]),
        (Isolation::ReadUncommitted, vec![0, 1, 2, 3, 4, 6, 7]),
    ] {
        let mut test = Test::reading(1, |config| config.isolation_level = isolation);
        let task = test.expect_fetch();
        let aborted = vec![AbortedTransaction {
            producer_id: 1,
            first_offset: 0,
            ..Default::default()
        }];
        let data = PartitionData {
            aborted_transactions: Some(aborted),
            ..data(0, transactions())
        };
        test.fetched(&task, vec![data]);
        let seen: Vec<i64> = test.take().into_iter().map(|(_, offset)| offset).collect();
        assert_eq!(seen, expected, "{isolation:?}");
        assert_eq!(
            test.assignment.position(&partition(0)),
            Ok(Some(10)),
            "past the control records"
        );
    }
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
