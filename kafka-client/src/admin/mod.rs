//! The admin client: topics, partitions, offsets, settings, groups, producers, transactions, features, the cluster.
//!
//! What names several things has an outcome for each of them: one that is wrong does not keep the others from being done.

mod acls;
mod cluster;
mod configs;
mod elections;
mod fan_out;
mod features;
mod group_offsets;
mod groups;
mod log_dirs;
mod offsets;
mod partitions;
mod producers;
mod quorum;
mod quotas;
mod reassignments;
mod records;
mod telemetry;
mod topics;
mod transactions;

use std::sync::Arc;
use std::time::Duration;

pub use crate::cluster::BrokerInfo;
pub use crate::consumer::OffsetAndMetadata;
pub use acls::{
    AclBinding, AclBindingFilter, AclOperation, AclPermission, PatternType, ResourceType,
};
pub use cluster::ClusterDescription;
pub use configs::{AlterConfig, ConfigEntry, ConfigResource, ConfigSource, ConfigSynonym};
pub use elections::ElectionType;
pub use features::{FeatureMetadata, FeatureUpdate, VersionRange};
pub use groups::{
    GroupDescription, GroupListing, GroupState, GroupType, ListGroups, MemberDescription,
    MemberToRemove,
};
pub use log_dirs::{LogDirDescription, ReplicaInfo};
pub use offsets::{ListedOffset, OffsetSpec};
pub use partitions::NewPartitions;
pub use producers::{FencedProducer, ProducerState};
pub use quorum::{QuorumInfo, QuorumReplica};
pub use quotas::{QuotaEntity, QuotaFilter, QuotaMatch};
pub use reassignments::PartitionReassignment;
pub use records::RecordsToDelete;
pub use topics::{NewTopic, PartitionDescription, TopicDescription, TopicListing};
pub use transactions::{
    AbortTransaction, ListTransactions, TransactionDescription, TransactionListing,
    TransactionState,
};

use crate::cluster::Cluster;
use crate::config::{CLIENT_SETTINGS, ClientConfig, RETRIES, Setting, apply};
use crate::error::Result;
use crate::events::EventStream;
use crate::metrics::{ClientKind, Metrics};
use crate::net::Network;
use crate::security::Sasl;
#[cfg(feature = "tls")]
use crate::security::Tls;

/// Looks after a cluster. A cheap handle.
///
/// Each operation goes to the broker that has to carry it out, is tried again while that may help, and gives up after
/// `default.api.timeout.ms`. Operations are cancel-safe as far as the client is concerned; the cluster may carry out what
/// was sent.
///
/// ```no_run
/// use kafka_client::admin::{Admin, NewTopic};
///
/// # async fn example() -> kafka_client::Result<()> {
/// let admin = Admin::builder().bootstrap_servers("localhost:9092").build().await?;
/// for (topic, result) in admin.create_topics([NewTopic::new("orders").partitions(4)]).await? {
///     println!("{topic}: {result:?}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Admin {
    cluster: Cluster,
    telemetry: Arc<telemetry::AdminTelemetry>,
}

impl Admin {
    /// Settings for a new admin client.
    pub fn builder() -> AdminBuilder {
        AdminBuilder::default()
    }

    /// The brokers that there are, by id. Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked.
    pub async fn brokers(&self) -> Result<Vec<BrokerInfo>> {
        let metadata = self
            .cluster
            .refresh(self.cluster.metadata().version)
            .await?;
        let mut brokers: Vec<BrokerInfo> = metadata.brokers.values().cloned().collect();
        brokers.sort_by_key(|broker| broker.id);
        Ok(brokers)
    }

    /// What the client measures of its connections; see [`metrics`](crate::metrics).
    pub fn metrics(&self) -> Metrics {
        self.cluster.telemetry().metrics.report().finish()
    }

    /// What happens to the client from now on; see [`events`](crate::events).
    pub fn events(&self) -> EventStream {
        self.cluster.telemetry().events.subscribe()
    }

    async fn retry<T, F>(&self, what: &str, attempt: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        self.cluster
            .retry(what, self.cluster.config().api_timeout, attempt)
            .await
    }
}

/// Settings of an [`Admin`].
#[derive(Debug, Clone, PartialEq)]
pub struct AdminBuilder {
    config: ClientConfig,
}

impl Default for AdminBuilder {
    fn default() -> Self {
        Self {
            config: ClientConfig {
                // An admin has long pauses: Kafka's, too, lets its connections go earlier than other clients do.
                connections_max_idle: Some(Duration::from_secs(300)),
                // As Kafka's.
                enable_metrics_push: false,
                ..ClientConfig::default()
            },
        }
    }
}

impl AdminBuilder {
    /// `bootstrap.servers`: `HOST:PORT`, or several separated by commas.
    #[must_use]
    pub fn bootstrap_servers(mut self, servers: impl AsRef<str>) -> Self {
        self.config.set_bootstrap_servers(servers.as_ref());
        self
    }

    /// `client.id`.
    #[must_use]
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.config.client_id = id.into();
        self
    }

    /// `default.api.timeout.ms`.
    #[must_use]
    pub fn api_timeout(mut self, timeout: Duration) -> Self {
        self.config.api_timeout = timeout;
        self
    }

    /// Authenticates by SASL (`security.protocol`, `sasl.mechanism` and `sasl.jaas.config` in one).
    #[must_use]
    pub fn sasl(mut self, sasl: Sasl) -> Self {
        self.config.security.set_sasl(sasl);
        self
    }

    /// Encrypts by TLS (`security.protocol` and `ssl.*` in one).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.config.security.set_tls(tls);
        self
    }

    /// How connections are made (by TCP), see [`Connector`](crate::Connector).
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.config.network = network;
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
        apply(
            &mut self.config,
            |config, key, value| {
                Setting::find(CLIENT_SETTINGS, config, key, value)
                    .or_else(|| Setting::find(RETRIES, config, key, value))
            },
            properties,
        )?;
        Ok(self)
    }

    /// Connects to the cluster. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::Connect`](crate::Error::Connect) names each address that was tried;
    /// [`Error::Authentication`](crate::Error::Authentication) comes from a broker that does not believe who we are.
    pub async fn build(self) -> Result<Admin> {
        let cluster = Cluster::connect_to_look(self.config, ClientKind::Admin).await?;
        Ok(Admin {
            telemetry: telemetry::AdminTelemetry::start(&cluster),
            cluster,
        })
    }
}
