//! Reading topics batch by batch.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kafka_client::TopicPartition;
use kafka_client::consumer::Consumer;

use super::KafkaRecord;
use super::commit::{CommitMode, Committer};
use super::error::KafkaSourceError;
use super::io::Io;
use super::offsets::{OffsetRange, OffsetRanges};
use super::rate::Bounds;
use super::rdd::KafkaBatch;
use super::reader::{Ahead, Event, Reader};
use super::settings::KafkaSource;
use super::starting::{Beginning, Found, beginnings};
use super::topics::{Wanted, is_missing};
use crate::{
    BatchInput, BoxError, DStream, EngineError, InputSource, Operator, SourceContext,
    StreamingContext, Time, Trigger,
};

impl StreamingContext {
    /// A stream of the records of Kafka topics (Spark's `KafkaUtils.createDirectStream`). Each batch has what was written
    /// since the one before, within the source's limits, and one RDD partition for each Kafka partition. Records are read
    /// ahead while earlier batches are computed.
    ///
    /// A batch's offsets are committed once all output operations have succeeded, or when the program says so
    /// ([`CommitMode`]). The source reads all partitions by itself: a group shared with other programs only stores the
    /// offsets.
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started; [`EngineError::Failed`] with a [`KafkaSourceError`] when a
    /// setting or the pattern of topics cannot be right. What is wrong with the cluster or the topics is told by
    /// [`start`](Self::start), and what goes wrong later by [`await_termination`](Self::await_termination).
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
        let operator = Operator::here("kafka_direct_stream");
        let checked = source
            .check()
            .and_then(|()| source.config())
            .and_then(|_| Wanted::new(&source.topics));
        let wanted = checked.map_err(|error| EngineError::failed(operator, error.into()))?;
        let input = DirectInput {
            settings: source,
            wanted,
            backpressure: None,
            running: None,
        };
        self.input_stream_at(operator, input)
    }
}

struct DirectInput {
    settings: KafkaSource,
    wanted: Wanted,
    /// Records a second that the back-pressure allows.
    backpressure: Option<f64>,
    running: Option<Running>,
}

struct Running {
    io: Arc<Io>,
    consumer: Arc<Consumer>,
    committer: Arc<Committer>,
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
/// How long a source that stops waits for its connections.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

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

    /// Commits what was read. A topic that was deleted has no place for offsets any more: under a pattern, that is no error.
    fn commit(&self, ranges: &[OffsetRange], wanted: &Wanted) -> Result<(), KafkaSourceError> {
        let error = match self.committer.commit(ranges) {
            Err(KafkaSourceError::Client(error)) if is_missing(&error) => error,
            result => return result,
        };
        let (consumer, asked) = (self.consumer.clone(), wanted.clone());
        let now = self
            .io
            .run(async move { asked.now(&consumer).await })
            .map_err(|_| KafkaSourceError::Client(error.clone()))??;
        let is_gone = |range: &OffsetRange| !now.topics.contains(&range.partition.topic);
        if wanted.is_open() {
            self.committer.keep_topics(&now.topics);
            let left = ranges.iter().filter(|range| !is_gone(range)).cloned();
            return self.committer.commit(&left.collect::<Vec<_>>());
        }
        Err(match ranges.iter().find(|range| is_gone(range)) {
            None => error.into(),
            Some(range) => KafkaSourceError::TopicDeleted {
                topic: range.partition.topic.to_string(),
            },
        })
    }
}

impl fmt::Debug for DirectInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectInput")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl InputSource<KafkaRecord> for DirectInput {
    fn name(&self) -> &'static str {
        "kafka_direct_stream"
    }

    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        let io = Arc::new(Io::start()?);
        let (settings, wanted) = (self.settings.clone(), self.wanted.clone());
        let (consumer, begin) = io.run(async move { connect(&settings, &wanted).await })??;
        let committer = Arc::new(Committer::new(io.clone(), consumer.clone()));
        let ahead = Arc::new(Ahead::default());
        let mut partitions = BTreeSet::new();
        for beginning in begin {
            let Beginning {
                partition, offset, ..
            } = beginning;
            if !beginning.is_committed {
                committer.begins(partition.clone(), offset);
            }
            if let Some(lost) = beginning.lost {
                tracing::warn!(?lost, "records are gone that were to be read");
                Event::Lost(lost).tell(context);
            }
            ahead.prefetched().add([(partition.clone(), offset)]);
            partitions.insert(partition);
        }
        if let CommitMode::Manual(commits) = &self.settings.commit {
            commits.attach(&committer)?;
        }
        let reader = Reader {
            consumer: consumer.clone(),
            committer: committer.clone(),
            ahead: ahead.clone(),
            wakeup: context.wakeup().clone(),
            settings: self.settings.clone(),
            wanted: self.wanted.clone(),
            partitions,
            missing: HashMap::new(),
        };
        io.spawn(reader.run());
        let pace = match context.trigger() {
            Trigger::Interval => Pace::Interval,
            Trigger::Continuous => Pace::Since(context.clock().now()),
        };
        self.running = Some(Running {
            io,
            consumer,
            committer,
            context: context.clone(),
            ahead,
            pace,
            planned: Arc::default(),
        });
        Ok(())
    }

    fn limit_rate(&mut self, records_per_second: f64) {
        self.backpressure = Some(records_per_second.max(0.0));
    }

    fn plan(&mut self, _time: Time) -> Result<Option<BatchInput<KafkaRecord>>, BoxError> {
        let running = self.running.as_mut().ok_or("the source is not started")?;
        for event in running.ahead.take_events() {
            event.tell(&running.context);
        }
        let (seconds, burst) = running.seconds();
        let bounds = Bounds {
            rates: &self.settings.rates,
            backpressure: self.backpressure,
            seconds,
            burst,
        };
        // A batch that takes place in any case has its ranges also without records, as in Spark.
        let even_empty = matches!(running.pace, Pace::Interval);
        let taken = running.ahead.prefetched().take(bounds, even_empty)?;
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
        if self.settings.group_id.is_none() || matches!(self.settings.commit, CommitMode::Manual(_))
        {
            return Ok(());
        }
        let read: Vec<OffsetRange> = planned
            .iter()
            .filter(|range| range.count() > 0)
            .cloned()
            .collect();
        Ok(running.commit(&read, &self.wanted)?)
    }

    fn stop(&mut self) {
        if let CommitMode::Manual(commits) = &self.settings.commit {
            commits.detach();
        }
        if let Some(running) = self.running.take() {
            let (consumer, committer) = (running.consumer, running.committer);
            running.io.close(async move {
                let _ = tokio::time::timeout(CLOSE_LIMIT, committer.finish()).await;
                consumer.close(CLOSE_LIMIT).await
            });
        }
    }
}

/// Finds the partitions, and where to begin in each.
async fn connect(
    settings: &KafkaSource,
    wanted: &Wanted,
) -> Result<(Arc<Consumer>, Vec<Beginning>), KafkaSourceError> {
    let consumer = settings.consumer()?.build().await?;
    let partitions: Vec<TopicPartition> =
        wanted.at_the_start(&consumer).await?.into_iter().collect();
    if partitions.is_empty() {
        tracing::warn!(topics = ?settings.topics, "no topic matches yet");
    }
    let begin = beginnings(&consumer, settings, &partitions, Found::AtTheStart).await?;
    consumer.assign_at(
        begin
            .iter()
            .map(|each| (each.partition.clone(), each.offset)),
    )?;
    Ok((Arc::new(consumer), begin))
}
