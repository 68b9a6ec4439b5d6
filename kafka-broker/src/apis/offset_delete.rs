//! OffsetDelete: forgets positions of a group (KIP-496).

use std::collections::BTreeMap;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::offset_delete::{
    OffsetDeleteRequestPartition, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_proto::messages::{OffsetDeleteRequest, OffsetDeleteResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;

pub(super) fn answer(call: &Call<'_>, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    delete(call, &request).unwrap_or_else(|error| OffsetDeleteResponse {
        error_code: error.code(),
        ..Default::default()
    })
}

fn delete(
    call: &Call<'_>,
    request: &OffsetDeleteRequest,
) -> Result<OffsetDeleteResponse, ErrorCode> {
    let group_id = &request.group_id;
    call.check(Operation::Delete, Resource::group(group_id))?;
    if group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    call.check_coordinator(group_id)?;
    let mut wanted = Vec::new();
    let mut errors = BTreeMap::new();
    for topic in &request.topics {
        let known = call.topic(Operation::Read, &topic.name);
        for OffsetDeleteRequestPartition {
            partition_index, ..
        } in &topic.partitions
        {
            let key = (&*topic.name, *partition_index);
            match &known {
                Ok(topic) if topic.partition(*partition_index).is_some() => wanted.push(key),
                Ok(_) => drop(errors.insert(key, ErrorCode::UnknownTopicOrPartition)),
                Err(error) => drop(errors.insert(key, *error)),
            }
        }
    }
    // As at Kafka, whether there is such a group shows only where there is something to delete.
    if !wanted.is_empty() {
        let groups = &call.cluster().groups;
        let deleted = groups.delete_offsets(group_id, wanted.clone())?;
        errors.extend(wanted.into_iter().zip(deleted));
    }
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let index = partition.partition_index;
            let error = errors.get(&(&*topic.name, index));
            OffsetDeleteResponsePartition {
                partition_index: index,
                error_code: error.map_or(0, |error| error.code()),
                ..Default::default()
            }
        });
        OffsetDeleteResponseTopic {
            partitions: partitions.collect(),
            name: topic.name.clone(),
            ..Default::default()
        }
    });
    Ok(OffsetDeleteResponse {
        topics: topics.collect(),
        ..Default::default()
    })
}
