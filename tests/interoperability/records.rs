//! Records, written by one and read by the other, with every codec, in transactions and without.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use kafka_client::consumer::{Consumer, Isolation};
use kafka_client::producer::{Header, Producer, Record};
use kafka_client::{Compression, TopicPartition};
use tests::kafka::unique;

use crate::peer::{Kind, Peer};
use crate::{Cluster, LIMIT, within};

const PARTITIONS: i32 = 2;

/// Its name, and its value if that is not null.
type OwnedHeader = (String, Option<Vec<u8>>);

/// A record with all its parts.
#[derive(Debug, Clone)]
struct Parts {
    partition: i32,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<OwnedHeader>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "-".to_owned(), |bytes| format!("={}", hex(bytes)))
}

impl Parts {
    /// As the peers have it.
    fn line(&self) -> String {
        let (key, value) = (text(self.key.as_deref()), text(self.value.as_deref()));
        let mut line = format!("record {} {} {key} {value}", self.partition, self.timestamp);
        for (name, value) in &self.headers {
            let _ = write!(line, " {}{}", hex(name.as_bytes()), text(value.as_deref()));
        }
        line
    }
}

/// Every kind of key, value and header, and enough small ones for batches of many.
fn all_kinds(prefix: &str) -> Vec<Parts> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.expect("a clock after 1970").as_millis() as i64;
    let plain = |partition, key: Option<&[u8]>, value: Option<&[u8]>| Parts {
        partition,
        timestamp: now - 1000,
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        headers: Vec::new(),
    };
    let header = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
    let mut records = vec![
        plain(0, Some(b"k"), Some(b"v")),
        plain(1, None, Some(b"no key")),
        plain(0, Some(b"a tombstone"), None),
        plain(1, Some(b""), Some(b"")),
        plain(0, Some(&[0, 255, 128]), Some(&[254, 0, 10, 13])),
        plain(1, Some(b"long"), Some(&prefix.as_bytes().repeat(20_000))),
    ];
    records[0].headers = vec![header("a", Some(b"1"))];
    records[2].headers = vec![
        header("a", Some(b"1")),
        header("null", None),
        header("a", Some(b"twice")),
        header("empty", Some(b"")),
        header("ключ", Some(&[0, 255])),
    ];
    for n in 0..300 {
        let mut record = plain(n % 2, None, Some(format!("{prefix} {n}").as_bytes()));
        record.timestamp = now - 900 + i64::from(n);
        records.push(record);
    }
    records
}

/// What a writer does, in order.
#[derive(Debug, Clone)]
enum Step {
    Begin,
    Commit,
    Abort,
    Record(Parts),
}

/// Records that end in transactions, some of them aborted; what is committed, and what is aborted.
fn transactions() -> (Vec<Step>, Vec<Parts>, Vec<Parts>) {
    let (mut steps, mut committed, mut aborted) = (Vec::new(), Vec::new(), Vec::new());
    for (prefix, commits) in [
        ("one", true),
        ("two", false),
        ("three", true),
        ("four", false),
    ] {
        let records = all_kinds(prefix);
        steps.push(Step::Begin);
        steps.extend(records.iter().cloned().map(Step::Record));
        if commits {
            steps.push(Step::Commit);
            committed.extend(records);
        } else {
            steps.push(Step::Abort);
            aborted.extend(records);
        }
    }
    (steps, committed, aborted)
}

/// Their lines, each partition in order.
fn by_partition(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_by_key(|line| line.split(' ').nth(1).map(str::to_owned));
    lines
}

fn lines(records: &[Parts]) -> Vec<String> {
    by_partition(records.iter().map(Parts::line).collect())
}

