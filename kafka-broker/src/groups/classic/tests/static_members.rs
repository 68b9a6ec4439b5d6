//! Members that keep their identity over a restart (KIP-345).

use super::*;

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    let mut bench = Bench::new();
    bench.assemble(&[(is_static("one", ""), "a"), (is_static("two", ""), "b")]);

    let follower = answered(bench.join(&is_static("two", ""), "b2"));
    assert_eq!(
        (follower.generation, &*follower.member_id, &*follower.leader),
        (2, "b2", "a")
    );
    assert_eq!(
        &answered(bench.sync("b2", 2, &[])).unwrap().assignment[..],
        b"b",
        "it has kept its assignment"
    );
    assert_eq!(bench.heartbeat("a", 2), Ok(()));

    let leader = answered(bench.join(&is_static("one", ""), "a2"));
    assert!(leader.skip_assignment);
    assert_eq!((&*leader.leader, leader.members.len()), ("a2", 2));

    // A version that cannot be told to assign nothing is told that somebody else leads.
    let old = Join {
        supports_skipping_assignment: false,
        ..is_static("one", "")
    };
    let leader = answered(bench.join(&old, "a3"));
    assert_eq!(
        (
            leader.skip_assignment,
            &*leader.leader,
            leader.members.len()
        ),
        (false, "a2", 0)
    );
}

#[test]
fn the_older_of_two_with_one_static_identity_is_fenced() {
    let mut bench = Bench::new();
    bench.assemble(&[(is_static("one", ""), "a")]);
    answered(bench.join(&is_static("one", ""), "a2"));
    let old = Identity {
        member_id: "a",
        group_instance_id: Some("one"),
        generation: 1,
    };
    assert_eq!(
        bench.group.heartbeat(old, bench.now),
        Err(ErrorCode::FencedInstanceId)
    );
    assert_eq!(
        bench.group.check_commit(old, bench.now),
        Err(ErrorCode::FencedInstanceId)
    );
    assert_eq!(
        bench.group.leave("a", Some("one"), bench.now),
        Err(ErrorCode::FencedInstanceId)
    );
    assert_eq!(
        answered(bench.join(&is_static("one", "a"), "")).error,
        ErrorCode::FencedInstanceId
    );
    let unknown = Identity {
        group_instance_id: Some("two"),
        ..old
    };
    assert_eq!(
        bench.group.heartbeat(unknown, bench.now),
        Err(ErrorCode::UnknownMemberId)
    );
    assert_eq!(
        bench.group.leave("", Some("one"), bench.now),
        Ok(()),
        "an operator names the identity alone"
    );
}

#[test]
fn a_waiting_member_is_told_that_it_was_fenced() {
    let mut bench = Bench::new();
    bench.assemble(&[(join(""), "a"), (is_static("one", ""), "b")]);
    let waiting = bench.join(
        &Join {
            protocols: protocols(&[("range", "news")]),
            ..is_static("one", "b")
        },
        "",
    );
    let _newer = bench.join(&is_static("one", ""), "b2");
    assert_eq!(answered(waiting).error, ErrorCode::FencedInstanceId);
}

#[test]
fn a_static_member_that_is_away_keeps_its_place_until_its_session_ends() {
    let mut bench = Bench::new();
    let patient = Join {
        session_timeout: REBALANCE * 3,
        ..is_static("one", "")
    };
    bench.assemble(&[(join(""), "a"), (patient, "b")]);
    let a = bench.join(&join("a"), "");
    bench.pass(REBALANCE);
    assert_eq!(
        answered(a).members.len(),
        2,
        "b is away, and still a member"
    );
    answered(bench.sync("a", 3, &[])).unwrap();
    bench.pass(REBALANCE);
    bench.pass(REBALANCE);
    assert_eq!(
        bench.group.leave("b", Some("one"), bench.now),
        Err(ErrorCode::UnknownMemberId)
    );
}
