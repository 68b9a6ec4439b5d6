//! A connection against a broker that does what the test says, on a port of its own.

use kafka_proto::messages::api_versions::ApiVersion;
use kafka_proto::messages::{HeartbeatRequest, HeartbeatResponse, RequestHeader};
use std::net::SocketAddr;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::metrics::ClientKind;
use crate::telemetry::Telemetry;

mod addresses;
mod authentication;

/// For what should come at once.
const SOON: Duration = Duration::from_secs(10);
/// For what will not come.
const SHORT: Duration = Duration::from_millis(50);

struct Peer {
    stream: TcpStream,
    received: BytesMut,
}

impl Peer {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = soon("a connection", listener.accept()).await.unwrap();
        Self {
            stream,
            received: BytesMut::new(),
        }
    }

    /// The next request: its header, and its content behind it.
    async fn read<R: Request>(&mut self) -> (RequestHeader, R) {
        loop {
            if let Some(frame) = frame::take_frame(&mut self.received, 1 << 20).unwrap() {
                let (header, _, body) = frame::decode_request_header(&frame).unwrap();
                let request = R::decode(body, header.request_api_version).unwrap();
                return (header, request);
            }
            assert_ne!(
                soon("a request", self.stream.read_buf(&mut self.received))
                    .await
                    .unwrap(),
                0,
                "no request came"
            );
        }
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn answer<R: Request>(&mut self, to: &RequestHeader, version: i16, answer: &R::Response) {
        self.write(&answer_bytes::<R>(to.correlation_id, version, answer))
            .await;
    }

    /// Says that it speaks ApiVersions and Heartbeat.
    async fn greet(&mut self) {
        let (header, _) = self.read::<ApiVersionsRequest>().await;
        self.answer::<ApiVersionsRequest>(&header, header.request_api_version, &versions(0, 4))
            .await;
    }

    /// Answers the next heartbeat with its generation.
    async fn echo(&mut self) {
        let (header, request) = self.read::<HeartbeatRequest>().await;
        self.answer::<HeartbeatRequest>(&header, 4, &echo_of(request.generation_id))
            .await;
    }

    async fn is_closed_by_client(&mut self) -> bool {
        soon(
            "the end of the connection",
            self.stream.read_buf(&mut self.received),
        )
        .await
        .map_or(true, |read| read == 0)
    }
}

fn answer_bytes<R: Request>(correlation_id: i32, version: i16, answer: &R::Response) -> Bytes {
    frame::encode_response::<R>(answer, version, correlation_id)
        .unwrap()
        .into_bytes()
}

fn echo_of(generation_id: i32) -> HeartbeatResponse {
    HeartbeatResponse {
        error_code: generation_id as i16,
        ..Default::default()
    }
}

fn versions(min: i16, max: i16) -> ApiVersionsResponse {
    let api = |api_key| ApiVersion {
        api_key,
        min_version: min,
        max_version: max,
        ..Default::default()
    };
    ApiVersionsResponse {
        api_keys: vec![api(ApiVersionsRequest::KEY), api(HeartbeatRequest::KEY)],
        ..Default::default()
    }
}

