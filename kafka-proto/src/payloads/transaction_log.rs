//! The records of `__transaction_state`, in which the coordinators of transactions keep their state (KIP-98).
//!
//! The topic is compacted: the newest record of a transactional id counts, and one without a value has forgotten the id.

use bytestring::ByteString;

use super::coordinator_record::coordinator_records;
use crate::codec::message;

coordinator_records! {
    /// A record of the topic `__transaction_state`. A value of `None` is a tombstone.
    TransactionLogRecord {
        /// How far the transaction of an id is.
        0 => Transaction(TransactionLogKey, TransactionLogValue),
    }
}

message! {
    /// Which transactional id a record is about.
    TransactionLogKey: data, versions "0", flexible "none" {
        transactional_id: ByteString,
    }
}

message! {
    /// The producer that has the id, and its transaction.
    TransactionLogValue: data, versions "0-1", flexible "1+" {
        producer_id: i64,
        /// KIP-890: whose transaction was committed last; the id changes when its epochs are used up.
        previous_producer_id: i64 ["1+", tag 0 "1+"] = -1,
        /// KIP-890: the id that the producer was told last, where it is another one.
        next_producer_id: i64 ["1+", tag 1 "1+"] = -1,
        producer_epoch: i16,
        next_producer_epoch: i16 ["1+", tag 3 "1+"] = -1,
        transaction_timeout_ms: i32,
        /// 0 empty, 1 ongoing, 2 prepare commit, 3 prepare abort, 4 complete commit, 5 complete abort, 6 dead, 7 prepare
        /// epoch fence.
        transaction_status: i8,
        /// `None` before the first transaction.
        transaction_partitions: Option<Vec<PartitionsSchema>> ["0+", nullable "0+"] = Some(Vec::new()),
        transaction_last_update_timestamp_ms: i64,
        transaction_start_timestamp_ms: i64,
        /// The version of the feature `transaction.version` that the producer works with.
        client_transaction_version: i16 ["1+", tag 2 "1+"],
    }

    /// Partitions of a topic that take part.
    PartitionsSchema {
        topic: ByteString,
        partition_ids: Vec<i32>,
    }
}
