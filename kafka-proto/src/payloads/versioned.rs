//! Payloads that begin with the number of their version.

use bytes::Bytes;

use crate::codec::{DecodeError, Decoder, EncodeError, Encoder, Message};

/// A message behind the number of its version (16 bits), which is how Kafka writes what it keeps or passes on unread.
///
/// ```
/// use kafka_proto::messages::ConsumerProtocolAssignment;
/// use kafka_proto::payloads::Versioned;
///
/// let nothing = Versioned { version: 3, message: ConsumerProtocolAssignment::default() };
/// let bytes = nothing.encode()?;
/// assert_eq!(bytes[..], [0, 3, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
/// assert_eq!(Versioned::decode(bytes)?, nothing);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<M> {
    /// The version in which the message was read, or is to be written.
    pub version: i16,
    /// What is behind it. Fields that the version lacks are at their defaults.
    pub message: M,
}

impl<M: Message> Versioned<M> {
    /// Reads a version that we know, and a message that takes up the rest.
    ///
    /// # Errors
    /// When the version is unknown (the error names the message and the versions it has), or the bytes are no such message.
    pub fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(&bytes);
        let version = number(&mut from, M::NAME)?;
        let message = last(from, version)?;
        Ok(Self { version, message })
    }

    /// Reads a version that may be newer than those we know: as the newest known one, and what is behind it is left.
    ///
    /// That is right only for formats that grow at their end, such as the consumer protocol and the end of a transaction.
    ///
    /// # Errors
    /// When the version is too old or negative, or the bytes are no such message.
    pub fn decode_lenient(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut from = Decoder::new(&bytes);
        let version = number(&mut from, M::NAME)?.min(M::VERSIONS.max);
        let message = M::decode_from(&mut from, version)?;
        Ok(Self { version, message })
    }

    /// The version's number, and the message in that version.
    ///
    /// # Errors
    /// When the message has no such version, or the version cannot express it.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        let mut encoder = Encoder::new();
        encoder.i16(self.version);
        self.message.encode_to(&mut encoder, self.version)?;
        Ok(encoder.finish()?.into_bytes())
    }
}

/// Reads the 16 bits that say what the rest of `what` is.
pub(super) fn number(from: &mut Decoder<'_>, what: &str) -> Result<i16, DecodeError> {
    let number = i16::from_be_bytes(from.array(None));
    from.check().map_err(|error| error.within(what))?;
    Ok(number)
}

/// Reads a message that takes up the rest.
pub(super) fn last<M: Message>(mut from: Decoder<'_>, version: i16) -> Result<M, DecodeError> {
    let message = M::decode_from(&mut from, version)?;
    from.finish().map_err(|error| error.within(M::NAME))?;
    Ok(message)
}
