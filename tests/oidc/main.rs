//! OAUTHBEARER with tokens from a token endpoint, on the embedded broker and on a real Kafka of the test's own.

mod endpoint;
mod https;
mod on_kafka;
mod renewal;

use std::time::{Duration, Instant};

use kafka_broker::{Broker, BrokerBuilder, Listener, SaslMechanism, SecurityProtocol};
use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::Consumer;
use kafka_client::events::Event;
use kafka_client::producer::{Producer, Record};
use kafka_client::security::{ClientCredentials, Sasl};
use kafka_client::{Error, TopicPartition};
use tests::tokens::TokenServer;

/// No wait of a test is longer.
const LIMIT: Duration = Duration::from_secs(90);
/// A refusal comes before anybody would try again.
const AT_ONCE: Duration = Duration::from_secs(5);
const SECRET: &str = "geheim";

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// Brokers where users log in with tokens that nobody signs.
fn secured() -> BrokerBuilder {
    Broker::builder()
        .listener(Listener::new("PLAIN", SecurityProtocol::Plaintext))
        .listener(Listener::new("SASL", SecurityProtocol::SaslPlaintext))
        .sasl_mechanisms([SaslMechanism::OAuthBearer])
}

fn credentials(server: &TokenServer) -> ClientCredentials {
    ClientCredentials::new(server.url(), "alice", SECRET).unwrap()
}

/// Why an admin client cannot be made; told at once.
async fn refusal(servers: &str, credentials: ClientCredentials) -> Error {
    let builder = Admin::builder().bootstrap_servers(servers);
    let sasl = Sasl::oauth_bearer_oidc(credentials);
    let began = Instant::now();
    let error = within("a refusal", builder.sasl(sasl).build()).await;
    let error = error.map(|_| ()).unwrap_err();
    assert!(began.elapsed() < AT_ONCE, "{error} after {began:?}");
    let told = format!("{error} {error:?}");
    assert!(!told.contains(SECRET), "{told}");
    println!("{error}");
    error
}

async fn create_topic(servers: &str, sasl: &Sasl, topic: &str) {
    let admin = Admin::builder().bootstrap_servers(servers);
    let admin = within("an admin", admin.sasl(sasl.clone()).build()).await;
    let topics = [NewTopic::new(topic).partitions(1)];
    for (name, created) in within("a topic", admin.unwrap().create_topics(topics))
        .await
        .unwrap()
    {
        created.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Writes for that long, and gives the number of records. No connection to a broker of the cluster ends meanwhile.
async fn write(servers: &str, sasl: &Sasl, topic: &str, time: Duration) -> usize {
    let producer = Producer::builder().bootstrap_servers(servers);
    let producer = within("a producer", producer.sasl(sasl.clone()).build()).await;
    let producer = producer.unwrap();
    let mut events = producer.events();
    let began = Instant::now();
    let mut sent = 0;
    while began.elapsed() < time {
        let delivery = producer.send(Record::to(topic).value("x")).await.unwrap();
        sent += 1;
        if sent % 100 == 0 {
            within("a delivery", delivery).await.unwrap();
        }
    }
    within("closing", producer.close(LIMIT)).await.unwrap();
    while let Some(event) = within("the end of the events", events.next()).await {
        if let Event::BrokerDisconnected { broker, reason, .. } = event {
            assert!(broker.is_none() || reason == "no longer used", "{reason}");
        }
    }
    sent
}

/// Reads a topic until that many records were seen.
async fn count(servers: &str, sasl: &Sasl, topic: &str, wanted: usize) -> usize {
    let consumer = Consumer::builder().bootstrap_servers(servers);
    let consumer = within("a consumer", consumer.sasl(sasl.clone()).build()).await;
    let consumer = consumer.unwrap();
    consumer
        .assign_at([(TopicPartition::new(topic, 0), 0)])
        .unwrap();
    let mut seen = 0;
    within("what was written", async {
        while seen < wanted {
            let records = consumer.poll(Duration::from_millis(100)).await.unwrap();
            seen += records.records().count();
        }
    })
    .await;
    seen
}
