//! ExpireDelegationToken: ends a delegation token (API key 40).

use bytes::Bytes;

use crate::codec::message;

message! {
    /// Lets a token end after so many milliseconds; at once if the period is negative (KIP-48).
    ExpireDelegationTokenRequest: request 40 -> ExpireDelegationTokenResponse, versions "1-2", flexible "2+" {
        hmac: Bytes,
        expiry_time_period_ms: i64,
    }
}

message! {
    /// When the token ends, in milliseconds since 1970.
    ExpireDelegationTokenResponse: response, versions "1-2", flexible "2+" {
        error_code: i16,
        expiry_timestamp_ms: i64,
        throttle_time_ms: i32,
    }
}
