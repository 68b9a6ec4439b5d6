//! What a member does, step by step, on a clock that the test moves.

mod cooperative;
mod patterns;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_proto::error_code::ErrorCode;

use super::membership::{Action, Joined, MemberConfig, Membership};
use crate::consumer::assignor::{GroupMember, RebalanceProtocol};
use crate::consumer::group::{Identity, Membership as _, Rebalance};
use crate::error::Error;
use crate::types::TopicPartition;

const HEARTBEAT: Duration = Duration::from_secs(3);
const MAX_POLL: Duration = Duration::from_secs(60);
const MAX_AGE: Duration = Duration::from_secs(20);

struct Test {
    member: Membership,
    now: Instant,
}

fn refused(code: ErrorCode) -> Error {
    Error::broker(code, "group \"g\"")
}

fn partitions(numbers: &[i32]) -> Vec<TopicPartition> {
    numbers
        .iter()
        .map(|number| TopicPartition::new("t", *number))
        .collect()
}

impl Test {
    fn new(instance_id: Option<&str>) -> Self {
        Self::with(instance_id, RebalanceProtocol::Eager)
    }

    fn with(instance_id: Option<&str>, protocol: RebalanceProtocol) -> Self {
        let now = Instant::now();
        let config = MemberConfig {
            group_id: "g".into(),
            instance_id: instance_id.map(str::to_owned),
            rack: None,
            protocol,
            metadata_max_age: MAX_AGE,
            heartbeat_interval: HEARTBEAT,
            max_poll_interval: MAX_POLL,
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            patience: Duration::from_secs(30),
        };
        let mut member = Membership::new(config, now);
        member.subscribe(vec![Arc::from("t")], now);
        Self { member, now }
    }

    /// A member that reads these partitions in generation 1.
    fn stable(numbers: &[i32]) -> Self {
        let mut test = Self::new(None);
        test.join_and_sync(1, numbers);
        test
    }

    fn join_and_sync(&mut self, generation: i32, numbers: &[i32]) {
        let attempt = self.expect_join().0;
        self.joined(attempt, generation);
        self.expect_sync(None);
        self.member
            .synced(attempt, Ok(partitions(numbers)), self.now);
        self.settle(Rebalance::Assign(partitions(numbers)));
    }

    fn identity(generation: i32) -> Identity {
        Identity {
            member_id: "m".into(),
            generation,
        }
    }

