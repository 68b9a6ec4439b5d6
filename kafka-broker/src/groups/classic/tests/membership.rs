//! Joining, syncing, staying and going.

use super::*;

#[test]
fn a_new_member_comes_back_with_the_id_that_it_is_given() {
    let mut bench = Bench::new();
    let new = Join {
        requires_known_member_id: true,
        ..join("")
    };
    let refused = answered(bench.join(&new, "a"));
    assert_eq!(
        (refused.error, &*refused.member_id),
        (ErrorCode::MemberIdRequired, "a")
    );
    let joined = answered(bench.join(
        &Join {
            member_id: "a".into(),
            ..new.clone()
        },
        "unused",
    ));
    assert_eq!(
        (joined.error, joined.generation, &*joined.leader),
        (ErrorCode::None, 1, "a")
    );

    // An id that is not used in time is forgotten.
    answered(bench.join(&new, "late"));
    bench.pass(SESSION);
    let late = answered(bench.join(
        &Join {
            member_id: "late".into(),
            ..new
        },
        "unused",
    ));
    assert_eq!(late.error, ErrorCode::UnknownMemberId);
}

#[test]
fn a_rebalance_waits_for_ids_that_were_given_out() {
    let mut bench = Bench::stable(&["a"]);
    answered(bench.join(
        &Join {
            requires_known_member_id: true,
            ..join("")
        },
        "b",
    ));
    let mut c = bench.join(&join(""), "c");
    let mut a = bench.join(&join("a"), "");
    assert!(waits(&mut a) && waits(&mut c), "b is expected");
    let b = bench.join(&join("b"), "");
    assert_eq!(
        [a, b, c].map(|joining| answered(joining).generation),
        [2, 2, 2]
    );
}

#[test]
fn an_id_that_is_given_back_holds_nobody_up() {
    let mut bench = Bench::stable(&["a"]);
    answered(bench.join(
        &Join {
            requires_known_member_id: true,
            ..join("")
        },
        "b",
    ));
    let _c = bench.join(&join(""), "c");
    let mut a = bench.join(&join("a"), "");
    assert!(waits(&mut a));
    assert_eq!(bench.group.leave("b", None, bench.now), Ok(()));
    assert_eq!(answered(a).members.len(), 2);
}

#[test]
fn a_new_group_waits_for_more_members_as_long_as_they_come() {
    let delay = Duration::from_secs(3);
    let mut bench = Bench::with_initial_delay(delay);
    let mut a = bench.join(&join(""), "a");
    bench.pass(delay / 2);
    let mut b = bench.join(&join(""), "b");
    bench.pass(delay / 2);
    assert!(waits(&mut a) && waits(&mut b), "b has come meanwhile");
    bench.pass(delay);
    assert_eq!((answered(a).members.len(), answered(b).generation), (2, 1));
}

#[test]
fn who_does_not_join_again_in_time_is_out() {
    let mut bench = Bench::stable(&["a", "b"]);
    let mut c = bench.join(&join(""), "c");
    let b = bench.join(&join("b"), "");
    let step = Duration::from_secs(5);
    for _ in 1..REBALANCE.as_secs() / step.as_secs() {
        bench.pass(step);
        assert_eq!(
            bench.heartbeat("a", 2),
            Err(ErrorCode::RebalanceInProgress),
            "heartbeats do not make up for it"
        );
    }
    assert!(waits(&mut c));
    bench.pass(step);
    assert_eq!(bench.heartbeat("a", 2), Err(ErrorCode::UnknownMemberId));
    let (b, c) = (answered(b), answered(c));
    assert_eq!(
        (&*b.leader, b.members.len(), c.generation),
        ("b", 2, 3),
        "the leader was the one that is out"
    );
}

#[test]
fn a_session_ends_without_heartbeats_and_not_with_them() {
    let mut bench = Bench::stable(&["a", "b"]);
    for _ in 0..5 {
        bench.pass(SESSION - Duration::from_millis(1));
        assert_eq!(
            (bench.heartbeat("a", 2), bench.heartbeat("b", 2)),
            (Ok(()), Ok(()))
        );
    }
    bench.pass(SESSION / 2);
    bench.heartbeat("b", 2).unwrap();
    bench.pass(SESSION / 2);
    assert_eq!(bench.heartbeat("a", 2), Err(ErrorCode::UnknownMemberId));
    assert_eq!(bench.heartbeat("b", 2), Err(ErrorCode::RebalanceInProgress));
    let b = answered(bench.join(&join("b"), ""));
    assert_eq!((b.generation, &*b.leader, b.members.len()), (3, "b", 1));
}

