//! From messages to bytes and back.
//!
//! A message is declared once, with `message!` (see [`crate::messages`]); everything here works from that declaration:
//! [`Field`] decides whether and how a field is there in a version, [`Value`] how its type is written.

mod decoder;
mod definition;
mod encoder;
mod error;
mod field;
#[cfg(feature = "serde")]
pub mod json;
mod message;
mod tagged;
mod uuid;
mod value;
mod versions;

pub use decoder::Decoder;
pub(crate) use definition::{attributes, default, json_form, message, structure};
pub use encoder::{Encoded, Encoder};
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, UnsupportedVersion};
pub use field::Field;
pub use message::{Message, Request, Struct};
pub use tagged::RawTaggedField;
pub(crate) use tagged::TaggedFields;
pub use uuid::{ParseUuidError, Uuid};
pub use value::{Context, Nullable, Records, Value};
pub(crate) use value::{read_nullable_struct, write_nullable_struct};
pub use versions::Versions;
