//! Positions of groups: list, alter, delete.

use std::collections::HashMap;

use kafka_proto::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_proto::messages::offset_delete::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_proto::messages::offset_fetch::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    OffsetFetchResponsePartitions,
};
use kafka_proto::messages::{
    OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, OffsetFetchResponse,
};

use super::Admin;
use super::fan_out::{Operation, To};
use crate::consumer::{OffsetAndMetadata, by_topic};
use crate::error::{Result, check};
use crate::types::TopicPartition;

/// From the next version on topics go by their ids, and positions in topics that are gone could not be named.
const WITH_NAMES: i16 = 9;
/// Before this version a request had one group, and nothing could wait for transactions.
const FIRST_VERSION_WITH_GROUPS: i16 = 8;

impl Admin {
    /// The positions that a group has committed: all, or those in some partitions, of which one without a position is
    /// `None` (`Admin.listConsumerGroupOffsets`). A group that is not there has none. What open transactions have not
    /// committed is not told. Cancel-safe.
    ///
    /// # Errors
    /// When the coordinator could not be asked, or refuses. What is wrong with a single partition is told with it.
    pub async fn list_group_offsets(
        &self,
        group: &str,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<Vec<(TopicPartition, Result<Option<OffsetAndMetadata>>)>> {
        let mut found = Vec::new();
        let listed = self
            .each(
                Operation::new("listing a group's offsets").up_to(WITH_NAMES),
                [group.to_owned()],
                |group| To::group(group),
                |version, _| fetched(version, group, partitions),
                |answer, groups| {
                    let offsets = committed(group, answer);
                    Ok(groups
                        .iter()
                        .map(|name| (name.clone(), offsets.clone()))
                        .collect())
                },
            )
            .await?;
        for (_, offsets) in listed {
            found.extend(offsets?);
        }
        Ok(found)
    }

    /// Sets positions of a group that has no members reading these partitions; for each partition whether it was set
    /// (`Admin.alterConsumerGroupOffsets`). A group that is not there comes into being. Cancel-safe, except that they may be
    /// set all the same.
    ///
    /// # Errors
    /// When the coordinator could not be asked. What is wrong with a single partition is told with it: `UNKNOWN_MEMBER_ID`
    /// while the group has members.
    pub async fn alter_group_offsets(
        &self,
        group: &str,
        offsets: impl IntoIterator<Item = (TopicPartition, OffsetAndMetadata)>,
    ) -> Result<Vec<(TopicPartition, Result<()>)>> {
        let offsets: HashMap<TopicPartition, OffsetAndMetadata> = offsets.into_iter().collect();
        self.each(
            Operation::new("altering a group's offsets").up_to(WITH_NAMES),
            offsets.keys().cloned(),
            |_| To::group(group),
            |_, partitions| {
                let wanted = partitions.iter().map(|at| (at.clone(), &offsets[at]));
                OffsetCommitRequest {
                    group_id: group.into(),
                    topics: by_topic(wanted).into_iter().map(altered).collect(),
                    ..Default::default()
                }
            },
            |answer, _| {
                let mut each = Vec::new();
                for topic in answer.topics {
                    for partition in topic.partitions {
                        let at = TopicPartition::new(&*topic.name, partition.partition_index);
                        let result = check(partition.error_code, || position(group, &at));
                        each.push((at, result));
                    }
                }
                Ok(each)
            },
        )
        .await
    }

    /// Deletes positions of a group in topics that none of its members reads; for each partition whether it was deleted
    /// (KIP-496, `Admin.deleteConsumerGroupOffsets`). Cancel-safe, except that they may be deleted all the same.
    ///
    /// # Errors
    /// When the coordinator could not be asked. What is wrong with a single partition is told with it:
    /// `GROUP_SUBSCRIBED_TO_TOPIC` while a member reads its topic, `GROUP_ID_NOT_FOUND` without a group.
    pub async fn delete_group_offsets(
        &self,
        group: &str,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<Vec<(TopicPartition, Result<()>)>> {
        self.each(
            Operation::new("deleting a group's offsets"),
            partitions,
            |_| To::group(group),
            |_, partitions| {
                let wanted = partitions.iter().map(|at| (at.clone(), ()));
                OffsetDeleteRequest {
                    group_id: group.into(),
                    topics: by_topic(wanted).into_iter().map(deleted).collect(),
                    ..Default::default()
                }
            },
            |answer, _| {
                check(answer.error_code, || format!("group \"{group}\""))?;
                let mut each = Vec::new();
                for topic in answer.topics {
                    for partition in topic.partitions {
                        let at = TopicPartition::new(&*topic.name, partition.partition_index);
                        let result = check(partition.error_code, || position(group, &at));
                        each.push((at, result));
                    }
                }
                Ok(each)
            },
        )
        .await
    }
}

fn position(group: &str, partition: &TopicPartition) -> String {
    format!("offset of group \"{group}\" in partition {partition}")
}

fn altered(
    (topic, partitions): (String, Vec<(i32, &OffsetAndMetadata)>),
) -> OffsetCommitRequestTopic {
    let partition =
        |(partition_index, offset): (i32, &OffsetAndMetadata)| OffsetCommitRequestPartition {
            partition_index,
            committed_offset: offset.offset,
            committed_leader_epoch: offset.leader_epoch.unwrap_or(-1),
            committed_metadata: Some(offset.metadata.as_str().into()),
            ..Default::default()
        };
    OffsetCommitRequestTopic {
        name: topic.into(),
        partitions: partitions.into_iter().map(partition).collect(),
        ..Default::default()
    }
}

fn deleted((topic, partitions): (String, Vec<(i32, ())>)) -> OffsetDeleteRequestTopic {
    let partition = |(partition_index, ())| OffsetDeleteRequestPartition {
        partition_index,
        ..Default::default()
    };
    OffsetDeleteRequestTopic {
        name: topic.into(),
        partitions: partitions.into_iter().map(partition).collect(),
        ..Default::default()
    }
}

fn fetched(version: i16, group: &str, partitions: Option<&[TopicPartition]>) -> OffsetFetchRequest {
    let topics = partitions.map(|partitions| {
        let all = by_topic(partitions.iter().map(|at| (at.clone(), ())));
        all.into_iter().map(|(topic, partitions)| {
            let numbers: Vec<i32> = partitions.into_iter().map(|(number, ())| number).collect();
            (topic, numbers)
        })
    });
    if version < FIRST_VERSION_WITH_GROUPS {
        let topic = |(name, partition_indexes): (String, _)| OffsetFetchRequestTopic {
            name: name.into(),
            partition_indexes,
            ..Default::default()
        };
        return OffsetFetchRequest {
            group_id: group.into(),
            topics: topics.map(|topics| topics.map(topic).collect()),
            ..Default::default()
        };
    }
    let topic = |(name, partition_indexes): (String, _)| OffsetFetchRequestTopics {
        name: name.into(),
        partition_indexes,
        ..Default::default()
    };
    OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: group.into(),
            topics: topics.map(|topics| topics.map(topic).collect()),
            ..Default::default()
        }],
        ..Default::default()
    }
}

