//! Leaving, being thrown out, and coming back.

use super::*;
use crate::consumer::group::place::Farewell;

#[test]
fn a_member_leaves_for_good_and_a_static_one_for_now() {
    for (instance_id, epoch) in [(None, -1), (Some("i"), -2)] {
        let mut test = Test::new(instance_id);
        test.join(1, &[0]);
        test.member.unsubscribe();
        assert!(!test.member.is_subscribed());
        let request = test.expect_leave();
        assert_eq!(request.member_epoch, epoch);
        assert_eq!(request.instance_id.as_deref(), instance_id);
        assert_eq!(request.topic_partitions, None);
        test.member.left();
        test.expect_nothing();
        assert_eq!(
            test.member.committer().map(|nobody| nobody.generation),
            Some(-1)
        );
    }
}

#[test]
fn who_was_never_in_the_group_has_nothing_to_leave() {
    let mut test = Test::new(None);
    test.member.unsubscribe();
    test.expect_nothing();
    assert_eq!(test.member.farewell(), None);
}

#[test]
fn closing_says_farewell() {
    let mut test = Test::stable(&[0]);
    match test.member.farewell() {
        Some(Farewell::Consumer(request)) => assert_eq!(request.member_epoch, -1),
        other => panic!("{other:?}"),
    }
    test.expect_nothing();
}

#[test]
fn leaving_waits_for_the_heartbeat_on_its_way_and_joining_for_both() {
    let mut test = Test::new(None);
    test.expect_heartbeat();
    test.member.unsubscribe();
    test.member.subscribe(vec!["u".into()], test.now);
    test.expect_nothing();
    test.answered(1, Some(vec![topic(T, &[0])]));
    assert_eq!(test.member.pending(), None, "that answer is to nobody");
    test.expect_leave();
    test.expect_nothing();
    test.member.left();
    let join = test.expect_heartbeat();
    assert_eq!(join.member_epoch, 0);
    assert_eq!(join.subscribed_topic_names, Some(vec!["u".into()]));
}

#[test]
fn a_fenced_member_has_lost_everything_and_joins_anew() {
    for code in [ErrorCode::FencedMemberEpoch, ErrorCode::UnknownMemberId] {
        let mut test = Test::stable(&[0, 1]);
        test.pass(INTERVAL);
        test.fails(code);
        assert_eq!(test.member.committer(), None);
        test.pass(SECOND * 2);
        test.expect_nothing();
        test.settle(Rebalance::Lost(partitions(&[0, 1])));
        let join = test.expect_heartbeat();
        assert_eq!(join.member_epoch, 0);
        assert_eq!(join.topic_partitions, Some(Vec::new()));
        assert_eq!(join.subscribed_topic_names, Some(vec!["t".into()]));
        assert_eq!(test.member.tell(test.now, true), None, "it heals by itself");
    }
}

#[test]
fn who_is_fenced_while_joining_ends_what_the_coordinator_still_knows() {
    let mut test = Test::new(None);
    test.expect_heartbeat();
    let lost = Error::timeout("joining", SECOND, None);
    test.member.answered(Err(lost), test.now);
    test.pass(SECOND * 2);
    test.fails(ErrorCode::FencedMemberEpoch);
    assert_eq!(test.expect_leave().member_epoch, -1);
    test.member.left();
    test.pass(SECOND * 2);
    assert_eq!(test.expect_heartbeat().member_epoch, 0);
}

#[test]
fn what_is_being_given_up_when_everything_is_lost_is_gone() {
    let mut test = Test::stable(&[0, 1]);
    test.pass(INTERVAL);
    test.heartbeat(1, Some(vec![topic(T, &[1])]));
    let revoke = test.member.pending().cloned().unwrap();
    test.pass(INTERVAL);
    test.fails(ErrorCode::FencedMemberEpoch);
    test.member.done(&revoke);
    test.settle(Rebalance::Lost(partitions(&[1])));
    test.pass(SECOND * 2);
    test.expect_heartbeat();
}

#[test]
fn who_does_not_poll_leaves_and_comes_back_with_the_next_poll() {
    for (instance_id, epoch) in [(None, -1), (Some("i"), -2)] {
        let mut test = Test::new(instance_id);
        test.join(1, &[0]);
        test.member.poll_begins();
        test.pass(MAX_POLL * 2);
        test.heartbeat(1, None);
        test.member.poll_ends(test.now);
        test.pass(MAX_POLL);
        assert_eq!(test.expect_leave().member_epoch, epoch);
        test.member.left();
        test.pass(MAX_POLL);
        test.expect_nothing();
        assert_eq!(test.member.committer(), None);
        test.settle(Rebalance::Lost(partitions(&[0])));
        test.join(2, &[0]);
    }
}
