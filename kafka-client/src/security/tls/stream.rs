//! A connection that is encrypted, over one that is not.
//!
//! All that is done on the way of a byte is done in memory that the stream keeps: it receives many records of TLS at once,
//! opens each where it lies, and copies what it says to the reader; it seals records one behind the other, and sends many
//! at once.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ClientConfig;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
    WriteTraffic,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use buffer::Buffer;

mod buffer;

/// What is in a record at most.
const PLAIN_MAX: usize = 16 << 10;
/// A record at most: a header, what is in it, and what encryption may add (RFC 8446, 5.2; RFC 5246, 6.2.3).
const RECORD_MAX: usize = 5 + PLAIN_MAX + 2048;
/// What is received in one call of the operating system, at first and at most. A message of a handshake that is in
/// many records has to fit, which rustls lets be 64 KiB long.
const RECEIVED_AT_FIRST: usize = 20 << 10;
const RECEIVED_AT_ONCE: usize = 128 << 10;
/// What is sealed before it is sent.
const SENT_AT_ONCE: usize = 128 << 10;

/// Our end of an encrypted connection.
///
/// What was written is sent when enough has come together, and by flushing. Reading ends well only where the other side
/// has said that nothing more will come; elsewhere it is an `UnexpectedEof`. Reading and writing, and abandoning both, do
/// not disturb each other.
pub(crate) struct TlsStream<S> {
    socket: S,
    session: UnbufferedClientConnection,
    /// Received, and not opened yet.
    received: Buffer,
    /// What to receive at once: as much as there has been.
    at_once: usize,
    /// Opened, for which the reader had no room.
    opened: Buffer,
    /// What is to be in a record, when it lies in pieces.
    joined: Vec<u8>,
    /// Sealed, and not sent yet.
    sealed: Buffer,
    /// Whether somebody waits for the socket to take more.
    is_blocked: bool,
    /// The other side has said that nothing more will come.
    is_ended: bool,
    is_shut_down: bool,
    failed: Option<rustls::Error>,
}

/// What a session is to do when it has nothing of its own to do.
enum Work<'a, 'b> {
    /// To wait for the other side's answer.
    Greet,
    /// To open what was received, until there is no room for more.
    Open(&'a mut ReadBuf<'b>),
    /// To seal from so many bytes on, as much as is sent at once; counts them on.
    Seal(&'a [IoSlice<'b>], &'a mut usize),
    /// To say that nothing more will come.
    Close,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Makes the acquaintance of the other side, which has to prove that it has that name.
    ///
    /// Not cancel-safe: the socket is of no use after half a handshake.
    ///
    /// # Errors
    /// Those of the socket, and [`rustls::Error`] in one of kind `InvalidData`.
    pub(super) async fn connect(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        socket: S,
    ) -> io::Result<Self> {
        let session = UnbufferedClientConnection::new(config, name).map_err(of_session)?;
        let mut stream = Self {
            socket,
            session,
            received: Buffer::default(),
            at_once: RECEIVED_AT_FIRST,
            opened: Buffer::default(),
            joined: Vec::new(),
            sealed: Buffer::default(),
            is_blocked: false,
            is_ended: false,
            is_shut_down: false,
            failed: None,
        };
        std::future::poll_fn(|context| stream.poll_handshake(context)).await?;
        Ok(stream)
    }

    fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.open(context, Work::Greet)?;
            ready!(self.poll_send(context))?;
            ready!(Pin::new(&mut self.socket).poll_flush(context))?;
            if !self.session.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if self.is_ended || ready!(self.poll_receive(context))? == 0 {
                return Poll::Ready(Err(cut_off("in the handshake")));
            }
        }
    }

    /// Opens what was received. When that fails, it is the last thing that is done with the connection.
    fn open(&mut self, context: &mut Context<'_>, work: Work<'_, '_>) -> io::Result<()> {
        self.advance(work).inspect_err(|_| {
            // The other side is told why, if that can be done at once: nobody comes back for it, and whoever waits to
            // write is not to be forgotten.
            if !self.is_blocked {
                let _ = self.poll_send(context);
            }
        })
    }

    /// Lets the session do what it has to, and then that work.
    fn advance(&mut self, mut work: Work<'_, '_>) -> io::Result<()> {
        if let Some(error) = &self.failed {
            return Err(of_session(error.clone()));
        }
        loop {
            if let Work::Open(to) = &mut work
                && (to.remaining() == 0 || !self.opened.is_empty())
            {
                return Ok(());
            }
            let UnbufferedStatus { mut discard, state } =
                self.session.process_tls_records(self.received.filled_mut());
            let mut done = None;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(of_session)?;
                        discard += record.discard;
                        let mut rest = record.payload;
                        if let Work::Open(to) = &mut work
                            && self.opened.is_empty()
                        {
                            let (now, later) = rest.split_at(rest.len().min(to.remaining()));
                            to.put_slice(now);
                            rest = later;
                        }
                        self.opened.push(rest);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    let encoded = encode(&mut self.sealed, |room| data.encode(room));
                    done = encoded.is_err().then_some(encoded);
                }
                // What is sealed is sent before anything that comes after it.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.is_ended = true,
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    done = Some(match &mut work {
                        Work::Greet | Work::Open(_) => Ok(()),
                        Work::Seal(pieces, count) => {
                            let joined = &mut self.joined;
                            seal(&mut traffic, &mut self.sealed, joined, pieces, count)
                        }
                        Work::Close => {
                            encode(&mut self.sealed, |room| traffic.queue_close_notify(room))
                        }
                    });
                }
                Ok(_) => done = Some(Ok(())),
                Err(error) => {
                    self.take_alert();
                    self.failed = Some(error.clone());
                    return Err(of_session(error));
                }
            }
            self.received.discard(discard);
            if let Some(done) = done {
                return done;
            }
        }
    }

    /// What the session wants to say of its failure. It is asked only while there is such a thing: after a failure, it must
    /// not look at what was received once more.
    fn take_alert(&mut self) {
        while self.session.wants_write() {
            let UnbufferedStatus { state, .. } = self.session.process_tls_records(&mut []);
            let Ok(ConnectionState::EncodeTlsData(mut data)) = state else {
                return;
            };
            if encode(&mut self.sealed, |room| data.encode(room)).is_err() {
                return;
            }
        }
    }

    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let has = self.received.len();
        // Rustls refuses what is longer than it may be, before it gets there.
        let wanted = self.at_once.max(has + RECORD_MAX) - has;
        let room = &mut self.received.room(wanted)[..wanted];
        let mut room = ReadBuf::new(room);
        ready!(Pin::new(&mut self.socket).poll_read(context, &mut room))?;
        let len = room.filled().len();
        self.received.fill(len);
        if len == wanted {
            self.at_once = (self.at_once * 2).min(RECEIVED_AT_ONCE);
        }
        Poll::Ready(Ok(len))
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.sealed.is_empty() {
            let sent = Pin::new(&mut self.socket).poll_write(context, self.sealed.filled());
            self.is_blocked = sent.is_pending();
            match ready!(sent)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                len => self.sealed.discard(len),
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// Seals what is in pieces, from `done` bytes on, and counts on, until as much is sealed as is sent at once.
fn seal<Data>(
    traffic: &mut WriteTraffic<'_, Data>,
    sealed: &mut Buffer,
    joined: &mut Vec<u8>,
    pieces: &[IoSlice<'_>],
    done: &mut usize,
) -> io::Result<()> {
    let mut skipped = *done;
    let mut pieces = pieces.iter().map(|piece| &piece[..]).filter_map(|piece| {
        let skip = skipped.min(piece.len());
        skipped -= skip;
        (skip < piece.len()).then_some(&piece[skip..])
    });
    let mut piece = pieces.next();
    while let Some(bytes) = piece
        && sealed.len() + RECORD_MAX <= SENT_AT_ONCE
    {
        let (record, mut rest) = bytes.split_at(bytes.len().min(PLAIN_MAX));
        if rest.is_empty() {
            rest = pieces.next().unwrap_or_default();
        }
        let record = if record.len() == PLAIN_MAX || rest.is_empty() {
            record
        } else {
            joined.clear();
            joined.extend_from_slice(record);
            while joined.len() < PLAIN_MAX && !rest.is_empty() {
                let (more, later) = rest.split_at(rest.len().min(PLAIN_MAX - joined.len()));
                joined.extend_from_slice(more);
                rest = match later {
                    [] => pieces.next().unwrap_or_default(),
                    later => later,
                };
            }
            &*joined
        };
        encode(sealed, |room| traffic.encrypt(record, room))?;
        *done += record.len();
        piece = (!rest.is_empty()).then_some(rest);
    }
    Ok(())
}

/// Why nothing was put into the room that there is.
enum Unsealed {
    RoomWanted(usize),
    Never(String),
}

impl From<EncodeError> for Unsealed {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::InsufficientSize(InsufficientSizeError { required_size }) => {
                Self::RoomWanted(required_size)
            }
            EncodeError::AlreadyEncoded => Self::Never(error.to_string()),
        }
    }
}

