//! AlterUserScramCredentials: sets and removes users' SCRAM credentials (API key 51).

use bytes::Bytes;
use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Removes and sets SCRAM credentials (KIP-554). Mechanisms: 1 SCRAM-SHA-256, 2
    /// SCRAM-SHA-512. The password comes salted and iterated; send it over TLS.
    AlterUserScramCredentialsRequest: request 51 -> AlterUserScramCredentialsResponse, versions "0", flexible "0+" {
        deletions: Vec<ScramCredentialDeletion>,
        upsertions: Vec<ScramCredentialUpsertion>,
    }

    /// A credential to remove.
    ScramCredentialDeletion {
        name: ByteString,
        mechanism: i8,
    }

    /// A credential to set.
    ScramCredentialUpsertion {
        name: ByteString,
        mechanism: i8,
        iterations: i32,
        salt: Bytes,
        salted_password: Bytes,
    }
}

message! {
    /// What became of each user.
    AlterUserScramCredentialsResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        results: Vec<AlterUserScramCredentialsResult>,
    }

    /// What became of a user's credentials.
    AlterUserScramCredentialsResult {
        user: ByteString,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }
}
