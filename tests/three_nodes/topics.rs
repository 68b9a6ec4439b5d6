//! Topics that change while they are written and read, and while nodes fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kafka_client::admin::NewTopic;
use kafka_client::consumer::{Consumer, ConsumerBuilder, OffsetReset};
use kafka_client::producer::{Producer, Record};
use kafka_client::{Error, ErrorCode, TopicPartition};
use tests::kafka::unique;
use tests::nodes::Nodes;
use tokio::task::JoinHandle;

use crate::{DOWN, LIMIT, ONE_AT_A_TIME, admin, blocking, create, in_sync, leader, within};

/// Where a record is: its partition and offset.
type Place = (i32, i64);

/// Writes numbers in order, a few each millisecond, until it is told to stop.
struct Writer {
    stop: Arc<AtomicBool>,
    /// How many it has sent.
    sent: Arc<AtomicUsize>,
    /// What became of each.
    written: JoinHandle<Vec<kafka_client::Result<Place>>>,
}

impl Writer {
    fn start(servers: &str, topic: &str) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let sent = Arc::<AtomicUsize>::default();
        let (servers, topic) = (servers.to_owned(), topic.to_owned());
        let written = tokio::spawn(write(servers, topic, stop.clone(), sent.clone()));
        Self {
            stop,
            sent,
            written,
        }
    }

    async fn stop(self) -> Vec<kafka_client::Result<Place>> {
        self.stop.store(true, Ordering::Relaxed);
        self.written.await.unwrap()
    }
}

