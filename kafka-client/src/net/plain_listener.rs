//! Whether a listener that hangs up in the middle of a TLS handshake is one for plain text: Kafka's take the beginning of a
//! handshake for a request that is far too large, and close the connection without a word.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use kafka_proto::frame;
use kafka_proto::messages::ApiVersionsRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer is there soon, if it is one: the listener has just been connected to.
const LIMIT: Duration = Duration::from_secs(2);
/// An answer to ApiVersions is a few hundred bytes.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// The version that every broker answers, to whoever asks.
const VERSION: i16 = 0;
const CORRELATION: i32 = 0x6b61_666b;

/// Whether an error is what is left of a connection that the other side has closed.
pub(super) fn hangs_up_so(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let closed = [
        BrokenPipe,
        ConnectionAborted,
        ConnectionReset,
        UnexpectedEof,
    ];
    closed.contains(&error.kind())
}

/// Asks once, in plain text and without saying who we are, what a broker speaks.
pub(super) async fn answers(address: SocketAddr, limit: Duration) -> bool {
    let answered = timeout(limit.min(LIMIT), ask(address)).await;
    matches!(answered, Ok(Ok(true)))
}

async fn ask(address: SocketAddr) -> io::Result<bool> {
    let request = ApiVersionsRequest::default();
    let request = frame::encode_request(&request, VERSION, CORRELATION, None);
    let request = request.map_err(io::Error::other)?.into_bytes();
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&request).await?;
    let length = usize::try_from(stream.read_i32().await?).unwrap_or(usize::MAX);
    if length > MAX_ANSWER_BYTES {
        return Ok(false);
    }
    let mut answer = BytesMut::zeroed(length);
    stream.read_exact(&mut answer).await?;
    let answer = answer.freeze();
    let is_ours = answer.get(..4) == Some(&CORRELATION.to_be_bytes());
    Ok(is_ours && frame::decode_response::<ApiVersionsRequest>(answer, VERSION).is_ok())
}
