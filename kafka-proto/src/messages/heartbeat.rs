//! Heartbeat: keeps a member of a classic group alive (API key 12).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Keeps a member of a classic group alive; sent to the group's coordinator.
    HeartbeatRequest: request 12 -> HeartbeatResponse, versions "0-4", flexible "4+" {
        group_id: ByteString,
        generation_id: i32,
        member_id: ByteString,
        group_instance_id: Option<ByteString> ["3+", nullable "3+"],
    }
}

message! {
    /// Whether the member is still one, and whether it has to join again.
    HeartbeatResponse: response, versions "0-4", flexible "4+" {
        throttle_time_ms: i32 ["1+", ignorable],
        error_code: i16,
    }
}
