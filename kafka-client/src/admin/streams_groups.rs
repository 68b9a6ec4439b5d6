//! Streams groups: the members of a Kafka Streams application and their tasks (KIP-1071).

use std::collections::BTreeMap;

use kafka_proto::messages::streams_group_describe::{
    Assignment, DescribedGroup, KeyValue, Member, Subtopology, TaskIds, TaskOffset, TopicInfo,
};
use kafka_proto::messages::{StreamsGroupDescribeRequest, StreamsGroupDescribeResponse};

use super::asking::Operation;
use super::fan_out::To;
use super::{AclOperation, Admin, GroupState};
use crate::error::{Result, check_told};

/// A streams group, its topology and its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsGroupDescription {
    /// Its id: the application's.
    pub group_id: String,
    /// What it is doing.
    pub state: GroupState,
    /// Goes up with each change of members, topics or topology.
    pub group_epoch: i32,
    /// The group epoch for which the tasks were shared out.
    pub assignment_epoch: i32,
    /// Goes up with each change of the topology; `None` before it has one.
    pub topology_epoch: Option<i32>,
    /// The parts of its topology.
    pub subtopologies: Vec<StreamsSubtopology>,
    /// Its members.
    pub members: Vec<StreamsMemberDescription>,
    /// The broker that coordinates it.
    pub coordinator: Option<i32>,
    /// What we may do with it, if that was [asked for](Admin::with_authorized_operations).
    pub authorized_operations: Option<Vec<AclOperation>>,
}

/// A part of a topology: one task of it reads a partition of its topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsSubtopology {
    /// Its id.
    pub id: String,
    /// The topics that it reads and others write.
    pub source_topics: Vec<String>,
    /// The topics that it writes for other parts.
    pub repartition_sink_topics: Vec<String>,
    /// The topics that keep its state.
    pub state_changelog_topics: Vec<StreamsTopic>,
    /// The topics that it reads and other parts write.
    pub repartition_source_topics: Vec<StreamsTopic>,
}

/// A topic that belongs to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsTopic {
    /// Its name.
    pub name: String,
    /// How many partitions it has; 0 where the topology leaves that open.
    pub partitions: i32,
    /// How many replicas each of them has; 0 where that is left to the brokers.
    pub replication_factor: i16,
    /// Its settings.
    pub configs: BTreeMap<String, String>,
}

/// A member of a streams group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsMemberDescription {
    /// Its id.
    pub member_id: String,
    /// Which epoch of the group it is at.
    pub member_epoch: i32,
    /// `group.instance.id`, if it is a static member.
    pub group_instance_id: Option<String>,
    /// `client.rack`, if it has one.
    pub rack: Option<String>,
    /// `client.id`.
    pub client_id: String,
    /// Where it connects from.
    pub host: String,
    /// Which topology it knows.
    pub topology_epoch: i32,
    /// The process that it runs in, of which several may have several members.
    pub process_id: String,
    /// Where it may be asked for its state (`application.server`).
    pub user_endpoint: Option<(String, u16)>,
    /// What tells clients apart, for standby tasks.
    pub client_tags: BTreeMap<String, String>,
    /// How far its tasks have restored their state.
    pub task_offsets: Vec<StreamsTaskOffset>,
    /// How far they have to.
    pub task_end_offsets: Vec<StreamsTaskOffset>,
    /// What it works on.
    pub assignment: StreamsAssignment,
    /// What it is to work on once others have given it up.
    pub target_assignment: StreamsAssignment,
    /// Whether it speaks the classic protocol still.
    pub is_classic: bool,
}

/// How far the state of a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsTaskOffset {
    /// The part of the topology.
    pub subtopology: String,
    /// The partition.
    pub partition: i32,
    /// The sum of the offsets in its changelogs.
    pub offset: i64,
}

/// Tasks: partitions by the ids of the subtopologies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamsAssignment {
    /// Those that process.
    pub active: BTreeMap<String, Vec<i32>>,
    /// Those that keep state ready in case another member fails.
    pub standby: BTreeMap<String, Vec<i32>>,
    /// Those that restore state before they take over.
    pub warmup: BTreeMap<String, Vec<i32>>,
}

