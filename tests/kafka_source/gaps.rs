//! Offsets that no record has.

use std::time::Duration;

use kafka_client::admin::NewTopic;
use kafka_client::consumer::{Consumer, OffsetReset};
use kafka_client::producer::{Producer, Record};
use stream_engine::Trigger;
use stream_engine::kafka::OffsetRange;
use tests::kafka::{WAIT, unique};

use crate::program::{Program, Seen, at, create, producer, run, source, write};

/// Compaction takes its time: Kafka looks for work every 15 s unless it is told otherwise.
const COMPACTION: Duration = Duration::from_secs(90);

/// A topic of which compaction has taken records, and how many offsets and records it has.
async fn compacted(servers: &str) -> (String, usize, usize) {
    let topic = unique("compacted");
    let new = NewTopic::new(&topic).partitions(1);
    let new = new.config("cleanup.policy", "compact");
    let new = new.config("min.cleanable.dirty.ratio", "0.01");
    create(servers, new.config("segment.ms", "100")).await;
    let producer = producer(servers).await;
    for n in 0..200 {
        let (key, value) = (format!("k{}", n % 10), format!("v{n}"));
        let record = Record::to(&topic).partition(0).key(&key).value(&value);
        producer.send(record).await.unwrap().await.unwrap();
    }
    let mut written = 200;
    let compacted = tokio::time::timeout(COMPACTION, async {
        loop {
            // A segment is compacted once another has begun, which a record begins.
            let record = Record::to(&topic).partition(0).key("last").value("last");
            producer.send(record).await.unwrap().await.unwrap();
            written += 1;
            let kept = count(servers, &topic, written).await;
            if kept < 100 {
                return kept;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    compacted.await.expect("records to be gone by compaction");
    // Nothing more is written, so that only what is there already may go.
    let kept = count(servers, &topic, written).await;
    producer.close(WAIT).await.unwrap();
    (topic, written, kept)
}

/// How many records there are below offset `end`.
async fn count(servers: &str, topic: &str, end: usize) -> usize {
    let consumer = Consumer::builder()
        .bootstrap_servers(servers)
        .auto_offset_reset(OffsetReset::Earliest)
        .build()
        .await
        .unwrap();
    consumer.assign([at(topic, 0)]).unwrap();
    let mut records = 0;
    while consumer.position(&at(topic, 0)).await.unwrap() < end as i64 {
        records += consumer.poll(WAIT).await.unwrap().len();
    }
    records
}

fn offsets_and_records(seen: &Seen) -> (u64, usize) {
    let ranges = seen.batches.iter().flat_map(|(ranges, _)| ranges.iter());
    (ranges.map(|range| range.count()).sum(), seen.records.len())
}

pub(crate) async fn a_compacted_topic_has_fewer_records_than_offsets(servers: &str) {
    let (topic, written, kept) = compacted(servers).await;
    let mut program = run(source(servers, &topic, &unique("group")));
    let all = |seen: &Seen| offsets_and_records(seen).0 == written as u64;
    let seen = program.until("batches of all offsets", all).await;
    let (_, records) = offsets_and_records(&seen);
    // Meanwhile compaction may have gone on.
    assert!((11..=kept).contains(&records), "{records} of {kept}");
    for key in 0..10 {
        let newest = format!("v{}", 190 + key);
        assert!(
            seen.values().contains(&&*newest),
            "{newest} in {:?}",
            seen.values()
        );
    }
    let seen = program.records(records).await;
    let told: u64 = seen.completed.iter().map(|(records, _)| records).sum();
    assert_eq!(told, records as u64);
    program.stop().await;

    // Under limits, where record batches are cut, the same.
    let slow = source(servers, &topic, &unique("group")).max_batch_records(7);
    let mut program = run(slow);
    let seen = program.until("batches of all offsets", all).await;
    assert!((11..=records).contains(&seen.records.len()));
    assert!(
        seen.batches.iter().all(|(_, records)| *records <= 7),
        "{:?}",
        seen.batches
    );
    program.stop().await;
}

/// A committed transaction of "a" and "b", an aborted one of "x" and "y", a committed one of "c", and one that is still open.
/// The producer of the last, and where it begins.
pub(crate) async fn transactional(servers: &str, topic: &str) -> (Producer, i64) {
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        .transactional_id(unique("id"))
        .build()
        .await
        .unwrap();
    producer.init_transactions().await.unwrap();
    let mut end = 0;
    for (values, commits) in [
        (&["a", "b"][..], true),
        (&["x", "y"], false),
        (&["c"], true),
    ] {
        producer.begin_transaction().await.unwrap();
        for value in values {
            let record = Record::to(topic).partition(0).value(value);
            end = producer
                .send(record)
                .await
                .unwrap()
                .await
                .unwrap()
                .offset
                .unwrap()
                + 2;
        }
        match commits {
            true => producer.commit_transaction().await.unwrap(),
            false => producer.abort_transaction().await.unwrap(),
        }
    }
    producer.begin_transaction().await.unwrap();
    let record = Record::to(topic).partition(0).value("open");
    producer.send(record).await.unwrap().await.unwrap();
    (producer, end)
}

pub(crate) async fn transactions_leave_gaps_that_are_told_honestly(servers: &str) {
    let topic = unique("transactions");
    create(servers, NewTopic::new(&topic).partitions(1)).await;
    let (producer, open) = transactional(servers, &topic).await;
    assert_eq!(open, 8, "five records and three markers");
    let committed = |group: &str| {
        let source = source(servers, &topic, group);
        source.property("isolation.level", "read_committed")
    };
    let group = unique("group");
    let mut program = Program::start(committed(&group), Trigger::Interval).unwrap();
    // The ranges have the markers, up to the last, and what was aborted.
    let seen = program
        .until("8 offsets", |seen| offsets_and_records(seen).0 == 8)
        .await;
    assert_eq!(seen.values(), ["a", "b", "c"]);
    let seen = program
        .until("a batch told of", |seen| {
            seen.completed
                .iter()
                .map(|(records, _)| records)
                .sum::<u64>()
                == 3
        })
        .await;
    assert!(
        seen.completed
            .iter()
            .any(|(_, text)| text.contains(" records)")),
        "{:?}",
        seen.completed
    );
    program.stop().await;

    let mut program = run(source(servers, &topic, &unique("group")));
    let seen = program.records(6).await;
    assert_eq!(seen.values(), ["a", "b", "c", "open", "x", "y"]);
    program.stop().await;

    // What was open is read once it is committed, and the committed offset is behind the last marker.
    producer.commit_transaction().await.unwrap();
    let mut program = Program::start(committed(&group), Trigger::Interval).unwrap();
    let seen = program
        .until("2 offsets more", |seen| offsets_and_records(seen).0 == 2)
        .await;
    assert_eq!(seen.values(), ["open"]);
    assert_eq!(seen.records[0].1, 8);
    program.stop().await;
    producer.close(WAIT).await.unwrap();
}

pub(crate) async fn an_empty_topic_has_empty_batches(servers: &str) {
    let topic = unique("empty");
    create(servers, NewTopic::new(&topic).partitions(2)).await;
    let mut program =
        Program::start(source(servers, &topic, &unique("group")), Trigger::Interval).unwrap();
    let seen = program
        .until("three batches", |seen| seen.completed.len() >= 3)
        .await;
    let two_empty =
        |ranges: &[OffsetRange]| ranges.len() == 2 && ranges.iter().all(|range| range.count() == 0);
    assert!(
        seen.batches.iter().all(|(ranges, _)| two_empty(ranges)),
        "{:?}",
        seen.batches
    );
    assert!(seen.records.is_empty() && seen.batches.iter().all(|(_, records)| *records == 0));
    write(servers, &topic, 1, &["a"]).await;
    assert_eq!(program.records(1).await.values(), ["a"]);
    program.stop().await;
}
