//! Our side of TLS, made of the settings and made anew when the files that they name have changed.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};

use super::source::Source;
use super::stream::TlsStream;
use super::{Tls, TlsVersion, pem, provider, verifier};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::security::Secret;

/// Encrypts connections. A cheap handle.
#[derive(Clone)]
pub(crate) struct TlsClient(Arc<Inner>);

struct Inner {
    tls: Tls,
    state: Mutex<State>,
}

struct State {
    config: Arc<ClientConfig>,
    /// Of what the files held when they were last of use, and when they were last of none.
    loaded: Content,
    refused: Option<Content>,
}

/// A digest of all that the settings name, or why it cannot be read.
#[derive(Clone, PartialEq)]
enum Content {
    Digest([u8; 32]),
    Unreadable(Error),
}

/// What certificates and keys are made of.
struct Material {
    roots: Option<Secret>,
    chain: Option<Secret>,
    key: Option<Secret>,
}

impl TlsClient {
    /// Reads what the settings name.
    ///
    /// # Errors
    /// [`Error::Config`] names the setting.
    pub(crate) async fn load(tls: Tls) -> Result<Self> {
        let reading = tls.clone();
        let read = move || {
            let material = Material::read(&reading)?;
            Ok((reading.config(&material)?, material.digest()))
        };
        let (config, digest) = in_background(read).await?;
        Ok(Self(Arc::new(Inner {
            tls,
            state: Mutex::new(State {
                config,
                loaded: Content::Digest(digest),
                refused: None,
            }),
        })))
    }

    /// Takes over what the files hold, if that is something new. While it is of no use, connections go on to be made with
    /// what was there before. Returns what there is to tell.
    pub(crate) async fn reload(&self) -> Option<Event> {
        let files = [&self.0.tls.roots, &self.0.tls.chain, &self.0.tls.key];
        if !files.into_iter().flatten().any(Source::is_file) {
            return None;
        }
        let this = self.clone();
        let looked = in_background(move || Ok(this.look())).await;
        looked.unwrap_or_else(|error| Some(Event::CertificatesRefused { error }))
    }

    fn look(&self) -> Option<Event> {
        let tls = &self.0.tls;
        let material = Material::read(tls);
        let content = match &material {
            Ok(material) => Content::Digest(material.digest()),
            Err(error) => Content::Unreadable(error.clone()),
        };
        {
            let mut state = self.state();
            if state.loaded == content {
                state.refused = None;
                return None;
            }
            if state.refused.as_ref() == Some(&content) {
                return None;
            }
        }
        let config = material.and_then(|material| tls.config(&material));
        let mut state = self.state();
        match config {
            Ok(config) => {
                tracing::info!("certificates were replaced");
                (state.config, state.loaded, state.refused) = (config, content, None);
                Some(Event::CertificatesReplaced)
            }
            Err(error) => {
                tracing::warn!(%error, "new certificates are of no use, the old ones are used on");
                state.refused = Some(content);
                Some(Event::CertificatesRefused { error })
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether brokers are shown a certificate.
    pub(crate) fn shows_certificate(&self) -> bool {
        self.0.tls.chain.is_some()
    }

    /// Encrypts a stream to that host, once the other side has proved to be it.
    ///
    /// Not cancel-safe: the stream is of no use after half a handshake.
    ///
    /// # Errors
    /// What [`failure`](super::failure()) explains.
    pub(crate) async fn connect<S>(&self, host: &str, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let config = self.state().config.clone();
        // A name may end with a dot, and an IPv6 address be in brackets: certificates have neither.
        let host = host.strip_suffix('.').unwrap_or(host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            let reason = format!("\"{host}\" is no name that a certificate could be for");
            io::Error::new(io::ErrorKind::InvalidInput, reason)
        })?;
        TlsStream::connect(config, name, stream).await
    }
}

/// They are the same when they are one object.
impl PartialEq for TlsClient {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.tls.fmt(f)
    }
}

/// Files may lie where reading them takes long.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(Error::Closed {
        what: "the runtime",
    }))
}

