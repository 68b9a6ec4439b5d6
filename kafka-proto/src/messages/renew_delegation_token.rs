//! RenewDelegationToken: lets a delegation token live longer (API key 39).

use bytes::Bytes;

use crate::codec::message;

message! {
    /// Renews a token by so many milliseconds, up to its maximum lifetime (KIP-48).
    RenewDelegationTokenRequest: request 39 -> RenewDelegationTokenResponse, versions "1-2", flexible "2+" {
        hmac: Bytes,
        renew_period_ms: i64,
    }
}

message! {
    /// When the token ends, in milliseconds since 1970.
    RenewDelegationTokenResponse: response, versions "1-2", flexible "2+" {
        error_code: i16,
        expiry_timestamp_ms: i64,
        throttle_time_ms: i32,
    }
}
