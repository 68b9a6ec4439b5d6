//! One connection: requests in, answers out, in order.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use kafka_proto::codec::{DecodeError, EncodeError};
use kafka_proto::frame::{Frame, FrameError, missing, take_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::apis;
use crate::node::Node;

/// Room for what comes in. Larger frames get more, as they come in and not as they announce it.
const RECEIVE_BYTES: usize = 64 << 10;

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
pub(crate) async fn serve(node: Arc<Node>, mut socket: TcpStream, peer: SocketAddr) {
    match exchange(&node, &mut socket).await {
        Ok(()) => tracing::debug!(%peer, "connection closed"),
        Err(Closed::Io(error)) => tracing::debug!(%peer, %error, "connection lost"),
        Err(error) => tracing::warn!(%peer, %error, "connection closed by the broker"),
    }
}

async fn exchange(node: &Node, socket: &mut TcpStream) -> Result<(), Closed> {
    socket.set_nodelay(true)?;
    let mut received = BytesMut::new();
    // Like Kafka, one request of a connection at a time: answers keep the order, and what is pipelined waits in the
    // buffers.
    while let Some(frame) = next_frame(node, socket, &mut received).await? {
        if let Some(response) = apis::answer(node, frame).await? {
            let mut segments = Segments {
                left: response.len,
                segments: response.segments.into(),
            };
            socket.write_all_buf(&mut segments).await?;
        }
    }
    Ok(())
}

/// The next whole frame; `None` at the end of the connection.
async fn next_frame(
    node: &Node,
    socket: &mut TcpStream,
    received: &mut BytesMut,
) -> Result<Option<Bytes>, Closed> {
    let max_len = node.cluster.settings.max_request_bytes;
    loop {
        if let Frame::Missing(bytes) = missing(received, max_len)? {
            received.reserve(room_for(bytes, received.len()));
        } else if let Some(frame) = take_frame(received, max_len)? {
            return Ok(Some(frame));
        }
        if socket.read_buf(received).await? == 0 {
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

/// The segments of a response, to be written with as few calls and copies as the system allows.
struct Segments {
    segments: VecDeque<Bytes>,
    left: usize,
}

impl Buf for Segments {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.segments.front().map_or(&[], |segment| segment)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = slices.iter_mut().zip(&self.segments);
        filled
            .map(|(slice, segment)| *slice = IoSlice::new(segment))
            .count()
    }

    fn advance(&mut self, mut count: usize) {
        self.left -= count;
        while let Some(segment) = self.segments.front_mut() {
            if count < segment.len() {
                segment.advance(count);
                return;
            }
            count -= segment.len();
            self.segments.pop_front();
        }
    }
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

    #[test]
    fn segments_are_written_one_behind_the_other() {
        let parts = ["ab", "c", "defg"].map(|part| Bytes::from_static(part.as_bytes()));
        for step in 1..=7 {
            let mut segments = Segments {
                segments: parts.to_vec().into(),
                left: 7,
            };
            let mut written = Vec::new();
            while segments.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 2];
                let filled = segments.chunks_vectored(&mut slices);
                let offered: Vec<u8> = slices[..filled]
                    .iter()
                    .flat_map(|slice| slice.to_vec())
                    .collect();
                let taken = step.min(offered.len());
                written.extend_from_slice(&offered[..taken]);
                segments.advance(taken);
            }
            assert_eq!(written, b"abcdefg", "{step} bytes at a time");
        }
    }
}
