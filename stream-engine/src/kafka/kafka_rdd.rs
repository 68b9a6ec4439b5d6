//! A batch job over ranges of offsets, without any stream.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kafka_client::Error;
use kafka_client::consumer::{Consumer, ConsumerBuilder, OwnedRecords, PartitionBatch};

use super::KafkaRecord;
use super::error::KafkaSourceError;
use super::io::Io;
use super::offsets::{OffsetRange, OffsetRanges};
use super::ranges::{check, check_within, of};
use super::settings::KafkaSource;
use crate::{BoxError, CHUNK, EngineError, Operator, Rdd, RddContext, RddSource, RecordReader};

/// Bytes that a partition that is being read may have in memory.
const BUFFER: usize = 8 << 20;
/// How long one wait for records lasts; after it, it is looked whether there are only gaps left.
const POLL: Duration = Duration::from_millis(50);

impl RddContext {
    /// The records of these ranges of offsets, each range one partition (Spark's `KafkaUtils.createRDD`). Of `source`, its
    /// addresses and [`property`](KafkaSource::property) settings count, such as `isolation.level`; the ranges say what is
    /// read, and no offsets are committed.
    ///
    /// Nothing is fetched before an action, and each action fetches anew: [`cache`](Rdd::cache) what is used twice. Records
    /// stream through, with a few megabytes in memory for each partition that is being read. Where compaction has removed
    /// records, or transactions have left markers, a range has fewer records than offsets. Ranges may overlap.
    ///
    /// Blocks until brokers have said that the ranges are there.
    ///
    /// # Errors
    /// [`EngineError::Failed`] with a [`KafkaSourceError`] that names the range: it is not there any more, not yet, or never;
    /// or the setting that cannot be right. The RDD's actions fail in the same way when a range goes meanwhile.
    ///
    /// ```no_run
    /// use kafka_client::TopicPartition;
    /// use stream_engine::RddContext;
    /// use stream_engine::kafka::{KafkaSource, OffsetRange};
    ///
    /// let source = KafkaSource::subscribe(["orders"]).bootstrap_servers("localhost:9092");
    /// let range = OffsetRange { partition: TopicPartition::new("orders", 0), from: 100, until: 200 };
    /// let orders = RddContext::new(0)?.kafka_rdd(&source, [range])?;
    /// let values = orders.map(|record| record.value_utf8_lossy().into_owned()).collect()?;
    /// # drop(values);
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn kafka_rdd(
        &self,
        source: &KafkaSource,
        ranges: impl IntoIterator<Item = OffsetRange>,
    ) -> Result<Rdd<KafkaRecord>, EngineError> {
        let operator = Operator::here("kafka_rdd");
        let ranges: Arc<[OffsetRange]> = ranges.into_iter().collect();
        let source = KafkaRanges::new(source, ranges.clone())
            .map_err(|error| EngineError::failed(operator, error))?;
        Ok(self
            .read_at(operator, source)
            .with_metadata(OffsetRanges(ranges)))
    }
}

struct KafkaRanges {
    ranges: Arc<[OffsetRange]>,
    connections: Arc<Connections>,
}

/// Consumers, one for each partition that is being read at the moment.
struct Connections {
    io: Io,
    builder: ConsumerBuilder,
    limit: Duration,
    idle: Mutex<Vec<Consumer>>,
}

impl Connections {
    fn take(&self) -> Result<Consumer, BoxError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        match idle {
            Some(consumer) => Ok(consumer),
            None => Ok(self.io.block_on(self.builder.clone().build())??),
        }
    }

    /// Takes one back.
    fn give_back(&self, consumer: Consumer) {
        if consumer.assign([]).is_ok() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.push(consumer);
        }
    }
}

