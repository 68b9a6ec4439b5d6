//! A streaming program over a topic that a test can wait for, and topics to read and write.

use std::sync::Arc;
use std::time::Duration;

use kafka_client::TopicPartition;
use kafka_client::admin::{Admin, NewPartitions, NewTopic};
use kafka_client::consumer::{Consumer, OffsetReset};
use kafka_client::producer::{Producer, Record};
use stream_engine::kafka::{KafkaRecord, KafkaSource, StartingOffsets};
use stream_engine::{
    Backpressure, BatchInfo, Clock, DStream, EngineError, ManualClock, StreamingContext,
    StreamingListener, SystemClock, Time, Trigger,
};
use tests::kafka::{WAIT, unique};
use tokio::sync::watch;

/// Short, so that a test's few records are several batches.
const INTERVAL: Duration = Duration::from_millis(20);

/// What has been committed so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Committed {
    pub(crate) records: u64,
    pub(crate) watermark: Option<Time>,
    /// The partitions of the stream with event time, and how many of them are idle.
    pub(crate) partitions: usize,
    pub(crate) idle_partitions: usize,
}

struct Recorder(watch::Sender<Committed>);

impl StreamingListener for Recorder {
    fn on_batch_completed(&self, batch: &BatchInfo) {
        self.0.send_modify(|committed| {
            committed.records += batch.num_records();
            if let [of_stream] = &batch.watermarks[..] {
                committed.watermark = of_stream.watermark;
                committed.partitions = of_stream.partitions;
                committed.idle_partitions = of_stream.idle_partitions;
            }
        });
    }
}

/// A running program.
pub(crate) struct Program {
    ssc: StreamingContext,
    /// Nothing if time passes by itself.
    clock: Option<ManualClock>,
    committed: watch::Receiver<Committed>,
}

impl Program {
    /// Starts what `describe` makes of a topic's records.
    pub(crate) fn start(
        source: KafkaSource,
        trigger: Trigger,
        describe: impl FnOnce(&DStream<KafkaRecord>) -> Result<(), EngineError>,
    ) -> Self {
        let usual = Backpressure::default();
        Self::start_by(SystemClock, None, usual, source, trigger, describe)
    }

    /// As [`Program::start`], by a clock of which the test says when much time passes.
    pub(crate) fn start_by_hand(
        source: KafkaSource,
        trigger: Trigger,
        describe: impl FnOnce(&DStream<KafkaRecord>) -> Result<(), EngineError>,
    ) -> Self {
        let clock = ManualClock::default();
        // A rate is records by time, which does not pass.
        let off = Backpressure::off();
        Self::start_by(clock.clone(), Some(clock), off, source, trigger, describe)
    }

    fn start_by(
        clock: impl Clock,
        by_hand: Option<ManualClock>,
        backpressure: Backpressure,
        source: KafkaSource,
        trigger: Trigger,
        describe: impl FnOnce(&DStream<KafkaRecord>) -> Result<(), EngineError>,
    ) -> Self {
        let (sender, committed) = watch::channel(Committed::default());
        let builder = StreamingContext::builder("test").batch_duration(INTERVAL);
        let builder = builder.trigger(trigger).threads(2).clock(clock);
        let builder = builder.backpressure(backpressure);
        let ssc = builder.listener(Arc::new(Recorder(sender))).build();
        let ssc = ssc.unwrap();
        let records = ssc.kafka_direct_stream(source).unwrap();
        describe(&records).unwrap();
        ssc.start().unwrap();
        Self {
            ssc,
            clock: by_hand,
            committed,
        }
    }

