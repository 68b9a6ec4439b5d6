//! Who may connect, who they are, and how they prove it: listeners, principals, users, delegation tokens, SASL.

mod builder;
mod delegation_tokens;
mod listener;
mod principal;
mod sasl;
mod secret;
#[cfg(feature = "tls")]
mod tls;
mod users;

pub(crate) use delegation_tokens::{DelegationToken, DelegationTokens, NewToken};
pub(crate) use listener::check as check_listeners;
pub use listener::{Listener, SecurityProtocol};
pub(crate) use principal::Principal;
pub use sasl::SaslMechanism;
pub(crate) use sasl::{Answer, Authenticator, Reaction};
pub(crate) use sasl::{ScramCredential, ScramMechanism};
#[cfg(feature = "tls")]
pub(crate) use tls::{Certificates, accept};
#[cfg(feature = "tls")]
pub use tls::{ClientAuth, Tls};
pub(crate) use users::{Iterations, ScramAlteration, Users};

use std::time::Duration;

pub(crate) use secret::Secret;

/// What a broker is set to as to security. Each is named after Kafka's own setting.
#[derive(Debug, Clone)]
pub(crate) struct SecuritySettings {
    pub(crate) sasl_enabled_mechanisms: Vec<SaslMechanism>,
    /// `connections.max.reauth.ms`; none is Kafka's 0: a session lasts as long as its connection.
    pub(crate) connections_max_reauth: Option<Duration>,
    /// `sasl.server.max.receive.size`: the largest request of somebody who has not logged in.
    pub(crate) sasl_server_max_receive_size: usize,
    /// `connection.failed.authentication.delay.ms`: what guessing passwords costs.
    pub(crate) connection_failed_authentication_delay: Duration,
    /// `delegation.token.secret.key`; without it there are no delegation tokens.
    pub(crate) delegation_token_secret_key: Option<Secret>,
    pub(crate) delegation_token_max_lifetime: Duration,
    pub(crate) delegation_token_expiry_time: Duration,
    /// Users by name, for PLAIN.
    pub(crate) plain_users: Vec<(String, Secret)>,
    /// Users by name, for SCRAM; those that are there when the brokers start.
    pub(crate) scram_users: Vec<(String, Secret)>,
}

impl Default for SecuritySettings {
    fn default() -> Self {
        Self {
            sasl_enabled_mechanisms: vec![
                SaslMechanism::Plain,
                SaslMechanism::ScramSha256,
                SaslMechanism::ScramSha512,
            ],
            connections_max_reauth: None,
            sasl_server_max_receive_size: 512 << 10,
            connection_failed_authentication_delay: Duration::from_millis(100),
            delegation_token_secret_key: None,
            delegation_token_max_lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            delegation_token_expiry_time: Duration::from_secs(24 * 60 * 60),
            plain_users: Vec::new(),
            scram_users: Vec::new(),
        }
    }
}

/// Random bytes that nobody can foresee.
///
/// # Errors
/// When the operating system has none.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    let differing = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differing == 0
}