async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    timeout(SOON, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come within {SOON:?}"))
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Nobody looks at what is told.
fn telemetry() -> PeerTelemetry {
    Telemetry::new(ClientKind::Admin, "it").peer(None, "127.0.0.1", 0)
}

async fn open(port: u16, config: &ClientConfig) -> Result<Connection> {
    soon(
        "the connection",
        Connection::open(
            "the broker".to_owned(),
            "127.0.0.1",
            port,
            config,
            &telemetry(),
        ),
    )
    .await
}

/// A connection and the broker's end of it.
async fn connected() -> (Connection, Peer) {
    let (listener, port) = listen().await;
    let peer = async {
        let mut peer = Peer::accept(&listener).await;
        peer.greet().await;
        peer
    };
    let config = ClientConfig::default();
    let (connection, peer) = tokio::join!(open(port, &config), peer);
    (connection.unwrap(), peer)
}

fn heartbeat(generation_id: i32) -> HeartbeatRequest {
    HeartbeatRequest {
        generation_id,
        ..Default::default()
    }
}

async fn beat(connection: &Connection, generation_id: i32) -> Result<i32> {
    let answer = connection.send(&heartbeat(generation_id), 4, SOON).await?;
    Ok(answer.error_code.into())
}

fn reason(error: Error) -> String {
    match error {
        Error::Disconnected { broker, reason } if broker == "the broker" => reason,
        other => panic!("not the loss of the connection: {other:?}"),
    }
}

#[tokio::test]
async fn a_broker_that_does_not_know_our_api_versions_is_asked_in_its_own() {
    for (theirs, asked_next) in [(Some(1), 1), (Some(0), 0), (None, 0)] {
        let (listener, port) = listen().await;
        let peer = async {
            let mut peer = Peer::accept(&listener).await;
            let (header, _) = peer.read::<ApiVersionsRequest>().await;
            assert_eq!(header.request_api_version, ApiVersionsRequest::STABLE.max);
            let api_keys = theirs.map(|max_version| ApiVersion {
                api_key: ApiVersionsRequest::KEY,
                max_version,
                ..Default::default()
            });
            let error_code = ErrorCode::UnsupportedVersion.into();
            let refusal = ApiVersionsResponse {
                error_code,
                api_keys: api_keys.into_iter().collect(),
                ..Default::default()
            };
            peer.answer::<ApiVersionsRequest>(&header, 0, &refusal)
                .await;
            let (header, _) = peer.read::<ApiVersionsRequest>().await;
            assert_eq!(header.request_api_version, asked_next);
            peer.answer::<ApiVersionsRequest>(&header, asked_next, &versions(0, 1))
                .await;
        };
        let config = ClientConfig::default();
        let (connection, ()) = tokio::join!(open(port, &config), peer);
        assert_eq!(
            connection.unwrap().version_of::<HeartbeatRequest>(i16::MAX),
            Ok(1)
        );
    }
}

#[tokio::test]
async fn a_broker_that_refuses_every_version_is_asked_no_further() {
    let (listener, port) = listen().await;
    let peer = async {
        let mut peer = Peer::accept(&listener).await;
        for _ in 0..2 {
            let (header, _) = peer.read::<ApiVersionsRequest>().await;
            let error_code = ErrorCode::UnsupportedVersion.into();
            let refusal = ApiVersionsResponse {
                error_code,
                ..Default::default()
            };
            peer.answer::<ApiVersionsRequest>(&header, 0, &refusal)
                .await;
        }
    };
    let config = ClientConfig::default();
    let (connection, ()) = tokio::join!(open(port, &config), peer);
    assert!(matches!(
        connection.unwrap_err(),
        Error::UnsupportedVersion {
            api: "ApiVersions",
            ..
        }
    ));
}

#[tokio::test]
async fn a_version_that_nobody_shares_is_refused_before_anything_is_sent() {
    let (connection, _peer) = connected().await;
    assert_eq!(
        connection.version_of::<HeartbeatRequest>(2),
        Ok(2),
        "a cap is kept"
    );
    let error = connection
        .version_of::<kafka_proto::messages::ProduceRequest>(i16::MAX)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the broker does not speak Produce in a version of ours (it has none"),
        "{error}"
    );
}

#[tokio::test]
async fn answers_may_come_byte_by_byte_and_all_at_once() {
    let (connection, mut peer) = connected().await;
    let peer = async {
        let mut bytes = Vec::new();
        for _ in 0..2 {
            let (header, request) = peer.read::<HeartbeatRequest>().await;
            bytes.extend(answer_bytes::<HeartbeatRequest>(
                header.correlation_id,
                4,
                &echo_of(request.generation_id),
            ));
        }
        for byte in bytes {
            peer.write(&[byte]).await;
            tokio::task::yield_now().await;
        }
        let mut bytes = Vec::new();
        for _ in 0..2 {
            let (header, request) = peer.read::<HeartbeatRequest>().await;
            bytes.extend(answer_bytes::<HeartbeatRequest>(
                header.correlation_id,
                4,
                &echo_of(request.generation_id),
            ));
        }
        peer.write(&bytes).await;
    };
    let client = async {
        for pair in [[1, 2], [3, 4]] {
            let (first, second) =
                tokio::join!(beat(&connection, pair[0]), beat(&connection, pair[1]));
            assert_eq!((first, second), (Ok(pair[0]), Ok(pair[1])));
        }
    };
    tokio::join!(client, peer);
}

#[tokio::test]
async fn requests_go_out_in_order_without_waiting_for_answers() {
    let (connection, mut peer) = connected().await;
    let peer = async {
        let mut headers = Vec::new();
        for generation in 0..100 {
            let (header, request) = peer.read::<HeartbeatRequest>().await;
            assert_eq!(request.generation_id, generation);
            headers.push(header);
        }
        for (generation, header) in (0..).zip(&headers) {
            peer.answer::<HeartbeatRequest>(header, 4, &echo_of(generation))
                .await;
        }
    };
    let client = async {
        let mut pending = Vec::new();
        for generation in 0..100 {
            pending.push(
                connection
                    .begin(&heartbeat(generation), 4, SOON)
                    .await
                    .unwrap(),
            );
        }
        for (generation, pending) in (0..).zip(pending) {
            assert_eq!(pending.answer(SOON).await.unwrap().error_code, generation);
        }
    };
    tokio::join!(client, peer);
}

#[tokio::test]
async fn a_request_nobody_waits_for_any_more_does_not_shift_the_answers() {
    let (connection, mut peer) = connected().await;
    let abandoned = connection.begin(&heartbeat(1), 4, SOON).await.unwrap();
    drop(abandoned);
    assert!(
        timeout(SHORT, beat(&connection, 2)).await.is_err(),
        "nothing has been answered yet"
    );
    let peer = async {
        for _ in 0..3 {
            peer.echo().await;
        }
    };
    let (answer, ()) = tokio::join!(beat(&connection, 3), peer);
    assert_eq!(answer, Ok(3));
}

#[tokio::test]
async fn an_unanswered_request_costs_the_connection_and_all_behind_it() {
    let (connection, mut peer) = connected().await;
    let first = heartbeat(1);
    let (slow, behind) = tokio::join!(connection.send(&first, 4, SHORT), beat(&connection, 2));
    let expected = format!("Heartbeat was not answered within {SHORT:?}");
    assert_eq!(reason(slow.unwrap_err()), expected);
    assert_eq!(reason(behind.unwrap_err()), expected);
    assert_eq!(
        reason(beat(&connection, 3).await.unwrap_err()),
        expected,
        "nothing more is sent"
    );
    assert!(connection.is_closed());
    peer.read::<HeartbeatRequest>().await;
    peer.read::<HeartbeatRequest>().await;
    assert!(
        peer.is_closed_by_client().await,
        "the socket is closed although the handle is still there"
    );
}

#[tokio::test]
async fn a_broker_that_does_not_read_does_not_hang_an_unanswered_request() {
    let (connection, _peer) = connected().await;
    let big = HeartbeatRequest {
        group_id: "x".repeat(16_000).into(),
        ..Default::default()
    };
    let mut outcome = Ok(());
    for _ in 0..10_000 {
        outcome = connection.send_unanswered(&big, 4, SHORT).await;
        if outcome.is_err() {
            break;
        }
    }
    assert_eq!(
        reason(outcome.unwrap_err()),
        format!("Heartbeat was not written within {SHORT:?}")
    );
}

#[tokio::test]
async fn garbage_ends_the_connection() {
    let answer =
        |correlation_id| answer_bytes::<HeartbeatRequest>(correlation_id, 4, &echo_of(1)).to_vec();
    for (what, bytes, expected) in [
        (
            "no Kafka",
            b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
            "a frame of 1213486160 bytes",
        ),
        ("a negative length", vec![0xff; 8], "a frame of -1 bytes"),
        (
            "a frame too short for a correlation id",
            vec![0, 0, 0, 1, 7],
            "",
        ),
        (
            "an answer to another request",
            answer(77),
            "an answer with correlation id 77 instead of 1",
        ),
    ] {
        let (connection, mut peer) = connected().await;
        let peer = async {
            peer.read::<HeartbeatRequest>().await;
            peer.write(&bytes).await;
        };
        let (first, ()) = tokio::join!(beat(&connection, 1), peer);
        let first = reason(first.unwrap_err());
        assert!(first.contains(expected), "{what}: {first}");
        assert!(connection.is_closed(), "{what}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_told_apart_and_ends_the_connection() {
    let (connection, mut peer) = connected().await;
    let peer = async {
        let (header, _) = peer.read::<HeartbeatRequest>().await;
        let mut frame = vec![0, 0, 0, 5];
        frame.extend(header.correlation_id.to_be_bytes());
        frame.push(0);
        peer.write(&frame).await;
    };
    let (answer, ()) = tokio::join!(beat(&connection, 1), peer);
    assert!(matches!(answer.unwrap_err(), Error::Protocol { .. }));
    assert!(connection.is_closed());
}

#[tokio::test]
async fn an_answer_to_no_request_ends_the_connection() {
    let (connection, mut peer) = connected().await;
    peer.write(&answer_bytes::<HeartbeatRequest>(5, 4, &echo_of(1)))
        .await;
    assert!(peer.is_closed_by_client().await);
    let error = reason(beat(&connection, 1).await.unwrap_err());
    assert_eq!(error, "an answer (correlation id 5) to no request");
}

#[tokio::test]
async fn what_waits_is_told_when_the_broker_closes_the_connection() {
    let (connection, mut peer) = connected().await;
    let peer = async {
        peer.read::<HeartbeatRequest>().await;
        peer.read::<HeartbeatRequest>().await;
        drop(peer);
    };
    let (first, second, ()) = tokio::join!(beat(&connection, 1), beat(&connection, 2), peer);
    assert!(reason(first.unwrap_err()).starts_with(CLOSED_BY_BROKER));
    assert!(reason(second.unwrap_err()).starts_with(CLOSED_BY_BROKER));
}

#[tokio::test]
async fn the_socket_closes_with_the_last_handle() {
    let (connection, mut peer) = connected().await;
    drop(connection);
    assert!(peer.is_closed_by_client().await);
}

#[tokio::test]
async fn nothing_is_sent_while_the_broker_wants_quiet() {
    let (connection, mut peer) = connected().await;
    let quiet = Duration::from_millis(100);
    let peer = async {
        let (header, _) = peer.read::<HeartbeatRequest>().await;
        let throttled = HeartbeatResponse {
            throttle_time_ms: quiet.as_millis() as i32,
            ..Default::default()
        };
        peer.answer::<HeartbeatRequest>(&header, 4, &throttled)
            .await;
        peer.echo().await;
    };
    let client = async {
        assert_eq!(beat(&connection, 1).await, Ok(0));
        let throttled = Instant::now();
        let error = connection
            .send(&heartbeat(2), 4, Duration::from_millis(1))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Timeout { .. }), "{error}");
        assert!(!connection.is_closed(), "throttling costs no connection");
        assert_eq!(beat(&connection, 3).await, Ok(3));
        assert!(
            throttled.elapsed() + Duration::from_millis(5) >= quiet,
            "{:?}",
            throttled.elapsed()
        );
    };
    tokio::join!(client, peer);
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_told_at_once() {
    let (listener, port) = listen().await;
    drop(listener);
    let error = open(port, &ClientConfig::default()).await.unwrap_err();
    assert!(reason(error).contains("refused"));
}

#[tokio::test]
async fn a_listener_that_says_nothing_is_given_up_after_the_setup_timeout() {
    let (_listener, port) = listen().await;
    let config = ClientConfig {
        connection_setup_timeout: SHORT,
        ..Default::default()
    };
    let error = open(port, &config).await.unwrap_err();
    assert_eq!(
        reason(error),
        format!("ApiVersions was not answered within {SHORT:?}")
    );
}

#[tokio::test]
async fn a_listener_that_hangs_up_is_suspected_of_wanting_tls() {
    let (listener, port) = listen().await;
    let peer = async {
        drop(
            Peer::accept(&listener)
                .await
                .read::<ApiVersionsRequest>()
                .await,
        )
    };
    let config = ClientConfig::default();
    let (connection, ()) = tokio::join!(open(port, &config), peer);
    assert!(reason(connection.unwrap_err()).contains("without TLS?"));
}

#[tokio::test]
async fn a_connection_is_idle_only_while_nothing_is_on_its_way() {
    let (connection, mut peer) = connected().await;
    let before = connection.idle_since().expect("idle after the greeting");
    let answered = beat(&connection, 1);
    let looked = async {
        let (header, request) = peer.read::<HeartbeatRequest>().await;
        assert_eq!(connection.idle_since(), None);
        peer.answer::<HeartbeatRequest>(&header, 4, &echo_of(request.generation_id))
            .await;
    };
    let (answered, ()) = tokio::join!(answered, looked);
    answered.unwrap();
    assert!(connection.idle_since().unwrap() > before);
}
