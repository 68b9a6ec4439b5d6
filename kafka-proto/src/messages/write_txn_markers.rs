//! WriteTxnMarkers: writes the markers that end transactions (API key 27).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Writes commit or abort markers into partitions; sent to their leaders by a transaction's
    /// coordinator, and by an admin who aborts a hanging transaction (KIP-664).
    WriteTxnMarkersRequest: request 27 -> WriteTxnMarkersResponse, versions "1-2", flexible "1+" {
        markers: Vec<WritableTxnMarker>,
    }

    /// A producer's marker: commit if the result is true. The transaction version came with
    /// KIP-1228.
    WritableTxnMarker {
        producer_id: i64,
        producer_epoch: i16,
        transaction_result: bool,
        topics: Vec<WritableTxnMarkerTopic>,
        coordinator_epoch: i32,
        transaction_version: i8 ["2+", ignorable],
    }

    /// Partitions of a topic to write it to.
    WritableTxnMarkerTopic {
        name: ByteString,
        partition_indexes: Vec<i32>,
    }
}

message! {
    /// What became of each marker.
    WriteTxnMarkersResponse: response, versions "1-2", flexible "1+" {
        markers: Vec<WritableTxnMarkerResult>,
    }

    /// What became of a producer's marker.
    WritableTxnMarkerResult {
        producer_id: i64,
        topics: Vec<WritableTxnMarkerTopicResult>,
    }

    /// What became of it in a topic.
    WritableTxnMarkerTopicResult {
        name: ByteString,
        partitions: Vec<WritableTxnMarkerPartitionResult>,
    }

    /// What became of it in a partition.
    WritableTxnMarkerPartitionResult {
        partition_index: i32,
        error_code: i16,
    }
}
