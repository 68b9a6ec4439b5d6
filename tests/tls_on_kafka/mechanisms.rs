//! RSA certificates, both versions, and SASL inside of TLS.

use std::time::{Duration, Instant};

use kafka_client::Error;
use kafka_client::events::Event;
use kafka_client::producer::Record;

use crate::fixture::*;

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

fn login(settings: &Settings, (mechanism, jaas): (&str, &str)) -> Settings {
    let settings = with(settings, "security.protocol", "SASL_SSL");
    with(
        &with(&settings, "sasl.mechanism", mechanism),
        "sasl.jaas.config",
        jaas,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn rsa_certificates_and_every_mechanism_inside_of_both_versions_and_what_does_not_go_together()
 {
    let _turn = turn().await;
    let node = node(&["--ssl", "--sasl"]).await;
    let (tls, sasl_tls) = (node.tls(), node.sasl_tls());
    let settings = trusting(&node);
    for version in ["TLSv1.2", "TLSv1.3"] {
        let settings = with(&settings, "ssl.enabled.protocols", version);
        let topic = |name: &str| format!("{name}-{}", version.to_lowercase());
        write_and_read(&tls, &settings, &topic("tls")).await;
        for (mechanism, jaas) in LOGINS {
            let topic = topic(&mechanism.to_lowercase());
            write_and_read(&sasl_tls, &login(&settings, (mechanism, jaas)), &topic).await;
        }

        let other = with(
            &settings,
            "ssl.truststore.certificates",
            &tests::tls::Authority::other().pem(),
        );
        is_refused(
            &refusal(&tls, &other).await,
            &tls,
            "ssl.truststore.location",
        );
    }

    let wrong = login(
        &settings,
        ("PLAIN", &LOGINS[0].1.replace("alice-secret", "geheim")),
    );
    let error = refusal(&sasl_tls, &wrong).await;
    assert!(matches!(error, Error::Authentication { .. }), "{error:?}");
    assert!(
        !format!("{error} {error:?}").contains("geheim"),
        "{error:?}"
    );

    let plain: Settings = vec![];
    is_refused(&refusal(&tls, &plain).await, &tls, "it speaks TLS");
    let error = refusal(&node.bootstrap, &settings).await;
    let way_out = "set security.protocol to PLAINTEXT or SASL_PLAINTEXT";
    is_refused(&error, &node.bootstrap, way_out);
    is_refused(
        &refusal(&node.sasl(), &settings).await,
        &node.sasl(),
        way_out,
    );
    stop(node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn sessions_of_seconds_are_renewed_inside_of_tls_under_load_and_nothing_is_lost_or_doubled() {
    const SESSIONS: Duration = Duration::from_secs(9);
    let _turn = turn().await;
    let node = node(&[
        "--ssl",
        "--sasl",
        "--conf",
        "connections.max.reauth.ms=2000",
    ])
    .await;
    let servers = node.sasl_tls();
    for (mechanism, jaas) in [LOGINS[1], LOGINS[3]] {
        let settings = login(&trusting(&node), (mechanism, jaas));
        let topic = format!("renewed-{}", mechanism.to_lowercase());
        create_topic(&servers, &settings, &topic).await;
        let producer = producer(&servers, &settings).await;
        let mut events = producer.events();
        let began = Instant::now();
        let mut sent = 0;
        while began.elapsed() < SESSIONS {
            let value = sent.to_string();
            let delivery = producer
                .send(Record::to(&topic).value(&value))
                .await
                .unwrap();
            sent += 1;
            if sent % 1000 == 0 {
                within("a delivery", delivery).await.unwrap();
            }
        }
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
        let seen = read(&servers, &settings, &topic, sent).await;
        let in_order = seen
            .iter()
            .enumerate()
            .all(|(n, value)| *value == n.to_string());
        assert!(
            seen.len() == sent && in_order,
            "{mechanism}: {} of {sent}",
            seen.len()
        );
        println!(
            "{mechanism}: {sent} records in {SESSIONS:?} over sessions of 2 s, none lost, none twice"
        );
    }
    stop(node).await;
}
