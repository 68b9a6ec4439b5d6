//! SASL: mechanisms, each a small state machine, and the order of requests around them.

mod authenticator;
mod exchange;
mod oauth_bearer;
mod plain;
mod scram;

use std::fmt;
use std::str::FromStr;

pub(crate) use authenticator::{Answer, Authenticator, Reaction};
pub(crate) use scram::{ScramCredential, ScramMechanism, signed};

use crate::error::BrokerError;

/// How clients may prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SaslMechanism {
    /// Name and password as they are: for TLS, and for tests.
    Plain,
    /// Each side proves that it knows the password, and neither sends it (RFC 5802), with SHA-256.
    ScramSha256,
    /// The same with SHA-512.
    ScramSha512,
    /// A token. As Kafka's default for development has it, tokens need no signature: **whoever comes is whoever they say
    /// they are**.
    OAuthBearer,
}

impl SaslMechanism {
    const ALL: [Self; 4] = [
        Self::Plain,
        Self::ScramSha256,
        Self::ScramSha512,
        Self::OAuthBearer,
    ];

    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }
}

impl fmt::Display for SaslMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SaslMechanism {
    type Err = BrokerError;

    fn from_str(name: &str) -> Result<Self, BrokerError> {
        let found = Self::ALL.into_iter().find(|known| known.name() == name);
        found.ok_or_else(|| BrokerError::Listeners {
            reason: format!(
                "there is no SASL mechanism \"{name}\": expected one of {}",
                Self::ALL.map(Self::name).join(", ")
            ),
        })
    }
}