impl Material {
    fn read(tls: &Tls) -> Result<Self> {
        let read = |source: &Option<Source>| source.as_ref().map(Source::read).transpose();
        Ok(Self {
            roots: read(&tls.roots)?,
            chain: read(&tls.chain)?,
            key: read(&tls.key)?,
        })
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for text in [&self.roots, &self.chain, &self.key].into_iter().flatten() {
            digest.update(text.expose().len().to_be_bytes());
            digest.update(text.expose());
        }
        digest.finalize().into()
    }
}

impl Tls {
    fn config(&self, material: &Material) -> Result<Arc<ClientConfig>> {
        let provider = provider::provider();
        let refused = |key: &str, reason: String| Error::Config {
            key: key.to_owned(),
            value: String::new(),
            reason,
        };
        let roots = self.root_store(material)?;
        let verifier = verifier::verifier(roots, &provider, self.checks_host_name)
            .map_err(|reason| refused("ssl.truststore.location", reason))?;
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&self.rustls_versions()?)
            .map_err(|error| refused("ssl.enabled.protocols", error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match (&self.chain, &material.chain, &self.key, &material.key) {
            (Some(chain), Some(certificates), Some(key), Some(private)) => {
                let certificates = pem::certificates(certificates.expose())
                    .map_err(|reason| chain.refused(reason))?;
                let private = pem::private_key(private.expose(), self.key_password.as_ref())
                    .map_err(|reason| key.refused(reason))?;
                let config = config.with_client_auth_cert(certificates, private);
                config.map_err(|error| key.refused(no_identity(&error)))?
            }
            (Some(chain), ..) => {
                let reason = format!("expected, for {} is set", chain.setting);
                return Err(refused("ssl.keystore.key", reason));
            }
            (_, _, Some(key), _) => {
                let reason = format!("expected, for {} is set", key.setting);
                return Err(refused("ssl.keystore.certificate.chain", reason));
            }
            _ => config.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }

    fn rustls_versions(&self) -> Result<Vec<&'static rustls::SupportedProtocolVersion>> {
        let versions = self
            .versions
            .iter()
            .filter(|version| **version <= self.newest);
        let versions: Vec<_> = versions
            .map(|version| match version {
                TlsVersion::Tls12 => &rustls::version::TLS12,
                TlsVersion::Tls13 => &rustls::version::TLS13,
            })
            .collect();
        if versions.is_empty() {
            return Err(Error::Config {
                key: "ssl.enabled.protocols".to_owned(),
                value: String::new(),
                reason: "expected TLSv1.2 or TLSv1.3, none newer than ssl.protocol".to_owned(),
            });
        }
        Ok(versions)
    }

    fn root_store(&self, material: &Material) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let (Some(source), Some(text)) = (&self.roots, &material.roots) else {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(Error::Config {
                    key: "ssl.truststore.location".to_owned(),
                    value: String::new(),
                    reason: "expected the certificates of CAs, for the operating system has none"
                        .to_owned(),
                });
            }
            return Ok(roots);
        };
        let certificates =
            pem::certificates(text.expose()).map_err(|reason| source.refused(reason))?;
        for (number, certificate) in certificates.into_iter().enumerate() {
            roots
                .add(certificate)
                .map_err(|error| source.refused(format!("certificate {}: {error}", number + 1)))?;
        }
        Ok(roots)
    }
}

/// Why a certificate and a key are none that we can show.
fn no_identity(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            "the key is not the one of the certificate".to_owned()
        }
        rustls::Error::InvalidCertificate(reason) => format!("the certificate: {reason}"),
        // What is said of the key itself depends on who reads it, and may be nothing but a number.
        _ => "expected a key for RSA of 2048 bits or more, for ECDSA with P-256 or P-384, or for Ed25519".to_owned(),
    }
}

#[cfg(test)]
mod tests;
