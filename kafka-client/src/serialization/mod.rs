//! Typed keys and values: how they become bytes, and bytes become them again.
//!
//! - [`Serializer`] and [`Deserializer`] are what a format has to have;
//! - [`Plain`] has the formats of Kafka's own serializers; [`Nullable`] gives any other one tombstones;
//! - [`TypedProducer`](crate::producer::TypedProducer) writes typed records,
//!   [`ConsumerRecords::typed`](crate::consumer::ConsumerRecords::typed) reads them;
//! - `Json` (feature `json`) is what serde makes of a value; formats with schemas are in `schema_registry` (features
//!   `schema-registry` and `avro`).

#[cfg(feature = "json")]
mod json;
mod nullable;
mod plain;

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;

#[cfg(feature = "json")]
pub use json::Json;
pub use nullable::Nullable;
pub use plain::Plain;

/// Why a value is refused. Any error will do, and a text, too: `Err("too old".into())`.
pub type Refused = Box<dyn StdError + Send + Sync>;

/// What a format looks up before it can go on: see [`Serializer::prepare`].
pub type Preparing<'a> = Pin<Box<dyn Future<Output = crate::Result<()>> + Send + 'a>>;

/// What of a record is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "key",
            Self::Value => "value",
        })
    }
}

/// What a value belongs to: formats with schemas find theirs by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Context<'a> {
    /// The record's topic.
    pub topic: &'a str,
    /// Whether it is the key or the value.
    pub field: Field,
}

impl<'a> Context<'a> {
    /// A key or a value of a topic.
    pub fn new(topic: &'a str, field: Field) -> Self {
        Self { topic, field }
    }
}

/// What a serializer has made of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// The bytes that it appended, be it none.
    Bytes,
    /// Null: no key, or a tombstone. What it appended does not count.
    Null,
}

/// Turns values into bytes.
///
/// ```
/// use kafka_client::serialization::{Context, Payload, Refused, Serializer};
///
/// /// Prices as text, with cents.
/// struct Prices;
///
/// impl Serializer<u64> for Prices {
///     fn serialize(&self, _: &Context<'_>, cents: &u64, bytes: &mut Vec<u8>) -> Result<Payload, Refused> {
///         if *cents > 1_000_000_00 {
///             return Err(format!("{cents} cents are too much to be true").into());
///         }
///         bytes.extend_from_slice(format!("{}.{:02}", cents / 100, cents % 100).as_bytes());
///         Ok(Payload::Bytes)
///     }
/// }
/// ```
pub trait Serializer<T: ?Sized> {
    /// Appends the value's bytes.
    ///
    /// # Errors
    /// Why the value cannot be written: the record is not sent then, whatever was appended.
    fn serialize(
        &self,
        context: &Context<'_>,
        value: &T,
        bytes: &mut Vec<u8>,
    ) -> Result<Payload, Refused>;

    /// Looks up what [`serialize`](Self::serialize) has to know and does not know yet, which may take a network: a schema,
    /// for one. `None` where nothing is missing, as it should nearly always be.
    ///
    /// [`TypedProducer::send`](crate::producer::TypedProducer::send) asks for each record, and waits for what it gets.
    /// Must be cancel-safe.
    ///
    /// # Errors
    /// What `send` returns: nothing was sent.
    fn prepare<'s>(&'s self, context: &Context<'_>) -> Option<Preparing<'s>> {
        let _ = context;
        None
    }
}

/// Turns bytes into values, which may borrow from them.
pub trait Deserializer<'a, T> {
    /// The value of these bytes; `None` is null.
    ///
    /// # Errors
    /// Why they are none of its values.
    fn deserialize(&self, context: &Context<'_>, bytes: Option<&'a [u8]>) -> Result<T, Refused>;

    /// Looks up what [`deserialize`](Self::deserialize) has to know for these bytes and does not know yet, which may take a
    /// network: the schema that they were written with, for one. `None` where nothing is missing, as it should nearly
    /// always be.
    ///
    /// [`ConsumerRecords::typed_with_schemas`](crate::consumer::ConsumerRecords::typed_with_schemas) asks for each record,
    /// and waits for what it gets. Must be cancel-safe.
    ///
    /// # Errors
    /// When it could not be looked up now. What is known not to exist is none: `deserialize` refuses the bytes then.
    fn prepare<'s>(
        &'s self,
        context: &Context<'_>,
        bytes: Option<&'a [u8]>,
    ) -> Option<Preparing<'s>> {
        let _ = (context, bytes);
        None
    }
}
