//! The other side, and what is between.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// What is on the way in both directions.
pub(super) struct Wire {
    pub(super) to_client: VecDeque<u8>,
    /// How much the client gets in one read.
    pub(super) piece: usize,
    /// Nothing comes behind what is on the way.
    pub(super) ended: bool,
    from_client: Vec<u8>,
    /// How much the client may still write.
    pub(super) room: usize,
    pub(super) shut_down: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Wire {
    pub(super) fn open(&mut self, room: usize) {
        self.room = room;
        self.writer.take().into_iter().for_each(Waker::wake);
    }
}

#[derive(Clone)]
pub(super) struct End(Arc<Mutex<Wire>>);

impl End {
    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap()
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut wire = self.wire();
        if wire.to_client.is_empty() && !wire.ended {
            wire.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let len = wire.to_client.len().min(wire.piece).min(to.remaining());
        let part: Vec<u8> = wire.to_client.drain(..len).collect();
        to.put_slice(&part);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut wire = self.wire();
        let len = from.len().min(wire.room);
        if len == 0 {
            wire.writer = Some(context.waker().clone());
            return Poll::Pending;
        }
        wire.room -= len;
        wire.from_client.extend_from_slice(&from[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire().shut_down = true;
        Poll::Ready(Ok(()))
    }
}

/// How often somebody was woken.
pub(super) struct Woken(AtomicUsize);

impl Woken {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(0)))
    }

    pub(super) fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A server, and its end of the wire.
pub(super) struct Peer {
    pub(super) session: ServerConnection,
    end: End,
}

impl Peer {
    pub(super) fn wire(&self) -> MutexGuard<'_, Wire> {
        self.end.wire()
    }

    /// What the server has to say.
    pub(super) fn say(&mut self) -> VecDeque<u8> {
        let mut said = Vec::new();
        while self.session.wants_write() {
            self.session.write_tls(&mut said).unwrap();
        }
        said.into()
    }

    /// Has the server listen and answer; gives what was said to it.
    fn listen(&mut self) -> io::Result<Vec<u8>> {
        let heard = std::mem::take(&mut self.wire().from_client);
        let mut heard = &heard[..];
        let mut received = Vec::new();
        while !heard.is_empty() && self.session.read_tls(&mut heard)? > 0 {
            let processed = self.session.process_new_packets();
            let state = processed.map_err(io::Error::other)?;
            let len = state.plaintext_bytes_to_read();
            let before = received.len();
            received.resize(before + len, 0);
            self.session.reader().read_exact(&mut received[before..])?;
        }
        Ok(received)
    }

    /// Has the server listen and answer.
    pub(super) fn turn(&mut self) -> io::Result<()> {
        let heard = self.listen();
        let said = self.say();
        let mut wire = self.wire();
        wire.to_client.extend(said);
        wire.reader.take().into_iter().for_each(Waker::wake);
        heard.map(|heard| assert!(heard.is_empty(), "something was said unexpectedly"))
    }

    pub(super) fn received(&mut self) -> io::Result<Vec<u8>> {
        self.listen()
    }

    pub(super) fn read(
        &self,
        stream: &mut TlsStream<End>,
        room: usize,
    ) -> Poll<io::Result<Vec<u8>>> {
        let mut space = vec![0; room];
        let mut to = ReadBuf::new(&mut space);
        let mut context = Context::from_waker(Waker::noop());
        ready!(Pin::new(stream).poll_read(&mut context, &mut to))?;
        Poll::Ready(Ok(to.filled().to_vec()))
    }

    pub(super) fn write(
        &self,
        stream: &mut TlsStream<End>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(stream).poll_write_vectored(&mut context, pieces)
    }

    pub(super) fn flush(&self, stream: &mut TlsStream<End>) -> Poll<io::Result<()>> {
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(stream).poll_flush(&mut context)
    }
}

pub(super) fn connected(version: &'static SupportedProtocolVersion) -> (TlsStream<End>, Peer) {
    connect(version, |_| {})
}

pub(super) fn connect(
    version: &'static SupportedProtocolVersion,
    prepare: impl FnOnce(&mut Wire),
) -> (TlsStream<End>, Peer) {
    hello(provider(), version, prepare).unwrap()
}

/// Makes a connection over a wire that is prepared so.
pub(super) fn hello(
    provider: Arc<CryptoProvider>,
    version: &'static SupportedProtocolVersion,
    prepare: impl FnOnce(&mut Wire),
) -> io::Result<(TlsStream<End>, Peer)> {
    let text = |name| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/security/tls/testdata/");
        std::fs::read_to_string(format!("{folder}{name}")).unwrap()
    };
    let mut roots = RootCertStore::empty();
    let authorities = pem::certificates(&text("ca.pem")).unwrap();
    roots.add_parsable_certificates(authorities);
    let client = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            pem::certificates(&text("client.pem")).unwrap(),
            pem::private_key(&text("client.key"), None).unwrap(),
        )
        .unwrap();
    let mut wire = Wire {
        to_client: VecDeque::new(),
        piece: usize::MAX,
        ended: false,
        from_client: Vec::new(),
        room: usize::MAX,
        shut_down: false,
        reader: None,
        writer: None,
    };
    prepare(&mut wire);
    let end = End(Arc::new(Mutex::new(wire)));
    let mut session = ServerConnection::new(Arc::new(server)).unwrap();
    session.set_buffer_limit(None);
    let mut peer = Peer {
        session,
        end: end.clone(),
    };
    let name = ServerName::try_from("localhost").unwrap();
    let mut connecting = pin!(TlsStream::connect(Arc::new(client), name, end));
    for _ in 0..10 {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(stream) = connecting.as_mut().poll(&mut context) {
            let stream = stream?;
            peer.turn()?;
            return Ok((stream, peer));
        }
        peer.turn()?;
    }
    panic!("a handshake of ten turns")
}
