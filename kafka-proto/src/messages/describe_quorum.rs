//! DescribeQuorum: the quorum of controllers (API key 55).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Asks for the state of the metadata log's quorum (KIP-595): of topic
    /// `__cluster_metadata`, partition 0.
    DescribeQuorumRequest: request 55 -> DescribeQuorumResponse, versions "0-2", flexible "0+" {
        topics: Vec<TopicData>,
    }

    /// A topic.
    TopicData {
        topic_name: ByteString,
        partitions: Vec<PartitionData>,
    }

    /// A partition.
    PartitionData {
        partition_index: i32,
    }
}

message! {
    /// Who leads, who votes and who follows; where the controllers listen is known from version
    /// 2 on (KIP-853).
    DescribeQuorumResponse: response, versions "0-2", flexible "0+" {
        error_code: i16,
        error_message: Option<ByteString> ["2+", nullable "2+", ignorable] = Some(ByteString::new()),
        topics: Vec<ResponseTopicData>,
        nodes: Vec<Node> ["2+"],
    }

    /// A topic.
    ResponseTopicData {
        topic_name: ByteString,
        partitions: Vec<ResponsePartitionData>,
    }

    /// A partition's leader, voters and observers.
    ResponsePartitionData {
        partition_index: i32,
        error_code: i16,
        error_message: Option<ByteString> ["2+", nullable "2+", ignorable] = Some(ByteString::new()),
        leader_id: i32,
        leader_epoch: i32,
        high_watermark: i64,
        current_voters: Vec<ReplicaState>,
        observers: Vec<ReplicaState>,
    }

    /// A replica and how far it has come; -1 where the leader does not know. Times are
    /// milliseconds since 1970 (KIP-836).
    ReplicaState {
        replica_id: i32,
        replica_directory_id: Uuid ["2+"],
        log_end_offset: i64,
        last_fetch_timestamp: i64 ["1+", ignorable] = -1,
        last_caught_up_timestamp: i64 ["1+", ignorable] = -1,
    }

    /// A controller.
    Node {
        node_id: i32 ["2+"],
        listeners: Vec<Listener> ["2+"],
    }

    /// Where it listens.
    Listener {
        name: ByteString ["2+"],
        host: ByteString ["2+"],
        port: u16 ["2+"],
    }
}
