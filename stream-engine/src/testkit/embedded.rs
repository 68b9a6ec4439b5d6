use std::future::Future;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use kafka_broker::Broker;
use kafka_client::TopicPartition;
use kafka_client::consumer::{Consumer, Isolation, OffsetReset};
use kafka_client::producer::{Producer, Record};
use tokio::runtime::{Builder, Runtime};

use crate::kafka::{KafkaEncode, KafkaRecord};
use crate::{BoxError, ContextState, EngineError, Operator, StreamingContext};

/// How long anything may take here before it counts as not happening.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether a program has consumed everything.
const LOOK: Duration = Duration::from_millis(10);

/// A Kafka broker in the test's own process, on a free port, with everything in memory; for programs that read and write
/// topics. Works from any thread, inside an asynchronous runtime or outside, and blocks. Every wait is bounded by 30 s.
///
/// ```
/// use std::time::Duration;
/// use stream_engine::StreamingContext;
/// use stream_engine::kafka::{KafkaSink, KafkaSource, StartingOffsets};
/// use stream_engine::testkit::EmbeddedKafka;
///
/// let kafka = EmbeddedKafka::start()?;
/// kafka.create_topic("lines", 2)?;
/// kafka.create_topic("lengths", 1)?;
/// kafka.write("lines", [("a", "to be"), ("b", "or not")])?;
///
/// let ssc = StreamingContext::builder("lengths").batch_duration(Duration::from_millis(20)).build()?;
/// let source = KafkaSource::subscribe(["lines"])
///     .bootstrap_servers(kafka.bootstrap_servers())
///     .group_id("lengths")
///     .starting_offsets(StartingOffsets::Earliest);
/// let lines = ssc.kafka_direct_stream(source)?;
/// let lengths = lines.map(|line| (line.key().unwrap_or_default().to_vec(), line.value().unwrap_or_default().len()));
/// lengths.save_to_kafka(KafkaSink::topic("lengths").bootstrap_servers(kafka.bootstrap_servers()));
///
/// kafka.run_until_consumed(&ssc, "lengths", &["lines"])?;
/// let mut lengths: Vec<_> = kafka.read("lengths")?.iter().map(|record| record.value_utf8_lossy().into_owned()).collect();
/// lengths.sort();
/// assert_eq!(lengths, ["5", "6"]);
/// # Ok::<_, stream_engine::EngineError>(())
/// ```
#[derive(Debug)]
pub struct EmbeddedKafka {
    /// Nothing once it is dropped.
    runtime: Option<Runtime>,
    broker: Broker,
}

impl EmbeddedKafka {
    /// Starts a broker.
    ///
    /// # Errors
    /// [`EngineError::Failed`] if there is no free port or no thread.
    #[track_caller]
    pub fn start() -> Result<Self, EngineError> {
        let operator = Operator::here("EmbeddedKafka::start");
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("embedded-kafka")
            .enable_all()
            .build()
            .map_err(|error| EngineError::failed(operator, error.into()))?;
        let starting = async { Ok(Broker::builder().start().await?) };
        let broker = run_on(&runtime, operator, starting)?;
        Ok(EmbeddedKafka {
            runtime: Some(runtime),
            broker,
        })
    }

    /// Where it listens: `HOST:PORT`.
    pub fn bootstrap_servers(&self) -> String {
        self.broker.bootstrap_servers()
    }

