//! WriteShareGroupState: writes the stored state of share partitions (API key 85).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Writes what the share coordinator stores for a share group (KIP-932); sent by the
    /// partitions' leaders.
    WriteShareGroupStateRequest: request 85 -> WriteShareGroupStateResponse, versions "0-1", flexible "0+" {
        group_id: ByteString,
        topics: Vec<WriteStateData>,
    }

    /// A topic.
    WriteStateData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }

    /// What changed in a partition. The start is -1 if it did not move; the number of offsets
    /// that are done came with KIP-1226.
    PartitionData {
        partition: i32,
        state_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        delivery_complete_count: i32 ["1+", ignorable] = -1,
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

message! {
    /// What became of each partition.
    WriteShareGroupStateResponse: response, versions "0-1", flexible "0+" {
        results: Vec<WriteStateResult>,
    }

    /// A topic.
    WriteStateResult {
        topic_id: Uuid,
        partitions: Vec<PartitionResult>,
    }

    /// What became of a partition.
    PartitionResult {
        partition: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"],
    }
}
