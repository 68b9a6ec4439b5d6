//! ShareAcknowledge: acknowledges records of a share group without reading more.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::share_acknowledge::{
    AcknowledgePartition, LeaderIdAndEpoch, NodeEndpoint, PartitionData,
    ShareAcknowledgeTopicResponse,
};
use kafka_proto::messages::{ShareAcknowledgeRequest, ShareAcknowledgeResponse};

use super::share_partitions::{led_here, member, partition};
use crate::node::Call;
use crate::refusal::Refusal;
use crate::share::{AcknowledgementBatch, CLOSE, MemberKey};
use crate::topics::TopicIdPartition;

pub(super) fn answer(
    call: &Call<'_>,
    request: ShareAcknowledgeRequest,
) -> ShareAcknowledgeResponse {
    acknowledge(call, &request).unwrap_or_else(|refusal| ShareAcknowledgeResponse {
        error_code: refusal.error.code(),
        error_message: Some(refusal.message.into()),
        ..Default::default()
    })
}

fn acknowledge(
    call: &Call<'_>,
    request: &ShareAcknowledgeRequest,
) -> Result<ShareAcknowledgeResponse, Refusal> {
    let key = member(call, request.group_id.as_ref(), request.member_id.as_ref())?;
    let sessions = &call.node.share_sessions;
    sessions.acknowledge(&key, request.share_session_epoch)?;
    let responses = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter();
        let said = partitions.filter(|wanted| !wanted.acknowledgement_batches.is_empty());
        let partitions = said.map(|wanted| {
            let id = TopicIdPartition {
                topic_id: topic.topic_id,
                partition: wanted.partition_index,
            };
            let done = acknowledge_partition(call, &key, id, wanted, request.is_renew_ack);
            told(call, id, done)
        });
        ShareAcknowledgeTopicResponse {
            topic_id: topic.topic_id,
            partitions: partitions.collect(),
            ..Default::default()
        }
    });
    let mut responses: Vec<_> = responses.collect();
    responses.retain(|topic| !topic.partitions.is_empty());
    let share = &call.cluster().share;
    if request.share_session_epoch == CLOSE {
        share.release(&key, &sessions.close(&key));
    }
    let lock = share.rules(&key.group_id).record_lock_duration.as_millis();
    Ok(ShareAcknowledgeResponse {
        acquisition_lock_timeout_ms: i32::try_from(lock).unwrap_or(i32::MAX),
        node_endpoints: leaders_named(call, &responses),
        responses,
        ..Default::default()
    })
}

fn acknowledge_partition(
    call: &Call<'_>,
    key: &MemberKey,
    id: TopicIdPartition,
    wanted: &AcknowledgePartition,
    with_renew: bool,
) -> Result<(), ErrorCode> {
    let topic = led_here(call, id.topic_id, id.partition)?;
    let batches = wanted.acknowledgement_batches.iter().map(|batch| {
        let types = &batch.acknowledge_types[..];
        (batch.first_offset, batch.last_offset, types)
    });
    let batches = AcknowledgementBatch::read(batches, with_renew)?;
    let now = call.cluster().clock.now().instant;
    let partition = (id, partition(&topic, id.partition)?);
    let acknowledged = call
        .cluster()
        .share
        .acknowledge(key, partition, &batches, now);
    acknowledged.map_err(|refusal| {
        tracing::debug!(member = %key.member_id, reason = refusal.message, "records not acknowledged");
        refusal.error
    })
}

fn told(call: &Call<'_>, id: TopicIdPartition, done: Result<(), ErrorCode>) -> PartitionData {
    let mut data = PartitionData {
        partition_index: id.partition,
        ..Default::default()
    };
    if let Err(error) = done {
        data.error_code = error.code();
        data.error_message = Some(error.message().into());
        if error == ErrorCode::NotLeaderOrFollower {
            data.current_leader = leader(call, id);
        }
    }
    data
}

fn leader(call: &Call<'_>, id: TopicIdPartition) -> LeaderIdAndEpoch {
    let topic = call.cluster().topics.by_id(id.topic_id);
    let partition = topic
        .as_ref()
        .and_then(|topic| topic.partition(id.partition));
    partition.map_or_else(LeaderIdAndEpoch::default, |partition| {
        let leadership = partition.leadership();
        LeaderIdAndEpoch {
            leader_id: leadership.leader,
            leader_epoch: leadership.epoch,
            ..Default::default()
        }
    })
}

/// Where the leaders are that the answer names.
fn leaders_named(
    call: &Call<'_>,
    responses: &[ShareAcknowledgeTopicResponse],
) -> Vec<NodeEndpoint> {
    let partitions = responses.iter().flat_map(|topic| &topic.partitions);
    let moved = partitions
        .filter(|partition| partition.error_code == ErrorCode::NotLeaderOrFollower.code());
    let leaders = moved.map(|partition| partition.current_leader.leader_id);
    let endpoints = call.cluster().nodes.named(leaders);
    endpoints
        .map(|endpoint| NodeEndpoint {
            node_id: endpoint.id,
            host: endpoint.host,
            port: i32::from(endpoint.port),
            rack: endpoint.rack,
            ..Default::default()
        })
        .collect()
}
