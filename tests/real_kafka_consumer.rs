//! The consumer against a real Kafka, whose address is in `KAFKA_BOOTSTRAP`.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{Consumer, ConsumerBuilder, OffsetAndMetadata, OffsetReset};
use kafka_client::producer::{Producer, Record};
use kafka_client::{Compression, Error, TopicPartition};

const LIMIT: Duration = Duration::from_secs(60);

fn servers() -> String {
    std::env::var("KAFKA_BOOTSTRAP")
        .expect("KAFKA_BOOTSTRAP names a Kafka: tests/kafka/kafka.sh start")
}

/// A name that no earlier run has used.
fn fresh(name: &str) -> String {
    let time = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    format!("{name}-{}", time.as_nanos())
}

async fn topic(partitions: i32) -> String {
    let name = fresh("consumer");
    let admin = Admin::builder()
        .bootstrap_servers(servers())
        .build()
        .await
        .unwrap();
    let topic = NewTopic::new(name.clone())
        .partitions(partitions)
        .replication_factor(1);
    for (_, result) in admin.create_topics([topic]).await.unwrap() {
        result.unwrap();
    }
    name
}

async fn write(topic: &str, partitions: i32, first: i64, count: i64, compression: Compression) {
    let producer = Producer::builder()
        .bootstrap_servers(servers())
        .compression(compression)
        .build()
        .await
        .unwrap();
    for n in first..first + count {
        for partition in 0..partitions {
            let value = n.to_string();
            drop(
                producer
                    .send(Record::to(topic).partition(partition).value(&value))
                    .await
                    .unwrap(),
            );
        }
    }
    producer.flush().await.unwrap();
    producer.close(LIMIT).await.unwrap();
}

fn consumer() -> ConsumerBuilder {
    Consumer::builder()
        .bootstrap_servers(servers())
        .auto_offset_reset(OffsetReset::Earliest)
}

fn partitions(topic: &str, count: i32) -> Vec<TopicPartition> {
    (0..count)
        .map(|number| TopicPartition::new(topic, number))
        .collect()
}

/// Polls these consumers in turn until there are `count` records, given as partition, offset and value.
async fn read(consumers: &[&Consumer], count: usize) -> Vec<(i32, i64, String)> {
    let mut seen = Vec::new();
    let reading = async {
        while seen.len() < count {
            for consumer in consumers {
                for record in consumer
                    .poll(Duration::from_millis(20))
                    .await
                    .unwrap()
                    .records()
                {
                    let value = record.value_str().unwrap().unwrap_or_default().to_owned();
                    seen.push((record.partition().partition, record.offset(), value));
                }
            }
        }
    };
    let in_time = tokio::time::timeout(LIMIT, reading).await.is_ok();
    assert!(
        in_time,
        "{} of {count} records within {LIMIT:?}",
        seen.len()
    );
    seen
}

