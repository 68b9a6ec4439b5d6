//! What a client measures, under the names that Kafka's own clients have for it.
//!
//! [`Producer::metrics`](crate::producer::Producer::metrics), [`Consumer::metrics`](crate::consumer::Consumer::metrics)
//! and [`Admin::metrics`](crate::admin::Admin::metrics) return all [`Metrics`] of a client at that moment, each with its
//! group, name, tags, kind and description:
//!
//! | group | tags | what |
//! | --- | --- | --- |
//! | `producer-metrics`, `consumer-metrics`, `admin-client-metrics` | | connections, bytes and authentication; records and batches sent, buffer, latency and time spent in calls; polls |
//! | `producer-node-metrics`, `consumer-node-metrics`, `admin-client-node-metrics` | `node-id` | requests, bytes and latency, by broker: `node-1`; `node--1` are the bootstrap addresses |
//! | `producer-topic-metrics` | `topic` | records and bytes sent, retried, given up |
//! | `consumer-fetch-manager-metrics` | none, `topic`, or `topic` and `partition` | fetches, records handed out, lag and lead, stalled partitions |
//! | `consumer-share-metrics` | | polls of a share consumer, whose connections are in `consumer-metrics` and `consumer-node-metrics` |
//! | `consumer-share-fetch-manager-metrics` | | its fetches, records handed out, acknowledgements |
//! | `consumer-share-coordinator-metrics` | | its heartbeats and rebalances |
//! | `consumer-coordinator-metrics` | | heartbeats, commits, rebalances and what the listener takes |
//!
//! A name's last word says what its value is:
//!
//! | suffix | value |
//! | --- | --- |
//! | `-total` | the sum since the client was made |
//! | `-rate` | the sum a second (`-rate-per-hour`: an hour) |
//! | `-avg`, `-max`, `-min` | mean and extremes; NaN where there was nothing |
//!
//! Rates, means and extremes are those of the last 30 to 60 seconds: of the present window of 30 seconds and of the one
//! before it, which all metrics of a client begin at the same time (Kafka's `metrics.sample.window.ms` and
//! `metrics.num.samples`, at their defaults). The young client's rates are over its age, at least a second, where Kafka's
//! assume a window before it in which nothing happened.
//!
//! Times are in milliseconds, or in nanoseconds where the name says `-ns-`, or in seconds where it says `seconds`; sizes
//! are in bytes. `client-id`, which Kafka puts into the tags of all, is [`Metrics::client_id`].
//!
//! What the Java client's names mean here, where it is not quite the same:
//!
//! - a broker's node has all connections to it; Kafka's counts those to its coordinators apart;
//! - `record-send` and `batch-size` are counted when a request goes out, `record-retry` when it goes out again;
//!   `batch-size` is the size sent, compressed, and `record-size` that of the largest record of a batch, of which the
//!   first has the batch's header with it;
//! - `records-per-request-avg` of a consumer is what the batches' headers say, control records included;
//! - `assigned-partitions` of a share consumer is our own;
//! - `stalled-partitions` and `stalled-seconds` (with `topic` and `partition`) are our own: see
//!   [`Consumer::stalled`](crate::consumer::Consumer::stalled);
//!
//! What the Java clients 4.3 have and these do not:
//!
//! | name | why |
//! | --- | --- |
//! | `select-…`, `io-…`, `time-between-network-thread-poll-…` | there is no network thread that selects |
//! | `application-event-…`, `background-event-…`, `unsent-requests-queue-…` | there are no queues between threads |
//! | `request-latency-…` of `admin-client-node-metrics` | nothing measures it in the Java client: it is always NaN |
//! | `txn-prepare-time-ns-total` | there is no two-phase commit from outside (KIP-939) |
//! | `count` of `kafka-metrics-count`, `app-info` | [`Metrics::len`]; a program knows which version it is |
//!
//! There are means and extremes of latencies, as in Kafka, and no percentiles.
//!
//! With the feature `prometheus` they are also there as Prometheus and OpenMetrics have them, in the module `prometheus`.
//! Brokers that ask for metrics (KIP-714) get them by themselves, see [the front page](crate#metrics-for-the-brokers).
//!
//! Measuring costs nothing per record: it is done once for each batch, request or poll.

mod authentication;
mod coordination;
mod fetching;
mod meter;
mod network;
mod polling;
mod producing;
#[cfg(feature = "prometheus")]
pub mod prometheus;
mod registry;
mod sharing;
mod snapshot;

pub(crate) use coordination::{GroupMeters, GroupRequest, ListenerCall};
pub(crate) use fetching::{FetchMeters, Haul, PartitionMeters, PartitionStand};
pub(crate) use meter::Moment;
pub(crate) use network::NodeMeters;
pub(crate) use polling::PollMeters;
pub(crate) use producing::{ProducerMeters, Shipment};
pub(crate) use registry::{ClientKind, Registry};
pub(crate) use sharing::ShareMeters;
pub use snapshot::{Metric, MetricKind, MetricTag, Metrics};
