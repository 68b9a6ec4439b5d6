//! AlterUserScramCredentials: sets and removes users' credentials (KIP-554).

use std::collections::{BTreeMap, HashSet};

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::alter_user_scram_credentials::AlterUserScramCredentialsResult;
use kafka_proto::messages::{AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::refusal::Refusal;
use crate::security::{ScramAlteration, ScramCredential, ScramMechanism};

/// What a request wants, by user.
type Wanted = Vec<Result<ScramAlteration, Refusal>>;

pub(super) fn answer(
    call: &Call<'_>,
    request: AlterUserScramCredentialsRequest,
) -> AlterUserScramCredentialsResponse {
    let allowed = call.check(Operation::Alter, Resource::CLUSTER);
    let mut by_user: BTreeMap<ByteString, Wanted> = BTreeMap::new();
    for deletion in request.deletions {
        let wanted = mechanism(&deletion.name, deletion.mechanism);
        let wanted = wanted.map(ScramAlteration::Delete);
        by_user.entry(deletion.name).or_default().push(wanted);
    }
    for upsertion in request.upsertions {
        let wanted = mechanism(&upsertion.name, upsertion.mechanism).and_then(|mechanism| {
            let iterations = check_iterations(upsertion.iterations)?;
            let (salt, salted) = (&upsertion.salt, &upsertion.salted_password);
            let credential = ScramCredential::of_salted(mechanism, salt, salted, iterations);
            Ok(ScramAlteration::Set(mechanism, credential))
        });
        by_user.entry(upsertion.name).or_default().push(wanted);
    }
    let results = by_user.into_iter().map(|(user, wanted)| {
        let altered = match allowed {
            Ok(()) => alter(call, &user, wanted),
            Err(error) => Err(error.into()),
        };
        let refusal = altered.err();
        AlterUserScramCredentialsResult {
            user,
            error_code: refusal.as_ref().map_or(0, |refusal| refusal.error.code()),
            error_message: refusal.map(|refusal| refusal.message.into()),
            ..Default::default()
        }
    });
    AlterUserScramCredentialsResponse {
        results: results.collect(),
        ..Default::default()
    }
}

/// All that is wanted of a user is done, or nothing.
fn alter(call: &Call<'_>, user: &str, wanted: Wanted) -> Result<(), Refusal> {
    let wanted = wanted.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut mechanisms = HashSet::new();
    if !wanted
        .iter()
        .all(|wanted| mechanisms.insert(wanted.mechanism()))
    {
        return Err(Refusal::new(
            ErrorCode::DuplicateResource,
            "A user credential cannot be altered twice in the same request",
        ));
    }
    if !call.cluster().users.alter_scram(user, wanted) {
        return Err(Refusal::new(
            ErrorCode::ResourceNotFound,
            "Attempt to delete a user credential that does not exist",
        ));
    }
    tracing::info!(user, "SCRAM credentials altered");
    Ok(())
}

fn mechanism(user: &str, number: i8) -> Result<ScramMechanism, Refusal> {
    if user.is_empty() {
        let error = ErrorCode::UnacceptableCredential;
        return Err(Refusal::new(error, "Username must not be empty"));
    }
    ScramMechanism::numbered(number).ok_or_else(|| {
        Refusal::new(
            ErrorCode::UnsupportedSaslMechanism,
            "Unknown SCRAM mechanism",
        )
    })
}

fn check_iterations(iterations: i32) -> Result<i32, Refusal> {
    let wrong = match iterations {
        ..ScramMechanism::MIN_ITERATIONS => "Too few iterations",
        ScramMechanism::MIN_ITERATIONS..=ScramMechanism::MAX_ITERATIONS => return Ok(iterations),
        _ => "Too many iterations",
    };
    Err(Refusal::new(ErrorCode::UnacceptableCredential, wrong))
}
