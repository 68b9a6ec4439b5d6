//! LeaveGroup: members go at once.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::leave_group::MemberResponse;
use kafka_proto::messages::{LeaveGroupRequest, LeaveGroupResponse};

use crate::node::Call;

/// From this version on a request names several members.
const FIRST_VERSION_WITH_MEMBERS: i16 = 3;

pub(super) fn answer(call: &Call<'_>, request: LeaveGroupRequest) -> LeaveGroupResponse {
    if let Err(error) = call.check_member_of(&request.group_id) {
        return LeaveGroupResponse {
            error_code: error.code(),
            ..Default::default()
        };
    }
    let leave = |member_id: &str, instance_id: Option<&str>| {
        let left = call
            .cluster()
            .groups
            .leave(&request.group_id, member_id, instance_id);
        left.err().unwrap_or(ErrorCode::None).code()
    };
    if call.version < FIRST_VERSION_WITH_MEMBERS {
        return LeaveGroupResponse {
            error_code: leave(&request.member_id, None),
            ..Default::default()
        };
    }
    let members = request.members.iter().map(|member| MemberResponse {
        error_code: leave(&member.member_id, member.group_instance_id.as_deref()),
        member_id: member.member_id.clone(),
        group_instance_id: member.group_instance_id.clone(),
        ..Default::default()
    });
    LeaveGroupResponse {
        members: members.collect(),
        ..Default::default()
    }
}
