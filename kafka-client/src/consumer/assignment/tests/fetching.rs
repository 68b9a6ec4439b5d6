//! What is asked of whom, and what becomes of it when that fails.

use super::*;

#[test]
fn a_fetch_waits_a_moment_at_least() {
    let mut test = Test::reading(1, |config| config.fetch_max_wait = Duration::ZERO);
    assert_eq!(test.expect_fetch().max_wait, Duration::from_millis(1));
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
    let named = NewLeader {
        partition: partition(0),
        leader: 2,
        epoch: 4,
        broker: None,
    };
    assert_eq!(test.fetched(&task, vec![moved]), [named]);
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
