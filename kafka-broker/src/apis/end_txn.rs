//! EndTxn: commits or aborts a producer's transaction.

use kafka_proto::messages::{EndTxnRequest, EndTxnResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::producers::ProducerIdAndEpoch;
use crate::transactions::{End, TransactionResult, TransactionVersion};

/// From this version on a producer that was fenced can be told so.
const FIRST_VERSION_WITH_FENCED: i16 = 2;
/// From this version on each transaction has an epoch of its own (KIP-890).
const FIRST_VERSION_WITH_BUMP: i16 = 5;

pub(super) fn answer(call: &Call<'_>, request: EndTxnRequest) -> EndTxnResponse {
    let end = End {
        producer: ProducerIdAndEpoch {
            id: request.producer_id,
            epoch: request.producer_epoch,
        },
        result: TransactionResult::committed(request.committed),
        version: if call.version >= FIRST_VERSION_WITH_BUMP {
            TransactionVersion::V2
        } else {
            TransactionVersion::V0
        },
    };
    let cluster = call.cluster();
    let id = &request.transactional_id;
    let allowed = call.check(Operation::Write, Resource::transactional_id(id));
    let allowed = allowed.and_then(|()| call.check_coordinator(id));
    let ended = allowed.and_then(|()| {
        cluster.transactions.with(cluster, |coordinator, now| {
            coordinator.end(id, end, &cluster.producer_ids, now)
        })
    });
    match ended {
        Ok(producer) => EndTxnResponse {
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            ..Default::default()
        },
        Err(error) => EndTxnResponse {
            error_code: super::fenced_as(error, call.version, FIRST_VERSION_WITH_FENCED).code(),
            ..Default::default()
        },
    }
}
