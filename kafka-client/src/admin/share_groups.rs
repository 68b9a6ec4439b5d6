//! Share groups: who is in them, and where they are (KIP-932).

use kafka_proto::messages::share_group_describe::{DescribedGroup, Member};
use kafka_proto::messages::{ShareGroupDescribeRequest, ShareGroupDescribeResponse};

use super::asking::Operation;
use super::fan_out::To;
use super::{AclOperation, Admin, GroupState};
use crate::error::{Result, check_told};
use crate::types::TopicPartition;

/// A share group and its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareGroupDescription {
    /// Its id.
    pub group_id: String,
    /// What it is doing: empty, stable or dead.
    pub state: GroupState,
    /// Goes up with each change of members or topics.
    pub group_epoch: i32,
    /// The group epoch for which the partitions were shared out.
    pub assignment_epoch: i32,
    /// How partitions are shared out: an assignor's name.
    pub assignor: String,
    /// Its members.
    pub members: Vec<ShareMemberDescription>,
    /// The broker that coordinates it.
    pub coordinator: Option<i32>,
    /// What we may do with it, if that was [asked for](Admin::with_authorized_operations).
    pub authorized_operations: Option<Vec<AclOperation>>,
}

/// A member of a share group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareMemberDescription {
    /// Its id.
    pub member_id: String,
    /// `client.id`.
    pub client_id: String,
    /// Where it connects from.
    pub host: String,
    /// `client.rack`, if it has one.
    pub rack: Option<String>,
    /// Which epoch of the group it is at.
    pub member_epoch: i32,
    /// The topics that it has subscribed to.
    pub subscribed_topics: Vec<String>,
    /// The partitions whose records it is handed, others of its group beside it.
    pub assignment: Vec<TopicPartition>,
}

impl Admin {
    /// Describes share groups; for each its id and its description, or why there is none (KIP-932,
    /// `Admin.describeShareGroups`). Cancel-safe.
    ///
    /// # Errors
    /// When no coordinator could be asked. What is wrong with a single group is told with the group:
    /// `GROUP_ID_NOT_FOUND` for one that is not there, or no share group.
    pub async fn describe_share_groups<G: Into<String>>(
        &self,
        groups: impl IntoIterator<Item = G>,
    ) -> Result<Vec<(String, Result<ShareGroupDescription>)>> {
        let include_operations = self.options.asks_for_operations;
        let mut described = self
            .each(
                Operation::new("describing share groups"),
                groups.into_iter().map(Into::into),
                |group: &String| To::group(group),
                |_, groups| ShareGroupDescribeRequest {
                    group_ids: groups.iter().map(|group| group.as_str().into()).collect(),
                    include_authorized_operations: include_operations,
                    ..Default::default()
                },
                |answer: ShareGroupDescribeResponse, _| {
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

fn description(group: DescribedGroup) -> (String, Result<ShareGroupDescription>) {
    let group_id = group.group_id.to_string();
    let what = || format!("share group \"{group_id}\"");
    let checked = check_told(group.error_code, group.error_message.as_deref(), what);
    let description = checked.map(|()| ShareGroupDescription {
        group_id: group_id.clone(),
        state: (&*group.group_state).into(),
        group_epoch: group.group_epoch,
        assignment_epoch: group.assignment_epoch,
        assignor: group.assignor_name.to_string(),
        members: group.members.into_iter().map(member).collect(),
        coordinator: None,
        authorized_operations: AclOperation::from_bits(group.authorized_operations),
    });
    (group_id, description)
}

fn member(member: Member) -> ShareMemberDescription {
    let topics = member.assignment.topic_partitions.iter();
    let mut assignment: Vec<TopicPartition> = topics
        .flat_map(|topic| {
            let name = |number: &i32| TopicPartition::new(&*topic.topic_name, *number);
            topic.partitions.iter().map(name)
        })
        .collect();
    assignment.sort();
    let subscribed = member.subscribed_topic_names.iter();
    ShareMemberDescription {
        member_id: member.member_id.to_string(),
        client_id: member.client_id.to_string(),
        host: member.client_host.to_string(),
        rack: member.rack_id.map(String::from),
        member_epoch: member.member_epoch,
        subscribed_topics: subscribed.map(ToString::to_string).collect(),
        assignment,
    }
}
