//! AddRaftVoter and RemoveRaftVoter: the metadata has one voter, which is this process (KIP-853).

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, RemoveRaftVoterRequest, RemoveRaftVoterResponse,
};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::refusal::Refusal;

pub(super) fn add(call: &Call<'_>, request: AddRaftVoterRequest) -> AddRaftVoterResponse {
    let id = request.voter_id;
    let refusal = check(call, request.cluster_id.as_deref()).err().unwrap_or_else(|| {
        if is_voter(call, id) {
            Refusal::new(
                ErrorCode::DuplicateVoter,
                format!("The voter id for {id} is already part of the set of voters."),
            )
        } else {
            Refusal::new(
                ErrorCode::RequestTimedOut,
                format!("Voter {id} cannot be reached: this cluster has one voter, and no way to another"),
            )
        }
    });
    AddRaftVoterResponse {
        error_code: refusal.error.code(),
        error_message: Some(refusal.message.into()),
        ..Default::default()
    }
}

pub(super) fn remove(call: &Call<'_>, request: RemoveRaftVoterRequest) -> RemoveRaftVoterResponse {
    let id = request.voter_id;
    let refusal = check(call, request.cluster_id.as_deref())
        .err()
        .unwrap_or_else(|| {
            if is_voter(call, id) && request.voter_directory_id.is_zero() {
                Refusal::new(
                    ErrorCode::InvalidRequest,
                    format!("Cannot remove voter {id}: it is the only one"),
                )
            } else {
                Refusal::new(
                    ErrorCode::VoterNotFound,
                    format!(
                        "Cannot remove voter {id} with directory {} from the set of voters",
                        request.voter_directory_id
                    ),
                )
            }
        });
    RemoveRaftVoterResponse {
        error_code: refusal.error.code(),
        error_message: Some(refusal.message.into()),
        ..Default::default()
    }
}

fn is_voter(call: &Call<'_>, id: i32) -> bool {
    let up = call.cluster().nodes.up();
    up.first().is_some_and(|voter| voter.id == id)
}

/// Whether the client may change who votes, and means this cluster.
fn check(call: &Call<'_>, cluster_id: Option<&str>) -> Result<(), Refusal> {
    call.check(Operation::Alter, Resource::CLUSTER)?;
    let own = &*call.cluster().id;
    match cluster_id.filter(|id| *id != own) {
        None => Ok(()),
        Some(id) => Err(Refusal::new(
            ErrorCode::InconsistentClusterId,
            format!("The request is for cluster {id}, and this is {own}"),
        )),
    }
}
