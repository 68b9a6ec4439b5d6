//! The state machine on a clock of its own.

mod assignors;
mod errors;
mod positions;
mod rebalances;
mod simulation;
mod subscriptions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;

use super::*;
use crate::refusal::Refusal;
use crate::topics::TopicIdPartition;
use crate::topics_image::TopicsImage;

const SESSION: Duration = Duration::from_secs(45);
const REBALANCE: Duration = Duration::from_secs(60);

/// A group, the topics that there are, and the moment.
struct Bench {
    group: ConsumerGroup,
    topics: BTreeMap<String, (Uuid, i32)>,
    image: TopicsImage,
    ids_given: u8,
    now: Instant,
}

/// What is to be told of a member that says nothing but that it is alive.
fn alive(id: &str, epoch: i32) -> Heartbeat {
    Heartbeat {
        member_id: id.into(),
        member_epoch: epoch,
        instance_id: None,
        rack_id: None,
        rebalance_timeout: None,
        topic_names: None,
        topic_regex: None,
        assignor: None,
        owned: None,
        client_id: "test".into(),
        client_host: "/127.0.0.1".into(),
    }
}

/// A member that joins, and wants to read this topic.
fn joins(id: &str, topic: &str) -> Heartbeat {
    Heartbeat {
        rebalance_timeout: Some(REBALANCE),
        topic_names: Some(BTreeSet::from([topic.into()])),
        owned: Some(BTreeSet::new()),
        ..alive(id, JOIN)
    }
}

/// The same as a static one.
fn joins_as(instance: &str, id: &str, topic: &str) -> Heartbeat {
    Heartbeat {
        instance_id: Some(instance.into()),
        ..joins(id, topic)
    }
}

impl Bench {
    fn new() -> Self {
        Self::with(ConsumerGroupSettings::default())
    }

    fn with(settings: ConsumerGroupSettings) -> Self {
        Self {
            group: ConsumerGroup::new(Arc::new(settings)),
            topics: BTreeMap::new(),
            image: TopicsImage::default(),
            ids_given: 0,
            now: Instant::now(),
        }
    }

    /// A group with a topic "t" of so many partitions.
    fn of(partitions: i32) -> Self {
        let mut bench = Self::new();
        bench.create("t", partitions);
        bench
    }

    /// Creates a topic, or creates it anew.
    fn create(&mut self, topic: &str, partitions: i32) {
        self.ids_given += 1;
        let id = Uuid([self.ids_given; 16]);
        self.topics.insert(topic.into(), (id, partitions));
        self.topics_changed();
    }

    fn grow(&mut self, topic: &str, partitions: i32) {
        self.topics.get_mut(topic).unwrap().1 = partitions;
        self.topics_changed();
    }

    fn delete(&mut self, topic: &str) {
        self.topics.remove(topic);
        self.topics_changed();
    }

    fn topics_changed(&mut self) {
        let topics = self.topics.iter();
        let topics = topics.map(|(name, (id, count))| (name.as_str().into(), *id, *count));
        self.image = TopicsImage::new(self.image.version + 1, topics);
    }

    fn partitions(&self, topic: &str, partitions: &[i32]) -> BTreeSet<TopicIdPartition> {
        let topic_id = self.topics[topic].0;
        let partition = |partition: &i32| TopicIdPartition {
            topic_id,
            partition: *partition,
        };
        partitions.iter().map(partition).collect()
    }

    fn beat(&mut self, beat: &Heartbeat) -> Result<Beaten, Refusal> {
        self.group.heartbeat(beat, &self.image, self.now)
    }

    /// What a member is answered: its epoch, and the partitions of "t" that it shall have, if it is told.
    fn told(&mut self, beat: &Heartbeat) -> (i32, Option<Vec<i32>>) {
        let beaten = self.beat(beat).unwrap();
        let numbers = |assigned: BTreeSet<TopicIdPartition>| {
            assigned
                .into_iter()
                .map(|assigned| assigned.partition)
                .collect()
        };
        (beaten.member_epoch, beaten.assignment.map(numbers))
    }

    /// The same for one that says what it has of "t".
    fn told_owning(&mut self, id: &str, epoch: i32, owned: &[i32]) -> (i32, Option<Vec<i32>>) {
        let owned = Some(self.partitions("t", owned));
        self.told(&Heartbeat {
            owned,
            ..alive(id, epoch)
        })
    }

    fn refused(&mut self, beat: &Heartbeat) -> ErrorCode {
        self.beat(beat).expect_err("a refusal").error
    }

    /// Lets time pass, stopping at each deadline as the timers do.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self
            .group
            .next_deadline()
            .filter(|deadline| *deadline <= end)
        {
            self.now = self.now.max(deadline);
            self.group.on_timeout(self.now);
            let next = self.group.next_deadline();
            assert!(
                next.is_none_or(|next| next > self.now),
                "a deadline is dealt with"
            );
        }
        self.now = end;
    }
}
