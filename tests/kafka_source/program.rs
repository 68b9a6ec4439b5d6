//! A streaming program that a test can look into, and topics to read.

use std::sync::Arc;
use std::time::Duration;

use kafka_client::TopicPartition;
use kafka_client::admin::{Admin, NewTopic};
use kafka_client::producer::{Producer, Record};
use stream_engine::kafka::{KafkaSource, OffsetRange, StartingOffsets};
use stream_engine::{
    BatchInfo, EngineError, OffsetsLost, PartitionsChanged, StreamingContext, StreamingListener,
    Trigger,
};
use tests::kafka::WAIT;
use tokio::sync::watch;

/// What a program has seen so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Partition, offset and value of each record.
    pub(crate) records: Vec<(TopicPartition, i64, String)>,
    /// The ranges of each batch, and how many records it really had.
    pub(crate) batches: Vec<(Arc<[OffsetRange]>, usize)>,
    /// The number of records as listeners are told, and the description, of batches that are committed.
    pub(crate) completed: Vec<(u64, String)>,
    pub(crate) lost: Vec<OffsetsLost>,
    pub(crate) changed: Vec<PartitionsChanged>,
}

impl Seen {
    /// The values, sorted.
    pub(crate) fn values(&self) -> Vec<&str> {
        let values = self.records.iter().map(|(_, _, value)| value.as_str());
        let mut values: Vec<_> = values.collect();
        values.sort_unstable();
        values
    }
}

struct Recorder(watch::Sender<Seen>);

impl StreamingListener for Recorder {
    fn on_batch_completed(&self, batch: &BatchInfo) {
        let described: Vec<_> = batch
            .inputs
            .iter()
            .map(|input| input.description.clone())
            .collect();
        let completed = (batch.num_records(), described.concat());
        self.0.send_modify(|seen| seen.completed.push(completed));
    }

    fn on_offsets_lost(&self, lost: &OffsetsLost) {
        self.0.send_modify(|seen| seen.lost.push(lost.clone()));
    }

    fn on_partitions_changed(&self, changed: &PartitionsChanged) {
        self.0
            .send_modify(|seen| seen.changed.push(changed.clone()));
    }
}

/// A running program that remembers what it reads.
pub(crate) struct Program {
    pub(crate) ssc: StreamingContext,
    seen: watch::Receiver<Seen>,
}

impl Program {
    /// Describes the program and starts it.
    pub(crate) fn start(source: KafkaSource, trigger: Trigger) -> Result<Self, EngineError> {
        let (sender, seen) = watch::channel(Seen::default());
        let ssc = StreamingContext::builder("test")
            .batch_duration(Duration::from_millis(50))
            .trigger(trigger)
            .threads(2)
            .listener(Arc::new(Recorder(sender.clone())))
            .build()?;
        let records = ssc.kafka_direct_stream(source)?;
        records.foreach_rdd(move |rdd| {
            let ranges = rdd.offset_ranges();
            let of_record = |record: stream_engine::kafka::KafkaRecord| {
                let value = record.value_utf8_lossy().into_owned();
                (record.partition().clone(), record.offset(), value)
            };
            let read = rdd.map(of_record).collect()?;
            sender.send_modify(|seen| {
                let ranges = ranges.unwrap_or_default();
                seen.batches.push((ranges, read.len()));
                seen.records.extend(read);
            });
            Ok::<_, EngineError>(())
        });
        ssc.start()?;
        Ok(Self { ssc, seen })
    }

    /// What there is as soon as it is as wanted.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Seen) -> bool,
    ) -> Seen {
        let mut last = Seen::default();
        let waited = tokio::time::timeout(WAIT, async {
            loop {
                last = self.seen.borrow_and_update().clone();
                if wanted(&last) {
                    return true;
                }
                if self.seen.changed().await.is_err() {
                    return false;
                }
            }
        });
        let happened = waited.await;
        if happened != Ok(true) {
            let now = Duration::from_millis(1);
            let ended = self.ssc.await_termination_or_timeout(now).await;
            panic!("no {what} within {WAIT:?}, ended: {ended:?}, {last:?}");
        }
        last
    }

    /// What there is once so many records have been read and committed.
    pub(crate) async fn records(&mut self, count: usize) -> Seen {
        let what = format!("{count} records");
        self.until(&what, |seen| {
            let completed: u64 = seen.completed.iter().map(|(records, _)| records).sum();
            completed >= count as u64
        })
        .await
    }

    /// Stops it after its batch.
    pub(crate) async fn stop(self) {
        self.ssc.stop_gracefully();
        self.ended().await.unwrap();
    }

    /// Why it ends by itself.
    pub(crate) async fn failure(self) -> String {
        let error = self.ended().await.unwrap_err();
        error.to_string()
    }

    async fn ended(self) -> Result<(), EngineError> {
        let ended = self.ssc.await_termination_or_timeout(WAIT).await?;
        assert!(ended, "the context did not stop within {WAIT:?}");
        Ok(())
    }
}

/// A continuous program that reads all of these topics.
pub(crate) fn run(source: KafkaSource) -> Program {
    Program::start(source, Trigger::Continuous).unwrap()
}

/// Why a program does not start.
pub(crate) fn refused(source: KafkaSource) -> String {
    match Program::start(source, Trigger::Continuous) {
        Ok(_) => panic!("it has started"),
        Err(error) => error.to_string(),
    }
}

/// All of a topic from its beginning, looked at often.
pub(crate) fn source(servers: &str, topic: &str, group: &str) -> KafkaSource {
    settings(KafkaSource::subscribe([topic]), servers).group_id(group)
}

pub(crate) fn settings(source: KafkaSource, servers: &str) -> KafkaSource {
    source
        .bootstrap_servers(servers)
        .starting_offsets(StartingOffsets::Earliest)
        .discovery_interval(Duration::from_millis(100))
}

pub(crate) async fn admin(servers: &str) -> Admin {
    let admin = Admin::builder().bootstrap_servers(servers);
    admin.build().await.unwrap()
}

pub(crate) async fn create(servers: &str, topic: NewTopic) {
    for (_, result) in admin(servers).await.create_topics([topic]).await.unwrap() {
        result.unwrap();
    }
}

pub(crate) async fn delete(servers: &str, topic: &str) {
    for (_, result) in admin(servers).await.delete_topics([topic]).await.unwrap() {
        result.unwrap();
    }
}

pub(crate) async fn producer(servers: &str) -> Producer {
    let producer = Producer::builder().bootstrap_servers(servers);
    producer.build().await.unwrap()
}

/// Writes these values to a partition, and returns the offset after the last.
pub(crate) async fn write(servers: &str, topic: &str, partition: i32, values: &[&str]) -> i64 {
    let producer = producer(servers).await;
    let mut end = 0;
    for value in values {
        let record = Record::to(topic).partition(partition).value(value);
        let delivery = producer.send(record).await.unwrap().await.unwrap();
        end = delivery.offset.unwrap() + 1;
    }
    producer.close(WAIT).await.unwrap();
    end
}

pub(crate) fn at(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}