    fn joined(&mut self, attempt: u64, generation: i32) {
        let joined = Joined {
            identity: Self::identity(generation),
            protocol: "range".into(),
            members: None,
            skip_assignment: false,
        };
        self.member.joined(attempt, Ok(joined), None, self.now);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    #[track_caller]
    fn expect_join(&mut self) -> (u64, GroupMember) {
        match self.member.next(self.now) {
            Some(Action::Join {
                attempt, member, ..
            }) => (attempt, member),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn expect_sync(&mut self, expected: Option<Vec<GroupMember>>) {
        match self.member.next(self.now) {
            Some(Action::Sync { joined, .. }) => assert_eq!(joined.members, expected),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn expect_heartbeat(&mut self, generation: i32) {
        let identity = Self::identity(generation);
        assert_eq!(
            self.member.next(self.now),
            Some(Action::Heartbeat { identity })
        );
    }

    #[track_caller]
    fn expect_nothing(&mut self) {
        assert_eq!(self.member.next(self.now), None);
    }

    fn heartbeat(&mut self, generation: i32, answer: Result<(), Error>) {
        self.pass(HEARTBEAT);
        self.expect_heartbeat(generation);
        self.member
            .heartbeat_answered(&Self::identity(generation), answer, self.now);
    }

    /// The application does what it is asked for, in a poll.
    #[track_caller]
    fn settle(&mut self, expected: Rebalance) {
        self.member.poll_begins();
        assert_eq!(self.member.pending(), Some(&expected));
        self.member.done(&expected);
        self.member.poll_ends(self.now);
    }

    /// A cooperative member that reads these partitions in generation 1.
    fn cooperative(numbers: &[i32]) -> Self {
        let mut test = Self::with(None, RebalanceProtocol::Cooperative);
        test.join_and_sync(1, numbers);
        test
    }

    fn rebalances(&mut self, generation: i32) {
        self.heartbeat(generation, Err(refused(ErrorCode::RebalanceInProgress)));
    }
}

#[test]
fn a_member_joins_with_the_id_that_it_is_given() {
    let mut test = Test::new(None);
    let (attempt, member) = test.expect_join();
    assert_eq!(
        (member.id.as_str(), &*member.topics),
        ("", &[Arc::from("t")][..])
    );
    let required = Err(refused(ErrorCode::MemberIdRequired));
    test.member
        .joined(attempt, required, Some("m".into()), test.now);
    let (attempt, member) = test.expect_join();
    assert_eq!(member.id, "m");
    test.joined(attempt, 4);
    test.expect_sync(None);
    assert_eq!(
        test.member.committer(),
        None,
        "no commit before the generation is in effect"
    );
    test.member
        .synced(attempt, Ok(partitions(&[0, 1])), test.now);
    assert_eq!(test.member.committer(), Some(Test::identity(4)));
    test.settle(Rebalance::Assign(partitions(&[0, 1])));
}

#[test]
fn the_leader_synchronizes_with_everybody() {
    let mut test = Test::new(None);
    let (attempt, member) = test.expect_join();
    let members = vec![GroupMember {
        id: "m".into(),
        ..member
    }];
    let joined = Joined {
        identity: Test::identity(1),
        protocol: "range".into(),
        members: Some(members.clone()),
        skip_assignment: false,
    };
    test.member.joined(attempt, Ok(joined), None, test.now);
    test.expect_sync(Some(members));
}

#[test]
fn a_member_is_heard_of_in_every_interval_and_while_it_synchronizes() {
    let mut test = Test::new(None);
    let attempt = test.expect_join().0;
    test.expect_nothing();
    test.joined(attempt, 1);
    test.expect_sync(None);
    test.heartbeat(1, Ok(()));
    test.expect_nothing();
    assert_eq!(test.member.next_deadline(), Some(test.now + HEARTBEAT));
    test.member.synced(attempt, Ok(partitions(&[0])), test.now);
    test.heartbeat(1, Ok(()));
}

#[test]
fn nothing_is_given_up_before_the_application_has() {
    let mut test = Test::stable(&[0, 1]);
    test.heartbeat(1, Err(refused(ErrorCode::RebalanceInProgress)));
    test.expect_nothing();
    assert_eq!(
        test.member.committer(),
        Some(Test::identity(1)),
        "what was read may still be committed"
    );
    test.heartbeat(1, Err(refused(ErrorCode::RebalanceInProgress)));
    test.expect_nothing();
    test.settle(Rebalance::Revoke(partitions(&[0, 1])));
    assert_eq!(
        test.member.committer(),
        Some(Test::identity(1)).filter(|_| false),
        "not between revoking and joining"
    );
    let (_, member) = test.expect_join();
    assert_eq!(
        (member.id.as_str(), member.generation, member.owned.len()),
        ("m", 1, 0)
    );
}

#[test]
fn who_owns_nothing_joins_a_rebalance_at_once() {
    let mut test = Test::stable(&[]);
    test.heartbeat(1, Err(refused(ErrorCode::RebalanceInProgress)));
    test.expect_join();
}

#[test]
fn a_member_that_is_not_known_has_lost_everything() {
    for (code, id) in [
        (ErrorCode::UnknownMemberId, ""),
        (ErrorCode::IllegalGeneration, "m"),
    ] {
        let mut test = Test::stable(&[0]);
        test.heartbeat(1, Err(refused(code)));
        test.settle(Rebalance::Lost(partitions(&[0])));
        test.pass(Duration::from_secs(2));
        let (_, member) = test.expect_join();
        assert_eq!((member.id.as_str(), member.generation), (id, -1), "{code}");
    }
}

#[test]
fn a_refused_commit_ends_the_generation() {
    let mut test = Test::stable(&[0]);
    test.member.commit_refused(
        &Test::identity(0),
        refused(ErrorCode::IllegalGeneration),
        test.now,
    );
    assert_eq!(
        test.member.pending(),
        None,
        "that was an earlier generation"
    );
    test.member.commit_refused(
        &Test::identity(1),
        refused(ErrorCode::IllegalGeneration),
        test.now,
    );
    test.settle(Rebalance::Lost(partitions(&[0])));
}

#[test]
fn a_fenced_member_says_so_until_it_subscribes_again() {
    let mut test = Test::stable(&[0]);
    test.heartbeat(1, Err(refused(ErrorCode::FencedInstanceId)));
    test.settle(Rebalance::Lost(partitions(&[0])));
    for _ in 0..3 {
        test.pass(MAX_POLL);
        test.expect_nothing();
        assert_eq!(
            test.member.tell(test.now, false),
            Some(refused(ErrorCode::FencedInstanceId))
        );
    }
    test.member.subscribe(vec!["t".into()], test.now);
    test.expect_join();
}

#[test]
fn a_coordinator_that_moves_is_looked_for_with_patience() {
    let mut test = Test::new(None);
    for _ in 0..20 {
        let attempt = test.expect_join().0;
        test.member.joined(
            attempt,
            Err(refused(ErrorCode::NotCoordinator)),
            None,
            test.now,
        );
        test.expect_nothing();
        assert!(test.member.next_deadline().is_some());
        test.pass(Duration::from_secs(2));
    }
    assert_eq!(
        test.member.tell(test.now, false),
        Some(refused(ErrorCode::NotCoordinator))
    );
    let attempt = test.expect_join().0;
    test.joined(attempt, 1);
    assert_eq!(test.member.tell(test.now, true), None);
}

#[test]
fn a_rebalance_during_the_synchronization_joins_again() {
    let mut test = Test::new(None);
    let attempt = test.expect_join().0;
    test.joined(attempt, 1);
    test.expect_sync(None);
    test.member.synced(
        attempt,
        Err(refused(ErrorCode::RebalanceInProgress)),
        test.now,
    );
    let again = test.expect_join().0;
    test.member.synced(attempt, Ok(partitions(&[0])), test.now);
    assert_eq!(
        test.member.pending(),
        None,
        "an answer to an older attempt changes nothing"
    );
    assert_ne!(again, attempt);
}

#[test]
fn an_assignment_that_was_not_taken_up_is_replaced() {
    let mut test = Test::new(None);
    let attempt = test.expect_join().0;
    test.joined(attempt, 1);
    test.expect_sync(None);
    test.member.synced(attempt, Ok(partitions(&[0])), test.now);
    test.heartbeat(1, Err(refused(ErrorCode::RebalanceInProgress)));
    test.join_and_sync(2, &[1]);
}

#[test]
fn who_does_not_poll_leaves_and_comes_back_with_the_next_poll() {
    let mut test = Test::stable(&[0]);
    test.member.poll_begins();
    test.pass(MAX_POLL * 2);
    test.expect_heartbeat(1);
    test.member.poll_ends(test.now);
    test.expect_nothing();
    assert_eq!(
        test.member.next_deadline(),
        Some(test.now + MAX_POLL),
        "the heartbeat is on its way"
    );
    test.pass(MAX_POLL);
    assert_eq!(
        test.member.next(test.now),
        Some(Action::Leave {
            member_id: "m".into()
        })
    );
    test.expect_nothing();
    test.settle(Rebalance::Lost(partitions(&[0])));
    assert_eq!(test.expect_join().1.id, "");
}

#[test]
fn a_static_member_does_not_leave() {
    let mut test = Test::new(Some("i"));
    test.join_and_sync(1, &[0]);
    test.pass(MAX_POLL);
    test.expect_nothing();
    test.settle(Rebalance::Lost(partitions(&[0])));
    assert_eq!(test.expect_join().1.id, "m");
}

#[test]
fn another_subscription_joins_again() {
    let mut test = Test::stable(&[0]);
    test.member.subscribe(vec!["t".into()], test.now);
    test.expect_nothing();
    test.member.subscribe(vec!["u".into()], test.now);
    test.settle(Rebalance::Revoke(partitions(&[0])));
    assert_eq!(test.expect_join().1.topics, [Arc::from("u")]);
}

#[test]
fn a_join_that_nobody_waits_for_any_more_is_undone() {
    let mut test = Test::new(None);
    let attempt = test.expect_join().0;
    test.member.unsubscribe();
    test.expect_nothing();
    test.joined(attempt, 1);
    assert_eq!(
        test.member.next(test.now),
        Some(Action::Leave {
            member_id: "m".into()
        })
    );
}

#[test]
fn the_leader_rebalances_when_its_topics_grow() {
    let mut test = Test::new(None);
    let attempt = test.expect_join().0;
    test.joined(attempt, 1);
    test.expect_sync(None);
    test.member.shares_out(attempt, [("t".into(), 1)].into());
    test.member.synced(attempt, Ok(partitions(&[0])), test.now);
    test.settle(Rebalance::Assign(partitions(&[0])));
    test.member.counted(&[("t".into(), 1)].into());
    assert_eq!(test.member.pending(), None);
    test.member.counted(&[("t".into(), 2)].into());
    test.settle(Rebalance::Revoke(partitions(&[0])));
}

#[test]
fn a_leader_that_comes_back_only_watches_the_topics() {
    let mut test = Test::new(Some("i"));
    let attempt = test.expect_join().0;
    let joined = Joined {
        identity: Test::identity(1),
        protocol: "range".into(),
        members: Some(Vec::new()),
        skip_assignment: true,
    };
    test.member
        .joined(attempt, Ok(joined.clone()), None, test.now);
    assert_eq!(
        test.member.next(test.now),
        Some(Action::Sync { attempt, joined })
    );
    test.member.shares_out(attempt, [("t".into(), 1)].into());
    test.member.synced(attempt, Ok(partitions(&[0])), test.now);
    test.settle(Rebalance::Assign(partitions(&[0])));
    test.member.counted(&[("t".into(), 2)].into());
    test.settle(Rebalance::Revoke(partitions(&[0])));
}

#[test]
fn assignors_hear_of_the_last_assignment() {
    let mut test = Test::stable(&[0, 3]);
    test.rebalances(1);
    test.settle(Rebalance::Revoke(partitions(&[0, 3])));
    match test.member.next(test.now) {
        Some(Action::Join { last, .. }) => {
            assert_eq!((last.partitions, last.generation), (partitions(&[0, 3]), 1));
        }
        other => panic!("{other:?}"),
    }
}
