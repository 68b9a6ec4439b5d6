//! Positions of the group.

use kafka_proto::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_proto::messages::offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};

use super::*;

impl Script {
    /// Commits a position of partitions of a topic.
    pub(crate) async fn commit(
        &mut self,
        version: i16,
        (member, epoch): (&str, i32),
        topic: &str,
        partitions: &[i32],
        offset: i64,
    ) {
        let id = self.topics.iter().find(|(_, name)| *name == topic);
        let partition = |index: &i32| OffsetCommitRequestPartition {
            partition_index: *index,
            committed_offset: offset,
            ..Default::default()
        };
        let named = OffsetCommitRequestTopic {
            name: if version < 10 {
                self.topic(topic).into()
            } else {
                "".into()
            },
            topic_id: match id {
                Some((id, _)) if version >= 10 => *id,
                _ => Uuid::ZERO,
            },
            partitions: partitions.iter().map(partition).collect(),
            ..Default::default()
        };
        let request = OffsetCommitRequest {
            group_id: self.group.as_str().into(),
            generation_id_or_member_epoch: epoch,
            member_id: member.into(),
            topics: vec![named],
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, version, |answer| {
                answer.topics[0].partitions[0].error_code
            })
            .await;
        let told = answer.topics[0].partitions.iter();
        let told: Vec<_> = told
            .map(|told| (told.partition_index, error(told.error_code)))
            .collect();
        self.line(format!(
            "commit v{version} as {member:?} in {epoch} {topic} {partitions:?} {offset}: {told:?}"
        ));
    }

    /// The position of a partition.
    pub(crate) async fn fetch(
        &mut self,
        version: i16,
        (member, epoch): (Option<&str>, i32),
        topic: &str,
        partition: i32,
    ) {
        let named = OffsetFetchRequestTopics {
            name: self.topic(topic).into(),
            partition_indexes: vec![partition],
            ..Default::default()
        };
        let wanted = OffsetFetchRequestGroup {
            group_id: self.group.as_str().into(),
            member_id: member.map(Into::into),
            member_epoch: epoch,
            topics: Some(vec![named]),
            ..Default::default()
        };
        let request = OffsetFetchRequest {
            groups: vec![wanted],
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, version, |answer| answer.groups[0].error_code)
            .await;
        let group = &answer.groups[0];
        let partitions = group.topics.iter().flat_map(|topic| &topic.partitions);
        let offsets: Vec<_> = partitions
            .map(|partition| (error(partition.error_code), partition.committed_offset))
            .collect();
        self.line(format!(
            "fetch v{version} as {member:?} in {epoch} {topic}-{partition}: {} {offsets:?}",
            error(group.error_code)
        ));
    }
}
