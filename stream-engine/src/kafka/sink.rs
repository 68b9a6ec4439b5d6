//! Writing a stream to a topic.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::Duration;

use kafka_client::producer::{Producer, ProducerBuilder, Record};

use super::encode::KafkaEncode;
use super::io::Io;
use crate::{BoxError, DStream, Data, Operator, PartitionIter, Sink, Time};

/// Settings for writing to a topic, with [`save_to_kafka`](DStream::save_to_kafka).
///
/// The producer is idempotent by default; a batch is done when all its records are acknowledged.
#[derive(Debug, Clone)]
pub struct KafkaSink {
    topic: String,
    producer: ProducerBuilder,
    properties: Vec<(String, String)>,
}

impl KafkaSink {
    /// Writes to this topic.
    pub fn topic(topic: impl Into<String>) -> Self {
        // A batch is flushed when it is written, so a record waits for others only while more of its batch are coming.
        let producer = Producer::builder()
            .client_id("stream-engine")
            .batch_size(256 << 10);
        Self {
            topic: topic.into(),
            producer,
            properties: Vec::new(),
        }
    }

    /// `bootstrap.servers`: `HOST:PORT`, or several separated by commas.
    #[must_use]
    pub fn bootstrap_servers(mut self, servers: impl AsRef<str>) -> Self {
        self.producer = self.producer.bootstrap_servers(servers);
        self
    }

    /// A producer setting by its Kafka name, such as `compression.type`. One that is unknown or invalid makes `start` fail.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.push((name.into(), value.into()));
        self
    }
}

impl<K: Data + KafkaEncode, V: Data + KafkaEncode> DStream<(K, V)> {
    /// Writes each batch to a topic, key and value as [`KafkaEncode`] has them. The batch's input is committed after all of
    /// it is acknowledged, so that a failure repeats records and loses none: at least once.
    ///
    /// ```no_run
    /// # fn example(counts: stream_engine::DStream<(String, u64)>) {
    /// use stream_engine::kafka::KafkaSink;
    ///
    /// counts.save_to_kafka(KafkaSink::topic("counts").bootstrap_servers("localhost:9092"));
    /// # }
    /// ```
    #[track_caller]
    pub fn save_to_kafka(&self, sink: KafkaSink) {
        let operator = Operator::here("save_to_kafka");
        self.save_to_at(operator, TopicSink(TopicWriter::new(sink)));
    }
}

/// A producer for one topic, from a sink's start to its stop.
pub(super) struct TopicWriter {
    settings: KafkaSink,
    running: OnceLock<Running>,
}

struct Running {
    io: Io,
    producer: Producer,
}

impl fmt::Debug for TopicWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicWriter")
            .field("topic", &self.settings.topic)
            .finish_non_exhaustive()
    }
}

/// How long a sink that stops waits for what is still on its way.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

impl TopicWriter {
    pub(super) fn new(settings: KafkaSink) -> Self {
        Self {
            settings,
            running: OnceLock::new(),
        }
    }

    pub(super) fn into_settings(self) -> KafkaSink {
        self.settings
    }

    pub(super) fn topic(&self) -> &str {
        &self.settings.topic
    }

    pub(super) fn start(&self) -> Result<(), BoxError> {
        let io = Io::start()?;
        let builder = self
            .settings
            .producer
            .clone()
            .properties(self.settings.properties.clone())?;
        let topic = self.settings.topic.clone();
        let producer = io.run(async move {
            let producer = builder.build().await?;
            // A topic that cannot be written to is found out before the first batch.
            producer.partition_count(&topic).await?;
            Ok::<_, kafka_client::Error>(producer)
        })??;
        let _ = self.running.set(Running { io, producer });
        Ok(())
    }

    /// Hands records over; they may be acknowledged later.
    pub(super) fn send<'a>(
        &self,
        records: impl IntoIterator<Item = Record<'a>>,
    ) -> Result<(), BoxError> {
        let running = self.running()?;
        running.io.block_on(running.producer.send_all(records))??;
        Ok(())
    }

    /// Waits until everything is acknowledged.
    pub(super) fn flush(&self) -> Result<(), BoxError> {
        let running = self.running()?;
        let producer = running.producer.clone();
        running.io.run(async move { producer.flush().await })??;
        Ok(())
    }

    pub(super) fn stop(&self) {
        if let Some(running) = self.running.get() {
            let producer = running.producer.clone();
            running
                .io
                .close(async move { producer.close(CLOSE_LIMIT).await });
        }
    }

    fn running(&self) -> Result<&Running, BoxError> {
        self.running
            .get()
            .ok_or_else(|| "the sink is not started".into())
    }
}

#[derive(Debug)]
struct TopicSink(TopicWriter);

impl<K: Data + KafkaEncode, V: Data + KafkaEncode> Sink<(K, V)> for TopicSink {
    fn name(&self) -> &'static str {
        "save_to_kafka"
    }

    fn start(&self) -> Result<(), BoxError> {
        self.0.start()
    }

    fn write(
        &self,
        _time: Time,
        _partition: usize,
        mut records: PartitionIter<(K, V)>,
    ) -> Result<(), BoxError> {
        let mut chunk = Vec::new();
        let mut encoded = Encoded::default();
        while records.next_chunk(&mut chunk)? {
            encoded.clear();
            for (key, value) in chunk.drain(..) {
                encoded.push(&key, &value);
            }
            self.0.send(encoded.records(self.0.topic()))?;
        }
        Ok(())
    }

    fn flush(&self, _time: Time) -> Result<(), BoxError> {
        self.0.flush()
    }

    fn stop(&self) {
        self.0.stop();
    }
}

/// Where a key or a value stands; `None` is null.
type Field = Option<Range<usize>>;

/// The keys and values of a chunk, one behind the other in one buffer.
#[derive(Debug, Default)]
struct Encoded {
    bytes: Vec<u8>,
    fields: Vec<(Field, Field)>,
}

impl Encoded {
    fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
    }

    fn push(&mut self, key: &impl KafkaEncode, value: &impl KafkaEncode) {
        let key = self.field(key);
        let value = self.field(value);
        self.fields.push((key, value));
    }

    fn field(&mut self, field: &impl KafkaEncode) -> Field {
        let start = self.bytes.len();
        let is_there = field.encode(&mut self.bytes);
        is_there.then_some(start..self.bytes.len())
    }

    fn records<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = Record<'a>> {
        self.fields.iter().map(move |(key, value)| Record {
            key: key.clone().map(|range| &self.bytes[range]),
            value: value.clone().map(|range| &self.bytes[range]),
            ..Record::to(topic)
        })
    }
}
