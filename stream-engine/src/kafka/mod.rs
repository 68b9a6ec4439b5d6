//! Kafka as a source and as a sink.
//!
//! - [`StreamingContext::kafka_direct_stream`](crate::StreamingContext::kafka_direct_stream) reads topics: each batch has a
//!   range of offsets per partition, fixed when the batch is planned, and one RDD partition for each Kafka partition;
//! - [`DStream::save_to_kafka`](crate::DStream::save_to_kafka) writes a stream of pairs to a topic;
//! - [`DeadLetterTopic`] takes the records that [`on_poison`](crate::DStream::on_poison) is to keep;
//!
//! A batch's offsets are committed after everything that it wrote has been acknowledged: at least once.

mod dead_letter;
mod encode;
mod io;
mod offsets;
mod prefetch;
mod rate;
mod rdd;
mod sink;
mod source;

pub use dead_letter::{DeadLetterTopic, ERRORS_PREFIX};
pub use encode::KafkaEncode;
pub use kafka_client::consumer::OwnedRecord as KafkaRecord;
pub use offsets::OffsetRange;
pub use sink::KafkaSink;
pub use source::{KafkaSource, StartingOffsets};
