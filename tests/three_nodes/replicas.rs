//! Replicas that are closer, and leaders and replicas that are killed while they are read from.

use std::sync::Arc;
use std::time::Duration;

use kafka_client::TopicPartition;
use kafka_client::consumer::{Consumer, ConsumerBuilder, OffsetReset};
use kafka_client::producer::{Producer, Record};
use tests::kafka::unique;
use tests::nodes::Nodes;

use crate::{LIMIT, ONE_AT_A_TIME, admin, blocking, create, in_sync, leader, within};

/// Writes values `first..first + count` to partition 0.
async fn write(servers: &str, topic: &str, first: i64, count: i64) {
    let producer = Producer::builder().bootstrap_servers(servers).build();
    let producer = within("a producer", producer).await.unwrap();
    let mut deliveries = Vec::new();
    for n in first..first + count {
        let value = n.to_string();
        let record = Record::to(topic).partition(0).value(&value);
        deliveries.push(producer.send(record).await.unwrap());
    }
    for delivery in deliveries {
        within("a record is written", delivery).await.unwrap();
    }
    producer.close(LIMIT).await.unwrap();
}

async fn reading(
    servers: &str,
    topic: &str,
    set: impl FnOnce(ConsumerBuilder) -> ConsumerBuilder,
) -> Consumer {
    let builder = Consumer::builder()
        .bootstrap_servers(servers)
        .auto_offset_reset(OffsetReset::Earliest);
    let consumer = within("a consumer", set(builder).build()).await.unwrap();
    consumer.assign([TopicPartition::new(topic, 0)]).unwrap();
    consumer
}

/// Reads until there are `count` values in all.
async fn read(consumer: &Consumer, seen: &mut Vec<i64>, count: i64) {
    within(&format!("{count} records"), async {
        while (seen.len() as i64) < count {
            let records = consumer.poll(Duration::from_millis(200)).await.unwrap();
            let values = records.records().map(|record| {
                let value = record.value_str().unwrap().unwrap_or_default();
                value.parse::<i64>().unwrap()
            });
            seen.extend(values);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn the_replica_in_the_same_rack_is_read_from_and_nothing_is_lost_when_it_or_the_leader_dies()
{
    let _turn = ONE_AT_A_TIME.lock().await;
    let nodes = Arc::new(blocking(Nodes::start).await);
    let servers = nodes.bootstrap.clone();
    let admin = admin(&servers).await;
    let topic = unique("fetch");
    create(&admin, &topic, 1).await;
    write(&servers, &topic, 0, 100).await;
    let first_leader = leader(&admin, &topic).await;
    let partition = TopicPartition::new(&*topic, 0);
    for node in 1..=3 {
        let rack = format!("rack{node}");
        let consumer = reading(&servers, &topic, |builder| builder.client_rack(&rack)).await;
        let mut seen = Vec::new();
        read(&consumer, &mut seen, 100).await;
        let expected = (node != first_leader).then_some(node);
        within("the replica", async {
            while consumer.preferred_read_replica(&partition).unwrap() != expected {
                consumer.poll(Duration::from_millis(100)).await.unwrap();
            }
        })
        .await;
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
    }

    let plain = reading(&servers, &topic, |builder| builder).await;
    // Read from a replica that does not lead, as long as it does not.
    let closer = first_leader % 3 + 1;
    let rack = format!("rack{closer}");
    let in_rack = reading(&servers, &topic, |builder| builder.client_rack(&rack)).await;
    let (mut seen_plain, mut seen_in_rack) = (Vec::new(), Vec::new());
    let mut count = 100;
    for killed in [first_leader, closer] {
        in_sync(&admin, std::slice::from_ref(&topic)).await;
        write(&servers, &topic, count, 500).await;
        let fault = nodes.clone();
        blocking(move || fault.kill(killed)).await;
        write(&servers, &topic, count + 500, 500).await;
        count += 1000;
        read(&plain, &mut seen_plain, count).await;
        read(&in_rack, &mut seen_in_rack, count).await;
        let repair = nodes.clone();
        blocking(move || repair.restart(killed)).await;
    }
    let expected: Vec<i64> = (0..count).collect();
    assert_eq!(seen_plain, expected);
    assert_eq!(seen_in_rack, expected);
}