    /// The broker, for what this driver does not do.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// [`EngineError::Failed`] if there is one of this name or the name is not allowed.
    #[track_caller]
    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), EngineError> {
        self.broker
            .create_topic(topic, partitions)
            .map_err(|error| EngineError::failed(Operator::here("create_topic"), error.into()))
    }

    /// Writes records, each to the partition of its key, or to any if its key is null.
    ///
    /// # Errors
    /// [`EngineError::Failed`] if the topic does not exist.
    #[track_caller]
    pub fn write<K: KafkaEncode, V: KafkaEncode>(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), EngineError> {
        let encoded: Vec<_> = records
            .into_iter()
            .map(|(key, value)| (encode(&key), encode(&value)))
            .collect();
        let (servers, topic) = (self.bootstrap_servers(), topic.to_owned());
        self.run(Operator::here("write"), async move {
            let producer = Producer::builder()
                .bootstrap_servers(servers)
                .build()
                .await?;
            let mut deliveries = Vec::with_capacity(encoded.len());
            for (key, value) in &encoded {
                let record = Record {
                    key: key.as_deref(),
                    value: value.as_deref(),
                    ..Record::to(&topic)
                };
                deliveries.push(producer.send(record).await?);
            }
            producer.flush().await?;
            for delivery in deliveries {
                delivery.await?;
            }
            Ok(producer.close(PATIENCE).await?)
        })
    }

    /// All records of a topic, partition by partition; of transactions only what is committed.
    ///
    /// # Errors
    /// [`EngineError::Failed`] if the topic does not exist.
    #[track_caller]
    pub fn read(&self, topic: &str) -> Result<Vec<KafkaRecord>, EngineError> {
        let (servers, topic) = (self.bootstrap_servers(), topic.to_owned());
        self.run(Operator::here("read"), async move {
            let consumer = consumer(&servers, None).await?;
            let partitions = consumer.partitions_for(&topic).await?;
            consumer.assign(partitions.clone())?;
            let ends = consumer.end_offsets(&partitions).await?;
            let mut records: Vec<KafkaRecord> = Vec::new();
            for (partition, end) in ends {
                while consumer.position(&partition).await? < end {
                    let polled = consumer.poll(LOOK).await?;
                    records.extend(polled.into_iter().flatten());
                }
            }
            records.sort_by(|a, b| (a.partition(), a.offset()).cmp(&(b.partition(), b.offset())));
            Ok(records)
        })
    }

    /// Starts a program, waits until its group has committed all that is in these topics now, and stops it gracefully.
    ///
    /// # Errors
    /// The program's own; [`EngineError::Failed`] if it has not consumed all within 30 s, saying what is left.
    #[track_caller]
    pub fn run_until_consumed(
        &self,
        ssc: &StreamingContext,
        group: &str,
        topics: &[&str],
    ) -> Result<(), EngineError> {
        let operator = Operator::here("run_until_consumed");
        let failed = |problem: String| EngineError::failed(operator, problem.into());
        ssc.start()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if ssc.state() == ContextState::Stopped {
                return ended(ssc);
            }
            let left = self.left(operator, group, topics)?;
            if left.is_empty() {
                break;
            }
            if Instant::now() > deadline {
                ssc.stop();
                let left = left.join(", ");
                return Err(failed(format!(
                    "after {PATIENCE:?} group {group:?} has not committed {left}"
                )));
            }
            std::thread::sleep(LOOK);
        }
        ssc.stop_gracefully();
        while ssc.state() != ContextState::Stopped {
            if Instant::now() > deadline {
                return Err(failed(format!(
                    "the program did not stop within {PATIENCE:?}"
                )));
            }
            std::thread::sleep(LOOK);
        }
        ended(ssc)
    }

    /// What of the topics the group has not committed.
    fn left(
        &self,
        operator: Operator,
        group: &str,
        topics: &[&str],
    ) -> Result<Vec<String>, EngineError> {
        let (servers, group) = (self.bootstrap_servers(), group.to_owned());
        let topics: Vec<String> = topics.iter().map(|&topic| topic.to_owned()).collect();
        self.run(operator, async move {
            let consumer = consumer(&servers, Some(&group)).await?;
            let mut partitions: Vec<TopicPartition> = Vec::new();
            for topic in &topics {
                partitions.extend(consumer.partitions_for(topic).await?);
            }
            let ends = consumer.end_offsets(&partitions).await?;
            let committed = consumer.committed(&partitions).await?;
            consumer.close(PATIENCE).await?;
            let mut left = Vec::new();
            for (partition, end) in ends {
                let committed = committed.get(&partition).and_then(Option::as_ref);
                let position = committed.map_or(0, |committed| committed.offset);
                if position < end {
                    left.push(format!("{partition}: {position}..{end}"));
                }
            }
            left.sort();
            Ok(left)
        })
    }

    fn run<T: Send + 'static>(
        &self,
        operator: Operator,
        future: impl Future<Output = Result<T, BoxError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        match &self.runtime {
            Some(runtime) => run_on(runtime, operator, future),
            None => Err(EngineError::Cancelled),
        }
    }
}

