//! Reading topics batch by batch.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_client::TopicPartition;
use kafka_client::consumer::{Consumer, ConsumerBuilder, OffsetAndMetadata, OffsetReset};
use tokio::sync::Notify;

use super::KafkaRecord;
use super::io::Io;
use super::offsets::{OffsetRange, OffsetRanges};
use super::prefetch::Prefetched;
use super::rdd::KafkaBatch;
use crate::{
    BatchInput, BoxError, DStream, EngineError, InputSource, Operator, SourceContext,
    StreamingContext, Time,
};

/// Where a partition is read from when the group has committed no offset for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartingOffsets {
    /// From the oldest record.
    Earliest,
    /// From what is written after the start.
    #[default]
    Latest,
}

/// Settings for reading topics, with [`kafka_direct_stream`](StreamingContext::kafka_direct_stream).
#[derive(Debug, Clone)]
pub struct KafkaSource {
    topics: Vec<String>,
    bootstrap_servers: String,
    group_id: Option<String>,
    starting_offsets: StartingOffsets,
    max_rate_per_partition: Option<u64>,
    max_batch_bytes: usize,
    properties: Vec<(String, String)>,
}

/// Bytes that a batch has at most; what is read ahead for the next one comes on top.
const MAX_BATCH_BYTES: usize = 32 << 20;

impl KafkaSource {
    /// Reads all partitions of these topics (Spark's `ConsumerStrategies.Subscribe`).
    pub fn subscribe(topics: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            topics: topics.into_iter().map(Into::into).collect(),
            bootstrap_servers: String::new(),
            group_id: None,
            starting_offsets: StartingOffsets::default(),
            max_rate_per_partition: None,
            max_batch_bytes: MAX_BATCH_BYTES,
            properties: Vec::new(),
        }
    }

    /// `bootstrap.servers`: `HOST:PORT`, or several separated by commas.
    #[must_use]
    pub fn bootstrap_servers(mut self, servers: impl Into<String>) -> Self {
        self.bootstrap_servers = servers.into();
        self
    }

    /// `group.id`: under whose name offsets are committed, and where a restarted program goes on. Without one nothing is
    /// committed.
    #[must_use]
    pub fn group_id(mut self, group: impl Into<String>) -> Self {
        self.group_id = Some(group.into());
        self
    }

    /// Where to begin where nothing is committed.
    #[must_use]
    pub fn starting_offsets(mut self, starting: StartingOffsets) -> Self {
        self.starting_offsets = starting;
        self
    }

    /// The most offsets a second that a partition gives to a batch
    /// (`spark.streaming.kafka.maxRatePerPartition`).
    #[must_use]
    pub fn max_rate_per_partition(mut self, offsets_per_second: u64) -> Self {
        self.max_rate_per_partition = Some(offsets_per_second);
        self
    }

    /// The most bytes that a batch has, uncompressed; 32 MiB by default. Bounds the first batch after a long pause, too, and
    /// with it the memory: a batch that is computed and what is read ahead of the next one take about twice this.
    #[must_use]
    pub fn max_batch_bytes(mut self, bytes: usize) -> Self {
        self.max_batch_bytes = bytes.max(1);
        self
    }

    /// A consumer setting by its Kafka name, such as `fetch.max.wait.ms`. One that is unknown or invalid makes `start`
    /// fail.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.properties.push((name.into(), value.into()));
        self
    }

    fn consumer(&self) -> Result<ConsumerBuilder, kafka_client::Error> {
        let builder = Consumer::builder()
            .bootstrap_servers(&self.bootstrap_servers)
            .client_id("stream-engine")
            .enable_auto_commit(false)
            // A topic whose name is mistyped is an error, and not a new topic.
            .allow_auto_create_topics(false)
            .auto_offset_reset(match self.starting_offsets {
                StartingOffsets::Earliest => OffsetReset::Earliest,
                StartingOffsets::Latest => OffsetReset::Latest,
            })
            // What is read ahead waits here and not in the consumer.
            .buffer_memory((self.max_batch_bytes / 4).clamp(1 << 20, 16 << 20));
        let builder = match &self.group_id {
            Some(group) => builder.group_id(group),
            None => builder,
        };
        builder.properties(self.properties.clone())
    }
}

impl StreamingContext {
    /// A stream of the records of Kafka topics. Each batch has what was written since the one before, within the source's
    /// limits, and one RDD partition for each Kafka partition. Records are read ahead while earlier batches are computed.
    ///
    /// A batch's offsets are committed once all output operations have succeeded. The source reads all partitions by
    /// itself: a group shared with other programs only stores the offsets.
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started. What is wrong with the settings, the cluster or the topics is
    /// told by [`start`](Self::start).
    ///
    /// ```no_run
    /// use stream_engine::StreamingContext;
    /// use stream_engine::kafka::KafkaSource;
    ///
    /// # fn example(ssc: StreamingContext) -> Result<(), stream_engine::EngineError> {
    /// let source = KafkaSource::subscribe(["lines"]).bootstrap_servers("localhost:9092").group_id("word-count");
    /// let lines = ssc.kafka_direct_stream(source)?;
    /// lines.map(|record| record.value_utf8_lossy().into_owned()).print();
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn kafka_direct_stream(
        &self,
        source: KafkaSource,
    ) -> Result<DStream<KafkaRecord>, EngineError> {
        let input = DirectInput {
            settings: source,
            running: None,
        };
        self.input_stream_at(Operator::here("kafka_direct_stream"), input)
    }
}

