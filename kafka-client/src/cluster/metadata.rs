//! What is known of the cluster: brokers, topics, leaders. A snapshot never changes; answers make a new one.

use std::collections::HashMap;
use std::sync::Arc;

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::MetadataResponse;
use kafka_proto::messages::metadata::{MetadataResponsePartition, MetadataResponseTopic};

use crate::types::TopicPartition;

/// A broker and where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerInfo {
    /// Its id.
    pub id: i32,
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The rack it stands in, if it says so.
    pub rack: Option<String>,
}

/// A topic, as a broker described it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TopicInfo {
    pub(crate) id: Uuid,
    /// Why there is nothing to know of it.
    pub(crate) error: Option<ErrorCode>,
    pub(crate) is_internal: bool,
    /// In the order of their numbers.
    pub(crate) partitions: Vec<PartitionInfo>,
    /// How often in a row an answer named a leader epoch older than the one known.
    stale: u8,
}

/// A partition, as a broker described it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionInfo {
    pub(crate) leader: Option<i32>,
    /// -1 where the broker does not say.
    pub(crate) leader_epoch: i32,
    pub(crate) replicas: Vec<i32>,
    pub(crate) isr: Vec<i32>,
}

/// The cluster at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metadata {
    /// Counts the answers that went into it.
    pub(crate) version: u64,
    pub(crate) cluster_id: Option<String>,
    pub(crate) controller: Option<i32>,
    pub(crate) brokers: HashMap<i32, BrokerInfo>,
    pub(crate) topics: HashMap<Arc<str>, TopicInfo>,
}

/// A broker that has just started may know less than the one asked before, so older epochs are ignored; but a cluster that
/// was restored from a backup really did go back, so they are believed when they are repeated this often.
const STALE_ANSWERS_BELIEVED: u8 = 5;

impl Metadata {
    /// The broker that leads a partition, and its epoch.
    pub(crate) fn leader(&self, partition: &TopicPartition) -> Option<(i32, i32)> {
        let info = self.partition(partition)?;
        info.leader.map(|leader| (leader, info.leader_epoch))
    }

    pub(crate) fn partition(&self, partition: &TopicPartition) -> Option<&PartitionInfo> {
        let number = usize::try_from(partition.partition).ok()?;
        self.topics.get(&partition.topic)?.partitions.get(number)
    }

    /// What is known after an answer that described some topics.
    pub(crate) fn after(&self, answer: MetadataResponse) -> Self {
        let mut next = self.clone();
        next.version += 1;
        next.cluster_id = answer.cluster_id.map(String::from).or(next.cluster_id);
        next.controller = Some(answer.controller_id).filter(|id| *id >= 0);
        let brokers = answer.brokers.into_iter().map(|broker| {
            let info = BrokerInfo {
                id: broker.node_id,
                host: broker.host.to_string(),
                port: u16::try_from(broker.port).unwrap_or_default(),
                rack: broker.rack.map(String::from),
            };
            (info.id, info)
        });
        next.brokers = brokers.collect();
        for topic in answer.topics {
            let Some(name) = topic.name.clone() else {
                continue;
            };
            let known = self.topics.get(&*name);
            let name = self
                .topics
                .get_key_value(&*name)
                .map_or_else(|| Arc::from(&*name), |(name, _)| name.clone());
            if let Some(info) = described(topic, known) {
                next.topics.insert(name, info);
            }
        }
        next
    }

    /// What is known once a partition's leader was named by the broker that no longer is (KIP-951).
    pub(crate) fn after_new_leader(
        &self,
        partition: &TopicPartition,
        leader: i32,
        epoch: i32,
    ) -> Option<Self> {
        let known = self.partition(partition)?;
        if leader < 0 || epoch <= known.leader_epoch || !self.brokers.contains_key(&leader) {
            return None;
        }
        let mut next = self.clone();
        next.version += 1;
        let info = next
            .topics
            .get_mut(&partition.topic)?
            .partitions
            .get_mut(partition.partition as usize)?;
        info.leader = Some(leader);
        info.leader_epoch = epoch;
        Some(next)
    }
}

