//! DescribeUserScramCredentials: which users have SCRAM credentials (API key 50).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Asks for users' SCRAM credentials (KIP-554); `None` or an empty list means all users.
    DescribeUserScramCredentialsRequest: request 50 -> DescribeUserScramCredentialsResponse, versions "0", flexible "0+" {
        users: Option<Vec<UserName>> ["0+", nullable "0+"] = Some(Vec::new()),
    }

    /// A user.
    UserName {
        name: ByteString,
    }
}

message! {
    /// The users.
    DescribeUserScramCredentialsResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        results: Vec<DescribeUserScramCredentialsResult>,
    }

    /// A user's credentials, without the secrets.
    DescribeUserScramCredentialsResult {
        user: ByteString,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
        credential_infos: Vec<CredentialInfo>,
    }

    /// A credential: 1 is SCRAM-SHA-256, 2 SCRAM-SHA-512.
    CredentialInfo {
        mechanism: i8,
        iterations: i32,
    }
}
