//! What the user is told, and what is only waited out.

use super::*;

#[test]
fn what_waiting_does_not_change_is_told_until_it_subscribes_again() {
    for code in [
        ErrorCode::UnreleasedInstanceId,
        ErrorCode::FencedInstanceId,
        ErrorCode::UnsupportedAssignor,
        ErrorCode::InvalidRegularExpression,
        ErrorCode::GroupAuthorizationFailed,
        ErrorCode::GroupIdNotFound,
        ErrorCode::GroupMaxSizeReached,
        ErrorCode::InvalidRequest,
    ] {
        let mut test = Test::new(None);
        test.fails(code);
        for _ in 0..3 {
            test.pass(MAX_POLL);
            test.expect_nothing();
            assert_told(&mut test, &refused(code));
        }
        test.member.subscribe(vec!["t".into()], test.now);
        assert_eq!(told(&mut test), Ok(()));
        assert_eq!(test.expect_heartbeat().member_epoch, 0, "{code}");
    }
}

#[test]
fn a_member_that_fails_loses_what_it_reads_and_keeps_nobody_waiting() {
    let mut test = Test::stable(&[0]);
    test.pass(INTERVAL);
    test.fails(ErrorCode::GroupIdNotFound);
    test.settle(Rebalance::Lost(partitions(&[0])));
    assert_eq!(test.expect_leave().member_epoch, -1);
    test.member.left();
    test.pass(INTERVAL);
    test.expect_nothing();
    assert_told(&mut test, &refused(ErrorCode::GroupIdNotFound));
}

#[test]
fn brokers_without_the_protocol_are_told_of_at_once() {
    let mut test = Test::new(None);
    test.expect_heartbeat();
    let error = Error::GroupProtocolUnsupported {
        group: "g".into(),
        reason: "its coordinator does not know it".into(),
    };
    test.member.answered(Err(error.clone()), test.now);
    assert_told(&mut test, &error);
    assert!(error.is_fatal());
    let text = error.to_string();
    for part in [
        "\"g\"",
        "group.protocol=consumer",
        "4.0",
        "group.protocol=classic",
    ] {
        assert!(text.contains(part), "{text}");
    }
    test.pass(MAX_POLL);
    test.expect_nothing();
}

#[test]
fn a_coordinator_that_moves_is_looked_for_with_patience() {
    for code in [
        ErrorCode::NotCoordinator,
        ErrorCode::CoordinatorLoadInProgress,
        ErrorCode::CoordinatorNotAvailable,
    ] {
        let mut test = Test::stable(&[0]);
        test.pass(INTERVAL);
        for _ in 0..20 {
            test.fails(code);
            test.expect_nothing();
            let due = test.member.next_deadline().unwrap();
            assert!(due > test.now && due < test.now + SECOND * 2);
            test.pass(SECOND * 2);
        }
        assert_told(&mut test, &refused(code));
        assert_eq!(test.member.pending(), None, "nothing is lost meanwhile");
        test.heartbeat(1, None);
        assert_eq!(told(&mut test), Ok(()));
    }
}

#[test]
fn topics_that_may_not_be_seen_are_told_of_and_keep_nobody_from_trying() {
    let mut test = Test::new(None);
    let code = ErrorCode::TopicAuthorizationFailed;
    test.fails(code);
    assert_told(&mut test, &refused(code));
    test.pass(SECOND * 2);
    test.heartbeat(1, None);
    assert_eq!(told(&mut test), Ok(()));
}

#[test]
fn a_commit_that_is_refused_asks_how_the_member_stands() {
    let mut test = Test::stable(&[0]);
    test.expect_nothing();
    let unknown = refused(ErrorCode::UnknownMemberId);
    let identity = test.identity(1);
    test.member.commit_refused(&identity, unknown, test.now);
    test.expect_heartbeat();
}
