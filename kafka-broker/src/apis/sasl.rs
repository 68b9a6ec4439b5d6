//! SaslHandshake and SaslAuthenticate, where nobody has to log in (any more).

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};

use crate::node::Call;

pub(super) fn answer_handshake(_: &Call<'_>, _: SaslHandshakeRequest) -> SaslHandshakeResponse {
    SaslHandshakeResponse {
        error_code: ErrorCode::IllegalSaslState.code(),
        ..Default::default()
    }
}

pub(super) fn answer_authenticate(
    call: &Call<'_>,
    _: SaslAuthenticateRequest,
) -> SaslAuthenticateResponse {
    let message = if call.client.protocol(call.cluster()).has_sasl() {
        "SaslAuthenticate request received after successful authentication"
    } else {
        "this listener takes no authentication: connect in plain text"
    };
    SaslAuthenticateResponse {
        error_code: ErrorCode::IllegalSaslState.code(),
        error_message: Some(ByteString::from_static(message)),
        ..Default::default()
    }
}
