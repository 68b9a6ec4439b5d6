//! The admin client on a real Kafka, whose address is in `KAFKA_BOOTSTRAP`: one broker or three, with an authorizer or
//! without. What it changed is looked at with Kafka's own tools, or with Java's admin client.
//!
//! A promise is a function of the cluster that it is kept on, so that it is kept on the embedded broker as well, as far as
//! that serves it (`embedded`).

mod acls;
mod batches;
mod cluster;
mod configs;
mod embedded;
mod groups;
mod log_dirs;
mod nodes;
mod real;
mod records;
mod refusals;
mod share_groups;
mod topics;
mod transactions;
mod users;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kafka_client::admin::*;
use kafka_client::consumer::{Consumer, GroupProtocol, OffsetReset};
use kafka_client::producer::{Producer, Record};
use kafka_client::{Error, ErrorCode, TopicPartition};
use kafka_proto::messages::MetadataRequest;
use kafka_proto::messages::metadata::{MetadataRequestTopic, MetadataResponsePartition};
use tests::kafka::{WAIT, bootstrap, unique};
use tests::wire::Wire;

/// Longer than a call takes before it gives up by itself (`default.api.timeout.ms`), and says of its own why.
const LONG: Duration = Duration::from_secs(75);

/// Waits for something, and says what it was if it does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LONG:?}"))
}

/// Asks until the answer is the expected one: brokers learn of changes a little later.
async fn becomes<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: T,
    mut now: impl AsyncFnMut() -> T,
) {
    let mut last = None;
    let outcome = tokio::time::timeout(LONG, async {
        loop {
            let answer = now().await;
            if answer == expected {
                break;
            }
            last = Some(answer);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(outcome.is_ok(), "{what}: not {expected:?} but {last:?}");
}

/// A cluster to keep promises on.
struct Kafka {
    servers: String,
    /// Whether its changes are looked at with Java's eyes as well.
    is_looked_at: bool,
}

impl Kafka {
    /// The real one.
    fn real() -> Self {
        Self {
            servers: bootstrap(),
            is_looked_at: true,
        }
    }

    async fn admin(&self) -> Admin {
        let builder = Admin::builder().bootstrap_servers(&self.servers);
        within("an admin client", builder.build()).await.unwrap()
    }

    /// What one of Kafka's tools prints about the cluster has each of these texts so many times, sooner or later: it may ask
    /// a broker that has not heard of it yet.
    fn shows(&self, tool: &str, arguments: &[&str], texts: &[(&str, usize)]) {
        if !self.is_looked_at {
            return;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/kafka.sh");
        let mut command = Command::new(script);
        command.args(["tool", tool, "--bootstrap-server", &self.servers]);
        command.args(arguments);
        repeatedly(|| {
            let said = said(&mut command)?;
            let differs = |(text, times): &&(&str, usize)| said.matches(text).count() != *times;
            match texts.iter().find(differs) {
                Some((text, times)) => Err(format!("not {times} times \"{text}\": {said}")),
                None => Ok(()),
            }
        });
    }

    /// What Java's admin client answers to questions, sooner or later; see `tests/java/AdminLooks.java`.
    fn java_sees(&self, questions: &[(&str, &str)]) {
        self.java_sees_as("-", &self.servers, questions);
    }

    /// The same, for somebody who authenticates.
    fn java_sees_as(&self, user: &str, servers: &str, questions: &[(&str, &str)]) {
        if !self.is_looked_at {
            return;
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut fetch = Command::new(folder.join("kafka/kafka.sh"));
        let jars = said(fetch.env_remove("KAFKA_VERSION").arg("fetch")).expect("a path");
        let mut command = Command::new("java");
        command.args(["-cp", &format!("{}/*", jars.trim())]);
        command.arg(folder.join("java/AdminLooks.java"));
        command.args([servers, user]);
        command.args(questions.iter().map(|(question, _)| question));
        let expected: Vec<&str> = questions.iter().map(|(_, answer)| *answer).collect();
        repeatedly(|| {
            let said = said(&mut command)?;
            let is_expected = said.lines().eq(expected.iter().copied());
            is_expected
                .then_some(())
                .ok_or(format!("not {expected:?}: {said}"))
        });
    }
}

/// What a program prints, or why it failed.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().expect("a program");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {said}{complaint}"))
}

/// Looks until it is as it should be.
fn repeatedly(mut look: impl FnMut() -> Result<(), String>) {
    let end = Instant::now() + WAIT;
    while let Err(differs) = look() {
        assert!(Instant::now() < end, "{differs}");
    }
}

/// A topic that every broker knows.
async fn topic(admin: &Admin, partitions: i32) -> String {
    let name = unique("admin");
    let topic = NewTopic::new(&name).partitions(partitions);
    let created = within("a topic", admin.create_topics([topic])).await;
    only(created.unwrap()).unwrap();
    known_everywhere(admin, &name).await;
    name
}

/// Waits until every broker knows who leads a topic's partitions.
async fn known_everywhere(admin: &Admin, topic: &str) {
    let asked = MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            name: Some(topic.into()),
            ..Default::default()
        }]),
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    for broker in within("brokers", admin.brokers()).await.unwrap() {
        let address = format!("{}:{}", broker.host, broker.port);
        let mut wire = within("a connection", Wire::connect(&address)).await;
        becomes("a known topic", true, async || {
            let answer = wire.call(&asked, 9).await;
            let known = |partition: &MetadataResponsePartition| partition.leader_id >= 0;
            answer.topics[0].error_code == 0 && answer.topics[0].partitions.iter().all(known)
        })
        .await;
    }
}

/// Writes records without keys to a partition, with timestamps from 1,000 on, 10 apart.
async fn write(kafka: &Kafka, partition: &TopicPartition, count: i64) {
    let producer = Producer::builder().bootstrap_servers(&kafka.servers);
    let producer = within("a producer", producer.build()).await.unwrap();
    let records = (0..count).map(|n| {
        let record = Record::to(&partition.topic).partition(partition.partition);
        record.timestamp(1000 + 10 * n).value(b"value")
    });
    within("sending", producer.send_all(records)).await.unwrap();
    within("the flush", producer.flush()).await.unwrap();
}

/// The outcome of the only item that was asked about.
fn only<I, T>(outcomes: Vec<(I, Result<T, Error>)>) -> Result<T, Error> {
    assert_eq!(outcomes.len(), 1);
    outcomes.into_iter().next().unwrap().1
}

fn code(result: &Result<impl Sized, Error>) -> ErrorCode {
    match result {
        Ok(_) => ErrorCode::None,
        Err(Error::Broker { code, .. }) => *code,
        Err(error) => panic!("no broker's answer: {error}"),
    }
}

fn text(result: &Result<impl Sized, Error>) -> String {
    match result {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.to_string(),
    }
}
