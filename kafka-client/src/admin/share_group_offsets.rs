//! Where share groups begin in their partitions: list, alter, delete (KIP-932).

use std::collections::HashMap;

use kafka_proto::messages::alter_share_group_offsets::{
    AlterShareGroupOffsetsRequestPartition, AlterShareGroupOffsetsRequestTopic,
};
use kafka_proto::messages::delete_share_group_offsets::DeleteShareGroupOffsetsRequestTopic;
use kafka_proto::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequestGroup, DescribeShareGroupOffsetsRequestTopic,
    DescribeShareGroupOffsetsResponseGroup, DescribeShareGroupOffsetsResponsePartition,
};
use kafka_proto::messages::{
    AlterShareGroupOffsetsRequest, DeleteShareGroupOffsetsRequest, DescribeShareGroupOffsetsRequest,
};

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
use crate::consumer::by_topic;
use crate::error::{Result, check_told};
use crate::types::TopicPartition;

/// Where a share group is in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareGroupOffset {
    /// All records before this one are done with.
    pub start_offset: i64,
    /// The epoch of the leader that wrote the record there, if it is known.
    pub leader_epoch: Option<i32>,
    /// How many records are not done with yet, where the broker knows (KIP-1226; Kafka 4.2).
    pub lag: Option<i64>,
}

/// Where a share group is, with what is wrong with single partitions; `None` in a partition that it has not begun.
pub type ShareGroupOffsets = Vec<(TopicPartition, Result<Option<ShareGroupOffset>>)>;

impl Admin {
    /// Where share groups are: in all of their partitions, or in some; for each group its id and its offsets, or why there
    /// are none (KIP-932, `Admin.listShareGroupOffsets`). Cancel-safe.
    ///
    /// # Errors
    /// When no coordinator could be asked. What is wrong with a single group is told with it, and what is wrong with a single
    /// partition with that.
    pub async fn list_share_group_offsets<G: Into<String>>(
        &self,
        groups: impl IntoIterator<Item = (G, Option<Vec<TopicPartition>>)>,
    ) -> Result<Vec<(String, Result<ShareGroupOffsets>)>> {
        let named = |(group, partitions): (G, _)| (group.into(), partitions);
        let asked: Vec<(String, Option<Vec<TopicPartition>>)> =
            groups.into_iter().map(named).collect();
        let wanted: HashMap<String, Option<Vec<TopicPartition>>> = asked.iter().cloned().collect();
        self.each(
            Operation::new("listing share groups' offsets"),
            asked.into_iter().map(|(group, _)| group),
            |group| To::group(group),
            |_, groups| DescribeShareGroupOffsetsRequest {
                groups: groups
                    .iter()
                    .map(|group| listed(group, wanted[group].as_deref()))
                    .collect(),
                ..Default::default()
            },
            |answer, _| Ok(answer.groups.into_iter().map(offsets).collect()),
        )
        .await
    }

