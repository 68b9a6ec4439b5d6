//! OffsetFetch: reads a group's stored positions (API key 9).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Reads groups' stored positions; sent to their coordinator. From version 8 on one request
    /// asks for several groups.
    OffsetFetchRequest: request 9 -> OffsetFetchResponse, versions "1-10", flexible "6+" {
        group_id: ByteString ["0-7"],
        topics: Option<Vec<OffsetFetchRequestTopic>> ["0-7", nullable "2-7"] = Some(Vec::new()),
        groups: Vec<OffsetFetchRequestGroup> ["8+"],
        require_stable: bool ["7+"],
    }

    /// A topic to look up, before version 8.
    OffsetFetchRequestTopic {
        name: ByteString ["0-7"],
        partition_indexes: Vec<i32> ["0-7"],
    }

    /// A group to look up.
    OffsetFetchRequestGroup {
        group_id: ByteString ["8+"],
        member_id: Option<ByteString> ["9+", nullable "9+", ignorable],
        member_epoch: i32 ["9+", ignorable] = -1,
        topics: Option<Vec<OffsetFetchRequestTopics>> ["8+", nullable "8+"] = Some(Vec::new()),
    }

    /// A topic to look up.
    OffsetFetchRequestTopics {
        name: ByteString ["8-9", ignorable],
        topic_id: Uuid ["10+", ignorable],
        partition_indexes: Vec<i32> ["8+"],
    }
}

message! {
    /// The positions; -1 where none is stored.
    OffsetFetchResponse: response, versions "1-10", flexible "6+" {
        throttle_time_ms: i32 ["3+", ignorable],
        topics: Vec<OffsetFetchResponseTopic> ["0-7"],
        error_code: i16 ["2-7", ignorable],
        groups: Vec<OffsetFetchResponseGroup> ["8+"],
    }

    /// A topic's positions, before version 8.
    OffsetFetchResponseTopic {
        name: ByteString ["0-7"],
        partitions: Vec<OffsetFetchResponsePartition> ["0-7"],
    }

    /// A partition's position, before version 8.
    OffsetFetchResponsePartition {
        partition_index: i32 ["0-7"],
        committed_offset: i64 ["0-7"],
        committed_leader_epoch: i32 ["5-7", ignorable] = -1,
        metadata: Option<ByteString> ["0-7", nullable "0-7"] = Some(ByteString::new()),
        error_code: i16 ["0-7"],
    }

    /// A group's positions.
    OffsetFetchResponseGroup {
        group_id: ByteString ["8+"],
        topics: Vec<OffsetFetchResponseTopics> ["8+"],
        error_code: i16 ["8+"],
    }

    /// A topic's positions.
    OffsetFetchResponseTopics {
        name: ByteString ["8-9", ignorable],
        topic_id: Uuid ["10+", ignorable],
        partitions: Vec<OffsetFetchResponsePartitions> ["8+"],
    }

    /// A partition's position.
    OffsetFetchResponsePartitions {
        partition_index: i32 ["8+"],
        committed_offset: i64 ["8+"],
        committed_leader_epoch: i32 ["8+", ignorable] = -1,
        metadata: Option<ByteString> ["8+", nullable "8+"] = Some(ByteString::new()),
        error_code: i16 ["8+"],
    }
}
