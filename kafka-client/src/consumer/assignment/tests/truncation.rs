//! Leaders that do not have what was read.

use kafka_proto::messages::fetch::EpochEndOffset;

use super::*;

/// Has read, and handed out, offsets 0 to 9 in epoch 5, from a leader in that epoch; 10 to 19 are fetched.
fn having_read(config: impl FnOnce(&mut ConsumerConfig)) -> Test {
    let mut test = Test::reading(1, config);
    test.leaders = [(0, leader(1, 5))].into();
    let task = test.expect_fetch();
    test.fetched(&task, vec![data(0, records(0, 10))]);
    assert_eq!(test.take().len(), 10);
    let task = test.expect_fetch();
    test.fetched(&task, vec![data(0, records(10, 10))]);
    test.decode();
    test
}

/// A new leader is elected, in epoch 7; what it is asked.
fn elect(test: &mut Test) -> Validation {
    test.leaders = [(0, leader(2, 7))].into();
    let mut tasks = test.plan();
    match tasks.pop() {
        Some(Task::Validate(validation)) if tasks.is_empty() => validation,
        other => panic!("{tasks:?}, {other:?}"),
    }
}

fn answer_with(test: &mut Test, asked: &Validation, epoch: i32, offset: i64) {
    let end = EpochEnd { epoch, offset };
    let found = HashMap::from([(partition(0), Ok(end))]);
    test.assignment.validated(asked, Ok(found), test.now);
}

fn diverging(epoch: i32, end_offset: i64) -> PartitionData {
    PartitionData {
        diverging_epoch: EpochEndOffset {
            epoch,
            end_offset,
            ..Default::default()
        },
        ..data(0, Bytes::new())
    }
}

/// The next fetch: where it begins, and in which epoch it says that the record before was.
fn next_fetch(test: &mut Test) -> (i64, i32) {
    let task = test.expect_fetch();
    (task.targets[0].offset, task.targets[0].last_epoch)
}

#[test]
fn a_new_leader_is_asked_whether_it_has_what_was_read_before_it_is_read_from() {
    let mut test = having_read(|_| {});
    let asked = elect(&mut test);
    assert_eq!(asked.broker, 2);
    let (ticket, current, read) = &asked.partitions[0];
    assert_eq!((&ticket.partition, *current, *read), (&partition(0), 7, 5));
    assert_eq!(test.plan(), [], "it is asked once");
    answer_with(&mut test, &asked, 5, 20);
    assert_eq!(next_fetch(&mut test), (20, 5));
    assert_eq!(test.take().len(), 10, "what was fetched is handed out");
}

#[test]
fn an_epoch_of_which_the_leader_knows_nothing_is_no_loss() {
    for (epoch, offset) in [(-1, -1), (-1, 0), (3, -1)] {
        let mut test = having_read(|_| {});
        let asked = elect(&mut test);
        answer_with(&mut test, &asked, epoch, offset);
        assert_eq!(next_fetch(&mut test), (20, -1), "{epoch}, {offset}");
        assert_eq!(test.take().len(), 10);
    }
}

#[test]
fn what_was_fetched_and_not_handed_out_is_fetched_again_where_the_log_is_another() {
    let mut test = having_read(|config| config.auto_offset_reset = OffsetReset::None);
    let asked = elect(&mut test);
    answer_with(&mut test, &asked, 5, 12);
    assert_eq!(test.take(), [], "it is not in the log any more");
    assert_eq!(next_fetch(&mut test), (10, 5));
    assert_eq!(test.error(), None);
}

#[test]
fn a_truncation_is_reset_to_where_the_logs_part() {
    let mut test = having_read(|config| config.auto_offset_reset = OffsetReset::Latest);
    let asked = elect(&mut test);
    answer_with(&mut test, &asked, 4, 6);
    assert_eq!(next_fetch(&mut test), (6, 4));
    let position = test.assignment.position(&partition(0), test.now);
    assert_eq!(position, Ok(Some(6)));
}

#[test]
fn without_a_policy_a_truncation_names_the_partition_and_both_offsets() {
    let mut test = having_read(|config| config.auto_offset_reset = OffsetReset::None);
    let asked = elect(&mut test);
    answer_with(&mut test, &asked, 4, 6);
    let told = test.error().unwrap();
    let expected = Error::LogTruncation {
        partition: partition(0),
        offset: 10,
        diverging_offset: 6,
    };
    assert_eq!(told, expected);
    let text = told.to_string();
    assert!(
        text.starts_with("records of t-0 that were read are gone") && text.contains("seek to 6"),
        "{text}"
    );
    assert_eq!(test.plan(), []);
    test.assignment.seek(&partition(0), 6).unwrap();
    assert_eq!(next_fetch(&mut test), (6, -1));
}

