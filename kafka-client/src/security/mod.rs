//! How connections are secured: who we are, and how that is proved.
//!
//! Authentication is by [SASL](Sasl): PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER are there, and what is not can be
//! plugged in as a [`SaslMechanism`]. It takes place on each connection before anything else is asked, and again before a
//! session ends where brokers limit sessions (KIP-368): requests wait for that, and none is lost.
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

mod jaas;
mod login;
mod mechanism;
mod oauth_bearer;
mod plain;
mod sasl;
mod scram;
mod secret;
mod settings;
#[cfg(feature = "tls")]
mod tls;

pub use mechanism::{Preparing, SaslError, SaslExchange, SaslMechanism, SaslStep};
pub use oauth_bearer::BearerToken;
pub use sasl::Sasl;
pub use secret::Secret;
pub use settings::{Security, SecurityProtocol};
#[cfg(feature = "tls")]
pub(crate) use tls::{Failure, TlsClient, failure};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsVersion};
