//! DescribeUserScramCredentials: which users have which credentials (KIP-554).

use std::collections::BTreeMap;

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::describe_user_scram_credentials::{
    CredentialInfo, DescribeUserScramCredentialsResult,
};
use kafka_proto::messages::{
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::security::Iterations;

pub(super) fn answer(
    call: &Call<'_>,
    request: DescribeUserScramCredentialsRequest,
) -> DescribeUserScramCredentialsResponse {
    if let Err(error) = call.check(Operation::Describe, Resource::CLUSTER) {
        return DescribeUserScramCredentialsResponse {
            error_code: error.code(),
            error_message: Some(error.message().into()),
            ..Default::default()
        };
    }
    let users = call.cluster().users.with_scram();
    let results = match request.users.filter(|users| !users.is_empty()) {
        None => users
            .into_iter()
            .map(|(name, credentials)| described(name, Some(credentials)))
            .collect(),
        Some(wanted) => {
            let mut times: BTreeMap<ByteString, usize> = BTreeMap::new();
            for user in wanted {
                *times.entry(user.name).or_default() += 1;
            }
            let results = times.into_iter().map(|(name, times)| match times {
                1 => {
                    let credentials = users.get(&name).cloned();
                    described(name, credentials)
                }
                _ => refused(
                    ErrorCode::DuplicateResource,
                    "Cannot describe SCRAM credentials for the same user twice in a single request: ",
                    name,
                ),
            });
            results.collect()
        }
    };
    DescribeUserScramCredentialsResponse {
        error_message: None,
        results,
        ..Default::default()
    }
}

fn described(
    user: ByteString,
    credentials: Option<Iterations>,
) -> DescribeUserScramCredentialsResult {
    let Some(credentials) = credentials else {
        return refused(
            ErrorCode::ResourceNotFound,
            "Attempt to describe a user credential that does not exist: ",
            user,
        );
    };
    let infos = credentials
        .into_iter()
        .map(|(mechanism, iterations)| CredentialInfo {
            mechanism: mechanism.number(),
            iterations,
            ..Default::default()
        });
    DescribeUserScramCredentialsResult {
        user,
        error_message: None,
        credential_infos: infos.collect(),
        ..Default::default()
    }
}

fn refused(
    error: ErrorCode,
    message: &str,
    user: ByteString,
) -> DescribeUserScramCredentialsResult {
    DescribeUserScramCredentialsResult {
        error_code: error.code(),
        error_message: Some(format!("{message}{user}").into()),
        user,
        ..Default::default()
    }
}
