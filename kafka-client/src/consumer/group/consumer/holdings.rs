//! What a member is to read, and what it reads: partitions by the ids of their topics, so that a topic that was deleted and
//! made anew is another one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use kafka_proto::codec::Uuid;
use kafka_proto::messages::consumer_group_heartbeat::{Assignment, TopicPartitions};

use crate::consumer::group::Rebalance;
use crate::types::TopicPartition;

/// Numbers of partitions by the ids of their topics.
pub(super) type ByTopicId = BTreeMap<Uuid, BTreeSet<i32>>;

#[derive(Debug, Default)]
pub(super) struct Holdings {
    /// What the coordinator has said last. It may name topics that are not known here as yet.
    target: ByTopicId,
    /// What the application reads. The names of its topics are known.
    owned: ByTopicId,
    names: HashMap<Uuid, Arc<str>>,
    /// What is owned is somebody else's already.
    is_lost: bool,
    /// The coordinator is being told what is owned, or may have been. It gives to others what it wanted back and does not
    /// find there, so that nothing may be taken up on its earlier word.
    in_doubt: bool,
    /// The coordinator has taken something back, and waits to hear that it is not owned; perhaps it never was.
    is_awaited: bool,
    /// What the application has to do next.
    pending: Option<Rebalance>,
}

impl Holdings {
    /// The coordinator is being told what is owned.
    pub(super) fn declare(&mut self) {
        self.is_awaited &= self.gives_up();
        self.in_doubt = true;
        self.settle();
    }

    /// The coordinator has answered, so that what it said last holds.
    pub(super) fn confirmed(&mut self) {
        self.in_doubt = false;
        self.settle();
    }

    /// The coordinator wants exactly this to be read.
    pub(super) fn assigned(&mut self, assignment: Assignment) {
        let before = std::mem::take(&mut self.target);
        for topic in assignment.topic_partitions {
            self.target
                .entry(topic.topic_id)
                .or_default()
                .extend(topic.partitions);
        }
        self.target.retain(|_, numbers| !numbers.is_empty());
        self.is_awaited |= !subtract(&before, &self.target).is_empty();
        self.settle();
    }

    /// What is owned belongs to others now, and there is nothing to be read.
    pub(super) fn lose(&mut self) {
        self.target.clear();
        self.is_awaited = false;
        self.is_lost = !self.owned.is_empty();
        self.settle();
    }

    /// The application has given up everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Topics that are to be read and whose names are not known.
    pub(super) fn unresolved(&self) -> Vec<Uuid> {
        let ids = self.target.keys();
        ids.filter(|id| !self.names.contains_key(id))
            .copied()
            .collect()
    }

    /// These are the names of topics.
    pub(super) fn resolved(&mut self, names: HashMap<Uuid, Arc<str>>) {
        self.names.extend(names);
        self.settle();
    }

    /// What the application has to do next.
    pub(super) fn pending(&self) -> Option<&Rebalance> {
        self.pending.as_ref()
    }

    /// The application has done this.
    pub(super) fn done(&mut self, rebalance: &Rebalance) {
        match rebalance {
            Rebalance::Assign(_) if self.pending.as_ref() == Some(rebalance) => {
                self.owned = self.readable();
            }
            // It is to be something else by now.
            Rebalance::Assign(_) => {}
            Rebalance::Revoke(partitions) | Rebalance::Lost(partitions) => {
                let gone: BTreeSet<(&str, i32)> = partitions
                    .iter()
                    .map(|gone| (&*gone.topic, gone.partition))
                    .collect();
                for (id, numbers) in &mut self.owned {
                    let name = self.names.get(id).map_or("", |name| &**name);
                    numbers.retain(|number| !gone.contains(&(name, *number)));
                }
                self.owned.retain(|_, numbers| !numbers.is_empty());
                self.is_lost &= !self.owned.is_empty();
            }
        }
        self.settle();
    }

    /// Whether the coordinator is to be told what is owned even if that has not changed.
    pub(super) fn is_awaited(&self) -> bool {
        self.is_awaited && !self.gives_up()
    }

    fn gives_up(&self) -> bool {
        matches!(self.pending, Some(Rebalance::Revoke(_)))
    }

    /// What is owned.
    pub(super) fn owned(&self) -> &ByTopicId {
        &self.owned
    }

    pub(super) fn owned_partitions(&self) -> Vec<TopicPartition> {
        self.named(&self.owned)
    }

    /// What is to be read, as far as its topics are known.
    fn readable(&self) -> ByTopicId {
        let known = self.target.iter();
        known
            .filter(|(id, _)| self.names.contains_key(id))
            .map(|(id, numbers)| (*id, numbers.clone()))
            .collect()
    }

    /// First goes what is not to be read any more; nothing is taken up before that.
    fn settle(&mut self) {
        self.names
            .retain(|id, _| self.target.contains_key(id) || self.owned.contains_key(id));
        let gone = subtract(&self.owned, &self.target);
        self.pending = if self.is_lost {
            Some(Rebalance::Lost(self.owned_partitions()))
        } else if !gone.is_empty() {
            Some(Rebalance::Revoke(self.named(&gone)))
        } else {
            let readable = self.readable();
            let is_news = readable != self.owned && !self.in_doubt;
            is_news.then(|| Rebalance::Assign(self.named(&readable)))
        };
    }

    fn named(&self, all: &ByTopicId) -> Vec<TopicPartition> {
        let topics = all
            .iter()
            .filter_map(|(id, numbers)| Some((self.names.get(id)?, numbers)));
        let mut partitions: Vec<TopicPartition> = topics
            .flat_map(|(name, numbers)| {
                let of = |number: &i32| TopicPartition::new(name.clone(), *number);
                numbers.iter().map(of)
            })
            .collect();
        partitions.sort();
        partitions
    }
}

/// What is in `all` and not in `kept`.
fn subtract(all: &ByTopicId, kept: &ByTopicId) -> ByTopicId {
    let left = all.iter().map(|(id, numbers)| {
        let kept = kept.get(id);
        let is_gone = |number: &&i32| kept.is_none_or(|kept| !kept.contains(number));
        (*id, numbers.iter().filter(is_gone).copied().collect())
    });
    left.filter(|(_, numbers): &(Uuid, BTreeSet<i32>)| !numbers.is_empty())
        .collect()
}

/// As requests carry it.
pub(super) fn as_message(all: &ByTopicId) -> Vec<TopicPartitions> {
    let topics = all.iter().map(|(id, numbers)| TopicPartitions {
        topic_id: *id,
        partitions: numbers.iter().copied().collect(),
        ..Default::default()
    });
    topics.collect()
}
