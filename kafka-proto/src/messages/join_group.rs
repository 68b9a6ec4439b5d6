//! JoinGroup: becomes a member of a classic group (API key 11).

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Joins a classic group, or joins again; answered when all members have, so use a
    /// connection that nothing waits behind.
    JoinGroupRequest: request 11 -> JoinGroupResponse, versions "0-9", flexible "6+" {
        group_id: ByteString,
        session_timeout_ms: i32,
        rebalance_timeout_ms: i32 ["1+", ignorable] = -1,
        member_id: ByteString,
        group_instance_id: Option<ByteString> ["5+", nullable "5+"],
        protocol_type: ByteString,
        protocols: Vec<JoinGroupRequestProtocol>,
        reason: Option<ByteString> ["8+", nullable "8+", ignorable],
    }

    /// An assignor that the member can work with, and its subscription for it.
    JoinGroupRequestProtocol {
        name: ByteString,
        metadata: Bytes,
    }
}

message! {
    /// The generation, and for the leader all members with their subscriptions.
    JoinGroupResponse: response, versions "0-9", flexible "6+" {
        throttle_time_ms: i32 ["2+", ignorable],
        error_code: i16,
        generation_id: i32 = -1,
        protocol_type: Option<ByteString> ["7+", nullable "7+", ignorable],
        protocol_name: Option<ByteString> ["0+", nullable "7+"] = Some(ByteString::new()),
        leader: ByteString,
        skip_assignment: bool ["9+"],
        member_id: ByteString,
        members: Vec<JoinGroupResponseMember>,
    }

    /// A member, as the leader sees it.
    JoinGroupResponseMember {
        member_id: ByteString,
        group_instance_id: Option<ByteString> ["5+", nullable "5+", ignorable],
        metadata: Bytes,
    }
}