impl KafkaRanges {
    fn new(source: &KafkaSource, ranges: Arc<[OffsetRange]>) -> Result<Self, BoxError> {
        source.check()?;
        let mut config = source.config()?;
        config.buffer_memory = BUFFER;
        let limit = config.client.api_timeout;
        let connections = Connections {
            io: Io::start()?,
            builder: Consumer::builder().config(config),
            limit,
            idle: Mutex::default(),
        };
        let (builder, asked) = (connections.builder.clone(), ranges.clone());
        let consumer = connections.io.run(async move {
            let consumer = builder.build().await?;
            check(&consumer, &asked).await?;
            Ok::<_, KafkaSourceError>(consumer)
        })??;
        connections.give_back(consumer);
        Ok(Self {
            ranges,
            connections: Arc::new(connections),
        })
    }
}

impl RddSource<KafkaRecord> for KafkaRanges {
    fn name(&self) -> &'static str {
        "kafka_rdd"
    }

    fn partitions(&self) -> usize {
        self.ranges.len()
    }

    fn open(&self, partition: usize) -> Result<Box<dyn RecordReader<KafkaRecord>>, BoxError> {
        let range = self.ranges[partition].clone();
        let consumer = match range.count() {
            0 => None,
            _ => Some(self.connections.take()?),
        };
        if let Some(consumer) = &consumer {
            consumer.assign_at([(range.partition.clone(), range.from)])?;
        }
        Ok(Box::new(Reader {
            connections: self.connections.clone(),
            consumer,
            range,
            polled: Vec::new().into_iter(),
            current: None,
        }))
    }
}

struct Reader {
    connections: Arc<Connections>,
    /// None once all is fetched.
    consumer: Option<Consumer>,
    range: OffsetRange,
    polled: std::vec::IntoIter<PartitionBatch>,
    current: Option<OwnedRecords>,
}

impl Reader {
    /// Fetches more records of the range; false when there are none left.
    fn fetch(&mut self) -> Result<bool, BoxError> {
        let since = Instant::now();
        let mut trouble = None;
        while let Some(consumer) = &self.consumer {
            let range = &self.range;
            let polled = self.connections.io.block_on(async {
                let records = consumer.poll(POLL).await?;
                // What has to be looked up is not waited for.
                let position = consumer.position(&range.partition);
                let position = tokio::time::timeout(Duration::ZERO, position).await;
                Ok((records, position.ok().transpose()?))
            })?;
            match polled {
                Ok((records, position)) => {
                    if position.is_some_and(|position| position >= range.until)
                        && let Some(consumer) = self.consumer.take()
                    {
                        self.connections.give_back(consumer);
                    }
                    let batches = records.into_batches().into_iter();
                    let within = batches.filter_map(|batch| batch.slice(range.from, range.until));
                    let within: Vec<_> = within.collect();
                    if !within.is_empty() {
                        self.polled = within.into_iter();
                        return Ok(true);
                    }
                }
                Err(Error::OffsetOutOfRange {
                    log_start, log_end, ..
                }) => {
                    check_within(range, log_start, log_end)?;
                    trouble = Some("the broker says that it is out of range".to_owned());
                }
                Err(error) if error.is_retriable() => trouble = Some(error.to_string()),
                Err(error) => return Err(of(range, error.to_string()).into()),
            }
            let waited = since.elapsed();
            if self.consumer.is_some() && waited >= self.connections.limit {
                let cause = trouble
                    .map(|cause| format!(": {cause}"))
                    .unwrap_or_default();
                let problem =
                    format!("nothing was read for {waited:.0?} (default.api.timeout.ms){cause}");
                return Err(of(range, problem).into());
            }
        }
        Ok(false)
    }
}

impl Drop for Reader {
    /// An action that needs no more records leaves its connections to the next.
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            self.connections.give_back(consumer);
        }
    }
}

impl RecordReader<KafkaRecord> for Reader {
    fn read(&mut self, out: &mut Vec<KafkaRecord>) -> Result<bool, BoxError> {
        let end = out.len() + CHUNK;
        while out.len() < end {
            let current = self.current.take();
            match current.or_else(|| self.polled.next().map(PartitionBatch::into_iter)) {
                Some(mut records) => {
                    out.extend(records.by_ref().take(end - out.len()));
                    self.current = Some(records).filter(|records| records.len() > 0);
                }
                // A chunk need not be full: what there is goes on before more is waited for.
                None if out.len() + CHUNK > end => return Ok(true),
                None if self.fetch()? => {}
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}
