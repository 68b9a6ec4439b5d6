//! What a member does, step by step, on a clock that the test moves.

use kafka_proto::messages::share_group_heartbeat::{Assignment, TopicPartitions};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_secs(5);
/// The topic `t`.
const T: Uuid = Uuid([1; 16]);

struct Test {
    member: Membership,
    now: Instant,
}

impl Test {
    fn new() -> Self {
        let now = Instant::now();
        let config = ShareConsumerConfig {
            group_id: Some("g".into()),
            client_rack: Some("r".into()),
            max_poll_interval: SECOND * 60,
            ..Default::default()
        };
        let member = Membership::new(&config, now);
        Self { member, now }
    }

    /// Subscribed, in the group, and told to read this.
    fn joined(numbers: &[i32]) -> Self {
        let mut test = Self::new();
        test.member.subscribe(vec!["t".into()], test.now);
        test.heartbeat();
        test.answer(1, Some(numbers));
        test.resolve();
        test
    }

    fn next(&mut self) -> Option<Action> {
        self.member.next(self.now)
    }

    #[track_caller]
    fn heartbeat(&mut self) -> ShareGroupHeartbeatRequest {
        match self.next() {
            Some(Action::Heartbeat(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, epoch: i32, assigned: Option<&[i32]>) {
        let topic = |numbers: &[i32]| Assignment {
            topic_partitions: vec![TopicPartitions {
                topic_id: T,
                partitions: numbers.to_vec(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = ShareGroupHeartbeatResponse {
            member_epoch: epoch,
            heartbeat_interval_ms: INTERVAL.as_millis() as i32,
            assignment: assigned.map(topic),
            ..Default::default()
        };
        self.member.answered(Ok(answer), self.now);
    }

    fn refuse(&mut self, code: ErrorCode) {
        let error = Error::broker(code, "share group \"g\"");
        self.member.answered(Err(error), self.now);
    }

    #[track_caller]
    fn resolve(&mut self) {
        assert_eq!(self.next(), Some(Action::Resolve { ids: vec![T] }));
        let names = HashMap::from([(T, Arc::from("t"))]);
        self.member.resolved(Ok(names), self.now);
    }

    fn read(&mut self) -> Option<Vec<String>> {
        let change = self.member.take_change()?;
        let names = change.values().map(ToString::to_string);
        Some(names.collect())
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
    }
}

#[test]
fn a_member_joins_with_everything_and_then_says_only_what_changes() {
    let mut test = Test::new();
    assert_eq!(test.next(), None, "nothing is subscribed to");
    test.member.subscribe(vec!["t".into()], test.now);
    let join = test.heartbeat();
    assert_eq!(
        (join.member_epoch, join.rack_id.as_deref()),
        (JOIN, Some("r"))
    );
    assert_eq!(join.subscribed_topic_names, Some(vec!["t".into()]));
    assert_eq!(test.next(), None, "one request at a time");
    test.answer(3, None);
    assert_eq!(test.next(), None, "not before the interval is over");
    assert_eq!(
        test.member.next_deadline(),
        Some(test.now + INTERVAL),
        "and then at once"
    );
    test.wait(INTERVAL);
    let beat = test.heartbeat();
    assert_eq!((beat.member_epoch, beat.rack_id), (3, None));
    assert_eq!(beat.subscribed_topic_names, None);
    test.answer(3, None);
    test.member
        .subscribe(vec!["u".into(), "t".into(), "t".into()], test.now);
    let news = test.heartbeat();
    let topics = Some(vec!["t".into(), "u".into()]);
    assert_eq!(news.subscribed_topic_names, topics, "at once");
}

#[test]
fn what_is_assigned_is_read_once_its_topics_have_names() {
    let mut test = Test::new();
    test.member.subscribe(vec!["t".into()], test.now);
    test.heartbeat();
    test.answer(1, Some(&[0, 2]));
    assert_eq!(
        test.read(),
        Some(vec![]),
        "nobody knows what they are called"
    );
    test.resolve();
    assert_eq!(test.read(), Some(vec!["t-0".into(), "t-2".into()]));
    assert_eq!(test.read(), None, "nothing has changed since");
    test.wait(INTERVAL);
    test.heartbeat();
    test.answer(2, Some(&[2]));
    assert_eq!(test.read(), Some(vec!["t-2".into()]));
}

#[test]
fn who_is_fenced_reads_nothing_and_joins_again() {
    for code in [ErrorCode::FencedMemberEpoch, ErrorCode::UnknownMemberId] {
        let mut test = Test::joined(&[0]);
        test.read();
        let id = test.member.member_id().to_owned();
        test.wait(INTERVAL);
        test.heartbeat();
        test.refuse(code);
        assert_eq!(test.read(), Some(vec![]));
        assert_eq!(test.next(), None, "not at once");
        test.wait(SECOND);
        let join = test.heartbeat();
        assert_eq!((join.member_epoch, &*join.member_id), (JOIN, &*id));
        assert!(join.subscribed_topic_names.is_some());
        assert_eq!(test.member.tell(test.now, true), None);
    }
}

#[test]
fn what_lasts_is_told_and_what_cannot_be_mended_ends_it() {
    let mut test = Test::joined(&[0]);
    test.wait(INTERVAL);
    test.heartbeat();
    test.refuse(ErrorCode::NotCoordinator);
    assert_eq!(test.member.tell(test.now, true), None, "it may pass");
    assert!(test.member.due().is_some());
    test.wait(SECOND);
    assert!(
        test.heartbeat().subscribed_topic_names.is_some(),
        "it may not have heard"
    );
    test.refuse(ErrorCode::GroupAuthorizationFailed);
    assert!(test.member.tell(test.now, false).is_some());
    assert!(
        test.member.tell(test.now, false).is_some(),
        "until something is done"
    );
    assert_eq!(test.read(), Some(vec![]));
    assert!(matches!(test.next(), Some(Action::Leave(_))));
    test.member.left();
    test.wait(SECOND * 100);
    assert_eq!(test.next(), None);
    test.member.subscribe(vec!["t".into()], test.now);
    assert_eq!(test.heartbeat().member_epoch, JOIN);
}

#[test]
fn who_does_not_poll_leaves_and_comes_back_with_the_next_poll() {
    let mut test = Test::joined(&[0]);
    test.read();
    test.member.poll_begins();
    test.wait(SECOND * 61);
    assert!(
        matches!(test.next(), Some(Action::Heartbeat(_))),
        "it polls"
    );
    test.answer(1, None);
    test.member.poll_ends(test.now);
    test.wait(SECOND * 61);
    let left = test.next();
    assert!(matches!(left, Some(Action::Leave(request)) if request.member_epoch == LEAVE));
    assert_eq!(test.read(), Some(vec![]));
    test.member.left();
    assert_eq!(test.next(), None);
    assert!(test.member.poll_begins());
    assert_eq!(test.heartbeat().member_epoch, JOIN);
}

#[test]
fn leaving_is_said_once_and_only_by_members() {
    let mut test = Test::new();
    test.member.unsubscribe();
    assert!(!test.member.is_leaving());
    let mut test = Test::joined(&[0]);
    test.member.unsubscribe();
    assert!(test.member.is_leaving());
    assert!(matches!(test.next(), Some(Action::Leave(_))));
    assert!(test.member.is_leaving(), "until it is answered");
    test.member.left();
    assert!(!test.member.is_leaving());
    assert_eq!(test.next(), None);
}