impl From<EncryptError> for Unsealed {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::InsufficientSize(InsufficientSizeError { required_size }) => {
                Self::RoomWanted(required_size)
            }
            EncryptError::EncryptExhausted => Self::Never(error.to_string()),
        }
    }
}

/// Makes room until what is to be put there fits.
fn encode<E: Into<Unsealed>>(
    sealed: &mut Buffer,
    mut put: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> io::Result<()> {
    let mut wanted = 0;
    loop {
        match put(sealed.room(wanted)).map_err(Into::into) {
            Ok(len) => {
                sealed.fill(len);
                return Ok(());
            }
            Err(Unsealed::RoomWanted(size)) if size > wanted => wanted = size,
            Err(Unsealed::RoomWanted(size)) => {
                let reason = format!("a record of TLS does not fit into {size} bytes");
                return Err(io::Error::other(reason));
            }
            Err(Unsealed::Never(reason)) => return Err(io::Error::other(reason)),
        }
    }
}

fn of_session(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

fn cut_off(how: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        format!("the connection ended {how}"),
    )
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if to.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = to.filled().len();
        let len = this.opened.len().min(to.remaining());
        to.put_slice(&this.opened.filled()[..len]);
        this.opened.discard(len);
        loop {
            let opened = this.open(context, Work::Open(to));
            // What has come before the failure is told before it.
            if to.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            opened?;
            if this.is_ended {
                return Poll::Ready(Ok(()));
            }
            if ready!(this.poll_receive(context))? == 0 {
                return Poll::Ready(Err(cut_off("without a close_notify")));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(from)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_shut_down {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let mut done = 0;
        while done < len {
            if this.sealed.len() + RECORD_MAX > SENT_AT_ONCE {
                match this.poll_send(context) {
                    Poll::Ready(sent) => sent?,
                    Poll::Pending if done == 0 => return Poll::Pending,
                    Poll::Pending => break,
                }
            }
            let before = done;
            this.advance(Work::Seal(pieces, &mut done))?;
            if done == before {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
        }
        Poll::Ready(Ok(done))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(context))?;
        Pin::new(&mut this.socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.is_shut_down {
            this.is_shut_down = true;
            if this.failed.is_none() {
                this.advance(Work::Close)?;
            }
        }
        ready!(this.poll_send(context))?;
        match ready!(Pin::new(&mut this.socket).poll_shutdown(context)) {
            Err(error) if error.kind() != io::ErrorKind::NotConnected => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests;
