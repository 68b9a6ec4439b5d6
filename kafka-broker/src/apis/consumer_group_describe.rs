//! ConsumerGroupDescribe: what consumer groups are doing.

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::consumer_group_describe::DescribedGroup;
use kafka_proto::messages::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::refusal::Refusal;

pub(super) fn answer(
    call: &Call<'_>,
    request: ConsumerGroupDescribeRequest,
) -> ConsumerGroupDescribeResponse {
    let groups = request.group_ids.into_iter().map(|group_id| {
        let described = describe(call, &group_id, request.include_authorized_operations);
        described.unwrap_or_else(|refusal| DescribedGroup {
            group_id: group_id.clone(),
            error_code: refusal.error.code(),
            error_message: Some(refusal.message.into()),
            ..Default::default()
        })
    });
    ConsumerGroupDescribeResponse {
        groups: groups.collect(),
        ..Default::default()
    }
}

fn describe(
    call: &Call<'_>,
    group_id: &ByteString,
    include_authorized_operations: bool,
) -> Result<DescribedGroup, Refusal> {
    let group = Resource::group(group_id);
    call.check(Operation::Describe, group)?;
    if group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId.into());
    }
    call.check_coordinator(group_id)?;
    let image = call.cluster().topics.image();
    let described = call.cluster().groups.look(group_id, |group| {
        group
            .consumer()
            .map(|group| group.described(group_id, &image))
    });
    let missing = match described {
        Some(Some(mut described)) => {
            let assignments = described
                .members
                .iter()
                .flat_map(|member| [&member.assignment, &member.target_assignment]);
            let topics = assignments.flat_map(|assignment| &assignment.topic_partitions);
            check_topics(call, topics.map(|topic| &*topic.topic_name))?;
            if include_authorized_operations {
                described.authorized_operations = call.authorized_operations(group);
            }
            return Ok(described);
        }
        Some(None) => format!("Group {group_id} is not a consumer group."),
        None => format!("Group {group_id} not found."),
    };
    Err(Refusal::new(ErrorCode::GroupIdNotFound, missing))
}

/// Whether the client may know of all topics that members of a group have, or will have.
pub(super) fn check_topics<'a>(
    call: &Call<'_>,
    mut names: impl Iterator<Item = &'a str>,
) -> Result<(), Refusal> {
    if names.all(|name| call.allows(Operation::Describe, Resource::topic(name))) {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::TopicAuthorizationFailed,
        "The group has described topic(s) that the client is not authorized to describe.",
    ))
}
