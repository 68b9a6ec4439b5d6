//! Positions of groups: list, alter, delete.

use std::collections::HashMap;

use bytestring::ByteString;
use kafka_proto::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_proto::messages::offset_delete::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_proto::messages::offset_fetch::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions,
};
use kafka_proto::messages::{
    OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, OffsetFetchResponse,
};

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
use crate::consumer::{OffsetAndMetadata, by_topic};
use crate::error::{Error, Result, check};
use crate::types::TopicPartition;

/// From the next version on topics go by their ids, and positions in topics that are gone could not be named.
const WITH_NAMES: i16 = 9;
/// Before this version a request had one group, and nothing could wait for transactions.
const FIRST_VERSION_WITH_GROUPS: i16 = 8;

/// The positions of a group, with what is wrong with single ones; `None` in a partition without one.
pub type GroupOffsets = Vec<(TopicPartition, Result<Option<OffsetAndMetadata>>)>;

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
    ) -> Result<GroupOffsets> {
        let partitions = partitions.map(<[TopicPartition]>::to_vec);
        let listed = self.list_offsets_of_groups([(group, partitions)]).await?;
        let mut found = Vec::new();
        for (_, offsets) in listed {
            found.extend(offsets?);
        }
        Ok(found)
    }

    /// The positions of several groups, each as [`list_group_offsets`](Self::list_group_offsets) has them, by one request to
    /// each coordinator (KIP-709, `Admin.listConsumerGroupOffsets`; brokers before Kafka 3.0 get one for each group).
    /// Cancel-safe.
    ///
    /// # Errors
    /// When no coordinator could be asked. What is wrong with a single group is told with it.
    pub async fn list_offsets_of_groups<G: Into<String>>(
        &self,
        groups: impl IntoIterator<Item = (G, Option<Vec<TopicPartition>>)>,
    ) -> Result<Vec<(String, Result<GroupOffsets>)>> {
        let named = |(group, partitions): (G, _)| (group.into(), partitions);
        let asked: Vec<(String, Option<Vec<TopicPartition>>)> =
            groups.into_iter().map(named).collect();
        let wanted: HashMap<String, Option<Vec<TopicPartition>>> = asked.iter().cloned().collect();
        let wanted = &wanted;
        let require_stable = self.options.waits_for_transactions;
        let listing = Operation::new("listing a group's offsets")
            .up_to(WITH_NAMES)
            .needing(7, require_stable);
        let listed = self
            .each(
                listing.needing(FIRST_VERSION_WITH_GROUPS, true),
                asked.into_iter().map(|(group, _)| group),
                |group| To::group(group),
                |_, groups| OffsetFetchRequest {
                    groups: groups
                        .iter()
                        .map(|name| group(name, &wanted[name]))
                        .collect(),
                    require_stable,
                    ..Default::default()
                },
                |answer, _| Ok(answer.groups.into_iter().map(committed).collect()),
            )
            .await?;
        let is_old = |result: &Result<_>| matches!(result, Err(Error::UnsupportedVersion { .. }));
        let old = listed.iter().filter(|(_, result)| is_old(result));
        let old: Vec<String> = old.map(|(group, _)| group.clone()).collect();
        let of_old = self
            .each(
                listing.one_by_one(),
                old,
                |group| To::group(group),
                |_, groups| alone(&groups[0], &wanted[&groups[0]], require_stable),
                |answer, groups| {
                    let of = |group: &String| (group.clone(), committed_alone(group, &answer));
                    Ok(groups.iter().map(of).collect())
                },
            )
            .await?;
        let mut of_old: HashMap<_, _> = of_old.into_iter().collect();
        let newest = |(group, result): (String, _)| {
            let result = of_old.remove(&group).unwrap_or(result);
            (group, result)
        };
        Ok(listed.into_iter().map(newest).collect())
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

fn numbers(partitions: &[TopicPartition]) -> impl Iterator<Item = (ByteString, Vec<i32>)> {
    let all = by_topic(partitions.iter().map(|at| (at.clone(), ())));
    all.into_iter().map(|(topic, partitions)| {
        let numbers = partitions.into_iter().map(|(number, ())| number);
        (topic.into(), numbers.collect())
    })
}

fn group(group: &str, partitions: &Option<Vec<TopicPartition>>) -> OffsetFetchRequestGroup {
    let topic = |(name, partition_indexes)| OffsetFetchRequestTopics {
        name,
        partition_indexes,
        ..Default::default()
    };
    let topics = partitions.as_deref().map(numbers);
    OffsetFetchRequestGroup {
        group_id: group.into(),
        topics: topics.map(|topics| topics.map(topic).collect()),
        ..Default::default()
    }
}

fn alone(
    group: &str,
    partitions: &Option<Vec<TopicPartition>>,
    require_stable: bool,
) -> OffsetFetchRequest {
    let topic = |(name, partition_indexes)| OffsetFetchRequestTopic {
        name,
        partition_indexes,
        ..Default::default()
    };
    let topics = partitions.as_deref().map(numbers);
    OffsetFetchRequest {
        group_id: group.into(),
        topics: topics.map(|topics| topics.map(topic).collect()),
        require_stable,
        ..Default::default()
    }
}

fn committed(group: OffsetFetchResponseGroup) -> (String, Result<GroupOffsets>) {
    let id = group.group_id.to_string();
    let offsets = check(group.error_code, || format!("group \"{id}\"")).map(|()| {
        let topics = group.topics.into_iter();
        let each = topics.flat_map(|topic| {
            let partitions = topic.partitions.into_iter();
            let offset = |partition| offset(&id, &topic.name, partition);
            partitions.map(offset).collect::<Vec<_>>()
        });
        each.collect()
    });
    (id, offsets)
}

fn committed_alone(group: &str, answer: &OffsetFetchResponse) -> Result<GroupOffsets> {
    check(answer.error_code, || format!("group \"{group}\""))?;
    let each = answer.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|partition| {
            let partition = OffsetFetchResponsePartitions {
                partition_index: partition.partition_index,
                committed_offset: partition.committed_offset,
                committed_leader_epoch: partition.committed_leader_epoch,
                metadata: partition.metadata.clone(),
                error_code: partition.error_code,
                ..Default::default()
            };
            offset(group, &topic.name, partition)
        })
    });
    Ok(each.collect())
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
