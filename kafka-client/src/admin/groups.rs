//! Groups: list, describe, delete, remove members.

use std::collections::{BTreeMap, HashMap};

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::leave_group::MemberIdentity;
use kafka_proto::messages::list_groups::ListedGroup;
use kafka_proto::messages::{
    ConsumerGroupDescribeRequest, DeleteGroupsRequest, DescribeGroupsRequest, LeaveGroupRequest,
    ListGroupsRequest, consumer_group_describe, describe_groups,
};

use super::asking::Operation;
use super::fan_out::{Item, To};
use super::{AclOperation, Admin};
use crate::cluster::CoordinatorKind;
use crate::consumer::read_assignment;
use crate::error::{Error, Result, check, check_told};
use crate::types::TopicPartition;

/// By which protocol a group is kept together (KIP-848, KIP-932, KIP-1071).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupType {
    /// JoinGroup and SyncGroup: the members share the partitions out.
    Classic,
    /// The coordinator shares the partitions out (`group.protocol=consumer`).
    Consumer,
    /// A share group: records are handed out one by one.
    Share,
    /// A Kafka Streams application whose tasks the coordinator shares out.
    Streams,
    /// One that this client does not know; empty where brokers do not say.
    Unknown(String),
}

impl GroupType {
    /// Kafka's name of it.
    pub fn name(&self) -> &str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
            Self::Share => "share",
            Self::Streams => "streams",
            Self::Unknown(name) => name,
        }
    }
}

impl From<&str> for GroupType {
    fn from(name: &str) -> Self {
        let known = [Self::Classic, Self::Consumer, Self::Share, Self::Streams];
        known
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Unknown(name.to_owned()))
    }
}

/// What a group is doing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupState {
    /// It has no members, only positions perhaps.
    Empty,
    /// Classic: members join.
    PreparingRebalance,
    /// Classic: members wait for their assignment.
    CompletingRebalance,
    /// Consumer and streams: the assignment is being worked out.
    Assigning,
    /// Consumer and streams: members give partitions up and take others.
    Reconciling,
    /// Streams: topics of the application are missing.
    NotReady,
    /// Every member has what it is to have.
    Stable,
    /// It is being removed.
    Dead,
    /// One that this client does not know; empty where brokers do not say.
    Unknown(String),
}

impl GroupState {
    /// Kafka's name of it.
    pub fn name(&self) -> &str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::NotReady => "NotReady",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
            Self::Unknown(name) => name,
        }
    }
}

impl From<&str> for GroupState {
    fn from(name: &str) -> Self {
        let known = [
            Self::Empty,
            Self::PreparingRebalance,
            Self::CompletingRebalance,
            Self::Assigning,
            Self::Reconciling,
            Self::NotReady,
            Self::Stable,
            Self::Dead,
        ];
        known
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Unknown(name.to_owned()))
    }
}

/// Which groups to list; by default all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListGroups {
    /// Those in one of these states (KIP-518; brokers from Kafka 2.6 on).
    pub states: Vec<GroupState>,
    /// Those of one of these types (KIP-848; brokers from Kafka 3.8 on).
    pub types: Vec<GroupType>,
    /// Those with members of one of these kinds, such as `consumer`; the empty text is for groups that only keep positions.
    pub protocol_types: Vec<String>,
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupListing {
    /// Its id.
    pub group_id: String,
    /// What its members are: `consumer`, `connect`; empty for a group that only keeps positions.
    pub protocol_type: String,
    /// What it is doing.
    pub state: GroupState,
    /// By which protocol.
    pub group_type: GroupType,
}

/// A group of consumers and its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its id.
    pub group_id: String,
    /// Classic or consumer.
    pub group_type: GroupType,
    /// What its members are: `consumer`, `connect`.
    pub protocol_type: String,
    /// What it is doing.
    pub state: GroupState,
    /// How partitions are shared out: an assignor's name.
    pub assignor: String,
    /// Goes up with each change of members or topics. Only of the consumer protocol.
    pub group_epoch: Option<i32>,
    /// The group epoch for which the partitions were shared out. Only of the consumer protocol.
    pub assignment_epoch: Option<i32>,
    /// Its members.
    pub members: Vec<MemberDescription>,
    /// The broker that coordinates it.
    pub coordinator: Option<i32>,
    /// What we may do with it, if that was [asked for](Admin::with_authorized_operations).
    pub authorized_operations: Option<Vec<AclOperation>>,
}

