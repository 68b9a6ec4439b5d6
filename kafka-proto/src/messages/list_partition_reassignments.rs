//! ListPartitionReassignments: the moves of partitions under way (API key 46).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks for the moves of partitions that are under way (KIP-455); `None` means all topics.
    ListPartitionReassignmentsRequest: request 46 -> ListPartitionReassignmentsResponse, versions "0", flexible "0+" {
        timeout_ms: i32 = 60000,
        topics: Option<Vec<ListPartitionReassignmentsTopics>> ["0+", nullable "0+"],
    }

    /// Partitions of a topic.
    ListPartitionReassignmentsTopics {
        name: ByteString,
        partition_indexes: Vec<i32>,
    }
}

message! {
    /// The moves.
    ListPartitionReassignmentsResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        topics: Vec<OngoingTopicReassignment>,
    }

    /// A topic with partitions on the move.
    OngoingTopicReassignment {
        name: ByteString,
        partitions: Vec<OngoingPartitionReassignment>,
    }

    /// A partition on the move: its replicas, and those that come and go.
    OngoingPartitionReassignment {
        partition_index: i32,
        replicas: Vec<i32>,
        adding_replicas: Vec<i32>,
        removing_replicas: Vec<i32>,
    }
}