#[test]
fn a_fetch_that_says_where_the_logs_part_counts_as_much() {
    for (reset, expected) in [
        (OffsetReset::Earliest, Some((6, 4))),
        (OffsetReset::None, None),
    ] {
        let mut test = having_read(|config| config.auto_offset_reset = reset);
        let task = test.expect_fetch();
        assert_eq!(
            (task.targets[0].offset, task.targets[0].last_epoch),
            (20, 5)
        );
        test.fetched(&task, vec![diverging(4, 6)]);
        match expected {
            Some(position) => assert_eq!(next_fetch(&mut test), position),
            None => assert!(matches!(
                test.error(),
                Some(Error::LogTruncation {
                    offset: 10,
                    diverging_offset: 6,
                    ..
                })
            )),
        }
    }
}

#[test]
fn a_log_that_goes_on_past_the_position_under_another_epoch_is_read_on() {
    let mut test = having_read(|_| {});
    let task = test.expect_fetch();
    test.fetched(&task, vec![diverging(4, 30)]);
    assert_eq!(next_fetch(&mut test), (20, 4));
}

#[test]
fn what_keeps_a_leader_from_saying_is_tried_again() {
    let mut test = having_read(|_| {});
    let asked = elect(&mut test);
    let unknown = Error::broker(ErrorCode::UnknownLeaderEpoch, "it");
    let found = HashMap::from([(partition(0), Err(unknown))]);
    test.assignment.validated(&asked, Ok(found), test.now);
    test.pass(Duration::from_secs(2));
    let asked = elect(&mut test);
    let lost = Error::Disconnected {
        broker: "broker 2".into(),
        reason: "gone".into(),
    };
    test.assignment.validated(&asked, Err(lost), test.now);
    test.pass(Duration::from_secs(2));
    let tasks = test.plan();
    assert!(
        matches!(&tasks[..], [Task::Refresh, Task::Validate(_)]),
        "{tasks:?}"
    );
}

#[test]
fn a_broker_that_cannot_be_asked_is_read_from_all_the_same() {
    let mut test = having_read(|_| {});
    let asked = elect(&mut test);
    let cannot = Error::UnsupportedVersion {
        broker: "broker 2".into(),
        api: "OffsetForLeaderEpoch",
        theirs: "none".into(),
        ours: "2-4".into(),
    };
    test.assignment.validated(&asked, Err(cannot), test.now);
    assert_eq!(next_fetch(&mut test).0, 20);
}

#[test]
fn a_position_sought_says_nothing_of_epochs_and_is_not_checked() {
    let mut test = having_read(|_| {});
    test.assignment.seek(&partition(0), 3).unwrap();
    test.leaders = [(0, leader(2, 7))].into();
    assert_eq!(next_fetch(&mut test), (3, -1));
}

#[test]
fn a_committed_position_is_checked_when_it_is_of_an_older_epoch() {
    for (epoch, is_checked) in [(-1, false), (2, true), (3, false)] {
        let mut test = Test::new(|config| config.group_id = Some("g".into()));
        test.assignment.assign([partition(0)]);
        let tasks = test.plan();
        let [Task::Committed(tickets)] = &tasks[..] else {
            panic!("{tasks:?}")
        };
        let position = Position {
            offset: 40,
            leader_epoch: epoch,
        };
        let found = HashMap::from([(partition(0), Ok(Some(position)))]);
        test.assignment.committed(tickets, Ok(found), test.now);
        match &test.plan()[..] {
            [Task::Validate(_)] => assert!(is_checked, "{epoch}"),
            [Task::Fetch(_)] => assert!(!is_checked, "{epoch}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_offset_is_out_of_range_only_if_it_is_without_the_epoch_too() {
    let mut test = having_read(|_| {});
    assert_eq!(test.take().len(), 10);
    let task = test.expect_fetch();
    test.fetched(&task, vec![error(0, ErrorCode::OffsetOutOfRange)]);
    let task = test.expect_fetch();
    assert_eq!(
        (task.targets[0].offset, task.targets[0].last_epoch),
        (20, -1)
    );
    test.fetched(&task, vec![error(0, ErrorCode::OffsetOutOfRange)]);
    assert!(matches!(&test.plan()[..], [Task::Lookup(_)]));
}
