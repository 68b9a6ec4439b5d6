//! Fetching from a real Kafka, whose address is in `KAFKA_BOOTSTRAP`: leaders that are killed, replicas that are closer,
//! topics made anew. What takes three brokers passes over a cluster of one.

use std::process::Command;
use std::time::Duration;

use kafka_client::TopicPartition;
use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{Consumer, ConsumerBuilder, OffsetReset};
use kafka_client::producer::{Producer, Record};
use tests::kafka::{WAIT, bootstrap, unique};
use tokio::sync::Mutex;

/// Only one test at a time may have a broker down.
static BROKERS: Mutex<()> = Mutex::const_new(());

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    // A broker that comes back takes its time.
    let limit = WAIT * 4;
    tokio::time::timeout(limit, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {limit:?}"))
}

async fn admin() -> Admin {
    let admin = Admin::builder().bootstrap_servers(bootstrap()).build();
    within("an admin", admin).await.unwrap()
}

/// A topic with a replica on each of three brokers; `None` on a smaller cluster.
async fn replicated(admin: &Admin) -> Option<String> {
    if admin.brokers().await.unwrap().len() < 3 {
        println!("passed over: it takes three brokers (kafka.sh start --nodes 3)");
        return None;
    }
    let name = unique("fetch");
    let topic = NewTopic::new(&name).partitions(1).replication_factor(3);
    for (_, created) in admin.create_topics([topic]).await.unwrap() {
        created.unwrap();
    }
    Some(name)
}

async fn leader(admin: &Admin, topic: &str) -> i32 {
    within("a leader", async {
        loop {
            let (_, described) = admin.describe_topics([topic]).await.unwrap().remove(0);
            if let Some(leader) = described.ok().and_then(|topic| topic.partitions[0].leader) {
                return leader;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
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

async fn reading(topic: &str, set: impl FnOnce(ConsumerBuilder) -> ConsumerBuilder) -> Consumer {
    let builder = Consumer::builder()
        .bootstrap_servers(bootstrap())
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

/// Runs `kafka.sh` on the cluster that `KAFKA_NAME` names.
fn kafka_sh(command: &str, node: i32) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/kafka/kafka.sh");
    let status = Command::new(script)
        .args([command, &node.to_string()])
        .status()
        .expect("bash");
    assert!(status.success(), "kafka.sh {command} {node}");
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn the_replica_in_the_same_rack_is_read_from() {
    let _brokers = BROKERS.lock().await;
    let admin = admin().await;
    let Some(topic) = replicated(&admin).await else {
        return;
    };
    write(&topic, 0, 100).await;
    let leader = leader(&admin, &topic).await;
    let partition = TopicPartition::new(&*topic, 0);
    for node in 1..=3 {
        let rack = format!("rack{node}");
        let consumer = reading(&topic, |builder| {
            builder.properties([("client.rack", &rack)]).unwrap()
        })
        .await;
        let mut seen = Vec::new();
        read(&consumer, &mut seen, 100).await;
        let expected = (node != leader).then_some(node);
        within("the replica", async {
            while consumer.preferred_read_replica(&partition).unwrap() != expected {
                consumer.poll(Duration::from_millis(100)).await.unwrap();
            }
        })
        .await;
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
    }
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn nothing_is_lost_or_read_twice_while_leaders_and_closer_replicas_are_killed() {
    let _brokers = BROKERS.lock().await;
    let admin = admin().await;
    let Some(topic) = replicated(&admin).await else {
        return;
    };
    let plain = reading(&topic, |builder| builder).await;
    let mut seen_plain = Vec::new();
    let in_rack = reading(&topic, |builder| {
        builder.properties([("client.rack", "rack2")]).unwrap()
    })
    .await;
    let mut seen_in_rack = Vec::new();
    for round in 0..3 {
        write(&topic, 1000 * round, 500).await;
        let killed = if round == 1 {
            2
        } else {
            leader(&admin, &topic).await
        };
        kafka_sh("kill", killed);
        write(&topic, 1000 * round + 500, 500).await;
        let count = 1000 * (round + 1);
        read(&plain, &mut seen_plain, count).await;
        read(&in_rack, &mut seen_in_rack, count).await;
        kafka_sh("restart", killed);
    }
    let expected: Vec<i64> = (0..3000).collect();
    assert_eq!(seen_plain, expected);
    assert_eq!(seen_in_rack, expected);
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_topic_made_anew_is_read_whole() {
    let _brokers = BROKERS.lock().await;
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
    let consumer = reading(&topic, |builder| builder).await;
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
