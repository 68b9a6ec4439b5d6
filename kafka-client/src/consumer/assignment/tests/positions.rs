//! Where reading begins and goes on.

use super::*;

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
            leader_epoch: 3,
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
    assert_eq!(
        test.assignment.position(&partition(1), test.now),
        Ok(Some(7))
    );
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
