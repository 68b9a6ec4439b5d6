//! Metadata: brokers, topics, partitions and their leaders (API key 3).

use bytestring::ByteString;

use crate::codec::{BrokerIds, Uuid, message};

message! {
    /// Asks any broker for the cluster and for topics: `None` means all topics, an empty list
    /// none (before version 1 an empty list means all).
    MetadataRequest: request 3 -> MetadataResponse, versions "0-13", flexible "9+" {
        topics: Option<Vec<MetadataRequestTopic>> ["0+", nullable "1+"] = Some(Vec::new()),
        allow_auto_topic_creation: bool ["4+"] = true,
        include_cluster_authorized_operations: bool ["8-10"],
        include_topic_authorized_operations: bool ["8+"],
    }

    /// A topic to describe, by name or id.
    MetadataRequestTopic {
        topic_id: Uuid ["10+", ignorable],
        name: Option<ByteString> ["0+", nullable "10+"] = Some(ByteString::new()),
    }
}

message! {
    /// The cluster as the broker knows it.
    MetadataResponse: response, versions "0-13", flexible "9+" {
        throttle_time_ms: i32 ["3+", ignorable],
        brokers: Vec<MetadataResponseBroker>,
        cluster_id: Option<ByteString> ["2+", nullable "2+", ignorable],
        controller_id: i32 ["1+", ignorable] = -1,
        topics: Vec<MetadataResponseTopic>,
        cluster_authorized_operations: i32 ["8-10"] = -2147483648,
        error_code: i16 ["13+", ignorable],
    }

    /// A broker and where it listens.
    MetadataResponseBroker {
        node_id: i32,
        host: ByteString,
        port: i32,
        rack: Option<ByteString> ["1+", nullable "1+", ignorable],
    }

    /// A topic.
    MetadataResponseTopic {
        error_code: i16,
        name: Option<ByteString> ["0+", nullable "12+"] = Some(ByteString::new()),
        topic_id: Uuid ["10+", ignorable],
        is_internal: bool ["1+", ignorable],
        partitions: Vec<MetadataResponsePartition>,
        topic_authorized_operations: i32 ["8+"] = -2147483648,
    }

    /// A partition with its leader and replicas.
    MetadataResponsePartition {
        error_code: i16,
        partition_index: i32,
        leader_id: i32,
        leader_epoch: i32 ["7+", ignorable] = -1,
        replica_nodes: BrokerIds,
        isr_nodes: BrokerIds,
        offline_replicas: BrokerIds ["5+", ignorable],
    }
}
