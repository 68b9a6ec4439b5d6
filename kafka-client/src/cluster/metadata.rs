//! What is known of the cluster: brokers, topics, leaders. A snapshot never changes; answers make a new one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::MetadataResponse;
use kafka_proto::messages::metadata::{MetadataResponsePartition, MetadataResponseTopic};

use crate::events::Event;
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

impl BrokerInfo {
    /// As an answer describes it.
    pub(crate) fn named(id: i32, host: &str, port: i32, rack: Option<&str>) -> Self {
        Self {
            id,
            host: host.to_owned(),
            port: u16::try_from(port).unwrap_or_default(),
            rack: rack.map(str::to_owned),
        }
    }
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
    /// Replicas that are not there at the moment.
    pub(crate) offline: Vec<i32>,
}

/// A leader that the broker it took over from has named (KIP-951).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewLeader {
    pub(crate) partition: TopicPartition,
    pub(crate) leader: i32,
    pub(crate) epoch: i32,
    /// Where it listens, if that was said.
    pub(crate) broker: Option<BrokerInfo>,
}

/// The cluster at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metadata {
    /// Counts the answers that went into it.
    pub(crate) version: u64,
    pub(crate) cluster_id: Option<String>,
    pub(crate) controller: Option<i32>,
    pub(crate) brokers: BTreeMap<i32, BrokerInfo>,
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

    /// The partitions known to both of which the leader or its epoch is another one later.
    pub(crate) fn leader_changes(&self, later: &Self) -> Vec<Event> {
        let mut changes = Vec::new();
        for (topic, after) in &later.topics {
            let before = self.topics.get(topic);
            let before = before.map(|info| &info.partitions[..]).unwrap_or_default();
            for (number, (before, after)) in before.iter().zip(&after.partitions).enumerate() {
                if (before.leader, before.leader_epoch) != (after.leader, after.leader_epoch) {
                    changes.push(Event::LeaderChanged {
                        partition: TopicPartition::new(topic.clone(), number as i32),
                        from: before.leader,
                        to: after.leader,
                        epoch: after.leader_epoch,
                    });
                }
            }
        }
        changes
    }

    /// What is known after an answer that described some topics.
    pub(crate) fn after(&self, answer: MetadataResponse) -> Self {
        let mut next = self.clone();
        next.version += 1;
        next.cluster_id = answer.cluster_id.map(String::from).or(next.cluster_id);
        next.controller = Some(answer.controller_id).filter(|id| *id >= 0);
        let brokers = answer.brokers.into_iter().map(|broker| {
            let rack = broker.rack.as_deref();
            let info = BrokerInfo::named(broker.node_id, &broker.host, broker.port, rack);
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

    /// What is known once leaders were named by brokers that no longer are; with the partitions for which that was news.
    pub(crate) fn after_new_leaders(
        &self,
        leaders: &[NewLeader],
    ) -> Option<(Self, Vec<TopicPartition>)> {
        let is_news = |named: &&NewLeader| {
            let is_known = named.broker.is_some() || self.brokers.contains_key(&named.leader);
            let before = self.partition(&named.partition);
            let is_newer = before.is_some_and(|before| named.epoch > before.leader_epoch);
            named.leader >= 0 && is_known && is_newer
        };
        let news: Vec<&NewLeader> = leaders.iter().filter(is_news).collect();
        if news.is_empty() {
            return None;
        }
        let mut next = self.clone();
        next.version += 1;
        for named in &news {
            if let Some(broker) = &named.broker {
                next.brokers.insert(broker.id, broker.clone());
            }
            let number = named.partition.partition as usize;
            let topic = next.topics.get_mut(&named.partition.topic);
            if let Some(info) = topic.and_then(|topic| topic.partitions.get_mut(number)) {
                info.leader = Some(named.leader);
                info.leader_epoch = named.epoch;
            }
        }
        let partitions = news.iter().map(|named| named.partition.clone());
        Some((next, partitions.collect()))
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
            isr: Vec::new(),
            offline: Vec::new(),
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
        offline: partition.offline_replicas.into_vec(),
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

    fn named(leader: i32, epoch: i32, port: Option<u16>) -> NewLeader {
        let broker = port.map(|port| BrokerInfo {
            id: leader,
            host: "b".into(),
            port,
            rack: None,
        });
        NewLeader {
            partition: TopicPartition::new("t", 0),
            leader,
            epoch,
            broker,
        }
    }

    #[test]
    fn a_leader_named_by_the_old_one_is_taken_when_it_is_newer() {
        let metadata = Metadata::default().after(answer(1, ErrorCode::None, &[(1, 5)]));
        let learn = |named: NewLeader| metadata.after_new_leaders(&[named]);
        assert!(learn(named(2, 5, Some(1))).is_none(), "not newer");
        assert!(learn(named(-1, 6, None)).is_none(), "it is nobody");
        assert!(
            learn(named(2, 6, None)).is_none(),
            "nobody knows where broker 2 is"
        );
        let (next, partitions) = learn(named(2, 6, Some(1))).unwrap();
        assert_eq!(partitions, [TopicPartition::new("t", 0)]);
        assert_eq!(leader(&next), Some((2, 6)));
        assert_eq!(next.brokers[&2].port, 1);
        // A broker that is known needs no address, and a new one replaces the old.
        let (next, _) = next.after_new_leaders(&[named(2, 7, None)]).unwrap();
        assert_eq!(next.brokers[&2].port, 1);
        let (next, _) = next.after_new_leaders(&[named(2, 8, Some(9))]).unwrap();
        assert_eq!((leader(&next), next.brokers[&2].port), (Some((2, 8)), 9));
    }
}
