//! ShareGroupHeartbeat: membership in a share group (API key 76).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Joins, stays in or leaves a share group (KIP-932). The epoch is 0 to join, -1 to leave;
    /// `None` means that nothing has changed.
    ShareGroupHeartbeatRequest: request 76 -> ShareGroupHeartbeatResponse, versions "1", flexible "0+" {
        group_id: ByteString,
        member_id: ByteString,
        member_epoch: i32,
        rack_id: Option<ByteString> ["0+", nullable "0+"],
        subscribed_topic_names: Option<Vec<ByteString>> ["0+", nullable "0+"],
    }
}

message! {
    /// The member's epoch, and its assignment; `None` is no change.
    ShareGroupHeartbeatResponse: response, versions "1", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        member_id: Option<ByteString> ["0+", nullable "0+"],
        member_epoch: i32,
        heartbeat_interval_ms: i32,
        assignment: Option<Assignment> ["0+", nullable "0+"],
    }

    /// All that the member shall read.
    Assignment {
        topic_partitions: Vec<TopicPartitions>,
    }

    /// Partitions of a topic.
    TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}
