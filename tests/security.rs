//! SASL between our client and the embedded broker: what `security_on_kafka` has at a real Kafka, with no Kafka.

use std::time::{Duration, Instant};

use kafka_broker::{Authorizer, Broker, BrokerBuilder, Listener, SaslMechanism, SecurityProtocol};
use kafka_client::admin::{
    AclBinding, AclOperation, Admin, AlterScramCredential, NewTopic, PatternType, ResourceType,
    ScramMechanism,
};
use kafka_client::consumer::Consumer;
use kafka_client::events::Event;
use kafka_client::producer::{Producer, Record};
use kafka_client::security::{BearerToken, Sasl};
use kafka_client::{Error, TopicPartition};

/// No wait of a test is longer.
const LIMIT: Duration = Duration::from_secs(30);
/// A refusal comes before anybody would try again.
const AT_ONCE: Duration = Duration::from_secs(5);

const SCRAM: &str = r#"org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="alice-secret";"#;
/// Each mechanism as the Java client would be told of it.
const LOGINS: &[(&str, &str)] = &[
    (
        "PLAIN",
        r#"org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="alice-secret";"#,
    ),
    ("SCRAM-SHA-256", SCRAM),
    ("SCRAM-SHA-512", SCRAM),
    (
        "OAUTHBEARER",
        r#"org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="alice";"#,
    ),
];

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

/// Brokers with a listener in plain text and one where users log in.
fn secured() -> BrokerBuilder {
    Broker::builder()
        .listener(Listener::new("PLAIN", SecurityProtocol::Plaintext))
        .listener(Listener::new("SASL", SecurityProtocol::SaslPlaintext))
        .sasl_mechanisms([
            SaslMechanism::Plain,
            SaslMechanism::ScramSha256,
            SaslMechanism::ScramSha512,
            SaslMechanism::OAuthBearer,
        ])
        .user("alice", "alice-secret")
}

fn properties(mechanism: &'static str, login: &'static str) -> [(&'static str, &'static str); 3] {
    [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", mechanism),
        ("sasl.jaas.config", login),
    ]
}