async fn write_by_us(
    servers: &str,
    topic: &str,
    codec: Compression,
    id: Option<&str>,
    steps: &[Step],
) {
    let mut builder = Producer::builder()
        .bootstrap_servers(servers)
        .compression(codec)
        .linger(Duration::from_millis(20));
    if let Some(id) = id {
        builder = builder.transactional_id(id);
    }
    let producer = within("a producer", builder.build()).await.unwrap();
    if id.is_some() {
        within("its id", producer.init_transactions())
            .await
            .unwrap();
    }
    for step in steps {
        let done = match step {
            Step::Begin => within("a transaction", producer.begin_transaction()).await,
            Step::Commit => within("a commit", producer.commit_transaction()).await,
            Step::Abort => {
                within("written records", producer.flush()).await.unwrap();
                within("an abort", producer.abort_transaction()).await
            }
            Step::Record(parts) => {
                let headers = parts.headers.iter();
                let headers: Vec<_> = headers
                    .map(|(key, value)| Header {
                        key,
                        value: value.as_deref(),
                    })
                    .collect();
                let record = Record {
                    key: parts.key.as_deref(),
                    value: parts.value.as_deref(),
                    ..Record::to(topic)
                };
                let record = record
                    .partition(parts.partition)
                    .timestamp(parts.timestamp)
                    .headers(&headers);
                within("sending", producer.send(record)).await.map(drop)
            }
        };
        done.unwrap();
    }
    within("written records", producer.flush()).await.unwrap();
    within("closing", producer.close(LIMIT)).await.unwrap();
}

async fn write_by_peer(
    peer: &mut Peer,
    topic: &str,
    codec: Compression,
    id: Option<&str>,
    steps: &[Step],
) {
    let id = id.map(|id| format!(" {id}")).unwrap_or_default();
    peer.tell(&format!("produce {topic} {}{id}", codec.name()));
    for step in steps {
        match step {
            Step::Begin => peer.tell("begin"),
            Step::Commit => peer.tell("commit"),
            Step::Abort => peer.tell("abort"),
            Step::Record(parts) => peer.tell(&parts.line()),
        }
    }
    peer.tell("end");
    assert_eq!(peer.rest().await, [""; 0]);
}

async fn read_by_us(servers: &str, topic: &str, isolation: Isolation) -> Vec<String> {
    let consumer = |isolation| {
        let builder = Consumer::builder().bootstrap_servers(servers);
        within("a consumer", builder.isolation_level(isolation).build())
    };
    let partitions: Vec<_> = (0..PARTITIONS)
        .map(|partition| TopicPartition::new(topic, partition))
        .collect();
    // The markers may come a little after the answer.
    let (committed, all) = (
        consumer(Isolation::ReadCommitted).await.unwrap(),
        consumer(Isolation::ReadUncommitted).await.unwrap(),
    );
    let ends = within("the last marker", async {
        loop {
            let ends = all.end_offsets(&partitions).await.unwrap();
            if ends == committed.end_offsets(&partitions).await.unwrap() {
                break ends;
            }
        }
    })
    .await;
    let consumer = if isolation == Isolation::ReadCommitted {
        committed
    } else {
        all
    };
    consumer
        .assign_at(partitions.iter().map(|partition| (partition.clone(), 0)))
        .unwrap();
    let mut lines = Vec::new();
    within("what is there", async {
        loop {
            let mut is_over = true;
            for partition in &partitions {
                is_over &= consumer.position(partition).await.unwrap() >= ends[partition];
            }
            if is_over {
                break;
            }
            let records = consumer.poll(Duration::from_millis(50)).await.unwrap();
            for record in records.records() {
                let headers = record.headers().map(|header| {
                    let header = header.unwrap();
                    (header.key.to_owned(), header.value.map(<[u8]>::to_vec))
                });
                let parts = Parts {
                    partition: record.partition().partition,
                    timestamp: record.timestamp(),
                    key: record.key().map(<[u8]>::to_vec),
                    value: record.value().map(<[u8]>::to_vec),
                    headers: headers.collect(),
                };
                lines.push(parts.line());
            }
        }
    })
    .await;
    by_partition(lines)
}

async fn read_by_peer(peer: &mut Peer, topic: &str, isolation: Isolation) -> Vec<String> {
    let isolation = match isolation {
        Isolation::ReadCommitted => "read_committed",
        Isolation::ReadUncommitted => "read_uncommitted",
    };
    peer.tell(&format!("consume {topic} {PARTITIONS} {isolation}"));
    by_partition(peer.rest().await)
}

