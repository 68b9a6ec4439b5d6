//! DescribeTransactions: what transactions are doing (API key 65).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks the coordinator of transactional ids for their state (KIP-664).
    DescribeTransactionsRequest: request 65 -> DescribeTransactionsResponse, versions "0", flexible "0+" {
        transactional_ids: Vec<ByteString>,
    }
}

message! {
    /// The transactions.
    DescribeTransactionsResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        transaction_states: Vec<TransactionState>,
    }

    /// A transaction. Its start is in milliseconds since 1970, or -1 if none is open.
    TransactionState {
        error_code: i16,
        transactional_id: ByteString,
        transaction_state: ByteString,
        transaction_timeout_ms: i32,
        transaction_start_time_ms: i64,
        producer_id: i64,
        producer_epoch: i16,
        topics: Vec<TopicData>,
    }

    /// Partitions of a topic that are in it, and have no marker yet.
    TopicData {
        topic: ByteString,
        partitions: Vec<i32>,
    }
}
