//! RenewDelegationToken: has a token expire later (KIP-48).

use kafka_proto::messages::{RenewDelegationTokenRequest, RenewDelegationTokenResponse};

use super::create_delegation_token::check_allowed;
use crate::node::Call;

pub(super) fn answer(
    call: &Call<'_>,
    request: RenewDelegationTokenRequest,
) -> RenewDelegationTokenResponse {
    let cluster = call.cluster();
    let now = cluster.clock.now().unix_millis;
    let principal = &call.client.principal;
    let renewed = check_allowed(call).and_then(|()| {
        let tokens = &cluster.delegation_tokens;
        tokens.renew(&request.hmac, request.renew_period_ms, principal, now)
    });
    RenewDelegationTokenResponse {
        error_code: renewed.err().map_or(0, |error| error.code()),
        expiry_timestamp_ms: renewed.unwrap_or(-1),
        ..Default::default()
    }
}
