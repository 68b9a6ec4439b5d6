//! From messages to bytes and back.
//!
//! A message is declared once, with `message!` (the [front page](crate#defining-a-message) says how); everything here works
//! from that declaration:
//!
//! - [`Message`] has what a program calls: `encode`, `decode`, `to_json`, `from_json`, the versions; [`Request`] adds the
//!   API key and the versions of the headers;
//! - [`Schema`], [`Field`] and [`Type`] are the declaration as data: they say whether and how a field is there in a
//!   version, also to whoever knows a message by its API key alone ([`crate::api`]);
//! - [`Value`] and [`Nullable`] are how a type is written and read, by an [`Encoder`] and a [`Decoder`].
//!
//! # JSON
//!
//! With the feature `serde`, every message has Kafka's own JSON form, which Kafka's tools and logs print:
//! `Message::to_json` and `Message::from_json`, and the module `json` for a [`Schema`].

mod decoder;
mod definition;
mod encoded;
mod encoder;
mod error;
#[cfg(feature = "serde")]
pub mod json;
mod message;
mod path;
mod schema;
mod tagged;
mod uuid;
mod value;
mod versions;

pub use decoder::Decoder;
pub(crate) use definition::{attributes, default, message, put, structure, tagged};
pub use encoded::Encoded;
pub use encoder::Encoder;
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, UnsupportedVersion};
pub use message::{Message, Request, Struct};
pub use schema::{Field, Schema, Type};
pub(crate) use tagged::TaggedFields;
pub use tagged::{RawTaggedField, UnknownTaggedFields};
pub use uuid::{ParseUuidError, Uuid};
pub use value::{BrokerIds, Context, Nullable, Records, Value};
pub(crate) use value::{get, put, put_unless};
pub use versions::Versions;
