//! Members of a group: who reads what, and what is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka_client::consumer::assignor::{
    AssignmentStrategy, Assignor, GroupAssignment, GroupMember, RoundRobinAssignor, TopicLayout,
};
use kafka_client::consumer::{Consumer, ListenerFuture, OffsetAndMetadata, RebalanceListener};
use kafka_client::{Error, ErrorCode, TopicPartition};

use crate::fixture::*;

/// Polls both until the condition holds, and adds what they see.
pub(crate) async fn poll_both(
    one: &Consumer,
    two: &Consumer,
    what: &str,
    seen: &mut Vec<Seen>,
    done: impl Fn(&[Seen]) -> bool,
) {
    within(what, async {
        while !done(seen) {
            for consumer in [one, two] {
                let records = consumer.poll(Duration::from_millis(10)).await.unwrap();
                seen.extend(records.records().map(|record| Seen {
                    partition: record.partition().partition,
                    offset: record.offset(),
                    value: String::new(),
                }));
            }
        }
    })
    .await;
}

async fn committed(consumer: &Consumer, number: i32) -> Option<i64> {
    let found = consumer.committed(&[partition(number)]).await.unwrap();
    found[&partition(number)]
        .as_ref()
        .map(|committed| committed.offset)
}

#[tokio::test]
async fn members_share_partitions_and_nothing_is_lost_or_repeated_when_one_comes_and_goes() {
    let fixture = Fixture::start(4).await;
    fixture.write(4, 0, 100).await;
    let (one, two) = (
        fixture.member().build().await.unwrap(),
        fixture.member().build().await.unwrap(),
    );
    one.subscribe(["t"]).unwrap();
    let mut seen = poll_until(&one, "all records for the only member", |seen| {
        seen.len() >= 400
    })
    .await;
    assert_eq!(one.assignment(), partitions(4));

    two.subscribe(["t"]).unwrap();
    poll_both(&one, &two, "an even share", &mut seen, |_| {
        one.assignment().len() == 2 && two.assignment().len() == 2
    })
    .await;
    let all: BTreeSet<TopicPartition> = one
        .assignment()
        .into_iter()
        .chain(two.assignment())
        .collect();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), partitions(4));
    fixture.write(4, 100, 100).await;
    poll_both(&one, &two, "records for both", &mut seen, |seen| {
        seen.len() >= 800
    })
    .await;

    one.close(LIMIT).await.unwrap();
    fixture.write(4, 200, 100).await;
    seen.extend(
        poll_until(&two, "all records for the one that stays", |seen| {
            seen.len() >= 400
        })
        .await,
    );
    assert_eq!(two.assignment(), partitions(4));
    assert_whole(&seen, 4, 300);
}

#[tokio::test]
async fn reading_goes_on_where_it_was_committed() {
    let fixture = Fixture::start(1).await;
    fixture.write(1, 0, 100).await;
    let first = fixture
        .member()
        .enable_auto_commit(false)
        .build()
        .await
        .unwrap();
    first.subscribe(["t"]).unwrap();
    poll_until(&first, "100 records", |seen| seen.len() >= 100).await;
    assert_eq!(committed(&first, 0).await, None, "nobody committed");
    let commit = OffsetAndMetadata {
        metadata: "seen by me".into(),
        ..OffsetAndMetadata::new(40)
    };
    first
        .commit_offsets([(partition(0), commit.clone())])
        .await
        .unwrap();
    assert_eq!(
        first.committed(&partitions(1)).await.unwrap()[&partition(0)],
        Some(commit)
    );
    first.close(LIMIT).await.unwrap();

    let second = fixture
        .member()
        .enable_auto_commit(false)
        .build()
        .await
        .unwrap();
    second.subscribe(["t"]).unwrap();
    let seen = poll_until(&second, "what was not committed", |seen| seen.len() >= 60).await;
    assert_eq!(offsets(&seen), (40..100).collect::<Vec<_>>());
    second.commit_sync().await.unwrap();
    assert_eq!(
        committed(&second, 0).await,
        Some(100),
        "the next record to read"
    );
}

#[tokio::test]
async fn an_older_commit_never_overtakes_a_newer_one() {
    let fixture = Fixture::start(1).await;
    fixture.write(1, 0, 500).await;
    let consumer = fixture
        .member()
        .enable_auto_commit(false)
        .build()
        .await
        .unwrap();
    consumer.assign(partitions(1)).unwrap();
    let commits: Vec<_> = (0..=500)
        .map(|offset| {
            consumer
                .commit_offsets_async([(partition(0), OffsetAndMetadata::new(offset))])
                .unwrap()
        })
        .collect();
    consumer
        .commit_offsets([(partition(0), OffsetAndMetadata::new(444))])
        .await
        .unwrap();
    for commit in commits {
        within("a commit", commit).await.unwrap();
    }
    assert_eq!(committed(&consumer, 0).await, Some(444));
}

