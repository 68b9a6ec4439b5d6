//! ShareGroupDescribe: what share groups are doing (API key 77).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Asks the coordinator of share groups for their state and members (KIP-932).
    ShareGroupDescribeRequest: request 77 -> ShareGroupDescribeResponse, versions "1", flexible "0+" {
        group_ids: Vec<ByteString>,
        include_authorized_operations: bool,
    }
}

message! {
    /// The groups.
    ShareGroupDescribeResponse: response, versions "1", flexible "0+" {
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

    /// A member, with what it reads. Several may read the same partition.
    Member {
        member_id: ByteString,
        rack_id: Option<ByteString> ["0+", nullable "0+"],
        member_epoch: i32,
        client_id: ByteString,
        client_host: ByteString,
        subscribed_topic_names: Vec<ByteString>,
        assignment: Assignment,
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
