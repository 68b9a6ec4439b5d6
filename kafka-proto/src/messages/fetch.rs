//! Fetch: reads record batches from partitions (API key 1).

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::{Records, Uuid, message};

message! {
    /// Reads record batches from partitions, waiting for at most `max_wait_ms` until there are
    /// `min_bytes` (KIP-227: within a session only what changed is named).
    FetchRequest: request 1 -> FetchResponse, versions "4-18", flexible "12+" {
        cluster_id: Option<ByteString> ["12+", nullable "12+", tag 0 "12+", ignorable],
        replica_id: i32 ["0-14"] = -1,
        replica_state: ReplicaState ["15+", tag 1 "15+"],
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 ["3+", ignorable] = 0x7fffffff,
        isolation_level: i8 ["4+", ignorable],
        session_id: i32 ["7+", ignorable],
        session_epoch: i32 ["7+", ignorable] = -1,
        topics: Vec<FetchTopic>,
        forgotten_topics_data: Vec<ForgottenTopic> ["7+"],
        rack_id: ByteString ["11+", ignorable],
    }

    /// Who fetches: -1 for a consumer.
    ReplicaState {
        replica_id: i32 ["15+"] = -1,
        replica_epoch: i64 ["15+"] = -1,
    }

    /// A topic to read.
    FetchTopic {
        topic: ByteString ["0-12", ignorable],
        topic_id: Uuid ["13+", ignorable],
        partitions: Vec<FetchPartition>,
    }

    /// A partition to read.
    FetchPartition {
        partition: i32,
        current_leader_epoch: i32 ["9+", ignorable] = -1,
        fetch_offset: i64,
        last_fetched_epoch: i32 ["12+"] = -1,
        log_start_offset: i64 ["5+", ignorable] = -1,
        partition_max_bytes: i32,
        replica_directory_id: Uuid ["17+", tag 0 "17+", ignorable],
        high_watermark: i64 ["18+", tag 1 "18+", ignorable] = 9223372036854775807,
    }

    /// Partitions that leave the fetch session.
    ForgottenTopic {
        topic: ByteString ["7-12", ignorable],
        topic_id: Uuid ["13+", ignorable],
        partitions: Vec<i32> ["7+"],
    }
}

message! {
    /// The batches, partition by partition; the last one of a partition may be cut off.
    FetchResponse: response, versions "4-18", flexible "12+" {
        throttle_time_ms: i32 ["1+", ignorable],
        error_code: i16 ["7+", ignorable],
        session_id: i32 ["7+"],
        responses: Vec<FetchableTopicResponse>,
        node_endpoints: Vec<NodeEndpoint> ["16+", tag 0 "16+"],
    }

    /// A topic that was read.
    FetchableTopicResponse {
        topic: ByteString ["0-12", ignorable],
        topic_id: Uuid ["13+", ignorable],
        partitions: Vec<PartitionData>,
    }

    /// A partition's batches and offsets.
    PartitionData {
        partition_index: i32,
        error_code: i16,
        high_watermark: i64,
        last_stable_offset: i64 ["4+", ignorable] = -1,
        log_start_offset: i64 ["5+", ignorable] = -1,
        diverging_epoch: EpochEndOffset ["12+", tag 0 "12+"],
        current_leader: LeaderIdAndEpoch ["12+", tag 1 "12+"],
        snapshot_id: SnapshotId ["12+", tag 2 "12+"],
        aborted_transactions: Option<Vec<AbortedTransaction>> ["4+", nullable "4+", ignorable] = Some(Vec::new()),
        preferred_read_replica: i32 ["11+"] = -1,
        records: Option<Records> ["0+", nullable "0+"] = Some(Bytes::new()),
    }

    /// Where the log stopped agreeing with the reader's epoch (KIP-595).
    EpochEndOffset {
        epoch: i32 ["12+"] = -1,
        end_offset: i64 ["12+"] = -1,
    }

    /// Who leads the partition now (KIP-951).
    LeaderIdAndEpoch {
        leader_id: i32 ["12+"] = -1,
        leader_epoch: i32 ["12+"] = -1,
    }

    /// A snapshot to read instead (KIP-630).
    SnapshotId {
        end_offset: i64 = -1,
        epoch: i32 = -1,
    }

    /// A transaction whose records are to be dropped when reading committed.
    AbortedTransaction {
        producer_id: i64 ["4+"],
        first_offset: i64 ["4+"],
    }

    /// Where a leader named in this answer listens (KIP-951).
    NodeEndpoint {
        node_id: i32 ["16+"],
        host: ByteString ["16+"],
        port: i32 ["16+"],
        rack: Option<ByteString> ["16+", nullable "16+"],
    }
}
