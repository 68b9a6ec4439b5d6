//! ConsumerGroupHeartbeat: membership in a group of the new protocol (API key 68).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Joins, stays in or leaves a consumer group (KIP-848). The epoch is 0 to join, -1 to
    /// leave, -2 for a static member that will be back. `None` means that nothing has changed;
    /// everything is said when joining, and what is owned as soon as partitions were given
    /// back. From version 1 on the member makes its own id, a UUID (KIP-1082).
    ConsumerGroupHeartbeatRequest: request 68 -> ConsumerGroupHeartbeatResponse, versions "0-1", flexible "0+" {
        group_id: ByteString,
        member_id: ByteString,
        member_epoch: i32,
        instance_id: Option<ByteString> ["0+", nullable "0+"],
        rack_id: Option<ByteString> ["0+", nullable "0+"],
        rebalance_timeout_ms: i32 = -1,
        subscribed_topic_names: Option<Vec<ByteString>> ["0+", nullable "0+"],
        subscribed_topic_regex: Option<ByteString> ["1+", nullable "1+"],
        server_assignor: Option<ByteString> ["0+", nullable "0+"],
        topic_partitions: Option<Vec<TopicPartitions>> ["0+", nullable "0+"],
    }

    /// Partitions of a topic.
    TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}

message! {
    /// The member's epoch, and its assignment: `None` is no change, which an empty one is not.
    /// Topics may be unknown to the client as yet.
    ConsumerGroupHeartbeatResponse: response, versions "0-1", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        member_id: Option<ByteString> ["0+", nullable "0+"],
        member_epoch: i32,
        heartbeat_interval_ms: i32,
        assignment: Option<Assignment> ["0+", nullable "0+"],
    }

    /// All that the member shall own and may read now.
    Assignment {
        topic_partitions: Vec<TopicPartitions>,
    }
}
