//! How fast the engine reads: back-pressure with a slow sink, and reading ahead of the batches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kafka_client::admin::{Admin, NewTopic};
use kafka_client::producer::{Producer, Record};
use stream_engine::kafka::{KafkaSource, StartingOffsets};
use stream_engine::testkit::Stepper;
use stream_engine::{BatchInfo, EngineError, ManualClock, StreamingContext, StreamingListener};
use tests::kafka::{WAIT, unique};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_into_a_slow_sink_keeps_delays_short_on_the_embedded_broker() {
    let broker = kafka_broker::Broker::builder().start().await.unwrap();
    burst_into_a_slow_sink(&broker.bootstrap_servers()).await;
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_burst_into_a_slow_sink_keeps_delays_short_on_a_real_kafka() {
    burst_into_a_slow_sink(&tests::kafka::bootstrap()).await;
}

#[derive(Default)]
struct Batches(Mutex<Vec<BatchInfo>>);

impl StreamingListener for Batches {
    fn on_batch_completed(&self, batch: &BatchInfo) {
        self.0.lock().unwrap().push(batch.clone());
    }
}

async fn topic(servers: &str) -> String {
    let topic = unique("rates");
    let admin = Admin::builder()
        .bootstrap_servers(servers)
        .build()
        .await
        .unwrap();
    let created = admin
        .create_topics([NewTopic::new(&topic).partitions(2)])
        .await
        .unwrap();
    created
        .into_iter()
        .for_each(|(_, result)| drop(result.unwrap()));
    topic
}

struct Writer {
    producer: Producer,
    topic: String,
    written: usize,
}

impl Writer {
    async fn to(servers: &str, topic: &str) -> Writer {
        let producer = Producer::builder().bootstrap_servers(servers);
        Writer {
            producer: producer.build().await.unwrap(),
            topic: topic.to_owned(),
            written: 0,
        }
    }

    /// Writes numbers, each the next.
    async fn write(&mut self, records: usize) {
        for n in self.written..self.written + records {
            let value = n.to_string();
            let record = Record::to(&self.topic)
                .partition((n % 2) as i32)
                .value(&value);
            drop(self.producer.send(record).await.unwrap());
        }
        self.producer.flush().await.unwrap();
        self.written += records;
    }

    /// A second of a steady rate.
    async fn trickle(&mut self, records_per_tick: usize) {
        let mut tick = tokio::time::interval(INTERVAL);
        for _ in 0..10 {
            tick.tick().await;
            self.write(records_per_tick).await;
        }
    }
}

const INTERVAL: Duration = Duration::from_millis(100);
/// The sink can do 5,000 records a second, 500 in an interval.
const PER_RECORD: Duration = Duration::from_micros(200);
const BURST: usize = 10_000;

async fn burst_into_a_slow_sink(servers: &str) {
    let topic = topic(servers).await;
    let batches = Arc::new(Batches::default());
    let ssc = StreamingContext::builder("rates")
        .batch_duration(INTERVAL)
        .threads(2)
        .listener(batches.clone())
        .build()
        .unwrap();
    let source = KafkaSource::subscribe([&topic])
        .bootstrap_servers(servers)
        .group_id(unique("group"))
        .starting_offsets(StartingOffsets::Earliest);
    let seen: Arc<Mutex<BTreeMap<usize, usize>>> = Arc::default();
    let counts = seen.clone();
    ssc.kafka_direct_stream(source)
        .unwrap()
        .map(|record| {
            record
                .value_utf8_lossy()
                .parse::<usize>()
                .unwrap_or(usize::MAX)
        })
        .foreach_rdd(move |rdd| {
            let numbers = rdd.collect()?;
            std::thread::sleep(PER_RECORD * numbers.len() as u32);
            let mut counts = counts.lock().unwrap();
            for number in numbers {
                *counts.entry(number).or_default() += 1;
            }
            Ok::<_, EngineError>(())
        });
    ssc.start().unwrap();

    // 1,000 a second, then ten times that at once, then 1,000 a second again.
    let mut writer = Writer::to(servers, &topic).await;
    writer.trickle(100).await;
    writer.write(BURST).await;
    let deadline = Instant::now() + WAIT;
    let wait = async |written: usize| {
        while seen.lock().unwrap().len() < written {
            let count = seen.lock().unwrap().len();
            assert!(
                Instant::now() < deadline,
                "{count} of {written} records within {WAIT:?}"
            );
            tokio::time::sleep(INTERVAL).await;
        }
    };
    wait(writer.written).await;
    let after_burst = batches.0.lock().unwrap().len();
    writer.trickle(100).await;
    wait(writer.written).await;
    ssc.stop_gracefully();
    assert!(ssc.await_termination_or_timeout(WAIT).await.unwrap());

    let seen = seen.lock().unwrap();
    assert!(
        seen.iter()
            .enumerate()
            .all(|(n, (number, count))| n == *number && *count == 1)
    );
    let batches = batches.0.lock().unwrap();
    let shown: Vec<_> = batches
        .iter()
        .filter(|batch| batch.num_records() > 0)
        .map(|batch| {
            (
                batch.num_records(),
                batch.total_delay(),
                batch.inputs[0].rate_limit,
            )
        })
        .collect();
    // Without back-pressure, the burst would be one batch of 2 s.
    let longest = batches
        .iter()
        .filter_map(BatchInfo::total_delay)
        .max()
        .unwrap();
    assert!(
        longest < Duration::from_millis(1000),
        "a batch took {longest:?}: {shown:?}"
    );
    let largest = batches.iter().map(BatchInfo::num_records).max().unwrap();
    assert!(largest < 3000, "a batch of {largest}: {shown:?}");
    // The rate is that of the sink, and there again after the burst.
    let last = batches[after_burst..]
        .iter()
        .rev()
        .find(|batch| batch.num_records() > 0);
    let limit = last.unwrap().inputs[0].rate_limit.unwrap();
    assert!(limit > 1500.0, "the rate is {limit}: {shown:?}");
    assert!(
        batches
            .iter()
            .all(|batch| batch.num_bytes() > 0 || batch.num_records() == 0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_batches_are_read_while_one_is_computed() {
    let broker = kafka_broker::Broker::builder().start().await.unwrap();
    let servers = broker.bootstrap_servers();
    let topic = topic(&servers).await;
    Writer::to(&servers, &topic).await.write(1000).await;
    let clock = ManualClock::default();
    let ssc = StreamingContext::builder("ahead")
        .batch_duration(INTERVAL)
        .threads(2)
        .clock(clock.clone())
        .build()
        .unwrap();
    // 20 records a batch.
    let source = KafkaSource::subscribe([&topic])
        .bootstrap_servers(&servers)
        .starting_offsets(StartingOffsets::Earliest)
        .max_rate_per_partition(100);
    let records = ssc.kafka_direct_stream(source).unwrap();
    records.foreach_rdd(|rdd| rdd.count().map(drop));
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    let deadline = Instant::now() + WAIT;
    while ssc.metrics().records == 0 {
        assert!(Instant::now() < deadline, "no record within {WAIT:?}");
        stepper.step().unwrap();
        tokio::task::yield_now().await;
    }
    // Whoever read only what a batch needs would have nothing for the next ones now.
    broker.shutdown().await;
    let before = ssc.metrics().records;
    for _ in 0..5 {
        stepper.step().unwrap();
    }
    let ahead = ssc.metrics().records - before;
    assert!(ahead >= 50, "only {ahead} records were read ahead");
}
