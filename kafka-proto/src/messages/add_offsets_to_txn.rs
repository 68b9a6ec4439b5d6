//! AddOffsetsToTxn: adds a group's positions to a transaction (API key 25).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Says that the transaction will commit positions of a group with TxnOffsetCommit; sent to
    /// the transaction's coordinator (KIP-98). Not needed where `transaction.version` is 2
    /// (KIP-890).
    AddOffsetsToTxnRequest: request 25 -> AddOffsetsToTxnResponse, versions "0-4", flexible "3+" {
        transactional_id: ByteString,
        producer_id: i64,
        producer_epoch: i16,
        group_id: ByteString,
    }
}

message! {
    /// Whether the group's partition of offsets was added.
    AddOffsetsToTxnResponse: response, versions "0-4", flexible "3+" {
        throttle_time_ms: i32,
        error_code: i16,
    }
}
