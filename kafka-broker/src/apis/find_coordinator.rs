//! FindCoordinator: who looks after a group or a transaction.

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::find_coordinator::Coordinator;
use kafka_proto::messages::{FindCoordinatorRequest, FindCoordinatorResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;

/// What a key may be of.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;
/// From this version on a key may be of what a share group has done of a partition (KIP-932).
const FIRST_VERSION_WITH_SHARE: i16 = 6;
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
        SHARE if call.version >= FIRST_VERSION_WITH_SHARE && is_share_key(&key) => {
            call.check(Operation::ClusterAction, Resource::CLUSTER)
        }
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

/// A group, the id of a topic and the number of a partition, with colons between them.
fn is_share_key(key: &str) -> bool {
    let mut parts = key.rsplitn(3, ':');
    let partition = parts.next().and_then(|part| part.parse::<i32>().ok());
    let topic_id = parts.next().and_then(|part| part.parse::<Uuid>().ok());
    let group_id = parts.next().filter(|part| !part.is_empty());
    partition.is_some_and(|partition| partition >= 0) && topic_id.is_some() && group_id.is_some()
}
