//! Reading topics batch by batch.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_client::TopicPartition;
use kafka_client::consumer::{
    Consumer, ConsumerBuilder, ConsumerRecords, OffsetAndMetadata, OffsetReset,
};
use tokio::sync::Notify;

use super::KafkaRecord;
use super::io::Io;
use super::offsets::{OffsetRange, OffsetRanges};
use super::prefetch::Prefetched;
use super::rate::{Bounds, Rates};
use super::rdd::KafkaBatch;
use crate::{
    BatchInput, BoxError, DStream, EngineError, InputSource, Operator, SourceContext,
    StreamingContext, Time, Trigger,
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
    rates: Rates,
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
            rates: Rates::new(MAX_BATCH_BYTES),
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

    /// The most records a second that each partition gives to batches
    /// (`spark.streaming.kafka.maxRatePerPartition`). 0, the default, is no limit.
    ///
    /// With [`Trigger::Interval`] a batch has at most what the rate comes to in one batch interval, also where it stands for
    /// several missed ones; with [`Trigger::Continuous`] what it comes to in the time since the batch before. Where that is
    /// less than one record, batches have one every so often. (Spark would let one through in each batch.)
    #[must_use]
    pub fn max_rate_per_partition(self, records_per_second: u64) -> Self {
        self.max_rate_by_partition(move |_| records_per_second)
    }

    /// The same, for each partition its own (Spark's `PerPartitionConfig.maxRatePerPartition`).
    ///
    /// ```
    /// use stream_engine::kafka::KafkaSource;
    ///
    /// let source = KafkaSource::subscribe(["orders", "audit"])
    ///     .max_rate_by_partition(|partition| if &*partition.topic == "audit" { 100 } else { 10_000 });
    /// ```
    #[must_use]
    pub fn max_rate_by_partition(
        mut self,
        records_per_second: impl Fn(&TopicPartition) -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.rates.max = Arc::new(records_per_second);
        self
    }

    /// The records a second that a partition may always give, however slow batches are
    /// (`spark.streaming.kafka.minRatePerPartition`). 1 by default, as in Spark; counts more than the maximum.
    #[must_use]
    pub fn min_rate_per_partition(self, records_per_second: u64) -> Self {
        self.min_rate_by_partition(move |_| records_per_second)
    }

    /// The same, for each partition its own (Spark's `PerPartitionConfig.minRatePerPartition`).
    #[must_use]
    pub fn min_rate_by_partition(
        mut self,
        records_per_second: impl Fn(&TopicPartition) -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.rates.min = Arc::new(records_per_second);
        self
    }

    /// The most records that a batch has, of all partitions together, each giving in proportion to what it has. No limit by
    /// default; at least 1.
    #[must_use]
    pub fn max_batch_records(mut self, records: u64) -> Self {
        self.rates.batch_records = records.max(1);
        self
    }

    /// The most bytes that a batch has, uncompressed and in whole record batches, of which it has at least one; 32 MiB by
    /// default. Bounds the first batch after a long pause, too, and with it the memory: a batch that is computed and what is
    /// read ahead of the next one take about twice this.
    #[must_use]
    pub fn max_batch_bytes(mut self, bytes: usize) -> Self {
        self.rates.batch_bytes = bytes.max(1);
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
            .buffer_memory((self.rates.batch_bytes / 4).clamp(1 << 20, 16 << 20));
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
            backpressure: None,
            running: None,
        };
        self.input_stream_at(Operator::here("kafka_direct_stream"), input)
    }
}

struct DirectInput {
    settings: KafkaSource,
    /// Records a second that the back-pressure allows.
    backpressure: Option<f64>,
    running: Option<Running>,
}

struct Running {
    io: Io,
    consumer: Arc<Consumer>,
    context: SourceContext,
    ahead: Arc<Ahead>,
    pace: Pace,
    planned: Arc<[OffsetRange]>,
}

/// How much time a batch stands for.
#[derive(Debug, Clone, Copy)]
enum Pace {
    /// Always the same.
    Interval,
    /// That since the batch before, or since this time at least.
    Since(Time),
}

/// With [`Trigger::Continuous`], the most seconds without data whose rate the next batch may use at once.
const BURST: f64 = 1.0;

impl Running {
    /// The time that a batch stands for which is planned now, and that which may be saved up; in seconds.
    fn seconds(&mut self) -> (f64, f64) {
        match &mut self.pace {
            Pace::Interval => (self.context.batch_duration().as_secs_f64(), 0.0),
            Pace::Since(before) => {
                let now = self.context.clock().now();
                let passed = now.since(*before);
                *before = now;
                (passed.as_secs_f64(), BURST)
            }
        }
    }
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
            self.settings.rates.batch_bytes,
        ));
        let pace = match context.trigger() {
            Trigger::Interval => Pace::Interval,
            Trigger::Continuous => Pace::Since(context.clock().now()),
        };
        self.running = Some(Running {
            io,
            consumer,
            ahead,
            pace,
            context: context.clone(),
            planned: Arc::default(),
        });
        Ok(())
    }

    fn limit_rate(&mut self, records_per_second: f64) {
        self.backpressure = Some(records_per_second.max(0.0));
    }

    fn plan(&mut self, _time: Time) -> Result<Option<BatchInput<KafkaRecord>>, BoxError> {
        let running = self.running.as_mut().ok_or("the source is not started")?;
        let (seconds, burst) = running.seconds();
        let bounds = Bounds {
            rates: &self.settings.rates,
            backpressure: self.backpressure,
            seconds,
            burst,
        };
        // Where nothing but data makes a batch, markers between records do not.
        let also_gaps = matches!(running.pace, Pace::Interval);
        let taken = running.ahead.prefetched().take(bounds, also_gaps)?;
        running.ahead.room.notify_one();
        let Some(taken) = taken else { return Ok(None) };
        let (records, description) = (taken.records(), taken.description());
        running.planned = taken.ranges.into();
        let rdd = running.context.rdd_context().read(KafkaBatch {
            partitions: taken.batches,
        });
        let rdd = rdd.with_metadata(OffsetRanges(running.planned.clone()));
        Ok(Some(BatchInput {
            rdd,
            records,
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

/// How far the partitions of these records have been read, and how much there is behind that; of all partitions if there
/// are none.
async fn positions(
    consumer: &Consumer,
    records: &ConsumerRecords,
) -> Vec<(TopicPartition, i64, Option<i64>)> {
    let mut partitions: Vec<TopicPartition> = match records.is_empty() {
        true => consumer.assignment(),
        false => {
            let batches = records.batches().iter();
            batches.map(|batch| batch.partition().clone()).collect()
        }
    };
    partitions.dedup();
    let mut positions = Vec::with_capacity(partitions.len());
    for partition in partitions {
        // What has to be looked up is not waited for.
        let position = tokio::time::timeout(Duration::ZERO, consumer.position(&partition)).await;
        if let Ok(Ok(position)) = position {
            let lag = consumer.lag(&partition).ok().flatten();
            positions.push((partition, position, lag));
        }
    }
    positions
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
            Ok(records) => {
                let positions = positions(&consumer, &records).await;
                let mut prefetched = ahead.prefetched();
                let was_idle = prefetched.is_idle();
                records.into_iter().for_each(|batch| prefetched.push(batch));
                for (partition, position, lag) in positions {
                    prefetched.reached(&partition, position, lag);
                }
                if was_idle && !prefetched.is_idle() {
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
