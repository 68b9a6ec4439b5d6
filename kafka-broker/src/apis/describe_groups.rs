//! DescribeGroups: what classic groups are doing.

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::describe_groups::DescribedGroup;
use kafka_proto::messages::{DescribeGroupsRequest, DescribeGroupsResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;

/// From this version on a group that is not there is an error (KIP-1043).
const FIRST_VERSION_WITH_GROUP_NOT_FOUND: i16 = 6;

pub(super) fn answer(call: &Call<'_>, request: DescribeGroupsRequest) -> DescribeGroupsResponse {
    let groups = request
        .groups
        .into_iter()
        .map(|group_id| describe(call, group_id, request.include_authorized_operations));
    DescribeGroupsResponse {
        groups: groups.collect(),
        ..Default::default()
    }
}

fn describe(
    call: &Call<'_>,
    group_id: ByteString,
    include_authorized_operations: bool,
) -> DescribedGroup {
    let allowed = call.check(Operation::Describe, Resource::group(&group_id));
    let allowed = allowed.and_then(|()| match &*group_id {
        "" => Err(ErrorCode::InvalidGroupId),
        id => call.check_coordinator(id),
    });
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
    // What is not asked for is the lowest number.
    let authorized_operations = if include_authorized_operations {
        call.authorized_operations(Resource::group(&group_id))
    } else {
        DescribedGroup::default().authorized_operations
    };
    let missing = match described {
        Some(Some(described)) => {
            return DescribedGroup {
                authorized_operations,
                ..described
            };
        }
        Some(None) => format!("Group {group_id} is not a classic group."),
        None => format!("Group {group_id} not found."),
    };
    let dead = DescribedGroup {
        group_id,
        group_state: ByteString::from_static("Dead"),
        ..Default::default()
    };
    if call.version < FIRST_VERSION_WITH_GROUP_NOT_FOUND {
        return DescribedGroup {
            authorized_operations,
            ..dead
        };
    }
    DescribedGroup {
        error_code: ErrorCode::GroupIdNotFound.code(),
        error_message: Some(missing.into()),
        ..dead
    }
}
