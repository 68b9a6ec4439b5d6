use super::*;

fn wants(id: &str, epoch: i32, regex: &str) -> Heartbeat {
    Heartbeat {
        topic_names: Some(BTreeSet::new()),
        topic_regex: Some(regex.into()),
        member_epoch: epoch,
        ..joins(id, "")
    }
}

#[test]
fn an_expression_is_resolved_by_the_next_heartbeat() {
    let mut bench = Bench::of(2);
    assert_eq!(bench.told(&wants("a", JOIN, "t.*")), (1, Some(vec![])));
    assert_eq!(bench.told(&alive("a", 1)), (2, Some(vec![0, 1])));
    bench.create("other", 1);
    bench.beat(&alive("a", 2)).unwrap();
    assert_eq!(
        bench.told(&alive("a", 2)),
        (2, None),
        "which does not match"
    );
    bench.create("t-2", 1);
    bench.beat(&alive("a", 2)).unwrap();
    assert_eq!(bench.told(&alive("a", 2)), (3, Some(vec![0, 1, 0])));
    assert_eq!(
        bench.told(&wants("b", JOIN, "t.*")),
        (4, Some(vec![])),
        "an expression that is known is resolved at once"
    );
}

#[test]
fn what_is_not_subscribed_any_more_is_given_back_at_once() {
    let mut bench = Bench::of(2);
    bench.create("u", 1);
    bench.beat(&joins("a", "t")).unwrap();
    let other = Heartbeat {
        topic_names: Some(BTreeSet::from(["u".into()])),
        ..alive("a", 2)
    };
    assert_eq!(bench.told(&other), (2, Some(vec![])));
    assert_eq!(bench.told_owning("a", 2, &[]), (3, Some(vec![0])));
    bench.beat(&wants("a", 3, "t")).unwrap();
    assert_eq!(bench.told_owning("a", 3, &[]).1, Some(vec![0, 1]));
    let nothing = Heartbeat {
        topic_regex: Some("".into()),
        owned: Some(BTreeSet::new()),
        ..alive("a", 4)
    };
    assert_eq!(bench.told(&nothing).1, Some(vec![]));
}

#[test]
fn a_topic_that_is_deleted_is_given_back_and_one_of_the_same_name_is_another() {
    let mut bench = Bench::of(2);
    bench.beat(&joins("a", "t")).unwrap();
    let old = bench.partitions("t", &[0, 1]);
    bench.delete("t");
    assert_eq!(bench.told(&alive("a", 2)), (2, Some(vec![])));
    bench.create("t", 1);
    let told = bench
        .beat(&Heartbeat {
            owned: Some(BTreeSet::new()),
            ..alive("a", 2)
        })
        .unwrap();
    let assigned = told.assignment.unwrap();
    assert_eq!(assigned, bench.partitions("t", &[0]));
    assert!(assigned.is_disjoint(&old));
}

#[test]
fn topics_that_nobody_reads_do_not_disturb_the_group() {
    let mut bench = Bench::of(1);
    bench.beat(&joins("a", "t")).unwrap();
    bench.create("u", 1);
    assert_eq!(bench.told(&alive("a", 2)), (2, None));
    bench.grow("t", 2);
    assert_eq!(bench.told(&alive("a", 2)), (3, Some(vec![0, 1])));
}

#[test]
fn most_members_choose_the_assignor() {
    let mut bench = Bench::of(1);
    let asks = |id: &str, assignor| Heartbeat {
        assignor,
        ..joins(id, "t")
    };
    let (uniform, range) = (ConsumerGroupAssignor::Uniform, ConsumerGroupAssignor::Range);
    for (id, assignor, preferred) in [
        ("a", None, uniform),
        ("b", Some(range), range),
        ("c", Some(uniform), uniform),
        ("d", Some(range), range),
    ] {
        bench.beat(&asks(id, assignor)).unwrap();
        assert_eq!(bench.group.assignor(), preferred, "after {id}");
    }
}
