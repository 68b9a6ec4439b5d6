//! ListPartitionReassignments: none is ever under way, as nothing has to be copied.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;

pub(super) fn answer(
    call: &Call<'_>,
    _: ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    let denied = call.check(Operation::Describe, Resource::CLUSTER).err();
    ListPartitionReassignmentsResponse {
        error_code: denied.unwrap_or(ErrorCode::None).code(),
        error_message: denied.map(|error| error.message().into()),
        ..Default::default()
    }
}
