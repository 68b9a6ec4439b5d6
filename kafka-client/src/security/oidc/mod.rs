//! OAUTHBEARER with tokens from a token endpoint, by the client credentials grant of OAuth 2 (KIP-768).

mod endpoint;
mod jwt;
mod settings;
mod source;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{Secret, Tls};
use crate::error::{Error, Result};
use crate::http::{HttpError, Url};

pub(crate) use settings::OIDC_SETTINGS;
pub(super) use source::TokenSource;

const ENDPOINT: &str = "sasl.oauthbearer.token.endpoint.url";
const CLIENT_ID: &str = "sasl.oauthbearer.client.credentials.client.id";
const CLIENT_SECRET: &str = "sasl.oauthbearer.client.credentials.client.secret";

/// Where tokens are given out, and to whom: for [`Sasl::oauth_bearer_oidc`](super::Sasl::oauth_bearer_oidc).
///
/// A token is asked for by `POST` with `grant_type=client_credentials`, the id and the secret by basic authentication. All
/// connections of a client, and of all clients that are given the same [`Sasl`](super::Sasl), have one token. A new one is
/// asked for by the first connection that is made, or whose session ends, after most of the token's life is over
/// ([`refresh_window`](Self::refresh_window)). While the endpoint does not answer, or answers with 5xx, 408 or 429, it is asked
/// again with a growing wait, and a token that is still good is used on. What it refuses otherwise is an
/// [`Error::Authentication`] that names endpoint and status, at once.
///
/// ```no_run
/// use kafka_client::producer::Producer;
/// use kafka_client::security::{ClientCredentials, Sasl, Tls};
///
/// # async fn run() -> kafka_client::Result<()> {
/// let credentials = ClientCredentials::new("https://login.example.com/token", "alice", "alice-secret")?
///     .scope("kafka");
/// let producer = Producer::builder()
///     .bootstrap_servers("kafka.example.com:9093")
///     .tls(Tls::new())
///     .sasl(Sasl::oauth_bearer_oidc(credentials))
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ClientCredentials {
    /// `None` only among the settings by name, before they are checked; the same for what is empty.
    endpoint: Option<Url>,
    client_id: String,
    client_secret: Secret,
    scope: String,
    encodes_header: bool,
    extensions: Vec<(String, String)>,
    tls: Tls,
    connect_timeout: Duration,
    read_timeout: Duration,
    retry_backoff: Duration,
    retry_backoff_max: Duration,
    window_factor: f64,
    window_jitter: f64,
    min_period: Duration,
    buffer: Duration,
    scope_claim: String,
    subject_claim: String,
}

impl Default for ClientCredentials {
    fn default() -> Self {
        Self {
            endpoint: None,
            client_id: String::new(),
            client_secret: Secret::new(""),
            scope: String::new(),
            encodes_header: false,
            extensions: Vec::new(),
            tls: Tls::new(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(10),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(10),
            window_factor: 0.8,
            window_jitter: 0.05,
            min_period: Duration::from_secs(60),
            buffer: Duration::from_secs(300),
            scope_claim: "scope".to_owned(),
            subject_claim: "sub".to_owned(),
        }
    }
}

impl ClientCredentials {
    /// The token endpoint, an address with `https` (`http` is taken, too, and shows the secret to whoever can listen), and
    /// the id and the secret of the client.
    ///
    /// # Errors
    /// [`Error::Config`] names what cannot be: an address that is none, an id or a secret that is empty.
    pub fn new(
        endpoint: &str,
        client_id: impl Into<String>,
        client_secret: impl Into<Secret>,
    ) -> Result<Self> {
        let endpoint = Url::parse(endpoint).map_err(|error| {
            let reason = match error {
                HttpError::Url { reason, .. } => reason,
                other => other.to_string(),
            };
            refused(ENDPOINT, reason)
        })?;
        let credentials = Self {
            endpoint: Some(endpoint),
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            ..Self::default()
        };
        credentials.checked()
    }

    /// What the token is to be good for, several separated by blanks (`sasl.oauthbearer.scope`).
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Tells brokers something besides (KIP-342; `extension_NAME` of a login). Names are letters; values are visible text.
    #[must_use]
    pub fn extension(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extensions.push((name.into(), value.into()));
        self
    }

    /// Whom to trust at an endpoint with `https`, and who we are there (the CAs of the operating system, and nobody). It is
    /// not what is set for the brokers (`ssl.*` of a login).
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Whether id and secret are escaped before they are put in the header, as RFC 6749 asks for and not all endpoints do
    /// (false; `sasl.oauthbearer.header.urlencode`).
    #[must_use]
    pub fn encode_header(mut self, encode: bool) -> Self {
        self.encodes_header = encode;
        self
    }

    /// How long a connection to the endpoint may take, and how long then an answer (10 s each;
    /// `sasl.login.connect.timeout.ms` and `sasl.login.read.timeout.ms`).
    #[must_use]
    pub fn timeouts(mut self, connect: Duration, read: Duration) -> Self {
        self.connect_timeout = connect;
        self.read_timeout = read;
        self
    }

    /// The wait before an endpoint that does not answer is asked again (100 ms), which doubles from one to the next, and the
    /// time after which that is given up until the next connection is made (10 s; `sasl.login.retry.backoff.ms` and
    /// `sasl.login.retry.backoff.max.ms`).
    #[must_use]
    pub fn retry_backoff(mut self, first: Duration, max: Duration) -> Self {
        self.retry_backoff = first;
        self.retry_backoff_max = max;
        self
    }

    /// Which part of a token's life passes before another one is asked for (0.8), and up to which part that is put off at
    /// random (0.05; `sasl.login.refresh.window.factor` and `sasl.login.refresh.window.jitter`). What is out of Kafka's
    /// ranges, 0.5 to 1 and 0 to 0.25, is taken for the end of the range.
    #[must_use]
    pub fn refresh_window(mut self, factor: f64, jitter: f64) -> Self {
        self.window_factor = factor.clamp(0.5, 1.0);
        self.window_jitter = jitter.clamp(0.0, 0.25);
        self
    }

    /// The claims of a token that are its scope and its subject (`scope` and `sub`; `sasl.oauthbearer.scope.claim.name` and
    /// `sasl.oauthbearer.sub.claim.name`).
    #[must_use]
    pub fn claims(mut self, scope: impl Into<String>, subject: impl Into<String>) -> Self {
        self.scope_claim = scope.into();
        self.subject_claim = subject.into();
        self
    }

    /// Whether all that is needed is there.
    fn checked(self) -> Result<Self> {
        let expected = "expected, for tokens are to be fetched from a token endpoint";
        for (key, is_missing) in [
            (ENDPOINT, self.endpoint.is_none()),
            (CLIENT_ID, self.client_id.is_empty()),
            (CLIENT_SECRET, self.client_secret.expose().is_empty()),
        ] {
            if is_missing {
                return Err(refused(key, expected.to_owned()));
            }
        }
        Ok(self)
    }
}

fn refused(key: &str, reason: String) -> Error {
    Error::Config {
        key: key.to_owned(),
        value: String::new(),
        reason,
    }
}
