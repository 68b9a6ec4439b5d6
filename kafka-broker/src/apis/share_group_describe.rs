//! ShareGroupDescribe: what share groups are doing.

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::share_group_describe::DescribedGroup;
use kafka_proto::messages::{ShareGroupDescribeRequest, ShareGroupDescribeResponse};

use super::share_partitions::check_group;
use crate::node::Call;
use crate::refusal::Refusal;

pub(super) fn answer(
    call: &Call<'_>,
    request: ShareGroupDescribeRequest,
) -> ShareGroupDescribeResponse {
    let groups = request.group_ids.into_iter().map(|group_id| {
        describe(call, &group_id).unwrap_or_else(|refusal| DescribedGroup {
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

fn describe(call: &Call<'_>, group_id: &ByteString) -> Result<DescribedGroup, Refusal> {
    check_group(call, group_id)?;
    let image = call.cluster().topics.image();
    let described = call.cluster().groups.look(group_id, |group| {
        group.share().map(|group| group.described(group_id, &image))
    });
    let missing = match described {
        Some(Some(described)) => return Ok(described),
        Some(None) => format!("Group {group_id} is not a share group."),
        None => format!("Group {group_id} not found."),
    };
    Err(Refusal::new(ErrorCode::GroupIdNotFound, missing))
}
