//! One connection: requests in, answers out, in order.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use kafka_proto::codec::{DecodeError, EncodeError};
use kafka_proto::frame::{Frame, FrameError, missing, take_frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::apis::{self, Answered};
use crate::node::Node;

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
}

/// Serves a connection until either side closes it.
pub(crate) async fn serve(node: Arc<Node>, mut stream: impl Transport, peer: String) {
    let host = peer.rsplit_once(':').map_or(&*peer, |(host, _)| host);
    let client_host = format!("/{host}").into();
    let quotas = &node.cluster.quotas;
    if quotas.is_limiting() {
        let now = node.cluster.clock.now().instant;
        tokio::time::sleep(quotas.connection(host, now)).await;
    }
    match exchange(&node, &client_host, &mut stream).await {
        Ok(()) => tracing::debug!(%peer, "connection closed"),
        Err(Closed::Io(error)) => tracing::debug!(%peer, %error, "connection lost"),
        Err(error) => tracing::warn!(%peer, %error, "connection closed by the broker"),
    }
}

async fn exchange(
    node: &Node,
    client_host: &ByteString,
    stream: &mut impl Transport,
) -> Result<(), Closed> {
    let mut received = BytesMut::new();
    // Like Kafka, one request of a connection at a time: answers keep the order, and what is pipelined waits in the
    // buffers.
    while let Some(frame) = next_frame(node, stream, &mut received).await? {
        let Answered { response, wait } = apis::answer(node, client_host, frame).await?;
        if let Some(mut response) = response {
            stream.write_all_buf(&mut response).await?;
        }
        if !wait.is_zero() {
            // The client was told how long it is to wait (KIP-219). If it does not, what it sends stays unread.
            tokio::time::sleep(wait).await;
        }
    }
    Ok(())
}

/// The next whole frame; `None` at the end of the connection.
async fn next_frame(
    node: &Node,
    stream: &mut impl Transport,
    received: &mut BytesMut,
) -> Result<Option<Bytes>, Closed> {
    let max_len = node.cluster.settings.max_request_bytes;
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
