//! Kafka as a source and as a sink.
//!
//! - [`StreamingContext::kafka_direct_stream`](crate::StreamingContext::kafka_direct_stream) reads topics: each batch has a
//!   range of offsets per partition, fixed when the batch is planned, and one RDD partition for each Kafka partition;
//! - [`StreamingContext::kafka_table`](crate::StreamingContext::kafka_table) keeps a compacted topic as a [`Table`](crate::Table);
//! - [`RddContext::kafka_rdd`](crate::RddContext::kafka_rdd) reads ranges of offsets as a batch job, without any stream;
//! - [`DStream::save_to_kafka`](crate::DStream::save_to_kafka) writes a stream of pairs to a topic;
//! - [`DeadLetterTopic`] takes the records that [`on_poison`](crate::DStream::on_poison) is to keep.
//!
//! A batch's offsets are committed after everything that it wrote has been acknowledged: at least once.
//!
//! Inside, `settings` is what a program says, `topics` and `starting` find out what that comes to, the task in `reader` reads
//! ahead into `prefetch`, of which `source` gives each batch as much as `rate` allows, and `commit` commits it.

mod commit;
mod dead_letter;
mod encode;
mod error;
mod io;
mod kafka_rdd;
mod offsets;
mod prefetch;
mod ranges;
mod rate;
mod rdd;
mod reader;
mod settings;
mod sink;
mod source;
mod starting;
mod table;
mod topics;

pub use commit::{CommitMode, OffsetCommits};
pub use dead_letter::{DeadLetterTopic, ERRORS_PREFIX};
pub use encode::KafkaEncode;
pub use error::KafkaSourceError;
pub(crate) use io::Io;
pub use kafka_client::consumer::OwnedRecord as KafkaRecord;
pub use offsets::OffsetRange;
pub use settings::{KafkaSource, OutOfRange, StartingOffsets};
pub use sink::KafkaSink;
pub use table::KafkaTable;