    /// Lets so much time pass at once.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.as_ref().unwrap().advance(time);
    }

    /// What has been committed as soon as it is as wanted. A clock set by hand goes on from batch to batch meanwhile: no two
    /// batches have the same time.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Committed) -> bool,
    ) -> Committed {
        let mut last = Committed::default();
        let waited = tokio::time::timeout(WAIT, async {
            loop {
                last = self.committed.borrow_and_update().clone();
                if wanted(&last) {
                    return true;
                }
                if let Some(clock) = &self.clock {
                    clock.advance(INTERVAL);
                }
                if self.committed.changed().await.is_err() {
                    return false;
                }
            }
        });
        if waited.await != Ok(true) {
            let now = Duration::from_millis(1);
            let ended = self.ssc.await_termination_or_timeout(now).await;
            panic!("no {what} within {WAIT:?}, ended: {ended:?}, committed: {last:?}");
        }
        last
    }

    /// Waits until so many records, in all, are committed.
    pub(crate) async fn records(&mut self, count: usize) -> Committed {
        let what = format!("{count} records");
        self.until(&what, |committed| committed.records >= count as u64)
            .await
    }

    /// Stops it after its batch.
    pub(crate) async fn stop(self) {
        self.ssc.stop_gracefully();
        let ended = self.ssc.await_termination_or_timeout(WAIT).await.unwrap();
        assert!(ended, "the context did not stop within {WAIT:?}");
    }
}

/// All of a topic from its beginning, looked at often.
pub(crate) fn source(servers: &str, topic: &str) -> KafkaSource {
    KafkaSource::subscribe([topic])
        .bootstrap_servers(servers)
        .group_id(unique("group"))
        .starting_offsets(StartingOffsets::Earliest)
        .discovery_interval(Duration::from_millis(100))
}

async fn admin(servers: &str) -> Admin {
    let admin = Admin::builder().bootstrap_servers(servers);
    admin.build().await.unwrap()
}

/// A new topic, of which records of any age are kept.
pub(crate) async fn create(servers: &str, name: &str, partitions: i32) -> String {
    let topic = unique(name);
    let new = NewTopic::new(&topic).partitions(partitions);
    let new = new.config("retention.ms", "-1");
    for (_, result) in admin(servers).await.create_topics([new]).await.unwrap() {
        result.unwrap();
    }
    topic
}

/// Gives the topic more partitions.
pub(crate) async fn grow(servers: &str, topic: &str, partitions: i32) {
    let grown = [(topic, NewPartitions::increase_to(partitions))];
    for (_, result) in admin(servers).await.create_partitions(grown).await.unwrap() {
        result.unwrap();
    }
}

/// Writes records, each to its partition, and waits until they are acknowledged.
pub(crate) async fn write(servers: &str, records: impl IntoIterator<Item = Record<'_>>) {
    let producer = Producer::builder().bootstrap_servers(servers);
    let producer = producer.build().await.unwrap();
    let mut deliveries = Vec::new();
    for record in records {
        deliveries.push(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    producer.close(WAIT).await.unwrap();
}

/// Keys and values of all that a topic has now, in order within each partition.
pub(crate) async fn read(servers: &str, topic: &str) -> Vec<(String, u64)> {
    let consumer = Consumer::builder().bootstrap_servers(servers);
    let consumer = consumer.auto_offset_reset(OffsetReset::Earliest);
    let consumer = consumer.build().await.unwrap();
    let partitions: Vec<TopicPartition> = consumer.partitions_for(topic).await.unwrap();
    consumer.assign(partitions.clone()).unwrap();
    let ends = consumer.end_offsets(&partitions).await.unwrap();
    let count = ends.values().sum::<i64>() as usize;
    let mut read = Vec::with_capacity(count);
    while read.len() < count {
        let polled = consumer.poll(WAIT).await.unwrap();
        assert!(
            !polled.is_empty(),
            "no records of {topic} within {WAIT:?}, {} of {count} read",
            read.len()
        );
        for record in polled.records() {
            let key = record.key_str().unwrap().unwrap().to_owned();
            let value = record.value_str().unwrap().unwrap();
            read.push((key, value.parse().unwrap()));
        }
    }
    consumer.close(WAIT).await.unwrap();
    read
}
