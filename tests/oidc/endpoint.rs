//! What an endpoint is asked, and what becomes of what it answers.

use tests::tokens::token;
use tokio::net::TcpListener;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_is_asked_for_by_the_names_of_the_java_client_and_all_connections_have_it() {
    let server = TokenServer::start("alice", SECRET).await;
    let broker = secured().nodes(3).start().await.unwrap();
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    let settings = [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "OAUTHBEARER"),
        ("sasl.oauthbearer.token.endpoint.url", server.url()),
        (
            "sasl.jaas.config",
            r#"org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="alice" clientSecret="geheim" scope="read & write";"#,
        ),
    ];
    let admin = Admin::builder().bootstrap_servers(&servers);
    let admin = admin.properties(settings).unwrap();
    let admin = within("an admin", admin.build()).await.unwrap();
    let topics = [NewTopic::new("t").partitions(6)];
    within("a topic", admin.create_topics(topics))
        .await
        .unwrap();
    let producer = Producer::builder().bootstrap_servers(&servers);
    let sasl = Sasl::oauth_bearer_oidc(credentials(&server));
    let producer = within("a producer", producer.sasl(sasl).build()).await;
    let producer = producer.unwrap();
    for partition in 0..6 {
        let record = Record::to("t").partition(partition).value("x");
        let delivery = producer.send(record).await.unwrap();
        within("a delivery", delivery).await.unwrap();
    }
    let asked = server.take_asked();
    let of_admin = "grant_type=client_credentials&scope=read%20%26%20write";
    let bodies: Vec<&str> = asked.iter().map(|asked| &*asked.body).collect();
    assert_eq!(bodies, [of_admin, "grant_type=client_credentials"]);
    for asked in asked {
        assert_eq!(asked.what, "POST /token");
        // alice:geheim
        assert_eq!(asked.authorization, "Basic YWxpY2U6Z2VoZWlt");
    }
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_endpoint_refuses_or_what_is_no_token_is_one_clear_error_at_once() {
    let server = TokenServer::start("alice", SECRET).await;
    let broker = secured().start().await.unwrap();
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    let wrong = ClientCredentials::new(server.url(), "alice", "geheimer").unwrap();
    let error = refusal(&servers, wrong).await;
    assert!(matches!(error, Error::Authentication { .. }), "{error:?}");
    for part in [
        server.url(),
        "401 Unauthorized",
        "invalid_client: no such client",
        &servers,
    ] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    server.take_asked();
    let json = |token: &str| format!(r#"{{"access_token":"{token}"}}"#);
    let expired = json(&token("alice", Duration::ZERO));
    for (status, body, because) in [
        (200, "<html>geheim</html>".to_owned(), "no JSON"),
        (200, "{}".to_owned(), "no access_token"),
        (200, json("geheim"), "no JWT"),
        (200, json("a.geheim.c"), "no JWT"),
        (200, expired, "has expired already"),
        (200, "x".repeat(2 << 20), "larger than"),
        (302, String::new(), "redirects are not followed"),
        (404, "geheim".to_owned(), "404 Not Found"),
        (
            400,
            r#"{"error":"invalid_scope","error_description":"for geheim\u0007"}"#.to_owned(),
            "400 Bad Request: invalid_scope: for [hidden];",
        ),
    ] {
        server.fail_next([(status, body)]);
        let error = refusal(&servers, credentials(&server)).await;
        assert!(matches!(error, Error::Authentication { .. }), "{error:?}");
        for part in [server.url(), because] {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
        assert_eq!(server.take_asked().len(), 1, "{error}");
    }
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_that_may_pass_is_waited_for_and_then_told() {
    let server = TokenServer::start("alice", SECRET).await;
    let broker = secured().start().await.unwrap();
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    let millis = Duration::from_millis;
    let patient =
        |credentials: ClientCredentials| credentials.retry_backoff(millis(5), millis(500));
    server.fail_next([500, 503, 429].map(|status| (status, "no JSON".to_owned())));
    let sasl = Sasl::oauth_bearer_oidc(patient(credentials(&server)));
    create_topic(&servers, &sasl, "after").await;
    assert_eq!(server.take_asked().len(), 4);

    // It goes on: no server, one that is slow.
    let gone = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let nowhere = format!("http://{}/token", gone.local_addr().unwrap());
    drop(gone);
    let nobody = ClientCredentials::new(&nowhere, "alice", SECRET).unwrap();
    let error = refusal(&servers, patient(nobody)).await;
    assert!(error.is_retriable(), "{error:?}");
    for part in ["no credentials at the moment", &nowhere, "no connection"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    server.delay(Duration::from_secs(60));
    let hasty = patient(credentials(&server)).timeouts(millis(50), millis(50));
    let error = refusal(&servers, hasty).await;
    assert!(error.is_retriable(), "{error:?}");
    for part in [server.url(), "no answer within 100ms"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
    broker.shutdown().await;
}
