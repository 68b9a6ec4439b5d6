//! What admins ask.

use kafka_proto::messages::alter_share_group_offsets::{
    AlterShareGroupOffsetsRequestPartition, AlterShareGroupOffsetsRequestTopic,
};
use kafka_proto::messages::delete_share_group_offsets::DeleteShareGroupOffsetsRequestTopic;
use kafka_proto::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequestGroup, DescribeShareGroupOffsetsRequestTopic,
};
use kafka_proto::messages::incremental_alter_configs::{AlterConfigsResource, AlterableConfig};
use kafka_proto::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_proto::messages::offset_fetch::OffsetFetchRequestGroup;

use super::*;

/// The type of a resource that is a group.
const GROUP: i8 = 32;

impl Script<'_> {
    /// Gives the group a setting.
    pub(crate) async fn configure(&mut self, name: &str, value: &str) {
        match self.cluster {
            Cluster::Embedded(broker) => {
                let set = broker.set_share_group_config(&self.group, name, Some(value));
                set.expect("a setting");
            }
            Cluster::Kafka(_) => {
                let request = IncrementalAlterConfigsRequest {
                    resources: vec![AlterConfigsResource {
                        resource_type: GROUP,
                        resource_name: self.group.as_str().into(),
                        configs: vec![AlterableConfig {
                            name: name.into(),
                            value: Some(value.into()),
                            ..Default::default()
                        }],
                        ..Default::default()
                    }],
                    ..Default::default()
                };
                let answer = self.wire.call(&request, 1).await;
                let told = &answer.responses[0];
                assert_eq!(error(told.error_code), "NONE", "{:?}", told.error_message);
                // The broker hears of it beside what it is asked.
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        self.line(format!("{name} = {value}"));
    }

    /// What ListGroups tells of the group.
    pub(crate) async fn list(&mut self, states: &[&str], types: &[&str]) {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).into()).collect();
        let request = ListGroupsRequest {
            states_filter: texts(states),
            types_filter: texts(types),
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, 5, |answer| answer.error_code)
            .await;
        let own = answer
            .groups
            .iter()
            .filter(|group| *group.group_id == *self.group);
        let listed: Vec<_> = own
            .map(|group| (&group.protocol_type, &group.group_state, &group.group_type))
            .collect();
        let line = format!("listed by {states:?} {types:?}: {listed:?}");
        self.line(line);
    }

    pub(crate) async fn delete_group(&mut self) {
        let request = DeleteGroupsRequest {
            groups_names: vec![self.group.as_str().into()],
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, 2, |answer| answer.results[0].error_code)
            .await;
        self.line(format!("deleted: {}", error(answer.results[0].error_code)));
    }

    /// Where the group goes on: in partitions of a topic, or in all. The leader epoch is left out: Kafka tells it only
    /// sometimes.
    pub(crate) async fn offsets(&mut self, of: Option<(&str, &[i32])>) {
        let topics = of.map(|(topic, partitions)| {
            vec![DescribeShareGroupOffsetsRequestTopic {
                topic_name: self.topic(topic).into(),
                partitions: partitions.to_vec(),
                ..Default::default()
            }]
        });
        let request = DescribeShareGroupOffsetsRequest {
            groups: vec![DescribeShareGroupOffsetsRequestGroup {
                group_id: self.group.as_str().into(),
                topics,
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, 1, |answer| answer.groups[0].error_code)
            .await;
        let group = &answer.groups[0];
        self.line(format!(
            "offsets of {of:?}: {} {:?}",
            error(group.error_code),
            group.error_message.as_deref().unwrap_or_default()
        ));
        let mut lines = Vec::new();
        for topic in &group.topics {
            for partition in &topic.partitions {
                lines.push(format!(
                    "  {} ({})-{}: {} {:?} starts at {}, {} to do",
                    topic.topic_name,
                    self.topic_name(topic.topic_id),
                    partition.partition_index,
                    error(partition.error_code),
                    partition.error_message.as_deref().unwrap_or_default(),
                    partition.start_offset,
                    partition.lag,
                ));
            }
        }
        lines.sort_unstable();
        lines.iter().for_each(|line| self.line(line));
    }

    /// Has the group go on elsewhere.
    pub(crate) async fn alter_offsets(&mut self, topic: &str, offsets: &[(i32, i64)]) {
        let partitions =
            offsets
                .iter()
                .map(|(index, offset)| AlterShareGroupOffsetsRequestPartition {
                    partition_index: *index,
                    start_offset: *offset,
                    ..Default::default()
                });
        let request = AlterShareGroupOffsetsRequest {
            group_id: self.group.as_str().into(),
            topics: vec![AlterShareGroupOffsetsRequestTopic {
                topic_name: self.topic(topic).into(),
                partitions: partitions.collect(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, 0, |answer| answer.error_code)
            .await;
        let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
        let mut told: Vec<_> = partitions
            .map(|partition| {
                let message = partition.error_message.as_deref().unwrap_or_default();
                (
                    partition.partition_index,
                    error(partition.error_code),
                    message,
                )
            })
            .collect();
        told.sort_unstable();
        let line = format!(
            "altered {topic} {offsets:?}: {} {:?} {told:?}",
            error(answer.error_code),
            answer.error_message.as_deref().unwrap_or_default(),
        );
        self.line(line);
    }

    /// Has the group forget a topic.
    pub(crate) async fn delete_offsets(&mut self, topic: &str) {
        let request = DeleteShareGroupOffsetsRequest {
            group_id: self.group.as_str().into(),
            topics: vec![DeleteShareGroupOffsetsRequestTopic {
                topic_name: self.topic(topic).into(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, 0, |answer| answer.error_code)
            .await;
        let topics = answer.responses.iter();
        let told: Vec<_> = topics
            .map(|topic| {
                let message = topic.error_message.as_deref().unwrap_or_default();
                (error(topic.error_code), message)
            })
            .collect();
        let line = format!(
            "offsets of {topic} deleted: {} {:?} {told:?}",
            error(answer.error_code),
            answer.error_message.as_deref().unwrap_or_default(),
        );
        self.line(line);
    }

    /// Commits a position, as consumers do.
    pub(crate) async fn commit(&mut self, version: i16, member: &str, epoch: i32) {
        let partition = OffsetCommitRequestPartition {
            partition_index: 0,
            committed_offset: 1,
            ..Default::default()
        };
        let request = OffsetCommitRequest {
            group_id: self.group.as_str().into(),
            generation_id_or_member_epoch: epoch,
            member_id: member.into(),
            topics: vec![OffsetCommitRequestTopic {
                name: self.topic("t").into(),
                partitions: vec![partition],
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = self
            .wire
            .call_coordinator(&request, version, |answer| {
                answer.topics[0].partitions[0].error_code
            })
            .await;
        self.line(format!(
            "commit v{version} as {member:?} in {epoch}: {}",
            error(answer.topics[0].partitions[0].error_code)
        ));
    }

    /// Fetches positions, as consumers do.
    pub(crate) async fn fetch_positions(&mut self, version: i16) {
        let wanted = OffsetFetchRequestGroup {
            group_id: self.group.as_str().into(),
            topics: None,
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
        self.line(format!(
            "positions v{version}: {} {}",
            error(answer.groups[0].error_code),
            answer.groups[0].topics.len()
        ));
    }
}
