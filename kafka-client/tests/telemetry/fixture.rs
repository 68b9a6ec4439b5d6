//! A broker, its clients, and what they tell.

use std::time::Duration;

use kafka_broker::{Broker, BrokerBuilder};
use kafka_client::TopicPartition;
use kafka_client::consumer::{Consumer, ConsumerBuilder, OffsetReset};
use kafka_client::events::{Event, EventStream};
use kafka_client::producer::{Producer, ProducerBuilder, Record};

/// No wait of a test is longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Waits for something, and says what it was if it does not come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// A broker with the topic `t`.
pub(crate) async fn start(
    partitions: i32,
    set: impl FnOnce(BrokerBuilder) -> BrokerBuilder,
) -> Broker {
    let builder = Broker::builder()
        .auto_create_topics(false)
        .group_min_session_timeout(Duration::ZERO);
    let broker = set(builder).start().await.unwrap();
    broker.create_topic("t", partitions).unwrap();
    broker
}

pub(crate) fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("t", number)
}

pub(crate) async fn producer(
    servers: &str,
    set: impl FnOnce(ProducerBuilder) -> ProducerBuilder,
) -> Producer {
    let builder = Producer::builder().bootstrap_servers(servers);
    within("a producer", set(builder).build()).await.unwrap()
}

/// A consumer that begins with the oldest records.
pub(crate) async fn consumer(
    servers: &str,
    set: impl FnOnce(ConsumerBuilder) -> ConsumerBuilder,
) -> Consumer {
    let builder = Consumer::builder()
        .bootstrap_servers(servers)
        .auto_offset_reset(OffsetReset::Earliest);
    within("a consumer", set(builder).build()).await.unwrap()
}

/// Writes records to a partition, a batch each.
pub(crate) async fn write(producer: &Producer, number: i32, count: usize) {
    for _ in 0..count {
        let record = Record::to("t").partition(number).value("a value");
        let delivery = producer.send(record).await.unwrap();
        within("a delivery", delivery).await.unwrap();
    }
}

/// Polls until there were so many records; errors pass.
pub(crate) async fn read(consumer: &Consumer, count: usize) {
    let mut seen = 0;
    within("records", async {
        while seen < count {
            if let Ok(records) = consumer.poll(Duration::from_millis(50)).await {
                seen += records.records().count();
            }
        }
    })
    .await;
    assert_eq!(seen, count, "and no more");
}

/// The next event that is what is looked for; the others pass.
pub(crate) async fn next<T>(
    events: &mut EventStream,
    what: &str,
    mut look: impl FnMut(&Event) -> Option<T>,
) -> T {
    within(what, async {
        loop {
            let event = events.next().await.expect("the client lives");
            if let Some(found) = look(&event) {
                return found;
            }
        }
    })
    .await
}
