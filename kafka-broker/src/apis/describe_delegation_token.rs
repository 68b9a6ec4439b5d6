//! DescribeDelegationToken: the tokens that somebody may know of (KIP-48).

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::describe_delegation_token::{
    DescribedDelegationToken, DescribedDelegationTokenRenewer,
};
use kafka_proto::messages::{DescribeDelegationTokenRequest, DescribeDelegationTokenResponse};

use super::create_delegation_token::{FIRST_VERSION_WITH_REQUESTER, check_allowed};
use crate::authorizer::{Operation, Resource, ResourceType};
use crate::node::Call;
use crate::security::{DelegationToken, Principal};

pub(super) fn answer(
    call: &Call<'_>,
    request: DescribeDelegationTokenRequest,
) -> DescribeDelegationTokenResponse {
    let enabled = || call.cluster().delegation_tokens.check_enabled().map(drop);
    if let Err(error) = check_allowed(call).and_then(|()| enabled()) {
        return DescribeDelegationTokenResponse {
            error_code: error.code(),
            ..Default::default()
        };
    }
    // None is all, and an empty list is nobody.
    let owners = request.owners.map(|owners| {
        let owners = owners.into_iter().map(|owner| Principal {
            principal_type: owner.principal_type,
            name: owner.principal_name,
        });
        owners.collect::<Vec<_>>()
    });
    let is_wanted = |token: &DelegationToken| match &owners {
        Some(owners) => owners.iter().any(|owner| token.is_of(owner)),
        None => true,
    };
    let tokens = call.cluster().delegation_tokens.all().into_iter();
    let tokens = tokens.filter(|token| is_wanted(token) && is_shown(call, token));
    DescribeDelegationTokenResponse {
        error_code: ErrorCode::None.code(),
        tokens: tokens.map(|token| described(call.version, token)).collect(),
        ..Default::default()
    }
}

fn is_shown(call: &Call<'_>, token: &DelegationToken) -> bool {
    let owner = token.owner.to_string();
    let id = Resource::new(ResourceType::DelegationToken, &token.id);
    let user = Resource::new(ResourceType::User, &owner);
    token.is_of(&call.client.principal)
        || call.allows(Operation::Describe, id)
        || call.allows(Operation::DescribeTokens, user)
}

fn described(version: i16, token: DelegationToken) -> DescribedDelegationToken {
    let hmac = token.hmac();
    let renewers = token
        .renewers
        .into_iter()
        .map(|renewer| DescribedDelegationTokenRenewer {
            principal_type: renewer.principal_type,
            principal_name: renewer.name,
            ..Default::default()
        });
    let told = |text: ByteString| match version {
        FIRST_VERSION_WITH_REQUESTER.. => text,
        _ => ByteString::new(),
    };
    DescribedDelegationToken {
        principal_type: token.owner.principal_type,
        principal_name: token.owner.name,
        token_requester_principal_type: told(token.requester.principal_type),
        token_requester_principal_name: told(token.requester.name),
        issue_timestamp: token.issued,
        expiry_timestamp: token.expires,
        max_timestamp: token.ends,
        token_id: token.id,
        hmac,
        renewers: renewers.collect(),
        ..Default::default()
    }
}
