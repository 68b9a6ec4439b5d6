//! DescribeGroups: what classic groups are doing.

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::describe_groups::DescribedGroup;
use kafka_proto::messages::{DescribeGroupsRequest, DescribeGroupsResponse};

use crate::node::Call;

/// From this version on a group that is not there is an error (KIP-1043).
const FIRST_VERSION_WITH_GROUP_NOT_FOUND: i16 = 6;

pub(super) fn answer(call: &Call<'_>, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let groups = request
        .groups
        .into_iter()
        .map(|group_id| describe(call, group_id));
    DescribeGroupsResponse {
        groups: groups.collect(),
        ..Default::default()
    }
}

fn describe(call: &Call<'_>, group_id: ByteString) -> DescribedGroup {
    let allowed = if group_id.is_empty() {
        Err(ErrorCode::InvalidGroupId)
    } else {
        call.check_coordinator(&group_id)
    };
    if let Err(error) = allowed {
        return DescribedGroup {
            group_id,
            error_code: error.code(),
            ..Default::default()
        };
    }
    let described = call.cluster().groups.look(&group_id, |group| {
        group.classic().map(|group| group.described(&group_id))
    });
    let missing = match described {
        Some(Some(described)) => return described,
        Some(None) => format!("Group {group_id} is not a classic group."),
        None => format!("Group {group_id} not found."),
    };
    let dead = DescribedGroup {
        group_id,
        group_state: ByteString::from_static("Dead"),
        ..Default::default()
    };
    if call.version < FIRST_VERSION_WITH_GROUP_NOT_FOUND {
        return dead;
    }
    DescribedGroup {
        error_code: ErrorCode::GroupIdNotFound.code(),
        error_message: Some(missing.into()),
        ..dead
    }
}