/// What a topic is after an answer; `None` leaves what was known.
fn described(topic: MetadataResponseTopic, known: Option<&TopicInfo>) -> Option<TopicInfo> {
    let error = Some(ErrorCode::from(topic.error_code)).filter(|code| *code != ErrorCode::None);
    let has_partitions = known.is_some_and(|known| !known.partitions.is_empty());
    if error.is_some_and(|code| code.is_retriable())
        && has_partitions
        && topic.partitions.is_empty()
    {
        // A broker that has just started does not know every topic yet. What is known stays, or its sequence numbers and
        // positions would be forgotten over nothing; if the topic really is gone, its leader will say so.
        return None;
    }
    // A topic made anew under the same name starts over.
    let same = known.filter(|known| known.id == topic.topic_id || topic.topic_id.is_zero());
    let numbers = topic
        .partitions
        .iter()
        .filter_map(|partition| usize::try_from(partition.partition_index).ok());
    // A hostile index must not make room for billions.
    let count = numbers
        .max()
        .map_or(0, |last| last + 1)
        .min(topic.partitions.len());
    let mut partitions = vec![
        PartitionInfo {
            leader: None,
            leader_epoch: -1,
            replicas: Vec::new(),
            isr: Vec::new()
        };
        count
    ];
    let believed = same.is_some_and(|known| known.stale + 1 >= STALE_ANSWERS_BELIEVED);
    let mut stale = false;
    for partition in topic.partitions {
        let Some(place) = usize::try_from(partition.partition_index)
            .ok()
            .and_then(|at| partitions.get_mut(at))
        else {
            continue;
        };
        let before =
            same.and_then(|known| known.partitions.get(partition.partition_index as usize));
        let older = before.filter(|before| {
            partition.leader_epoch >= 0 && partition.leader_epoch < before.leader_epoch
        });
        *place = match older {
            Some(before) if !believed => {
                stale = true;
                before.clone()
            }
            _ => partition_info(partition),
        };
    }
    let stale = if stale {
        same.map_or(0, |known| known.stale) + 1
    } else {
        0
    };
    Some(TopicInfo {
        id: topic.topic_id,
        error,
        is_internal: topic.is_internal,
        partitions,
        stale,
    })
}

fn partition_info(partition: MetadataResponsePartition) -> PartitionInfo {
    PartitionInfo {
        leader: Some(partition.leader_id).filter(|id| *id >= 0),
        leader_epoch: partition.leader_epoch,
        replicas: partition.replica_nodes.into_vec(),
        isr: partition.isr_nodes.into_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(id: u8, error: ErrorCode, leaders: &[(i32, i32)]) -> MetadataResponse {
        let partitions =
            leaders
                .iter()
                .enumerate()
                .map(|(index, (leader, epoch))| MetadataResponsePartition {
                    partition_index: index as i32,
                    leader_id: *leader,
                    leader_epoch: *epoch,
                    ..Default::default()
                });
        let topic = MetadataResponseTopic {
            name: Some("t".into()),
            topic_id: Uuid([id; 16]),
            error_code: error.into(),
            partitions: partitions.collect(),
            ..Default::default()
        };
        MetadataResponse {
            topics: vec![topic],
            ..Default::default()
        }
    }

    fn leader(metadata: &Metadata) -> Option<(i32, i32)> {
        metadata.leader(&TopicPartition::new("t", 0))
    }

    #[test]
    fn an_older_leader_epoch_is_ignored_until_it_is_repeated() {
        let mut metadata = Metadata::default().after(answer(1, ErrorCode::None, &[(1, 5)]));
        for _ in 1..STALE_ANSWERS_BELIEVED {
            metadata = metadata.after(answer(1, ErrorCode::None, &[(2, 4)]));
            assert_eq!(leader(&metadata), Some((1, 5)));
        }
        metadata = metadata.after(answer(1, ErrorCode::None, &[(2, 4)]));
        assert_eq!(leader(&metadata), Some((2, 4)));
    }

    #[test]
    fn a_topic_made_anew_starts_over() {
        let metadata = Metadata::default().after(answer(1, ErrorCode::None, &[(1, 5)]));
        let metadata = metadata.after(answer(2, ErrorCode::None, &[(2, 0)]));
        assert_eq!(leader(&metadata), Some((2, 0)));
    }

    #[test]
    fn a_broker_that_does_not_know_a_topic_yet_does_not_make_it_forgotten() {
        let metadata = Metadata::default().after(answer(1, ErrorCode::None, &[(1, 5)]));
        let metadata = metadata.after(answer(0, ErrorCode::UnknownTopicOrPartition, &[]));
        assert_eq!(leader(&metadata), Some((1, 5)));
    }

    #[test]
    fn a_leader_named_by_the_old_one_is_taken_when_it_is_newer() {
        let mut metadata = Metadata::default().after(answer(1, ErrorCode::None, &[(1, 5)]));
        let two = BrokerInfo {
            id: 2,
            host: "b".into(),
            port: 1,
            rack: None,
        };
        metadata.brokers.insert(2, two);
        let partition = TopicPartition::new("t", 0);
        assert!(
            metadata.after_new_leader(&partition, 2, 5).is_none(),
            "not newer"
        );
        assert!(
            metadata.after_new_leader(&partition, 3, 6).is_none(),
            "nobody knows broker 3"
        );
        assert_eq!(
            leader(&metadata.after_new_leader(&partition, 2, 6).unwrap()),
            Some((2, 6))
        );
    }
}
