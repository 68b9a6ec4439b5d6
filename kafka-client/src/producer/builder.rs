//! Settings one by one, by typed methods or Kafka's names.

use std::sync::Arc;
use std::time::Duration;

use kafka_proto::compression::{Codec, Compression};

use super::Producer;
use super::config::{Acks, ProducerConfig};
use super::interceptor::{Interceptors, ProducerInterceptor};
use super::partitioner::Partitioner;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::metrics::ClientKind;
use crate::net::Network;
use crate::security::Sasl;
#[cfg(feature = "tls")]
use crate::security::Tls;

/// Settings of a [`Producer`].
#[derive(Debug, Clone, Default)]
pub struct ProducerBuilder {
    config: ProducerConfig,
    partitioner: Option<Arc<dyn Partitioner>>,
    interceptors: Vec<Arc<dyn ProducerInterceptor>>,
}

impl ProducerBuilder {
    /// `bootstrap.servers`: `HOST:PORT`, or several separated by commas.
    #[must_use]
    pub fn bootstrap_servers(mut self, servers: impl AsRef<str>) -> Self {
        self.config.client.set_bootstrap_servers(servers.as_ref());
        self
    }

    /// `client.id`.
    #[must_use]
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.config.client.client_id = id.into();
        self
    }

    /// `acks`; anything but all turns idempotence off.
    #[must_use]
    pub fn acks(mut self, acks: Acks) -> Self {
        self.config.acks = acks;
        self.config.idempotence &= acks == Acks::All;
        self
    }

    /// `linger.ms`.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.config.linger = linger;
        self
    }

    /// `batch.size`, in bytes; requests grow with it.
    #[must_use]
    pub fn batch_size(mut self, bytes: usize) -> Self {
        self.config.batch_size = bytes;
        self.config.max_request_size = self.config.max_request_size.max(bytes);
        self
    }

    /// `buffer.memory`, in bytes.
    #[must_use]
    pub fn buffer_memory(mut self, bytes: usize) -> Self {
        self.config.buffer_memory = bytes;
        self
    }

    /// `compression.type`, at its default level.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.config.compression = Codec::new(compression);
        self
    }

    /// `delivery.timeout.ms`.
    #[must_use]
    pub fn delivery_timeout(mut self, timeout: Duration) -> Self {
        self.config.delivery_timeout = timeout;
        self
    }

    /// `request.timeout.ms`.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.config.client.request_timeout = timeout;
        self
    }

    /// `max.block.ms`.
    #[must_use]
    pub fn max_block(mut self, time: Duration) -> Self {
        self.config.max_block = time;
        self
    }

    /// `transactional.id`: a name that this producer alone has, and keeps over restarts. It writes in transactions only,
    /// from [`init_transactions`](Producer::init_transactions) on.
    #[must_use]
    pub fn transactional_id(mut self, id: impl Into<String>) -> Self {
        self.config.transactional_id = Some(id.into());
        self
    }

    /// `transaction.timeout.ms`. Brokers take no more than their `transaction.max.timeout.ms`, which is 15 minutes unless
    /// told otherwise.
    #[must_use]
    pub fn transaction_timeout(mut self, timeout: Duration) -> Self {
        self.config.transaction_timeout = timeout;
        self
    }

    /// Authenticates by SASL (`security.protocol`, `sasl.mechanism` and `sasl.jaas.config` in one).
    #[must_use]
    pub fn sasl(mut self, sasl: Sasl) -> Self {
        self.config.client.security.set_sasl(sasl);
        self
    }

    /// Encrypts by TLS (`security.protocol` and `ssl.*` in one).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.config.client.security.set_tls(tls);
        self
    }

    /// How connections are made (by TCP), see [`Connector`](crate::Connector).
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.config.client.network = network;
        self
    }

    /// `client.rack`: where the client stands, for `partitioner.rack.aware`.
    #[must_use]
    pub fn client_rack(mut self, rack: impl Into<String>) -> Self {
        self.config.client_rack = Some(rack.into());
        self
    }

    /// Chooses partitions in the place of the built-in rules. What `partitioner.ignore.keys` and the others say counts
    /// only where it leaves the choice to them.
    #[must_use]
    pub fn partitioner(mut self, partitioner: impl Partitioner + 'static) -> Self {
        self.partitioner = Some(Arc::new(partitioner));
        self
    }

    /// Sees every record and what becomes of it; several are called in the order in which they were added.
    #[must_use]
    pub fn interceptor(mut self, interceptor: impl ProducerInterceptor) -> Self {
        self.interceptors.push(Arc::new(interceptor));
        self
    }

    /// Settings by their Kafka names.
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
    #[must_use]
    pub fn config(mut self, config: ProducerConfig) -> Self {
        self.config = config;
        self
    }

    /// Connects to the cluster. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for settings that contradict each other; [`Error::Connect`](crate::Error::Connect) names each address that was tried.
    pub async fn build(self) -> Result<Producer> {
        let config = self.config.bounded();
        config.validate()?;
        let cluster = Cluster::connect(config.client.clone(), ClientKind::Producer).await?;
        let interceptors =
            (!self.interceptors.is_empty()).then(|| Arc::new(Interceptors(self.interceptors)));
        Ok(Producer::start(
            config,
            cluster,
            self.partitioner,
            interceptors,
        ))
    }
}
