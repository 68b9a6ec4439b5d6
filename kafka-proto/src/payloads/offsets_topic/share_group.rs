use bytestring::ByteString;

use super::TopicPartition;
use crate::codec::{Uuid, message};

message! {
    /// A share group.
    ShareGroupMetadataValue: data, versions "0", flexible "0+" {
        epoch: i32,
        /// Of the topics that it subscribes to: their partitions and racks.
        metadata_hash: i64,
    }
}

message! {
    /// A member of a share group.
    ShareGroupMemberMetadataValue: data, versions "0", flexible "0+" {
        rack_id: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        client_id: ByteString,
        client_host: ByteString,
        subscribed_topic_names: Vec<ByteString>,
    }
}

message! {
    /// What a member of a share group has.
    ShareGroupCurrentMemberAssignmentValue: data, versions "0", flexible "0+" {
        member_epoch: i32,
        previous_member_epoch: i32,
        state: i8,
        assigned_partitions: Vec<TopicPartition>,
    }
}

message! {
    /// Where a share group's state is with each partition. The state itself is in the topic `__share_group_state`.
    ShareGroupStatePartitionMetadataValue: data, versions "0", flexible "0+" {
        initializing_topics: Vec<TopicPartitionsInfo>,
        initialized_topics: Vec<TopicPartitionsInfo>,
        deleting_topics: Vec<ShareGroupTopicInfo>,
    }

    /// Partitions of a topic.
    TopicPartitionsInfo {
        topic_id: Uuid,
        topic_name: ByteString,
        partitions: Vec<i32>,
    }

    /// A topic.
    ShareGroupTopicInfo {
        topic_id: Uuid,
        topic_name: ByteString,
    }
}