#[test]
fn whoever_waits_for_an_answer_is_not_late() {
    let mut bench = Bench::stable(&["a", "b"]);
    let mut a = bench.join(&join("a"), "");
    // The leader has joined again, so that the other one is expected; it sends heartbeats and does not join.
    for _ in 0..5 {
        bench.pass(SESSION - Duration::from_secs(1));
        assert_eq!(bench.heartbeat("b", 2), Err(ErrorCode::RebalanceInProgress));
    }
    assert!(waits(&mut a));
    bench.pass(REBALANCE);
    assert_eq!(answered(a).members.len(), 1);
}

#[test]
fn followers_wait_for_the_leaders_assignment() {
    let mut bench = Bench::stable(&["a"]);
    let b = bench.join(&join(""), "b");
    answered(bench.join(&join("a"), ""));
    assert_eq!(answered(b).members, []);
    let mut waiting = bench.sync("b", 2, &[]);
    assert!(waits(&mut waiting));
    // b's assignment is missing: it gets none.
    assert_eq!(
        &answered(bench.sync("a", 2, &[("a", "everything")]))
            .unwrap()
            .assignment[..],
        b"everything"
    );
    assert_eq!(&answered(waiting).unwrap().assignment[..], b"");
    assert_eq!(
        &answered(bench.sync("a", 2, &[])).unwrap().assignment[..],
        b"everything",
        "asked once more"
    );
}

#[test]
fn a_rebalance_sends_away_who_waits_for_the_assignment() {
    let mut bench = Bench::stable(&["a"]);
    let b = bench.join(&join(""), "b");
    answered(bench.join(&join("a"), ""));
    answered(b);
    let b = bench.sync("b", 2, &[]);
    let _c = bench.join(&join(""), "c");
    assert_eq!(answered(b), Err(ErrorCode::RebalanceInProgress));
    assert_eq!(
        answered(bench.sync("a", 2, &[])),
        Err(ErrorCode::RebalanceInProgress)
    );
}

#[test]
fn who_does_not_ask_for_its_assignment_in_time_is_out() {
    let mut bench = Bench::stable(&["a"]);
    let b = bench.join(&join(""), "b");
    answered(bench.join(&join("a"), ""));
    answered(b);
    answered(bench.sync("a", 2, &[])).unwrap();
    // b sends heartbeats, but never asks.
    let mut out = false;
    for _ in 0..20 {
        bench.pass(SESSION / 2);
        let _ = bench.heartbeat("a", 2);
        out |= bench.heartbeat("b", 2) == Err(ErrorCode::UnknownMemberId);
    }
    assert!(out);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut bench = Bench::stable(&["a", "b"]);
    for (what, wrong) in [
        (
            "protocol type",
            Join {
                protocol_type: "connect".into(),
                ..join("")
            },
        ),
        (
            "protocol",
            Join {
                protocols: protocols(&[("sticky", "")]),
                ..join("")
            },
        ),
    ] {
        assert_eq!(
            answered(bench.join(&wrong, "c")).error,
            ErrorCode::InconsistentGroupProtocol,
            "{what}"
        );
    }
    assert_eq!(
        answered(bench.join(&join("nobody"), "")).error,
        ErrorCode::UnknownMemberId
    );
    for (member, generation, error) in [
        ("a", 1, Err(ErrorCode::IllegalGeneration)),
        ("a", 3, Err(ErrorCode::IllegalGeneration)),
        ("nobody", 2, Err(ErrorCode::UnknownMemberId)),
        ("a", 2, Ok(())),
    ] {
        assert_eq!(bench.heartbeat(member, generation), error);
        assert_eq!(
            answered(bench.sync(member, generation, &[])).map(drop),
            error
        );
    }
    let (answer, refused) = oneshot::channel();
    let identity = Identity {
        member_id: "a",
        group_instance_id: None,
        generation: 2,
    };
    let other = Sync {
        identity,
        protocol_type: None,
        protocol: Some("sticky"),
        assignments: Default::default(),
    };
    bench.group.sync(other, bench.now, answer);
    assert_eq!(answered(refused), Err(ErrorCode::InconsistentGroupProtocol));
}

