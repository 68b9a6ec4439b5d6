//! What a member does, step by step, on a clock that the test moves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::consumer_group_heartbeat::{Assignment, TopicPartitions};
use kafka_proto::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};

use super::membership::{Action, MemberConfig, Membership};
use crate::consumer::group::pattern::TopicPattern;
use crate::consumer::group::{Identity, Membership as _, Rebalance};
use crate::error::{Error, Result};
use crate::types::TopicPartition;

mod errors;
mod leaving;
mod model;
mod saying;

const INTERVAL: Duration = Duration::from_secs(5);
const MAX_POLL: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
/// The topic `t`.
const T: Uuid = Uuid([1; 16]);
const U: Uuid = Uuid([2; 16]);

fn refused(code: ErrorCode) -> Error {
    Error::broker(code, "group \"g\"")
}

fn config(instance_id: Option<&str>) -> MemberConfig {
    MemberConfig {
        group_id: "g".into(),
        instance_id: instance_id.map(str::to_owned),
        rack: Some("r".into()),
        member_id: None,
        remote_assignor: Some("uniform".into()),
        metadata_max_age: Duration::from_secs(20),
        max_poll_interval: MAX_POLL,
        retry_backoff: Duration::from_millis(100),
        retry_backoff_max: SECOND,
        patience: Duration::from_secs(30),
    }
}

fn topic(id: Uuid, numbers: &[i32]) -> TopicPartitions {
    TopicPartitions {
        topic_id: id,
        partitions: numbers.to_vec(),
        ..Default::default()
    }
}

fn partitions(numbers: &[i32]) -> Vec<TopicPartition> {
    let all = numbers.iter();
    all.map(|number| TopicPartition::new("t", *number))
        .collect()
}

fn answer(epoch: i32, assigned: Option<Vec<TopicPartitions>>) -> ConsumerGroupHeartbeatResponse {
    ConsumerGroupHeartbeatResponse {
        member_epoch: epoch,
        heartbeat_interval_ms: INTERVAL.as_millis() as i32,
        assignment: assigned.map(|topic_partitions| Assignment {
            topic_partitions,
            ..Default::default()
        }),
        ..Default::default()
    }
}

struct Test {
    member: Membership,
    now: Instant,
}

impl Test {
    /// Subscribed to `t`.
    fn new(instance_id: Option<&str>) -> Self {
        let now = Instant::now();
        let mut member = Membership::new(config(instance_id), now);
        member.subscribe(vec![Arc::from("t")], now);
        Self { member, now }
    }

    /// Reads these partitions, in epoch 1.
    fn stable(numbers: &[i32]) -> Self {
        let mut test = Self::new(None);
        test.join(1, numbers);
        test
    }

