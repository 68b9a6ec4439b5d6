//! An embedded Kafka-compatible broker in pure Rust: real TCP on a free loopback port, everything in memory.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use kafka_broker::Broker;
//!
//! let broker = Broker::builder().start().await?;
//! broker.create_topic("orders", 4)?;
//! println!("any Kafka client may connect to {}", broker.bootstrap_servers());
//! broker.shutdown().await;
//! # Ok::<(), kafka_broker::BrokerError>(())
//! # }).unwrap();
//! ```
//!
//! How it is laid out: `server` accepts connections, `connection` moves frames, `apis` has one file per API, which
//! decodes, asks the domain and answers. The domain knows no sockets: `topics` (names, ids, partitions), `log` (a
//! partition's batches), `producers` (idempotence), `groups` (`classic` ones and those of the `consumer` protocol),
//! `share` (what share groups have done of partitions) and `transactions` (their coordinator): state machines that are
//! given the time; `fetch_sessions` (what a reader said before), `nodes` (the brokers of a cluster, of which one process
//! may have several); `configs` (settings that change while it runs), `quotas` (what clients may use), `maintenance`
//! (retention and compaction).
//!
//! What it has: topics with auto-creation, produce with the idempotence checks of Kafka, long-poll fetch with incremental
//! sessions, lookups by timestamp, share groups (KIP-932), consumer groups of both protocols with static members (a group is of one protocol at a
//! time: of which one, its first member says), committed offsets, transactions by both protocols. With [`BrokerBuilder::nodes`] it is several brokers, each on a port of its own, between which leaders and
//! coordinators move when a test says so. It listens on the loopback interface
//! unless told otherwise. A [`Listener`] may have its clients log in by SASL, and with the
//! cargo feature `tls` speak TLS; an [`Authorizer`] has ACLs say who may do what.

#![forbid(unsafe_code)]

mod apis;
mod authorizer;
mod broker;
mod client_metrics;
mod clock;
mod configs;
mod connection;
mod elections;
mod error;
mod fetch_sessions;
mod groups;
mod listening;
mod lock;
mod log;
mod maintenance;
mod node;
mod nodes;
mod producers;
mod quotas;
mod refusal;
mod replicas;
mod security;
mod server;
mod settings;
mod share;
mod topics;
mod topics_image;
mod transactions;

pub use authorizer::Authorizer;
pub use broker::{Broker, BrokerBuilder};
pub use client_metrics::{ClientMetricsSubscription, PushedMetrics};
pub use error::BrokerError;
pub use groups::ConsumerGroupAssignor;
#[cfg(feature = "tls")]
pub use security::{ClientAuth, Tls};
pub use security::{Listener, SaslMechanism, SecurityProtocol};
pub use transactions::TransactionVersion;
