use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// A consumer group.
    ConsumerGroupMetadataValue: data, versions "0", flexible "0+" {
        epoch: i32,
        /// Of the topics that it subscribes to: their partitions and racks (KIP-1101).
        metadata_hash: i64 ["0+", tag 0 "0+"],
    }
}

message! {
    /// The topics that a consumer group subscribes to.
    ConsumerGroupPartitionMetadataValue: data, versions "0", flexible "0+" {
        topics: Vec<TopicMetadata>,
    }

    /// A topic, as it was when the group's epoch was made.
    TopicMetadata {
        topic_id: Uuid,
        topic_name: ByteString,
        num_partitions: i32,
        partition_metadata: Vec<PartitionMetadata>,
    }

    /// The racks that a partition's replicas are in.
    PartitionMetadata {
        partition: i32,
        racks: Vec<ByteString>,
    }
}

message! {
    /// A member of a consumer group.
    ConsumerGroupMemberMetadataValue: data, versions "0", flexible "0+" {
        instance_id: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        rack_id: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        client_id: ByteString,
        client_host: ByteString,
        subscribed_topic_names: Vec<ByteString>,
        subscribed_topic_regex: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        rebalance_timeout_ms: i32 = -1,
        server_assignor: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        /// There for a member that speaks the classic protocol, while the group moves from one to the other.
        classic_member_metadata: Option<ClassicMemberMetadata> ["0+", nullable "0+", tag 0 "0+"] = Some(Default::default()),
    }

    /// What a member that speaks the classic protocol said when it joined.
    ClassicMemberMetadata {
        session_timeout_ms: i32,
        supported_protocols: Vec<ClassicProtocol>,
    }

    /// An assignor that it supports.
    ClassicProtocol {
        name: ByteString,
        /// A versioned [`ConsumerProtocolSubscription`](crate::messages::ConsumerProtocolSubscription).
        metadata: Bytes,
    }
}

message! {
    /// The newest target assignment of a consumer, share or streams group.
    TargetAssignmentMetadataValue: data, versions "0", flexible "0+" {
        assignment_epoch: i32,
        /// Milliseconds since 1970; 0 where an older broker wrote.
        assignment_timestamp: i64 ["0+", tag 0 "0+", ignorable],
    }
}

message! {
    /// What a member of a consumer or share group is to get.
    TargetAssignmentMemberValue: data, versions "0", flexible "0+" {
        topic_partitions: Vec<TopicPartition>,
    }

    /// Partitions of a topic.
    TopicPartition {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}

message! {
    /// What a member of a consumer group has.
    ConsumerGroupCurrentMemberAssignmentValue: data, versions "0", flexible "0+" {
        member_epoch: i32,
        previous_member_epoch: i32,
        /// 0 stable, 1 has still to give up partitions, 2 waits for others to give some up.
        state: i8,
        assigned_partitions: Vec<TopicPartitions>,
        partitions_pending_revocation: Vec<TopicPartitions>,
    }

    /// Partitions of a topic.
    TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
        /// The member's epoch when it got each of the partitions; none where an older broker wrote.
        assignment_epochs: Option<Vec<i32>> ["0+", nullable "0+", tag 0 "0+"] = Some(Vec::new()),
    }
}

message! {
    /// Which expression of which group it is.
    RegularExpressionKey: data, versions "0", flexible "none" {
        group_id: ByteString,
        regular_expression: ByteString,
    }
}

message! {
    /// What a regular expression stood for when it was last looked up.
    ConsumerGroupRegularExpressionValue: data, versions "0", flexible "0+" {
        topics: Vec<ByteString>,
        /// The version of the broker's metadata.
        version: i64,
        /// Milliseconds since 1970.
        timestamp: i64,
    }
}
