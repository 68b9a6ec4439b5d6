use super::*;

#[test]
fn partitions_change_hands_only_when_they_are_given_back() {
    let mut bench = Bench::of(4);
    assert_eq!(bench.told(&joins("a", "t")), (2, Some(vec![0, 1, 2, 3])));
    assert_eq!(bench.group.state(), "Stable");
    assert_eq!(
        bench.told(&joins("b", "t")),
        (3, Some(vec![])),
        "nothing is free"
    );
    assert_eq!(bench.group.state(), "Reconciling");
    assert_eq!(
        bench.told(&alive("a", 2)),
        (2, Some(vec![0, 1])),
        "in the old epoch"
    );
    assert_eq!(
        bench.told(&alive("a", 2)),
        (2, None),
        "it has not said that it gave them back"
    );
    assert_eq!(
        bench.told_owning("a", 2, &[0, 1, 2]),
        (2, None),
        "one is missing"
    );
    assert_eq!(bench.told(&alive("b", 3)), (3, None));
    assert_eq!(bench.told_owning("a", 2, &[0, 1]), (3, None));
    assert_eq!(bench.told(&alive("b", 3)), (3, Some(vec![2, 3])));
    assert_eq!(bench.group.state(), "Stable");
}

#[test]
fn partitions_of_a_member_that_leaves_are_free_at_once() {
    let mut bench = Bench::of(2);
    bench.beat(&joins("a", "t")).unwrap();
    bench.beat(&joins("b", "t")).unwrap();
    bench.beat(&alive("a", LEAVE)).unwrap();
    assert_eq!(bench.group.state(), "Assigning");
    assert_eq!(bench.told(&alive("b", 3)), (4, Some(vec![0, 1])));
    bench.beat(&alive("b", LEAVE)).unwrap();
    assert_eq!(bench.group.state(), "Empty");
    assert_eq!(
        bench.told(&joins("c", "t")),
        (6, Some(vec![0, 1])),
        "epochs go on"
    );
}

#[test]
fn a_member_that_is_not_heard_of_is_out_after_its_session() {
    let mut bench = Bench::of(2);
    bench.beat(&joins("a", "t")).unwrap();
    bench.pass(SESSION / 2);
    bench.beat(&joins("b", "t")).unwrap();
    bench.pass(SESSION / 2);
    assert_eq!(bench.told(&alive("b", 3)), (4, Some(vec![0, 1])));
    assert_eq!(bench.refused(&alive("a", 2)), ErrorCode::UnknownMemberId);
}

#[test]
fn a_member_that_gives_nothing_back_is_out_after_its_rebalance_timeout() {
    let mut bench = Bench::of(2);
    bench.beat(&joins("a", "t")).unwrap();
    bench.beat(&joins("b", "t")).unwrap();
    assert_eq!(bench.told(&alive("a", 2)), (2, Some(vec![0])));
    for _ in 0..3 {
        bench.pass(REBALANCE / 3);
        bench.beat(&alive("b", 3)).unwrap();
        if bench.now - REBALANCE < bench.group.next_deadline().unwrap() - SESSION {
            let _ = bench.beat(&alive("a", 2));
        }
    }
    assert_eq!(bench.refused(&alive("a", 2)), ErrorCode::UnknownMemberId);
    assert_eq!(bench.told(&joins("b", "t")).1, Some(vec![0, 1]));
}

#[test]
fn a_static_member_finds_after_a_restart_what_it_had() {
    let mut bench = Bench::of(4);
    bench.beat(&joins_as("i", "a", "t")).unwrap();
    bench.beat(&joins_as("j", "b", "t")).unwrap();
    let a = |beat: Heartbeat| Heartbeat {
        instance_id: Some("i".into()),
        ..beat
    };
    let owned = |bench: &Bench| Some(bench.partitions("t", &[0, 1]));
    bench.beat(&a(alive("a", 2))).unwrap();
    let given_back = a(Heartbeat {
        owned: owned(&bench),
        ..alive("a", 2)
    });
    assert_eq!(bench.told(&given_back).0, 3);
    bench.beat(&a(alive("a", LEAVE_STATIC))).unwrap();
    assert_eq!(
        bench.told(&joins("b", "t")),
        (3, Some(vec![2, 3])),
        "not what a had"
    );
    assert_eq!(
        bench.told(&joins_as("i", "c", "t")),
        (3, Some(vec![0, 1])),
        "in no new epoch"
    );
    bench.beat(&a(alive("c", LEAVE_STATIC))).unwrap();
    bench.pass(SESSION / 2);
    bench.beat(&joins("b", "t")).unwrap();
    bench.pass(SESSION / 2);
    assert_eq!(
        bench.told(&joins("b", "t")),
        (4, Some(vec![0, 1, 2, 3])),
        "it did not come back"
    );
}

#[test]
fn a_target_stands_for_its_time() {
    let settings = ConsumerGroupSettings {
        assignment_interval: Duration::from_secs(1),
        ..Default::default()
    };
    let mut bench = Bench::with(settings);
    bench.create("t", 2);
    assert_eq!(bench.told(&joins("a", "t")), (2, Some(vec![0, 1])));
    assert_eq!(
        bench.told(&joins("b", "t")),
        (2, Some(vec![])),
        "in the last epoch with a target"
    );
    assert_eq!(bench.group.state(), "Assigning");
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.told(&alive("b", 2)), (3, None), "it is to wait for a");
    assert_eq!(bench.told(&alive("a", 2)), (2, Some(vec![0])));
}

#[test]
fn a_member_that_joins_again_keeps_what_it_had() {
    let mut bench = Bench::of(2);
    bench.beat(&joins("a", "t")).unwrap();
    assert_eq!(bench.told(&joins("a", "t")), (2, Some(vec![0, 1])));
}
