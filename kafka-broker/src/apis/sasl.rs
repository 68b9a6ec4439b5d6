//! SaslHandshake and SaslAuthenticate, on a listener that asks nobody who they are.

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};

pub(super) fn answer_handshake(_: SaslHandshakeRequest) -> SaslHandshakeResponse {
    SaslHandshakeResponse {
        error_code: ErrorCode::IllegalSaslState.code(),
        ..Default::default()
    }
}

pub(super) fn answer_authenticate(_: SaslAuthenticateRequest) -> SaslAuthenticateResponse {
    SaslAuthenticateResponse {
        error_code: ErrorCode::IllegalSaslState.code(),
        error_message: Some(ByteString::from_static(
            "this listener takes no authentication: connect in plain text",
        )),
        ..Default::default()
    }
}
