//! What the APIs of share groups have in common.

use std::sync::Arc;

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::refusal::Refusal;
use crate::share::MemberKey;
use crate::topics::{Partition, Topic};

/// Whether the client may do this to the group, and this broker coordinates it.
pub(super) fn check_group(
    call: &Call<'_>,
    operation: Operation,
    group_id: &str,
) -> Result<(), ErrorCode> {
    call.check(operation, Resource::group(group_id))?;
    if group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    call.check_coordinator(group_id)
}

/// What is said of a partition that cannot be had.
pub(super) fn message(error: ErrorCode) -> &'static str {
    match error {
        // As Kafka has it.
        ErrorCode::UnknownTopicOrPartition => "This server does not host this topic-partition.",
        other => other.message(),
    }
}

/// Whether there is such a share group that the client may delete, and nobody is in it.
pub(super) fn check_empty(call: &Call<'_>, group_id: &str) -> Result<(), Refusal> {
    check_group(call, Operation::Delete, group_id)?;
    let found = call.cluster().groups.look(group_id, |group| {
        group.share().map(|group| group.is_empty())
    });
    let refused = |error, message| Err(Refusal::new(error, message));
    match found {
        Some(Some(true)) => Ok(()),
        Some(Some(false)) => refused(
            ErrorCode::NonEmptyGroup,
            "The group is not empty.".to_owned(),
        ),
        Some(None) => {
            let message = format!("Group {group_id} is not a share group.");
            refused(ErrorCode::GroupIdNotFound, message)
        }
        None => {
            let message = format!("Group {group_id} not found.");
            refused(ErrorCode::GroupIdNotFound, message)
        }
    }
}

/// The member that a request comes from, if it may read for its group; in a copy that does not keep the whole request in
/// memory.
pub(super) fn member(
    call: &Call<'_>,
    group_id: Option<&ByteString>,
    member_id: Option<&ByteString>,
) -> Result<MemberKey, Refusal> {
    let (Some(group_id), Some(member_id)) = (group_id, member_id) else {
        return Err(ErrorCode::InvalidRequest.into());
    };
    call.check(Operation::Read, Resource::group(group_id))?;
    Ok(MemberKey {
        group_id: ByteString::from(&**group_id),
        member_id: ByteString::from(&**member_id),
    })
}

/// A topic that the client may read, of which this broker leads the partition.
pub(super) fn led_here(
    call: &Call<'_>,
    topic_id: Uuid,
    partition: i32,
) -> Result<Arc<Topic>, ErrorCode> {
    let topic = call.topic_named(Operation::Read, true, "", topic_id)?;
    let found = topic.partition(partition);
    found
        .ok_or(ErrorCode::UnknownTopicOrPartition)?
        .check_leader(call.node.id, -1)?;
    Ok(topic)
}

/// A partition that is there.
pub(super) fn partition(topic: &Topic, index: i32) -> Result<&Partition, ErrorCode> {
    topic
        .partition(index)
        .ok_or(ErrorCode::UnknownTopicOrPartition)
}
