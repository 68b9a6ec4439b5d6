//! OffsetForLeaderEpoch: where a leader's epoch ended.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::offset_for_leader_epoch::{
    EpochEndOffset, OffsetForLeaderPartition, OffsetForLeaderTopicResult,
};
use kafka_proto::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

use crate::authorizer::Operation;
use crate::lock::lock;
use crate::node::Call;
use crate::topics::Topic;

pub(super) fn answer(
    call: &Call<'_>,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|wanted| {
        let topic = call.topic(Operation::Describe, &wanted.topic);
        let partitions = wanted.partitions.iter().map(|wanted| {
            let found = match &topic {
                Ok(topic) => look_up(call, topic, wanted),
                Err(error) => Err(*error),
            };
            let (error, (leader_epoch, end_offset)) = match found {
                Ok(found) => (ErrorCode::None, found),
                Err(error) => (error, UNDEFINED),
            };
            EpochEndOffset {
                error_code: error.code(),
                partition: wanted.partition,
                leader_epoch,
                end_offset,
                ..Default::default()
            }
        });
        OffsetForLeaderTopicResult {
            partitions: partitions.collect(),
            topic: wanted.topic,
            ..Default::default()
        }
    });
    OffsetForLeaderEpochResponse {
        topics: topics.collect(),
        ..Default::default()
    }
}

/// Nothing can be said of the epoch.
const UNDEFINED: (i32, i64) = (-1, -1);

fn look_up(
    call: &Call<'_>,
    topic: &Topic,
    wanted: &OffsetForLeaderPartition,
) -> Result<(i32, i64), ErrorCode> {
    let partition = topic
        .partition(wanted.partition)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    partition.check_leader(call.node.id, wanted.current_leader_epoch)?;
    Ok(lock(&partition.log)
        .end_of_epoch(wanted.leader_epoch)
        .unwrap_or(UNDEFINED))
}
