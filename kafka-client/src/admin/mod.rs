//! The admin client: topics, partitions, offsets, settings, groups, producers, transactions, users, features, the cluster.
//!
//! What names several things has an outcome for each of them: one that is wrong does not keep the others from being done.
//! Each goes to the broker that answers for it, all brokers at the same time. Refusals by ACLs name who asked and which
//! broker refused; what a broker does not know is [`Error::UnsupportedVersion`](crate::Error::UnsupportedVersion) with the
//! request and its versions.
//!
//! # For who knows Java's `Admin`
//!
//! What Java has as options of a call is here a handle whose calls are made so: [`with_timeout`](Admin::with_timeout),
//! [`with_authorized_operations`](Admin::with_authorized_operations), [`with_documentation`](Admin::with_documentation),
//! [`with_eligible_leaders`](Admin::with_eligible_leaders), [`with_isolation`](Admin::with_isolation),
//! [`with_stable_offsets`](Admin::with_stable_offsets),
//! [`without_waiting_for_quotas`](Admin::without_waiting_for_quotas),
//! [`keeping_replication_factors`](Admin::keeping_replication_factors). `validateOnly` is a method of its own.
//!
//! | Java (4.3) | here |
//! | --- | --- |
//! | `abortTransaction` | [`abort_transactions`](Admin::abort_transactions) |
//! | `addRaftVoter` | [`add_raft_voter`](Admin::add_raft_voter) |
//! | `alterClientQuotas` | [`alter_client_quotas`](Admin::alter_client_quotas), [`validate_alter_client_quotas`](Admin::validate_alter_client_quotas) |
//! | `alterConsumerGroupOffsets`, `alterStreamsGroupOffsets` | [`alter_group_offsets`](Admin::alter_group_offsets) |
//! | `alterPartitionReassignments` | [`alter_partition_reassignments`](Admin::alter_partition_reassignments) |
//! | `alterReplicaLogDirs` | [`alter_replica_log_dirs`](Admin::alter_replica_log_dirs) |
//! | `alterShareGroupOffsets` | [`alter_share_group_offsets`](Admin::alter_share_group_offsets) |
//! | `alterUserScramCredentials` | [`alter_user_scram_credentials`](Admin::alter_user_scram_credentials) |
//! | `createAcls` | [`create_acls`](Admin::create_acls) |
//! | `createDelegationToken` | [`create_delegation_token`](Admin::create_delegation_token) |
//! | `createPartitions` | [`create_partitions`](Admin::create_partitions), [`validate_create_partitions`](Admin::validate_create_partitions) |
//! | `createTopics` | [`create_topics`](Admin::create_topics), [`validate_create_topics`](Admin::validate_create_topics) |
//! | `deleteAcls` | [`delete_acls`](Admin::delete_acls) |
//! | `deleteConsumerGroupOffsets`, `deleteStreamsGroupOffsets` | [`delete_group_offsets`](Admin::delete_group_offsets) |
//! | `deleteConsumerGroups`, `deleteShareGroups`, `deleteStreamsGroups` | [`delete_groups`](Admin::delete_groups) |
//! | `deleteRecords` | [`delete_records`](Admin::delete_records) |
//! | `deleteShareGroupOffsets` | [`delete_share_group_offsets`](Admin::delete_share_group_offsets) |
//! | `deleteTopics` | [`delete_topics`](Admin::delete_topics), [`delete_topics_by_id`](Admin::delete_topics_by_id) |
//! | `describeAcls` | [`describe_acls`](Admin::describe_acls) |
//! | `describeClassicGroups` | [`describe_classic_groups`](Admin::describe_classic_groups) |
//! | `describeClientQuotas` | [`describe_client_quotas`](Admin::describe_client_quotas) |
//! | `describeCluster` | [`describe_cluster`](Admin::describe_cluster) |
//! | `describeConfigs` | [`describe_configs`](Admin::describe_configs) |
//! | `describeConsumerGroups` | [`describe_groups`](Admin::describe_groups) |
//! | `describeDelegationToken` | [`describe_delegation_tokens`](Admin::describe_delegation_tokens) |
//! | `describeFeatures` | [`describe_features`](Admin::describe_features), [`describe_features_of`](Admin::describe_features_of) |
//! | `describeLogDirs` | [`describe_log_dirs`](Admin::describe_log_dirs) |
//! | `describeMetadataQuorum` | [`describe_metadata_quorum`](Admin::describe_metadata_quorum) |
//! | `describeProducers` | [`describe_producers`](Admin::describe_producers), [`describe_producers_at`](Admin::describe_producers_at) |
//! | `describeReplicaLogDirs` | [`describe_replica_log_dirs`](Admin::describe_replica_log_dirs) |
//! | `describeShareGroups` | [`describe_share_groups`](Admin::describe_share_groups) |
//! | `describeStreamsGroups` | [`describe_streams_groups`](Admin::describe_streams_groups) |
//! | `describeTopics` | [`describe_topics`](Admin::describe_topics), [`describe_topics_by_id`](Admin::describe_topics_by_id) |
//! | `describeTransactions` | [`describe_transactions`](Admin::describe_transactions) |
//! | `describeUserScramCredentials` | [`describe_user_scram_credentials`](Admin::describe_user_scram_credentials) |
//! | `electLeaders` | [`elect_leaders`](Admin::elect_leaders) |
//! | `expireDelegationToken` | [`expire_delegation_token`](Admin::expire_delegation_token) |
//! | `fenceProducers` | [`fence_producers`](Admin::fence_producers) |
//! | `forceTerminateTransaction` | [`force_terminate_transaction`](Admin::force_terminate_transaction) |
//! | `incrementalAlterConfigs` | [`incremental_alter_configs`](Admin::incremental_alter_configs), [`validate_alter_configs`](Admin::validate_alter_configs) |
//! | `listClientMetricsResources` | [`list_client_metrics_resources`](Admin::list_client_metrics_resources) |
//! | `listConfigResources` | [`list_config_resources`](Admin::list_config_resources) |
//! | `listConsumerGroupOffsets`, `listStreamsGroupOffsets` | [`list_group_offsets`](Admin::list_group_offsets), [`list_offsets_of_groups`](Admin::list_offsets_of_groups) |
//! | `listGroups`, `listConsumerGroups` | [`list_groups`](Admin::list_groups) |
//! | `listOffsets` | [`list_offsets`](Admin::list_offsets) |
//! | `listPartitionReassignments` | [`list_partition_reassignments`](Admin::list_partition_reassignments) |
//! | `listShareGroupOffsets` | [`list_share_group_offsets`](Admin::list_share_group_offsets) |
//! | `listTopics` | [`list_topics`](Admin::list_topics) |
//! | `listTransactions` | [`list_transactions`](Admin::list_transactions) |
//! | `metrics` | [`metrics`](Admin::metrics) |
//! | `removeMembersFromConsumerGroup` | [`remove_members`](Admin::remove_members), [`remove_all_members`](Admin::remove_all_members) |
//! | `removeRaftVoter` | [`remove_raft_voter`](Admin::remove_raft_voter) |
//! | `renewDelegationToken` | [`renew_delegation_token`](Admin::renew_delegation_token) |
//! | `unregisterBroker` | [`unregister_broker`](Admin::unregister_broker) |
//! | `updateFeatures` | [`update_features`](Admin::update_features), [`validate_update_features`](Admin::validate_update_features) |
//!
//! Streams groups keep their positions as groups of consumers do. `registerMetricForSubscription` has no counterpart: what a
//! program measures of itself is not pushed to brokers.

