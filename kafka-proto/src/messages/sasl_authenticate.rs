//! SaslAuthenticate: carries a token of a SASL exchange (API key 36).

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Carries a client's token.
    SaslAuthenticateRequest: request 36 -> SaslAuthenticateResponse, versions "0-2", flexible "2+" {
        auth_bytes: Bytes,
    }
}

message! {
    /// The broker's token, and for how long the session holds (KIP-368).
    SaslAuthenticateResponse: response, versions "0-2", flexible "2+" {
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        auth_bytes: Bytes,
        session_lifetime_ms: i64 ["1+", ignorable],
    }
}
