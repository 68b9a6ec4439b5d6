//! A member that subscribes to a pattern.

use super::*;
use crate::consumer::group::pattern::TopicPattern;

impl Test {
    #[track_caller]
    fn expect_match(&mut self) -> TopicPattern {
        match self.member.next(self.now) {
            Some(Action::Match { pattern }) => pattern,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_pattern_is_looked_up_before_joining_and_again_whenever_that_is_old() {
    let mut test = Test::new(None);
    let pattern = TopicPattern::new("t.*").unwrap();
    test.member.unsubscribe();
    test.member.subscribe_pattern(pattern.clone(), test.now);
    assert_eq!(test.expect_match(), pattern);
    test.expect_nothing();
    let failure = Err(refused(ErrorCode::NetworkException));
    test.member.matched(&pattern, failure, test.now);
    test.expect_nothing();
    test.pass(Duration::from_secs(1));
    test.expect_match();
    test.member
        .matched(&pattern, Ok(vec!["t".into()]), test.now);
    test.join_and_sync(1, &[0]);

    test.pass(MAX_AGE);
    test.expect_match();
    test.member
        .matched(&pattern, Ok(vec!["t".into()]), test.now);
    assert_eq!(test.member.pending(), None, "nothing has changed");
    let gone = Some(refused(ErrorCode::UnknownTopicOrPartition));
    test.member.missing(gone, Duration::ZERO, test.now);
    assert_eq!(
        test.member.tell(test.now, true),
        None,
        "nobody has named it"
    );
    test.expect_match();
    let topics = vec![Arc::from("t2"), Arc::from("t")];
    test.member.matched(&pattern, Ok(topics), test.now);
    test.settle(Rebalance::Revoke(partitions(&[0])));
    assert_eq!(
        test.expect_join().1.topics,
        [Arc::from("t"), Arc::from("t2")]
    );
}

#[test]
fn a_subscription_by_names_replaces_a_pattern() {
    let mut test = Test::new(None);
    let pattern = TopicPattern::new(".*").unwrap();
    test.member.subscribe_pattern(pattern.clone(), test.now);
    test.expect_match();
    test.member.subscribe(vec!["u".into()], test.now);
    test.member
        .matched(&pattern, Ok(vec!["t".into()]), test.now);
    assert_eq!(test.expect_join().1.topics, [Arc::from("u")]);
}
