//! What every message has.

use std::fmt;

use bytes::Bytes;

use super::decoder::Decoder;
use super::encoder::{Encoded, Encoder};
use super::error::{
    DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, UnsupportedVersion,
};
use super::field::Field;
use super::value::{Context, Value};
use super::versions::Versions;

/// A struct of the protocol: a message, or a part of one.
pub trait Struct: Value + Default + Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// The struct's name.
    const NAME: &'static str;
    /// Its fields, in the order in which they are written.
    const FIELDS: &'static [Field];
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
        if Self::VERSIONS.contains(version) {
            Ok(Context {
                version,
                flexible: Self::FLEXIBLE.contains(version),
                nullable: false,
            })
        } else {
            Err(UnsupportedVersion {
                message: Self::NAME,
                version,
                versions: Self::VERSIONS,
            })
        }
    }

    /// The message in a version, without a header.
    ///
    /// # Errors
    /// When the version is not there, or cannot express the message.
    fn encode(&self, version: i16) -> Result<Encoded, EncodeError> {
        let mut encoder = Encoder::new();
        self.encode_to(&mut encoder, version)?;
        Ok(encoder.finish())
    }

    /// Writes the message behind what the encoder has already.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encode_to(&self, to: &mut Encoder, version: i16) -> Result<(), EncodeError> {
        let cx = Self::context(version).map_err(EncodeErrorKind::from)?;
        self.write(to, cx).map_err(|error| error.within(Self::NAME))
    }

    /// How many bytes the message takes in a version.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encoded_size(&self, version: i16) -> Result<usize, EncodeError> {
        Ok(self.encode(version)?.len)
    }

    /// Reads a message that takes up all of `bytes`. Its strings and byte fields are slices of them.
    ///
    /// # Errors
    /// When the version is not there, or the bytes are no such message.
    fn decode(bytes: Bytes, version: i16) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(bytes);
        let message = Self::decode_from(&mut decoder, version)?;
        decoder.finish().map_err(|error| error.within(Self::NAME))?;
        Ok(message)
    }

    /// Reads a message, and leaves what is behind it.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    fn decode_from(from: &mut Decoder, version: i16) -> Result<Self, DecodeError> {
        let cx = Self::context(version).map_err(DecodeErrorKind::from)?;
        Self::read(from, cx).map_err(|error| error.within(Self::NAME))
    }

    /// The message in Kafka's own JSON form.
    #[cfg(feature = "serde")]
    fn to_json(&self, version: i16) -> Result<serde_json::Value, UnsupportedVersion>
    where
        Self: super::json::JsonValue,
    {
        Ok(super::json::JsonValue::write_json(
            self,
            Self::context(version)?,
        ))
    }

    /// Reads a message in Kafka's own JSON form.
    ///
    /// # Errors
    /// When the version is not there, or the JSON is not the form of this message.
    #[cfg(feature = "serde")]
    fn from_json(json: &serde_json::Value, version: i16) -> Result<Self, DecodeError>
    where
        Self: super::json::JsonValue,
    {
        let cx = Self::context(version).map_err(DecodeErrorKind::from)?;
        super::json::JsonValue::read_json(json, cx).map_err(|error| error.within(Self::NAME))
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
