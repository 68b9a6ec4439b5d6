//! DeleteShareGroupState: deletes the stored state of share partitions (API key 86).

use bytestring::ByteString;

use crate::codec::{Uuid, message};

message! {
    /// Deletes what the share coordinator stores for a share group (KIP-932); sent by the
    /// group's coordinator.
    DeleteShareGroupStateRequest: request 86 -> DeleteShareGroupStateResponse, versions "0", flexible "0+" {
        group_id: ByteString,
        topics: Vec<DeleteStateData>,
    }

    /// A topic.
    DeleteStateData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }

    /// A partition.
    PartitionData {
        partition: i32,
    }
}

message! {
    /// What became of each partition.
    DeleteShareGroupStateResponse: response, versions "0", flexible "0+" {
        results: Vec<DeleteStateResult>,
    }

    /// A topic.
    DeleteStateResult {
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
