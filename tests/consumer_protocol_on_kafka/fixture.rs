//! Topics, members, and what they read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka_client::TopicPartition;
use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{
    Consumer, ConsumerBuilder, ConsumerRecords, GroupProtocol, ListenerFuture, OffsetReset,
    RebalanceListener,
};
use kafka_client::producer::{Producer, Record};
use tests::kafka::{bootstrap, unique};

/// A member that crashed is missed only when its session ends, and a Java program takes seconds to begin.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

/// Waits for something, and says what it was if it does not come.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

pub(crate) async fn admin() -> Admin {
    let admin = Admin::builder().bootstrap_servers(bootstrap()).build();
    within("an admin client", admin).await.unwrap()
}

pub(crate) async fn create(name: &str, partitions: i32) {
    let topic = NewTopic::new(name).partitions(partitions);
    let created = within("a topic", async {
        admin().await.create_topics([topic]).await
    });
    for (name, result) in created.await.unwrap() {
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

pub(crate) async fn delete(name: &str) {
    let deleted = within("a deletion", async {
        admin().await.delete_topics([name]).await
    });
    for (name, result) in deleted.await.unwrap() {
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// A new topic of this many partitions.
pub(crate) async fn topic(partitions: i32) -> String {
    let name = unique("protocol");
    create(&name, partitions).await;
    name
}

/// Writes `count` records to each partition.
pub(crate) async fn write(topic: &str, partitions: i32, count: i64) {
    let producer = Producer::builder().bootstrap_servers(bootstrap());
    let producer = within("a producer", producer.build()).await.unwrap();
    let mut deliveries = Vec::new();
    for n in 0..count {
        for partition in 0..partitions {
            let value = n.to_string();
            let record = Record::to(topic).partition(partition).value(&value);
            deliveries.push(within("sending", producer.send(record)).await.unwrap());
        }
    }
    for delivery in deliveries {
        within("a record is written", delivery).await.unwrap();
    }
    producer.close(LIMIT).await.unwrap();
}

pub(crate) fn member(group: &str) -> ConsumerBuilder {
    Consumer::builder()
        .bootstrap_servers(bootstrap())
        .group_id(group)
        .group_protocol(GroupProtocol::Consumer)
        .metadata_max_age(Duration::from_secs(1))
        .auto_offset_reset(OffsetReset::Earliest)
}

pub(crate) async fn start(builder: ConsumerBuilder) -> Consumer {
    within("a consumer", builder.build()).await.unwrap()
}

/// How often each record was read, by topic, partition and offset.
#[derive(Debug, Default)]
pub(crate) struct Seen(BTreeMap<(String, i32, i64), usize>);

impl Seen {
    pub(crate) fn add(&mut self, records: &ConsumerRecords) {
        for record in records.records() {
            let place = record.partition();
            let key = (place.topic.to_string(), place.partition, record.offset());
            *self.0.entry(key).or_default() += 1;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    #[track_caller]
    pub(crate) fn assert_once(&self) {
        let twice: Vec<_> = self.0.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "read more than once: {twice:?}");
    }
}

/// Polls them all in turn until it holds.
pub(crate) async fn poll_until(
    members: &[&Consumer],
    seen: &mut Seen,
    what: &str,
    done: impl Fn(&Seen) -> bool,
) {
    let poll = async {
        while !done(seen) {
            for member in members {
                seen.add(&member.poll(Duration::from_millis(20)).await.unwrap());
            }
        }
    };
    if tokio::time::timeout(LIMIT, poll).await.is_err() {
        let owned: Vec<_> = members.iter().map(|member| member.assignment()).collect();
        panic!(
            "{what}: not within {LIMIT:?}; read {} records, own {owned:?}",
            seen.len()
        );
    }
}

/// The sizes of the members' shares.
pub(crate) fn shares(members: &[&Consumer]) -> Vec<usize> {
    let sizes = members.iter().map(|member| member.assignment().len());
    sizes.collect()
}

/// Whether the members together read these partitions of a topic, each one once.
pub(crate) fn is_shared(members: &[&Consumer], topic: &str, partitions: i32) -> bool {
    let mut all: Vec<TopicPartition> = members
        .iter()
        .flat_map(|member| member.assignment())
        .collect();
    all.sort();
    let expected = (0..partitions).map(|number| TopicPartition::new(topic, number));
    all == expected.collect::<Vec<_>>()
}

/// What a listener was told.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn add<'a>(&'a self, what: &str, partitions: &[TopicPartition]) -> ListenerFuture<'a> {
        let numbers: Vec<_> = partitions.iter().map(|it| it.partition).collect();
        self.0.lock().unwrap().push(format!("{what} {numbers:?}"));
        Box::pin(std::future::ready(()))
    }
}

impl RebalanceListener for Log {
    fn assigned<'a>(&'a self, _: &'a Consumer, all: &'a [TopicPartition]) -> ListenerFuture<'a> {
        self.add("assigned", all)
    }

    fn revoked<'a>(&'a self, _: &'a Consumer, all: &'a [TopicPartition]) -> ListenerFuture<'a> {
        self.add("revoked", all)
    }

    fn lost<'a>(&'a self, _: &'a Consumer, all: &'a [TopicPartition]) -> ListenerFuture<'a> {
        self.add("lost", all)
    }
}

/// One of Kafka's own tools.
pub(crate) fn tool(name: &str, args: &[&str]) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/kafka.sh");
    let mut command = Command::new(script);
    command.args(["tool", name, "--bootstrap-server", &bootstrap()]);
    command.args(args).stdin(Stdio::null());
    command
}

/// What one of Kafka's own tools prints.
pub(crate) async fn run_tool(name: &str, args: &[&str]) -> String {
    let mut command = tool(name, args);
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = within(name, output).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {text}\n{errors}");
    text
}

/// The partitions of each member, by client id, as Kafka's own tool shows them.
pub(crate) async fn described(group: &str) -> BTreeMap<String, BTreeSet<(String, i32)>> {
    let text = run_tool("consumer-groups", &["--describe", "--group", group]).await;
    let mut members: BTreeMap<String, BTreeSet<(String, i32)>> = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (Some(topic), Some(client)) = (fields.get(1), fields.last()) else {
            continue;
        };
        if let Some(partition) = fields.get(2).and_then(|number| number.parse().ok()) {
            let of = members.entry(client.to_string()).or_default();
            of.insert((topic.to_string(), partition));
        }
    }
    members
}

pub(crate) fn owned(member: &Consumer) -> BTreeSet<(String, i32)> {
    let all = member.assignment().into_iter();
    all.map(|own| (own.topic.to_string(), own.partition))
        .collect()
}
