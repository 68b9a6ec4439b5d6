use std::sync::Arc;
use std::time::Duration;

use super::acknowledge::{AcknowledgementMode, AcquireMode};
use super::config::ShareConsumerConfig;
use super::listener::AcknowledgementListener;
use super::shared::Shared;
use super::{Inner, ShareConsumer, driver};
use crate::cluster::Cluster;
use crate::error::Result;
use crate::metrics::ClientKind;
use crate::net::Network;
use crate::push::Pushing;
use crate::security::Sasl;
#[cfg(feature = "tls")]
use crate::security::Tls;

/// Settings for a new [`ShareConsumer`]; those without a method here are fields of [`ShareConsumerConfig`], or properties.
#[derive(Clone, Default)]
#[must_use = "a builder does nothing before build()"]
pub struct ShareConsumerBuilder {
    config: ShareConsumerConfig,
    listener: Option<Arc<dyn AcknowledgementListener>>,
}

impl std::fmt::Debug for ShareConsumerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShareConsumerBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl ShareConsumerBuilder {
    /// `bootstrap.servers`: `HOST:PORT`, or several separated by commas.
    pub fn bootstrap_servers(mut self, servers: impl AsRef<str>) -> Self {
        self.config.client.set_bootstrap_servers(servers.as_ref());
        self
    }

    /// `client.id`.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.config.client.client_id = id.into();
        self
    }

    /// `group.id`: the share group. Needed.
    pub fn group_id(mut self, id: impl Into<String>) -> Self {
        self.config.group_id = Some(id.into());
        self
    }

    /// `share.acknowledgement.mode`: who acknowledges records.
    pub fn acknowledgement_mode(mut self, mode: AcknowledgementMode) -> Self {
        self.config.acknowledgement_mode = mode;
        self
    }

    /// `share.acquire.mode`: whether `max.poll.records` is a limit, or says about how many.
    pub fn acquire_mode(mut self, mode: AcquireMode) -> Self {
        self.config.acquire_mode = mode;
        self
    }

    /// `max.poll.records`: how many records a poll returns, see [`acquire_mode`](Self::acquire_mode).
    pub fn max_poll_records(mut self, records: usize) -> Self {
        self.config.max_poll_records = records;
        self
    }

    /// `client.rack`: where the client stands, for assignors and brokers that look at it.
    pub fn client_rack(mut self, rack: impl Into<String>) -> Self {
        self.config.client_rack = Some(rack.into());
        self
    }

    /// `fetch.min.bytes`.
    pub fn fetch_min_bytes(mut self, bytes: i32) -> Self {
        self.config.fetch_min_bytes = bytes;
        self
    }

    /// `fetch.max.bytes`.
    pub fn fetch_max_bytes(mut self, bytes: i32) -> Self {
        self.config.fetch_max_bytes = bytes;
        self
    }

    /// `fetch.max.wait.ms`.
    pub fn fetch_max_wait(mut self, wait: Duration) -> Self {
        self.config.fetch_max_wait = wait;
        self
    }

    /// `check.crcs`.
    pub fn check_crcs(mut self, on: bool) -> Self {
        self.config.check_crcs = on;
        self
    }

    /// `max.poll.interval.ms`.
    pub fn max_poll_interval(mut self, interval: Duration) -> Self {
        self.config.max_poll_interval = interval;
        self
    }

    /// `allow.auto.create.topics`.
    pub fn allow_auto_create_topics(mut self, on: bool) -> Self {
        self.config.allow_auto_create_topics = on;
        self
    }

    /// `request.timeout.ms`.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.config.client.request_timeout = timeout;
        self
    }

    /// `default.api.timeout.ms`: how long operations that need an answer go on trying.
    pub fn api_timeout(mut self, timeout: Duration) -> Self {
        self.config.client.api_timeout = timeout;
        self
    }

    /// `metadata.max.age.ms`.
    pub fn metadata_max_age(mut self, age: Duration) -> Self {
        self.config.client.metadata_max_age = age;
        self
    }

    /// Authenticates by SASL (`security.protocol`, `sasl.mechanism` and `sasl.jaas.config` in one).
    pub fn sasl(mut self, sasl: Sasl) -> Self {
        self.config.client.security.set_sasl(sasl);
        self
    }

    /// Encrypts by TLS (`security.protocol` and `ssl.*` in one).
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.config.client.security.set_tls(tls);
        self
    }

    /// How connections are made (by TCP), see [`Connector`](crate::Connector).
    pub fn network(mut self, network: Network) -> Self {
        self.config.client.network = network;
        self
    }

    /// Is told what became of acknowledgements.
    pub fn acknowledgement_listener(mut self, listener: impl AcknowledgementListener) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Settings by their Kafka names, applied in order over what is set so far.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) names the first that is unknown or invalid.
    pub fn properties<K: AsRef<str>, V: AsRef<str>>(
        mut self,
        properties: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self> {
        self.config.set(properties)?;
        Ok(self)
    }

    /// All settings at once.
    pub fn config(mut self, config: ShareConsumerConfig) -> Self {
        self.config = config;
        self
    }

    /// Connects to the cluster.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) names a setting that is invalid,
    /// [`Error::Connect`](crate::Error::Connect) each address that was tried, and why it was of no use. Cancel-safe.
    pub async fn build(self) -> Result<ShareConsumer> {
        let Self { config, listener } = self;
        config.validate()?;
        let cluster = if config.allow_auto_create_topics {
            Cluster::connect(config.client.clone(), ClientKind::ShareConsumer).await?
        } else {
            Cluster::connect_to_look(config.client.clone(), ClientKind::ShareConsumer).await?
        };
        let shared = Arc::new(Shared::new(cluster, config, listener));
        let driver = tokio::spawn(driver::run(shared.clone())).abort_handle();
        Ok(ShareConsumer(Arc::new(Inner {
            pushing: Pushing::start(&shared),
            shared,
            turn: tokio::sync::Mutex::default(),
            driver,
        })))
    }
}