async fn write(
    servers: String,
    topic: String,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
) -> Vec<kafka_client::Result<Place>> {
    let builder = Producer::builder()
        .bootstrap_servers(&servers)
        .request_timeout(Duration::from_secs(3))
        .linger(Duration::ZERO)
        // A sticky partition is left often.
        .batch_size(200)
        .properties([("metadata.max.age.ms", "500")])
        .unwrap();
    let producer = within("a producer", builder.build()).await.unwrap();
    let mut deliveries = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..5 {
            let number = sent.fetch_add(1, Ordering::Relaxed).to_string();
            let sending = producer.send(Record::to(&topic).value(&number));
            deliveries.push(within("sending", sending).await);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mut places = Vec::new();
    for delivery in deliveries {
        places.push(match delivery {
            Ok(delivery) => {
                let written = within("an acknowledgement", delivery).await;
                written.map(|written| (written.partition.partition, written.offset.unwrap_or(-1)))
            }
            Err(error) => Err(error),
        });
    }
    within("closing", producer.close(LIMIT)).await.unwrap();
    places
}

fn reader(servers: &str) -> ConsumerBuilder {
    Consumer::builder()
        .bootstrap_servers(servers)
        .metadata_max_age(Duration::from_millis(500))
        .request_timeout(Duration::from_secs(3))
        .auto_offset_reset(OffsetReset::Earliest)
}

/// Notes the number that is read at each place.
async fn poll(consumer: &Consumer, seen: &mut BTreeMap<Place, usize>) {
    // A node that fails, or a topic that is away, is an error now and then.
    let Ok(records) = consumer.poll(Duration::from_millis(20)).await else {
        return;
    };
    for record in records.records() {
        let number = record.value_str().unwrap().unwrap_or_default();
        let number = number.parse().unwrap();
        let place = (record.partition().partition, record.offset());
        let before = seen.insert(place, number);
        assert!(before.is_none_or(|before| before == number), "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn partitions_that_are_added_while_a_leader_is_down_are_written_and_read_whole() {
    const MANY: i32 = 9;
    let _turn = ONE_AT_A_TIME.lock().await;
    let nodes = Arc::new(blocking(Nodes::start).await);
    let servers = nodes.bootstrap.clone();
    let (topic, group) = (unique("grows"), unique("group"));
    let admin = admin(&servers).await;
    create(&admin, &topic, 3).await;
    let mut members = Vec::new();
    for _ in 0..2 {
        let member = reader(&servers).group_id(&group);
        let member = member.session_timeout(Duration::from_secs(6));
        let member = within("a consumer", member.build()).await.unwrap();
        member.subscribe([&*topic]).unwrap();
        members.push(member);
    }
    let writer = Writer::start(&servers, &topic);
    let mut seen = BTreeMap::new();
    let partitions = |seen: &BTreeMap<Place, usize>| -> usize {
        let partitions: BTreeSet<i32> = seen.keys().map(|place| place.0).collect();
        partitions.len()
    };
    within("records of each partition", async {
        while partitions(&seen) < 3 {
            for member in &members {
                poll(member, &mut seen).await;
            }
        }
    })
    .await;

    let down = leader(&admin, &topic).await;
    let fault = {
        let (nodes, topic) = (nodes.clone(), topic.clone());
        tokio::task::spawn_blocking(move || {
            nodes.kill(down);
            std::thread::sleep(DOWN);
            let grow = ["--alter", "--topic", &topic, "--partitions"];
            let count = MANY.to_string();
            let arguments = [
                &["--bootstrap-server", &nodes.bootstrap],
                &grow[..],
                &[&*count],
            ];
            nodes.tool("topics", &arguments.concat());
            nodes.restart(down);
        })
    };
    within("records of each added partition", async {
        while partitions(&seen) < MANY as usize || !fault.is_finished() {
            for member in &members {
                poll(member, &mut seen).await;
            }
        }
    })
    .await;
    fault.await.unwrap();
    let written = writer.stop().await;
    within("all that is acknowledged", async {
        while seen.len() < written.len() {
            for member in &members {
                poll(member, &mut seen).await;
            }
        }
    })
    .await;
    let expected: BTreeMap<Place, usize> = written
        .into_iter()
        .enumerate()
        .map(|(number, place)| (place.unwrap(), number))
        .collect();
    assert_eq!(seen, expected);
    in_sync(&admin, std::slice::from_ref(&topic)).await;
    for member in members {
        within("leaving", member.close(LIMIT)).await.unwrap();
    }
}

/// All that a topic has, by its place.
async fn content(
    servers: &str,
    topic: &str,
    partitions: &[TopicPartition],
) -> BTreeMap<Place, usize> {
    let consumer = within("a consumer", reader(servers).build()).await.unwrap();
    let ends = within("the ends", consumer.end_offsets(partitions)).await;
    let count: i64 = ends.unwrap().values().sum();
    consumer.assign(partitions.iter().cloned()).unwrap();
    let mut seen = BTreeMap::new();
    within(&format!("all of {topic}"), async {
        while (seen.len() as i64) < count {
            poll(&consumer, &mut seen).await;
        }
    })
    .await;
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_topic_made_anew_while_it_is_used_has_all_that_is_acknowledged_from_then_on() {
    // As many as a topic has that comes into being by being asked for.
    const COUNT: i32 = 4;
    let _turn = ONE_AT_A_TIME.lock().await;
    let nodes = Arc::new(blocking(Nodes::start).await);
    let servers = nodes.bootstrap.clone();
    let topic = unique("anew");
    let admin = admin(&servers).await;
    create(&admin, &topic, COUNT).await;
    let partitions: Vec<_> = (0..COUNT)
        .map(|partition| TopicPartition::new(&*topic, partition))
        .collect();
    let consumer = within("a consumer", reader(&servers).build())
        .await
        .unwrap();
    consumer.assign(partitions.iter().cloned()).unwrap();
    for _ in 0..3 {
        let writer = Writer::start(&servers, &topic);
        let mut old = BTreeMap::new();
        within("records of the old topic", async {
            while old.len() < 500 {
                poll(&consumer, &mut old).await;
            }
        })
        .await;
        for (_, deleted) in admin.delete_topics([&topic]).await.unwrap() {
            deleted.unwrap();
        }
        let new = NewTopic::new(&topic)
            .partitions(COUNT)
            .replication_factor(3);
        let created = within("a topic", admin.create_topics([new])).await.unwrap();
        match &created[0].1 {
            // The producer may have had it created already by asking for it.
            Ok(_)
            | Err(Error::Broker {
                code: ErrorCode::TopicAlreadyExists,
                ..
            }) => {}
            Err(error) => panic!("{error}"),
        }
        let since = writer.sent.load(Ordering::Relaxed);
        within("a thousand records more", async {
            while writer.sent.load(Ordering::Relaxed) < since + 1000 {
                // What is read now may be of the old topic still.
                poll(&consumer, &mut BTreeMap::new()).await;
            }
        })
        .await;
        let written = writer.stop().await;
        let found = content(&servers, &topic, &partitions).await;
        for (number, place) in written.iter().enumerate().skip(since) {
            let place = place.as_ref().expect("the topic is there again");
            assert_eq!(found.get(place), Some(&number), "{place:?}");
        }
        let numbers: BTreeSet<usize> = found.values().copied().collect();
        assert_eq!(numbers.len(), found.len(), "a record is written twice");
        // Whoever has read the old topic reads the new one to its end.
        within("the end of the new topic", async {
            for partition in &partitions {
                let place = found.keys().rfind(|place| place.0 == partition.partition);
                let end = place.map_or(0, |place| place.1 + 1);
                while consumer.position(partition).await.unwrap() != end {
                    poll(&consumer, &mut BTreeMap::new()).await;
                }
            }
        })
        .await;
    }
}