#[test]
fn the_protocol_that_most_prefer_of_those_that_all_know_is_taken() {
    for (preferences, chosen) in [
        (
            [
                &[("x", ""), ("y", "")][..],
                &[("y", ""), ("x", "")],
                &[("y", ""), ("x", "")],
            ],
            "y",
        ),
        (
            [
                &[("x", ""), ("y", "")],
                &[("z", ""), ("y", "")],
                &[("x", ""), ("y", "")],
            ],
            "y",
        ),
        (
            [
                &[("x", "")],
                &[("y", ""), ("x", "")],
                &[("y", ""), ("x", "")],
            ],
            "x",
        ),
    ] {
        let mut bench = Bench::new();
        let [a, b, c] = preferences.map(|named| Join {
            protocols: protocols(named),
            ..join("")
        });
        answered(bench.join(&a, "a"));
        let _b = bench.join(&b, "b");
        let _c = bench.join(&c, "c");
        let joined = answered(bench.join(
            &Join {
                member_id: "a".into(),
                ..a
            },
            "",
        ));
        assert_eq!(joined.protocol.as_deref(), Some(chosen));
    }
}

#[test]
fn joining_again_without_news_disturbs_nobody_unless_the_leader_does() {
    let mut bench = Bench::stable(&["a", "b"]);
    let again = answered(bench.join(&join("b"), ""));
    assert_eq!((again.generation, again.error), (2, ErrorCode::None));
    assert_eq!(bench.heartbeat("a", 2), Ok(()));
    let news = Join {
        protocols: protocols(&[("range", "other topics")]),
        ..join("b")
    };
    let mut b = bench.join(&news, "");
    assert!(waits(&mut b));
    assert_eq!(bench.heartbeat("a", 2), Err(ErrorCode::RebalanceInProgress));

    let mut bench = Bench::stable(&["a", "b"]);
    let mut a = bench.join(&join("a"), "");
    assert!(waits(&mut a), "a leader wants to assign anew");
}

#[test]
fn the_last_to_leave_ends_the_generation() {
    let mut bench = Bench::stable(&["a"]);
    assert_eq!(bench.group.leave("a", None, bench.now), Ok(()));
    assert_eq!(
        bench.group.leave("a", None, bench.now),
        Err(ErrorCode::UnknownMemberId)
    );
    assert_eq!(bench.group.next_deadline(), None);
    assert_eq!(answered(bench.join(&join(""), "b")).generation, 3);
}

#[test]
fn positions_are_taken_from_members_of_this_generation() {
    let mut bench = Bench::stable(&["a"]);
    let identity = |member_id, generation| Identity {
        member_id,
        group_instance_id: None,
        generation,
    };
    for (member_id, generation, expected) in [
        ("a", 1, Ok(())),
        ("a", 0, Err(ErrorCode::IllegalGeneration)),
        ("a", -1, Err(ErrorCode::IllegalGeneration)),
        ("b", 1, Err(ErrorCode::UnknownMemberId)),
        ("", -1, Err(ErrorCode::UnknownMemberId)),
    ] {
        assert_eq!(
            bench
                .group
                .check_commit(identity(member_id, generation), bench.now),
            expected
        );
    }
    let _b = bench.join(&join(""), "b");
    assert_eq!(
        bench.group.check_commit(identity("a", 1), bench.now),
        Ok(()),
        "before it joins again"
    );
    answered(bench.join(&join("a"), ""));
    let early = bench.group.check_commit(identity("a", 2), bench.now);
    assert_eq!(
        early,
        Err(ErrorCode::RebalanceInProgress),
        "it does not know its assignment yet"
    );
    for member in ["a", "b"] {
        bench.group.leave(member, None, bench.now).unwrap();
    }
    assert_eq!(
        bench.group.check_commit(identity("", -1), bench.now),
        Ok(()),
        "nobody is in the way"
    );
}

#[test]
fn a_group_is_void_before_it_has_had_members() {
    let mut bench = Bench::new();
    assert!(bench.group.is_void());
    answered(bench.join(&join("nobody"), ""));
    assert!(bench.group.is_void());
    answered(bench.join(
        &Join {
            requires_known_member_id: true,
            ..join("")
        },
        "a",
    ));
    assert!(!bench.group.is_void());
    bench.pass(SESSION);
    assert!(bench.group.is_void());
}
