//! A mechanism with its credentials.

use std::fmt;
use std::sync::Arc;

use super::Secret;
use super::mechanism::{Preparing, SaslError, SaslExchange, SaslMechanism};
use super::oauth_bearer::{BearerExchange, BearerToken};
use super::plain::PlainExchange;
use super::scram::{self, Hash, ScramExchange};

/// How to prove to brokers who we are. A cheap handle.
///
/// ```
/// use kafka_client::producer::Producer;
/// use kafka_client::security::Sasl;
///
/// let builder = Producer::builder()
///     .bootstrap_servers("localhost:9093")
///     .sasl(Sasl::scram_sha_512("alice", "alice-secret"));
/// ```
#[derive(Clone)]
pub struct Sasl(Arc<dyn SaslMechanism>);

impl Sasl {
    /// PLAIN: the password is sent as it is, so that whoever can listen to the connection has it.
    pub fn plain(user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::password(Kind::Plain, user, password)
    }

    /// SCRAM-SHA-256: neither side sends the password.
    pub fn scram_sha_256(user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::password(Kind::Scram(Hash::Sha256, false), user, password)
    }

    /// SCRAM-SHA-512: neither side sends the password.
    pub fn scram_sha_512(user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::password(Kind::Scram(Hash::Sha512, false), user, password)
    }

    /// A delegation token (KIP-48), its id and its HMAC, by SCRAM-SHA-256.
    pub fn delegation_token_sha_256(id: impl Into<String>, hmac: impl Into<Secret>) -> Self {
        Self::password(Kind::Scram(Hash::Sha256, true), id, hmac)
    }

    /// A delegation token (KIP-48), its id and its HMAC, by SCRAM-SHA-512.
    pub fn delegation_token_sha_512(id: impl Into<String>, hmac: impl Into<Secret>) -> Self {
        Self::password(Kind::Scram(Hash::Sha512, true), id, hmac)
    }

    /// OAUTHBEARER with a token that does not change.
    pub fn oauth_bearer(token: BearerToken) -> Self {
        Self::oauth_bearer_from(move || std::future::ready(Ok(token.clone())))
    }

    /// OAUTHBEARER with tokens that are fetched: a new one is asked for each time a connection is made, and before a
    /// session ends.
    ///
    /// ```
    /// use kafka_client::security::{BearerToken, Sasl, SaslError};
    ///
    /// let sasl = Sasl::oauth_bearer_from(|| async {
    ///     let token = std::fs::read_to_string("/var/run/token")
    ///         .map_err(|error| SaslError::Unavailable(error.to_string()))?;
    ///     Ok(BearerToken::new(token.trim()))
    /// });
    /// ```
    pub fn oauth_bearer_from<F, T>(tokens: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Result<BearerToken, SaslError>> + Send + 'static,
    {
        Self::of(Bearer { tokens })
    }

    /// OAUTHBEARER with tokens that a token endpoint gives out (OIDC, KIP-768). Clients that are given clones of it share one
    /// token.
    #[cfg(feature = "oidc")]
    pub fn oauth_bearer_oidc(credentials: super::ClientCredentials) -> Self {
        Self::of(super::oidc::TokenSource::new(credentials))
    }

    /// Any other mechanism.
    pub fn of(mechanism: impl SaslMechanism) -> Self {
        Self(Arc::new(mechanism))
    }

    /// The mechanism's name.
    pub fn mechanism(&self) -> &str {
        self.0.name()
    }

    /// Who authenticates.
    pub fn principal(&self) -> &str {
        self.0.principal()
    }

    pub(crate) fn prepare<'a>(&'a self, host: &'a str) -> Preparing<'a> {
        self.0.prepare(host)
    }

    fn password(kind: Kind, user: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self::of(Password {
            kind,
            user: user.into(),
            password: password.into(),
        })
    }
}

/// They are the same when they are one object.
impl PartialEq for Sasl {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism())
            .field("principal", &self.principal())
            .finish_non_exhaustive()
    }
}

/// Which exchange a name and a password are for.
#[derive(Clone, Copy)]
enum Kind {
    Plain,
    /// With the hash function, and whether it is a delegation token.
    Scram(Hash, bool),
}

struct Password {
    kind: Kind,
    user: String,
    password: Secret,
}

impl SaslMechanism for Password {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Plain => "PLAIN",
            Kind::Scram(Hash::Sha256, _) => "SCRAM-SHA-256",
            Kind::Scram(Hash::Sha512, _) => "SCRAM-SHA-512",
        }
    }

    fn principal(&self) -> &str {
        &self.user
    }

    fn prepare<'a>(&'a self, _host: &'a str) -> Preparing<'a> {
        let (user, password) = (&self.user, &self.password);
        let exchange = match self.kind {
            Kind::Plain => {
                Ok(Box::new(PlainExchange::new(user, password)) as Box<dyn SaslExchange>)
            }
            Kind::Scram(hash, is_token) => scram::nonce().map(|nonce| {
                let exchange = ScramExchange::new(hash, user, password, is_token, nonce);
                Box::new(exchange) as Box<dyn SaslExchange>
            }),
        };
        Box::pin(std::future::ready(exchange))
    }
}

struct Bearer<F> {
    tokens: F,
}

impl<F, T> SaslMechanism for Bearer<F>
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = Result<BearerToken, SaslError>> + Send + 'static,
{
    fn name(&self) -> &str {
        "OAUTHBEARER"
    }

    fn principal(&self) -> &str {
        "the bearer of a token"
    }

    fn prepare<'a>(&'a self, _host: &'a str) -> Preparing<'a> {
        let token = (self.tokens)();
        Box::pin(async {
            let exchange = BearerExchange::new(token.await?);
            Ok(Box::new(exchange) as Box<dyn SaslExchange>)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for sasl in [
            Sasl::plain("alice", "geheim"),
            Sasl::scram_sha_256("alice", "geheim"),
            Sasl::oauth_bearer(BearerToken::new("geheim")),
        ] {
            let shown = format!("{sasl:?}");
            assert!(!shown.contains("geheim"), "{shown}");
            assert!(shown.contains(sasl.mechanism()), "{shown}");
        }
        let token = format!("{:?}", BearerToken::new("geheim"));
        assert!(!token.contains("geheim"), "{token}");
    }
}