    /// Sets where a share group begins, which must have no members; for each partition whether it was set (KIP-932,
    /// `Admin.alterShareGroupOffsets`). Cancel-safe, except that they may be set all the same.
    ///
    /// # Errors
    /// When the coordinator could not be asked. What is wrong with a single partition is told with it: `NON_EMPTY_GROUP` while
    /// the group has members.
    pub async fn alter_share_group_offsets(
        &self,
        group: &str,
        offsets: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<Vec<(TopicPartition, Result<()>)>> {
        let offsets: HashMap<TopicPartition, i64> = offsets.into_iter().collect();
        self.each(
            Operation::new("altering a share group's offsets"),
            offsets.keys().cloned(),
            |_| To::group(group),
            |_, partitions| {
                let wanted = partitions.iter().map(|at| (at.clone(), offsets[at]));
                AlterShareGroupOffsetsRequest {
                    group_id: group.into(),
                    topics: by_topic(wanted).into_iter().map(altered).collect(),
                    ..Default::default()
                }
            },
            |answer, _| {
                let what = || format!("share group \"{group}\"");
                check_told(answer.error_code, answer.error_message.as_deref(), what)?;
                let mut each = Vec::new();
                for topic in answer.responses {
                    for partition in topic.partitions {
                        let at = TopicPartition::new(&*topic.topic_name, partition.partition_index);
                        let message = partition.error_message.as_deref();
                        let what = || position(group, &at);
                        let altered = check_told(partition.error_code, message, what);
                        each.push((at, altered));
                    }
                }
                Ok(each)
            },
        )
        .await
    }

    /// Forgets where a share group is in topics, which must have no members; for each topic whether it was forgotten
    /// (KIP-932, `Admin.deleteShareGroupOffsets`). Cancel-safe, except that they may be forgotten all the same.
    ///
    /// # Errors
    /// When the coordinator could not be asked. What is wrong with a single topic is told with it.
    pub async fn delete_share_group_offsets<T: Into<String>>(
        &self,
        group: &str,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Vec<(String, Result<()>)>> {
        self.each(
            Operation::new("deleting a share group's offsets"),
            topics.into_iter().map(Into::into),
            |_: &String| To::group(group),
            |_, topics| {
                let topic = |name: &String| DeleteShareGroupOffsetsRequestTopic {
                    topic_name: name.as_str().into(),
                    ..Default::default()
                };
                DeleteShareGroupOffsetsRequest {
                    group_id: group.into(),
                    topics: topics.iter().map(topic).collect(),
                    ..Default::default()
                }
            },
            |answer, _| {
                let what = || format!("share group \"{group}\"");
                check_told(answer.error_code, answer.error_message.as_deref(), what)?;
                let each = answer.responses.into_iter().map(|topic| {
                    let name = topic.topic_name.to_string();
                    let what = || format!("offsets of share group \"{group}\" in topic \"{name}\"");
                    let message = topic.error_message.as_deref();
                    let deleted = check_told(topic.error_code, message, what);
                    (name, deleted)
                });
                Ok(each.collect())
            },
        )
        .await
    }
}

fn position(group: &str, partition: &TopicPartition) -> String {
    format!("offset of share group \"{group}\" in partition {partition}")
}

fn listed(
    group: &str,
    partitions: Option<&[TopicPartition]>,
) -> DescribeShareGroupOffsetsRequestGroup {
    let topic =
        |(name, partitions): (String, Vec<(i32, ())>)| DescribeShareGroupOffsetsRequestTopic {
            topic_name: name.into(),
            partitions: partitions.into_iter().map(|(number, ())| number).collect(),
            ..Default::default()
        };
    let topics = partitions.map(|partitions| {
        let all = by_topic(partitions.iter().map(|at| (at.clone(), ())));
        all.into_iter().map(topic).collect()
    });
    DescribeShareGroupOffsetsRequestGroup {
        group_id: group.into(),
        topics,
        ..Default::default()
    }
}

fn altered((topic, partitions): (String, Vec<(i32, i64)>)) -> AlterShareGroupOffsetsRequestTopic {
    let partition = |(partition_index, start_offset)| AlterShareGroupOffsetsRequestPartition {
        partition_index,
        start_offset,
        ..Default::default()
    };
    AlterShareGroupOffsetsRequestTopic {
        topic_name: topic.into(),
        partitions: partitions.into_iter().map(partition).collect(),
        ..Default::default()
    }
}

fn offsets(group: DescribeShareGroupOffsetsResponseGroup) -> (String, Result<ShareGroupOffsets>) {
    let id = group.group_id.to_string();
    let what = || format!("share group \"{id}\"");
    let checked = check_told(group.error_code, group.error_message.as_deref(), what);
    let offsets = checked.map(|()| {
        let mut offsets = Vec::new();
        for topic in group.topics {
            for partition in topic.partitions {
                let at = TopicPartition::new(&*topic.topic_name, partition.partition_index);
                let offset = offset(&id, &at, &partition);
                offsets.push((at, offset));
            }
        }
        offsets
    });
    (id, offsets)
}

fn offset(
    group: &str,
    at: &TopicPartition,
    partition: &DescribeShareGroupOffsetsResponsePartition,
) -> Result<Option<ShareGroupOffset>> {
    let message = partition.error_message.as_deref();
    check_told(partition.error_code, message, || position(group, at))?;
    Ok((partition.start_offset >= 0).then_some(ShareGroupOffset {
        start_offset: partition.start_offset,
        leader_epoch: Some(partition.leader_epoch).filter(|epoch| *epoch >= 0),
        lag: Some(partition.lag).filter(|lag| *lag >= 0),
    }))
}