async fn topic(servers: &str, mechanism: &'static str, login: &'static str, topic: &str) {
    let admin = Admin::builder().bootstrap_servers(servers);
    let admin = admin.properties(properties(mechanism, login)).unwrap();
    let admin = within("an admin", admin.build()).await.unwrap();
    let topics = admin.create_topics([NewTopic::new(topic).partitions(1)]);
    for (name, created) in within("a topic", topics).await.unwrap() {
        created.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Reads a topic until that many records were seen.
async fn count(
    servers: &str,
    topic: &str,
    (mechanism, login): (&'static str, &'static str),
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
async fn every_mechanism_is_believed_on_every_broker() {
    let broker = secured().nodes(3).start().await.unwrap();
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    for &(mechanism, login) in LOGINS {
        let name = format!("secured-{}", mechanism.to_lowercase());
        topic(&servers, mechanism, login, &name).await;
        let producer = Producer::builder().bootstrap_servers(&servers);
        let producer = producer.properties(properties(mechanism, login)).unwrap();
        let producer = within("a producer", producer.build()).await.unwrap();
        for _ in 0..100 {
            producer.send(Record::to(&name).value("x")).await.unwrap();
        }
        within("a flush", producer.flush()).await.unwrap();
        assert_eq!(count(&servers, &name, (mechanism, login), 100).await, 100);
    }
    broker.shutdown().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_is_one_clear_error_at_once() {
    let broker = secured().start().await.unwrap();
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    for (sasl, because) in [
        (
            Sasl::plain("alice", "geheim"),
            "Invalid username or password",
        ),
        (
            Sasl::scram_sha_256("alice", "geheim"),
            "invalid credentials",
        ),
        (
            Sasl::scram_sha_512("mallory", "geheim"),
            "invalid credentials",
        ),
        (Sasl::oauth_bearer(BearerToken::new("geheim")), "invalid"),
    ] {
        let (principal, mechanism) = (sasl.principal().to_owned(), sasl.mechanism().to_owned());
        let error = refusal(&servers, Some(sasl)).await;
        let told = error.to_string();
        assert!(matches!(error, Error::Authentication { .. }), "{error:?}");
        for part in [&servers, &principal, &mechanism, because] {
            assert!(told.contains(part), "{part:?} in: {told}");
        }
    }
    // What does not go together: client, listener.
    let alice = Some(Sasl::plain("alice", "geheim"));
    let plain = broker.bootstrap_servers_of("PLAIN").unwrap();
    for (servers, sasl, because) in [
        (&plain, alice, "takes no authentication"),
        (&servers, None, "security.protocol"),
    ] {
        let told = refusal(servers, sasl).await.to_string();
        assert!(told.contains(because), "{because:?} in: {told}");
    }
    broker.shutdown().await;

    let broker = secured().sasl_mechanisms([SaslMechanism::ScramSha512]);
    let broker = broker.start().await.unwrap();
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    let sasl = Sasl::plain("alice", "geheim");
    let told = refusal(&servers, Some(sasl)).await.to_string();
    assert!(told.contains("SCRAM-SHA-512"), "{told}");
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_record_is_lost_and_no_connection_ends_while_sessions_of_seconds_are_renewed() {
    const SESSIONS: Duration = Duration::from_secs(4);
    let broker = secured().connections_max_reauth(Duration::from_millis(1500));
    let broker = broker.start().await.unwrap();
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    let (mechanism, login) = LOGINS[1];
    topic(&servers, mechanism, login, "renewed").await;
    let producer = Producer::builder().bootstrap_servers(&servers);
    let producer = producer.properties(properties(mechanism, login)).unwrap();
    let producer = within("a producer", producer.build()).await.unwrap();
    let mut events = producer.events();
    let began = Instant::now();
    let mut sent = 0;
    while began.elapsed() < SESSIONS {
        let delivery = producer.send(Record::to("renewed").value("x")).await;
        let delivery = delivery.unwrap();
        sent += 1;
        if sent % 100 == 0 {
            within("a delivery", delivery).await.unwrap();
        }
    }
    within("a flush", producer.flush()).await.unwrap();
    within("closing", producer.close(LIMIT)).await.unwrap();
    // The connections to the cluster's brokers end with the client, and not before.
    while let Some(event) = within("the end of the events", events.next()).await {
        if let Event::BrokerDisconnected { broker, reason, .. } = event {
            assert!(broker.is_none() || reason == "no longer used", "{reason}");
        }
    }
    let counted = count(&servers, "renewed", (mechanism, login), sent).await;
    assert_eq!(counted, sent);
    broker.shutdown().await;
}

/// Why a record does not get there.
async fn refused(producer: &Producer, topic: &str) -> String {
    let refused = async {
        match producer.send(Record::to(topic).value("x")).await {
            Ok(delivery) => delivery.await.unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    };
    within("a refusal", refused).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_acl_allows_is_refused_by_name_and_what_one_allows_is_done() {
    let authorizer = Authorizer::new().super_user("User:ANONYMOUS");
    let broker = secured().authorizer(authorizer).start().await.unwrap();
    broker.create_topic("orders", 1).unwrap();
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    let (mechanism, login) = LOGINS[0];
    let producer = Producer::builder().bootstrap_servers(&servers);
    let producer = producer.properties(properties(mechanism, login)).unwrap();
    let producer = within("a producer", producer.build()).await.unwrap();
    let told = refused(&producer, "orders").await;
    // Who may write nowhere gets no identity to do it with, either: what is asked first, is refused first.
    assert!(told.contains("AUTHORIZATION_FAILED"), "{told}");
    within("closing", producer.close(LIMIT)).await.unwrap();

    let plain = broker.bootstrap_servers_of("PLAIN").unwrap();
    let admin = within(
        "an admin",
        Admin::builder().bootstrap_servers(&plain).build(),
    )
    .await;
    let acls = [AclOperation::Read, AclOperation::Write].map(|operation| AclBinding {
        pattern_type: PatternType::Prefixed,
        ..AclBinding::allow("User:alice", operation, ResourceType::Topic, "ord")
    });
    for (acl, created) in within("ACLs", admin.unwrap().create_acls(acls))
        .await
        .unwrap()
    {
        created.unwrap_or_else(|error| panic!("{acl:?}: {error}"));
    }
    let producer = Producer::builder().bootstrap_servers(&servers);
    let producer = producer.properties(properties(mechanism, login)).unwrap();
    let producer = within("a producer", producer.build()).await.unwrap();
    let delivery = producer.send(Record::to("orders").value("x")).await;
    within("a delivery", delivery.unwrap()).await.unwrap();
    let other = refused(&producer, "invoices").await;
    assert!(other.contains("invoices"), "{other}");
    assert_eq!(count(&servers, "orders", (mechanism, login), 1).await, 1);
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_removed_while_clients_run_is_told_so_when_the_session_ends_and_nothing_hangs() {
    let broker = secured().connections_max_reauth(Duration::from_secs(2));
    let broker = broker.start().await.unwrap();
    broker.create_topic("t", 1).unwrap();
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    let settings = properties("SCRAM-SHA-512", SCRAM);
    let producer = Producer::builder().bootstrap_servers(&servers);
    let producer = producer.properties(settings).unwrap();
    let producer = within("a producer", producer.build()).await.unwrap();
    let consumer = Consumer::builder().bootstrap_servers(&servers);
    let consumer = consumer.properties(settings).unwrap();
    let consumer = within("a consumer", consumer.build()).await.unwrap();
    consumer
        .assign_at([(TopicPartition::new("t", 0), 0)])
        .unwrap();
    let delivery = producer.send(Record::to("t").value("x")).await.unwrap();
    within("a delivery", delivery).await.unwrap();

    let plain = broker.bootstrap_servers_of("PLAIN").unwrap();
    let admin = Admin::builder().bootstrap_servers(&plain).build();
    let admin = within("an admin", admin).await.unwrap();
    let removed = [ScramMechanism::Sha256, ScramMechanism::Sha512]
        .map(|mechanism| ("alice", AlterScramCredential::Delete(mechanism)));
    for change in removed {
        let altered = admin.alter_user_scram_credentials([change]);
        for (user, altered) in within("a removal", altered).await.unwrap() {
            altered.unwrap_or_else(|error| panic!("{user}: {error}"));
        }
    }
    let sending = async {
        loop {
            let delivered = match producer.send(Record::to("t").value("x")).await {
                Ok(delivery) => delivery.await.map(|_| ()),
                Err(error) => Err(error),
            };
            if let Err(error) = delivered {
                break error;
            }
        }
    };
    let polling = async {
        loop {
            if let Err(error) = consumer.poll(Duration::from_millis(100)).await {
                break error;
            }
        }
    };
    let both = async { tokio::join!(sending, polling) };
    let (sending, polling) = within("refusals", both).await;
    for error in [sending, polling] {
        assert!(matches!(error, Error::Authentication { .. }), "{error:?}");
        let told = error.to_string();
        for part in ["alice", "SCRAM-SHA-512", &servers] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("alice-secret"), "{told}");
        println!("{told}");
    }
    within("closing", producer.close(LIMIT)).await.ok();
    broker.shutdown().await;
}