struct DirectInput {
    settings: KafkaSource,
    running: Option<Running>,
}

struct Running {
    io: Io,
    consumer: Arc<Consumer>,
    context: SourceContext,
    ahead: Arc<Ahead>,
    offsets_per_batch: u64,
    planned: Arc<[OffsetRange]>,
}

/// What the reading task and the scheduler share.
struct Ahead {
    prefetched: Mutex<Prefetched>,
    /// Something was taken, so that there is room again.
    room: Notify,
}

impl Ahead {
    fn prefetched(&self) -> MutexGuard<'_, Prefetched> {
        self.prefetched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DirectInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectInput")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// How long a source that stops waits for its connections.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// How long one wait for records lasts; nothing hangs on it but how often the task looks up.
const POLL: Duration = Duration::from_secs(1);

impl InputSource<KafkaRecord> for DirectInput {
    fn name(&self) -> &'static str {
        "kafka_direct_stream"
    }

    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        let io = Io::start()?;
        let builder = self.settings.consumer()?;
        let settings = self.settings.clone();
        let (consumer, positions) = io.run(async move { connect(builder, &settings).await })??;
        let ahead = Arc::new(Ahead {
            prefetched: Mutex::new(Prefetched::new(positions)),
            room: Notify::new(),
        });
        io.spawn(read_ahead(
            consumer.clone(),
            ahead.clone(),
            context.clone(),
            self.settings.max_batch_bytes,
        ));
        let seconds = context.batch_duration().as_secs_f64();
        let rate = self.settings.max_rate_per_partition;
        self.running = Some(Running {
            offsets_per_batch: rate
                .map_or(u64::MAX, |rate| ((rate as f64 * seconds) as u64).max(1)),
            io,
            consumer,
            ahead,
            context: context.clone(),
            planned: Arc::default(),
        });
        Ok(())
    }

    fn plan(&mut self, _time: Time) -> Result<Option<BatchInput<KafkaRecord>>, BoxError> {
        let running = self.running.as_mut().ok_or("the source is not started")?;
        let taken = running.ahead.prefetched().take(running.offsets_per_batch)?;
        running.ahead.room.notify_one();
        let Some(taken) = taken else { return Ok(None) };
        running.planned = taken.ranges.into();
        let read = running.planned.iter().filter(|range| range.count() > 0);
        let description = read
            .map(OffsetRange::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        let rdd = running.context.rdd_context().read(KafkaBatch {
            partitions: taken.batches,
        });
        let rdd = rdd.with_metadata(OffsetRanges(running.planned.clone()));
        Ok(Some(BatchInput {
            rdd,
            records: taken.records,
            description,
        }))
    }

    fn commit(&mut self, _time: Time) -> Result<(), BoxError> {
        let running = self.running.as_mut().ok_or("the source is not started")?;
        let planned = std::mem::take(&mut running.planned);
        let offsets: Vec<(TopicPartition, OffsetAndMetadata)> = planned
            .iter()
            .filter(|range| range.count() > 0)
            .map(|range| (range.partition.clone(), OffsetAndMetadata::new(range.until)))
            .collect();
        if self.settings.group_id.is_none() || offsets.is_empty() {
            return Ok(());
        }
        let consumer = running.consumer.clone();
        running
            .io
            .run(async move { consumer.commit_offsets(offsets).await })??;
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            let consumer = running.consumer;
            running
                .io
                .close(async move { consumer.close(CLOSE_LIMIT).await });
        }
    }
}

/// Finds the topics' partitions, and where to begin in each.
async fn connect(
    builder: ConsumerBuilder,
    settings: &KafkaSource,
) -> kafka_client::Result<(Arc<Consumer>, Vec<(TopicPartition, i64)>)> {
    let consumer = builder.build().await?;
    let mut partitions = Vec::new();
    for topic in &settings.topics {
        partitions.extend(consumer.partitions_for(topic).await?);
    }
    consumer.assign(partitions.clone())?;
    let mut positions = Vec::with_capacity(partitions.len());
    for partition in partitions {
        let position = consumer.position(&partition).await?;
        positions.push((partition, position));
    }
    Ok((Arc::new(consumer), positions))
}

/// Reads on while there is room, until something is wrong.
async fn read_ahead(
    consumer: Arc<Consumer>,
    ahead: Arc<Ahead>,
    context: SourceContext,
    max_bytes: usize,
) {
    loop {
        while ahead.prefetched().bytes() >= max_bytes {
            ahead.room.notified().await;
        }
        match consumer.poll(POLL).await {
            Ok(records) if records.is_empty() => {}
            Ok(records) => {
                let was_idle = {
                    let mut prefetched = ahead.prefetched();
                    let was_idle = prefetched.is_idle();
                    records.into_iter().for_each(|batch| prefetched.push(batch));
                    was_idle
                };
                if was_idle {
                    context.wakeup().notify();
                }
            }
            Err(error) if error.is_retriable() => tracing::warn!(%error, "reading from Kafka"),
            Err(error) => {
                ahead.prefetched().fail(error);
                return context.wakeup().notify();
            }
        }
    }
}
