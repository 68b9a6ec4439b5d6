//! ShareGroupDescribe: what share groups are doing.

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::share_group_describe::DescribedGroup;
use kafka_proto::messages::{ShareGroupDescribeRequest, ShareGroupDescribeResponse};

use super::consumer_group_describe::check_topics;
use super::share_partitions::check_group;
use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::refusal::Refusal;

pub(super) fn answer(
    call: &Call<'_>,
    request: ShareGroupDescribeRequest,
) -> ShareGroupDescribeResponse {
    let groups = request.group_ids.into_iter().map(|group_id| {
        let described = describe(call, &group_id, request.include_authorized_operations);
        described.unwrap_or_else(|refusal| DescribedGroup {
            group_id: group_id.clone(),
            error_code: refusal.error.code(),
            error_message: Some(refusal.message.into()),
            ..Default::default()
        })
    });
    ShareGroupDescribeResponse {
        groups: groups.collect(),
        ..Default::default()
    }
}

fn describe(
    call: &Call<'_>,
    group_id: &ByteString,
    include_authorized_operations: bool,
) -> Result<DescribedGroup, Refusal> {
    check_group(call, Operation::Describe, group_id)?;
    let image = call.cluster().topics.image();
    let described = call.cluster().groups.look(group_id, |group| {
        group.share().map(|group| group.described(group_id, &image))
    });
    let missing = match described {
        Some(Some(mut described)) => {
            let members = described.members.iter();
            let topics = members.flat_map(|member| &member.assignment.topic_partitions);
            check_topics(call, topics.map(|topic| &*topic.topic_name))?;
            if include_authorized_operations {
                let operations = call.authorized_operations(Resource::group(group_id));
                described.authorized_operations = operations;
            }
            return Ok(described);
        }
        Some(None) => format!("Group {group_id} is not a share group."),
        None => format!("Group {group_id} not found."),
    };
    Err(Refusal::new(ErrorCode::GroupIdNotFound, missing))
}
