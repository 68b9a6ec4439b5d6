//! CreateDelegationToken: makes a delegation token (API key 38).

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Makes a token that authenticates as its owner (KIP-48): the one who asks, or from
    /// version 3 on somebody else (KIP-373).
    CreateDelegationTokenRequest: request 38 -> CreateDelegationTokenResponse, versions "1-3", flexible "2+" {
        owner_principal_type: Option<ByteString> ["3+", nullable "3+"] = Some(ByteString::new()),
        owner_principal_name: Option<ByteString> ["3+", nullable "3+"] = Some(ByteString::new()),
        renewers: Vec<CreatableRenewers>,
        max_lifetime_ms: i64,
    }

    /// Somebody who may renew the token.
    CreatableRenewers {
        principal_type: ByteString,
        principal_name: ByteString,
    }
}

message! {
    /// The token: its id and HMAC are user and password for SCRAM. Times are milliseconds since
    /// 1970.
    CreateDelegationTokenResponse: response, versions "1-3", flexible "2+" {
        error_code: i16,
        principal_type: ByteString,
        principal_name: ByteString,
        token_requester_principal_type: ByteString ["3+"],
        token_requester_principal_name: ByteString ["3+"],
        issue_timestamp_ms: i64,
        expiry_timestamp_ms: i64,
        max_timestamp_ms: i64,
        token_id: ByteString,
        hmac: Bytes,
        throttle_time_ms: i32,
    }
}
