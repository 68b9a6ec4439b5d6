//! AddRaftVoter and RemoveRaftVoter (KIP-853): who votes about the metadata is settled here, as in a cluster of Kafka at
//! level 0 of the feature `kraft.version`.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, RemoveRaftVoterRequest, RemoveRaftVoterResponse,
};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::refusal::Refusal;

pub(super) fn add(call: &Call<'_>, request: AddRaftVoterRequest) -> AddRaftVoterResponse {
    let refusal = refusal(call, request.cluster_id.as_deref(), "adding");
    AddRaftVoterResponse {
        error_code: refusal.error.code(),
        error_message: Some(refusal.message.into()),
        ..Default::default()
    }
}

pub(super) fn remove(call: &Call<'_>, request: RemoveRaftVoterRequest) -> RemoveRaftVoterResponse {
    let refusal = refusal(call, request.cluster_id.as_deref(), "removing");
    RemoveRaftVoterResponse {
        error_code: refusal.error.code(),
        error_message: Some(refusal.message.into()),
        ..Default::default()
    }
}

fn refusal(call: &Call<'_>, cluster_id: Option<&str>, what: &str) -> Refusal {
    if let Err(error) = call.check(Operation::Alter, Resource::CLUSTER) {
        return error.into();
    }
    let own = &*call.cluster().id;
    match cluster_id.filter(|id| *id != own) {
        None => Refusal::new(
            ErrorCode::UnsupportedVersion,
            format!("Cluster doesn't support {what} voter because the kraft.version feature is 0"),
        ),
        Some(id) => Refusal::new(
            ErrorCode::InconsistentClusterId,
            format!("The request is for cluster {id}, and this is {own}"),
        ),
    }
}