#[track_caller]
fn assert_same(read: &[String], expected: &[String], what: &str) {
    assert_eq!(read.len(), expected.len(), "{what}");
    for (read, expected) in read.iter().zip(expected) {
        let begin = |line: &str| line.chars().take(300).collect::<String>();
        assert!(
            read == expected,
            "{what}: {} instead of {}",
            begin(read),
            begin(expected)
        );
    }
}

/// Each writes, and both read, without transactions.
async fn both_read_what_each_writes(cluster: Cluster, kind: Kind) {
    let mut peer = Peer::start(kind, &cluster.servers).await;
    let records = all_kinds("plain");
    let steps: Vec<_> = records.iter().cloned().map(Step::Record).collect();
    let expected = lines(&records);
    for codec in Compression::ALL {
        let (ours, theirs) = (
            cluster.topic("ours", PARTITIONS).await,
            cluster.topic("theirs", PARTITIONS).await,
        );
        write_by_us(&cluster.servers, &ours, codec, None, &steps).await;
        write_by_peer(&mut peer, &theirs, codec, None, &steps).await;
        for topic in [&ours, &theirs] {
            let what = format!("{topic}, {}, read by", codec.name());
            let read = read_by_us(&cluster.servers, topic, Isolation::ReadUncommitted).await;
            assert_same(&read, &expected, &format!("{what} us"));
            let read = read_by_peer(&mut peer, topic, Isolation::ReadUncommitted).await;
            assert_same(&read, &expected, &format!("{what} {kind:?}"));
        }
    }
}

/// Each writes in transactions, commits some of them and aborts others, and both read.
async fn both_read_what_each_commits(cluster: Cluster, kind: Kind) {
    let mut peer = Peer::start(kind, &cluster.servers).await;
    let (steps, committed, aborted) = transactions();
    let committed = lines(&committed);
    let aborted = lines(&aborted);
    for codec in Compression::ALL {
        let (ours, theirs) = (
            cluster.topic("ours", PARTITIONS).await,
            cluster.topic("theirs", PARTITIONS).await,
        );
        let id = unique("interoperability");
        write_by_us(&cluster.servers, &ours, codec, Some(&id), &steps).await;
        // With the same id: each takes over what the other has left.
        write_by_peer(&mut peer, &theirs, codec, Some(&id), &steps).await;
        for topic in [&ours, &theirs] {
            let what = format!("{topic}, {}, read by", codec.name());
            let read = read_by_us(&cluster.servers, topic, Isolation::ReadCommitted).await;
            assert_same(&read, &committed, &format!("{what} us"));
            let read = read_by_peer(&mut peer, topic, Isolation::ReadCommitted).await;
            assert_same(&read, &committed, &format!("{what} {kind:?}"));
            let all = read_by_us(&cluster.servers, topic, Isolation::ReadUncommitted).await;
            assert_eq!(all.len(), committed.len() + aborted.len(), "{what} us");
            let read = read_by_peer(&mut peer, topic, Isolation::ReadUncommitted).await;
            assert_same(&read, &all, &format!("{what} {kind:?}, aborted ones, too"));
            assert!(aborted.iter().all(|line| all.contains(line)), "{what} us");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn java_and_we_read_what_each_writes_on_kafka() {
    both_read_what_each_writes(Cluster::real(), Kind::Java).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn java_and_we_read_what_each_writes_on_the_embedded_broker() {
    both_read_what_each_writes(Cluster::embedded().await, Kind::Java).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn librdkafka_and_we_read_what_each_writes_on_kafka() {
    both_read_what_each_writes(Cluster::real(), Kind::Librdkafka).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn librdkafka_and_we_read_what_each_writes_on_the_embedded_broker() {
    both_read_what_each_writes(Cluster::embedded().await, Kind::Librdkafka).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn java_and_we_read_what_each_commits_on_kafka() {
    both_read_what_each_commits(Cluster::real(), Kind::Java).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn java_and_we_read_what_each_commits_on_the_embedded_broker() {
    both_read_what_each_commits(Cluster::embedded().await, Kind::Java).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn librdkafka_and_we_read_what_each_commits_on_kafka() {
    both_read_what_each_commits(Cluster::real(), Kind::Librdkafka).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn librdkafka_and_we_read_what_each_commits_on_the_embedded_broker() {
    both_read_what_each_commits(Cluster::embedded().await, Kind::Librdkafka).await;
}
