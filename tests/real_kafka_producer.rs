//! The producer against a real Kafka, whose address is in `KAFKA_BOOTSTRAP`; `three_nodes` has what fails over.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kafka_client::admin::{Admin, NewTopic, OffsetSpec};
use kafka_client::consumer::{Consumer, OwnedRecord};
use kafka_client::producer::{Acks, Header, Producer, ProducerBuilder, Record};
use kafka_client::{Compression, Error, ErrorCode, TopicPartition};

/// No wait of a test is longer.
const LIMIT: Duration = Duration::from_secs(90);

/// Waits for something, and says what it was if it does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

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

async fn admin(servers: &str) -> Admin {
    within(
        "an admin client",
        Admin::builder().bootstrap_servers(servers).build(),
    )
    .await
    .unwrap()
}

async fn create(servers: &str, topic: NewTopic) {
    for (name, result) in within(
        "creating a topic",
        admin(servers).await.create_topics([topic]),
    )
    .await
    .unwrap()
    {
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

async fn topic(name: &str, partitions: i32) -> String {
    let name = fresh(name);
    create(&servers(), NewTopic::new(&name).partitions(partitions)).await;
    name
}

async fn producer(set: impl FnOnce(ProducerBuilder) -> ProducerBuilder) -> Producer {
    within(
        "a producer",
        set(Producer::builder().bootstrap_servers(servers())).build(),
    )
    .await
    .unwrap()
}

/// All records of a topic's partitions, each partition in order.
async fn read(servers: &str, topic: &str, partitions: i32) -> Vec<OwnedRecord> {
    let partitions: Vec<_> = (0..partitions)
        .map(|partition| TopicPartition::new(topic, partition))
        .collect();
    let asked = partitions
        .iter()
        .map(|partition| (partition.clone(), OffsetSpec::Latest));
    let ends = within("the ends", admin(servers).await.list_offsets(asked))
        .await
        .unwrap();
    let count: i64 = ends
        .iter()
        .map(|(_, end)| end.as_ref().unwrap().unwrap().offset)
        .sum();
    let consumer = within(
        "a consumer",
        Consumer::builder().bootstrap_servers(servers).build(),
    )
    .await
    .unwrap();
    consumer
        .assign_at(partitions.into_iter().map(|partition| (partition, 0)))
        .unwrap();
    let mut seen = Vec::new();
    within("what was written", async {
        while (seen.len() as i64) < count {
            let records = consumer.poll(Duration::from_millis(100)).await.unwrap();
            seen.extend(records.records().map(|record| record.into_owned()));
        }
    })
    .await;
    seen
}

fn text(record: &OwnedRecord) -> String {
    record.value_str().unwrap().unwrap_or_default().to_owned()
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn acknowledged_records_are_where_they_were_said_to_be_with_any_acks() {
    for (acks, has_offset) in [(Acks::All, true), (Acks::Leader, true), (Acks::None, false)] {
        let topic = topic("acks", 1).await;
        let producer = producer(|builder| builder.acks(acks)).await;
        let mut deliveries = Vec::new();
        for n in 0..1000 {
            deliveries.push(
                producer
                    .send(Record::to(&topic).value(&n.to_string()))
                    .await
                    .unwrap(),
            );
        }
        for (n, delivery) in (0..).zip(deliveries) {
            let written = within("a delivery", delivery).await.unwrap();
            assert_eq!(written.offset, has_offset.then_some(n), "{acks:?}");
        }
        within("closing", producer.close(LIMIT)).await.unwrap();
        // Nobody says when records are there that nobody acknowledges.
        let seen = within("all records", async {
            loop {
                let seen = read(&servers(), &topic, 1).await;
                if seen.len() == 1000 {
                    break seen;
                }
            }
        })
        .await;
        assert!(
            (0..1000)
                .zip(&seen)
                .all(|(n, record)| text(record) == n.to_string()),
            "{acks:?}"
        );
    }
}

/// A record's key and value.
type Parts<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn every_part_of_a_record_arrives_with_every_codec() {
    let headers = [
        Header::new("a", b"1"),
        Header {
            key: "a",
            value: None,
        },
    ];
    for compression in Compression::ALL {
        let topic = topic("codec", 1).await;
        let producer = producer(|builder| builder.compression(compression)).await;
        let long = "a long value ".repeat(1000);
        let records = [
            Record::to(&topic)
                .key("k")
                .value("v")
                .timestamp(1_700_000_000_123),
            Record::to(&topic).key("gone"),
            Record::to(&topic).key("").value(&long).headers(&headers),
        ];
        within("sending", producer.send_all(records)).await.unwrap();
        within("flushing", producer.flush()).await.unwrap();
        let seen = read(&servers(), &topic, 1).await;
        let parts: Vec<_> = seen
            .iter()
            .map(|record| (record.key(), record.value()))
            .collect();
        let expected: [Parts<'_>; 3] = [
            (Some(b"k"), Some(b"v")),
            (Some(b"gone"), None),
            (Some(b""), Some(long.as_bytes())),
        ];
        assert_eq!(parts, expected, "{}", compression.name());
        assert_eq!(seen[0].timestamp(), 1_700_000_000_123);
        assert_eq!(seen[2].headers().count(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn order_is_kept_with_many_compressed_batches_on_their_way() {
    for idempotence in ["true", "false"] {
        let topic = topic("order", 2).await;
        let producer = producer(|builder| {
            let builder = builder
                .compression(Compression::Gzip)
                .linger(Duration::ZERO)
                .batch_size(32 << 10);
            builder
                .properties([("enable.idempotence", idempotence)])
                .unwrap()
        })
        .await;
        let long = "0123456789abcdef".repeat(1500);
        for n in 0..2000 {
            let value = if n % 7 == 0 {
                format!("{n}:{long}")
            } else {
                format!("{n}:")
            };
            let sent = within(
                "sending",
                producer.send(Record::to(&topic).partition(n % 2).value(&value)),
            );
            let delivery = sent.await.unwrap();
            if n < 2 {
                // A broker that has yet to learn that it leads a new partition refuses the first batch, and then takes the
                // ones behind it: without idempotence nothing but one request at a time would keep the order there.
                within("the first of a partition", delivery).await.unwrap();
            }
        }
        within("flushing", producer.flush()).await.unwrap();
        let mut next = [0, 1];
        for record in read(&servers(), &topic, 2).await {
            let next = &mut next[record.partition().partition as usize];
            assert_eq!(
                text(&record).split(':').next(),
                Some(&*next.to_string()),
                "idempotence {idempotence}"
            );
            *next += 2;
        }
        assert_eq!(next, [2000, 2001]);
    }
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn what_the_broker_refuses_is_told_by_partition_and_what_is_too_large_is_split() {
    let name = fresh("small");
    create(
        &servers(),
        NewTopic::new(&name)
            .partitions(1)
            .config("max.message.bytes", "1000"),
    )
    .await;
    let producer = producer(|builder| builder.linger(Duration::from_secs(10))).await;
    let mut deliveries = Vec::new();
    for n in 0..100 {
        deliveries.push(
            producer
                .send(Record::to(&name).value(&format!("{n:0100}")))
                .await
                .unwrap(),
        );
    }
    within("the flush", producer.flush()).await.unwrap();
    for (n, delivery) in (0..).zip(deliveries) {
        assert_eq!(
            within("a delivery", delivery).await.unwrap().offset,
            Some(n)
        );
    }
    let refused = producer
        .send(Record::to(&name).value(&vec![0; 2000]))
        .await
        .unwrap();
    let error = within("the flush", producer.flush()).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&format!("for partition {name}-0, more than its topic takes (max.message.bytes): MESSAGE_TOO_LARGE")),
        "{error}"
    );
    assert!(within("the refusal", refused).await.is_err());
    // The sequence goes on behind the gap.
    let after = producer
        .send(Record::to(&name).value("after"))
        .await
        .unwrap();
    within("the flush", producer.flush()).await.unwrap();
    assert_eq!(
        within("the one after", after).await.unwrap().offset,
        Some(100)
    );
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_topic_made_anew_is_written_to_as_if_nothing_had_happened() {
    let name = topic("anew", 1).await;
    let producer = producer(|builder| builder).await;
    for _ in 0..3 {
        let delivery = within("sending", producer.send(Record::to(&name).value("old")))
            .await
            .unwrap();
        within("a delivery", delivery).await.unwrap();
    }
    let deleted = within("deleting", admin(&servers()).await.delete_topics([&name]))
        .await
        .unwrap();
    assert_eq!(deleted, [(name.clone(), Ok(()))]);
    within("creating it again", async {
        loop {
            let topic = NewTopic::new(&name).partitions(1);
            match &admin(&servers())
                .await
                .create_topics([topic])
                .await
                .unwrap()[0]
                .1
            {
                // The producer may have had it created already by asking for it.
                Ok(_)
                | Err(Error::Broker {
                    code: ErrorCode::TopicAlreadyExists,
                    ..
                }) => break,
                Err(error) => println!("not yet: {error}"),
            }
        }
    })
    .await;
    for n in 0..3 {
        let delivery = within("sending", producer.send(Record::to(&name).value("new")))
            .await
            .unwrap();
        assert_eq!(
            within("a delivery", delivery).await.unwrap().offset,
            Some(n)
        );
    }
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_topic_that_cannot_be_is_an_error_by_name() {
    let producer = producer(|builder| builder).await;
    let error = within("the refusal", producer.send(Record::to("not/a/topic")))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("topic \"not/a/topic\": INVALID_TOPIC_EXCEPTION"),
        "{error}"
    );
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn topics_are_created_listed_described_and_deleted() {
    let admin = admin(&servers()).await;
    let name = fresh("admin");
    let topics = [
        NewTopic::new(&name).partitions(3),
        NewTopic::new("not/a/topic"),
    ];
    let created = within("creating", admin.create_topics(topics))
        .await
        .unwrap();
    assert!(
        created
            .iter()
            .any(|(created, result)| created == &name && result.is_ok()),
        "{created:?}"
    );
    let refused = created
        .iter()
        .find(|(created, _)| created == "not/a/topic")
        .unwrap()
        .1
        .as_ref()
        .unwrap_err();
    assert!(matches!(
        refused,
        Error::Broker {
            code: ErrorCode::InvalidTopicException,
            message: Some(_),
            ..
        }
    ));
    let listed = async || {
        within("listing", admin.list_topics())
            .await
            .unwrap()
            .iter()
            .any(|topic| topic.name == name)
    };
    within("the topic in the list", async { while !listed().await {} }).await;
    let described = within("describing", admin.describe_topics([&name]))
        .await
        .unwrap();
    let description = described[0].1.as_ref().unwrap();
    assert_eq!(description.partitions.len(), 3);
    assert!(
        description
            .partitions
            .iter()
            .all(|partition| partition.leader.is_some())
    );
    within("deleting", admin.delete_topics([&name]))
        .await
        .unwrap()[0]
        .1
        .as_ref()
        .unwrap();
    within("the topic out of the list", async {
        while listed().await {}
    })
    .await;
}
