//! ConsumerGroupDescribe: what groups of the new protocol are doing (API key 69).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Asks the coordinator of consumer groups for their state and members (KIP-848).
    ConsumerGroupDescribeRequest: request 69 -> ConsumerGroupDescribeResponse, versions "0-1", flexible "0+" {
        group_ids: Vec<ByteString>,
        include_authorized_operations: bool,
    }
}

message! {
    /// The groups.
    ConsumerGroupDescribeResponse: response, versions "0-1", flexible "0+" {
        throttle_time_ms: i32,
        groups: Vec<DescribedGroup>,
    }

    /// A group. The authorized operations are a bit set, or `i32::MIN` if they were not asked
    /// for.
    DescribedGroup {
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        group_id: ByteString,
        group_state: ByteString,
        group_epoch: i32,
        assignment_epoch: i32,
        assignor_name: ByteString,
        members: Vec<Member>,
        authorized_operations: i32 = -2147483648,
    }

    /// A member, with what it has and what it shall get. Types: -1 unknown, 0 of the classic
    /// protocol, 1 of the new one (KIP-1099).
    Member {
        member_id: ByteString,
        instance_id: Option<ByteString> ["0+", nullable "0+"],
        rack_id: Option<ByteString> ["0+", nullable "0+"],
        member_epoch: i32,
        client_id: ByteString,
        client_host: ByteString,
        subscribed_topic_names: Vec<ByteString>,
        subscribed_topic_regex: Option<ByteString> ["0+", nullable "0+"],
        assignment: Assignment,
        target_assignment: Assignment,
        member_type: i8 ["1+", ignorable] = -1,
    }

    /// Partitions of a member.
    Assignment {
        topic_partitions: Vec<TopicPartitions>,
    }

    /// Partitions of a topic.
    TopicPartitions {
        topic_id: Uuid,
        topic_name: ByteString,
        partitions: Vec<i32>,
    }
}
