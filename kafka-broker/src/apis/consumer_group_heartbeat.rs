//! ConsumerGroupHeartbeat: membership in a consumer group (KIP-848).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::consumer_group_heartbeat::{Assignment, TopicPartitions};
use kafka_proto::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};

use crate::groups::{ConsumerGroupAssignor, Heartbeat, JOIN, LEAVE, LEAVE_STATIC};
use crate::node::Call;
use crate::refusal::Refusal;
use crate::topics::{TopicIdPartition, random_id};

/// From this version on members make their ids themselves (KIP-1082).
const FIRST_VERSION_WITH_MEMBERS_IDS: i16 = 1;

pub(super) fn answer(
    call: &Call<'_>,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    beat(call, request).unwrap_or_else(|refusal| ConsumerGroupHeartbeatResponse {
        error_code: refusal.error.code(),
        error_message: Some(refusal.message.into()),
        ..Default::default()
    })
}

fn beat(
    call: &Call<'_>,
    request: ConsumerGroupHeartbeatRequest,
) -> Result<ConsumerGroupHeartbeatResponse, Refusal> {
    call.check_joining(
        &request.group_id,
        request.subscribed_topic_names.iter().flatten(),
    )?;
    check(call.version, &request)?;
    let assignor = request.server_assignor.as_deref();
    let assignor = assignor.map(|name| supported(call, name)).transpose()?;
    let group_id = &request.group_id;
    call.check_coordinator(group_id)?;
    let image = call.cluster().topics.image();
    let beat = heartbeat(call, &request, assignor);
    let beaten = call
        .cluster()
        .groups
        .consumer_heartbeat(group_id, &beat, &image)?;
    Ok(ConsumerGroupHeartbeatResponse {
        member_id: Some(beaten.member_id),
        member_epoch: beaten.member_epoch,
        heartbeat_interval_ms: i32::try_from(beaten.heartbeat_interval.as_millis())
            .unwrap_or(i32::MAX),
        assignment: beaten.assignment.map(assignment),
        ..Default::default()
    })
}

/// Whether the request makes sense by itself.
fn check(version: i16, request: &ConsumerGroupHeartbeatRequest) -> Result<(), Refusal> {
    let epoch = request.member_epoch;
    let joins = epoch == JOIN;
    let is_member = version >= FIRST_VERSION_WITH_MEMBERS_IDS || epoch > JOIN || epoch == LEAVE;
    let is_empty = |text: &Option<ByteString>| text.as_ref().is_some_and(|text| text.is_empty());
    let subscribes =
        request.subscribed_topic_names.is_some() || request.subscribed_topic_regex.is_some();
    let owns_nothing = request.topic_partitions.as_ref().is_some_and(Vec::is_empty);
    let wrong = [
        (
            is_member && request.member_id.is_empty(),
            "MemberId can't be empty.",
        ),
        (request.group_id.is_empty(), "GroupId can't be empty."),
        (is_empty(&request.instance_id), "InstanceId can't be empty."),
        (is_empty(&request.rack_id), "RackId can't be empty."),
        (
            joins && request.rebalance_timeout_ms == -1,
            "RebalanceTimeoutMs must be provided in first request.",
        ),
        (
            joins && !owns_nothing,
            "TopicPartitions must be empty when (re-)joining.",
        ),
        (
            joins && !subscribes,
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
        ),
        (
            epoch == LEAVE_STATIC && request.instance_id.is_none(),
            "InstanceId can't be null.",
        ),
        (epoch < LEAVE_STATIC, "MemberEpoch is invalid."),
    ];
    match wrong.iter().find(|(is_wrong, _)| *is_wrong) {
        Some((_, message)) => Err(Refusal::new(ErrorCode::InvalidRequest, *message)),
        None => Ok(()),
    }
}

fn supported(call: &Call<'_>, name: &str) -> Result<ConsumerGroupAssignor, Refusal> {
    let assignors = &call.cluster().settings.consumer_groups.assignors;
    let found = assignors.iter().find(|assignor| assignor.name() == name);
    found.copied().ok_or_else(|| {
        let supported: Vec<_> = assignors.iter().map(|assignor| assignor.name()).collect();
        let supported = supported.join(", ");
        Refusal::new(
            ErrorCode::UnsupportedAssignor,
            format!("ServerAssignor {name} is not supported. Supported assignors: {supported}."),
        )
    })
}

/// What the request says, in copies that do not keep all of it in memory.
fn heartbeat(
    call: &Call<'_>,
    request: &ConsumerGroupHeartbeatRequest,
    assignor: Option<ConsumerGroupAssignor>,
) -> Heartbeat {
    let copy = |text: &ByteString| ByteString::from(&**text);
    let member_id = if request.member_id.is_empty() {
        random_id().to_string().into()
    } else {
        copy(&request.member_id)
    };
    let names = request.subscribed_topic_names.as_ref();
    Heartbeat {
        member_id,
        member_epoch: request.member_epoch,
        instance_id: request.instance_id.as_ref().map(copy),
        rack_id: request.rack_id.as_ref().map(copy),
        rebalance_timeout: u64::try_from(request.rebalance_timeout_ms)
            .ok()
            .map(Duration::from_millis),
        topic_names: names.map(|names| names.iter().map(copy).collect()),
        topic_regex: request.subscribed_topic_regex.as_ref().map(copy),
        assignor,
        owned: request
            .topic_partitions
            .as_ref()
            .map(|owned| partitions(owned)),
        client_id: call.client_id.as_ref().map(copy).unwrap_or_default(),
        client_host: call.client_host.clone(),
    }
}

fn partitions(of_topics: &[TopicPartitions]) -> BTreeSet<TopicIdPartition> {
    let partitions = of_topics.iter().flat_map(|of_topic| {
        of_topic
            .partitions
            .iter()
            .map(|partition| TopicIdPartition {
                topic_id: of_topic.topic_id,
                partition: *partition,
            })
    });
    partitions.collect()
}

fn assignment(partitions: BTreeSet<TopicIdPartition>) -> Assignment {
    let mut by_topic: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for TopicIdPartition {
        topic_id,
        partition,
    } in partitions
    {
        by_topic.entry(topic_id).or_default().push(partition);
    }
    let topics = by_topic
        .into_iter()
        .map(|(topic_id, partitions)| TopicPartitions {
            topic_id,
            partitions,
            ..Default::default()
        });
    Assignment {
        topic_partitions: topics.collect(),
        ..Default::default()
    }
}
