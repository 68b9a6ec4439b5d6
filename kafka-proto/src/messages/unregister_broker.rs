//! UnregisterBroker: takes a broker out of the cluster for good (API key 64).

use bytestring::ByteString;

use crate::codec::message;

message! {
    /// Removes the registration of a broker that is gone and will not come back (KIP-631).
    UnregisterBrokerRequest: request 64 -> UnregisterBrokerResponse, versions "0", flexible "0+" {
        broker_id: i32,
    }
}

message! {
    /// Whether it was removed.
    UnregisterBrokerResponse: response, versions "0", flexible "0+" {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<ByteString> ["0+", nullable "0+"] = Some(ByteString::new()),
    }
}
