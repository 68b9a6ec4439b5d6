//! SaslHandshake: chooses a SASL mechanism (API key 17).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Chooses the mechanism. After version 0 the tokens follow bare, after version 1 in
    /// SaslAuthenticate requests.
    SaslHandshakeRequest: request 17 -> SaslHandshakeResponse, versions "0-1", flexible "none" {
        mechanism: ByteString,
    }
}

message! {
    /// Whether the broker has the mechanism, and which ones it has.
    SaslHandshakeResponse: response, versions "0-1", flexible "none" {
        error_code: i16,
        mechanisms: Vec<ByteString>,
    }
}
