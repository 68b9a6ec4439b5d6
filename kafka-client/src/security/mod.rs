//! How connections are secured: who we are, and how that is proved.
//!
//! Authentication is by [SASL](Sasl): PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER are there, and what is not can be
//! plugged in as a [`SaslMechanism`]. It takes place on each connection before anything else is asked, and again before a
//! session ends where brokers limit sessions (KIP-368): requests wait for that, and none is lost.
//!
//! With the cargo feature `tls`, connections are encrypted by TLS 1.2 or 1.3 (`Tls`, [below](#tls)), and with [SASL](Sasl) beside it
//! authenticated inside of that.
//!
//! A broker that refuses is one clear [`Error::Authentication`](crate::Error::Authentication), at once: nothing is tried
//! again that would lock an account.
//!
//! By Kafka's names:
//!
//! ```
//! use kafka_client::admin::Admin;
//!
//! let builder = Admin::builder().properties([
//!     ("bootstrap.servers", "localhost:9093"),
//!     ("security.protocol", "SASL_PLAINTEXT"),
//!     ("sasl.mechanism", "SCRAM-SHA-256"),
//!     (
//!         "sasl.jaas.config",
//!         r#"org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="alice-secret";"#,
//!     ),
//! ])?;
//! # Ok::<(), kafka_client::Error>(())
//! ```
//!
//! # Tokens from a token endpoint
//!
//! With the feature `oidc`, tokens for OAUTHBEARER are fetched from a token endpoint by the client credentials of OAuth 2
//! (KIP-768), renewed in time, and shared by all connections of a client: `ClientCredentials`, or by Kafka's names:
//!
//! | setting | what it is |
//! | --- | --- |
//! | `sasl.mechanism` | `OAUTHBEARER` |
//! | `sasl.oauthbearer.token.endpoint.url` | where tokens are given out |
//! | `sasl.oauthbearer.client.credentials.client.id`, `.client.secret` | who we are there; otherwise `clientId` and `clientSecret` of `sasl.jaas.config` |
//! | `sasl.oauthbearer.scope` | what for; otherwise `scope` of `sasl.jaas.config` |
//! | `extension_NAME` in `sasl.jaas.config` | told to brokers besides (KIP-342) |
//! | `ssl.*` in `sasl.jaas.config` | whom to trust at the endpoint; otherwise the CAs of the operating system |
//! | `sasl.oauthbearer.header.urlencode` | `true`: id and secret are escaped in the header |
//! | `sasl.login.connect.timeout.ms`, `sasl.login.read.timeout.ms` | how long the endpoint may take (10 s each) |
//! | `sasl.login.retry.backoff.ms`, `sasl.login.retry.backoff.max.ms` | the wait before it is asked again, and for how long that goes on |
//! | `sasl.login.refresh.*` | when a token is renewed, as Kafka's own clients do it |
//! | `sasl.oauthbearer.scope.claim.name`, `sasl.oauthbearer.sub.claim.name` | the claims that are looked at |
//!
//! ```
//! # #[cfg(feature = "oidc")]
//! # {
//! use kafka_client::admin::Admin;
//!
//! let builder = Admin::builder().properties([
//!     ("bootstrap.servers", "localhost:9094"),
//!     ("security.protocol", "SASL_SSL"),
//!     ("sasl.mechanism", "OAUTHBEARER"),
//!     ("sasl.oauthbearer.token.endpoint.url", "https://login.example.com/token"),
//!     ("sasl.oauthbearer.client.credentials.client.id", "alice"),
//!     ("sasl.oauthbearer.client.credentials.client.secret", "alice-secret"),
//! ])?;
//! # }
//! # Ok::<(), kafka_client::Error>(())
//! ```
//!
//! # TLS
//!
//! It is behind the feature `tls`, and has no C in it: rustls with graviola, or with RustCrypto on processors that graviola
//! was not written for. Stores are PEM, and not JKS or PKCS#12. By Kafka's names, and librdkafka's where those are others:
//!
//! | setting | what it is |
//! | --- | --- |
//! | `security.protocol` | `SSL`, or `SASL_SSL` |
//! | `ssl.truststore.location`, `ssl.ca.location` | a file with the certificates of the CAs to trust; otherwise those of the operating system |
//! | `ssl.truststore.certificates`, `ssl.ca.pem` | the same as a text |
//! | `ssl.keystore.location` | a file with our certificate and its key |
//! | `ssl.certificate.location`, `ssl.key.location` | the same in two files |
//! | `ssl.keystore.certificate.chain`, `ssl.keystore.key`; `ssl.certificate.pem`, `ssl.key.pem` | the same as texts |
//! | `ssl.key.password` | decrypts the key (PKCS#8) |
//! | `ssl.endpoint.identification.algorithm` | `https`; empty: any name will do |
//! | `ssl.enabled.protocols`, `ssl.protocol` | `TLSv1.2`, `TLSv1.3` |
//!
//! ```
//! # #[cfg(feature = "tls")]
//! # {
//! use kafka_client::admin::Admin;
//!
//! let builder = Admin::builder().properties([
//!     ("bootstrap.servers", "localhost:9094"),
//!     ("security.protocol", "SASL_SSL"),
//!     ("ssl.truststore.location", "ca.pem"),
//!     ("sasl.mechanism", "PLAIN"),
//!     (
//!         "sasl.jaas.config",
//!         r#"org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="alice-secret";"#,
//!     ),
//! ])?;
//! # }
//! # Ok::<(), kafka_client::Error>(())
//! ```
//!
//! Who is not who they should be, on either side, is one clear [`Error::Tls`](crate::Error::Tls), at once. Where a listener
//! closes the connection without a word, as Kafka's listeners for plain text do when they are sent TLS, it is asked once in
//! plain text what it speaks; unless it answers, the error says what may be the matter and is retriable, because a broker that
//! stops does the same.

mod jaas;
mod login;
mod mechanism;
mod oauth_bearer;
#[cfg(feature = "oidc")]
mod oidc;
mod plain;
mod sasl;
mod scram;
mod secret;
mod settings;
#[cfg(feature = "tls")]
mod tls;

pub use mechanism::{Preparing, SaslError, SaslExchange, SaslMechanism, SaslStep};
pub use oauth_bearer::BearerToken;
#[cfg(feature = "oidc")]
pub use oidc::ClientCredentials;
#[cfg(feature = "oidc")]
pub(crate) use oidc::OIDC_SETTINGS;
pub use sasl::Sasl;
pub(crate) use scram::Hash as ScramHash;
pub use secret::Secret;
pub use settings::{Security, SecurityProtocol};
#[cfg(all(feature = "tls", any(feature = "oidc", feature = "schema-registry")))]
pub(crate) use tls::speaks_no_tls;
#[cfg(feature = "tls")]
pub(crate) use tls::{Failure, PLAIN_TEXT, TlsClient, failure};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsVersion};
