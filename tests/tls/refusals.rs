//! What cannot work is one clear error, at once, and is not tried again.

use std::time::{Duration, Instant};

use kafka_client::Error;
use kafka_client::admin::Admin;
use kafka_client::producer::Record;
use kafka_client::security::{Sasl, Tls, TlsVersion};
use rustls::version::{TLS12, TLS13};
use tests::tls::{Authority, KeyKind, Leaf, TlsListener, server_config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::fixture::{AT_ONCE, BOTH, authority, producer, send, start, trusting, within};

/// Why a client cannot be made that connects by TCP to this address.
async fn refusal(address: &str, tls: Option<Tls>) -> Error {
    let builder = Admin::builder().bootstrap_servers(address);
    let builder = match tls {
        Some(tls) => builder.tls(tls),
        None => builder,
    };
    let began = Instant::now();
    let built = within("a refusal", builder.build()).await;
    let error = built.map(|_| ()).expect_err("it is refused");
    assert!(
        began.elapsed() < AT_ONCE,
        "{error} after {:?}",
        began.elapsed()
    );
    println!("{error}");
    error
}

fn is_refused(error: &Error, address: &str, because: &str) {
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    assert!(error.is_fatal() && !error.is_retriable(), "{error:?}");
    let told = error.to_string();
    for part in [address, because] {
        assert!(told.contains(part), "{part:?} in: {told}");
    }
    assert!(!told.contains("BEGIN"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_not_who_it_should_be_is_refused_by_each_version() {
    let ca = authority();
    let leaf = Leaf::default();
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        for (identity, because) in [
            (Authority::other().issue_any(), "ssl.truststore.location"),
            (Authority::impostor().issue_any(), "another key than the CA"),
            (
                ca.issue(Leaf {
                    years: (2001, 2002),
                    ..leaf
                }),
                "has expired",
            ),
            (
                ca.issue(Leaf {
                    years: (2100, 2101),
                    ..leaf
                }),
                "not valid yet",
            ),
            (
                ca.issue(Leaf {
                    names: &["elsewhere", "10.0.0.1"],
                    ..leaf
                }),
                "not for 127.0.0.1 (it is for elsewhere, 10.0.0.1)",
            ),
        ] {
            let listener = TlsListener::start(server_config(&identity, BOTH, None), |_| {});
            let listener = listener.await.unwrap();
            let address = listener.address.to_string();
            let error = refusal(&address, Some(trusting(&ca).versions([version]))).await;
            is_refused(&error, &address, because);
            assert_eq!(listener.accepted(), 1, "it is not tried again: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_not_who_it_should_be_is_told_so_by_each_version() {
    let ca = authority();
    let (expired, foreign) = (
        ca.issue(Leaf {
            years: (2001, 2002),
            ..Leaf::default()
        }),
        Authority::other().issue_any(),
    );
    for version in [&TLS12, &TLS13] {
        let config = server_config(&ca.issue_any(), &[version], Some(&ca));
        let (_broker, listener) = start(config).await;
        let address = listener.address.to_string();
        for (identity, because) in [
            (None, "ssl.keystore.location"),
            (
                Some(&expired),
                "refused our certificate (certificate_expired)",
            ),
            (Some(&foreign), "refused our certificate (unknown_ca)"),
        ] {
            let before = listener.accepted();
            let mut tls = trusting(&ca);
            if let Some(identity) = identity {
                tls = tls.certificate_pem(identity.certificate.clone(), identity.key.clone());
            }
            let error = refusal(&address, Some(tls)).await;
            is_refused(&error, &address, because);
            assert_eq!(
                listener.accepted(),
                before + 1,
                "it is not tried again: {error}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_that_nobody_shares_are_named() {
    let ca = authority();
    for (theirs, ours) in [(&TLS12, TlsVersion::Tls13), (&TLS13, TlsVersion::Tls12)] {
        let config = server_config(&ca.issue_any(), &[theirs], None);
        let listener = TlsListener::start(config, |_| {}).await.unwrap();
        let address = listener.address.to_string();
        let error = refusal(&address, Some(trusting(&ca).versions([ours]))).await;
        is_refused(&error, &address, "ssl.enabled.protocols");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_text_to_a_listener_for_tls_and_the_reverse_are_told_apart() {
    let ca = authority();
    let config = server_config(&ca.issue_any(), BOTH, None);
    let listener = TlsListener::start(config, |_| {}).await.unwrap();
    let address = listener.address.to_string();
    let error = refusal(&address, None).await;
    is_refused(&error, &address, "set security.protocol to SSL or SASL_SSL");

    // Something that answers in plain text.
    let plain = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = plain.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    });
    let error = refusal(&address, Some(trusting(&ca))).await;
    is_refused(
        &error,
        &address,
        "does not speak TLS: set security.protocol",
    );

    // A Kafka listener for plain text closes what it takes for a request of a gigabyte, and answers in plain text.
    let broker = kafka_broker::Broker::builder().start().await.unwrap();
    let address = broker.bootstrap_servers();
    let error = refusal(&address, Some(trusting(&ca))).await;
    is_refused(
        &error,
        &address,
        "set security.protocol to PLAINTEXT or SASL_PLAINTEXT",
    );

    // What closes every connection may be a broker that stops: this may be tried again by who wants to.
    let closing = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = closing.local_addr().unwrap().to_string();
    tokio::spawn(async move { while closing.accept().await.is_ok() {} });
    let error = refusal(&address, Some(trusting(&ca))).await;
    let told = error.to_string();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    for part in [
        &*address,
        "does its listener speak TLS (security.protocol)?",
    ] {
        assert!(told.contains(part), "{part:?} in: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_says_nothing_is_given_up_after_the_setup_timeout() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let builder = Admin::builder()
        .bootstrap_servers(&address)
        .tls(Tls::new().roots_pem(authority().pem()));
    let builder = builder
        .properties([("socket.connection.setup.timeout.ms", "100")])
        .unwrap();
    let error = within("a timeout", builder.build())
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(
        error.to_string().contains("no TLS handshake within 100ms"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_not_sent_to_who_has_not_proved_to_be_the_broker() {
    let ca = authority();
    let received = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let config = server_config(&Authority::other().issue_any(), BOTH, None);
    let seen = received.clone();
    let serve = move |mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>| {
        let seen = seen.clone();
        tokio::spawn(async move {
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes).await;
            seen.lock().unwrap().extend(bytes);
        });
    };
    let listener = TlsListener::start(config, serve).await.unwrap();
    let builder = Admin::builder()
        .bootstrap_servers(listener.address.to_string())
        .sasl(Sasl::plain("alice", "geheim"))
        .tls(trusting(&ca));
    let error = within("a refusal", builder.build())
        .await
        .map(|_| ())
        .unwrap_err();
    is_refused(
        &error,
        &listener.address.to_string(),
        "no CA that is trusted",
    );
    assert!(!format!("{error:?}").contains("geheim"));
    assert!(received.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_whose_broker_turns_into_somebody_else_fails_and_does_not_try_for_ever() {
    let ca = Authority::new(KeyKind::P256);
    let (broker, listener) = start(server_config(&ca.issue_any(), BOTH, None)).await;
    let producer = producer(listener.address, trusting(&ca), |builder| builder)
        .await
        .unwrap();
    send(&producer, "before").await;
    listener.replace(server_config(&Authority::other().issue_any(), BOTH, None));
    broker.stop_node(1).await.unwrap();
    broker.start_node(1).await.unwrap();
    let began = Instant::now();
    let failed = within("a failure", async {
        loop {
            let sent = producer.send(Record::to("t").value("after")).await;
            let delivered = match sent {
                Ok(delivery) => delivery.await.map(|_| ()),
                Err(error) => Err(error),
            };
            match delivered {
                // It may have gone out before the connection was known to be lost.
                Ok(()) => tokio::time::sleep(Duration::from_millis(1)).await,
                Err(error) => break error,
            }
        }
    })
    .await;
    assert!(matches!(failed, Error::Tls { .. }), "{failed:?}");
    assert!(
        began.elapsed() < AT_ONCE,
        "{failed} after {:?}",
        began.elapsed()
    );
}