impl GroupDescription {
    /// Whether it only keeps positions for consumers that were given their partitions by hand
    /// (`ConsumerGroupDescription.isSimpleConsumerGroup`).
    pub fn is_simple(&self) -> bool {
        self.protocol_type.is_empty()
    }
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberDescription {
    /// Its id.
    pub member_id: String,
    /// `group.instance.id`, if it is a static member (KIP-345).
    pub group_instance_id: Option<String>,
    /// `client.id`.
    pub client_id: String,
    /// Where it connects from.
    pub host: String,
    /// `client.rack`, if it has one. Only of the consumer protocol.
    pub rack: Option<String>,
    /// Which epoch of the group it is at. Only of the consumer protocol.
    pub member_epoch: Option<i32>,
    /// What it reads. Empty for members that are no consumers.
    pub assignment: Vec<TopicPartition>,
    /// What it is to read once others have given it up. Only of the consumer protocol.
    pub target_assignment: Option<Vec<TopicPartition>>,
    /// Whether it speaks the consumer protocol itself; `Some(false)` while a group is migrated, `None` before Kafka 4.0.
    pub is_upgraded: Option<bool>,
}

/// A member that is to go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MemberToRemove {
    /// A static member, by its `group.instance.id` (KIP-345).
    InstanceId(String),
    /// A member by its id.
    MemberId(String),
}

impl Item for MemberToRemove {
    fn name(&self) -> String {
        match self {
            Self::InstanceId(id) => format!("static member \"{id}\""),
            Self::MemberId(id) => format!("member \"{id}\""),
        }
    }
}

impl Admin {
    /// The groups of all coordinators, by id (`Admin.listGroups`). Cancel-safe.
    ///
    /// # Errors
    /// When a broker could not be asked: the list has all groups, or there is none.
    pub async fn list_groups(&self, wanted: ListGroups) -> Result<Vec<GroupListing>> {
        let make = |_| ListGroupsRequest {
            states_filter: wanted
                .states
                .iter()
                .map(|state| state.name().into())
                .collect(),
            types_filter: wanted.types.iter().map(|kind| kind.name().into()).collect(),
            ..Default::default()
        };
        let lists = self
            .every_broker(Operation::new("listing groups"), make, |answer| {
                check(answer.error_code, || "groups".to_owned())?;
                Ok(answer.groups)
            })
            .await?;
        let is_wanted = |group: &ListedGroup| {
            let kinds = &wanted.protocol_types;
            kinds.is_empty() || kinds.iter().any(|kind| *kind == *group.protocol_type)
        };
        // While a coordinator moves, two brokers may name the same group.
        let mut groups = BTreeMap::new();
        for group in lists.into_iter().flatten().filter(is_wanted) {
            let listing = GroupListing {
                group_id: group.group_id.to_string(),
                protocol_type: group.protocol_type.to_string(),
                state: (&*group.group_state).into(),
                group_type: (&*group.group_type).into(),
            };
            groups.insert(listing.group_id.clone(), listing);
        }
        Ok(groups.into_values().collect())
    }

    /// Describes groups of consumers, of the classic protocol and of the new one; for each its id and its description, or why
    /// there is none (`Admin.describeConsumerGroups`). Cancel-safe.
    ///
    /// # Errors
    /// When no coordinator could be asked. What is wrong with a single group is told with the group:
    /// `GROUP_ID_NOT_FOUND` for one that is not there.
    pub async fn describe_groups<G: Into<String>>(
        &self,
        groups: impl IntoIterator<Item = G>,
    ) -> Result<Vec<(String, Result<GroupDescription>)>> {
        let groups: Vec<String> = groups.into_iter().map(Into::into).collect();
        let include_operations = self.options.asks_for_operations;
        let mut described = self
            .each(
                Operation::new("describing consumer groups"),
                groups,
                |group| To::group(group),
                |_, groups| ConsumerGroupDescribeRequest {
                    group_ids: groups.iter().map(|group| group.as_str().into()).collect(),
                    include_authorized_operations: include_operations,
                    ..Default::default()
                },
                |answer, _| Ok(answer.groups.into_iter().map(described_consumer).collect()),
            )
            .await?;
        let is_another = |result: &Result<GroupDescription>| match result {
            Err(Error::Broker { code, .. }) => matches!(
                code,
                ErrorCode::GroupIdNotFound | ErrorCode::UnsupportedVersion
            ),
            Err(Error::UnsupportedVersion { .. }) => true,
            _ => false,
        };
        let others = described.iter().filter(|(_, result)| is_another(result));
        let others: Vec<String> = others.map(|(group, _)| group.clone()).collect();
        let classic = self.describe_classic_groups(others).await?;
        let mut classic: HashMap<_, _> = classic.into_iter().collect();
        for (group, result) in &mut described {
            if let Some(of_classic) = classic.remove(group) {
                *result = of_classic;
            }
            self.add_coordinator(group, result, |group, id| group.coordinator = id);
        }
        Ok(described)
    }

