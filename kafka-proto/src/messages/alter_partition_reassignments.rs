//! AlterPartitionReassignments: moves partitions to other brokers (API key 45).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Begins to move replicas to other brokers, or gives it up (KIP-455); answered before the
    /// move is over.
    AlterPartitionReassignmentsRequest: request 45 -> AlterPartitionReassignmentsResponse, versions "0-1", flexible "0+" {
        timeout_ms: i32 = 60000,
        allow_replication_factor_change: bool ["1+"] = true,
        topics: Vec<ReassignableTopic>,
    }

    /// A topic to move.
    ReassignableTopic {
        name: ByteString,
        partitions: Vec<ReassignablePartition>,
    }

    /// A partition and the brokers it shall be on; `None` gives up the move that is under way.
    ReassignablePartition {
        partition_index: i32,
        replicas: Option<Vec<i32>> ["0+", nullable "0+"],
    }
}

message! {
    /// Whether the moves were begun or given up.
    AlterPartitionReassignmentsResponse: response, versions "0-1", flexible "0+" {
        throttle_time_ms: i32,
        allow_replication_factor_change: bool ["1+", ignorable] = true,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        responses: Vec<ReassignableTopicResponse>,
    }

    /// What became of a topic.
    ReassignableTopicResponse {
        name: ByteString,
        partitions: Vec<ReassignablePartitionResponse>,
    }

    /// What became of a partition.
    ReassignablePartitionResponse {
        partition_index: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }
}
