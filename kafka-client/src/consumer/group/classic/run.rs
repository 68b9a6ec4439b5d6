//! Carries out what the membership decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::join_group::{JoinGroupRequestProtocol, JoinGroupResponseMember};
use kafka_proto::messages::leave_group::MemberIdentity;
use kafka_proto::messages::sync_group::SyncGroupRequestAssignment;
use kafka_proto::messages::{
    HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest,
};

use super::membership::{Action, Joined, LastAssignment};
use super::{Membership, protocol};
use crate::cluster::{Lane, Metadata};
use crate::consumer::assignor::{AssignmentStrategy, GroupMember, TopicLayout};
use crate::consumer::config::ConsumerConfig;
use crate::consumer::group::{Identity, topics};
use crate::consumer::shared::{Shared, now};
use crate::error::{Error, Result};
use crate::types::TopicPartition;

type Group = crate::consumer::group::Group<Membership>;

/// The coordinator answers when all members have come, or their time is over; the answer also takes time.
const JOIN_MARGIN: Duration = Duration::from_secs(5);

/// Runs until it is dropped.
pub(crate) async fn run(shared: Arc<Shared>, group: Arc<Group>) {
    let (next, next_deadline) = (Membership::next, Membership::next_deadline);
    crate::consumer::group::run::run(shared, group, next, next_deadline, perform).await;
}

async fn perform(shared: Arc<Shared>, group: Arc<Group>, action: Action) {
    match action {
        Action::Match { pattern } => {
            let answer = topics::matching(&shared, &pattern).await;
            group.membership().matched(&pattern, answer, now());
        }
        Action::Join {
            attempt,
            member,
            last,
        } => {
            // Whoever becomes the leader needs the topics, and a topic that is not there is to be told of soon.
            look_at_topics(&shared, &group).await;
            let (answer, member_id) = join(&shared, &group, member, &last).await;
            shared.count_rebalance_step(&answer);
            group.membership().joined(attempt, answer, member_id, now());
        }
        Action::Sync { attempt, joined } => {
            let answer = sync(&shared, &group, attempt, joined).await;
            shared.count_rebalance_step(&answer);
            group.membership().synced(attempt, answer, now());
        }
        Action::Heartbeat { identity } => {
            let answer = heartbeat(&shared, &group, &identity).await;
            group
                .membership()
                .heartbeat_answered(&identity, answer, now());
            look_at_topics(&shared, &group).await;
        }
        Action::Leave { member_id } => {
            if let Err(error) = leave(&shared, &member_id).await {
                tracing::debug!(group = group.id, %error, "leaving the group; the session will end by itself");
            }
        }
    }
}

/// Looks for topics that are not there, and for partitions that the leader has not shared out.
async fn look_at_topics(shared: &Shared, group: &Group) {
    let Some(metadata) = topics::look(shared, group).await else {
        return;
    };
    let mut membership = group.membership();
    let counts = membership
        .shared_out()
        .map(|shared_out| counts(&metadata, shared_out.keys()));
    if let Some(counts) = counts {
        membership.counted(&counts);
    }
}

fn counts<'a>(
    metadata: &Metadata,
    topics: impl Iterator<Item = &'a Arc<str>>,
) -> BTreeMap<Arc<str>, usize> {
    let count = |topic| {
        metadata
            .topics
            .get(topic)
            .map_or(0, |info| info.partitions.len())
    };
    topics.map(|topic| (topic.clone(), count(topic))).collect()
}

/// Joins; beside the result comes the member id that the coordinator gave.
async fn join(
    shared: &Shared,
    group: &Group,
    member: GroupMember,
    last: &LastAssignment,
) -> (Result<Joined>, Option<String>) {
    let config = &shared.config;
    let offer = |strategy: &AssignmentStrategy| {
        let assignor = strategy.assignor();
        let user_data = assignor.user_data(&last.partitions, last.generation);
        let metadata = protocol::subscription(&GroupMember {
            user_data,
            ..member.clone()
        })?;
        Ok(JoinGroupRequestProtocol {
            name: assignor.name().into(),
            metadata,
            ..Default::default()
        })
    };
    let offers: Result<Vec<_>> = config
        .partition_assignment_strategy
        .iter()
        .map(offer)
        .collect();
    let protocols = match offers {
        Ok(protocols) => protocols,
        Err(error) => return (Err(error), None),
    };
    let make = |_| JoinGroupRequest {
        group_id: group.id.as_str().into(),
        session_timeout_ms: config.session_timeout.as_millis() as i32,
        rebalance_timeout_ms: config.max_poll_interval.as_millis().min(i32::MAX as u128) as i32,
        member_id: member.id.as_str().into(),
        group_instance_id: member.instance_id.as_deref().map(Into::into),
        protocol_type: protocol::PROTOCOL_TYPE.into(),
        protocols,
        ..Default::default()
    };
    let limit = config
        .client
        .request_timeout
        .max(config.max_poll_interval + JOIN_MARGIN);
    let answer = match shared
        .ask_coordinator(Lane::Coordination, i16::MAX, limit, make)
        .await
    {
        Ok((answer, _)) => answer,
        Err(error) => return (Err(error), None),
    };
    let member_id = answer.member_id.to_string();
    if let Err(error) = shared.check_coordinator(answer.error_code) {
        return (Err(error), Some(member_id));
    }
    let is_leader = answer.leader == answer.member_id;
    let members = is_leader.then(|| read_members(answer.members)).transpose();
    let protocol_name = String::from(answer.protocol_name.unwrap_or_default());
    let joined = members.map(|members| Joined {
        identity: Identity {
            member_id: member_id.clone(),
            generation: answer.generation_id,
        },
        protocol: protocol_name.clone(),
        members,
        skip_assignment: answer.skip_assignment,
    });
    tracing::info!(
        group = group.id,
        member = member_id,
        generation = answer.generation_id,
        is_leader,
        assignor = %protocol_name,
        "joined"
    );
    (joined, Some(member_id))
}

