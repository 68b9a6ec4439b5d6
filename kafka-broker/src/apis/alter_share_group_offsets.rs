//! AlterShareGroupOffsets: moves where a share group without members goes on reading.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::alter_share_group_offsets::{
    AlterShareGroupOffsetsResponsePartition, AlterShareGroupOffsetsResponseTopic,
};
use kafka_proto::messages::{AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse};

use super::share_partitions::{check_group, message, partition};
use crate::authorizer::Operation;
use crate::node::Call;
use crate::refusal::Refusal;
use crate::topics::{Topic, TopicIdPartition};

pub(super) fn answer(
    call: &Call<'_>,
    request: AlterShareGroupOffsetsRequest,
) -> AlterShareGroupOffsetsResponse {
    alter(call, &request).unwrap_or_else(|refusal| AlterShareGroupOffsetsResponse {
        error_code: refusal.error.code(),
        error_message: Some(refusal.message.into()),
        ..Default::default()
    })
}

fn alter(
    call: &Call<'_>,
    request: &AlterShareGroupOffsetsRequest,
) -> Result<AlterShareGroupOffsetsResponse, Refusal> {
    check_group(call, Operation::Read, &request.group_id)?;
    call.cluster().groups.keep_share_group(&request.group_id)?;
    let responses = request.topics.iter().map(|wanted| {
        let topic = call.topic(Operation::Read, &wanted.topic_name);
        let topic = topic.as_deref().map_err(|error| *error);
        let partitions = wanted.partitions.iter().map(|wanted| {
            let (index, offset) = (wanted.partition_index, wanted.start_offset);
            let moved =
                topic.and_then(|topic| move_start(call, &request.group_id, topic, index, offset));
            AlterShareGroupOffsetsResponsePartition {
                partition_index: index,
                error_code: moved.err().unwrap_or(ErrorCode::None).code(),
                error_message: moved.err().map(|error| message(error).into()),
                ..Default::default()
            }
        });
        AlterShareGroupOffsetsResponseTopic {
            topic_name: wanted.topic_name.clone(),
            topic_id: topic.map(|topic| topic.id).unwrap_or_default(),
            partitions: partitions.collect(),
            ..Default::default()
        }
    });
    Ok(AlterShareGroupOffsetsResponse {
        responses: responses.collect(),
        ..Default::default()
    })
}

fn move_start(
    call: &Call<'_>,
    group_id: &str,
    topic: &Topic,
    index: i32,
    offset: i64,
) -> Result<(), ErrorCode> {
    partition(topic, index)?;
    let id = TopicIdPartition {
        topic_id: topic.id,
        partition: index,
    };
    call.cluster().share.move_start(group_id, id, offset);
    Ok(())
}
