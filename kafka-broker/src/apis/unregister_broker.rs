//! UnregisterBroker: forgets a broker that is down for good.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{UnregisterBrokerRequest, UnregisterBrokerResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;

pub(super) fn answer(
    call: &Call<'_>,
    request: UnregisterBrokerRequest,
) -> UnregisterBrokerResponse {
    let id = request.broker_id;
    let denied = call.check(Operation::Alter, Resource::CLUSTER).err();
    let (error, message) = if let Some(error) = denied {
        (error, error.message().to_owned())
    } else if call.cluster().nodes.knows(id) {
        (
            ErrorCode::InvalidRequest,
            format!("Broker {id} belongs to this process: it can be stopped, but not forgotten"),
        )
    } else {
        (
            ErrorCode::BrokerIdNotRegistered,
            format!("Broker ID {id} is not currently registered"),
        )
    };
    UnregisterBrokerResponse {
        error_code: error.code(),
        error_message: Some(message.into()),
        ..Default::default()
    }
}
