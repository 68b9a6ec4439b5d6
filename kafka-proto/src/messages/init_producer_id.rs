//! InitProducerId: an identity for an idempotent or transactional producer (API key 22).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks for a producer id, or for the next epoch of one; with a transactional id it fences
    /// earlier owners (KIP-98, KIP-360, KIP-890).
    InitProducerIdRequest: request 22 -> InitProducerIdResponse, versions "0-6", flexible "2+", unstable 6 {
        transactional_id: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        transaction_timeout_ms: i32,
        producer_id: i64 ["3+"] = -1,
        producer_epoch: i16 ["3+"] = -1,
        enable2_pc: bool ["6+"],
        keep_prepared_txn: bool ["6+"],
    }
}

message! {
    /// The producer id and its epoch.
    InitProducerIdResponse: response, versions "0-6", flexible "2+" {
        throttle_time_ms: i32 ["0+", ignorable],
        error_code: i16,
        producer_id: i64 = -1,
        producer_epoch: i16,
        ongoing_txn_producer_id: i64 ["6+"] = -1,
        ongoing_txn_producer_epoch: i16 ["6+"] = -1,
    }
}
