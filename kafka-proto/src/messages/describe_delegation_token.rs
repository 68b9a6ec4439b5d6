//! DescribeDelegationToken: lists delegation tokens (API key 41).

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Lists the tokens of certain owners, or with `None` all that one may see (KIP-48).
    DescribeDelegationTokenRequest: request 41 -> DescribeDelegationTokenResponse, versions "1-3", flexible "2+" {
        owners: Option<Vec<DescribeDelegationTokenOwner>> ["0+", nullable "0+"] = Some(Vec::new()),
    }

    /// An owner.
    DescribeDelegationTokenOwner {
        principal_type: ByteString,
        principal_name: ByteString,
    }
}

message! {
    /// The tokens, with their HMACs: they are secrets.
    DescribeDelegationTokenResponse: response, versions "1-3", flexible "2+" {
        error_code: i16,
        tokens: Vec<DescribedDelegationToken>,
        throttle_time_ms: i32,
    }

    /// A token. Times are milliseconds since 1970; who asked for it is known from version 3 on
    /// (KIP-373).
    DescribedDelegationToken {
        principal_type: ByteString,
        principal_name: ByteString,
        token_requester_principal_type: ByteString ["3+"],
        token_requester_principal_name: ByteString ["3+"],
        issue_timestamp: i64,
        expiry_timestamp: i64,
        max_timestamp: i64,
        token_id: ByteString,
        hmac: Bytes,
        renewers: Vec<DescribedDelegationTokenRenewer>,
    }

    /// Somebody who may renew the token.
    DescribedDelegationTokenRenewer {
        principal_type: ByteString,
        principal_name: ByteString,
    }
}
