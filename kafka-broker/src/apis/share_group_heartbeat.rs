//! ShareGroupHeartbeat: membership in a share group (KIP-932).

use std::collections::{BTreeMap, BTreeSet};

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::share_group_heartbeat::{Assignment, TopicPartitions};
use kafka_proto::messages::{ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse};

use crate::groups::{JOIN, LEAVE, ShareHeartbeat};
use crate::node::Call;
use crate::refusal::Refusal;
use crate::topics::TopicIdPartition;

pub(super) fn answer(
    call: &Call<'_>,
    request: ShareGroupHeartbeatRequest,
) -> ShareGroupHeartbeatResponse {
    beat(call, &request).unwrap_or_else(|refusal| ShareGroupHeartbeatResponse {
        error_code: refusal.error.code(),
        error_message: Some(refusal.message.into())
            .filter(|message: &ByteString| !message.is_empty()),
        ..Default::default()
    })
}

fn beat(
    call: &Call<'_>,
    request: &ShareGroupHeartbeatRequest,
) -> Result<ShareGroupHeartbeatResponse, Refusal> {
    let group_id = &request.group_id;
    call.check_joining(group_id, request.subscribed_topic_names.iter().flatten())?;
    check(request)?;
    call.check_coordinator(group_id)?;
    let share = &call.cluster().share;
    let (config, settings) = (share.config(group_id), share.settings());
    // Copies, so that they do not keep the whole request in memory.
    let copy = |text: &ByteString| ByteString::from(&**text);
    let names = request.subscribed_topic_names.as_ref();
    let beat = ShareHeartbeat {
        member_id: copy(&request.member_id),
        member_epoch: request.member_epoch,
        rack_id: request.rack_id.as_ref().map(copy),
        topic_names: names.map(|names| names.iter().map(copy).collect()),
        client_id: call.client_id.as_ref().map(copy).unwrap_or_default(),
        client_host: call.client_host.clone(),
        max_size: settings.max_size,
        session_timeout: config.session_timeout(settings),
    };
    let image = call.cluster().topics.image();
    let groups = &call.cluster().groups;
    let (beaten, partitions) = groups.share_heartbeat(group_id, &beat, &image)?;
    share.initialize(group_id, partitions.into_iter());
    let interval = config.heartbeat_interval(settings).as_millis();
    Ok(ShareGroupHeartbeatResponse {
        member_id: Some(beat.member_id),
        member_epoch: beaten.member_epoch,
        heartbeat_interval_ms: match beaten.member_epoch {
            LEAVE => 0,
            _ => i32::try_from(interval).unwrap_or(i32::MAX),
        },
        assignment: beaten.assignment.map(assignment),
        ..Default::default()
    })
}

/// Whether the request makes sense by itself.
fn check(request: &ShareGroupHeartbeatRequest) -> Result<(), Refusal> {
    let names = request.subscribed_topic_names.as_ref();
    let wrong = [
        // As Kafka says it: nothing.
        (request.member_id.is_empty(), ""),
        (request.group_id.is_empty(), "GroupId can't be empty."),
        (
            request.rack_id.as_ref().is_some_and(|rack| rack.is_empty()),
            "RackId can't be empty.",
        ),
        (
            request.member_epoch == JOIN && names.is_none_or(Vec::is_empty),
            "SubscribedTopicNames must be set in first request.",
        ),
        (request.member_epoch < LEAVE, "MemberEpoch is invalid."),
    ];
    match wrong.iter().find(|(is_wrong, _)| *is_wrong) {
        Some((_, message)) => Err(Refusal::new(ErrorCode::InvalidRequest, *message)),
        None => Ok(()),
    }
}

fn assignment(partitions: BTreeSet<TopicIdPartition>) -> Assignment {
    let mut by_topic: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        let of_topic = by_topic.entry(partition.topic_id).or_default();
        of_topic.push(partition.partition);
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
