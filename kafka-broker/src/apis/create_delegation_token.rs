//! CreateDelegationToken: lends a password that ends by itself (KIP-48).

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{CreateDelegationTokenRequest, CreateDelegationTokenResponse};

use crate::authorizer::{Operation, Resource, ResourceType};
use crate::node::Call;
use crate::security::{DelegationToken, NewToken, Principal, SecurityProtocol};

pub(super) fn answer(
    call: &Call<'_>,
    request: CreateDelegationTokenRequest,
) -> CreateDelegationTokenResponse {
    let requester = &call.client.principal;
    // Copies, so that they do not keep the whole request in memory.
    let principal = |principal_type: &str, name: &str| Principal {
        principal_type: principal_type.into(),
        name: name.into(),
    };
    let (owner_type, owner) = (request.owner_principal_type, request.owner_principal_name);
    let owner = match owner.filter(|name| !name.is_empty()) {
        Some(name) => principal(owner_type.as_deref().unwrap_or_default(), &name),
        None => requester.clone(),
    };
    let renewers = request.renewers.iter();
    let renewers =
        renewers.map(|renewer| principal(&renewer.principal_type, &renewer.principal_name));
    let new = NewToken {
        owner: owner.clone(),
        requester: requester.clone(),
        renewers: renewers.collect(),
        max_lifetime: request.max_lifetime_ms,
    };
    match create(call, new) {
        Ok(token) => CreateDelegationTokenResponse {
            issue_timestamp_ms: token.issued,
            expiry_timestamp_ms: token.expires,
            max_timestamp_ms: token.ends,
            hmac: token.hmac(),
            token_id: token.id,
            ..named(call, &owner, requester)
        },
        Err(error) => CreateDelegationTokenResponse {
            error_code: error.code(),
            issue_timestamp_ms: -1,
            expiry_timestamp_ms: -1,
            max_timestamp_ms: -1,
            ..named(call, &owner, requester)
        },
    }
}

fn create(call: &Call<'_>, new: NewToken) -> Result<DelegationToken, ErrorCode> {
    check_allowed(call)?;
    if new.owner != new.requester {
        let owner = new.owner.to_string();
        let user = Resource::new(ResourceType::User, &owner);
        call.check(Operation::CreateTokens, user)?;
    }
    let is_user = |principal: &Principal| *principal.principal_type == *Principal::USER;
    if !is_user(&new.owner) || !new.renewers.iter().all(is_user) {
        return Err(ErrorCode::InvalidPrincipalType);
    }
    let cluster = call.cluster();
    let now = cluster.clock.now().unix_millis;
    let token = cluster.delegation_tokens.create(new, now)?;
    tracing::info!(id = %token.id, owner = %token.owner, "delegation token created");
    Ok(token)
}

fn named(
    call: &Call<'_>,
    owner: &Principal,
    requester: &Principal,
) -> CreateDelegationTokenResponse {
    // Before, there was nobody but the owner.
    let told = |text: &ByteString| match call.version {
        FIRST_VERSION_WITH_REQUESTER.. => text.clone(),
        _ => ByteString::new(),
    };
    CreateDelegationTokenResponse {
        principal_type: owner.principal_type.clone(),
        principal_name: owner.name.clone(),
        token_requester_principal_type: told(&requester.principal_type),
        token_requester_principal_name: told(&requester.name),
        ..Default::default()
    }
}

/// From this version on a token may be asked for in the name of somebody else (KIP-373).
pub(super) const FIRST_VERSION_WITH_REQUESTER: i16 = 3;

/// Whether the client has said who it is, and not by a token: such lend no others.
pub(super) fn check_allowed(call: &Call<'_>) -> Result<(), ErrorCode> {
    let client = call.client;
    let is_known = match client.protocol(call.cluster()) {
        SecurityProtocol::Plaintext => false,
        SecurityProtocol::Ssl => client.principal != Principal::anonymous(),
        SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl => true,
    };
    if is_known && !client.by_token {
        Ok(())
    } else {
        Err(ErrorCode::DelegationTokenRequestNotAllowed)
    }
}
