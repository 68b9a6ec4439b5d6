//! DescribeGroups: what classic groups are doing (API key 15).

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks the coordinator of classic groups for their state and members. Groups of the other
    /// protocols have APIs of their own.
    DescribeGroupsRequest: request 15 -> DescribeGroupsResponse, versions "0-6", flexible "5+" {
        groups: Vec<ByteString>,
        include_authorized_operations: bool ["3+"],
    }
}

message! {
    /// The groups. Before version 6 a group that does not exist comes back as `Dead`, without
    /// an error (KIP-1043).
    DescribeGroupsResponse: response, versions "0-6", flexible "5+" {
        throttle_time_ms: i32 ["1+", ignorable],
        groups: Vec<DescribedGroup>,
    }

    /// A group. The authorized operations are a bit set, or `i32::MIN` if they were not asked
    /// for (KIP-430).
    DescribedGroup {
        error_code: i16,
        error_message: Option<ByteString> ["6+", nullable "6+"],
        group_id: ByteString,
        group_state: ByteString,
        protocol_type: ByteString,
        protocol_data: ByteString,
        members: Vec<DescribedGroupMember>,
        authorized_operations: i32 ["3+"] = -2147483648,
    }

    /// A member, with its subscription and assignment; they are empty unless the group is
    /// `Stable`.
    DescribedGroupMember {
        member_id: ByteString,
        group_instance_id: Option<ByteString> ["4+", nullable "4+", ignorable],
        client_id: ByteString,
        client_host: ByteString,
        member_metadata: Bytes,
        member_assignment: Bytes,
    }
}
