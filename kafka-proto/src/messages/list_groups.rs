//! ListGroups: the groups of a broker (API key 16).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks a broker for the groups that it coordinates, of certain states (KIP-518) and types
    /// (KIP-848) or of all. Ask every broker to see the whole cluster.
    ListGroupsRequest: request 16 -> ListGroupsResponse, versions "0-5", flexible "3+" {
        states_filter: Vec<ByteString> ["4+"],
        types_filter: Vec<ByteString> ["5+"],
    }
}

message! {
    /// The broker's groups. While coordinators move two brokers may both name a group.
    ListGroupsResponse: response, versions "0-5", flexible "3+" {
        throttle_time_ms: i32 ["1+", ignorable],
        error_code: i16,
        groups: Vec<ListedGroup>,
    }

    /// A group: its protocol type is `consumer` for a group of consumers.
    ListedGroup {
        group_id: ByteString,
        protocol_type: ByteString,
        group_state: ByteString ["4+", ignorable],
        group_type: ByteString ["5+", ignorable],
    }
}
