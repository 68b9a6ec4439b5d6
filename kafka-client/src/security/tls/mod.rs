//! TLS: whom we trust, and who we are to brokers that want to know.

mod client;
mod failure;
mod pem;
mod provider;
mod settings;
mod source;
mod stream;
mod verifier;

use std::path::PathBuf;

use super::Secret;
use source::Source;

pub(crate) use client::TlsClient;
#[cfg(any(feature = "oidc", feature = "schema-registry"))]
pub(crate) use failure::speaks_no_tls;
pub(crate) use failure::{Failure, PLAIN_TEXT, failure};

/// How connections are encrypted: TLS 1.3 and 1.2, with neither OpenSSL nor anything else in C.
///
/// Unless told otherwise, a broker has to show a certificate that a CA of the operating system has signed, for the host name
/// (or the IP address) that it is reached by. Certificates and keys come as PEM. Files are looked at for each new
/// connection: when they have changed, it is made with what they hold now, so that certificates may be replaced while a
/// client runs. While what they hold is of no use, the client goes on with what it had, and tells so by
/// [`Event::CertificatesRefused`](crate::events::Event::CertificatesRefused).
///
/// ```no_run
/// use kafka_client::producer::Producer;
/// use kafka_client::security::{Sasl, Tls};
///
/// # async fn run() -> kafka_client::Result<()> {
/// let tls = Tls::new()
///     .roots_file("ca.pem")
///     .certificate_files("client.pem", "client.key");
/// let producer = Producer::builder()
///     .bootstrap_servers("kafka.example.com:9093")
///     .tls(tls)
///     .sasl(Sasl::scram_sha_512("alice", "alice-secret"))
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// `None`: those of the operating system.
    roots: Option<Source>,
    chain: Option<Source>,
    key: Option<Source>,
    key_password: Option<Secret>,
    checks_host_name: bool,
    versions: Vec<TlsVersion>,
    /// `ssl.protocol`: none newer.
    newest: TlsVersion,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2, with forward secrecy and authenticated encryption only.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

impl Tls {
    /// Trusts the CAs of the operating system, shows no certificate, checks host names.
    pub fn new() -> Self {
        Self {
            roots: None,
            chain: None,
            key: None,
            key_password: None,
            checks_host_name: true,
            versions: vec![TlsVersion::Tls12, TlsVersion::Tls13],
            newest: TlsVersion::Tls13,
        }
    }

    /// Trusts those whose certificates are in this file, and nobody else (`ssl.truststore.location`, `ssl.ca.location` of
    /// librdkafka).
    #[must_use]
    pub fn roots_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots = Some(Source::file("ssl.truststore.location", path));
        self
    }

    /// The same of a text in memory (`ssl.truststore.certificates`).
    #[must_use]
    pub fn roots_pem(mut self, certificates: impl Into<String>) -> Self {
        let certificates: String = certificates.into();
        self.roots = Some(Source::text("ssl.truststore.certificates", certificates));
        self
    }

    /// Shows brokers the certificate of one file, with the chain to its CA behind it, and proves by the key of the other
    /// that it is ours (`ssl.certificate.location` and `ssl.key.location` of librdkafka).
    #[must_use]
    pub fn certificate_files(
        mut self,
        certificates: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.chain = Some(Source::file("ssl.certificate.location", certificates));
        self.key = Some(Source::file("ssl.key.location", key));
        self
    }

    /// The same of one file that holds both (`ssl.keystore.location`).
    #[must_use]
    pub fn keystore_file(mut self, path: impl Into<PathBuf>) -> Self {
        let source = Source::file("ssl.keystore.location", path);
        self.chain = Some(source.clone());
        self.key = Some(source);
        self
    }

    /// The same of texts in memory (`ssl.keystore.certificate.chain` and `ssl.keystore.key`).
    #[must_use]
    pub fn certificate_pem(
        mut self,
        certificates: impl Into<String>,
        key: impl Into<Secret>,
    ) -> Self {
        let certificates: String = certificates.into();
        self.chain = Some(Source::text("ssl.keystore.certificate.chain", certificates));
        self.key = Some(Source::text("ssl.keystore.key", key));
        self
    }

    /// Decrypts the key (`ssl.key.password`).
    #[must_use]
    pub fn key_password(mut self, password: impl Into<Secret>) -> Self {
        self.key_password = Some(password.into());
        self
    }

    /// Whether a broker's certificate has to be for the host that it is reached by (true). Without that, whoever has any
    /// certificate of a trusted CA can take a broker's place (`ssl.endpoint.identification.algorithm`: `https`, or empty).
    #[must_use]
    pub fn check_host_name(mut self, check: bool) -> Self {
        self.checks_host_name = check;
        self
    }

    /// The versions to speak; the newest that a broker has, too, is taken (`ssl.enabled.protocols`).
    #[must_use]
    pub fn versions(mut self, versions: impl IntoIterator<Item = TlsVersion>) -> Self {
        self.versions = versions.into_iter().collect();
        self
    }
}
