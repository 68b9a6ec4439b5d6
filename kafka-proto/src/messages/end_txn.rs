//! EndTxn: commits or aborts a transaction (API key 26).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Commits or aborts; sent to the transaction's coordinator (KIP-98). Version 5 may only be
    /// used where the cluster's feature `transaction.version` is 2 or more (KIP-890). A commit
    /// without an answer may have happened: ask the same again, never abort after it.
    EndTxnRequest: request 26 -> EndTxnResponse, versions "0-5", flexible "3+" {
        transactional_id: ByteString,
        producer_id: i64,
        producer_epoch: i16,
        committed: bool,
    }
}

message! {
    /// Whether the transaction ends. From version 5 on the producer goes on with the id and
    /// epoch that are given here.
    EndTxnResponse: response, versions "0-5", flexible "3+" {
        throttle_time_ms: i32,
        error_code: i16,
        producer_id: i64 ["5+", ignorable] = -1,
        producer_epoch: i16 ["5+", ignorable] = -1,
    }
}
