//! AlterReplicaLogDirs: has a broker keep partitions in another folder. There is only one.

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::alter_replica_log_dirs::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use kafka_proto::messages::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};

use super::describe_log_dirs::LOG_DIR;
use crate::authorizer::{Operation, Resource};
use crate::node::Call;

pub(super) fn answer(
    call: &Call<'_>,
    request: AlterReplicaLogDirsRequest,
) -> AlterReplicaLogDirsResponse {
    let results = request.dirs.into_iter().flat_map(|dir| {
        let path = dir.path;
        dir.topics.into_iter().map(move |topic| {
            let move_to = |partition_index: &i32| AlterReplicaLogDirPartitionResult {
                partition_index: *partition_index,
                error_code: check(call, &path, &topic.name, *partition_index).code(),
                ..Default::default()
            };
            AlterReplicaLogDirTopicResult {
                partitions: topic.partitions.iter().map(move_to).collect(),
                topic_name: topic.name,
                ..Default::default()
            }
        })
    });
    AlterReplicaLogDirsResponse {
        results: results.collect(),
        ..Default::default()
    }
}

fn check(call: &Call<'_>, path: &ByteString, topic: &str, partition: i32) -> ErrorCode {
    if let Err(error) = call.check(Operation::Alter, Resource::CLUSTER) {
        return error;
    }
    if path != LOG_DIR {
        return ErrorCode::LogDirNotFound;
    }
    let topic = call.cluster().topics.by_name(topic);
    let partition = topic.as_ref().and_then(|topic| topic.partition(partition));
    match partition {
        Some(partition) if partition.replicas().contains(&call.node.id) => ErrorCode::None,
        Some(_) => ErrorCode::ReplicaNotAvailable,
        None => ErrorCode::UnknownTopicOrPartition,
    }
}
