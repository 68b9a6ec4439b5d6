//! The bytes of a connection: requests out, answers in.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use kafka_proto::codec::Encoded;
use kafka_proto::frame::{self, Frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::ending::{CLOSED_BY_BROKER, Ending};
use super::{Outgoing, Shared, Then};
use crate::clock::now;

/// Writes what is queued; what has queued up meanwhile goes out together. Requests that come after the connection was
/// lost are dropped here, which tells those who wait for them.
pub(super) async fn write_requests(
    mut to: impl AsyncWrite + Unpin,
    mut queue: mpsc::UnboundedReceiver<Outgoing>,
    shared: Arc<Shared>,
) {
    let mut requests = VecDeque::new();
    let mut written = Vec::new();
    while let Some(first) = queue.recv().await {
        {
            let mut state = shared.state();
            if state.closed.is_some() {
                return;
            }
            let mut next = Some(first);
            while let Some(request) = next {
                let is_answered = matches!(request.then, Then::Answer(..));
                shared.peer.sent(request.bytes.len(), is_answered);
                requests.push_back(request.bytes);
                match request.then {
                    Then::Answer(correlation, reply) => {
                        state.waiting.push_back((correlation, reply))
                    }
                    Then::Nothing(done) => written.push(done),
                }
                next = queue.try_recv().ok();
            }
        }
        if let Err(error) = write_all(&mut to, &mut requests).await {
            // At the beginning, what the broker has sent before it hung up says more: the reader is about to find it.
            if shared.is_established() {
                shared.close_for(Ending::Broken(error));
            }
            return;
        }
        for done in written.drain(..) {
            let _ = done.send(());
        }
    }
}

async fn write_all(
    to: &mut (impl AsyncWrite + Unpin),
    requests: &mut VecDeque<Encoded>,
) -> std::io::Result<()> {
    const AT_ONCE: usize = 64;
    while let Some(front) = requests.front() {
        if front.is_empty() {
            requests.pop_front();
            continue;
        }
        let mut slices = [IoSlice::new(&[]); AT_ONCE];
        let mut filled = 0;
        for request in requests.iter() {
            filled += request.chunks_vectored(&mut slices[filled..]);
        }
        let mut written = to.write_vectored(&slices[..filled]).await?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        for request in requests.iter_mut() {
            let part = written.min(request.len());
            request.advance(part);
            written -= part;
        }
    }
    // Encryption keeps what the socket has no room for.
    to.flush().await
}

pub(super) async fn read_answers(
    mut from: impl AsyncRead + Unpin,
    shared: Arc<Shared>,
    max_len: usize,
) {
    let ending = loop_answers(&mut from, &shared, max_len).await;
    shared.close_for(ending);
}

/// How the answer of a listener for TLS begins that was asked in plain text: an alert, and the protocol's version.
const TLS_ALERT: &[u8] = &[0x15, 0x03];

/// Room for a read when nothing says how much is coming.
const READ_AHEAD: usize = 64 << 10;

/// Hands out answers until the connection ends; returns why it did.
async fn loop_answers(
    from: &mut (impl AsyncRead + Unpin),
    shared: &Shared,
    max_len: usize,
) -> Ending {
    let mut received = BytesMut::new();
    loop {
        let missing = match frame::missing(&received, max_len) {
            Ok(Frame::Whole(_)) => 0,
            Ok(Frame::Missing(missing)) => missing,
            Err(_) if received.starts_with(TLS_ALERT) => {
                return Ending::Refused(
                    "it speaks TLS, and the client plain text: set security.protocol to SSL or SASL_SSL, or bootstrap.servers to a listener for plain text".to_owned(),
                );
            }
            Err(error) => return Ending::Lost(error.to_string()),
        };
        if missing == 0 {
            let Ok(Some(answer)) = frame::take_frame(&mut received, max_len) else {
                return Ending::Lost("a frame that was whole is gone".to_owned());
            };
            if let Err(reason) = deliver(answer, shared) {
                return Ending::Lost(reason);
            }
            continue;
        }
        // The whole rest of a frame is asked for at once: an answer of megabytes then lies in one piece of memory.
        received.reserve(missing.max(if received.len() < 4 { READ_AHEAD } else { 0 }));
        match from.read_buf(&mut received).await {
            Ok(0) => return Ending::Lost(CLOSED_BY_BROKER.to_owned()),
            Ok(_) => {}
            Err(error) => return Ending::Broken(error),
        }
    }
}

fn deliver(answer: Bytes, shared: &Shared) -> std::result::Result<(), String> {
    let correlation = frame::correlation_id(&answer).map_err(|error| error.to_string())?;
    let next = {
        let mut state = shared.state();
        state.last_used = Some(now());
        let next = state.waiting.pop_front();
        if next.is_some() {
            state.has_served |= state.established;
            state.in_flight = state.in_flight.saturating_sub(1);
            if state.in_flight == 0
                && let Some(drained) = state.drained.take()
            {
                let _ = drained.send(());
            }
        }
        next
    };
    let Some((expected, reply)) = next else {
        return Err(format!(
            "an answer (correlation id {correlation}) to no request"
        ));
    };
    shared.peer.received(4 + answer.len());
    if expected != correlation {
        let reason = format!("an answer with correlation id {correlation} instead of {expected}");
        let _ = reply.send(Err(shared.lost(reason.clone())));
        return Err(reason);
    }
    let _ = reply.send(Ok(answer));
    Ok(())
}
