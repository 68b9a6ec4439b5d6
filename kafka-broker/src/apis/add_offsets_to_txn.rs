//! AddOffsetsToTxn: announces that a transaction will commit positions of a group.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::producers::ProducerIdAndEpoch;
use crate::transactions::offsets_partition;

/// From this version on a producer that was fenced can be told so.
const FIRST_VERSION_WITH_FENCED: i16 = 2;

pub(super) fn answer(call: &Call<'_>, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse {
    let producer = ProducerIdAndEpoch {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    let partition = offsets_partition(&request.group_id);
    let cluster = call.cluster();
    let id = &request.transactional_id;
    let allowed = call
        .check(Operation::Write, Resource::transactional_id(id))
        .and_then(|()| call.check(Operation::Read, Resource::group(&request.group_id)))
        .and_then(|()| call.check_coordinator(id));
    let added = allowed.and_then(|()| {
        cluster.transactions.with(cluster, |coordinator, now| {
            coordinator.add_partitions(id, producer, [partition], now)
        })
    });
    let error = added.err().unwrap_or(ErrorCode::None);
    AddOffsetsToTxnResponse {
        error_code: super::fenced_as(error, call.version, FIRST_VERSION_WITH_FENCED).code(),
        ..Default::default()
    }
}
