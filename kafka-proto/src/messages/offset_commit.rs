//! OffsetCommit: stores a group's positions (API key 8).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Stores a group's positions; sent to its coordinator.
    OffsetCommitRequest: request 8 -> OffsetCommitResponse, versions "2-10", flexible "8+" {
        group_id: ByteString,
        generation_id_or_member_epoch: i32 ["1+", ignorable] = -1,
        member_id: ByteString ["1+", ignorable],
        group_instance_id: Option<ByteString> ["7+", nullable "7+"],
        retention_time_ms: i64 ["2-4", ignorable] = -1,
        topics: Vec<OffsetCommitRequestTopic>,
    }

    /// A topic with positions.
    OffsetCommitRequestTopic {
        name: ByteString ["0-9", ignorable],
        topic_id: Uuid ["10+", ignorable],
        partitions: Vec<OffsetCommitRequestPartition>,
    }

    /// A partition's position: the offset of the next record to read.
    OffsetCommitRequestPartition {
        partition_index: i32,
        committed_offset: i64,
        committed_leader_epoch: i32 ["6+", ignorable] = -1,
        committed_metadata: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }
}

message! {
    /// What became of each position.
    OffsetCommitResponse: response, versions "2-10", flexible "8+" {
        throttle_time_ms: i32 ["3+", ignorable],
        topics: Vec<OffsetCommitResponseTopic>,
    }

    /// A topic with positions.
    OffsetCommitResponseTopic {
        name: ByteString ["0-9", ignorable],
        topic_id: Uuid ["10+", ignorable],
        partitions: Vec<OffsetCommitResponsePartition>,
    }

    /// What became of a partition's position.
    OffsetCommitResponsePartition {
        partition_index: i32,
        error_code: i16,
    }
}
