use super::*;
use crate::groups::{Commit, Identity};

#[test]
fn a_commit_of_an_earlier_epoch_is_taken_for_partitions_that_were_there_then() {
    let mut bench = Bench::of(2);
    bench.beat(&joins("a", "t")).unwrap();
    bench.grow("t", 4);
    assert_eq!(bench.told(&alive("a", 2)), (3, Some(vec![0, 1, 2, 3])));
    let stale = Err(ErrorCode::StaleMemberEpoch);
    for (epoch, partitions, expected) in [
        (3, &[0, 1, 2, 3][..], Ok(())),
        (2, &[0, 1], Ok(())),
        (2, &[2], stale),
        (2, &[0, 2], stale),
        (1, &[0], stale),
        (4, &[0], stale),
        (-1, &[0], stale),
    ] {
        let partitions: Vec<_> = bench.partitions("t", partitions).into_iter().collect();
        let commit = |version| Commit {
            identity: Identity {
                member_id: "a",
                group_instance_id: None,
                generation: epoch,
            },
            version,
            partitions: &partitions,
        };
        assert_eq!(
            bench.group.check_commit(commit(Some(9))),
            expected,
            "{epoch}"
        );
        let in_transaction = expected.map_err(|_| ErrorCode::IllegalGeneration);
        assert_eq!(
            bench.group.check_commit(commit(None)),
            in_transaction,
            "{epoch}"
        );
    }
}

#[test]
fn who_is_outside_may_commit_while_there_are_no_members() {
    let mut bench = Bench::of(1);
    let outside = |version| Commit {
        identity: Identity {
            member_id: "",
            group_instance_id: None,
            generation: -1,
        },
        version,
        partitions: &[],
    };
    assert_eq!(bench.group.check_commit(outside(Some(2))), Ok(()));
    bench.beat(&joins("a", "t")).unwrap();
    assert_eq!(
        bench.group.check_commit(outside(Some(9))),
        Err(ErrorCode::UnknownMemberId)
    );
    assert_eq!(
        bench.group.check_commit(outside(None)),
        Ok(()),
        "an old producer"
    );
    bench.beat(&alive("a", LEAVE)).unwrap();
    assert_eq!(bench.group.check_commit(outside(Some(9))), Ok(()));
}
