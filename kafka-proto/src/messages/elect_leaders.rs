//! ElectLeaders: makes replicas the leaders of their partitions (API key 43).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Elects leaders (KIP-183, KIP-460): 0 the preferred replica, 1 any that lives where none
    /// is in sync, which may lose records. `None` means all partitions.
    ElectLeadersRequest: request 43 -> ElectLeadersResponse, versions "0-2", flexible "2+" {
        election_type: i8 ["1+"],
        topic_partitions: Option<Vec<TopicPartitions>> ["0+", nullable "0+"] = Some(Vec::new()),
        timeout_ms: i32 = 60000,
    }

    /// Partitions of a topic.
    TopicPartitions {
        topic: ByteString,
        partitions: Vec<i32>,
    }
}

message! {
    /// What became of each partition.
    ElectLeadersResponse: response, versions "0-2", flexible "2+" {
        throttle_time_ms: i32,
        error_code: i16 ["1+"],
        replica_election_results: Vec<ReplicaElectionResult>,
    }

    /// What became of a topic's partitions.
    ReplicaElectionResult {
        topic: ByteString,
        partition_result: Vec<PartitionResult>,
    }

    /// What became of a partition.
    PartitionResult {
        partition_id: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }
}
