//! What members of a classic group of consumers tell each other through the coordinator, which does not look into it.
//!
//! It is not a request: the bytes go as `metadata` into a JoinGroup request and as `assignment` through SyncGroup, each
//! behind the number of its version (16 bits). The fields are rigid in every version, and a version that is not known is
//! read as the newest one that is: newer ones only add fields at the end.

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::message;

message! {
    /// What a member wants to read, and what it has.
    ConsumerProtocolSubscription: data, versions "0-3", flexible "none" {
        topics: Vec<ByteString>,
        user_data: Option<Bytes> ["0+", nullable "0+"] = None,
        owned_partitions: Vec<SubscribedTopicPartitions> ["1+", ignorable],
        generation_id: i32 ["2+", ignorable] = -1,
        rack_id: Option<ByteString> ["3+", nullable "3+", ignorable] = None,
    }

    /// Partitions of a topic that the member owns.
    SubscribedTopicPartitions {
        topic: ByteString ["1+"],
        partitions: Vec<i32> ["1+"],
    }
}

message! {
    /// What a member is to read.
    ConsumerProtocolAssignment: data, versions "0-3", flexible "none" {
        assigned_partitions: Vec<AssignedTopicPartitions>,
        user_data: Option<Bytes> ["0+", nullable "0+"] = None,
    }

    /// Partitions of a topic.
    AssignedTopicPartitions {
        topic: ByteString,
        partitions: Vec<i32>,
    }
}
