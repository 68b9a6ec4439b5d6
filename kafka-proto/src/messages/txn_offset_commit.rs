//! TxnOffsetCommit: stores a group's positions within a transaction (API key 28).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Stores positions that count once the transaction commits; sent to the group's
    /// coordinator. From version 3 on a member that is no longer in the group is refused
    /// (KIP-447). Version 5 may only be used where the cluster's feature `transaction.version`
    /// is 2 or more (KIP-890).
    TxnOffsetCommitRequest: request 28 -> TxnOffsetCommitResponse, versions "0-5", flexible "3+" {
        transactional_id: ByteString,
        group_id: ByteString,
        producer_id: i64,
        producer_epoch: i16,
        generation_id: i32 ["3+"] = -1,
        member_id: ByteString ["3+"],
        group_instance_id: Option<ByteString> ["3+", nullable "3+"],
        topics: Vec<TxnOffsetCommitRequestTopic>,
    }

    /// A topic with positions.
    TxnOffsetCommitRequestTopic {
        name: ByteString,
        partitions: Vec<TxnOffsetCommitRequestPartition>,
    }

    /// A partition's position: the offset of the next record to read.
    TxnOffsetCommitRequestPartition {
        partition_index: i32,
        committed_offset: i64,
        committed_leader_epoch: i32 ["2+", ignorable] = -1,
        committed_metadata: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }
}

message! {
    /// What became of each position.
    TxnOffsetCommitResponse: response, versions "0-5", flexible "3+" {
        throttle_time_ms: i32,
        topics: Vec<TxnOffsetCommitResponseTopic>,
    }

    /// A topic with positions.
    TxnOffsetCommitResponseTopic {
        name: ByteString,
        partitions: Vec<TxnOffsetCommitResponsePartition>,
    }

    /// What became of a partition's position.
    TxnOffsetCommitResponsePartition {
        partition_index: i32,
        error_code: i16,
    }
}
