//! OffsetForLeaderEpoch: where a leader's epoch ended (API key 23).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks leaders where an epoch ended in their logs, to find out whether a log was truncated
    /// below what was read already (KIP-101, KIP-320).
    OffsetForLeaderEpochRequest: request 23 -> OffsetForLeaderEpochResponse, versions "2-4", flexible "4+" {
        replica_id: i32 ["3+", ignorable] = -2,
        topics: Vec<OffsetForLeaderTopic>,
    }

    /// A topic to look up.
    OffsetForLeaderTopic {
        topic: ByteString,
        partitions: Vec<OffsetForLeaderPartition>,
    }

    /// A partition and the epoch to look up; the current leader epoch fences a reader whose
    /// metadata is old.
    OffsetForLeaderPartition {
        partition: i32,
        current_leader_epoch: i32 ["2+", ignorable] = -1,
        leader_epoch: i32,
    }
}

message! {
    /// The ends of the epochs.
    OffsetForLeaderEpochResponse: response, versions "2-4", flexible "4+" {
        throttle_time_ms: i32 ["2+", ignorable],
        topics: Vec<OffsetForLeaderTopicResult>,
    }

    /// A topic that was looked up.
    OffsetForLeaderTopicResult {
        topic: ByteString,
        partitions: Vec<EpochEndOffset>,
    }

    /// The newest epoch not above the one that was asked for, and the offset after its last
    /// record; both -1 if the leader does not know, which is not a loss of data.
    EpochEndOffset {
        error_code: i16,
        partition: i32,
        leader_epoch: i32 ["1+", ignorable] = -1,
        end_offset: i64 = -1,
    }
}
