//! Produce: appends record batches to partitions (API key 0).

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::{Records, Uuid, message};

message! {
    /// Appends record batches to partitions; sent to their leaders. With `acks` 0 there is no
    /// answer.
    ProduceRequest: request 0 -> ProduceResponse, versions "3-13", flexible "9+" {
        transactional_id: Option<ByteString> ["3+", nullable "3+"],
        acks: i16,
        timeout_ms: i32,
        topic_data: Vec<TopicProduceData>,
    }

    /// A topic to append to.
    TopicProduceData {
        name: ByteString ["0-12", ignorable],
        topic_id: Uuid ["13+", ignorable],
        partition_data: Vec<PartitionProduceData>,
    }

    /// A partition's record batches.
    PartitionProduceData {
        index: i32,
        records: Option<Records> ["0+", nullable "0+"] = Some(Bytes::new()),
    }
}

message! {
    /// Where the batches were put, or why not, partition by partition.
    ProduceResponse: response, versions "3-13", flexible "9+" {
        responses: Vec<TopicProduceResponse>,
        throttle_time_ms: i32 ["1+", ignorable],
        node_endpoints: Vec<NodeEndpoint> ["10+", tag 0 "10+"],
    }

    /// A topic that was appended to.
    TopicProduceResponse {
        name: ByteString ["0-12", ignorable],
        topic_id: Uuid ["13+", ignorable],
        partition_responses: Vec<PartitionProduceResponse>,
    }

    /// What became of a partition's batches.
    PartitionProduceResponse {
        index: i32,
        error_code: i16,
        base_offset: i64,
        log_append_time_ms: i64 ["2+", ignorable] = -1,
        log_start_offset: i64 ["5+", ignorable] = -1,
        record_errors: Vec<BatchIndexAndErrorMessage> ["8+", ignorable],
        error_message: Option<ByteString> ["8+", nullable "8+", ignorable],
        current_leader: LeaderIdAndEpoch ["10+", tag 0 "10+"],
    }

    /// A record that made its batch be refused (KIP-467).
    BatchIndexAndErrorMessage {
        batch_index: i32 ["8+"],
        batch_index_error_message: Option<ByteString> ["8+", nullable "8+"],
    }

    /// Who leads the partition now (KIP-951).
    LeaderIdAndEpoch {
        leader_id: i32 ["10+"] = -1,
        leader_epoch: i32 ["10+"] = -1,
    }

    /// Where a leader named in this answer listens (KIP-951).
    NodeEndpoint {
        node_id: i32 ["10+"],
        host: ByteString ["10+"],
        port: i32 ["10+"],
        rack: Option<ByteString> ["10+", nullable "10+"],
    }
}
