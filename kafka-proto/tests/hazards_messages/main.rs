//! Traps of the message formats that some client fell into; the number is the row of the list of protocol hazards.
//!
//! What every message has in common is proven by the golden vectors; these tests say what is easily got wrong.

mod formats;
mod versions;

use bytes::Bytes;
use kafka_proto::codec::{DecodeError, Message};

fn encoded(message: &impl Message, version: i16) -> Bytes {
    let encoded = message.encode(version);
    encoded
        .unwrap_or_else(|error| panic!("{error}"))
        .into_bytes()
}

/// Makes sure that a message's bytes are these in a version, both ways.
fn check<M: Message>(message: &M, version: i16, bytes: &[u8]) {
    assert_eq!(
        encoded(message, version),
        bytes,
        "version {version} of {message:?}"
    );
    assert_eq!(
        M::decode(Bytes::copy_from_slice(bytes), version).as_ref(),
        Ok(message)
    );
}

fn decode<M: Message>(bytes: &[u8], version: i16) -> Result<M, DecodeError> {
    M::decode(Bytes::copy_from_slice(bytes), version)
}
