//! SyncGroup: hands out a classic group's assignment (API key 14).

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Brings the leader's assignment to the coordinator, and asks for the member's own.
    SyncGroupRequest: request 14 -> SyncGroupResponse, versions "0-5", flexible "4+" {
        group_id: ByteString,
        generation_id: i32,
        member_id: ByteString,
        group_instance_id: Option<ByteString> ["3+", nullable "3+"],
        protocol_type: Option<ByteString> ["5+", nullable "5+", ignorable],
        protocol_name: Option<ByteString> ["5+", nullable "5+", ignorable],
        assignments: Vec<SyncGroupRequestAssignment>,
    }

    /// A member's part of the assignment.
    SyncGroupRequestAssignment {
        member_id: ByteString,
        assignment: Bytes,
    }
}

message! {
    /// The member's part of the assignment.
    SyncGroupResponse: response, versions "0-5", flexible "4+" {
        throttle_time_ms: i32 ["1+", ignorable],
        error_code: i16,
        protocol_type: Option<ByteString> ["5+", nullable "5+", ignorable],
        protocol_name: Option<ByteString> ["5+", nullable "5+", ignorable],
        assignment: Bytes,
    }
}
