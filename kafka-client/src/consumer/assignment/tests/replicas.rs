//! Reading from the closest replica (KIP-392).

use super::*;

fn closer(replica: i32) -> PartitionData {
    PartitionData {
        preferred_read_replica: replica,
        ..data(0, Bytes::new())
    }
}

/// Reads partition 0 at offset 10, and was sent from its leader, broker 1, to broker 2.
fn sent_away() -> Test {
    let mut test = Test::reading(1, |_| {});
    test.assignment.seek(&partition(0), 10).unwrap();
    let task = test.expect_fetch();
    assert_eq!(task.broker, 1);
    test.fetched(&task, vec![closer(2)]);
    test
}

/// Whom the next fetch is for, and where it begins.
fn source(test: &mut Test) -> (i32, i64) {
    let task = test.expect_fetch();
    (task.broker, task.targets[0].offset)
}

#[test]
fn a_closer_replica_is_read_from_at_the_same_offset_at_once() {
    let mut test = sent_away();
    let task = test.expect_fetch();
    assert_eq!((task.broker, Test::asked(&task)), (2, vec![(0, 10)]));
    test.fetched(&task, vec![data(0, records(10, 5))]);
    assert_eq!(test.take().len(), 5);
    assert_eq!(source(&mut test), (2, 15));
}

#[test]
fn a_closer_replica_is_believed_in_for_a_while_only() {
    let mut test = sent_away();
    test.pass(Duration::from_secs(301));
    assert_eq!(source(&mut test), (1, 10));
}

#[test]
fn a_replica_that_is_not_there_is_not_asked() {
    let mut test = sent_away();
    test.down = vec![2];
    // The leader, which knows of it, may say the same again: this must not go on without a pause.
    assert_eq!(test.plan(), [Task::Refresh]);
    test.assignment.refreshed(None, test.now);
    test.pass(Duration::from_secs(1));
    assert_eq!(source(&mut test), (1, 10));
}

#[test]
fn what_a_replica_refuses_is_asked_of_the_leader_and_nothing_is_reset() {
    for code in [
        ErrorCode::OffsetOutOfRange,
        ErrorCode::OffsetNotAvailable,
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::ReplicaNotAvailable,
        ErrorCode::KafkaStorageError,
        ErrorCode::UnknownLeaderEpoch,
        ErrorCode::FencedLeaderEpoch,
    ] {
        let mut test = sent_away();
        let task = test.expect_fetch();
        test.fetched(&task, vec![error(0, code)]);
        test.pass(Duration::from_secs(1));
        let tasks = test.plan();
        let Some(Task::Fetch(task)) = tasks.last() else {
            panic!("{code}: {tasks:?}")
        };
        let asked = (task.broker, Test::asked(task));
        assert_eq!(asked, (1, vec![(0, 10)]), "{code}");
        assert_eq!(test.error(), None, "{code}");
    }
}

#[test]
fn a_replica_that_is_lost_leads_back_to_the_leader() {
    let mut test = sent_away();
    let task = test.expect_fetch();
    let lost = Error::Disconnected {
        broker: "broker 2".into(),
        reason: "gone".into(),
    };
    test.assignment.fetched(&task, Err(lost), test.now);
    test.pass(Duration::from_secs(1));
    let tasks = test.plan();
    let [Task::Refresh, Task::Fetch(task)] = &tasks[..] else {
        panic!("{tasks:?}")
    };
    assert_eq!((task.broker, Test::asked(task)), (1, vec![(0, 10)]));
}

#[test]
fn who_is_sent_to_a_broken_replica_again_and_again_waits_longer_each_time() {
    let mut test = sent_away();
    let begin = test.now;
    for _ in 0..5 {
        let task = test.expect_fetch();
        assert_eq!(task.broker, 2);
        test.fetched(&task, vec![error(0, ErrorCode::OffsetNotAvailable)]);
        test.now = test.assignment.next_deadline(test.now).expect("a wait");
        let task = test.expect_fetch();
        assert_eq!(task.broker, 1);
        test.fetched(&task, vec![closer(2)]);
    }
    assert!(test.now - begin > Duration::from_secs(1));
}

#[test]
fn offsets_are_looked_up_at_the_leader_only() {
    let mut test = sent_away();
    test.assignment.seek_to(&[partition(0)], EARLIEST).unwrap();
    let tasks = test.plan();
    let [Task::Lookup(lookup)] = &tasks[..] else {
        panic!("{tasks:?}")
    };
    assert_eq!(lookup.broker, 1);
}

#[test]
fn a_new_leader_is_asked_about_what_was_read_from_a_replica() {
    let mut test = sent_away();
    let task = test.expect_fetch();
    test.fetched(&task, vec![data(0, records(10, 5))]);
    test.take();
    test.leaders = [(0, leader(3, 9))].into();
    let tasks = test.plan();
    let [Task::Validate(validation)] = &tasks[..] else {
        panic!("{tasks:?}")
    };
    assert_eq!(validation.broker, 3);
}