impl Drop for EmbeddedKafka {
    fn drop(&mut self) {
        // Waiting for its tasks is not allowed on a thread of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs a future there and waits for it: from any thread, also from one that belongs to another runtime.
fn run_on<T: Send + 'static>(
    runtime: &Runtime,
    operator: Operator,
    future: impl Future<Output = Result<T, BoxError>> + Send + 'static,
) -> Result<T, EngineError> {
    let (done, result) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        let limited = tokio::time::timeout(PATIENCE, future).await;
        let result =
            limited.unwrap_or_else(|_| Err(format!("not done within {PATIENCE:?}").into()));
        let _ = done.send(result);
    });
    result
        .recv()
        .unwrap_or_else(|_| Err("the broker's thread has ended".into()))
        .map_err(|error| EngineError::failed(operator, error))
}

/// Why a context that has stopped did so.
fn ended(ssc: &StreamingContext) -> Result<(), EngineError> {
    let mut waiting = pin!(ssc.await_termination());
    match waiting
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(result) => result,
        Poll::Pending => Ok(()),
    }
}

async fn consumer(servers: &str, group: Option<&str>) -> Result<Consumer, kafka_client::Error> {
    let builder = Consumer::builder()
        .bootstrap_servers(servers)
        .isolation_level(Isolation::ReadCommitted)
        .auto_offset_reset(OffsetReset::Earliest);
    match group {
        Some(group) => builder.group_id(group),
        None => builder,
    }
    .build()
    .await
}

fn encode(field: &impl KafkaEncode) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    field.encode(&mut bytes).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::{KafkaSource, StartingOffsets};

    fn program(kafka: &EmbeddedKafka) -> (StreamingContext, crate::DStream<KafkaRecord>) {
        let ssc = StreamingContext::builder("test")
            .batch_duration(Duration::from_millis(10))
            .threads(1)
            .build()
            .unwrap();
        let source = KafkaSource::subscribe(["in"])
            .bootstrap_servers(kafka.bootstrap_servers())
            .group_id("test")
            .starting_offsets(StartingOffsets::Earliest);
        let stream = ssc.kafka_direct_stream(source).unwrap();
        (ssc, stream)
    }

    #[test]
    fn a_program_that_fails_is_not_waited_for() {
        let kafka = EmbeddedKafka::start().unwrap();
        kafka.create_topic("in", 1).unwrap();
        kafka.write("in", [((), "x")]).unwrap();
        let (ssc, stream) = program(&kafka);
        stream.foreach_rdd(|rdd| match rdd.count()? {
            0 => Ok(()),
            _ => Err::<_, BoxError>("full".into()),
        });
        let error = kafka
            .run_until_consumed(&ssc, "test", &["in"])
            .unwrap_err()
            .to_string();
        assert!(error.ends_with("failed: full"), "{error}");
    }

    #[tokio::test]
    async fn it_works_inside_a_runtime_and_goes_on_where_the_group_is() {
        let kafka = EmbeddedKafka::start().unwrap();
        kafka.create_topic("in", 3).unwrap();
        assert_eq!(kafka.read("in").unwrap().len(), 0);
        for more in [["a", "b"], ["c", "d"]] {
            kafka.write("in", more.map(|value| (value, value))).unwrap();
            let (ssc, stream) = program(&kafka);
            let values = crate::testkit::TestOutput::default();
            let collected = values.clone();
            stream.foreach_rdd_with_time(move |rdd, time| {
                let values = rdd.map(|record| record.value_utf8_lossy().into_owned());
                collected.push(time, values.collect()?);
                Ok::<_, EngineError>(())
            });
            kafka.run_until_consumed(&ssc, "test", &["in"]).unwrap();
            let mut values = values.take().concat();
            values.sort();
            assert_eq!(values, more);
        }
        assert_eq!(kafka.read("in").unwrap().len(), 4);
    }

    #[test]
    fn a_topic_there_is_already_is_named() {
        let kafka = EmbeddedKafka::start().unwrap();
        kafka.create_topic("in", 1).unwrap();
        let error = kafka.create_topic("in", 1).unwrap_err().to_string();
        assert!(
            error.starts_with("create_topic at ") && error.contains("\"in\""),
            "{error}"
        );
    }
}