    /// Describes groups of the classic protocol, be their members consumers or not; for each its id and its description, or
    /// why there is none (`Admin.describeClassicGroups`). Cancel-safe.
    ///
    /// # Errors
    /// When no coordinator could be asked. What is wrong with a single group is told with the group:
    /// `GROUP_ID_NOT_FOUND` for one that is not there, or not of the classic protocol.
    pub async fn describe_classic_groups<G: Into<String>>(
        &self,
        groups: impl IntoIterator<Item = G>,
    ) -> Result<Vec<(String, Result<GroupDescription>)>> {
        let include_operations = self.options.asks_for_operations;
        let mut described = self
            .each(
                Operation::new("describing classic groups").needing(3, include_operations),
                groups.into_iter().map(Into::into),
                |group: &String| To::group(group),
                |_, groups| DescribeGroupsRequest {
                    groups: groups.iter().map(|group| group.as_str().into()).collect(),
                    include_authorized_operations: include_operations,
                    ..Default::default()
                },
                |answer, _| Ok(answer.groups.into_iter().map(described_classic).collect()),
            )
            .await?;
        for (group, result) in &mut described {
            self.add_coordinator(group, result, |group, id| group.coordinator = id);
        }
        Ok(described)
    }

    /// Who answered is known by who was asked.
    pub(super) fn add_coordinator<T>(
        &self,
        group: &str,
        described: &mut Result<T>,
        set: impl FnOnce(&mut T, Option<i32>),
    ) {
        if let Ok(description) = described {
            let id = self
                .cluster
                .known_coordinator(CoordinatorKind::Group, group);
            set(description, id);
        }
    }

    /// Deletes groups with their positions; for each its id and whether it was deleted (KIP-229, `Admin.deleteConsumerGroups`).
    /// Cancel-safe, except that they may be deleted all the same.
    ///
    /// # Errors
    /// When no coordinator could be asked. What is wrong with a single group is told with the group: `NON_EMPTY_GROUP` for
    /// one that has members, `GROUP_ID_NOT_FOUND` for one that is not there.
    pub async fn delete_groups<G: Into<String>>(
        &self,
        groups: impl IntoIterator<Item = G>,
    ) -> Result<Vec<(String, Result<()>)>> {
        self.each(
            Operation::new("deleting groups"),
            groups.into_iter().map(Into::into),
            |group: &String| To::group(group),
            |_, groups| DeleteGroupsRequest {
                groups_names: groups.iter().map(|group| group.as_str().into()).collect(),
                ..Default::default()
            },
            |answer, _| {
                let each = answer.results.into_iter().map(|group| {
                    let what = || format!("group \"{}\"", group.group_id);
                    let deleted = check(group.error_code, what);
                    (group.group_id.to_string(), deleted)
                });
                Ok(each.collect())
            },
        )
        .await
    }

    /// Takes members out of a group at once; for each whether it went (KIP-345,
    /// `Admin.removeMembersFromConsumerGroup`). Members that still run join again. Cancel-safe, except that they may go all
    /// the same.
    ///
    /// # Errors
    /// When the coordinator could not be asked. What is wrong with a single member is told with the member:
    /// `UNKNOWN_MEMBER_ID` for one that is not there.
    pub async fn remove_members(
        &self,
        group: &str,
        members: impl IntoIterator<Item = MemberToRemove>,
    ) -> Result<Vec<(MemberToRemove, Result<()>)>> {
        self.each(
            Operation::new("removing members"),
            members,
            |_| To::group(group),
            |_, members| LeaveGroupRequest {
                group_id: group.into(),
                members: members.iter().map(leaving).collect(),
                ..Default::default()
            },
            |answer, _| {
                check(answer.error_code, || format!("group \"{group}\""))?;
                let each = answer.members.into_iter().map(|member| {
                    let instance_id = member.group_instance_id.filter(|id| !id.is_empty());
                    let removed = match instance_id {
                        Some(id) => MemberToRemove::InstanceId(id.to_string()),
                        None => MemberToRemove::MemberId(member.member_id.to_string()),
                    };
                    let what = || format!("{} of group \"{group}\"", removed.name());
                    let result = check(member.error_code, what);
                    (removed, result)
                });
                Ok(each.collect())
            },
        )
        .await
    }

    /// Takes all members out of a group that it has now; see [`remove_members`](Self::remove_members), also for cancelling:
    /// cancel-safe, except that they may go all the same.
    ///
    /// # Errors
    /// When the group cannot be described, or the coordinator could not be asked.
    pub async fn remove_all_members(
        &self,
        group: &str,
    ) -> Result<Vec<(MemberToRemove, Result<()>)>> {
        let mut members = Vec::new();
        for (_, description) in self.describe_groups([group]).await? {
            let all = description?.members.into_iter();
            members.extend(all.map(|member| match member.group_instance_id {
                Some(id) => MemberToRemove::InstanceId(id),
                None => MemberToRemove::MemberId(member.member_id),
            }));
        }
        self.remove_members(group, members).await
    }
}