#[tokio::test]
async fn auto_commit_covers_only_what_earlier_polls_handed_out() {
    let fixture = Fixture::start(1).await;
    fixture.write(1, 0, 1000).await;
    let interval = Duration::from_millis(20);
    let consumer = fixture
        .member()
        .auto_commit_interval(interval)
        .max_poll_records(1)
        .build()
        .await
        .unwrap();
    consumer.subscribe(["t"]).unwrap();
    let mut handed_out = 0;
    for _ in 0..5 {
        let before = handed_out;
        let records = within("records", async {
            loop {
                let records = consumer.poll(LIMIT).await.unwrap();
                if !records.is_empty() {
                    return records;
                }
            }
        })
        .await;
        handed_out = records.batches()[0].next_offset();
        assert_eq!(records.batches()[0].first_offset(), before);
        // However long this batch takes, it is not committed before the next poll.
        within("the commit of what came before", async {
            while committed(&consumer, 0).await.unwrap_or(0) < before {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        tokio::time::sleep(interval * 2).await;
        assert_eq!(committed(&consumer, 0).await.unwrap_or(0), before);
    }
    assert!(
        handed_out < 1000,
        "there is more buffered than was handed out"
    );
    consumer.close(LIMIT).await.unwrap();
    let other = fixture.member().build().await.unwrap();
    assert_eq!(
        committed(&other, 0).await,
        Some(handed_out),
        "closing says that it is dealt with"
    );
}

#[tokio::test]
async fn an_auto_commit_never_goes_back_behind_a_commit() {
    let fixture = Fixture::start(1).await;
    fixture.write(1, 0, 100).await;
    let interval = Duration::from_millis(5);
    let builder = fixture
        .member()
        .auto_commit_interval(interval)
        .max_poll_records(1);
    let consumer = builder.build().await.unwrap();
    consumer.assign(partitions(1)).unwrap();
    let mut handed_out = 0;
    within("100 records", async {
        while handed_out < 100 {
            let records = consumer.poll(LIMIT).await.unwrap();
            handed_out = records
                .batches()
                .last()
                .map_or(handed_out, |last| last.next_offset());
            consumer.commit_sync().await.unwrap();
            tokio::time::sleep(interval * 3).await;
            assert_eq!(committed(&consumer, 0).await, Some(handed_out));
        }
    })
    .await;
}

#[tokio::test]
async fn a_consumer_that_is_dropped_commits_nothing_more() {
    let fixture = Fixture::start(1).await;
    fixture.write(1, 0, 10).await;
    let consumer = fixture.member().build().await.unwrap();
    consumer.assign(partitions(1)).unwrap();
    poll_until(&consumer, "records", |seen| seen.len() >= 10).await;
    drop(consumer);
    let other = fixture.member().build().await.unwrap();
    assert_eq!(committed(&other, 0).await, None);
}

/// Writes down what a rebalance does.
#[derive(Default, Clone)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, what: &str, partitions: &[TopicPartition]) -> ListenerFuture<'static> {
        let numbers: Vec<i32> = partitions
            .iter()
            .map(|partition| partition.partition)
            .collect();
        self.0.lock().unwrap().push(format!("{what} {numbers:?}"));
        Box::pin(std::future::ready(()))
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl RebalanceListener for Log {
    fn assigned<'a>(
        &'a self,
        _: &'a Consumer,
        partitions: &'a [TopicPartition],
    ) -> ListenerFuture<'a> {
        self.add("assigned", partitions)
    }

    fn revoked<'a>(
        &'a self,
        consumer: &'a Consumer,
        partitions: &'a [TopicPartition],
    ) -> ListenerFuture<'a> {
        drop(self.add("revoked", partitions));
        // Partitions that are about to go can still be committed, unless it is the topic that goes.
        Box::pin(async {
            match consumer.commit_sync().await {
                Ok(()) => {}
                Err(Error::Broker {
                    code: ErrorCode::UnknownTopicOrPartition,
                    ..
                }) => {}
                Err(error) => panic!("{error}"),
            }
        })
    }

    fn lost<'a>(&'a self, _: &'a Consumer, partitions: &'a [TopicPartition]) -> ListenerFuture<'a> {
        self.add("lost", partitions)
    }
}

