//! The direct stream, on a real Kafka.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use kafka_client::TopicPartition;
use kafka_client::admin::{Admin, NewTopic};
use kafka_client::producer::{Producer, Record};
use stream_engine::kafka::{KafkaSource, OffsetRange, StartingOffsets};
use stream_engine::testkit::{Stepper, secs};
use stream_engine::{EngineError, ManualClock, StreamingContext};
use tests::kafka::{WAIT, bootstrap, unique};

use crate::recording::{Recording, spark};

/// Records of each partition.
const BACKLOG: [i64; 3] = [73, 25, 0];

async fn write_backlog(servers: &str, topic: &str) {
    let admin = Admin::builder()
        .bootstrap_servers(servers)
        .build()
        .await
        .unwrap();
    for (_, created) in admin
        .create_topics([NewTopic::new(topic).partitions(BACKLOG.len() as i32)])
        .await
        .unwrap()
    {
        created.unwrap();
    }
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        .build()
        .await
        .unwrap();
    for (partition, count) in (0..).zip(BACKLOG) {
        for n in 0..count {
            let value = format!("record {} of {partition}", n % 7);
            drop(
                producer
                    .send(Record::to(topic).partition(partition).value(&value))
                    .await
                    .unwrap(),
            );
        }
    }
    producer.close(WAIT).await.unwrap();
}

async fn committed(servers: &str, group: &str, topic: &str) -> Vec<String> {
    let admin = Admin::builder()
        .bootstrap_servers(servers)
        .build()
        .await
        .unwrap();
    let offsets = admin.list_group_offsets(group, None).await.unwrap();
    let mut lines = Vec::new();
    for (partition, offset) in offsets {
        assert_eq!(&*partition.topic, topic);
        lines.extend(
            offset
                .unwrap()
                .map(|offset| format!("{}: {}", partition.partition, offset.offset)),
        );
    }
    lines.sort_unstable();
    lines
}

/// The ranges that are not empty, of each partition in order.
fn ranges(lines: impl Iterator<Item = String>) -> BTreeMap<String, Vec<String>> {
    let mut by_partition = BTreeMap::<String, Vec<String>>::new();
    for line in lines.filter(|line| !line.ends_with("count 0")) {
        let (partition, range) = line.split_once(": ").expect("a partition and a range");
        by_partition
            .entry(partition.to_owned())
            .or_default()
            .push(range.to_owned());
    }
    by_partition
}

fn sums(counts: &Recording) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for (_, count) in counts.records() {
        let (word, count) = count.split_once(' ').expect("a word and its count");
        *sums.entry(word.to_owned()).or_default() += count.parse::<u64>().expect("a count");
    }
    sums
}

/// A backlog, ten records a second and partition. Batch by batch a partition gives the same offsets as in Spark; only the
/// first batch may come before anything is read, where Spark waits.
///
/// What is committed in the end is all that was processed. Spark's `commitAsync` only queues: the offsets of the last batch
/// are lost when the program stops.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn kafka_direct() {
    let (servers, topic, group) = (bootstrap(), unique("recorded"), unique("recorder"));
    write_backlog(&servers, &topic).await;
    let (seen, counted) = (
        Arc::new(Mutex::new(Vec::<OffsetRange>::new())),
        Arc::new(Mutex::new(Recording::default())),
    );
    let (ranges_of, counts_of, to_read) = (seen.clone(), counted.clone(), servers.clone());
    let source = KafkaSource::subscribe([topic.as_str()])
        .bootstrap_servers(&servers)
        .group_id(&group)
        .starting_offsets(StartingOffsets::Earliest)
        .max_rate_per_partition(10);
    let run = move || -> Result<(), EngineError> {
        let clock = ManualClock::default();
        let ssc = StreamingContext::builder("recorder")
            .batch_duration(secs(1))
            .clock(clock.clone())
            .build()?;
        let records = ssc.kafka_direct_stream(source)?;
        let read = ranges_of.clone();
        records.foreach_rdd(move |rdd| {
            ranges_of.lock().unwrap().extend(
                rdd.offset_ranges()
                    .iter()
                    .flat_map(|ranges| ranges.iter().cloned()),
            );
        });
        let counts = records
            .flat_map(|record| {
                record
                    .value_utf8_lossy()
                    .split(' ')
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .map(|word| (word, 1u64))
            .reduce_by_key(|a, b| a + b);
        counts.foreach_rdd_with_time(move |rdd, time| {
            let records = rdd
                .collect()?
                .iter()
                .map(|(word, count)| format!("{word} {count}"))
                .collect();
            counts_of.lock().unwrap().add(time.as_millis(), records);
            Ok::<_, EngineError>(())
        });
        let mut stepper = Stepper::start(&ssc, &clock)?;
        let began = Instant::now();
        let backlog: i64 = BACKLOG.iter().sum();
        let done = || {
            read.lock()
                .unwrap()
                .iter()
                .map(|range| range.count() as i64)
                .sum::<i64>()
                == backlog
        };
        while !done() {
            assert!(
                began.elapsed() < WAIT,
                "the backlog of {to_read} was not read within {WAIT:?}"
            );
            stepper.step()?;
        }
        Ok(())
    };
    tokio::task::spawn_blocking(run).await.unwrap().unwrap();

    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let ours = seen.iter().map(|range| {
        assert_eq!(
            range.partition,
            TopicPartition::new(topic.as_str(), range.partition.partition)
        );
        format!(
            "{}: {} to {}, count {}",
            range.partition.partition,
            range.from,
            range.until,
            range.count()
        )
    });
    let recorded = spark("kafka_ranges");
    assert_eq!(
        ranges(ours),
        ranges(recorded.records().map(|(_, range)| range.to_owned()))
    );
    assert_eq!(sums(&counted.lock().unwrap()), sums(&spark("kafka_counts")));

    assert_eq!(
        committed(&servers, &group, &topic).await,
        ["0: 73", "1: 25", "2: 0"]
    );
    assert_eq!(
        spark("kafka_committed").0[&8000],
        ["0: 70", "1: 25", "2: 0"]
    );
}
