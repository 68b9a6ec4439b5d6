//! DeleteRecords: has partitions start at a later offset.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_proto::messages::{DeleteRecordsRequest, DeleteRecordsResponse};

use crate::authorizer::Operation;
use crate::lock::lock;
use crate::node::Call;
use crate::topics::Topic;

pub(super) fn answer(call: &Call<'_>, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let topics = request.topics.into_iter().map(|wanted| {
        let topic = call.topic(Operation::Delete, &wanted.name);
        let partitions = wanted.partitions.iter().map(|partition| {
            let deleted = match &topic {
                Ok(topic) => delete(call, topic, partition),
                Err(error) => Err(*error),
            };
            DeleteRecordsPartitionResult {
                partition_index: partition.partition_index,
                low_watermark: deleted.unwrap_or(-1),
                error_code: deleted.err().unwrap_or(ErrorCode::None).code(),
                ..Default::default()
            }
        });
        DeleteRecordsTopicResult {
            partitions: partitions.collect(),
            name: wanted.name,
            ..Default::default()
        }
    });
    DeleteRecordsResponse {
        topics: topics.collect(),
        ..Default::default()
    }
}

fn delete(
    call: &Call<'_>,
    topic: &Topic,
    wanted: &DeleteRecordsPartition,
) -> Result<i64, ErrorCode> {
    let partition = topic
        .partition(wanted.partition_index)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    partition.check_leader(call.node.id, -1)?;
    // What only compaction may take away, a client may not.
    if !topic.settings.log.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    let start = lock(&partition.log).delete_before(wanted.offset);
    start.map_err(|_| ErrorCode::OffsetOutOfRange)
}
