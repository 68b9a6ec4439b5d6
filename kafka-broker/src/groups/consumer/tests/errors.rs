use super::*;

#[test]
fn a_member_is_in_its_epoch_or_has_missed_one_answer() {
    let mut bench = Bench::of(4);
    bench.beat(&joins("a", "t")).unwrap();
    bench.beat(&joins("b", "t")).unwrap();
    assert_eq!(bench.told_owning("a", 2, &[0, 1, 2, 3]).0, 2);
    assert_eq!(
        bench.told_owning("a", 2, &[0, 1]),
        (3, None),
        "the answer that is missed"
    );
    let fenced = Err(ErrorCode::FencedMemberEpoch);
    for (epoch, owned, expected) in [
        (2, Some(&[0, 1][..]), Ok(3)),
        (2, Some(&[0]), Ok(3)),
        (2, Some(&[]), Ok(3)),
        (2, Some(&[0, 1, 2]), fenced),
        (2, None, fenced),
        (1, Some(&[]), fenced),
        (4, Some(&[0, 1]), fenced),
        (i32::MAX, None, fenced),
        (3, None, Ok(3)),
        (3, Some(&[0, 1, 2, 3]), Ok(3)),
        (JOIN, Some(&[]), Ok(3)),
    ] {
        let beat = Heartbeat {
            owned: owned.map(|owned| bench.partitions("t", owned)),
            ..alive("a", epoch)
        };
        let answered = bench.beat(&beat).map(|beaten| beaten.member_epoch);
        assert_eq!(
            answered.map_err(|refusal| refusal.error),
            expected,
            "{epoch} with {owned:?}"
        );
    }
}

#[test]
fn an_answer_that_was_lost_is_told_again_to_one_that_says_all() {
    let mut bench = Bench::of(2);
    bench.beat(&joins("a", "t")).unwrap();
    bench.grow("t", 4);
    assert_eq!(
        bench.told(&alive("a", 2)),
        (3, Some(vec![0, 1, 2, 3])),
        "which is lost"
    );
    assert_eq!(
        bench.told_owning("a", 2, &[0, 1]),
        (3, None),
        "it has not said all"
    );
    let all = Heartbeat {
        owned: Some(bench.partitions("t", &[0, 1])),
        member_epoch: 2,
        ..joins("a", "t")
    };
    assert_eq!(bench.told(&all), (3, Some(vec![0, 1, 2, 3])));
}

#[test]
fn who_is_not_a_member_is_told_so() {
    let mut bench = Bench::of(1);
    bench.beat(&joins("a", "t")).unwrap();
    for (id, epoch) in [("b", 1), ("", 1), ("b", LEAVE)] {
        assert_eq!(
            bench.refused(&alive(id, epoch)),
            ErrorCode::UnknownMemberId,
            "{id} in {epoch}"
        );
    }
    bench.beat(&alive("a", LEAVE)).unwrap();
    assert_eq!(bench.refused(&alive("a", 1)), ErrorCode::UnknownMemberId);
}

#[test]
fn an_instance_id_is_for_one_member_at_a_time() {
    let mut bench = Bench::of(1);
    let as_instance = |instance: &str, beat: Heartbeat| Heartbeat {
        instance_id: Some(instance.into()),
        ..beat
    };
    assert_eq!(bench.told(&joins_as("i", "a", "t")), (2, Some(vec![0])));
    for (beat, error) in [
        (joins_as("i", "b", "t"), ErrorCode::UnreleasedInstanceId),
        (joins_as("i", "a", "t"), ErrorCode::UnreleasedInstanceId),
        (as_instance("i", alive("b", 2)), ErrorCode::FencedInstanceId),
        (
            as_instance("i", alive("b", LEAVE)),
            ErrorCode::FencedInstanceId,
        ),
        (
            as_instance("i", alive("b", LEAVE_STATIC)),
            ErrorCode::FencedInstanceId,
        ),
        (as_instance("j", alive("a", 2)), ErrorCode::UnknownMemberId),
        (
            as_instance("j", alive("a", LEAVE_STATIC)),
            ErrorCode::UnknownMemberId,
        ),
    ] {
        assert_eq!(bench.refused(&beat), error, "{beat:?}");
    }
    let gone = bench
        .beat(&as_instance("i", alive("a", LEAVE_STATIC)))
        .unwrap();
    assert_eq!((&*gone.member_id, gone.member_epoch), ("a", LEAVE_STATIC));
    assert_eq!(
        bench.refused(&as_instance("i", alive("a", 2))),
        ErrorCode::FencedMemberEpoch,
        "it has left"
    );
    assert_eq!(bench.told(&joins_as("i", "b", "t")), (2, Some(vec![0])));
    assert_eq!(
        bench.refused(&as_instance("i", alive("a", 2))),
        ErrorCode::FencedInstanceId
    );
}

#[test]
fn a_group_has_no_more_members_than_it_may() {
    let settings = ConsumerGroupSettings {
        max_size: 1,
        ..Default::default()
    };
    let mut bench = Bench::with(settings);
    bench.create("t", 1);
    bench.beat(&joins("a", "t")).unwrap();
    assert_eq!(
        bench.refused(&joins("b", "t")),
        ErrorCode::GroupMaxSizeReached
    );
    bench.beat(&alive("a", 2)).unwrap();
    bench.beat(&alive("a", LEAVE)).unwrap();
    bench.beat(&joins("b", "t")).unwrap();
}

#[test]
fn an_expression_that_is_none_changes_nothing() {
    let mut bench = Bench::of(1);
    for regex in ["(", "a)|(b", "[z-a]"] {
        let beat = Heartbeat {
            topic_regex: Some(regex.into()),
            ..joins("a", "t")
        };
        assert_eq!(
            bench.refused(&beat),
            ErrorCode::InvalidRegularExpression,
            "{regex}"
        );
        assert!(bench.group.is_void());
    }
}
