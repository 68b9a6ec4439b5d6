//! DescribeProducers: who writes to partitions (API key 61).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks leaders for the producers that partitions know, to find hanging transactions
    /// (KIP-664).
    DescribeProducersRequest: request 61 -> DescribeProducersResponse, versions "0", flexible "0+" {
        topics: Vec<TopicRequest>,
    }

    /// Partitions of a topic.
    TopicRequest {
        name: ByteString,
        partition_indexes: Vec<i32>,
    }
}

message! {
    /// The producers, partition by partition.
    DescribeProducersResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        topics: Vec<TopicResponse>,
    }

    /// A topic.
    TopicResponse {
        name: ByteString,
        partitions: Vec<PartitionResponse>,
    }

    /// A partition with its producers.
    PartitionResponse {
        partition_index: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        active_producers: Vec<ProducerState>,
    }

    /// A producer and what it wrote last; the start of its open transaction, or -1 if there is
    /// none.
    ProducerState {
        producer_id: i64,
        producer_epoch: i32,
        last_sequence: i32 = -1,
        last_timestamp: i64 = -1,
        coordinator_epoch: i32,
        current_txn_start_offset: i64 = -1,
    }
}
