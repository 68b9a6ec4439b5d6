//! Schemas that are kept in a registry, by Confluent's HTTP API, and records that are written with them.
//!
//! - [`SchemaRegistry`] is the client: subjects, versions, compatibility, schemas by id;
//! - `AvroSerializer` and `AvroDeserializer` (feature `avro`) write and read Avro, [`JsonSchemaSerializer`] and
//!   [`JsonSchemaDeserializer`] JSON, each behind the prefix that names the schema: a zero byte, and its id in four;
//! - `AvroDatum` writes and reads Avro without a registry.
//!
//! ```no_run
//! # #[cfg(feature = "avro")]
//! # async fn example(producer: kafka_client::producer::Producer) -> Result<(), Box<dyn std::error::Error>> {
//! use kafka_client::producer::{TypedProducer, TypedRecord};
//! use kafka_client::schema_registry::{AvroSchema, AvroSerializer, SchemaRegistry};
//! use kafka_client::serialization::Plain;
//!
//! #[derive(serde::Serialize)]
//! struct Order {
//!     customer: String,
//!     apples: i32,
//! }
//!
//! let schema = AvroSchema::parse(
//!     r#"{"type": "record", "name": "Order", "fields": [
//!         {"name": "customer", "type": "string"}, {"name": "apples", "type": "int"}]}"#,
//! )?;
//! let registry = SchemaRegistry::builder("http://localhost:8081").build()?;
//! let orders: TypedProducer<str, Order, _, _> =
//!     TypedProducer::with(producer, Plain, AvroSerializer::new(registry, schema));
//! let order = Order { customer: "c-7".to_owned(), apples: 3 };
//! orders.send(TypedRecord::to("orders").key("c-7").value(&order)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Addresses with `https` need the feature `tls`; whom to trust there is said by the builder (`tls`).
//!
//! Nothing is asked for each record: an id is looked up, or a schema registered, before the first record that needs it, by
//! `send` and by [`typed_with_schemas`](crate::consumer::ConsumerRecords::typed_with_schemas); what was learned is kept.
//! Serializing and deserializing themselves never wait.
//!
//! Protobuf, rules, encryption of fields and the header form of the prefix are not there.

#[cfg(feature = "avro")]
mod avro;
mod builder;
mod cache;
mod client;
mod code;
mod error;
mod json;
mod registering;
mod schema;
mod subjects;
mod wire;

#[cfg(feature = "avro")]
pub use avro::{AvroDatum, AvroDeserializer, AvroSchema, AvroSerializer};
pub use builder::SchemaRegistryBuilder;
pub use client::SchemaRegistry;
pub use code::RegistryCode;
pub use error::RegistryError;
pub use json::{JsonSchemaDeserializer, JsonSchemaSerializer};
pub use registering::SubjectNameStrategy;
pub use schema::{
    Compatibility, CompatibilityCheck, Reference, RegisteredSchema, Schema, SchemaKind, Version,
};
