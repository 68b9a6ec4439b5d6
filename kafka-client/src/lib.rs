//! A Kafka client in pure Rust: producer, consumer, groups and admin, with no C anywhere.
//!
//! - [`Producer`](producer::Producer) writes records: batched, compressed, idempotent, in transactions;
//! - [`Consumer`](consumer::Consumer) reads them, alone or in a group;
//! - [`ShareConsumer`](share::ShareConsumer) works through records together with others, as from a queue;
//! - [`Admin`](admin::Admin) creates, deletes and describes topics;
//! - settings are typed, and also known by their Kafka names;
//! - connections are authenticated by [SASL](security), and encrypted by [TLS](security#tls) (feature `tls`);
//! - [`metrics`] are what a client measures, under Kafka's names, for a program, for Prometheus (feature `prometheus`) and for the
//!   brokers that ask for them (KIP-714, [below](#metrics-for-the-brokers)); [`events`] are what happens to it: partitions that make no
//!   progress, rebalances, leaders that change, brokers that throttle.
//!
//! # Logs and spans
//!
//! What the client does is told to [`tracing`](https://docs.rs/tracing). At the levels `error`, `warn` and `info` it is
//! what an operator wants to know, under the targets of the modules (`kafka_client::…`). At the level `debug` there are
//! spans as well, each under a target of its own so that it can be turned on alone:
//!
//! | target | span | fields |
//! | --- | --- | --- |
//! | `kafka_client::connection` | `connect`: a connection made, with what the broker speaks and who we are | `broker` |
//! | `kafka_client::request` | `request`: from its place in the queue to its answer | `api`, `version`, `broker` |
//! | `kafka_client::produce` | `produce`: batches sealed, sent and answered | `broker`, `batches` |
//! | `kafka_client::fetch` | `fetch`: records asked for, received and decoded | `broker`, `partitions` |
//! | `kafka_client::poll` | `poll`: a poll of a consumer, with its wait | |
//! | `kafka_client::commit` | `commit_until`: a commit with its retries | `generation`, `partitions` |
//! | `kafka_client::rebalance` | `carry_out`: partitions given up or taken up, with what the listener does | `group` |
//! | `kafka_client::transaction` | `init_transactions`, `begin_transaction`, `send_offsets_to_transaction`, `end_transaction` | `commit` |
//!
//! With [`tracing-subscriber`](https://docs.rs/tracing-subscriber) and its feature `env-filter`:
//!
//! ```text
//! tracing_subscriber::fmt()
//!     .with_env_filter("warn,kafka_client=info,kafka_client::request=debug")
//!     .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
//!     .init();
//! ```
//!
//! Each request is then a line with its broker and the time that it took. Spans that are off cost a comparison for each poll and
//! request, and nothing for a record.
//!
//! # Metrics for the brokers
//!
//! Who runs a cluster may ask its clients for metrics (KIP-714), with `kafka-configs --entity-type client-metrics`. Clients
//! push what is asked for, each to one broker, under the names of the KIP (`org.apache.kafka.producer.record.send.rate`) as
//! OpenTelemetry's `MetricsData`, and a last time when they are closed. `client_instance_id` of a client says what the brokers
//! call it. Brokers without a reporter that takes metrics are not asked; `enable.metrics.push=false` turns it off, as it is for admins.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `gzip`, `lz4`, `snappy`, `zstd` (on by default) | the compressions; without one, records that need it are refused by an error that says so |
//! | `avro` | Avro with a schema registry: `schema_registry::{AvroSerializer, AvroDeserializer}` |
//! | `blocking` | producer, consumer and admin for programs without async: `blocking` |
//! | `json` | typed records as JSON, by serde: `serialization::Json` |
//! | `oidc` | OAUTHBEARER with tokens from a token endpoint (OIDC): `security::ClientCredentials`; switches `tls` on |
//! | `prometheus` | the metrics as Prometheus and OpenMetrics have them: `metrics::prometheus` |
//! | `schema-registry` | a client of schema registries, and JSON with a schema: `schema_registry` |
//! | `tls` | connections by TLS: `security::Tls` |
//!
//! # Inside
//!
//! `cluster` knows the brokers and routes requests to them over the connections of `net`; what the producer and
//! the consumer decide is decided in plain state machines that take the time as an argument.

#![forbid(unsafe_code)]

pub mod admin;
#[cfg(feature = "blocking")]
pub mod blocking;
mod clock;
mod cluster;
mod config;
pub mod consumer;
mod error;
pub mod events;
#[cfg(any(feature = "oidc", feature = "schema-registry"))]
mod http;
mod join;
pub mod metrics;
mod net;
pub mod producer;
mod push;
mod retry;
#[cfg(feature = "schema-registry")]
pub mod schema_registry;
pub mod security;
pub mod serialization;
pub mod share;
mod telemetry;
mod types;

pub use config::{ClientConfig, MetadataRecovery, read_properties};
pub use error::{Error, Result};
pub use kafka_proto::codec::Uuid;
pub use kafka_proto::compression::Compression;
pub use kafka_proto::error_code::ErrorCode;
pub use net::{Connecting, Connector, Network, Transport};
pub use types::TopicPartition;
