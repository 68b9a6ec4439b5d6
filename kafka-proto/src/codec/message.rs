//! What every message has.

use std::fmt;

use bytes::Bytes;

use super::decoder::Decoder;
use super::encoded::Encoded;
use super::encoder::Encoder;
use super::error::{
    DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, UnsupportedVersion,
};
use super::schema::Schema;
use super::value::Context;
use super::versions::Versions;

/// A struct of the protocol: a message, or a part of one. Implemented by its declaration.
pub trait Struct: Default + Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// The declaration as data.
    const SCHEMA: &'static Schema;
    /// The struct's name.
    const NAME: &'static str = Self::SCHEMA.name;

    /// Writes the fields that the version has.
    fn write_fields(&self, to: &mut Encoder, cx: Context);

    /// Reads the fields that the version has; what is read past an error is of no meaning.
    fn read_fields(from: &mut Decoder<'_>, cx: Context) -> Self;
}

/// A message of the protocol: a request, a response, or data kept inside of one.
///
/// The struct has the fields of all versions. A field that a version lacks is at its default after decoding; for encoding
/// it must be at its default, unless the definition marks it as ignorable.
///
/// ```
/// use kafka_proto::codec::Message;
/// use kafka_proto::messages::HeartbeatRequest;
///
/// let request = HeartbeatRequest { group_id: "g".into(), generation_id: 3, member_id: "m".into(), ..Default::default() };
/// let bytes = request.encode(4)?.into_bytes();
/// assert_eq!(HeartbeatRequest::decode(bytes, 4)?, request);
///
/// // A static member's id came with version 3; dropping it silently would make another member of it.
/// let is_static = HeartbeatRequest { group_instance_id: Some("i".into()), ..request };
/// let error = is_static.encode(2).unwrap_err().to_string();
/// assert!(error.starts_with("HeartbeatRequest.group_instance_id: version 2 has no such field"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Message: Struct {
    /// The versions that the definition knows.
    const VERSIONS: Versions;
    /// Those with compact lengths and tagged fields (KIP-482).
    const FLEXIBLE: Versions;

    /// The context of a version.
    ///
    /// # Errors
    /// When the message has no such version.
    fn context(version: i16) -> Result<Context, UnsupportedVersion> {
        Context::new(Self::NAME, Self::VERSIONS, Self::FLEXIBLE, version)
    }

    /// The message in a version, without a header.
    ///
    /// # Errors
    /// When the version is not there, or cannot express the message.
    fn encode(&self, version: i16) -> Result<Encoded, EncodeError> {
        let mut encoder = Encoder::new();
        self.encode_to(&mut encoder, version)?;
        encoder.finish()
    }

    /// Writes the message behind what the encoder has already.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encode_to(&self, to: &mut Encoder, version: i16) -> Result<(), EncodeError> {
        let cx = Self::context(version).map_err(EncodeErrorKind::from)?;
        self.write_fields(to, cx);
        to.check().map_err(|error| error.within(Self::NAME))
    }

    /// How many bytes the message takes in a version.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encoded_size(&self, version: i16) -> Result<usize, EncodeError> {
        Ok(self.encode(version)?.len())
    }

    /// Reads a message that takes up all of `bytes`. Its strings and byte fields are slices of them.
    ///
    /// # Errors
    /// When the version is not there, or the bytes are no such message.
    fn decode(bytes: Bytes, version: i16) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(&bytes);
        let message = Self::decode_from(&mut decoder, version)?;
        decoder.finish().map_err(|error| error.within(Self::NAME))?;
        Ok(message)
    }

    /// Reads a message, and leaves what is behind it.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    fn decode_from(from: &mut Decoder<'_>, version: i16) -> Result<Self, DecodeError> {
        let cx = Self::context(version).map_err(DecodeErrorKind::from)?;
        let message = Self::read_fields(from, cx);
        from.check().map_err(|error| error.within(Self::NAME))?;
        Ok(message)
    }

    /// The message in Kafka's own JSON form; see [`json`](super::json).
    ///
    /// # Errors
    /// As [`encode`](Self::encode): what a version cannot express has no JSON form in it either.
    #[cfg(feature = "serde")]
    fn to_json(&self, version: i16) -> Result<serde_json::Value, EncodeError> {
        let cx = Self::context(version).map_err(EncodeErrorKind::from)?;
        let bytes = self.encode(version)?.into_bytes();
        // What was just written by the declaration can be read by it.
        Ok(super::json::read(Self::SCHEMA, &bytes, cx).unwrap_or_default())
    }

    /// Reads a message in Kafka's own JSON form.
    ///
    /// # Errors
    /// When the version is not there, or the JSON is not the form of this message.
    #[cfg(feature = "serde")]
    fn from_json(json: &serde_json::Value, version: i16) -> Result<Self, DecodeError> {
        let cx = Self::context(version).map_err(DecodeErrorKind::from)?;
        Self::decode(super::json::write(Self::SCHEMA, json, cx)?, version)
    }
}

/// A message that asks a broker for something.
pub trait Request: Message {
    /// The API key.
    const KEY: i16;
    /// The versions that Kafka offers without being told to offer unstable ones.
    const STABLE: Versions;
    /// What is answered, in the same version.
    type Response: Message;

    /// The version of the request's header.
    fn header_version(version: i16) -> i16 {
        if Self::FLEXIBLE.contains(version) {
            2
        } else {
            1
        }
    }

    /// The version of the response's header.
    fn response_header_version(version: i16) -> i16 {
        // A client that does not know the broker's versions yet must be able to read the answer to ApiVersions, so it
        // keeps the first header for good (KIP-511).
        i16::from(
            Self::FLEXIBLE.contains(version)
                && Self::KEY != crate::messages::ApiVersionsRequest::KEY,
        )
    }
}
