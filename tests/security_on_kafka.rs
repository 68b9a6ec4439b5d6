//! SASL against a real Kafka of the test's own, whose other listeners the suites beside this one use.

use std::time::{Duration, Instant};

use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::Consumer;
use kafka_client::events::Event;
use kafka_client::producer::{Producer, Record};
use kafka_client::security::{
    BearerToken, Preparing, Sasl, SaslError, SaslExchange, SaslMechanism, SaslStep,
};
use kafka_client::{Error, TopicPartition};
use tests::nodes::Nodes;
use tokio::sync::Mutex;

/// No wait of a test is longer.
const LIMIT: Duration = Duration::from_secs(90);
/// A refusal comes before anybody would try again.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Two clusters would look for ports at the same time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

async fn node(options: &'static [&'static str]) -> Nodes {
    tokio::task::spawn_blocking(|| Nodes::start_one(options))
        .await
        .unwrap()
}

async fn stop(node: Nodes) {
    tokio::task::spawn_blocking(|| drop(node)).await.unwrap();
}

/// Each mechanism as the Java client would be told of it.
const LOGINS: &[(&str, &str)] = &[
    (
        "PLAIN",
        r#"org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="alice-secret";"#,
    ),
    (
        "SCRAM-SHA-256",
        r#"org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="alice-secret";"#,
    ),
    (
        "SCRAM-SHA-512",
        r#"org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="alice-secret";"#,
    ),
    (
        "OAUTHBEARER",
        r#"org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="alice";"#,
    ),
];

fn properties(mechanism: &'static str, login: &'static str) -> [(&'static str, &'static str); 3] {
    [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", mechanism),
        ("sasl.jaas.config", login),
    ]
}

/// Says a name, and has no brokers that believe it.
struct Anonymous;

impl SaslMechanism for Anonymous {
    fn name(&self) -> &str {
        "ANONYMOUS"
    }
    fn principal(&self) -> &str {
        "guest"
    }
    fn prepare<'a>(&'a self, _host: &'a str) -> Preparing<'a> {
        Box::pin(async { Ok(Box::new(Self) as Box<dyn SaslExchange>) })
    }
}

impl SaslExchange for Anonymous {
    fn step(&mut self, _challenge: &[u8]) -> Result<SaslStep, SaslError> {
        Ok(SaslStep::Done)
    }
}

/// Why an admin client cannot be made; told at once.
async fn refusal(servers: &str, sasl: Option<Sasl>) -> Error {
    let builder = Admin::builder().bootstrap_servers(servers);
    let builder = match sasl {
        Some(sasl) => builder.sasl(sasl),
        None => builder,
    };
    let began = Instant::now();
    let error = within("a refusal", builder.build()).await.unwrap_err();
    assert!(began.elapsed() < AT_ONCE, "{error} after {began:?}");
    let told = format!("{error} {error:?}");
    assert!(!told.contains("geheim"), "{told}");
    error
}

