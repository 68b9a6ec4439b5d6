//! One connection: requests in, answers out, in order.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kafka_proto::codec::{DecodeError, EncodeError};
use kafka_proto::frame::{Frame, FrameError, missing, take_frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::apis::{self, Answered};
use crate::node::{Client, Node};
use crate::security::{Answer, Authenticator, Principal, Reaction};
use crate::share::ConnectionSessions;

/// Room for what comes in. Larger frames get more, as they come in and not as they announce it.
const RECEIVE_BYTES: usize = 64 << 10;

/// A stream of bytes both ways, as to a client.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + ?Sized> Transport for T {}

/// Why a connection is closed by the broker. The protocol has no answer to these.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Closed {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("unknown API key {key} (version {version})")]
    UnknownApi { key: i16, version: i16 },
    #[error("{api} request of version {version} cannot be read: {source}")]
    Request {
        api: &'static str,
        version: i16,
        source: DecodeError,
    },
    #[error("request header cannot be read: {0}")]
    Header(DecodeError),
    #[error("{api} response of version {version} cannot be written: {source}")]
    Response {
        api: &'static str,
        version: i16,
        source: EncodeError,
    },
    #[error(
        "a Produce request with acks=0 failed, which nothing but the end of the connection can tell: {0}"
    )]
    Unacknowledged(String),
    #[error("the client closed it in the middle of a request")]
    Incomplete,
    #[cfg(feature = "tls")]
    #[error("no TLS with this client: {0}")]
    Handshake(io::Error),
    #[error("the client did not log in: {0}")]
    Authentication(String),
    #[error("the session of {0} is over, and it did not log in again")]
    SessionExpired(String),
}

/// Serves a connection of one of the listeners until either side closes it.
pub(crate) async fn serve(node: Arc<Node>, listener: usize, stream: impl Transport, peer: String) {
    let _sessions = ConnectionSessions::of(&node);
    let host = peer.rsplit_once(':').map_or(&*peer, |(host, _)| host);
    let quotas = &node.cluster.quotas;
    if quotas.is_limiting() {
        let now = node.cluster.clock.now().instant;
        tokio::time::sleep(quotas.connection(host, now)).await;
    }
    let client = Client {
        host: format!("/{host}").into(),
        listener,
        principal: Principal::anonymous(),
        by_token: false,
    };
    match secured(&node, client, stream).await {
        Ok(()) => tracing::debug!(%peer, "connection closed"),
        Err(Closed::Io(error)) => tracing::debug!(%peer, %error, "connection lost"),
        #[cfg(feature = "tls")]
        Err(error @ Closed::Handshake(_)) => tracing::info!(%peer, %error, "connection closed"),
        Err(error @ (Closed::Authentication(_) | Closed::SessionExpired(_))) => {
            tracing::info!(%peer, %error, "connection closed by the broker");
        }
        Err(error) => tracing::warn!(%peer, %error, "connection closed by the broker"),
    }
}

/// Serves within TLS, where that is asked for.
#[cfg(feature = "tls")]
async fn secured(
    node: &Node,
    mut client: Client,
    mut stream: impl Transport,
) -> Result<(), Closed> {
    let protocol = client.protocol(&node.cluster);
    if !protocol.has_tls() {
        return exchange(node, client, &mut stream).await;
    }
    let certificates = node.cluster.settings.certificates.as_deref();
    let (mut stream, principal) = crate::security::accept(certificates, stream).await?;
    // Where clients log in, that is who they are.
    if let Some(principal) = principal.filter(|_| !protocol.has_sasl()) {
        client.principal = principal;
    }
    exchange(node, client, &mut stream).await
}

#[cfg(not(feature = "tls"))]
async fn secured(node: &Node, client: Client, mut stream: impl Transport) -> Result<(), Closed> {
    exchange(node, client, &mut stream).await
}

async fn exchange(
    node: &Node,
    mut client: Client,
    stream: &mut impl Transport,
) -> Result<(), Closed> {
    let protocol = client.protocol(&node.cluster);
    let mut authenticator = protocol.has_sasl().then(Authenticator::default);
    let mut received = BytesMut::new();
    loop {
        let max_len = match &authenticator {
            Some(authenticator) if !authenticator.is_logged_in() => {
                node.cluster.settings.security.sasl_server_max_receive_size
            }
            _ => node.cluster.settings.max_request_bytes,
        };
        // Like Kafka, one request of a connection at a time: answers keep the order, and what is pipelined waits in the
        // buffers.
        let Some(frame) = next_frame(max_len, stream, &mut received).await? else {
            return Ok(());
        };
        let reaction = match &mut authenticator {
            Some(authenticator) => authenticator.receive(frame, &node.cluster, &mut client)?,
            None => Reaction::Serve(frame),
        };
        match reaction {
            Reaction::Serve(frame) => {
                let Answered { response, wait } = apis::answer(node, &client, frame).await?;
                if let Some(mut response) = response {
                    stream.write_all_buf(&mut response).await?;
                    // What is encrypted may still be in its buffer.
                    stream.flush().await?;
                }
                if !wait.is_zero() {
                    // The client was told how long it is to wait (KIP-219). If it does not, what it sends stays unread.
                    tokio::time::sleep(wait).await;
                }
            }
            Reaction::Answer(answer) => write(stream, answer).await?,
            Reaction::Refuse(answer, why) => {
                let security = &node.cluster.settings.security;
                tokio::time::sleep(security.connection_failed_authentication_delay).await;
                if let Some(answer) = answer {
                    write(stream, answer).await?;
                }
                return Err(why);
            }
        }
    }
}

async fn write(stream: &mut impl Transport, answer: Answer) -> io::Result<()> {
    match answer {
        Answer::Response(mut response) => stream.write_all_buf(&mut response).await?,
        Answer::Token(mut token) => stream.write_all_buf(&mut token).await?,
    }
    stream.flush().await
}

/// The next whole frame; `None` at the end of the connection.
async fn next_frame(
    max_len: usize,
    stream: &mut impl Transport,
    received: &mut BytesMut,
) -> Result<Option<Bytes>, Closed> {
    loop {
        if let Frame::Missing(bytes) = missing(received, max_len)? {
            received.reserve(room_for(bytes, received.len()));
        } else if let Some(frame) = take_frame(received, max_len)? {
            return Ok(Some(frame));
        }
        if stream.read_buf(received).await? == 0 {
            return if received.is_empty() {
                Ok(None)
            } else {
                Err(Closed::Incomplete)
            };
        }
    }
}

/// How much room to make for `missing` bytes of a frame of which `received` are there: no more than doubles what a client
/// has really sent.
fn room_for(missing: usize, received: usize) -> usize {
    missing.min(received.max(RECEIVE_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_alone_takes_no_memory() {
        assert_eq!(room_for(100 << 20, 6), RECEIVE_BYTES);
        assert_eq!(room_for(100 << 20, 1 << 20), 1 << 20);
        assert_eq!(room_for(10, 1 << 20), 10);
    }
}