#[tokio::test]
async fn a_listener_is_told_of_what_comes_and_goes() {
    let fixture = Fixture::start(2).await;
    fixture.write(2, 0, 5).await;
    let log = Log::default();
    let builder = fixture
        .member()
        .enable_auto_commit(false)
        .rebalance_listener(log.clone());
    let (one, two) = (
        builder.build().await.unwrap(),
        fixture.member().build().await.unwrap(),
    );
    one.subscribe(["t"]).unwrap();
    let mut seen = poll_until(&one, "all records", |seen| seen.len() >= 10).await;
    two.subscribe(["t"]).unwrap();
    poll_both(&one, &two, "an even share", &mut seen, |_| {
        one.assignment().len() == 1 && two.assignment().len() == 1
    })
    .await;
    assert_whole(&seen, 2, 5);
    one.unsubscribe().await.unwrap();
    assert_eq!(one.assignment(), []);
    let kept = partition(1 - two.assignment()[0].partition).partition;
    let expected = [
        "assigned [0, 1]",
        "revoked [0, 1]",
        &format!("assigned [{kept}]"),
        &format!("revoked [{kept}]"),
    ];
    assert_eq!(log.entries(), expected);
    poll_until(&two, "everything", |_| two.assignment().len() == 2).await;
    one.assign(partitions(1)).unwrap();
    assert_eq!(one.assignment(), partitions(1));
}

#[tokio::test]
async fn who_does_not_poll_makes_room_for_others_and_may_come_back() {
    let fixture = Fixture::start(2).await;
    let log = Log::default();
    let builder = fixture
        .member()
        .max_poll_interval(Duration::from_millis(300))
        .rebalance_listener(log.clone());
    let (one, two) = (
        builder.build().await.unwrap(),
        fixture.member().build().await.unwrap(),
    );
    one.subscribe(["t"]).unwrap();
    poll_until(&one, "the assignment", |_| one.assignment().len() == 2).await;
    two.subscribe(["t"]).unwrap();
    poll_until(&two, "everything, as the other is away", |_| {
        two.assignment().len() == 2
    })
    .await;
    let mut seen = Vec::new();
    poll_both(&one, &two, "an even share", &mut seen, |_| {
        one.assignment().len() == 1 && two.assignment().len() == 1
    })
    .await;
    assert!(
        log.entries().contains(&"lost [0, 1]".to_owned()),
        "{:?}",
        log.entries()
    );
}

#[tokio::test]
async fn a_member_that_dies_is_replaced_after_its_session() {
    let fixture = Fixture::start(2).await;
    let short = || {
        fixture
            .member()
            .session_timeout(Duration::from_millis(300))
            .max_poll_interval(Duration::from_secs(1))
    };
    let (one, two) = (
        short().build().await.unwrap(),
        short().build().await.unwrap(),
    );
    one.subscribe(["t"]).unwrap();
    poll_until(&one, "the assignment", |_| one.assignment().len() == 2).await;
    drop(one);
    two.subscribe(["t"]).unwrap();
    poll_until(&two, "everything", |_| two.assignment().len() == 2).await;
}

