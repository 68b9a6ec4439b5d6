//! The settings of a broker that have to do with security.

#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

use super::{Listener, SaslMechanism, Secret};
use crate::authorizer::Authorizer;
use crate::broker::BrokerBuilder;
#[cfg(feature = "tls")]
use crate::error::BrokerError;

impl BrokerBuilder {
    /// Adds a listener (`listeners`). Where there are any, [`host`](Self::host), [`port`](Self::port) and
    /// [`advertised_host`](Self::advertised_host) count for nothing: each listener has its own. The first one is that of
    /// [`Broker::bootstrap_servers`](crate::Broker::bootstrap_servers).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use kafka_broker::{Broker, Listener, SecurityProtocol};
    ///
    /// let broker = Broker::builder()
    ///     .listener(Listener::new("INTERNAL", SecurityProtocol::Plaintext))
    ///     .listener(Listener::new("CLIENTS", SecurityProtocol::SaslPlaintext))
    ///     .user("alice", "alice-secret")
    ///     .start()
    ///     .await?;
    /// println!("users log in at {}", broker.bootstrap_servers_of("CLIENTS")?);
    /// # broker.shutdown().await;
    /// # Ok::<(), kafka_broker::BrokerError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn listener(mut self, listener: Listener) -> Self {
        self.settings.listeners.push(listener);
        self
    }

    /// Adds several listeners; [`Listener::parse`] reads them as Kafka writes them.
    #[must_use]
    pub fn listeners(mut self, listeners: impl IntoIterator<Item = Listener>) -> Self {
        self.settings.listeners.extend(listeners);
        self
    }

    /// The certificate that listeners show which speak TLS, and what they ask of clients.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: super::Tls) -> Self {
        self.settings.tls = Some(tls);
        self
    }

    /// Reads the certificates, if a listener needs some.
    #[cfg(feature = "tls")]
    pub(crate) fn load_certificates(&mut self) -> Result<(), BrokerError> {
        let listeners = &self.settings.listeners;
        if let Some(listener) = listeners
            .iter()
            .find(|listener| listener.protocol.has_tls())
        {
            let tls = self.settings.tls.clone().ok_or_else(|| BrokerError::Tls {
                reason: format!(
                    "listener \"{}\" has no certificate: give BrokerBuilder::tls one",
                    listener.name
                ),
            })?;
            self.settings.certificates = Some(Arc::new(super::Certificates::new(tls)?));
        }
        Ok(())
    }

    /// The mechanisms that clients may log in by (`sasl.enabled.mechanisms`; by default PLAIN and both of SCRAM).
    #[must_use]
    pub fn sasl_mechanisms(mut self, mechanisms: impl IntoIterator<Item = SaslMechanism>) -> Self {
        self.settings.security.sasl_enabled_mechanisms = mechanisms.into_iter().collect();
        self
    }

    /// A user with a password, for PLAIN and for both mechanisms of SCRAM.
    #[must_use]
    pub fn user(self, name: impl Into<String>, password: impl Into<String>) -> Self {
        let (name, password) = (name.into(), password.into());
        self.plain_user(name.clone(), password.clone())
            .scram_user(name, password)
    }

    /// A user with a password, for PLAIN alone.
    #[must_use]
    pub fn plain_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        let user = (name.into(), Secret::new(password));
        self.settings.security.plain_users.push(user);
        self
    }

    /// A user with a password, for both mechanisms of SCRAM. Clients may alter such users (KIP-554).
    #[must_use]
    pub fn scram_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        let user = (name.into(), Secret::new(password));
        self.settings.security.scram_users.push(user);
        self
    }

    /// Who may do what (`authorizer.class.name`; by default everybody may do everything). Clients create and delete its
    /// ACLs.
    #[must_use]
    pub fn authorizer(mut self, authorizer: Authorizer) -> Self {
        self.settings.authorizer = Some(authorizer);
        self
    }

    /// How long a session lasts (`connections.max.reauth.ms`; by default as long as its connection). Clients log in again
    /// before it is over (KIP-368); a connection that did not is closed at its next request.
    #[must_use]
    pub fn connections_max_reauth(mut self, lifetime: Duration) -> Self {
        self.settings.security.connections_max_reauth =
            Some(lifetime).filter(|lifetime| !lifetime.is_zero());
        self
    }

    /// Has the brokers lend tokens to log in by (`delegation.token.secret.key`), to clients that have logged in otherwise;
    /// with them one logs in by SCRAM.
    #[must_use]
    pub fn delegation_tokens(mut self, secret_key: impl Into<String>) -> Self {
        self.settings.security.delegation_token_secret_key = Some(Secret::new(secret_key));
        self
    }

    /// How long a token lasts at most (`delegation.token.max.lifetime.ms`, 7 days), and how long each time that it is
    /// renewed (`delegation.token.expiry.time.ms`, 1 day).
    #[must_use]
    pub fn delegation_token_lifetime(mut self, most: Duration, renewed: Duration) -> Self {
        self.settings.security.delegation_token_max_lifetime = most;
        self.settings.security.delegation_token_expiry_time = renewed;
        self
    }

    /// The largest request, in bytes, of a client that has not logged in yet (`sasl.server.max.receive.size`, 512 KiB).
    #[must_use]
    pub fn sasl_server_max_receive_size(mut self, bytes: usize) -> Self {
        self.settings.security.sasl_server_max_receive_size = bytes;
        self
    }

    /// How long the answer to a failed login takes (`connection.failed.authentication.delay.ms`, 100 ms), so that
    /// passwords are not guessed quickly.
    #[must_use]
    pub fn connection_failed_authentication_delay(mut self, delay: Duration) -> Self {
        self.settings
            .security
            .connection_failed_authentication_delay = delay;
        self
    }
}

#[cfg(feature = "tls")]
impl crate::Broker {
    /// Reads certificates, keys and authorities again, for connections from now on. If one of them makes no sense, all
    /// stays as it is.
    ///
    /// # Errors
    /// `BrokerError::Tls`, naming the file.
    pub fn reload_certificates(&self) -> Result<(), BrokerError> {
        match &self.cluster.settings.certificates {
            Some(certificates) => certificates.reload(),
            None => Ok(()),
        }
    }
}
