//! AlterShareGroupOffsets: moves where a share group starts reading (API key 91).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Sets the start of a share group in partitions while it has no members (KIP-932); sent to
    /// its coordinator.
    AlterShareGroupOffsetsRequest: request 91 -> AlterShareGroupOffsetsResponse, versions "0", flexible "0+" {
        group_id: ByteString,
        topics: Vec<AlterShareGroupOffsetsRequestTopic>,
    }

    /// A topic.
    AlterShareGroupOffsetsRequestTopic {
        topic_name: ByteString,
        partitions: Vec<AlterShareGroupOffsetsRequestPartition>,
    }

    /// A partition and its new start.
    AlterShareGroupOffsetsRequestPartition {
        partition_index: i32,
        start_offset: i64,
    }
}

message! {
    /// What became of each partition.
    AlterShareGroupOffsetsResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        responses: Vec<AlterShareGroupOffsetsResponseTopic>,
    }

    /// A topic.
    AlterShareGroupOffsetsResponseTopic {
        topic_name: ByteString,
        topic_id: Uuid,
        partitions: Vec<AlterShareGroupOffsetsResponsePartition>,
    }

    /// What became of a partition.
    AlterShareGroupOffsetsResponsePartition {
        partition_index: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
    }
}
