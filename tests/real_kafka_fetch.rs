//! Fetching from a real Kafka, whose address is in `KAFKA_BOOTSTRAP`; what takes three nodes is in `three_nodes`.

use std::time::Duration;

use kafka_client::TopicPartition;
use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{Consumer, OffsetReset};
use kafka_client::producer::{Producer, Record};
use tests::kafka::{WAIT, bootstrap, unique};

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {WAIT:?}"))
}

async fn admin() -> Admin {
    let admin = Admin::builder().bootstrap_servers(bootstrap()).build();
    within("an admin", admin).await.unwrap()
}

/// Writes values `first..first + count` to partition 0.
async fn write(topic: &str, first: i64, count: i64) {
    let producer = Producer::builder().bootstrap_servers(bootstrap()).build();
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
    producer.close(WAIT).await.unwrap();
}

async fn reading(topic: &str) -> Consumer {
    let builder = Consumer::builder()
        .bootstrap_servers(bootstrap())
        .auto_offset_reset(OffsetReset::Earliest);
    let consumer = within("a consumer", builder.build()).await.unwrap();
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

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_topic_made_anew_is_read_whole() {
    let admin = admin().await;
    let topic = unique("fetch-anew");
    let create = async || {
        let anew = NewTopic::new(&topic).partitions(1).replication_factor(1);
        for (_, created) in admin.create_topics([anew]).await.unwrap() {
            created.unwrap();
        }
    };
    create().await;
    write(&topic, 0, 10).await;
    let consumer = reading(&topic).await;
    let mut seen = Vec::new();
    read(&consumer, &mut seen, 10).await;
    for (_, deleted) in admin.delete_topics([&topic]).await.unwrap() {
        deleted.unwrap();
    }
    create().await;
    write(&topic, 100, 30).await;
    let mut anew = Vec::new();
    within("the new records", async {
        while anew.len() < 30 {
            // For a moment there is no such topic.
            if let Ok(records) = consumer.poll(Duration::from_millis(200)).await {
                anew.extend(records.records().map(|record| record.offset()));
            }
        }
    })
    .await;
    assert_eq!(anew, (0..30).collect::<Vec<_>>());
}
