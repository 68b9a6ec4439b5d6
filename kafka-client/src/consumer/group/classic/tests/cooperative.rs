//! A member that goes on with what it keeps.

use super::*;

#[test]
fn a_cooperative_member_gives_up_only_what_moves_and_joins_again_at_once() {
    let mut test = Test::cooperative(&[0, 1, 2]);
    test.rebalances(1);
    assert_eq!(
        test.member.pending(),
        None,
        "nothing is given up beforehand"
    );
    let (attempt, member) = test.expect_join();
    assert_eq!(
        (member.owned, member.generation),
        (partitions(&[0, 1, 2]), 1)
    );
    assert_eq!(
        test.member.committer(),
        Some(Test::identity(1)),
        "what it keeps may be committed"
    );
    test.joined(attempt, 2);
    test.expect_sync(None);
    test.member
        .synced(attempt, Ok(partitions(&[0, 2, 5])), test.now);
    assert_eq!(
        test.member.committer(),
        Some(Test::identity(2)),
        "what moves may be committed"
    );
    test.settle(Rebalance::Revoke(partitions(&[1])));
    test.expect_nothing();
    test.settle(Rebalance::Assign(partitions(&[0, 2, 5])));
    let (_, member) = test.expect_join();
    assert_eq!(
        (member.owned, member.generation),
        (partitions(&[0, 2, 5]), 2)
    );
}

#[test]
fn a_cooperative_member_that_gives_nothing_up_does_not_join_again() {
    let mut test = Test::cooperative(&[0]);
    test.rebalances(1);
    test.join_and_sync(2, &[0, 1]);
    test.expect_nothing();
    assert_eq!(test.member.committer(), Some(Test::identity(2)));
}

#[test]
fn what_was_withheld_for_us_in_vain_is_shared_out_again() {
    let mut test = Test::cooperative(&[0, 1]);
    test.rebalances(1);
    let attempt = test.expect_join().0;
    test.joined(attempt, 2);
    test.expect_sync(None);
    test.member.synced(attempt, Ok(partitions(&[0])), test.now);
    // The application is giving up partition 1 when the next rebalance begins.
    test.heartbeat(2, Err(refused(ErrorCode::RebalanceInProgress)));
    let (attempt, member) = test.expect_join();
    assert_eq!(member.owned, partitions(&[0, 1]), "it may still be reading");
    test.member.done(&Rebalance::Revoke(partitions(&[1])));
    test.joined(attempt, 3);
    test.expect_sync(None);
    test.member.synced(attempt, Ok(partitions(&[0])), test.now);
    test.settle(Rebalance::Assign(partitions(&[0])));
    assert_eq!(
        test.expect_join().1.owned,
        partitions(&[0]),
        "nobody else got it"
    );
}

#[test]
fn an_assignment_that_is_no_longer_pending_is_not_taken_up() {
    let mut test = Test::cooperative(&[0]);
    test.rebalances(1);
    let attempt = test.expect_join().0;
    test.joined(attempt, 2);
    test.expect_sync(None);
    test.member
        .synced(attempt, Ok(partitions(&[0, 1])), test.now);
    test.heartbeat(2, Err(refused(ErrorCode::RebalanceInProgress)));
    test.member.done(&Rebalance::Assign(partitions(&[0, 1])));
    assert_eq!(test.expect_join().1.owned, partitions(&[0]));
}

#[test]
fn a_late_answer_about_the_generation_before_costs_a_cooperative_member_nothing() {
    let mut test = Test::cooperative(&[0]);
    test.rebalances(1);
    let attempt = test.expect_join().0;
    let late = || refused(ErrorCode::IllegalGeneration);
    test.member
        .commit_refused(&Test::identity(1), late(), test.now);
    test.member
        .heartbeat_answered(&Test::identity(1), Err(late()), test.now);
    assert_eq!(test.member.pending(), None);
    test.joined(attempt, 2);
    test.expect_sync(None);
}

#[test]
fn a_cooperative_member_that_is_not_known_has_lost_everything() {
    let mut test = Test::cooperative(&[0, 1]);
    test.heartbeat(1, Err(refused(ErrorCode::UnknownMemberId)));
    test.expect_nothing();
    test.settle(Rebalance::Lost(partitions(&[0, 1])));
    test.pass(Duration::from_secs(2));
    let (_, member) = test.expect_join();
    assert_eq!(
        (member.id.as_str(), member.owned, member.generation),
        ("", vec![], -1)
    );
}

#[test]
fn a_cooperative_member_gives_up_topics_before_it_joins_without_them() {
    let mut test = Test::cooperative(&[0]);
    test.member.subscribe(vec!["u".into()], test.now);
    test.expect_nothing();
    test.settle(Rebalance::Revoke(partitions(&[0])));
    assert_eq!(test.expect_join().1.owned, []);
}

#[test]
fn a_commit_that_a_rebalance_has_overtaken_is_repeated_by_who_still_owns() {
    let (late, early) = (
        refused(ErrorCode::IllegalGeneration),
        refused(ErrorCode::RebalanceInProgress),
    );
    let mut test = Test::cooperative(&[0, 1]);
    let one = Test::identity(1);
    assert_eq!(
        test.member.commits_again(&one, &late),
        None,
        "not without a rebalance"
    );
    test.rebalances(1);
    let attempt = test.expect_join().0;
    let owned = partitions(&[0, 1]);
    for error in [&late, &early] {
        let again = test.member.commits_again(&one, error);
        assert_eq!(again, Some((Test::identity(1), owned.clone())));
    }
    test.joined(attempt, 2);
    test.expect_sync(None);
    test.member.synced(attempt, Ok(partitions(&[1])), test.now);
    test.settle(Rebalance::Revoke(partitions(&[0])));
    test.settle(Rebalance::Assign(partitions(&[1])));
    let owned = partitions(&[1]);
    let again = test.member.commits_again(&one, &late);
    assert_eq!(again, Some((Test::identity(2), owned.clone())));

    // What was lost meanwhile may be somebody else's by now.
    let attempt = test.expect_join().0;
    let unknown = Err(refused(ErrorCode::IllegalGeneration));
    test.member.joined(attempt, unknown, None, test.now);
    assert_eq!(test.member.committer(), None);
    test.settle(Rebalance::Lost(partitions(&[1])));
    test.pass(Duration::from_secs(2));
    test.join_and_sync(5, &[1]);
    assert_eq!(test.member.commits_again(&one, &late), None);
}

#[test]
fn an_eager_commit_is_never_repeated_in_another_generation() {
    let mut test = Test::stable(&[0]);
    test.rebalances(1);
    let error = refused(ErrorCode::RebalanceInProgress);
    assert_eq!(test.member.commits_again(&Test::identity(1), &error), None);
}
