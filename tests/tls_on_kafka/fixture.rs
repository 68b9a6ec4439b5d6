//! A Kafka, and clients that get there by settings with the names that Java's have.

use std::time::{Duration, Instant};

use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::Consumer;
use kafka_client::producer::{Producer, Record};
use kafka_client::{Error, TopicPartition};
use tests::nodes::Nodes;
use tokio::sync::{Mutex, MutexGuard};

/// No wait of a test is longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);
/// A refusal comes before anybody would try again.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(5);

/// Two clusters would look for ports at the same time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

pub(crate) async fn turn() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().await
}

pub(crate) type Settings = Vec<(&'static str, String)>;

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

pub(crate) async fn node(options: &'static [&'static str]) -> Nodes {
    tokio::task::spawn_blocking(|| Nodes::start_one(options))
        .await
        .unwrap()
}

pub(crate) async fn stop(node: Nodes) {
    tokio::task::spawn_blocking(|| drop(node)).await.unwrap();
}

/// What trusts the node's CA.
pub(crate) fn trusting(node: &Nodes) -> Settings {
    let ca = node.certificate("ca.pem").display().to_string();
    vec![
        ("security.protocol", "SSL".to_owned()),
        ("ssl.truststore.location", ca),
        ("ssl.truststore.type", "PEM".to_owned()),
    ]
}

/// The same with the client's certificate.
pub(crate) fn identified(node: &Nodes) -> Settings {
    let file = |name| node.certificate(name).display().to_string();
    let mut settings = trusting(node);
    settings.extend([
        ("ssl.certificate.location", file("client.pem")),
        ("ssl.key.location", file("client.key")),
    ]);
    settings
}

pub(crate) fn with(settings: &Settings, name: &'static str, value: &str) -> Settings {
    let mut settings = settings.clone();
    settings.push((name, value.to_owned()));
    settings
}

/// Why an admin client cannot be made; told at once.
pub(crate) async fn refusal(servers: &str, settings: &Settings) -> Error {
    let builder = Admin::builder().bootstrap_servers(servers);
    let builder = builder.properties(settings.iter().cloned()).unwrap();
    let began = Instant::now();
    let error = within("a refusal", builder.build()).await.map(|_| ());
    let error = error.unwrap_err();
    assert!(
        began.elapsed() < AT_ONCE,
        "{error} after {:?}",
        began.elapsed()
    );
    println!("{error}");
    error
}

pub(crate) fn is_refused(error: &Error, servers: &str, because: &str) {
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    assert!(error.is_fatal() && !error.is_retriable(), "{error:?}");
    let told = error.to_string();
    for part in [servers, because] {
        assert!(told.contains(part), "{part:?} in: {told}");
    }
}

pub(crate) async fn create_topic(servers: &str, settings: &Settings, topic: &str) {
    let admin = Admin::builder().bootstrap_servers(servers);
    let admin = admin.properties(settings.iter().cloned()).unwrap();
    let admin = within("an admin", admin.build()).await;
    let admin = admin.unwrap_or_else(|error| panic!("{settings:?}: {error}"));
    let created = admin.create_topics([NewTopic::new(topic).partitions(1)]);
    for (name, created) in within("a topic", created).await.unwrap() {
        created.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

pub(crate) async fn producer(servers: &str, settings: &Settings) -> Producer {
    let producer = Producer::builder().bootstrap_servers(servers);
    let producer = producer.properties(settings.iter().cloned()).unwrap();
    within("a producer", producer.build()).await.unwrap()
}

/// Writes records to a new topic and reads them again.
pub(crate) async fn write_and_read(servers: &str, settings: &Settings, topic: &str) {
    create_topic(servers, settings, topic).await;
    let producer = producer(servers, settings).await;
    let values: Vec<String> = (0..100)
        .map(|n| format!("{n}-{}", "x".repeat(2_000)))
        .collect();
    for value in &values {
        producer.send(Record::to(topic).value(value)).await.unwrap();
    }
    within("a flush", producer.flush()).await.unwrap();
    assert!(read(servers, settings, topic, values.len()).await == values);
}

/// The values of a topic, once there are so many; what else there is comes soon after, and is among them.
pub(crate) async fn read(
    servers: &str,
    settings: &Settings,
    topic: &str,
    count: usize,
) -> Vec<String> {
    let consumer = Consumer::builder().bootstrap_servers(servers);
    let consumer = consumer.properties(settings.iter().cloned()).unwrap();
    let consumer = within("a consumer", consumer.build()).await.unwrap();
    consumer
        .assign_at([(TopicPartition::new(topic, 0), 0)])
        .unwrap();
    let mut values = Vec::new();
    within("what was written", async {
        loop {
            let records = consumer.poll(Duration::from_millis(500)).await.unwrap();
            if records.is_empty() && values.len() >= count {
                break;
            }
            for record in records.records() {
                values.push(String::from_utf8_lossy(record.value().unwrap()).into_owned());
            }
        }
    })
    .await;
    values
}
