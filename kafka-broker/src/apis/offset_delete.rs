//! OffsetDelete: forgets positions of a group (KIP-496).

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::offset_delete::{
    OffsetDeleteRequestPartition, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_proto::messages::{OffsetDeleteRequest, OffsetDeleteResponse};

use crate::node::Call;

pub(super) fn answer(call: &Call<'_>, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let group_id = &request.group_id;
    let allowed = if group_id.is_empty() {
        Err(ErrorCode::InvalidGroupId)
    } else {
        call.check_coordinator(group_id)
    };
    let wanted = request.topics.iter().flat_map(|topic| {
        let partitions = topic.partitions.iter();
        partitions.map(|partition| (&*topic.name, partition.partition_index))
    });
    let deleted = allowed.and_then(|()| {
        call.cluster()
            .groups
            .delete_offsets(group_id, wanted.collect())
    });
    let errors = match deleted {
        Ok(errors) => errors,
        Err(error) => {
            return OffsetDeleteResponse {
                error_code: error.code(),
                ..Default::default()
            };
        }
    };
    let mut errors = errors.into_iter();
    let topics = request.topics.iter().map(|topic| {
        let known = call.cluster().topics.by_name(&topic.name);
        let partitions = topic.partitions.iter().zip(errors.by_ref()).map(
            |(
                OffsetDeleteRequestPartition {
                    partition_index, ..
                },
                error,
            )| {
                let is_known = known
                    .as_ref()
                    .is_some_and(|known| known.partition(*partition_index).is_some());
                let error = if is_known {
                    error
                } else {
                    ErrorCode::UnknownTopicOrPartition
                };
                OffsetDeleteResponsePartition {
                    partition_index: *partition_index,
                    error_code: error.code(),
                    ..Default::default()
                }
            },
        );
        OffsetDeleteResponseTopic {
            partitions: partitions.collect(),
            name: topic.name.clone(),
            ..Default::default()
        }
    });
    OffsetDeleteResponse {
        topics: topics.collect(),
        ..Default::default()
    }
}
