//! DescribeTopicPartitions: topics and partitions, page by page (API key 75).

use bytestring::ByteString;

use crate::codec::{BrokerIds, Uuid, message};

message! {
    /// Asks for topics in pages of so many partitions (KIP-966); an empty list means all
    /// topics. The next page begins where the cursor of the last one points.
    DescribeTopicPartitionsRequest: request 75 -> DescribeTopicPartitionsResponse, versions "0", flexible "0+" {
        topics: Vec<TopicRequest>,
        response_partition_limit: i32 = 2000,
        cursor: Option<Cursor> ["0+", nullable "0+"],
    }

    /// A topic to describe.
    TopicRequest {
        name: ByteString,
    }

    /// The topic and partition to go on with.
    Cursor {
        topic_name: ByteString,
        partition_index: i32,
    }
}

message! {
    /// The topics, and the cursor of the next page, or `None` after the last one.
    DescribeTopicPartitionsResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32 ["0+", ignorable],
        topics: Vec<DescribeTopicPartitionsResponseTopic>,
        next_cursor: Option<Cursor> ["0+", nullable "0+"],
    }

    /// A topic. The authorized operations are a bit set, or `i32::MIN` if unknown.
    DescribeTopicPartitionsResponseTopic {
        error_code: i16,
        name: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        topic_id: Uuid ["0+", ignorable],
        is_internal: bool ["0+", ignorable],
        partitions: Vec<DescribeTopicPartitionsResponsePartition>,
        topic_authorized_operations: i32 = -2147483648,
    }

    /// A partition with its leader and replicas. The eligible leader replicas are not in sync,
    /// but have all that was acknowledged.
    DescribeTopicPartitionsResponsePartition {
        error_code: i16,
        partition_index: i32,
        leader_id: i32,
        leader_epoch: i32 ["0+", ignorable] = -1,
        replica_nodes: BrokerIds,
        isr_nodes: BrokerIds,
        eligible_leader_replicas: Option<Vec<i32>> ["0+", nullable "0+"],
        last_known_elr: Option<Vec<i32>> ["0+", nullable "0+"],
        offline_replicas: BrokerIds ["0+", ignorable],
    }
}
