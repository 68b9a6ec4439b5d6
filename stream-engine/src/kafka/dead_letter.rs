//! Writing poisoned records to a topic, with the cause in headers.

use kafka_client::producer::{Header, Record};

use super::sink::TopicWriter;
use super::{KafkaRecord, KafkaSink};
use crate::{BoxError, PartitionIter, Poisoned, Sink, Time};

/// What the names of the headers begin with that a [`DeadLetterTopic`] adds. Behind it they are those of Kafka Connect's
/// dead letter queue, whose prefix is `__connect.errors.`.
pub const ERRORS_PREFIX: &str = "__stream.errors.";

/// A topic for poisoned records; for [`PoisonPolicy::dead_letter`](crate::PoisonPolicy::dead_letter).
///
/// Key, value, headers and timestamp are those of the record as it was read. These headers are added, all of them text:
///
/// | header | what |
/// | --- | --- |
/// | `__stream.errors.topic`, `.partition`, `.offset` | where the record was read |
/// | `__stream.errors.stage` | the operator that refused it, such as `try_map` |
/// | `__stream.errors.class.name` | where the program calls that operator, such as `src/main.rs:12` |
/// | `__stream.errors.exception.class.name` | the error's type, or `panic` |
/// | `__stream.errors.exception.message` | the error's text |
/// | `__stream.errors.exception.stacktrace` | the errors that caused it, one a line; only if there are any |
/// | `__stream.errors.batch.time` | the batch, in milliseconds since 1970 |
///
/// Headers with that prefix which the record has already (it was a dead letter before) are replaced.
///
/// ```no_run
/// # fn example(lines: stream_engine::DStream<stream_engine::kafka::KafkaRecord>) {
/// use stream_engine::PoisonPolicy;
/// use stream_engine::kafka::DeadLetterTopic;
///
/// let dead = DeadLetterTopic::new("numbers.dead").bootstrap_servers("localhost:9092");
/// let numbers = lines
///     .on_poison(PoisonPolicy::dead_letter(dead))
///     .try_map(|record| Ok::<u64, Box<dyn std::error::Error + Send + Sync>>(record.value_str()?.unwrap_or("").parse()?));
/// numbers.print();
/// # }
/// ```
#[derive(Debug)]
pub struct DeadLetterTopic {
    writer: TopicWriter,
}

impl DeadLetterTopic {
    /// Writes to this topic.
    pub fn new(topic: impl Into<String>) -> Self {
        Self::with(KafkaSink::topic(topic))
    }

    /// `bootstrap.servers`: `HOST:PORT`, or several separated by commas.
    #[must_use]
    pub fn bootstrap_servers(self, servers: impl AsRef<str>) -> Self {
        Self::with(self.writer.into_settings().bootstrap_servers(servers))
    }

    /// A producer setting by its Kafka name; see [`KafkaSink::property`].
    #[must_use]
    pub fn property(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::with(self.writer.into_settings().property(name, value))
    }

    fn with(settings: KafkaSink) -> Self {
        Self {
            writer: TopicWriter::new(settings),
        }
    }
}

/// What the headers of a letter borrow from.
struct Letter {
    poisoned: Poisoned<KafkaRecord>,
    added: Vec<(String, String)>,
}

impl Letter {
    fn new(poisoned: Poisoned<KafkaRecord>) -> Self {
        let (record, operator) = (&poisoned.record, poisoned.operator);
        let place = operator.location();
        let mut added = Vec::with_capacity(9);
        let mut add =
            |name: &str, value: String| added.push((format!("{ERRORS_PREFIX}{name}"), value));
        add("topic", record.topic().to_owned());
        add("partition", record.partition().partition.to_string());
        add("offset", record.offset().to_string());
        add("stage", operator.name().to_owned());
        add("class.name", format!("{}:{}", place.file(), place.line()));
        add("exception.class.name", poisoned.cause.kind().to_owned());
        add("exception.message", poisoned.cause.to_string());
        if let Some(causes) = poisoned.cause.chain() {
            add("exception.stacktrace", causes);
        }
        add("batch.time", poisoned.batch_time.as_millis().to_string());
        Self { poisoned, added }
    }

    fn headers(&self) -> Vec<Header<'_>> {
        let kept = self.poisoned.record.headers();
        // That the record can be decoded was checked when it was read.
        let kept = kept.filter_map(Result::ok);
        let kept = kept.filter(|header| !header.key.starts_with(ERRORS_PREFIX));
        let added = self.added.iter();
        let added = added.map(|(name, value)| Header::new(name, value.as_bytes()));
        kept.chain(added).collect()
    }
}

impl Sink<Poisoned<KafkaRecord>> for DeadLetterTopic {
    fn name(&self) -> &'static str {
        "dead_letter_topic"
    }

    fn start(&self) -> Result<(), BoxError> {
        self.writer.start()
    }

    fn write(
        &self,
        _time: Time,
        _partition: usize,
        mut records: PartitionIter<Poisoned<KafkaRecord>>,
    ) -> Result<(), BoxError> {
        let mut chunk = Vec::new();
        while records.next_chunk(&mut chunk)? {
            let letters: Vec<Letter> = chunk.drain(..).map(Letter::new).collect();
            let headers: Vec<Vec<Header<'_>>> = letters.iter().map(Letter::headers).collect();
            self.writer
                .send(letters.iter().zip(&headers).map(|(letter, headers)| {
                    let record = &letter.poisoned.record;
                    Record {
                        key: record.key(),
                        value: record.value(),
                        headers,
                        timestamp: Some(record.timestamp()),
                        ..Record::to(self.writer.topic())
                    }
                }))?;
        }
        Ok(())
    }

    fn flush(&self, _time: Time) -> Result<(), BoxError> {
        self.writer.flush()
    }

    fn stop(&self) {
        self.writer.stop();
    }
}
