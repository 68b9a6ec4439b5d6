//! FindCoordinator: who looks after a group or a transaction.

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::find_coordinator::Coordinator;
use kafka_proto::messages::{FindCoordinatorRequest, FindCoordinatorResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;

/// What a key may be of.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
/// From this version on a request has several keys.
const FIRST_VERSION_WITH_KEYS: i16 = 4;

pub(super) fn answer(call: &Call<'_>, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    if call.version >= FIRST_VERSION_WITH_KEYS {
        let coordinators = request
            .coordinator_keys
            .into_iter()
            .map(|key| coordinator(call, request.key_type, key));
        return FindCoordinatorResponse {
            coordinators: coordinators.collect(),
            ..Default::default()
        };
    }
    let coordinator = coordinator(call, request.key_type, request.key);
    FindCoordinatorResponse {
        error_code: coordinator.error_code,
        error_message: coordinator.error_message,
        node_id: coordinator.node_id,
        host: coordinator.host,
        port: coordinator.port,
        ..Default::default()
    }
}

fn coordinator(call: &Call<'_>, key_type: i8, key: ByteString) -> Coordinator {
    let allowed = match key_type {
        GROUP => call.check(Operation::Describe, Resource::group(&key)),
        TRANSACTION => call.check(Operation::Describe, Resource::transactional_id(&key)),
        _ => Err(ErrorCode::InvalidRequest),
    };
    let found = allowed.and_then(|()| {
        let found = call.cluster().nodes.coordinator(&key);
        found.ok_or(ErrorCode::CoordinatorNotAvailable)
    });
    let node = match found {
        Ok(node) => call.advertised(node),
        Err(error) => {
            return Coordinator {
                key,
                node_id: -1,
                port: -1,
                error_code: error.code(),
                error_message: Some(error.message().into()),
                ..Default::default()
            };
        }
    };
    Coordinator {
        key,
        node_id: node.id,
        host: node.host,
        port: i32::from(node.port),
        // As Kafka says it.
        error_message: Some(ByteString::from_static(ErrorCode::None.name())),
        ..Default::default()
    }
}
