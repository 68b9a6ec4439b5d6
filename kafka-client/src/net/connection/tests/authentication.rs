//! Who we are, said to a broker that does what the test says.

use kafka_proto::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};

use super::*;

/// The versions of the requests that a broker has here.
fn sasl_versions() -> ApiVersionsResponse {
    let mut versions = versions(0, 4);
    for (api_key, max_version) in [
        (SaslHandshakeRequest::KEY, 1),
        (SaslAuthenticateRequest::KEY, 2),
    ] {
        versions.api_keys.push(ApiVersion {
            api_key,
            max_version,
            ..Default::default()
        });
    }
    versions
}

fn plain() -> ClientConfig {
    let mut config = ClientConfig::default();
    config.security.set_sasl(Sasl::plain("alice", "geheim"));
    config
}

impl Peer {
    async fn greet_for_sasl(&mut self) {
        let (header, _) = self.read::<ApiVersionsRequest>().await;
        self.answer::<ApiVersionsRequest>(&header, header.request_api_version, &sasl_versions())
            .await;
    }

    async fn offer(&mut self, error_code: ErrorCode) {
        let (header, request) = self.read::<SaslHandshakeRequest>().await;
        assert_eq!(header.request_api_version, 1);
        assert_eq!(&*request.mechanism, "PLAIN");
        let answer = SaslHandshakeResponse {
            error_code: error_code.into(),
            mechanisms: vec!["GSSAPI".into(), "SCRAM-SHA-256".into()],
            ..Default::default()
        };
        self.answer::<SaslHandshakeRequest>(&header, 1, &answer)
            .await;
    }

    /// Takes the password, for a session of that many milliseconds.
    async fn believe(&mut self, session_lifetime_ms: i64) {
        self.offer(ErrorCode::None).await;
        let (header, request) = self.read::<SaslAuthenticateRequest>().await;
        assert_eq!(&*request.auth_bytes, b"\0alice\0geheim");
        let answer = SaslAuthenticateResponse {
            session_lifetime_ms,
            ..Default::default()
        };
        self.answer::<SaslAuthenticateRequest>(&header, 2, &answer)
            .await;
    }
}

async fn refused(error_code: ErrorCode, at_authenticate: bool) -> String {
    let (listener, port) = listen().await;
    let peer = async {
        let mut peer = Peer::accept(&listener).await;
        peer.greet_for_sasl().await;
        if !at_authenticate {
            return peer.offer(error_code).await;
        }
        peer.offer(ErrorCode::None).await;
        let (header, _) = peer.read::<SaslAuthenticateRequest>().await;
        let answer = SaslAuthenticateResponse {
            error_code: error_code.into(),
            error_message: Some("invalid credentials".into()),
            ..Default::default()
        };
        peer.answer::<SaslAuthenticateRequest>(&header, 2, &answer)
            .await;
    };
    let config = plain();
    let (refused, ()) = tokio::join!(open(port, &config), peer);
    let error = refused.unwrap_err();
    assert!(error.is_fatal() && !error.is_retriable(), "{error:?}");
    let told = format!("{error} {error:?}");
    assert!(!told.contains("geheim"), "{told}");
    error.to_string()
}

#[tokio::test]
async fn a_refusal_names_broker_principal_mechanism_and_reason() {
    let begin = "authentication at the broker as \"alice\" by PLAIN failed: ";
    for (code, at_authenticate, reason) in [
        (
            ErrorCode::UnsupportedSaslMechanism,
            false,
            "the broker has GSSAPI, SCRAM-SHA-256",
        ),
        (
            ErrorCode::IllegalSaslState,
            false,
            "the listener takes no authentication: set security.protocol to PLAINTEXT, or bootstrap.servers to a listener for SASL",
        ),
        (
            ErrorCode::SaslAuthenticationFailed,
            true,
            "invalid credentials",
        ),
    ] {
        let told = refused(code, at_authenticate).await;
        assert_eq!(told, format!("{begin}{reason}"));
    }
}

#[tokio::test]
async fn requests_wait_while_the_session_is_renewed_and_those_before_are_answered_first() {
    let (listener, port) = listen().await;
    let peer = async {
        let mut peer = Peer::accept(&listener).await;
        peer.greet_for_sasl().await;
        peer.believe(200).await;
        peer
    };
    let config = plain();
    let (connection, mut peer) = tokio::join!(open(port, &config), peer);
    let connection = connection.unwrap();
    let shared = connection.shared.clone();
    let peer = async move {
        // Sits on a request beyond the time for the renewal.
        let (first, request) = peer.read::<HeartbeatRequest>().await;
        soon("the renewal", async {
            while shared.gate.try_read().is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        peer.answer::<HeartbeatRequest>(&first, 4, &echo_of(request.generation_id))
            .await;
        peer.believe(3_600_000).await;
        peer.echo().await;
        peer
    };
    let beats = async {
        let first = beat(&connection, 1).await.unwrap();
        // It is queued while the gate is closed.
        let second = beat(&connection, 2).await.unwrap();
        assert_eq!((first, second), (1, 2));
    };
    let (_, _peer) = tokio::join!(beats, soon("the beats", peer));
    assert!(!connection.is_closed());
    let metrics = connection.shared.peer.metrics();
    let count = |name| metrics.get("admin-client-metrics", name, &[]);
    assert_eq!(count("successful-authentication-total"), Some(1.0));
    assert_eq!(
        count("successful-authentication-no-reauth-total"),
        Some(0.0)
    );
    assert_eq!(count("successful-reauthentication-total"), Some(1.0));
    assert!(count("reauthentication-latency-max") > Some(0.0));
    assert_eq!(count("failed-authentication-total"), Some(0.0));
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_ends_the_connection_with_the_reason() {
    let (listener, port) = listen().await;
    let peer = async {
        let mut peer = Peer::accept(&listener).await;
        peer.greet_for_sasl().await;
        peer.believe(1).await;
        peer.offer(ErrorCode::UnsupportedSaslMechanism).await;
        peer
    };
    let config = plain();
    let (connection, mut peer) = tokio::join!(open(port, &config), peer);
    assert!(peer.is_closed_by_client().await);
    let connection = connection.unwrap();
    let told = reason(beat(&connection, 1).await.unwrap_err());
    assert!(told.contains("the broker has GSSAPI"), "{told}");
    let metrics = connection.shared.peer.metrics();
    let name = "failed-reauthentication-total";
    assert_eq!(metrics.get("admin-client-metrics", name, &[]), Some(1.0));
}

#[tokio::test]
async fn a_listener_for_tls_is_known_by_its_answer() {
    let (listener, port) = listen().await;
    let peer = async {
        let mut peer = Peer::accept(&listener).await;
        peer.write(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46])
            .await;
        peer
    };
    let config = ClientConfig::default();
    let (connection, _peer) = tokio::join!(open(port, &config), peer);
    let error = connection.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    assert!(error.is_fatal() && !error.is_retriable(), "{error:?}");
    let told = error.to_string();
    let begin = "TLS with the broker failed: it speaks TLS, and the client plain text";
    assert!(told.starts_with(begin), "{told}");
}
