//! Endpoints and schema registries with https.

use kafka_client::schema_registry::{Schema, SchemaRegistry};
use kafka_client::security::Tls;
use rustls::version::{TLS12, TLS13};
use tests::registry::Registry;
use tests::tls::{Authority, KeyKind, TlsListener, server_config};

use super::*;

/// A listener for TLS of that authority in front of something.
async fn listener(
    authority: &Authority,
    serve: impl Fn(tokio_rustls::server::TlsStream<tokio::net::TcpStream>) + Send + Sync + 'static,
) -> TlsListener {
    let config = server_config(&authority.issue_any(), &[&TLS12, &TLS13], None);
    TlsListener::start(config, serve).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_endpoint_with_https_is_believed_only_with_a_certificate_that_is_trusted() {
    let ca = Authority::new(KeyKind::P256);
    let server = TokenServer::start("alice", SECRET).await;
    let listener = listener(&ca, server.serve()).await;
    let broker = secured().start().await.unwrap();
    let servers = broker.bootstrap_servers_of("SASL").unwrap();
    let url = format!("https://{}/token", listener.address);
    let credentials = || ClientCredentials::new(&url, "alice", SECRET).unwrap();
    let trusting = |ca: &Authority| credentials().tls(Tls::new().roots_pem(ca.pem()));
    create_topic(&servers, &Sasl::oauth_bearer_oidc(trusting(&ca)), "t").await;
    assert_eq!(server.take_asked().len(), 1);

    let accepted = listener.accepted();
    let error = refusal(&servers, trusting(&Authority::other())).await;
    assert!(matches!(error, Error::Authentication { .. }), "{error:?}");
    let told = error.to_string();
    for part in [
        &*url,
        "TLS failed",
        "no CA that is trusted has signed the server's certificate",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(listener.accepted(), accepted + 1, "it is not tried again");
    let missing = credentials().tls(Tls::new().roots_file("no-such.pem"));
    let told = refusal(&servers, missing).await.to_string();
    assert!(told.contains("ssl.truststore.location"), "{told}");
    // Http to https, and the reverse.
    let plain = url.replace("https://", "http://");
    let plain = ClientCredentials::new(&plain, "alice", SECRET).unwrap();
    let brief = Duration::from_millis(100);
    let told = refusal(&servers, plain.retry_backoff(brief, brief)).await;
    println!("{told}");
    let encrypted = server.url().replace("http://", "https://");
    let encrypted = ClientCredentials::new(&encrypted, "alice", SECRET).unwrap();
    let encrypted = encrypted.tls(Tls::new().roots_pem(ca.pem()));
    let told = refusal(&servers, encrypted).await.to_string();
    assert!(told.contains("does not speak TLS"), "{told}");
    assert!(
        server.take_asked().is_empty(),
        "the secret went to nobody else"
    );

    // By the names of the Java client.
    let login = format!(
        r#"org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required ssl.truststore.certificates="{}";"#,
        ca.pem()
    );
    let login = login.replace('\n', "\\n");
    let settings = [
        ("security.protocol", "SASL_PLAINTEXT"),
        ("sasl.mechanism", "OAUTHBEARER"),
        ("sasl.oauthbearer.token.endpoint.url", &url),
        ("sasl.oauthbearer.client.credentials.client.id", "alice"),
        ("sasl.oauthbearer.client.credentials.client.secret", SECRET),
        ("sasl.jaas.config", &login),
    ];
    let admin = Admin::builder().bootstrap_servers(&servers);
    let admin = admin.properties(settings).unwrap();
    within("an admin", admin.build()).await.unwrap();
    broker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_registry_with_https_is_asked_with_certificates_of_both_sides() {
    let ca = Authority::new(KeyKind::P256);
    let registry = Registry::start().await;
    // By TLS 1.3 a server may hang up before its refusal was read.
    let config = server_config(&ca.issue_any(), &[&TLS12], Some(&ca));
    let listener = TlsListener::start(config, registry.serve()).await.unwrap();
    let url = format!("https://{}", listener.address);
    let us = ca.issue_any();
    let tls = Tls::new().roots_pem(ca.pem());
    let known = tls
        .clone()
        .certificate_pem(us.certificate.clone(), us.key.clone());
    let client = SchemaRegistry::builder(&url).tls(known).build().unwrap();
    let id = within(
        "a schema",
        client.register("t-value", &Schema::avro(r#""string""#)),
    )
    .await;
    id.unwrap();
    for (tls, because) in [
        (tls, "wants a certificate of ours"),
        (
            Tls::new().roots_pem(Authority::other().pem()),
            "no CA that is trusted has signed the server's certificate",
        ),
    ] {
        let client = SchemaRegistry::builder(&url).tls(tls).retries(0);
        let client = client.build().unwrap();
        let refused = within("a refusal", client.subjects()).await;
        let told = refused.unwrap_err().to_string();
        println!("{told}");
        assert!(told.contains(&url) && told.contains(because), "{told}");
    }
}
