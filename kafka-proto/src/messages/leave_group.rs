//! LeaveGroup: leaves a classic group (API key 13).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Takes members out of a classic group at once, without waiting for their session to end.
    LeaveGroupRequest: request 13 -> LeaveGroupResponse, versions "0-5", flexible "4+" {
        group_id: ByteString,
        member_id: ByteString ["0-2"],
        members: Vec<MemberIdentity> ["3+"],
    }

    /// A member that leaves.
    MemberIdentity {
        member_id: ByteString ["3+"],
        group_instance_id: Option<ByteString> ["3+", nullable "3+"],
        reason: Option<ByteString> ["5+", nullable "5+", ignorable],
    }
}

message! {
    /// Whether they left.
    LeaveGroupResponse: response, versions "0-5", flexible "4+" {
        throttle_time_ms: i32 ["1+", ignorable],
        error_code: i16,
        members: Vec<MemberResponse> ["3+"],
    }

    /// Whether a member left.
    MemberResponse {
        member_id: ByteString ["3+"],
        group_instance_id: Option<ByteString> ["3+", nullable "3+"] = Some(ByteString::new()),
        error_code: i16 ["3+"],
    }
}
