//! The metrics for [Prometheus](https://prometheus.io), with the feature `prometheus`.
//!
//! A program that has an endpoint of its own answers with [`to_prometheus`] or [`to_openmetrics`]; one that has a registry
//! of [`prometheus_client`] registers a [`KafkaCollector`].
//!
//! ```
//! use kafka_client::metrics::prometheus::{CONTENT_TYPE, to_prometheus};
//!
//! # fn example(producer: kafka_client::producer::Producer, consumer: kafka_client::consumer::Consumer) {
//! let body = to_prometheus([&producer.metrics(), &consumer.metrics()]);
//! # let _ = (body, CONTENT_TYPE); }
//! ```
//!
//! `examples/metrics.rs` of the project serves it by `axum`, beside a consumer that runs.
//!
//! # Names
//!
//! A name is `kafka`, Kafka's group without `-metrics`, and Kafka's name, as JMX exporters and Micrometer have them:
//! `record-send-rate` of `producer-metrics` is `kafka_producer_record_send_rate`. The tags are labels (`topic`, `partition`,
//! `node_id`), beside `client_id`, which all have.
//!
//! | metric | what to watch |
//! | --- | --- |
//! | `kafka_consumer_fetch_manager_records_lag{topic, partition}` | records behind a partition's position; `kafka_consumer_fetch_manager_records_lag_max` is the largest of the consumer |
//! | `kafka_consumer_fetch_manager_stalled_partitions` | partitions that make no progress |
//! | `kafka_consumer_coordinator_rebalance_latency_avg`, `…_failed_rebalance_total`, `…_commit_latency_max` | the group |
//! | `kafka_producer_record_error_total`, `kafka_producer_record_retry_total` | records given up, and sent again |
//! | `kafka_producer_request_latency_avg`, `kafka_producer_node_request_latency_max{node_id}` | brokers that are slow |
//! | `kafka_producer_buffer_available_bytes`, `kafka_producer_bufferpool_wait_time_ns_total` | senders that are held up |
//! | `kafka_producer_produce_throttle_time_max`, `kafka_consumer_fetch_manager_fetch_throttle_time_max` | quotas |
//!
//! What Kafka names the same for the whole client and for each topic, or each partition, of it would count twice in a sum;
//! so the latter say it: `kafka_consumer_fetch_manager_records_consumed_total` is all of a consumer, and
//! `kafka_consumer_fetch_manager_topic_records_consumed_total{topic}` what it is made of.
//!
//! Units are Kafka's, which the help text names: times are in milliseconds, or as the name says (`_ns_`, `_seconds_`); sizes
//! in bytes. A value is `NaN` where nothing was measured in the last windows. Rates and means are Kafka's, over 30 to 60
//! seconds: `rate()` of a counter (`_total`) can be taken over any time.
//!
//! Clients of one kind and with the same `client.id` are told apart by a number: `orders`, `orders-2`. It is better to name
//! them.

mod collector;
mod families;
mod text;

pub use collector::KafkaCollector;
pub use text::{CONTENT_TYPE, OPENMETRICS_CONTENT_TYPE, to_openmetrics, to_prometheus};

#[cfg(test)]
mod tests;
