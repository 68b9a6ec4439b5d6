use std::time::Duration;

use super::client::SchemaRegistry;
use super::error::RegistryError;
use crate::http::{Authorization, Encryption, HttpClient, Url};
use crate::security::Secret;
#[cfg(feature = "tls")]
use crate::security::Tls;

/// Settings of a [`SchemaRegistry`].
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaRegistryBuilder {
    urls: String,
    authorization: Option<Authorization>,
    timeout: Duration,
    max_response_bytes: usize,
    #[cfg(feature = "tls")]
    tls: Tls,
    pub(super) retries: u32,
    pub(super) retry_backoff: Duration,
    pub(super) retry_backoff_max: Duration,
}

impl SchemaRegistryBuilder {
    pub(super) fn new(urls: String) -> Self {
        Self {
            urls,
            authorization: None,
            timeout: Duration::from_secs(10),
            max_response_bytes: 16 << 20,
            #[cfg(feature = "tls")]
            tls: Tls::new(),
            retries: 3,
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
        }
    }

    /// A user and a password; taken before those of the addresses.
    #[must_use]
    pub fn basic_auth(mut self, user: impl Into<String>, password: impl Into<Secret>) -> Self {
        self.authorization = Some(Authorization::Basic {
            user: user.into(),
            password: password.into(),
        });
        self
    }

    /// A token.
    #[must_use]
    pub fn bearer_auth(mut self, token: impl Into<Secret>) -> Self {
        self.authorization = Some(Authorization::Bearer(token.into()));
        self
    }

    /// Whom to trust, and who we are, at addresses with `https` (the CAs of the operating system, and nobody): what Java has
    /// as `schema.registry.ssl.*`. It is not what is set for the brokers.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// How long one request may take with all that belongs to it (10 s).
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The largest answer that is taken, in bytes (16 MiB).
    #[must_use]
    pub fn max_response_bytes(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// How often all addresses are tried again when none of them answers (3).
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The wait before the first retry (100 ms), which doubles from one to the next, and the longest wait (1 s).
    #[must_use]
    pub fn retry_backoff(mut self, first: Duration, max: Duration) -> Self {
        self.retry_backoff = first;
        self.retry_backoff_max = max;
        self
    }

    /// The client. Nothing is asked yet.
    ///
    /// # Errors
    /// [`RegistryError::Setting`] for an address that is none.
    pub fn build(self) -> Result<SchemaRegistry, RegistryError> {
        let refused = |reason: String| RegistryError::Setting {
            setting: "urls",
            reason,
        };
        let urls = self.urls.split(',').map(str::trim);
        let urls: Result<Vec<Url>, _> = urls
            .filter(|url| !url.is_empty())
            .map(|url| Url::parse(url).map_err(|error| refused(error.to_string())))
            .collect();
        let urls = urls?;
        if urls.is_empty() {
            return Err(refused(
                "expected http://HOST:PORT, or several separated by commas".to_owned(),
            ));
        }
        #[cfg(feature = "tls")]
        let encryption = Encryption::new(self.tls.clone());
        #[cfg(not(feature = "tls"))]
        let encryption = Encryption;
        let http = HttpClient {
            connect_timeout: self.timeout,
            timeout: self.timeout,
            max_response_bytes: self.max_response_bytes,
            encryption,
        };
        Ok(SchemaRegistry::start(
            urls,
            http,
            self.authorization.clone(),
            &self,
        ))
    }
}