type Committed = Vec<(TopicPartition, Result<Option<OffsetAndMetadata>>)>;

fn committed(group: &str, answer: OffsetFetchResponse) -> Result<Committed> {
    let what = || format!("group \"{group}\"");
    check(answer.error_code, what)?;
    let mut all = Vec::new();
    for topic in answer.topics {
        all.extend(topic.partitions.into_iter().map(|partition| {
            let partition = OffsetFetchResponsePartitions {
                partition_index: partition.partition_index,
                committed_offset: partition.committed_offset,
                committed_leader_epoch: partition.committed_leader_epoch,
                metadata: partition.metadata,
                error_code: partition.error_code,
                ..Default::default()
            };
            offset(group, &topic.name, partition)
        }));
    }
    for answered in answer.groups {
        check(answered.error_code, what)?;
        for topic in answered.topics {
            let partitions = topic.partitions.into_iter();
            all.extend(partitions.map(|partition| offset(group, &topic.name, partition)));
        }
    }
    Ok(all)
}

fn offset(
    group: &str,
    topic: &str,
    partition: OffsetFetchResponsePartitions,
) -> (TopicPartition, Result<Option<OffsetAndMetadata>>) {
    let at = TopicPartition::new(topic, partition.partition_index);
    let found = check(partition.error_code, || position(group, &at)).map(|()| {
        (partition.committed_offset >= 0).then(|| OffsetAndMetadata {
            offset: partition.committed_offset,
            leader_epoch: Some(partition.committed_leader_epoch).filter(|epoch| *epoch >= 0),
            metadata: partition.metadata.map(String::from).unwrap_or_default(),
        })
    });
    (at, found)
}
