//! Offsets: where a partition begins and ends, and what stood there at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::ListOffsetsRequest;
use kafka_proto::messages::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};

use super::Admin;
use crate::cluster::{Cluster, Lane, Node};
use crate::error::{Error, Result, check};
use crate::types::TopicPartition;

/// Which offset of a partition is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OffsetSpec {
    /// The first that is still there.
    Earliest,
    /// The next to be written.
    Latest,
    /// The first of a record at or after this time, in milliseconds since 1970.
    Timestamp(i64),
}

impl OffsetSpec {
    fn timestamp(self) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::Timestamp(at) => at,
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

impl Admin {
    /// Looks offsets up, each with its partition's leader. `None` where no record is as young as the timestamp.
    /// Cancel-safe.
    ///
    /// # Errors
    /// The first partition that could not be looked up, after retries, by name.
    pub async fn list_offsets(
        &self,
        partitions: impl IntoIterator<Item = (TopicPartition, OffsetSpec)>,
    ) -> Result<HashMap<TopicPartition, Option<ListedOffset>>> {
        let partitions: Vec<_> = partitions.into_iter().collect();
        self.cluster.list_offsets(&partitions).await
    }
}

impl Cluster {
    /// Looks offsets up, each with its partition's leader; those that were found are not asked for again.
    pub(crate) async fn list_offsets(
        &self,
        partitions: &[(TopicPartition, OffsetSpec)],
    ) -> Result<HashMap<TopicPartition, Option<ListedOffset>>> {
        let found = Mutex::new(HashMap::new());
        let found = &found;
        let known_before = self.metadata().version;
        self.retry(
            "looking offsets up",
            self.config().api_timeout,
            || async move {
                let locked = || found.lock().unwrap_or_else(PoisonError::into_inner);
                self.add_topics(
                    partitions
                        .iter()
                        .map(|(partition, _)| partition.topic.clone()),
                )
                .await?;
                let mut by_leader: BTreeMap<i32, Vec<(TopicPartition, OffsetSpec)>> =
                    BTreeMap::new();
                for (partition, spec) in partitions {
                    if locked().contains_key(partition) {
                        continue;
                    }
                    let leader = match self.leader_of(partition) {
                        // The topic may have grown since it was looked at.
                        Err(Error::NoSuchPartition { .. })
                            if self.metadata().version == known_before =>
                        {
                            self.refresh(known_before).await?;
                            self.leader_of(partition)?
                        }
                        leader => leader?,
                    };
                    by_leader
                        .entry(leader)
                        .or_default()
                        .push((partition.clone(), *spec));
                }
                for (leader, asked) in by_leader {
                    let mut answered = self.ask_offsets(leader, &asked).await?;
                    for (partition, _) in asked {
                        let result = answered.remove(&partition).unwrap_or_else(|| {
                            let (what, reason) = (
                                format!("the answer of broker {leader}"),
                                format!("lacks {partition}"),
                            );
                            Err(Error::Protocol { what, reason })
                        });
                        locked().insert(partition, result?);
                    }
                }
                Ok(())
            },
        )
        .await?;
        Ok(std::mem::take(
            &mut *found.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }

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

    async fn ask_offsets(
        &self,
        leader: i32,
        asked: &[(TopicPartition, OffsetSpec)],
    ) -> Result<HashMap<TopicPartition, Result<Option<ListedOffset>>>> {
        let make = |_| {
            let mut topics: BTreeMap<&str, Vec<ListOffsetsPartition>> = BTreeMap::new();
            for (partition, spec) in asked {
                topics
                    .entry(&partition.topic)
                    .or_default()
                    .push(ListOffsetsPartition {
                        partition_index: partition.partition,
                        timestamp: spec.timestamp(),
                        ..Default::default()
                    });
            }
            let topics = topics
                .into_iter()
                .map(|(name, partitions)| ListOffsetsTopic {
                    name: name.into(),
                    partitions,
                    ..Default::default()
                });
            ListOffsetsRequest {
                replica_id: -1,
                topics: topics.collect(),
                ..Default::default()
            }
        };
        let (answer, _) = self.send(Node::Broker(leader), Lane::Main, make).await?;
        let mut results = HashMap::with_capacity(asked.len());
        for topic in answer.topics {
            for partition in topic.partitions {
                let at = TopicPartition::new(&*topic.name, partition.partition_index);
                let result = check(partition.error_code, || format!("partition {at}")).map(|()| {
                    Some(ListedOffset {
                        offset: partition.offset,
                        timestamp: partition.timestamp,
                        leader_epoch: partition.leader_epoch,
                    })
                    .filter(|found| found.offset >= 0)
                });
                results.insert(at, result);
            }
        }
        Ok(results)
    }
}
