//! A Kafka client in pure Rust: producer, consumer, groups and admin, with no C anywhere.
//!
//! - [`Producer`](producer::Producer) writes records: batched, compressed, idempotent, in transactions;
//! - [`Consumer`](consumer::Consumer) reads them, alone or in a group;
//! - [`Admin`](admin::Admin) creates, deletes and describes topics;
//! - settings are typed, and also known by their Kafka names.
//!
//! Inside, `cluster` knows the brokers and routes requests to them over the connections of `net`; what the producer and
//! the consumer decide is decided in plain state machines that take the time as an argument.

#![forbid(unsafe_code)]

pub mod admin;
mod clock;
mod cluster;
mod config;
pub mod consumer;
mod error;
pub mod events;
pub mod metrics;
mod net;
pub mod producer;
mod retry;
pub mod serialization;
mod telemetry;
mod types;

pub use config::{ClientConfig, MetadataRecovery, read_properties};
pub use error::{Error, Result};
pub use kafka_proto::compression::Compression;
pub use kafka_proto::error_code::ErrorCode;
pub use net::{Connecting, Connector, Network, Transport};
pub use types::TopicPartition;
