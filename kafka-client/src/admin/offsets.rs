//! Offsets: where a partition begins and ends, and what stood there at a time.

use std::collections::{BTreeMap, HashMap};

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsTopic,
};
use kafka_proto::messages::{ListOffsetsRequest, ListOffsetsResponse};

use super::Admin;
use super::asking::Operation;
use super::fan_out::{Item, To};
use crate::cluster::Cluster;
use crate::consumer::Isolation;
use crate::error::{Error, Result, check};
use crate::types::TopicPartition;

/// Which offset of a partition is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OffsetSpec {
    /// The first that is still there.
    Earliest,
    /// The next to be written.
    Latest,
    /// The first of a record at or after this time, in milliseconds since 1970.
    Timestamp(i64),
    /// That of the record with the highest timestamp (KIP-734; brokers from Kafka 3.0 on).
    MaxTimestamp,
    /// The first that the broker itself still has: earlier ones are in tiered storage (KIP-405; brokers from Kafka 3.4 on).
    EarliestLocal,
    /// The last that is in tiered storage (KIP-1005; brokers from Kafka 3.9 on).
    LatestTiered,
    /// The first that is to be put into tiered storage and is not there yet (KIP-1023; brokers from Kafka 4.2 on).
    EarliestPendingUpload,
}

impl OffsetSpec {
    fn timestamp(self) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::MaxTimestamp => -3,
            Self::EarliestLocal => -4,
            Self::LatestTiered => -5,
            Self::EarliestPendingUpload => -6,
            Self::Timestamp(at) => at,
        }
    }

    /// The first version of the request that knows it.
    fn since(self) -> i16 {
        match self {
            Self::Latest | Self::Earliest | Self::Timestamp(_) => 1,
            Self::MaxTimestamp => 7,
            Self::EarliestLocal => 8,
            Self::LatestTiered => 9,
            Self::EarliestPendingUpload => 11,
        }
    }
}

/// An offset that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedOffset {
    /// The offset.
    pub offset: i64,
    /// The record's timestamp where one was asked for; else -1.
    pub timestamp: i64,
    /// The epoch of the leader that wrote the record; -1 where brokers do not say.
    pub leader_epoch: i32,
}

/// The same partition may be asked for several of its offsets.
impl Item for (TopicPartition, OffsetSpec) {
    fn name(&self) -> String {
        self.0.name()
    }
}

impl Admin {
    /// Looks offsets up, each with its partition's leader; for each partition what was found: `None` where no record is as
    /// young as the timestamp, or none is where it was looked for (`Admin.listOffsets`). Cancel-safe.
    ///
    /// # Errors
    /// When no leader could be asked. What is wrong with a single partition is told with it.
    pub async fn list_offsets(
        &self,
        partitions: impl IntoIterator<Item = (TopicPartition, OffsetSpec)>,
    ) -> Result<Vec<(TopicPartition, Result<Option<ListedOffset>>)>> {
        let asked: Vec<_> = partitions.into_iter().collect();
        // A request has one place for a partition, and a version that not every broker may speak.
        let mut times: HashMap<&TopicPartition, usize> = HashMap::new();
        let mut rounds: BTreeMap<(i16, usize), Vec<_>> = BTreeMap::new();
        for (partition, spec) in &asked {
            let time = times.entry(partition).or_default();
            let round = rounds.entry((spec.since(), *time)).or_default();
            round.push((partition.clone(), *spec));
            *time += 1;
        }
        let (isolated, timeout_ms) = (self.options.isolation.level(), self.timeout_ms());
        let is_isolated = self.options.isolation != Isolation::ReadUncommitted;
        let mut found: HashMap<(TopicPartition, OffsetSpec), Result<_>> = HashMap::new();
        let mut failed = None;
        for ((since, _), round) in rounds {
            let looking = Operation::new("looking offsets up")
                .needing(since, true)
                .needing(2, is_isolated);
            let looked_up = self
                .each(
                    looking,
                    round.iter().cloned(),
                    |(partition, _)| To::Leader(partition.clone()),
                    |_, partitions| ListOffsetsRequest {
                        replica_id: -1,
                        isolation_level: isolated,
                        topics: by_topic(partitions),
                        // Looking into tiered storage may take a while.
                        timeout_ms,
                        ..Default::default()
                    },
                    read,
                )
                .await;
            match looked_up {
                Ok(looked_up) => found.extend(looked_up),
                Err(error) => {
                    found.extend(round.into_iter().map(|item| (item, Err(error.clone()))));
                    failed.get_or_insert(error);
                }
            }
        }
        if let Some(failed) = failed
            && found.values().all(|found| found.as_ref() == Err(&failed))
        {
            return Err(failed);
        }
        let outcome = |item: (TopicPartition, OffsetSpec)| {
            let found = found.get(&item).cloned().unwrap_or(Ok(None));
            (item.0, found)
        };
        Ok(asked.into_iter().map(outcome).collect())
    }
}

fn by_topic(partitions: &[(TopicPartition, OffsetSpec)]) -> Vec<ListOffsetsTopic> {
    let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
    for (partition, spec) in partitions {
        let same = topics.entry(&partition.topic).or_default();
        same.push(ListOffsetsPartition {
            partition_index: partition.partition,
            timestamp: spec.timestamp(),
            ..Default::default()
        });
    }
    let topic = |(name, partitions): (&str, _)| ListOffsetsTopic {
        name: name.into(),
        partitions,
        ..Default::default()
    };
    topics.into_iter().map(topic).collect()
}

type Found = Vec<((TopicPartition, OffsetSpec), Result<Option<ListedOffset>>)>;

/// An answer names partitions, and not what was asked of them.
fn read(answer: ListOffsetsResponse, asked: &[(TopicPartition, OffsetSpec)]) -> Result<Found> {
    let mut answers = HashMap::new();
    for topic in answer.topics {
        for partition in topic.partitions {
            let at = TopicPartition::new(&*topic.name, partition.partition_index);
            let offset = offset(&at, &partition);
            answers.insert(at, offset);
        }
    }
    let found = |(partition, spec): &(TopicPartition, OffsetSpec)| {
        let answer = answers.get(partition).cloned()?;
        Some(((partition.clone(), *spec), answer))
    };
    Ok(asked.iter().filter_map(found).collect())
}

fn offset(
    at: &TopicPartition,
    partition: &ListOffsetsPartitionResponse,
) -> Result<Option<ListedOffset>> {
    check(partition.error_code, || format!("partition {at}"))?;
    let found = ListedOffset {
        offset: partition.offset,
        timestamp: partition.timestamp,
        leader_epoch: partition.leader_epoch,
    };
    Ok(Some(found).filter(|found| found.offset >= 0))
}

impl Cluster {
    /// The broker that leads a partition.
    pub(super) fn leader_of(&self, partition: &TopicPartition) -> Result<i32> {
        let metadata = self.metadata();
        if let Some((leader, _)) = metadata.leader(partition) {
            return Ok(leader);
        }
        let topic = metadata.topics.get(&partition.topic);
        match topic {
            Some(topic)
                if metadata.partition(partition).is_none() && !topic.partitions.is_empty() =>
            {
                Err(Error::NoSuchPartition {
                    partition: partition.clone(),
                    partitions: topic.partitions.len(),
                })
            }
            Some(topic) => {
                let code = topic.error.unwrap_or(ErrorCode::LeaderNotAvailable);
                Err(Error::broker(code, format!("partition {partition}")))
            }
            None => Err(Error::broker(
                ErrorCode::UnknownTopicOrPartition,
                format!("topic \"{}\"", partition.topic),
            )),
        }
    }
}
