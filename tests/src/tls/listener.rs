//! A listener that takes TLS off, and hands on what is inside.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Authority, Identity, provider};

/// The server's side: what it shows, which versions it speaks, and whose certificates clients have to show, if any.
///
/// # Panics
/// When the certificate and the key are of no use.
pub fn server_config(
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
    clients: Option<&Authority>,
) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
    let chain = chain.collect::<Result<_, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der()).expect("a CA");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    Arc::new(builder.with_single_cert(chain, key).expect("an identity"))
}

/// A listener on a port of its own. It ends with the runtime.
#[derive(Debug, Clone)]
pub struct TlsListener {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    config: Arc<ServerConfig>,
    accepted: usize,
    /// Why handshakes have failed.
    failures: Vec<String>,
    /// The certificates that clients have shown, one for each connection that was made.
    shown: Vec<Option<CertificateDer<'static>>>,
}

impl TlsListener {
    /// Listens, and hands each connection to `serve`.
    ///
    /// # Errors
    /// When there is no port to listen on.
    pub async fn start(
        config: Arc<ServerConfig>,
        serve: impl Fn(TlsStream<TcpStream>) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let this = Self {
            address: listener.local_addr()?,
            state: Arc::new(Mutex::new(State {
                config,
                accepted: 0,
                failures: Vec::new(),
                shown: Vec::new(),
            })),
        };
        let serve = Arc::new(serve);
        let accepting = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let config = accepting.with(|state| {
                    state.accepted += 1;
                    state.config.clone()
                });
                let (listener, serve) = (accepting.clone(), serve.clone());
                tokio::spawn(async move {
                    match TlsAcceptor::from(config).accept(stream).await {
                        Ok(stream) => {
                            let shown = stream.get_ref().1.peer_certificates();
                            let shown = shown.and_then(|chain| chain.first());
                            let shown = shown.map(|certificate| certificate.clone().into_owned());
                            listener.with(|state| state.shown.push(shown));
                            serve(stream);
                        }
                        Err(error) => {
                            listener.with(|state| state.failures.push(error.to_string()));
                        }
                    }
                });
            }
        });
        Ok(this)
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// New connections get another configuration.
    pub fn replace(&self, config: Arc<ServerConfig>) {
        self.with(|state| state.config = config);
    }

    /// How many connections were accepted, whatever has become of them.
    pub fn accepted(&self) -> usize {
        self.with(|state| state.accepted)
    }

    /// Why handshakes have failed.
    pub fn failures(&self) -> Vec<String> {
        self.with(|state| state.failures.clone())
    }

    /// The certificates that clients have shown, one for each connection that was made.
    pub fn shown(&self) -> Vec<Option<CertificateDer<'static>>> {
        self.with(|state| state.shown.clone())
    }
}
