//! DeleteRecords: deletes the oldest records of partitions (API key 21).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Deletes all records before an offset (KIP-107); sent to the partitions' leaders.
    DeleteRecordsRequest: request 21 -> DeleteRecordsResponse, versions "0-2", flexible "2+" {
        topics: Vec<DeleteRecordsTopic>,
        timeout_ms: i32,
    }

    /// A topic to delete from.
    DeleteRecordsTopic {
        name: ByteString,
        partitions: Vec<DeleteRecordsPartition>,
    }

    /// A partition and the first offset to keep; -1 deletes up to the high watermark.
    DeleteRecordsPartition {
        partition_index: i32,
        offset: i64,
    }
}

message! {
    /// What became of each partition.
    DeleteRecordsResponse: response, versions "0-2", flexible "2+" {
        throttle_time_ms: i32,
        topics: Vec<DeleteRecordsTopicResult>,
    }

    /// A topic that was deleted from.
    DeleteRecordsTopicResult {
        name: ByteString,
        partitions: Vec<DeleteRecordsPartitionResult>,
    }

    /// Where the partition begins now.
    DeleteRecordsPartitionResult {
        partition_index: i32,
        low_watermark: i64,
        error_code: i16,
    }
}
