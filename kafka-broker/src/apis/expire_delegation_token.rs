//! ExpireDelegationToken: has a token expire sooner (KIP-48).

use kafka_proto::messages::{ExpireDelegationTokenRequest, ExpireDelegationTokenResponse};

use super::create_delegation_token::check_allowed;
use crate::node::Call;

pub(super) fn answer(
    call: &Call<'_>,
    request: ExpireDelegationTokenRequest,
) -> ExpireDelegationTokenResponse {
    let cluster = call.cluster();
    let now = cluster.clock.now().unix_millis;
    let principal = &call.client.principal;
    let expired = check_allowed(call).and_then(|()| {
        let tokens = &cluster.delegation_tokens;
        tokens.expire(&request.hmac, request.expiry_time_period_ms, principal, now)
    });
    ExpireDelegationTokenResponse {
        error_code: expired.err().map_or(0, |error| error.code()),
        expiry_timestamp_ms: expired.unwrap_or(-1),
        ..Default::default()
    }
}
