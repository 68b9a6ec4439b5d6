//! DeleteGroups: deletes groups with their positions (API key 42).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Deletes groups that have no members (KIP-229); sent to their coordinator.
    DeleteGroupsRequest: request 42 -> DeleteGroupsResponse, versions "0-2", flexible "2+" {
        groups_names: Vec<ByteString>,
    }
}

message! {
    /// What became of each group.
    DeleteGroupsResponse: response, versions "0-2", flexible "2+" {
        throttle_time_ms: i32,
        results: Vec<DeletableGroupResult>,
    }

    /// What became of a group.
    DeletableGroupResult {
        group_id: ByteString,
        error_code: i16,
    }
}