#[tokio::test]
async fn another_subscription_takes_effect() {
    let fixture = Fixture::start(1).await;
    fixture.broker.create_topic("u", 2).unwrap();
    let consumer = fixture.member().build().await.unwrap();
    consumer.subscribe(["t"]).unwrap();
    poll_until(&consumer, "the topic t", |_| {
        consumer.assignment() == partitions(1)
    })
    .await;
    consumer.subscribe(["u"]).unwrap();
    let expected = [TopicPartition::new("u", 0), TopicPartition::new("u", 1)];
    poll_until(&consumer, "the topic u", |_| {
        consumer.assignment() == expected
    })
    .await;
    let error = consumer.assign(partitions(1)).unwrap_err();
    assert!(matches!(error, Error::IllegalState { .. }), "{error}");
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_named_and_taken_up_once_it_is() {
    let fixture = Fixture::start(1).await;
    let consumer = fixture.member().build().await.unwrap();
    consumer.subscribe(["t", "later"]).unwrap();
    let error = within("an error", async {
        loop {
            if let Err(error) = consumer.poll(Duration::from_millis(100)).await {
                return error;
            }
        }
    })
    .await;
    let expected = Error::Broker {
        code: ErrorCode::UnknownTopicOrPartition,
        what: "topic \"later\"".into(),
        message: None,
    };
    assert_eq!(error, expected);
    assert_eq!(consumer.assignment(), partitions(1), "others go on");
    fixture.broker.create_topic("later", 1).unwrap();
    within("the new topic", async {
        while consumer.assignment().len() < 2 {
            let _ = consumer.poll(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn commits_of_a_generation_that_is_over_are_refused() {
    let fixture = Fixture::start(1).await;
    fixture.write(1, 0, 10).await;
    let builder = fixture
        .member()
        .enable_auto_commit(false)
        .max_poll_interval(Duration::from_millis(200));
    let consumer = builder.build().await.unwrap();
    consumer.subscribe(["t"]).unwrap();
    poll_until(&consumer, "records", |seen| seen.len() >= 10).await;
    let other = fixture.member().build().await.unwrap();
    other.subscribe(["t"]).unwrap();
    poll_until(&other, "the partition, as the first is away", |_| {
        other.assignment().len() == 1
    })
    .await;
    let error = consumer.commit_sync().await.unwrap_err();
    assert!(matches!(error, Error::Broker { .. }), "{error}");
    assert_eq!(committed(&other, 0).await, None);
}

#[tokio::test]
async fn members_share_under_every_strategy() {
    let fixture = Fixture::start(4).await;
    fixture.write(4, 0, 20).await;
    for strategy in [
        AssignmentStrategy::RoundRobin,
        AssignmentStrategy::Sticky,
        AssignmentStrategy::CooperativeSticky,
        AssignmentStrategy::custom(Backwards),
    ] {
        let group = strategy.assignor().name().to_owned();
        let builder = fixture
            .member()
            .group_id(group)
            .partition_assignment_strategy([strategy.clone()]);
        let (one, two) = (
            builder.clone().build().await.unwrap(),
            builder.build().await.unwrap(),
        );
        one.subscribe(["t"]).unwrap();
        let mut seen = poll_until(&one, "some records", |seen| !seen.is_empty()).await;
        two.subscribe(["t"]).unwrap();
        poll_both(&one, &two, "an even share", &mut seen, |_| {
            one.assignment().len() == 2 && two.assignment().len() == 2
        })
        .await;
        poll_both(&one, &two, "all records", &mut seen, |seen| {
            seen.len() >= 80
        })
        .await;
        assert_whole(&seen, 4, 20);
        for consumer in [one, two] {
            consumer.close(LIMIT).await.unwrap();
        }
    }
}

/// What no other client has: round-robin from the last partition to the first.
#[derive(Debug)]
struct Backwards;

impl Assignor for Backwards {
    fn name(&self) -> &str {
        "backwards"
    }

    fn assign(
        &self,
        topics: &BTreeMap<Arc<str>, TopicLayout>,
        members: &[GroupMember],
    ) -> GroupAssignment {
        let mut assignment = RoundRobinAssignor.assign(topics, members);
        let ids: Vec<String> = assignment.keys().rev().cloned().collect();
        let shares = std::mem::take(&mut assignment).into_values();
        ids.into_iter().zip(shares).collect()
    }
}

#[tokio::test]
async fn a_sticky_group_moves_only_what_it_must() {
    let fixture = Fixture::start(6).await;
    let builder = fixture
        .member()
        .partition_assignment_strategy([AssignmentStrategy::Sticky]);
    let (one, two, three) = (
        builder.clone().build().await.unwrap(),
        builder.clone().build().await.unwrap(),
        builder.build().await.unwrap(),
    );
    let mut seen = Vec::new();
    one.subscribe(["t"]).unwrap();
    two.subscribe(["t"]).unwrap();
    poll_both(&one, &two, "an even share", &mut seen, |_| {
        one.assignment().len() == 3 && two.assignment().len() == 3
    })
    .await;
    let (of_one, of_two) = (one.assignment(), two.assignment());
    three.subscribe(["t"]).unwrap();
    within("an even share of three", async {
        while [&one, &two, &three]
            .iter()
            .any(|member| member.assignment().len() != 2)
        {
            for member in [&one, &two, &three] {
                member.poll(Duration::from_millis(10)).await.unwrap();
            }
        }
    })
    .await;
    for (member, before) in [(&one, of_one), (&two, of_two)] {
        let kept = member.assignment();
        assert!(
            kept.iter().all(|own| before.contains(own)),
            "{kept:?} of {before:?}"
        );
    }
}

#[tokio::test]
async fn members_without_a_strategy_in_common_are_told_so() {
    let fixture = Fixture::start(1).await;
    let offering = |strategy| {
        fixture
            .member()
            .partition_assignment_strategy([strategy])
            .build()
    };
    let one = offering(AssignmentStrategy::RoundRobin).await.unwrap();
    let two = offering(AssignmentStrategy::Sticky).await.unwrap();
    one.subscribe(["t"]).unwrap();
    poll_until(&one, "the assignment", |_| one.assignment().len() == 1).await;
    two.subscribe(["t"]).unwrap();
    let error = within("an error", async {
        loop {
            if let Err(error) = two.poll(Duration::from_millis(100)).await {
                return error;
            }
        }
    })
    .await;
    assert!(
        matches!(
            error,
            Error::Broker {
                code: ErrorCode::InconsistentGroupProtocol,
                ..
            }
        ),
        "{error}"
    );
}
