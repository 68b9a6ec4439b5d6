//! OffsetDelete: deletes stored positions of a group (API key 47).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Deletes a group's positions in topics that it is not subscribed to (KIP-496); sent to
    /// its coordinator. This API was never given a flexible version.
    OffsetDeleteRequest: request 47 -> OffsetDeleteResponse, versions "0", flexible "none" {
        group_id: ByteString,
        topics: Vec<OffsetDeleteRequestTopic>,
    }

    /// A topic.
    OffsetDeleteRequestTopic {
        name: ByteString,
        partitions: Vec<OffsetDeleteRequestPartition>,
    }

    /// A partition whose position is deleted.
    OffsetDeleteRequestPartition {
        partition_index: i32,
    }
}

message! {
    /// What became of each position. Unlike elsewhere the error stands before the throttle
    /// time.
    OffsetDeleteResponse: response, versions "0", flexible "none" {
        error_code: i16,
        throttle_time_ms: i32 ["0+", ignorable],
        topics: Vec<OffsetDeleteResponseTopic>,
    }

    /// A topic.
    OffsetDeleteResponseTopic {
        name: ByteString,
        partitions: Vec<OffsetDeleteResponsePartition>,
    }

    /// What became of a partition's position.
    OffsetDeleteResponsePartition {
        partition_index: i32,
        error_code: i16,
    }
}
