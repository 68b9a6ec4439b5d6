//! Heartbeat: a member of a classic group is alive.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{HeartbeatRequest, HeartbeatResponse};

use crate::groups::Identity;
use crate::node::Call;

pub(super) fn answer(call: &Call<'_>, request: HeartbeatRequest) -> HeartbeatResponse {
    let identity = Identity {
        member_id: &request.member_id,
        group_instance_id: request.group_instance_id.as_deref(),
        generation: request.generation_id,
    };
    let alive = call
        .check_member_of(&request.group_id)
        .and_then(|()| call.cluster().groups.heartbeat(&request.group_id, identity));
    HeartbeatResponse {
        error_code: alive.err().unwrap_or(ErrorCode::None).code(),
        ..Default::default()
    }
}