#[track_caller]
fn assert_whole(seen: &[(i32, i64, String)], partitions: i32, each: i64) {
    for partition in 0..partitions {
        let offsets: Vec<i64> = seen
            .iter()
            .filter(|record| record.0 == partition)
            .map(|record| record.1)
            .collect();
        assert_eq!(
            offsets,
            (0..each).collect::<Vec<_>>(),
            "partition {partition}"
        );
    }
    assert!(
        seen.iter()
            .all(|(_, offset, value)| *value == offset.to_string())
    );
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn every_record_is_read_once_and_in_order_in_every_compression() {
    let topic = topic(3).await;
    for (n, compression) in Compression::ALL.into_iter().enumerate() {
        write(&topic, 3, n as i64 * 2000, 2000, compression).await;
    }
    let consumer = consumer()
        .max_partition_fetch_bytes(4000)
        .build()
        .await
        .unwrap();
    consumer.assign(partitions(&topic, 3)).unwrap();
    assert_whole(&read(&[&consumer], 30_000).await, 3, 10_000);
    consumer
        .seek(&TopicPartition::new(&*topic, 1), 9_998)
        .unwrap();
    assert_eq!(
        read(&[&consumer], 2)
            .await
            .iter()
            .map(|record| record.1)
            .collect::<Vec<_>>(),
        [9_998, 9_999]
    );
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn members_of_a_group_share_partitions_and_lose_and_repeat_nothing() {
    let topic = topic(4).await;
    let group = fresh("group");
    let member = || {
        consumer()
            .group_id(&group)
            .heartbeat_interval(Duration::from_millis(100))
            .build()
    };
    write(&topic, 4, 0, 500, Compression::Lz4).await;
    let (one, two) = (member().await.unwrap(), member().await.unwrap());
    one.subscribe([&*topic]).unwrap();
    let mut seen = read(&[&one], 2000).await;
    two.subscribe([&*topic]).unwrap();
    let sharing = async {
        while one.assignment().len() != 2 || two.assignment().len() != 2 {
            seen.extend(read(&[&one, &two], 0).await);
            for consumer in [&one, &two] {
                assert!(
                    consumer
                        .poll(Duration::from_millis(20))
                        .await
                        .unwrap()
                        .is_empty(),
                    "read already"
                );
            }
        }
    };
    tokio::time::timeout(LIMIT, sharing)
        .await
        .expect("an even share");
    let all: BTreeSet<_> = one
        .assignment()
        .into_iter()
        .chain(two.assignment())
        .collect();
    assert_eq!(all.len(), 4);
    write(&topic, 4, 500, 500, Compression::None).await;
    seen.extend(read(&[&one, &two], 2000).await);
    one.close(LIMIT).await.unwrap();
    write(&topic, 4, 1000, 500, Compression::None).await;
    seen.extend(read(&[&two], 2000).await);
    assert_whole(&seen, 4, 1500);
    two.close(LIMIT).await.unwrap();
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn what_is_committed_is_where_the_group_goes_on() {
    let topic = topic(1).await;
    let group = fresh("group");
    write(&topic, 1, 0, 100, Compression::None).await;
    let first = consumer()
        .group_id(&group)
        .enable_auto_commit(false)
        .build()
        .await
        .unwrap();
    first.subscribe([&*topic]).unwrap();
    read(&[&first], 100).await;
    let name = TopicPartition::new(&*topic, 0);
    for offset in 1..60 {
        drop(
            first
                .commit_offsets_async([(name.clone(), OffsetAndMetadata::new(offset))])
                .unwrap(),
        );
    }
    let commit = OffsetAndMetadata {
        metadata: "here".into(),
        ..OffsetAndMetadata::new(60)
    };
    first
        .commit_offsets([(name.clone(), commit.clone())])
        .await
        .unwrap();
    assert_eq!(
        first.committed(std::slice::from_ref(&name)).await.unwrap()[&name],
        Some(commit)
    );
    first.close(LIMIT).await.unwrap();
    let second = consumer().group_id(&group).build().await.unwrap();
    second.subscribe([&*topic]).unwrap();
    assert_eq!(read(&[&second], 40).await[0].1, 60);
    second.close(LIMIT).await.unwrap();
    let third = consumer().group_id(&group).build().await.unwrap();
    assert_eq!(
        third.committed(std::slice::from_ref(&name)).await.unwrap()[&name],
        Some(OffsetAndMetadata {
            leader_epoch: Some(0),
            ..OffsetAndMetadata::new(100)
        })
    );
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn offsets_that_are_not_there_are_reset_or_told_of() {
    let topic = topic(1).await;
    write(&topic, 1, 0, 10, Compression::None).await;
    let name = TopicPartition::new(&*topic, 0);
    let none = consumer()
        .auto_offset_reset(OffsetReset::None)
        .build()
        .await
        .unwrap();
    none.assign_at([(name.clone(), 5000)]).unwrap();
    let expected = Error::OffsetOutOfRange {
        partition: name.clone(),
        offset: 5000,
        log_start: 0,
        log_end: 10,
    };
    assert_eq!(none.poll(LIMIT).await.unwrap_err(), expected);
    let earliest = consumer().build().await.unwrap();
    earliest.assign_at([(name.clone(), 5000)]).unwrap();
    assert_whole(&read(&[&earliest], 10).await, 1, 10);
    assert_eq!(
        earliest
            .end_offsets(std::slice::from_ref(&name))
            .await
            .unwrap()[&name],
        10
    );
    assert_eq!(
        earliest
            .offsets_for_times([(name.clone(), 0)])
            .await
            .unwrap()[&name],
        Some(0)
    );
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_static_member_comes_back_without_a_rebalance() {
    let topic = topic(2).await;
    let group = fresh("group");
    write(&topic, 2, 0, 10, Compression::None).await;
    let member = || {
        consumer()
            .group_id(&group)
            .group_instance_id("the-one")
            .build()
    };
    let first = member().await.unwrap();
    first.subscribe([&*topic]).unwrap();
    read(&[&first], 20).await;
    first.close(LIMIT).await.unwrap();
    write(&topic, 2, 10, 10, Compression::None).await;
    let second = member().await.unwrap();
    second.subscribe([&*topic]).unwrap();
    let seen = read(&[&second], 20).await;
    assert!(seen.iter().all(|record| record.1 >= 10), "{seen:?}");
    second.close(LIMIT).await.unwrap();
}
