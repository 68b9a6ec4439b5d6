//! OffsetFetch: reads groups' positions.

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::offset_fetch::{
    OffsetFetchRequestGroup, OffsetFetchResponseGroup, OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions, OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_proto::messages::{OffsetFetchRequest, OffsetFetchResponse};

use crate::authorizer::{Operation, Resource};
use crate::groups::{CommittedOffset, CommittedOffsets};
use crate::node::Call;

/// From this version on a request asks for several groups.
const FIRST_VERSION_WITH_GROUPS: i16 = 8;
/// From this version on topics are named by id.
const FIRST_VERSION_WITH_IDS: i16 = 10;

pub(super) fn answer(call: &Call<'_>, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let require_stable = request.require_stable;
    if call.version >= FIRST_VERSION_WITH_GROUPS {
        let groups = request
            .groups
            .into_iter()
            .map(|wanted| group(call, wanted, require_stable));
        return OffsetFetchResponse {
            groups: groups.collect(),
            ..Default::default()
        };
    }
    if let Err(error) = check_group(call, &request.group_id) {
        return OffsetFetchResponse {
            error_code: error.code(),
            ..Default::default()
        };
    }
    let topics = call
        .cluster()
        .groups
        .offsets(&request.group_id, None, |offsets| {
            let wanted: Vec<(ByteString, Vec<i32>)> = match request.topics {
                None => all(call, offsets),
                Some(topics) => topics
                    .into_iter()
                    .map(|topic| (topic.name, topic.partition_indexes))
                    .collect(),
            };
            let topics = wanted.into_iter().map(|(name, partitions)| {
                let topic = topic(call, offsets, name, Uuid::ZERO, &partitions, require_stable);
                OffsetFetchResponseTopic {
                    name: topic.name,
                    partitions: topic.partitions.into_iter().map(before_groups).collect(),
                    ..Default::default()
                }
            });
            topics.collect()
        });
    match topics {
        Ok(topics) => OffsetFetchResponse {
            topics,
            ..Default::default()
        },
        Err(error) => OffsetFetchResponse {
            error_code: error.code(),
            ..Default::default()
        },
    }
}

fn check_group(call: &Call<'_>, group_id: &str) -> Result<(), ErrorCode> {
    call.check(Operation::Describe, Resource::group(group_id))?;
    call.check_coordinator(group_id)
}

/// All positions in topics that the client may know of.
fn all(call: &Call<'_>, offsets: &CommittedOffsets) -> Vec<(ByteString, Vec<i32>)> {
    offsets
        .partitions()
        .filter(|(topic, _)| call.allows(Operation::Describe, Resource::topic(topic)))
        .map(|(topic, partitions)| (topic.clone(), partitions))
        .collect()
}

fn group(
    call: &Call<'_>,
    wanted: OffsetFetchRequestGroup,
    require_stable: bool,
) -> OffsetFetchResponseGroup {
    if let Err(error) = check_group(call, &wanted.group_id) {
        return OffsetFetchResponseGroup {
            group_id: wanted.group_id,
            error_code: error.code(),
            ..Default::default()
        };
    }
    let by_id = call.version >= FIRST_VERSION_WITH_IDS;
    let registered = &call.cluster().topics;
    let member = Some((wanted.member_id.as_deref(), wanted.member_epoch));
    let topics = call
        .cluster()
        .groups
        .offsets(&wanted.group_id, member, |offsets| match wanted.topics {
            None => {
                let topics = all(call, offsets)
                    .into_iter()
                    .filter_map(|(name, partitions)| {
                        let id = registered.by_name(&name)?.id;
                        Some(topic(call, offsets, name, id, &partitions, require_stable))
                    });
                topics.collect()
            }
            Some(topics) => {
                let topics = topics.into_iter().map(|wanted| {
                    let (id, partitions) = (wanted.topic_id, wanted.partition_indexes);
                    if !by_id {
                        let name = wanted.name;
                        return topic(call, offsets, name, id, &partitions, require_stable);
                    }
                    match registered.by_id(id) {
                        Some(found) => {
                            let name = found.name.clone();
                            topic(call, offsets, name, id, &partitions, require_stable)
                        }
                        None => unread(
                            ByteString::new(),
                            id,
                            &partitions,
                            ErrorCode::UnknownTopicId,
                        ),
                    }
                });
                topics.collect()
            }
        });
    match topics {
        Ok(topics) => OffsetFetchResponseGroup {
            group_id: wanted.group_id,
            topics,
            ..Default::default()
        },
        Err(error) => OffsetFetchResponseGroup {
            group_id: wanted.group_id,
            error_code: error.code(),
            ..Default::default()
        },
    }
}

fn topic(
    call: &Call<'_>,
    offsets: &CommittedOffsets,
    name: ByteString,
    topic_id: Uuid,
    partitions: &[i32],
    require_stable: bool,
) -> OffsetFetchResponseTopics {
    if let Err(error) = call.check(Operation::Describe, Resource::topic(&name)) {
        return unread(name, topic_id, partitions, error);
    }
    let partitions = partitions
        .iter()
        .map(|&index| position(offsets, &name, index, require_stable));
    OffsetFetchResponseTopics {
        partitions: partitions.collect(),
        name,
        topic_id,
        ..Default::default()
    }
}

fn unread(
    name: ByteString,
    topic_id: Uuid,
    partitions: &[i32],
    error: ErrorCode,
) -> OffsetFetchResponseTopics {
    let error_code = error.code();
    let partitions = partitions
        .iter()
        .map(|&index| OffsetFetchResponsePartitions {
            error_code,
            ..committed(index, None)
        });
    OffsetFetchResponseTopics {
        name,
        topic_id,
        partitions: partitions.collect(),
        ..Default::default()
    }
}

/// The position in a partition. One that is soon to be replaced, by a transaction that is still open, is not told where
/// it has to be stable (KIP-447).
fn position(
    offsets: &CommittedOffsets,
    topic: &str,
    index: i32,
    require_stable: bool,
) -> OffsetFetchResponsePartitions {
    if require_stable && offsets.is_pending(topic, index) {
        return OffsetFetchResponsePartitions {
            error_code: ErrorCode::UnstableOffsetCommit.code(),
            ..committed(index, None)
        };
    }
    committed(index, offsets.get(topic, index))
}

fn committed(
    partition_index: i32,
    committed: Option<&CommittedOffset>,
) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: committed.map_or(-1, |committed| committed.offset),
        committed_leader_epoch: committed.map_or(-1, |committed| committed.leader_epoch),
        metadata: Some(
            committed
                .map(|committed| committed.metadata.clone())
                .unwrap_or_default(),
        ),
        ..Default::default()
    }
}

/// The same, as it was before version 8.
fn before_groups(position: OffsetFetchResponsePartitions) -> OffsetFetchResponsePartition {
    OffsetFetchResponsePartition {
        partition_index: position.partition_index,
        committed_offset: position.committed_offset,
        committed_leader_epoch: position.committed_leader_epoch,
        metadata: position.metadata,
        error_code: position.error_code,
        ..Default::default()
    }
}
