//! A principal as one broker names it to another that a request is forwarded to; see Kafka's `DefaultKafkaPrincipalBuilder`.

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Who sent a request. It is not a request itself: the bytes go into an Envelope request, behind the number of their
    /// version (16 bits).
    DefaultPrincipalData: data, versions "0", flexible "0+" {
        r#type: ByteString,
        name: ByteString,
        token_authenticated: bool,
    }
}
