//! A broker, a producer, and what was written.

use std::time::Duration;

use kafka_broker::{Broker, BrokerBuilder};
use kafka_client::TopicPartition;
use kafka_client::consumer::{Consumer, OwnedRecord};
use kafka_client::producer::{Delivery, Producer, ProducerBuilder};

/// No wait of a test is longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Waits for something, and says what it was if it does not come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

pub(crate) async fn start_with(set: impl FnOnce(BrokerBuilder) -> BrokerBuilder) -> Broker {
    let broker = set(Broker::builder().auto_create_topics(false))
        .start()
        .await
        .unwrap();
    broker.create_topic("t", 3).unwrap();
    broker
}

pub(crate) async fn start() -> Broker {
    start_with(|broker| broker).await
}

pub(crate) async fn producer(
    broker: &Broker,
    set: impl FnOnce(ProducerBuilder) -> ProducerBuilder,
) -> Producer {
    let builder = Producer::builder().bootstrap_servers(broker.bootstrap_servers());
    within("a producer", set(builder).build()).await.unwrap()
}

/// The first `count` records of some partitions of a topic, each partition in order.
pub(crate) async fn read(
    broker: &Broker,
    topic: &str,
    partitions: i32,
    count: usize,
) -> Vec<OwnedRecord> {
    let servers = broker.local_addr().to_string();
    let consumer = within(
        "a consumer",
        Consumer::builder().bootstrap_servers(servers).build(),
    )
    .await
    .unwrap();
    let partitions = (0..partitions).map(|partition| (TopicPartition::new(topic, partition), 0));
    consumer.assign_at(partitions).unwrap();
    let mut seen = Vec::new();
    within("what was written", async {
        while seen.len() < count {
            let records = consumer.poll(Duration::from_millis(100)).await.unwrap();
            seen.extend(records.records().map(|record| record.into_owned()));
        }
    })
    .await;
    assert_eq!(seen.len(), count, "nothing else was written");
    seen
}

pub(crate) async fn all_written(
    deliveries: Vec<Delivery>,
) -> Vec<kafka_client::producer::RecordMetadata> {
    let mut written = Vec::new();
    for delivery in deliveries {
        written.push(within("a delivery", delivery).await.unwrap());
    }
    written
}
