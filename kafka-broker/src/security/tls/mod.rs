//! TLS: certificates, who asks for them, and the stream that they secure.

mod client;
mod provider;
mod subject;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

pub(crate) use client::accept;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::Secret;
use crate::error::BrokerError;

/// A client that does not get on with its handshake is not waited for any longer.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// Whether clients show a certificate (`ssl.client.auth`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// None is asked for.
    #[default]
    None,
    /// One that is shown has to be of an authority that is trusted; without one a client is `User:ANONYMOUS`.
    Requested,
    /// Without one nobody gets in.
    Required,
}

impl FromStr for ClientAuth {
    type Err = BrokerError;

    fn from_str(name: &str) -> Result<Self, BrokerError> {
        match name {
            "none" => Ok(Self::None),
            "requested" => Ok(Self::Requested),
            "required" => Ok(Self::Required),
            other => Err(wrong(format!(
                "client authentication \"{other}\": expected one of none, requested, required"
            ))),
        }
    }
}

/// What listeners that speak TLS show, and ask for. Certificates and keys are PEM.
///
/// A client that shows a certificate is `User:` and the certificate's subject, as `User:CN=client,O=Example`.
#[derive(Debug, Clone)]
pub struct Tls {
    certificate_chain: Pem,
    key: Pem,
    trusted: Option<Pem>,
    client_auth: ClientAuth,
}

/// Where something is.
#[derive(Clone)]
enum Pem {
    File(PathBuf),
    Text(Secret),
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Text(_) => f.write_str("the text given"),
        }
    }
}

impl Pem {
    fn read(&self) -> Result<Vec<u8>, BrokerError> {
        match self {
            Self::Text(text) => Ok(text.expose().as_bytes().to_vec()),
            Self::File(path) => std::fs::read(path)
                .map_err(|error| wrong(format!("cannot read {}: {error}", path.display()))),
        }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, BrokerError> {
        let pem = self.read()?;
        let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            _ => Err(wrong(format!("there is no certificate (PEM) in {self}"))),
        }
    }
}

impl Tls {
    /// A certificate with those that lead to its authority (`ssl.keystore.certificate.chain`), and its key, in files.
    /// Both may be the same file. [`Broker::reload_certificates`](crate::Broker::reload_certificates) reads them again.
    pub fn from_files(certificate_chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::new(Pem::File(certificate_chain.into()), Pem::File(key.into()))
    }

    /// The same as text.
    pub fn from_pem(certificate_chain: impl Into<String>, key: impl Into<String>) -> Self {
        Self::new(
            Pem::Text(Secret::new(certificate_chain)),
            Pem::Text(Secret::new(key)),
        )
    }

    fn new(certificate_chain: Pem, key: Pem) -> Self {
        Self {
            certificate_chain,
            key,
            trusted: None,
            client_auth: ClientAuth::None,
        }
    }

    /// Whether clients show a certificate. It takes authorities that are trusted:
    /// [`trusted_file`](Self::trusted_file), [`trusted_pem`](Self::trusted_pem).
    #[must_use]
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.client_auth = client_auth;
        self
    }

    /// The certificates of the authorities that clients' certificates may be of (`ssl.truststore.certificates`), in a
    /// file.
    #[must_use]
    pub fn trusted_file(mut self, certificates: impl Into<PathBuf>) -> Self {
        self.trusted = Some(Pem::File(certificates.into()));
        self
    }

    /// The same as text.
    #[must_use]
    pub fn trusted_pem(mut self, certificates: impl Into<String>) -> Self {
        self.trusted = Some(Pem::Text(Secret::new(certificates)));
        self
    }

    fn load(&self) -> Result<Arc<ServerConfig>, BrokerError> {
        let provider = provider::provider();
        let chain = self.certificate_chain.certificates()?;
        let key = PrivateKeyDer::from_pem_slice(&self.key.read()?)
            .map_err(|error| wrong(format!("no private key (PEM) in {}: {error}", self.key)))?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(error.to_string()))?;
        let builder = match self.client_auth {
            ClientAuth::None => builder.with_no_client_auth(),
            asked => {
                let roots = Arc::new(self.roots()?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let verifier = match asked {
                    ClientAuth::Required => verifier,
                    _ => verifier.allow_unauthenticated(),
                };
                let verifier = verifier.build().map_err(|error| wrong(error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let config = builder.with_single_cert(chain, key).map_err(|error| {
            wrong(format!(
                "certificate {} with key {}: {error}",
                self.certificate_chain, self.key
            ))
        })?;
        Ok(Arc::new(config))
    }

    fn roots(&self) -> Result<RootCertStore, BrokerError> {
        let trusted = self.trusted.as_ref().ok_or_else(|| {
            wrong("clients are to show certificates, and no authority is trusted".to_owned())
        })?;
        let mut roots = RootCertStore::empty();
        for certificate in trusted.certificates()? {
            roots
                .add(certificate)
                .map_err(|error| wrong(format!("authority in {trusted}: {error}")))?;
        }
        Ok(roots)
    }
}

fn wrong(reason: String) -> BrokerError {
    BrokerError::Tls { reason }
}

/// What listeners show now.
#[derive(Debug)]
pub(crate) struct Certificates {
    tls: Tls,
    loaded: RwLock<Arc<ServerConfig>>,
}

impl Certificates {
    /// # Errors
    /// [`BrokerError::Tls`].
    pub(crate) fn new(tls: Tls) -> Result<Self, BrokerError> {
        let loaded = RwLock::new(tls.load()?);
        Ok(Self { tls, loaded })
    }

    /// Reads all files again. If one of them makes no sense, all stays as it is.
    ///
    /// # Errors
    /// [`BrokerError::Tls`].
    pub(crate) fn reload(&self) -> Result<(), BrokerError> {
        let reloaded = self.tls.load()?;
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = reloaded;
        Ok(())
    }

    fn loaded(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }
}
