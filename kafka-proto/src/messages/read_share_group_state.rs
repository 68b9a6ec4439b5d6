//! ReadShareGroupState: reads the stored state of share partitions (API key 84).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Reads what the share coordinator stores for a share group (KIP-932); sent by the
    /// partitions' leaders.
    ReadShareGroupStateRequest: request 84 -> ReadShareGroupStateResponse, versions "0", flexible "0+" {
        group_id: ByteString,
        topics: Vec<ReadStateData>,
    }

    /// A topic.
    ReadStateData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }

    /// A partition, and the epoch of the leader that reads: an older one is fenced.
    PartitionData {
        partition: i32,
        leader_epoch: i32,
    }
}

message! {
    /// The state, partition by partition.
    ReadShareGroupStateResponse: response, versions "0", flexible "0+" {
        results: Vec<ReadStateResult>,
    }

    /// A topic.
    ReadStateResult {
        topic_id: Uuid,
        partitions: Vec<PartitionResult>,
    }

    /// A partition's state: where it starts, or -1, and what was delivered after that.
    PartitionResult {
        partition: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
        state_epoch: i32,
        start_offset: i64,
        state_batches: Vec<StateBatch>,
    }

    /// Offsets from first to last that have one state: 0 available, 2 acknowledged, 4 archived.
    StateBatch {
        first_offset: i64,
        last_offset: i64,
        delivery_state: i8,
        delivery_count: i16,
    }
}
