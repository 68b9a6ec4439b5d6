//! AlterReplicaLogDirs: moves replicas between a broker's disks (API key 34).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Moves the broker's own replicas to other log directories (KIP-113); answered before the
    /// move is over.
    AlterReplicaLogDirsRequest: request 34 -> AlterReplicaLogDirsResponse, versions "1-2", flexible "2+" {
        dirs: Vec<AlterReplicaLogDir>,
    }

    /// A directory to move to.
    AlterReplicaLogDir {
        path: ByteString,
        topics: Vec<AlterReplicaLogDirTopic>,
    }

    /// Partitions of a topic to move there.
    AlterReplicaLogDirTopic {
        name: ByteString,
        partitions: Vec<i32>,
    }
}

message! {
    /// Whether the moves were begun.
    AlterReplicaLogDirsResponse: response, versions "1-2", flexible "2+" {
        throttle_time_ms: i32,
        results: Vec<AlterReplicaLogDirTopicResult>,
    }

    /// What became of a topic's replicas.
    AlterReplicaLogDirTopicResult {
        topic_name: ByteString,
        partitions: Vec<AlterReplicaLogDirPartitionResult>,
    }

    /// What became of a partition's replica.
    AlterReplicaLogDirPartitionResult {
        partition_index: i32,
        error_code: i16,
    }
}
