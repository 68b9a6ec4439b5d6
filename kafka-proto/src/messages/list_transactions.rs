//! ListTransactions: the transactions of a broker (API key 66).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks a broker for the transactions that it coordinates: of certain states and producers,
    /// older than so many milliseconds (KIP-994), of ids that match a pattern (KIP-1152). Ask
    /// every broker to see the whole cluster.
    ListTransactionsRequest: request 66 -> ListTransactionsResponse, versions "0-2", flexible "0+" {
        state_filters: Vec<ByteString>,
        producer_id_filters: Vec<i64>,
        duration_filter: i64 ["1+"] = -1,
        transactional_id_pattern: Option<ByteString> ["2+", nullable "2+"],
    }
}

message! {
    /// The broker's transactions. While coordinators move two brokers may both name one.
    ListTransactionsResponse: response, versions "0-2", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        unknown_state_filters: Vec<ByteString>,
        transaction_states: Vec<TransactionState>,
    }

    /// A transactional id and what it is doing.
    TransactionState {
        transactional_id: ByteString,
        producer_id: i64,
        transaction_state: ByteString,
    }
}
