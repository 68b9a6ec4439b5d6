//! OffsetCommit: stores a group's positions.

use std::sync::Arc;

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
};
use kafka_proto::messages::{OffsetCommitRequest, OffsetCommitResponse};

use crate::authorizer::{Operation, Resource};
use crate::groups::{Commit, CommittedOffset, Identity};
use crate::node::Call;
use crate::topics::{Topic, TopicIdPartition};

/// From this version on a group that is not there is told from a generation that is over.
const FIRST_VERSION_WITH_GROUP_NOT_FOUND: i16 = 9;
/// From this version on topics are named by id.
const FIRST_VERSION_WITH_IDS: i16 = 10;

pub(super) fn answer(call: &Call<'_>, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let found = |wanted: &OffsetCommitRequestTopic| {
        call.topic_named(
            Operation::Read,
            call.version >= FIRST_VERSION_WITH_IDS,
            &wanted.name,
            wanted.topic_id,
        )
    };
    let topics: Vec<_> = request.topics.iter().map(found).collect();
    let wanted = || {
        let of_topics = request.topics.iter().zip(&topics);
        of_topics.flat_map(|(wanted, topic)| {
            wanted
                .partitions
                .iter()
                .map(move |partition| (topic, partition))
        })
    };
    let identity = Identity {
        member_id: &request.member_id,
        group_instance_id: request.group_instance_id.as_deref(),
        generation: request.generation_id_or_member_epoch,
    };
    let without_group = if call.version >= FIRST_VERSION_WITH_GROUP_NOT_FOUND {
        ErrorCode::GroupIdNotFound
    } else {
        ErrorCode::IllegalGeneration
    };
    let storable = || {
        wanted()
            .filter_map(|(topic, partition)| Some((check(call, topic, partition).ok()?, partition)))
    };
    let partitions: Vec<_> = storable()
        .map(|(topic, partition)| TopicIdPartition {
            topic_id: topic.id,
            partition: partition.partition_index,
        })
        .collect();
    let commit = Commit {
        identity,
        version: Some(call.version),
        partitions: &partitions,
    };
    let offsets = storable()
        .map(|(topic, partition)| (&topic.name, partition.partition_index, committed(partition)));
    let allowed = call.check(Operation::Read, Resource::group(&request.group_id));
    // An empty group id is one as well: consumers without a group that manages them may use it.
    let mine = allowed.and_then(|()| call.check_coordinator(&request.group_id));
    let committed = mine.and_then(|()| {
        let groups = &call.cluster().groups;
        groups.commit(&request.group_id, commit, without_group, offsets)
    });
    let responses =
        request
            .topics
            .iter()
            .zip(&topics)
            .map(|(wanted, topic)| OffsetCommitResponseTopic {
                name: wanted.name.clone(),
                topic_id: wanted.topic_id,
                partitions: wanted
                    .partitions
                    .iter()
                    .map(|partition| {
                        let checked = allowed.and_then(|()| check(call, topic, partition));
                        let result = checked.map(drop).and(committed);
                        OffsetCommitResponsePartition {
                            partition_index: partition.partition_index,
                            error_code: result.err().unwrap_or(ErrorCode::None).code(),
                            ..Default::default()
                        }
                    })
                    .collect(),
                ..Default::default()
            });
    OffsetCommitResponse {
        topics: responses.collect(),
        ..Default::default()
    }
}

/// The topic, if a position may be stored for this partition of it.
fn check<'a>(
    call: &Call<'_>,
    topic: &'a Result<Arc<Topic>, ErrorCode>,
    partition: &OffsetCommitRequestPartition,
) -> Result<&'a Arc<Topic>, ErrorCode> {
    let topic = topic.as_ref().map_err(|error| *error)?;
    topic
        .partition(partition.partition_index)
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if is_too_large(call, &partition.committed_metadata) {
        return Err(ErrorCode::OffsetMetadataTooLarge);
    }
    Ok(topic)
}

/// Whether what a committer has to say is too much.
pub(super) fn is_too_large(call: &Call<'_>, metadata: &Option<ByteString>) -> bool {
    let len = metadata.as_ref().map_or(0, |metadata| metadata.len());
    len > call.cluster().settings.offset_metadata_max_bytes
}

fn committed(partition: &OffsetCommitRequestPartition) -> CommittedOffset {
    committed_offset(
        partition.committed_offset,
        partition.committed_leader_epoch,
        &partition.committed_metadata,
    )
}

/// A position as it is kept: with a copy of its metadata that does not keep the whole request in memory.
pub(super) fn committed_offset(
    offset: i64,
    leader_epoch: i32,
    metadata: &Option<ByteString>,
) -> CommittedOffset {
    CommittedOffset {
        offset,
        leader_epoch,
        metadata: ByteString::from(metadata.as_deref().unwrap_or_default()),
    }
}