mod acls;
mod asking;
mod cluster;
mod configs;
mod delegation_tokens;
mod elections;
mod fan_out;
mod features;
mod group_offsets;
mod groups;
mod log_dirs;
mod offsets;
mod options;
mod partitions;
mod producers;
mod quorum;
mod quotas;
mod reassignments;
mod records;
mod replica_log_dirs;
mod scram_credentials;
mod share_group_offsets;
mod share_groups;
mod streams_groups;
mod telemetry;
mod topic_descriptions;
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
pub use configs::{
    AlterConfig, ConfigEntry, ConfigResource, ConfigSource, ConfigSynonym, ConfigType,
};
pub use delegation_tokens::{DelegationToken, KafkaPrincipal, NewDelegationToken, TokenHmac};
pub use elections::ElectionType;
pub use features::{FeatureMetadata, FeatureUpdate, VersionRange};
pub use group_offsets::GroupOffsets;
pub use groups::{
    GroupDescription, GroupListing, GroupState, GroupType, ListGroups, MemberDescription,
    MemberToRemove,
};
pub use log_dirs::{LogDirDescription, ReplicaInfo};
pub use offsets::{ListedOffset, OffsetSpec};
pub use partitions::NewPartitions;
pub use producers::{FencedProducer, ProducerState};
pub use quorum::{QuorumInfo, QuorumNode, QuorumReplica, RaftEndpoint};
pub use quotas::{QuotaEntity, QuotaFilter, QuotaMatch};
pub use reassignments::PartitionReassignment;
pub use records::RecordsToDelete;
pub use replica_log_dirs::{Replica, ReplicaLogDir, ReplicaPlace};
pub use scram_credentials::{
    AlterScramCredential, ScramCredential, ScramCredentialInfo, ScramMechanism,
};
pub use share_group_offsets::{ShareGroupOffset, ShareGroupOffsets};
pub use share_groups::{ShareGroupDescription, ShareMemberDescription};
pub use streams_groups::{
    StreamsAssignment, StreamsGroupDescription, StreamsMemberDescription, StreamsSubtopology,
    StreamsTaskOffset, StreamsTopic,
};
pub use topic_descriptions::{PartitionDescription, TopicDescription, TopicListing};
pub use topics::{CreatedTopic, NewTopic};
pub use transactions::{
    AbortTransaction, ListTransactions, TransactionDescription, TransactionListing,
    TransactionState,
};

use options::Options;

use crate::cluster::Cluster;
use crate::config::{ADMIN_SETTINGS, ClientConfig, RETRIES, Setting, apply};
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
    options: Options,
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
        self.cluster.retry(what, self.limit(), attempt).await
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

    /// `bootstrap.controllers`: speaks to the cluster's controllers instead of its brokers (KIP-919). They serve what is about
    /// the cluster, its quorum, its features, its settings and its ACLs, also while no broker runs; what they do not serve is
    /// [`Error::UnsupportedVersion`](crate::Error::UnsupportedVersion).
    #[must_use]
    pub fn bootstrap_controllers(mut self, controllers: impl AsRef<str>) -> Self {
        self.config.set_bootstrap_controllers(controllers.as_ref());
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
                config
                    .set(key, value)
                    .or_else(|| Setting::find(ADMIN_SETTINGS, config, key, value))
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
            options: Options::default(),
        })
    }
}
