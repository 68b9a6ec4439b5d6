use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use super::assignor::AssignmentStrategy;
use super::config::{ConsumerConfig, GroupProtocol, Isolation, OffsetReset};
use super::group::Place;
use super::interceptor::{ConsumerInterceptor, Interceptors};
use super::listener::{NoListener, RebalanceListener};
use super::shared::Shared;
use super::{Consumer, Inner, commit, driver};
use crate::cluster::Cluster;
use crate::error::Result;
use crate::metrics::ClientKind;
use crate::net::Network;
use crate::push::Pushing;
use crate::security::Sasl;
#[cfg(feature = "tls")]
use crate::security::Tls;

/// Settings for a new [`Consumer`]; those without a method here are fields of [`ConsumerConfig`], or properties.
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing before build()"]
pub struct ConsumerBuilder {
    config: ConsumerConfig,
    listener: Option<Arc<dyn RebalanceListener>>,
    interceptors: Interceptors,
}

impl ConsumerBuilder {
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

    /// `group.id`: needed to subscribe and to commit.
    pub fn group_id(mut self, id: impl Into<String>) -> Self {
        self.config.group_id = Some(id.into());
        self
    }

    /// `group.instance.id`: makes a static member.
    pub fn group_instance_id(mut self, id: impl Into<String>) -> Self {
        self.config.group_instance_id = Some(id.into());
        self
    }

    /// `group.protocol`: how the group shares its partitions.
    pub fn group_protocol(mut self, protocol: GroupProtocol) -> Self {
        self.config.group_protocol = protocol;
        self
    }

    /// `group.remote.assignor`: how the coordinator is to share partitions out. Only with [`GroupProtocol::Consumer`].
    pub fn group_remote_assignor(mut self, assignor: impl Into<String>) -> Self {
        self.config.group_remote_assignor = Some(assignor.into());
        self
    }

    /// `partition.assignment.strategy`: how to share partitions among the group's members, the most wanted way first.
    pub fn partition_assignment_strategy(
        mut self,
        strategies: impl IntoIterator<Item = AssignmentStrategy>,
    ) -> Self {
        self.config.partition_assignment_strategy = strategies.into_iter().collect();
        self
    }

    /// `exclude.internal.topics`.
    pub fn exclude_internal_topics(mut self, on: bool) -> Self {
        self.config.exclude_internal_topics = on;
        self
    }

    /// `client.rack`: where the client stands, for assignors and brokers that look at it.
    pub fn client_rack(mut self, rack: impl Into<String>) -> Self {
        self.config.client_rack = Some(rack.into());
        self
    }

    /// `auto.offset.reset`.
    pub fn auto_offset_reset(mut self, reset: OffsetReset) -> Self {
        self.config.auto_offset_reset = reset;
        self
    }

    /// `enable.auto.commit`.
    pub fn enable_auto_commit(mut self, on: bool) -> Self {
        self.config.enable_auto_commit = on;
        self
    }

    /// `auto.commit.interval.ms`.
    pub fn auto_commit_interval(mut self, interval: Duration) -> Self {
        self.config.auto_commit_interval = interval;
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

    /// `max.partition.fetch.bytes`.
    pub fn max_partition_fetch_bytes(mut self, bytes: i32) -> Self {
        self.config.max_partition_fetch_bytes = bytes;
        self
    }

    /// `fetch.max.wait.ms`.
    pub fn fetch_max_wait(mut self, wait: Duration) -> Self {
        self.config.fetch_max_wait = wait;
        self
    }

    /// `max.poll.records`: a poll stops at the batch that reaches this number.
    pub fn max_poll_records(mut self, records: usize) -> Self {
        self.config.max_poll_records = records;
        self
    }

    /// `buffer.memory`: the bytes that may be fetched ahead, counted after decompression.
    pub fn buffer_memory(mut self, bytes: usize) -> Self {
        self.config.buffer_memory = bytes;
        self
    }

    /// `isolation.level`.
    pub fn isolation_level(mut self, isolation: Isolation) -> Self {
        self.config.isolation_level = isolation;
        self
    }

    /// `check.crcs`.
    pub fn check_crcs(mut self, on: bool) -> Self {
        self.config.check_crcs = on;
        self
    }

    /// `session.timeout.ms`.
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.config.session_timeout = timeout;
        self
    }

    /// `heartbeat.interval.ms`.
    pub fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.config.heartbeat_interval = interval;
        self
    }

    /// `max.poll.interval.ms`.
    pub fn max_poll_interval(mut self, interval: Duration) -> Self {
        self.config.max_poll_interval = interval;
        self
    }

    /// How long an assigned partition may stand still before that is told as an event (10 seconds, unless set otherwise).
    pub fn stall_after(mut self, time: Duration) -> Self {
        self.config.stall_after = time;
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

    /// Is told of partitions that come and go.
    pub fn rebalance_listener(mut self, listener: impl RebalanceListener) -> Self {
        self.listener = Some(Arc::new(listener));
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

    /// Sees what is handed out and what is committed; several are called in the order in which they were added.
    pub fn interceptor(mut self, interceptor: impl ConsumerInterceptor) -> Self {
        self.interceptors.0.push(Arc::new(interceptor));
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
    pub fn config(mut self, config: ConsumerConfig) -> Self {
        self.config = config;
        self
    }

    /// Connects to the cluster.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) names a setting that is invalid,
    /// [`Error::Connect`](crate::Error::Connect) each address that was tried, and why it was of no use. Cancel-safe.
    pub async fn build(self) -> Result<Consumer> {
        let Self {
            config,
            listener,
            interceptors,
        } = self;
        config.validate()?;
        let cluster = if config.allow_auto_create_topics {
            Cluster::connect(config.client.clone(), ClientKind::Consumer).await?
        } else {
            Cluster::connect_to_look(config.client.clone(), ClientKind::Consumer).await?
        };
        let place = Place::new(&config);
        let group = place.as_ref().map(Place::group);
        let shared = Arc::new(Shared::new(cluster, config, group, interceptors));
        let (commits, receiver) = mpsc::unbounded_channel();
        let mut tasks = vec![
            tokio::spawn(driver::run(shared.clone())).abort_handle(),
            tokio::spawn(commit::run(shared.clone(), receiver)).abort_handle(),
        ];
        let member = place.map(|place| tokio::spawn(place.run(shared.clone())).abort_handle());
        tasks.extend(member.clone());
        let pushing = Pushing::start(&shared);
        Ok(Consumer(Arc::new(Inner {
            shared,
            commits,
            listener: listener.unwrap_or_else(|| Arc::new(NoListener)),
            turn: tokio::sync::Mutex::default(),
            owed: Mutex::default(),
            member,
            tasks,
            pushing,
        })))
    }
}
