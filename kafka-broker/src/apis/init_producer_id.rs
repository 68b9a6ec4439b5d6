//! InitProducerId: an identity for an idempotent producer, or for the one that takes over a transactional id.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{InitProducerIdRequest, InitProducerIdResponse};

use crate::authorizer::{Operation, Resource, ResourceType};
use crate::node::Call;
use crate::producers::ProducerIdAndEpoch;
use crate::transactions::InitProducerId;

/// From this version on a producer that was fenced can be told so.
const FIRST_VERSION_WITH_FENCED: i16 = 4;

pub(super) fn answer(call: &Call<'_>, request: InitProducerIdRequest) -> InitProducerIdResponse {
    match init(call, request) {
        Ok(producer) => InitProducerIdResponse {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            ..Default::default()
        },
        Err(error) => InitProducerIdResponse {
            error_code: super::fenced_as(error, call.version, FIRST_VERSION_WITH_FENCED).code(),
            producer_epoch: -1,
            ..Default::default()
        },
    }
}

fn init(call: &Call<'_>, request: InitProducerIdRequest) -> Result<ProducerIdAndEpoch, ErrorCode> {
    match &request.transactional_id {
        Some(id) => call.check(Operation::Write, Resource::transactional_id(id))?,
        // Who may write to some topic may also do so in order and once.
        None if call.allows_any(Operation::Write, ResourceType::Topic) => {}
        None => call.check(Operation::IdempotentWrite, Resource::CLUSTER)?,
    }
    let expected = match (request.producer_id, request.producer_epoch) {
        (-1, -1) => None,
        (-1, _) | (_, -1) => return Err(ErrorCode::InvalidRequest),
        (id, epoch) => Some(ProducerIdAndEpoch { id, epoch }),
    };
    let cluster = call.cluster();
    let ids = &cluster.producer_ids;
    let Some(transactional_id) = request.transactional_id else {
        // Every such request gets a new identity, also one that names an old one.
        return Ok(ProducerIdAndEpoch {
            id: ids.next(),
            epoch: 0,
        });
    };
    // Two-phase commit (KIP-939) is answered as Kafka does where it is switched off.
    if request.enable2_pc {
        return Err(ErrorCode::TransactionalIdAuthorizationFailed);
    }
    if request.keep_prepared_txn {
        return Err(ErrorCode::UnsupportedVersion);
    }
    call.check_coordinator(&transactional_id)?;
    let init = InitProducerId {
        expected,
        timeout_ms: request.transaction_timeout_ms,
    };
    cluster.transactions.with(cluster, |coordinator, now| {
        coordinator.init_producer_id(&transactional_id, init, ids, now)
    })
}
