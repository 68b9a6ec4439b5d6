//! What a member says of itself, and when.

use super::*;

#[test]
fn everything_is_said_when_joining_and_then_only_what_has_changed() {
    let mut test = Test::new(None);
    let join = test.expect_heartbeat();
    assert_eq!(join.member_epoch, 0);
    assert_eq!(join.subscribed_topic_names, Some(vec!["t".into()]));
    assert_eq!(join.topic_partitions, Some(Vec::new()));
    assert_eq!(join.rebalance_timeout_ms, MAX_POLL.as_millis() as i32);
    assert_eq!(join.rack_id.as_deref(), Some("r"));
    assert_eq!(join.server_assignor.as_deref(), Some("uniform"));
    test.answered(1, None);
    test.expect_nothing();
    test.pass(INTERVAL);
    let quiet = ConsumerGroupHeartbeatRequest {
        group_id: "g".into(),
        member_id: join.member_id,
        member_epoch: 1,
        rebalance_timeout_ms: -1,
        ..Default::default()
    };
    assert_eq!(test.heartbeat(1, None), quiet);
}

#[test]
fn another_subscription_is_said_at_once() {
    let mut test = Test::stable(&[0]);
    test.member.subscribe(vec!["t".into()], test.now);
    test.expect_nothing();
    test.member
        .subscribe(vec!["u".into(), "t".into()], test.now);
    let request = test.heartbeat(1, None);
    let topics = Some(vec!["t".into(), "u".into()]);
    assert_eq!(request.subscribed_topic_names, topics);
    assert_eq!(request.topic_partitions, None);
    assert_eq!(request.subscribed_topic_regex, None);
    test.expect_nothing();
}

#[test]
fn brokers_match_a_regular_expression_until_topics_are_named() {
    let mut test = Test::new(None);
    test.member.subscribe_regex("t.*", test.now).unwrap();
    let join = test.heartbeat(1, None);
    assert_eq!(join.subscribed_topic_regex.as_deref(), Some("t.*"));
    assert_eq!(join.subscribed_topic_names, Some(Vec::new()));
    test.member.subscribe(vec!["t".into()], test.now);
    let request = test.heartbeat(1, None);
    assert_eq!(request.subscribed_topic_regex.as_deref(), Some(""));
    assert_eq!(request.subscribed_topic_names, Some(vec!["t".into()]));
    test.member.subscribe_regex("u.*", test.now).unwrap();
    let request = test.heartbeat(1, None);
    assert_eq!(request.subscribed_topic_regex.as_deref(), Some("u.*"));
    assert_eq!(request.subscribed_topic_names, Some(Vec::new()));
}

#[test]
fn a_pattern_is_looked_up_before_joining_and_what_matches_later_is_said() {
    let mut test = Test::new(None);
    let pattern = TopicPattern::new("t.*").unwrap();
    test.member.unsubscribe();
    test.member.subscribe_pattern(pattern.clone(), test.now);
    let look = Action::Match {
        pattern: pattern.clone(),
    };
    assert_eq!(test.member.next(test.now), Some(look.clone()));
    test.expect_nothing();
    let found = |names: &[&str]| Ok(names.iter().map(|name| Arc::from(*name)).collect());
    test.member.matched(&pattern, found(&["t"]), test.now);
    let join = test.heartbeat(1, None);
    assert_eq!(join.subscribed_topic_names, Some(vec!["t".into()]));
    test.pass(Duration::from_secs(20));
    assert_eq!(test.member.next(test.now), Some(look));
    test.member.matched(&pattern, found(&["t2", "t"]), test.now);
    let request = test.heartbeat(1, None);
    let topics = Some(vec!["t".into(), "t2".into()]);
    assert_eq!(request.subscribed_topic_names, topics);
}

#[test]
fn what_the_coordinator_may_not_have_heard_is_said_again() {
    let mut test = Test::stable(&[0]);
    for failure in [
        refused(ErrorCode::NotCoordinator),
        refused(ErrorCode::CoordinatorLoadInProgress),
        Error::timeout("a heartbeat", SECOND, None),
    ] {
        test.pass(INTERVAL);
        assert_eq!(test.expect_heartbeat().topic_partitions, None);
        test.member.answered(Err(failure), test.now);
        test.expect_nothing();
        test.pass(SECOND * 2);
        let full = test.heartbeat(1, None);
        assert_eq!(full.member_epoch, 1);
        assert_eq!(full.topic_partitions, Some(vec![topic(T, &[0])]));
        assert_eq!(full.subscribed_topic_names, Some(vec!["t".into()]));
        assert_eq!(full.rebalance_timeout_ms, MAX_POLL.as_millis() as i32);
        assert_eq!(test.member.pending(), None, "nothing is lost");
    }
}

#[test]
fn there_is_never_more_than_one_heartbeat_on_its_way() {
    let mut test = Test::new(None);
    test.expect_heartbeat();
    test.pass(INTERVAL * 3);
    test.expect_nothing();
    assert_eq!(
        test.member.next_deadline(),
        Some(test.now + MAX_POLL - INTERVAL * 3)
    );
    test.member.subscribe(vec!["u".into()], test.now);
    test.expect_nothing();
    test.answered(1, None);
    let request = test.expect_heartbeat();
    assert_eq!(request.subscribed_topic_names, Some(vec!["u".into()]));
}
