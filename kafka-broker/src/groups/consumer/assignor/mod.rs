//! How the coordinator shares out partitions. Racks play no part, as in Kafka 4.3.

mod range;
mod uniform;

use std::collections::{BTreeMap, BTreeSet};

use bytestring::ByteString;
use kafka_proto::codec::Uuid;

use crate::topics::TopicIdPartition;

/// How the coordinator of a consumer group shares out partitions (`group.consumer.assignors`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsumerGroupAssignor {
    /// As many partitions to each as possible; as few of them as possible change hands.
    Uniform,
    /// Of each topic a range to each, in the order of the members, static ones first. Partitions of the same number go to
    /// the same member, where topics have as many partitions and the same members.
    Range,
}

impl ConsumerGroupAssignor {
    /// The name by which members ask for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    pub(super) fn assign(self, work: &Work) -> BTreeMap<ByteString, BTreeSet<TopicIdPartition>> {
        match self {
            Self::Uniform => uniform::assign(work),
            Self::Range => range::assign(work),
        }
    }
}

/// What is to be shared out.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// How many partitions each topic has.
    pub(super) topics: BTreeMap<Uuid, i32>,
    pub(super) members: BTreeMap<ByteString, Share>,
}

/// What is known of a member.
#[derive(Debug, Clone, Default)]
pub(super) struct Share {
    pub(super) instance_id: Option<ByteString>,
    pub(super) topics: BTreeSet<Uuid>,
    /// What it was to have until now.
    pub(super) previous: BTreeSet<TopicIdPartition>,
}

impl Work {
    /// The partitions of a topic.
    fn partitions(&self, topic_id: Uuid) -> impl Iterator<Item = TopicIdPartition> + use<> {
        let count = self.topics.get(&topic_id).copied().unwrap_or(0);
        (0..count).map(move |partition| TopicIdPartition {
            topic_id,
            partition,
        })
    }
}