    fn join(&mut self, epoch: i32, numbers: &[i32]) {
        assert_eq!(self.expect_heartbeat().member_epoch, 0);
        self.answered(epoch, Some(vec![topic(T, numbers)]));
        if numbers.is_empty() {
            return;
        }
        self.resolve(&[T], &[(T, "t")]);
        self.settle(Rebalance::Assign(partitions(numbers)));
        self.heartbeat(epoch, None);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    #[track_caller]
    fn expect_heartbeat(&mut self) -> ConsumerGroupHeartbeatRequest {
        match self.member.next(self.now) {
            Some(Action::Heartbeat(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn expect_leave(&mut self) -> ConsumerGroupHeartbeatRequest {
        match self.member.next(self.now) {
            Some(Action::Leave(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn expect_nothing(&mut self) {
        assert_eq!(self.member.next(self.now), None);
    }

    /// A heartbeat that is due, and its answer.
    #[track_caller]
    fn heartbeat(
        &mut self,
        epoch: i32,
        assigned: Option<Vec<TopicPartitions>>,
    ) -> ConsumerGroupHeartbeatRequest {
        let request = self.expect_heartbeat();
        self.answered(epoch, assigned);
        request
    }

    fn answered(&mut self, epoch: i32, assigned: Option<Vec<TopicPartitions>>) {
        self.member.answered(Ok(answer(epoch, assigned)), self.now);
    }

    #[track_caller]
    fn fails(&mut self, code: ErrorCode) {
        self.expect_heartbeat();
        self.member.answered(Err(refused(code)), self.now);
    }

    #[track_caller]
    fn resolve(&mut self, asked: &[Uuid], names: &[(Uuid, &str)]) {
        match self.member.next(self.now) {
            Some(Action::Resolve { ids }) => assert_eq!(ids, asked),
            other => panic!("{other:?}"),
        }
        let names = names.iter().map(|(id, name)| (*id, Arc::from(*name)));
        self.member.resolved(Ok(names.collect()), self.now);
    }

    /// The application does what it is asked for, in a poll.
    #[track_caller]
    fn settle(&mut self, expected: Rebalance) {
        self.member.poll_begins();
        assert_eq!(self.member.pending(), Some(&expected));
        self.member.done(&expected);
        self.member.poll_ends(self.now);
    }

    fn identity(&self, epoch: i32) -> Identity {
        Identity {
            generation: epoch,
            ..self.member.committer().expect("a member")
        }
    }
}

#[test]
fn a_member_makes_its_id_and_keeps_it_for_life() {
    let mut test = Test::new(None);
    let request = test.expect_heartbeat();
    let id: Uuid = request.member_id.parse().unwrap();
    assert_eq!((id.0[6] >> 4, id.0[8] >> 6), (4, 2), "a random UUID");
    test.member
        .answered(Err(refused(ErrorCode::UnknownMemberId)), test.now);
    test.pass(SECOND * 2);
    assert_eq!(test.expect_heartbeat().member_id, request.member_id);
    test.answered(1, None);
    test.member.unsubscribe();
    assert_eq!(test.expect_leave().member_id, request.member_id);
    let other = Test::new(None).expect_heartbeat().member_id;
    assert_ne!(other, request.member_id);
}

#[test]
fn what_is_to_go_goes_first_and_is_acknowledged_at_once() {
    let mut test = Test::stable(&[0, 1]);
    test.expect_nothing();
    test.pass(INTERVAL);
    let quiet = test.heartbeat(1, Some(vec![topic(T, &[1, 2])]));
    assert_eq!(quiet.topic_partitions, None);
    assert_eq!(
        test.member.pending(),
        Some(&Rebalance::Revoke(partitions(&[0])))
    );
    test.expect_nothing();
    test.pass(INTERVAL);
    let meanwhile = test.heartbeat(1, None);
    assert_eq!(
        meanwhile.topic_partitions, None,
        "nothing is given up before the application has"
    );
    test.settle(Rebalance::Revoke(partitions(&[0])));
    let acknowledged = test.heartbeat(2, None);
    assert_eq!(acknowledged.topic_partitions, Some(vec![topic(T, &[1])]));
    test.settle(Rebalance::Assign(partitions(&[1, 2])));
    let acknowledged = test.heartbeat(2, None);
    assert_eq!(acknowledged.member_epoch, 2);
    assert_eq!(acknowledged.topic_partitions, Some(vec![topic(T, &[1, 2])]));
    test.expect_nothing();
}

#[test]
fn no_assignment_is_no_change_and_an_empty_one_takes_everything() {
    let mut test = Test::stable(&[0, 1]);
    test.pass(INTERVAL);
    test.heartbeat(2, None);
    assert_eq!(test.member.pending(), None);
    test.pass(INTERVAL);
    test.heartbeat(2, Some(Vec::new()));
    test.settle(Rebalance::Revoke(partitions(&[0, 1])));
    assert_eq!(
        test.heartbeat(3, None).topic_partitions,
        Some(Vec::new()),
        "and says so"
    );
}

#[test]
fn the_brokers_say_how_often_a_member_is_heard_of() {
    let mut test = Test::stable(&[0]);
    test.pass(INTERVAL);
    test.expect_heartbeat();
    let quicker = ConsumerGroupHeartbeatResponse {
        heartbeat_interval_ms: 1000,
        ..answer(1, None)
    };
    test.member.answered(Ok(quicker), test.now);
    assert_eq!(test.member.next_deadline(), Some(test.now + SECOND));
    test.pass(SECOND);
    test.expect_heartbeat();
    let hostile = ConsumerGroupHeartbeatResponse {
        heartbeat_interval_ms: -1,
        ..answer(1, None)
    };
    test.member.answered(Ok(hostile), test.now);
    test.expect_nothing();
}

#[test]
fn topics_that_are_not_known_yet_are_kept_and_resolved() {
    let mut test = Test::stable(&[0]);
    test.pass(INTERVAL);
    test.heartbeat(2, Some(vec![topic(T, &[0]), topic(U, &[0, 1])]));
    assert_eq!(test.member.pending(), None);
    // Brokers may hear of it later than the coordinator.
    test.resolve(&[U], &[]);
    test.expect_nothing();
    test.pass(SECOND * 2);
    match test.member.next(test.now) {
        Some(Action::Resolve { ids }) => assert_eq!(ids, [U]),
        other => panic!("{other:?}"),
    }
    let error = refused(ErrorCode::NetworkException);
    test.member.resolved(Err(error), test.now);
    test.pass(SECOND * 2);
    test.resolve(&[U], &[(U, "u")]);
    let all = [("t", 0), ("u", 0), ("u", 1)].map(|(topic, n)| TopicPartition::new(topic, n));
    test.settle(Rebalance::Assign(all.to_vec()));
    test.pass(INTERVAL);
    test.heartbeat(2, None);
    test.expect_nothing();
}

#[test]
fn a_topic_made_anew_is_another_one() {
    let mut test = Test::stable(&[0, 1]);
    test.pass(INTERVAL);
    test.heartbeat(2, Some(vec![topic(U, &[0, 1])]));
    test.resolve(&[U], &[(U, "t")]);
    test.settle(Rebalance::Revoke(partitions(&[0, 1])));
    assert_eq!(test.heartbeat(3, None).topic_partitions, Some(Vec::new()));
    test.settle(Rebalance::Assign(partitions(&[0, 1])));
    let owned = test.heartbeat(3, None).topic_partitions;
    assert_eq!(owned, Some(vec![topic(U, &[0, 1])]));
}

#[test]
fn what_comes_back_while_it_is_given_up_is_taken_up_again() {
    let mut test = Test::stable(&[0, 1]);
    test.pass(INTERVAL);
    test.heartbeat(1, Some(vec![topic(T, &[1])]));
    let revoke = test.member.pending().cloned().unwrap();
    test.pass(INTERVAL);
    test.heartbeat(2, Some(vec![topic(T, &[0, 1])]));
    assert_eq!(test.member.pending(), None, "it is not given up any more");
    // But the application was at it already.
    test.member.done(&revoke);
    test.settle(Rebalance::Assign(partitions(&[0, 1])));
}

#[test]
fn an_assignment_that_was_not_taken_up_is_replaced() {
    let mut test = Test::stable(&[0]);
    test.pass(INTERVAL);
    test.heartbeat(2, Some(vec![topic(T, &[0, 1])]));
    let stale = test.member.pending().cloned().unwrap();
    test.pass(INTERVAL);
    test.heartbeat(3, Some(vec![topic(T, &[0, 2])]));
    test.member.done(&stale);
    test.settle(Rebalance::Assign(partitions(&[0, 2])));
}

#[test]
fn nothing_is_taken_up_while_the_coordinator_may_count_on_its_not_being_owned() {
    let mut test = Test::stable(&[]);
    test.pass(INTERVAL);
    test.heartbeat(2, Some(vec![topic(T, &[0])]));
    test.resolve(&[T], &[(T, "t")]);
    let assign = Rebalance::Assign(partitions(&[0]));
    assert_eq!(test.member.pending(), Some(&assign));
    test.pass(INTERVAL);
    test.expect_heartbeat();
    assert_eq!(
        test.member.pending(),
        Some(&assign),
        "this one says nothing of it"
    );
    let lost = Error::timeout("a heartbeat", SECOND, None);
    test.member.answered(Err(lost.clone()), test.now);
    assert_eq!(test.member.pending(), Some(&assign));
    for _ in 0..2 {
        // Whoever hears that nothing is owned may give it to somebody else.
        test.pass(SECOND * 2);
        assert_eq!(test.expect_heartbeat().topic_partitions, Some(Vec::new()));
        assert_eq!(test.member.pending(), None);
        test.member.answered(Err(lost.clone()), test.now);
        assert_eq!(test.member.pending(), None);
    }
    test.pass(SECOND * 2);
    test.heartbeat(2, Some(vec![topic(T, &[0])]));
    test.settle(assign);
}

#[test]
fn what_is_taken_back_before_it_was_taken_up_is_acknowledged_too() {
    let mut test = Test::stable(&[0, 1]);
    test.pass(INTERVAL);
    test.heartbeat(2, Some(vec![topic(T, &[0, 1, 2])]));
    test.pass(INTERVAL);
    test.heartbeat(2, Some(vec![topic(T, &[0, 1])]));
    assert_eq!(test.member.pending(), None);
    let acknowledged = test.heartbeat(2, Some(vec![topic(T, &[0, 1, 2])]));
    assert_eq!(acknowledged.topic_partitions, Some(vec![topic(T, &[0, 1])]));
    test.expect_nothing();
    test.pass(INTERVAL);
    test.heartbeat(3, Some(vec![topic(T, &[0])]));
    test.expect_nothing();
    test.settle(Rebalance::Revoke(partitions(&[1])));
    let acknowledged = test.heartbeat(3, None);
    assert_eq!(acknowledged.topic_partitions, Some(vec![topic(T, &[0])]));
    test.expect_nothing();
}

#[test]
fn a_member_commits_in_its_epoch_and_again_in_a_later_one() {
    let mut test = Test::new(None);
    test.expect_heartbeat();
    assert_eq!(test.member.committer(), None, "it is not in the group yet");
    test.answered(4, Some(vec![topic(T, &[0])]));
    test.resolve(&[T], &[(T, "t")]);
    test.settle(Rebalance::Assign(partitions(&[0])));
    let early = test.identity(4);
    assert_eq!(test.member.committer(), Some(early.clone()));
    test.heartbeat(5, None);
    let stale = refused(ErrorCode::StaleMemberEpoch);
    let again = test.member.commits_again(&early, &stale);
    assert_eq!(again, Some((test.identity(5), partitions(&[0]))));
    // The coordinator may have raised the epoch in an answer that is on its way.
    let again = test.member.commits_again(&test.identity(5), &stale);
    assert_eq!(again, Some((test.identity(5), partitions(&[0]))));
    let other = refused(ErrorCode::UnknownMemberId);
    assert_eq!(test.member.commits_again(&early, &other), None);
    // Whoever was out in between has lost what it wants to commit.
    test.pass(INTERVAL);
    test.fails(ErrorCode::FencedMemberEpoch);
    assert_eq!(test.member.commits_again(&early, &stale), None);
    test.settle(Rebalance::Lost(partitions(&[0])));
    test.pass(SECOND * 2);
    test.join(9, &[0]);
    assert_eq!(test.member.commits_again(&early, &stale), None);
}

#[test]
fn names_of_topics_are_those_of_the_assignment_alone() {
    let mut test = Test::stable(&[0]);
    let unasked: HashMap<Uuid, Arc<str>> = [(U, Arc::from("u"))].into();
    test.member.resolved(Ok(unasked), test.now);
    test.pass(INTERVAL);
    test.heartbeat(2, Some(vec![topic(T, &[0]), topic(U, &[0])]));
    test.resolve(&[U], &[(U, "u")]);
}

#[test]
fn a_hostile_assignment_is_read_like_any_other() {
    let mut test = Test::stable(&[0]);
    test.pass(INTERVAL);
    let twice = vec![topic(T, &[0, 0]), topic(T, &[0]), topic(U, &[])];
    test.heartbeat(2, Some(twice));
    assert_eq!(test.member.pending(), None);
    test.expect_nothing();
}

/// Checks that an error is told by the next poll.
#[track_caller]
fn assert_told(test: &mut Test, expected: &Error) {
    assert_eq!(test.member.tell(test.now, false).as_ref(), Some(expected));
}

fn told(test: &mut Test) -> Result<()> {
    test.member.tell(test.now, true).map_or(Ok(()), Err)
}
