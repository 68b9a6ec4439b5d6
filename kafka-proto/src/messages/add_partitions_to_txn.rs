//! AddPartitionsToTxn: adds partitions to a transaction (API key 24).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Adds partitions to a transaction before the first write to them; sent to its coordinator
    /// (KIP-98). Clients send version 3 at most: from 4 on it is a batch with which brokers
    /// check transactions for each other (KIP-890).
    AddPartitionsToTxnRequest: request 24 -> AddPartitionsToTxnResponse, versions "0-5", flexible "3+" {
        transactions: Vec<AddPartitionsToTxnTransaction> ["4+"],
        v3_and_below_transactional_id: ByteString ["0-3"],
        v3_and_below_producer_id: i64 ["0-3"],
        v3_and_below_producer_epoch: i16 ["0-3"],
        v3_and_below_topics: Vec<AddPartitionsToTxnTopic> ["0-3"],
    }

    /// A transaction of the batch: to add to, or only to verify.
    AddPartitionsToTxnTransaction {
        transactional_id: ByteString ["4+"],
        producer_id: i64 ["4+"],
        producer_epoch: i16 ["4+"],
        verify_only: bool ["4+"],
        topics: Vec<AddPartitionsToTxnTopic> ["4+"],
    }

    /// Partitions of a topic.
    AddPartitionsToTxnTopic {
        name: ByteString,
        partitions: Vec<i32>,
    }
}

message! {
    /// What became of each partition; by transaction from version 4 on.
    AddPartitionsToTxnResponse: response, versions "0-5", flexible "3+" {
        throttle_time_ms: i32,
        error_code: i16 ["4+", ignorable],
        results_by_transaction: Vec<AddPartitionsToTxnResult> ["4+"],
        results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult> ["0-3"],
    }

    /// What became of a transaction's partitions.
    AddPartitionsToTxnResult {
        transactional_id: ByteString ["4+"],
        topic_results: Vec<AddPartitionsToTxnTopicResult> ["4+"],
    }

    /// What became of a topic's partitions.
    AddPartitionsToTxnTopicResult {
        name: ByteString,
        results_by_partition: Vec<AddPartitionsToTxnPartitionResult>,
    }

    /// What became of a partition.
    AddPartitionsToTxnPartitionResult {
        partition_index: i32,
        partition_error_code: i16,
    }
}
