//! WriteTxnMarkers: ends transactions in partitions, past their coordinator. For an admin who aborts a hanging one.

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerPartitionResult, WritableTxnMarkerResult,
    WritableTxnMarkerTopicResult,
};
use kafka_proto::messages::{WriteTxnMarkersRequest, WriteTxnMarkersResponse};

use crate::authorizer::{Operation, Resource};
use crate::log::EndTransaction;
use crate::node::Call;
use crate::producers::ProducerIdAndEpoch;
use crate::transactions::{TopicPartition, TransactionResult, TransactionVersion, write_marker};

pub(super) fn answer(call: &Call<'_>, request: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse {
    let allowed = match call.check(Operation::Alter, Resource::CLUSTER) {
        Ok(()) => Ok(()),
        Err(_) => call.check(Operation::ClusterAction, Resource::CLUSTER),
    };
    let markers = request
        .markers
        .into_iter()
        .map(|marker| write(call, marker, allowed));
    WriteTxnMarkersResponse {
        markers: markers.collect(),
        ..Default::default()
    }
}

fn write(
    call: &Call<'_>,
    marker: WritableTxnMarker,
    allowed: Result<(), ErrorCode>,
) -> WritableTxnMarkerResult {
    let end = EndTransaction {
        producer: ProducerIdAndEpoch {
            id: marker.producer_id,
            epoch: marker.producer_epoch,
        },
        result: TransactionResult::committed(marker.transaction_result),
        coordinator_epoch: marker.coordinator_epoch,
        needs_new_epoch: i16::from(marker.transaction_version) >= TransactionVersion::V2.level(),
        unix_millis: call.cluster().clock.now().unix_millis,
    };
    let cluster = call.cluster();
    let topics = marker.topics.into_iter().map(|topic| {
        // A copy that does not keep the whole request in memory.
        let name = ByteString::from(&*topic.name);
        let write = |index| {
            let partition = TopicPartition {
                topic: name.clone(),
                partition: index,
            };
            // Nobody else may end the same transaction meanwhile.
            let written = allowed.and_then(|()| {
                cluster
                    .transactions
                    .with(cluster, |_, _| write_marker(cluster, &partition, end))
            });
            WritableTxnMarkerPartitionResult {
                partition_index: index,
                error_code: written.err().unwrap_or(ErrorCode::None).code(),
                ..Default::default()
            }
        };
        WritableTxnMarkerTopicResult {
            partitions: topic.partition_indexes.into_iter().map(write).collect(),
            name: topic.name,
            ..Default::default()
        }
    });
    WritableTxnMarkerResult {
        producer_id: marker.producer_id,
        topics: topics.collect(),
        ..Default::default()
    }
}
