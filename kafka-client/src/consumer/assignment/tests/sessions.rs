//! Fetch sessions that end, and topics that are not what they were.

use super::*;

/// A session with broker 1 about all partitions, in which the broker answers for the first of them only.
fn session(partitions: i32) -> Test {
    let mut test = Test::reading(partitions, |_| {});
    let task = test.expect_fetch();
    test.assignment.session_request(&task, 17);
    let created = FetchResponse {
        session_id: 7,
        ..answer(vec![data(0, Bytes::new())]).unwrap()
    };
    test.assignment.fetched(&task, Ok(created), test.now);
    test
}

fn refused(code: ErrorCode) -> Result<FetchResponse> {
    Ok(FetchResponse {
        error_code: code.into(),
        ..Default::default()
    })
}

#[test]
fn a_fetch_session_that_is_lost_begins_anew_at_once() {
    let mut test = session(1);
    let task = test.expect_fetch();
    assert_eq!(test.assignment.session_request(&task, 17).session_id, 7);
    let lost = refused(ErrorCode::FetchSessionIdNotFound);
    test.assignment.fetched(&task, lost, test.now);
    let task = test.expect_fetch();
    let request = test.assignment.session_request(&task, 17);
    assert_eq!((request.session_id, request.session_epoch), (0, 0));
    assert_eq!(request.topics.len(), 1);
}

#[test]
fn ids_that_do_not_fit_end_the_session_and_have_the_cluster_looked_at() {
    for code in [
        ErrorCode::FetchSessionTopicIdError,
        ErrorCode::InconsistentTopicId,
        ErrorCode::UnknownTopicId,
    ] {
        let mut test = session(1);
        let task = test.expect_fetch();
        test.assignment.session_request(&task, 17);
        test.assignment.fetched(&task, refused(code), test.now);
        test.pass(Duration::from_secs(2));
        let tasks = test.plan();
        let [Task::Refresh, Task::Fetch(task)] = &tasks[..] else {
            panic!("{code}: {tasks:?}")
        };
        let request = test.assignment.session_request(task, 17);
        assert_eq!((request.session_epoch, request.topics.len()), (0, 1));
    }
}

#[test]
fn a_partition_that_an_answer_leaves_out_is_asked_for_again_and_not_forgotten() {
    let mut test = session(2);
    test.pass(Duration::from_secs(2));
    let task = test.expect_fetch();
    let request = test.assignment.session_request(&task, 17);
    let asked = request.topics[0].partitions.len();
    assert_eq!((request.session_epoch, asked), (0, 2));
}

#[test]
fn the_end_is_told_to_brokers_that_keep_a_session_once() {
    let mut test = session(2);
    let expected = SessionRequest {
        session_id: 7,
        session_epoch: -1,
        ..Default::default()
    };
    assert_eq!(test.assignment.end_sessions(), [(1, expected)]);
    assert_eq!(test.assignment.end_sessions(), []);
}

/// The topic of partition 0, made anew.
fn anew() -> HashMap<i32, Leadership> {
    let leadership = Leadership::Leader {
        broker: 1,
        epoch: 0,
        topic_id: Uuid([1; 16]),
    };
    [(0, leadership)].into()
}

#[test]
fn a_topic_made_anew_is_read_from_its_beginning_and_nothing_of_the_old_is_committed() {
    for reset in [OffsetReset::Earliest, OffsetReset::Latest] {
        let mut test = Test::reading(1, |config| config.auto_offset_reset = reset);
        let task = test.expect_fetch();
        test.fetched(&task, vec![data(0, records(0, 10))]);
        assert_eq!(test.take().len(), 10);
        test.assignment.all_processed();
        test.leaders = anew();
        let tasks = test.plan();
        let [Task::Lookup(lookup)] = &tasks[..] else {
            panic!("{tasks:?}")
        };
        assert_eq!(lookup.first(), [(partition(0), 0, EARLIEST)]);
        assert_eq!(test.assignment.processed(), []);
    }
}

#[test]
fn a_topic_made_anew_is_told_of_where_no_position_may_be_reset() {
    let mut test = Test::reading(1, |config| config.auto_offset_reset = OffsetReset::None);
    test.assignment.seek(&partition(0), 7).unwrap();
    test.expect_fetch();
    test.leaders = anew();
    test.plan();
    let expected = Error::TopicRecreated {
        partition: partition(0),
        offset: 7,
    };
    assert_eq!(test.error(), Some(expected));
}
