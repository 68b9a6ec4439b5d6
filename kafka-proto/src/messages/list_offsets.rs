//! ListOffsets: looks offsets up by timestamp (API key 2).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks leaders for the offset of a timestamp, or of the special ones: -1 latest, -2
    /// earliest, -3 of the highest timestamp, -4 earliest local, -5 latest tiered.
    ListOffsetsRequest: request 2 -> ListOffsetsResponse, versions "1-11", flexible "6+" {
        replica_id: i32,
        isolation_level: i8 ["2+"],
        topics: Vec<ListOffsetsTopic>,
        timeout_ms: i32 ["10+", ignorable],
    }

    /// A topic to look up.
    ListOffsetsTopic {
        name: ByteString,
        partitions: Vec<ListOffsetsPartition>,
    }

    /// A partition and a timestamp.
    ListOffsetsPartition {
        partition_index: i32,
        current_leader_epoch: i32 ["4+", ignorable] = -1,
        timestamp: i64,
    }
}

message! {
    /// The offsets found; -1 where there is none.
    ListOffsetsResponse: response, versions "1-11", flexible "6+" {
        throttle_time_ms: i32 ["2+", ignorable],
        topics: Vec<ListOffsetsTopicResponse>,
    }

    /// A topic that was looked up.
    ListOffsetsTopicResponse {
        name: ByteString,
        partitions: Vec<ListOffsetsPartitionResponse>,
    }

    /// The offset found in a partition.
    ListOffsetsPartitionResponse {
        partition_index: i32,
        error_code: i16,
        timestamp: i64 ["1+"] = -1,
        offset: i64 ["1+"] = -1,
        leader_epoch: i32 ["4+"] = -1,
    }
}
