//! InitProducerId: an identity for an idempotent producer.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{InitProducerIdRequest, InitProducerIdResponse};

use crate::node::Call;

pub(super) fn answer(call: &Call<'_>, request: InitProducerIdRequest) -> InitProducerIdResponse {
    if let Some(transactional_id) = request.transactional_id {
        // There are no transactions. Of the codes that say so this is the one that no client takes for a passing
        // trouble: librdkafka tries again after INVALID_REQUEST, and again.
        let error = if transactional_id.is_empty() {
            ErrorCode::InvalidRequest
        } else {
            ErrorCode::UnsupportedVersion
        };
        return InitProducerIdResponse {
            error_code: error.code(),
            producer_epoch: -1,
            ..Default::default()
        };
    }
    // Without a transactional id every request gets a new identity, also one that names an old one.
    InitProducerIdResponse {
        producer_id: call.cluster().producer_ids.next(),
        ..Default::default()
    }
}