fn leaving(member: &MemberToRemove) -> MemberIdentity {
    let (member_id, instance_id) = match member {
        MemberToRemove::InstanceId(id) => ("", Some(id.as_str().into())),
        MemberToRemove::MemberId(id) => (id.as_str(), None),
    };
    MemberIdentity {
        member_id: member_id.into(),
        group_instance_id: instance_id,
        reason: Some("removed by an admin".into()),
        ..Default::default()
    }
}

fn described_consumer(
    group: consumer_group_describe::DescribedGroup,
) -> (String, Result<GroupDescription>) {
    let group_id = group.group_id.to_string();
    let what = || format!("group \"{group_id}\"");
    let checked = check_told(group.error_code, group.error_message.as_deref(), what);
    let description = checked.map(|()| GroupDescription {
        group_id: group_id.clone(),
        group_type: GroupType::Consumer,
        protocol_type: "consumer".to_owned(),
        state: (&*group.group_state).into(),
        assignor: group.assignor_name.to_string(),
        group_epoch: Some(group.group_epoch),
        assignment_epoch: Some(group.assignment_epoch),
        coordinator: None,
        authorized_operations: AclOperation::from_bits(group.authorized_operations),
        members: group.members.into_iter().map(consumer_member).collect(),
    });
    (group_id, description)
}

fn consumer_member(member: consumer_group_describe::Member) -> MemberDescription {
    let partitions = |assignment: &consumer_group_describe::Assignment| {
        let topics = assignment.topic_partitions.iter();
        let mut all: Vec<TopicPartition> = topics
            .flat_map(|topic| {
                let name = |number: &i32| TopicPartition::new(&*topic.topic_name, *number);
                topic.partitions.iter().map(name)
            })
            .collect();
        all.sort();
        all
    };
    MemberDescription {
        assignment: partitions(&member.assignment),
        target_assignment: Some(partitions(&member.target_assignment)),
        member_id: member.member_id.to_string(),
        group_instance_id: member.instance_id.map(String::from),
        client_id: member.client_id.to_string(),
        host: member.client_host.to_string(),
        rack: member.rack_id.map(String::from),
        member_epoch: Some(member.member_epoch),
        is_upgraded: Some(member.member_type)
            .filter(|kind| *kind >= 0)
            .map(|kind| kind == 1),
    }
}

fn described_classic(group: describe_groups::DescribedGroup) -> (String, Result<GroupDescription>) {
    let group_id = group.group_id.to_string();
    let what = || format!("group \"{group_id}\"");
    let state = GroupState::from(&*group.group_state);
    // Before version 6 a group that is not there is one that is dead (KIP-1043).
    let code = match ErrorCode::from(group.error_code) {
        ErrorCode::None if state == GroupState::Dead => ErrorCode::GroupIdNotFound.into(),
        _ => group.error_code,
    };
    let description = check_told(code, group.error_message.as_deref(), what).and_then(|()| {
        let of_consumers = &*group.protocol_type == "consumer";
        let members = group.members.into_iter();
        let members: Result<Vec<_>> = members
            .map(|member| classic_member(&group_id, of_consumers, member))
            .collect();
        Ok(GroupDescription {
            group_id: group_id.clone(),
            group_type: GroupType::Classic,
            protocol_type: group.protocol_type.to_string(),
            state,
            assignor: group.protocol_data.to_string(),
            group_epoch: None,
            assignment_epoch: None,
            coordinator: None,
            authorized_operations: AclOperation::from_bits(group.authorized_operations),
            members: members?,
        })
    });
    (group_id, description)
}

fn classic_member(
    group: &str,
    of_consumers: bool,
    member: describe_groups::DescribedGroupMember,
) -> Result<MemberDescription> {
    let mut assignment = Vec::new();
    if of_consumers {
        // Who leads the group has written it, and may have written anything.
        assignment =
            read_assignment(member.member_assignment).map_err(|error| Error::Protocol {
                what: format!(
                    "assignment of member \"{}\" of group \"{group}\"",
                    member.member_id
                ),
                reason: error.to_string(),
            })?;
        assignment.sort();
    }
    Ok(MemberDescription {
        member_id: member.member_id.to_string(),
        group_instance_id: member.group_instance_id.map(String::from),
        client_id: member.client_id.to_string(),
        host: member.client_host.to_string(),
        rack: None,
        member_epoch: None,
        assignment,
        target_assignment: None,
        is_upgraded: None,
    })
}