fn read_members(members: Vec<JoinGroupResponseMember>) -> Result<Vec<GroupMember>> {
    let read = |member: JoinGroupResponseMember| {
        let subscription = protocol::read_subscription(member.metadata)?;
        Ok(GroupMember {
            id: member.member_id.to_string(),
            instance_id: member.group_instance_id.map(String::from),
            ..subscription
        })
    };
    members.into_iter().map(read).collect()
}

async fn sync(
    shared: &Shared,
    group: &Group,
    attempt: u64,
    joined: Joined,
) -> Result<Vec<TopicPartition>> {
    let Joined {
        identity,
        protocol,
        members,
        skip_assignment,
    } = joined;
    let mut assignments = Vec::new();
    if let Some(members) = members {
        let topics: BTreeSet<Arc<str>> = members
            .iter()
            .flat_map(|member| member.topics.iter().cloned())
            .collect();
        let metadata = shared.cluster.add_topics(topics.iter().cloned()).await?;
        if !skip_assignment {
            assignments = share_out(&shared.config, &protocol, &metadata, &topics, &members)?;
        }
        group
            .membership()
            .shares_out(attempt, counts(&metadata, topics.iter()));
    }
    let make = |_| SyncGroupRequest {
        group_id: group.id.as_str().into(),
        generation_id: identity.generation,
        member_id: identity.member_id.into(),
        group_instance_id: shared.config.group_instance_id.as_deref().map(Into::into),
        protocol_type: Some(protocol::PROTOCOL_TYPE.into()),
        protocol_name: Some(protocol.into()),
        assignments,
        ..Default::default()
    };
    let limit = shared
        .config
        .client
        .request_timeout
        .max(shared.config.max_poll_interval + JOIN_MARGIN);
    let (answer, _) = shared
        .ask_coordinator(Lane::Coordination, i16::MAX, limit, make)
        .await?;
    shared.check_coordinator(answer.error_code)?;
    let partitions = protocol::read_assignment(answer.assignment)?;
    tracing::info!(
        group = group.id,
        generation = identity.generation,
        partitions = partitions.len(),
        "assigned"
    );
    Ok(partitions)
}

/// The leader's part: who gets what, by the assignor that the group has agreed on.
fn share_out(
    config: &ConsumerConfig,
    protocol: &str,
    metadata: &Metadata,
    topics: &BTreeSet<Arc<str>>,
    members: &[GroupMember],
) -> Result<Vec<SyncGroupRequestAssignment>> {
    let strategies = &config.partition_assignment_strategy;
    let chosen = strategies
        .iter()
        .find(|strategy| strategy.assignor().name() == protocol)
        .ok_or_else(|| Error::Protocol {
            what: format!("the assignor \"{protocol}\" that the coordinator chose"),
            reason: "this consumer did not offer it (partition.assignment.strategy)".to_owned(),
        })?;
    let layouts = topics
        .iter()
        .map(|topic| (topic.clone(), layout(metadata, topic)))
        .collect();
    let shares = chosen.assignor().assign(&layouts, members).into_iter();
    let encode = |(member, partitions): (String, Vec<TopicPartition>)| {
        Ok(SyncGroupRequestAssignment {
            member_id: member.into(),
            assignment: protocol::assignment(&partitions)?,
            ..Default::default()
        })
    };
    shares.map(encode).collect()
}

fn layout(metadata: &Metadata, topic: &Arc<str>) -> TopicLayout {
    let rack = |broker: &i32| {
        metadata
            .brokers
            .get(broker)
            .and_then(|broker| broker.rack.clone())
    };
    let partitions = metadata
        .topics
        .get(topic)
        .map(|info| &info.partitions[..])
        .unwrap_or_default();
    TopicLayout {
        racks: partitions
            .iter()
            .map(|partition| partition.replicas.iter().filter_map(rack).collect())
            .collect(),
    }
}

async fn heartbeat(shared: &Shared, group: &Group, identity: &Identity) -> Result<()> {
    let make = |_| HeartbeatRequest {
        group_id: group.id.as_str().into(),
        generation_id: identity.generation,
        member_id: identity.member_id.as_str().into(),
        group_instance_id: shared.config.group_instance_id.as_deref().map(Into::into),
        ..Default::default()
    };
    let limit = shared
        .config
        .client
        .request_timeout
        .min(shared.config.session_timeout);
    let (answer, _) = shared
        .ask_coordinator(Lane::Main, i16::MAX, limit, make)
        .await?;
    shared.check_coordinator(answer.error_code)
}

/// Takes a member out of the group. That it is out already is no error.
pub(crate) async fn leave(shared: &Shared, member_id: &str) -> Result<()> {
    let group = shared.group()?;
    let make = |version| {
        let mut request = LeaveGroupRequest {
            group_id: group.id.as_str().into(),
            ..Default::default()
        };
        if version >= 3 {
            request.members = vec![MemberIdentity {
                member_id: member_id.into(),
                ..Default::default()
            }];
        } else {
            request.member_id = member_id.into();
        }
        request
    };
    let limit = shared.config.client.request_timeout;
    let (answer, _) = shared
        .ask_coordinator(Lane::Main, i16::MAX, limit, make)
        .await?;
    match shared.check_coordinator(answer.error_code) {
        Err(Error::Broker {
            code: ErrorCode::UnknownMemberId,
            ..
        }) => Ok(()),
        result => result,
    }
}
