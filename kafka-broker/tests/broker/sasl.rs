//! SASL, byte by byte: what comes in which order, and what does not.

use std::time::Duration;

use bytes::{BufMut, Bytes};
use kafka_broker::{Broker, Listener, SaslMechanism, SecurityProtocol};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{
    ApiVersionsRequest, MetadataRequest, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest, SaslHandshakeResponse,
};

use crate::connection::Connection;

async fn secured(reauth: Duration) -> Broker {
    Broker::builder()
        .listener(Listener::new("INTERNAL", SecurityProtocol::Plaintext))
        .listener(Listener::new("CLIENTS", SecurityProtocol::SaslPlaintext).advertised_port(7))
        .sasl_mechanisms([SaslMechanism::Plain, SaslMechanism::ScramSha512])
        .user("alice", "secret")
        .user("bob", "secret")
        .connections_max_reauth(reauth)
        .connection_failed_authentication_delay(Duration::from_millis(1))
        .start()
        .await
        .unwrap()
}

async fn open(broker: &Broker) -> Connection {
    Connection::open_at(broker.listener_addr(1, "CLIENTS").unwrap()).await
}

async fn handshake(c: &mut Connection, mechanism: &'static str) -> SaslHandshakeResponse {
    let request = SaslHandshakeRequest {
        mechanism: mechanism.into(),
        ..Default::default()
    };
    c.call(&request, 1).await
}

async fn token(c: &mut Connection, token: &'static str) -> SaslAuthenticateResponse {
    let request = SaslAuthenticateRequest {
        auth_bytes: Bytes::from_static(token.as_bytes()),
        ..Default::default()
    };
    c.call(&request, 2).await
}

async fn log_in(c: &mut Connection) -> SaslAuthenticateResponse {
    assert_eq!(handshake(c, "PLAIN").await.error_code, 0);
    let response = token(c, "\0alice\0secret").await;
    assert_eq!(
        (response.error_code, response.error_message.as_ref()),
        (0, None)
    );
    response
}

async fn is_served(c: &mut Connection) -> bool {
    c.send(&MetadataRequest::default(), 12).await;
    c.next_frame().await.is_some()
}

#[tokio::test]
async fn clients_of_a_listener_are_told_its_own_addresses() {
    let broker = secured(Duration::ZERO).await;
    let mut c = open(&broker).await;
    log_in(&mut c).await;
    let metadata = c.call(&MetadataRequest::default(), 12).await;
    assert_eq!(metadata.brokers[0].port, 7);
    let mut c = Connection::open(&broker).await;
    let metadata = c.call(&MetadataRequest::default(), 12).await;
    assert_eq!(
        metadata.brokers[0].port,
        i32::from(broker.local_addr().port())
    );
    let own = broker.bootstrap_servers_of("INTERNAL").unwrap();
    assert_eq!(own, broker.bootstrap_servers());
    broker.bootstrap_servers_of("OTHER").unwrap_err();
}

#[tokio::test]
async fn nothing_is_served_before_somebody_has_logged_in() {
    let broker = secured(Duration::ZERO).await;
    assert!(!is_served(&mut open(&broker).await).await);
    let mut c = open(&broker).await;
    c.send(&SaslAuthenticateRequest::default(), 2).await;
    assert_eq!(c.next_frame().await, None, "no mechanism was named");

    let mut c = open(&broker).await;
    let versions = c.call(&ApiVersionsRequest::default(), 0).await;
    assert_eq!(versions.error_code, 0);
    assert_eq!(handshake(&mut c, "SCRAM-SHA-512").await.error_code, 0);
    assert!(!is_served(&mut c).await, "in the middle of it");

    let mut c = open(&broker).await;
    c.call(&ApiVersionsRequest::default(), 0).await;
    c.send(&ApiVersionsRequest::default(), 0).await;
    assert_eq!(c.next_frame().await, None, "asked twice");

    let mut c = open(&broker).await;
    let mut huge = Vec::new();
    huge.put_i32(1 << 20);
    c.write(&huge).await;
    assert_eq!(c.next_frame().await, None, "more than there can be to say");

    let mut c = open(&broker).await;
    log_in(&mut c).await;
    assert!(is_served(&mut c).await);
    let late = token(&mut c, "\0alice\0secret").await;
    assert_eq!(late.error_code, ErrorCode::IllegalSaslState.code());
    let late = handshake(&mut c, "PLAIN").await;
    assert_eq!(late.error_code, ErrorCode::IllegalSaslState.code());
    assert!(is_served(&mut c).await);
}