impl Admin {
    /// Describes streams groups; for each its id and its description, or why there is none (KIP-1071,
    /// `Admin.describeStreamsGroups`). Cancel-safe.
    ///
    /// # Errors
    /// When no coordinator could be asked. What is wrong with a single group is told with the group:
    /// `GROUP_ID_NOT_FOUND` for one that is not there, or no streams group.
    pub async fn describe_streams_groups<G: Into<String>>(
        &self,
        groups: impl IntoIterator<Item = G>,
    ) -> Result<Vec<(String, Result<StreamsGroupDescription>)>> {
        let include_operations = self.options.asks_for_operations;
        let mut described = self
            .each(
                Operation::new("describing streams groups"),
                groups.into_iter().map(Into::into),
                |group: &String| To::group(group),
                |_, groups| StreamsGroupDescribeRequest {
                    group_ids: groups.iter().map(|group| group.as_str().into()).collect(),
                    include_authorized_operations: include_operations,
                    ..Default::default()
                },
                |answer: StreamsGroupDescribeResponse, _| {
                    Ok(answer.groups.into_iter().map(description).collect())
                },
            )
            .await?;
        for (group, result) in &mut described {
            self.add_coordinator(group, result, |group, id| group.coordinator = id);
        }
        Ok(described)
    }
}

fn description(group: DescribedGroup) -> (String, Result<StreamsGroupDescription>) {
    let group_id = group.group_id.to_string();
    let what = || format!("streams group \"{group_id}\"");
    let checked = check_told(group.error_code, group.error_message.as_deref(), what);
    let description = checked.map(|()| {
        let topology_epoch = group.topology.as_ref().map(|topology| topology.epoch);
        let subtopologies = group.topology.and_then(|topology| topology.subtopologies);
        StreamsGroupDescription {
            group_id: group_id.clone(),
            state: (&*group.group_state).into(),
            group_epoch: group.group_epoch,
            assignment_epoch: group.assignment_epoch,
            topology_epoch,
            subtopologies: subtopologies
                .unwrap_or_default()
                .into_iter()
                .map(subtopology)
                .collect(),
            members: group.members.into_iter().map(member).collect(),
            coordinator: None,
            authorized_operations: AclOperation::from_bits(group.authorized_operations),
        }
    });
    (group_id, description)
}

fn subtopology(part: Subtopology) -> StreamsSubtopology {
    let names = |topics: Vec<_>| topics.into_iter().map(String::from).collect();
    let topics = |topics: Vec<TopicInfo>| topics.into_iter().map(topic).collect();
    StreamsSubtopology {
        id: part.subtopology_id.to_string(),
        source_topics: names(part.source_topics),
        repartition_sink_topics: names(part.repartition_sink_topics),
        state_changelog_topics: topics(part.state_changelog_topics),
        repartition_source_topics: topics(part.repartition_source_topics),
    }
}

fn topic(topic: TopicInfo) -> StreamsTopic {
    StreamsTopic {
        name: topic.name.to_string(),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        configs: texts(topic.topic_configs),
    }
}

fn texts(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |pair: KeyValue| (pair.key.to_string(), pair.value.to_string());
    pairs.into_iter().map(text).collect()
}

fn member(member: Member) -> StreamsMemberDescription {
    let endpoint = member.user_endpoint;
    StreamsMemberDescription {
        member_id: member.member_id.to_string(),
        member_epoch: member.member_epoch,
        group_instance_id: member.instance_id.map(String::from),
        rack: member.rack_id.map(String::from),
        client_id: member.client_id.to_string(),
        host: member.client_host.to_string(),
        topology_epoch: member.topology_epoch,
        process_id: member.process_id.to_string(),
        user_endpoint: endpoint.map(|endpoint| (endpoint.host.to_string(), endpoint.port)),
        client_tags: texts(member.client_tags),
        task_offsets: member.task_offsets.into_iter().map(task_offset).collect(),
        task_end_offsets: member
            .task_end_offsets
            .into_iter()
            .map(task_offset)
            .collect(),
        assignment: assignment(member.assignment),
        target_assignment: assignment(member.target_assignment),
        is_classic: member.is_classic,
    }
}

fn task_offset(task: TaskOffset) -> StreamsTaskOffset {
    StreamsTaskOffset {
        subtopology: task.subtopology_id.to_string(),
        partition: task.partition,
        offset: task.offset,
    }
}

fn assignment(assignment: Assignment) -> StreamsAssignment {
    let tasks = |tasks: Vec<TaskIds>| {
        let task = |task: TaskIds| (task.subtopology_id.to_string(), task.partitions);
        tasks.into_iter().map(task).collect()
    };
    StreamsAssignment {
        active: tasks(assignment.active_tasks),
        standby: tasks(assignment.standby_tasks),
        warmup: tasks(assignment.warmup_tasks),
    }
}
