//! ReadShareGroupStateSummary: reads where share partitions start (API key 87).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Reads the stored state of a share group without its batches (KIP-932); sent by the
    /// group's coordinator.
    ReadShareGroupStateSummaryRequest: request 87 -> ReadShareGroupStateSummaryResponse, versions "0-1", flexible "0+" {
        group_id: ByteString,
        topics: Vec<ReadStateSummaryData>,
    }

    /// A topic.
    ReadStateSummaryData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }

    /// A partition.
    PartitionData {
        partition: i32,
        leader_epoch: i32,
    }
}

message! {
    /// The state, partition by partition.
    ReadShareGroupStateSummaryResponse: response, versions "0-1", flexible "0+" {
        results: Vec<ReadStateSummaryResult>,
    }

    /// A topic.
    ReadStateSummaryResult {
        topic_id: Uuid,
        partitions: Vec<PartitionResult>,
    }

    /// Where a partition starts, and how many offsets after that are done (KIP-1226).
    PartitionResult {
        partition: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        state_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        delivery_complete_count: i32 ["1+", ignorable] = -1,
    }
}