#[tokio::test]
async fn who_is_not_believed_is_told_so_and_the_connection_ends() {
    let broker = secured(Duration::ZERO).await;
    let mut c = open(&broker).await;
    let response = handshake(&mut c, "GSSAPI").await;
    let unsupported = ErrorCode::UnsupportedSaslMechanism.code();
    assert_eq!(response.error_code, unsupported);
    assert_eq!(response.mechanisms, ["PLAIN", "SCRAM-SHA-512"]);
    assert_eq!(c.next_frame().await, None);

    for (mechanism, said, told) in [
        (
            "PLAIN",
            "\0alice\0wrong",
            "Authentication failed: Invalid username or password",
        ),
        (
            "PLAIN",
            "alice",
            "Authentication failed during authentication due to invalid credentials with SASL mechanism PLAIN",
        ),
        (
            "SCRAM-SHA-512",
            "n,,n=mallory,r=abc",
            "Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512",
        ),
    ] {
        let mut c = open(&broker).await;
        handshake(&mut c, mechanism).await;
        let response = token(&mut c, said).await;
        let failed = ErrorCode::SaslAuthenticationFailed.code();
        assert_eq!(response.error_code, failed);
        assert_eq!(response.error_message.as_deref(), Some(told));
        assert_eq!(c.next_frame().await, None);
    }
}

#[tokio::test]
async fn tokens_may_come_in_frames_of_their_own() {
    let broker = secured(Duration::ZERO).await;
    for (password, is_right) in [("secret", true), ("wrong", false)] {
        let mut c = open(&broker).await;
        let request = SaslHandshakeRequest {
            mechanism: "PLAIN".into(),
            ..Default::default()
        };
        assert_eq!(c.call(&request, 0).await.error_code, 0);
        let token = format!("\0alice\0{password}");
        let mut frame = Vec::new();
        frame.put_i32(token.len() as i32);
        frame.put_slice(token.as_bytes());
        c.write(&frame).await;
        let answer = c.next_frame().await;
        assert_eq!(answer.is_some_and(|answer| answer.is_empty()), is_right);
        if is_right {
            assert!(is_served(&mut c).await);
        }
    }
}

#[tokio::test]
async fn a_session_is_renewed_by_the_same_user_and_the_same_mechanism_only() {
    let hour = Duration::from_secs(3600);
    let broker = secured(hour).await;
    let mut c = open(&broker).await;
    assert_eq!(log_in(&mut c).await.session_lifetime_ms, 3_600_000);
    log_in(&mut c).await;
    assert!(is_served(&mut c).await);
    let early = handshake(&mut c, "PLAIN").await;
    assert_eq!(early.error_code, ErrorCode::IllegalSaslState.code());
    assert!(is_served(&mut c).await, "it was too early, and that is all");

    for (mechanism, said, told) in [
        (
            "PLAIN",
            "\0bob\0secret",
            "Cannot change principals during re-authentication from User.alice: User.bob",
        ),
        (
            "SCRAM-SHA-512",
            "n,,n=alice,r=abc",
            "SASL mechanism 'SCRAM-SHA-512' requested by client is not supported for re-authentication of mechanism 'PLAIN'",
        ),
        (
            "PLAIN",
            "alice",
            "Authentication failed during re-authentication due to invalid credentials with SASL mechanism PLAIN",
        ),
    ] {
        let mut c = open(&broker).await;
        log_in(&mut c).await;
        handshake(&mut c, mechanism).await;
        let response = token(&mut c, said).await;
        assert_eq!(response.error_message.as_deref(), Some(told));
        assert_eq!(c.next_frame().await, None);
    }
}

#[tokio::test]
async fn a_connection_whose_session_is_over_is_closed_at_its_next_request() {
    let broker = secured(Duration::from_secs(1)).await;
    let mut c = open(&broker).await;
    assert_eq!(log_in(&mut c).await.session_lifetime_ms, 1000);
    assert!(is_served(&mut c).await);
    tokio::time::timeout(Duration::from_secs(10), async {
        while is_served(&mut c).await {}
    })
    .await
    .expect("the end of the session within 10 s");

    let mut c = open(&broker).await;
    log_in(&mut c).await;
    // Past the end of the session: nothing else ends it.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    log_in(&mut c).await;
    assert!(is_served(&mut c).await, "late, and yet renewed");
}