/// Writes that many records and reads them again.
async fn write_and_read(servers: &str, mechanism: &'static str, login: &'static str) {
    let settings = properties(mechanism, login);
    let admin = Admin::builder().bootstrap_servers(servers);
    let admin = within("an admin", admin.properties(settings).unwrap().build())
        .await
        .unwrap();
    let topic = format!("secured-{}", mechanism.to_lowercase());
    for (name, created) in within(
        "a topic",
        admin.create_topics([NewTopic::new(&topic).partitions(1)]),
    )
    .await
    .unwrap()
    {
        created.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let producer = Producer::builder().bootstrap_servers(servers);
    let producer = producer.properties(settings).unwrap().build();
    let producer = within("a producer", producer).await.unwrap();
    for n in 0..100 {
        let value = n.to_string();
        producer
            .send(Record::to(&topic).value(&value))
            .await
            .unwrap();
    }
    within("a flush", producer.flush()).await.unwrap();
    assert_eq!(count(servers, &topic, mechanism, login, 100).await, 100);
}

/// Reads a topic until that many records were seen.
async fn count(
    servers: &str,
    topic: &str,
    mechanism: &'static str,
    login: &'static str,
    wanted: usize,
) -> usize {
    let consumer = Consumer::builder().bootstrap_servers(servers);
    let consumer = consumer.properties(properties(mechanism, login)).unwrap();
    let consumer = within("a consumer", consumer.build()).await.unwrap();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn every_mechanism_is_believed_and_every_refusal_is_one_clear_error_at_once() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let node = node(&["--sasl", "--ssl"]).await;
    let servers = node.sasl();
    for (mechanism, login) in LOGINS {
        write_and_read(&servers, mechanism, login).await;
    }

    for (sasl, because) in [
        (Sasl::plain("alice", "geheim"), "nvalid"),
        (
            Sasl::scram_sha_256("alice", "geheim"),
            "invalid credentials",
        ),
        (
            Sasl::scram_sha_512("mallory", "geheim"),
            "invalid credentials",
        ),
        (Sasl::oauth_bearer(BearerToken::new("geheim")), "invalid"),
        (Sasl::of(Anonymous), "SCRAM-SHA-512"),
    ] {
        let (principal, mechanism) = (sasl.principal().to_owned(), sasl.mechanism().to_owned());
        let error = refusal(&servers, Some(sasl)).await;
        let told = error.to_string();
        assert!(matches!(error, Error::Authentication { .. }), "{error:?}");
        for part in [&servers, &principal, &mechanism, because] {
            assert!(told.contains(part), "{part:?} in: {told}");
        }
        println!("{told}");
    }

    // What does not go together: client, listener.
    let alice = || Some(Sasl::plain("alice", "geheim"));
    for (servers, sasl, because) in [
        (&node.bootstrap, alice(), "takes no authentication"),
        (&servers, None, "security.protocol"),
        (&node.tls(), None, "TLS"),
        (&node.tls(), alice(), "TLS"),
    ] {
        let told = refusal(servers, sasl).await.to_string();
        assert!(told.contains(because), "{because:?} in: {told}");
        println!("{told}");
    }
    stop(node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn no_record_is_lost_and_no_connection_ends_while_sessions_of_seconds_are_renewed() {
    const SESSIONS: Duration = Duration::from_secs(9);
    let _turn = ONE_AT_A_TIME.lock().await;
    let node = node(&["--sasl", "--conf", "connections.max.reauth.ms=2000"]).await;
    let servers = node.sasl();
    for (mechanism, login) in [LOGINS[1], LOGINS[3]] {
        let topic = format!("renewed-{}", mechanism.to_lowercase());
        let admin = Admin::builder().bootstrap_servers(&servers);
        let admin = admin.properties(properties(mechanism, login)).unwrap();
        let admin = within("an admin", admin.build()).await.unwrap();
        for (name, created) in within(
            "a topic",
            admin.create_topics([NewTopic::new(&topic).partitions(1)]),
        )
        .await
        .unwrap()
        {
            created.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let producer = Producer::builder().bootstrap_servers(&servers);
        let producer = producer.properties(properties(mechanism, login)).unwrap();
        let producer = within("a producer", producer.build()).await.unwrap();
        let mut events = producer.events();
        let began = Instant::now();
        let mut sent = 0;
        while began.elapsed() < SESSIONS {
            let delivery = producer.send(Record::to(&topic).value("x")).await.unwrap();
            sent += 1;
            if sent % 1000 == 0 {
                within("a delivery", delivery).await.unwrap();
            }
        }
        within("a flush", producer.flush()).await.unwrap();
        within("closing", producer.close(LIMIT)).await.unwrap();
        // The connections to the cluster's brokers end with the client, and not before.
        while let Some(event) = within("the end of the events", events.next()).await {
            if let Event::BrokerDisconnected { broker, reason, .. } = event {
                assert!(
                    broker.is_none() || reason == "no longer used",
                    "{mechanism}: {reason}"
                );
            }
        }
        assert_eq!(
            count(&servers, &topic, mechanism, login, sent).await,
            sent,
            "{mechanism}"
        );
        println!("{mechanism}: {sent} records in {SESSIONS:?} over sessions of 2 s");
    }
    stop(node).await;
}
