//! InitializeShareGroupState: begins the stored state of share partitions (API key 83).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Begins the state that the share coordinator stores for a share group (KIP-932); sent by
    /// the group's coordinator.
    InitializeShareGroupStateRequest: request 83 -> InitializeShareGroupStateResponse, versions "0", flexible "0+" {
        group_id: ByteString,
        topics: Vec<InitializeStateData>,
    }

    /// A topic.
    InitializeStateData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }

    /// A partition and where it starts; -1 if that is left open.
    PartitionData {
        partition: i32,
        state_epoch: i32,
        start_offset: i64,
    }
}

message! {
    /// What became of each partition.
    InitializeShareGroupStateResponse: response, versions "0", flexible "0+" {
        results: Vec<InitializeStateResult>,
    }

    /// A topic.
    InitializeStateResult {
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
