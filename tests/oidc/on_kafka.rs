//! A real Kafka, which believes tokens that nobody signs.

use tests::nodes::Nodes;

use super::*;

async fn node(options: &'static [&'static str]) -> Nodes {
    tokio::task::spawn_blocking(|| Nodes::start_one(options))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn tokens_of_seconds_are_renewed_under_load_on_kafka_and_refusals_are_clear() {
    let node = node(&["--sasl", "--conf", "connections.max.reauth.ms=3600000"]).await;
    let servers = node.sasl();
    let server = TokenServer::start("alice", SECRET).await;
    let wrong = ClientCredentials::new(server.url(), "alice", "geheimer").unwrap();
    let error = refusal(&servers, wrong).await;
    assert!(matches!(error, Error::Authentication { .. }), "{error:?}");
    assert!(error.to_string().contains("401"), "{error}");

    server.lifetime(Duration::from_secs(4));
    let sasl = Sasl::oauth_bearer_oidc(credentials(&server));
    create_topic(&servers, &sasl, "renewed").await;
    server.take_asked();
    let sent = write(&servers, &sasl, "renewed", Duration::from_secs(13)).await;
    let asked = server.take_asked().len();
    assert!((3..=6).contains(&asked), "{asked}");
    assert_eq!(count(&servers, &sasl, "renewed", sent).await, sent);
    println!("{sent} records over tokens of 4 s, {asked} tokens");
    tokio::task::spawn_blocking(|| drop(node)).await.unwrap();
}
