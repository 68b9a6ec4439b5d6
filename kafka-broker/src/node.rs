//! What requests are answered from.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kafka_proto::codec::Encoded;
use kafka_proto::error_code::ErrorCode;
use tokio::sync::Notify;

use crate::apis::Answered;
use crate::authorizer::Authorization;
use crate::client_metrics::{ClientMetrics, ClientMetricsSubscription};
use crate::clock::Clock;
use crate::configs::{Change, Configs, TopicConfig, TopicSettings};
use crate::fetch_sessions::FetchSessions;
use crate::groups::Groups;
use crate::lock::lock;
use crate::nodes::{Endpoint, Nodes};
use crate::producers::ProducerIds;
use crate::quotas::{Quota, QuotaSubject, Quotas};
use crate::refusal::Refusal;
use crate::replicas::{self, Replication};
use crate::security::{DelegationTokens, Principal, SecurityProtocol, Users};
use crate::settings::Settings;
use crate::share::{SharePartitions, ShareSessions};
use crate::topics::{CreatePartitionsError, CreateTopicError, NewTopic, Topic, Topics, random_id};
use crate::transactions::Transactions;

/// What all brokers of a cluster share.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) id: ByteString,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) nodes: Nodes,
    pub(crate) topics: Topics,
    pub(crate) groups: Groups,
    pub(crate) share: SharePartitions,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) transactions: Transactions,
    pub(crate) client_metrics: ClientMetrics,
    pub(crate) users: Users,
    pub(crate) delegation_tokens: DelegationTokens,
    /// Without it everybody may do everything.
    pub(crate) authorization: Option<Authorization>,
    pub(crate) configs: Configs,
    pub(crate) quotas: Quotas,
    /// Tells retention and compaction that they go by other settings now.
    pub(crate) reconfigured: Notify,
    /// Whether who asks for the cluster's metadata is told to bootstrap again.
    pub(crate) sends_away: AtomicBool,
}

impl Cluster {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            id: random_id().to_string().into(),
            clock: Clock::new(settings.start_time),
            nodes: Nodes::default(),
            topics: Topics::default(),
            groups: Groups::new(&settings),
            share: SharePartitions::new(&settings.share_groups),
            producer_ids: ProducerIds::default(),
            transactions: Transactions::new(&settings),
            client_metrics: ClientMetrics::new(settings.telemetry_max_bytes),
            users: Users::new(&settings.security),
            delegation_tokens: DelegationTokens::new(&settings.security),
            authorization: settings.authorizer.clone().map(Authorization::new),
            configs: Configs::new(&settings),
            quotas: Quotas::default(),
            reconfigured: Notify::new(),
            sends_away: AtomicBool::new(false),
            settings,
        }
    }

    /// Creates a topic.
    pub(crate) fn create_topic(&self, wanted: NewTopic) -> Result<Arc<Topic>, CreateTopicError> {
        let settings_of = |config: &TopicConfig| self.settings_of(config);
        let created = self.topics.create(wanted, settings_of, self.placement())?;
        self.reconfigured.notify_one();
        Ok(created)
    }

    /// Gives a topic further partitions, up to `count`.
    pub(crate) fn create_partitions(
        &self,
        topic: &str,
        count: i32,
        replication: &Replication,
    ) -> Result<Arc<Topic>, CreatePartitionsError> {
        self.topics
            .grow(topic, count, replication, self.placement())
    }

    /// Where partitions go: their replicas, and which of them leads.
    fn placement(&self) -> impl Fn(&Replication, i32) -> (Arc<[i32]>, i32) {
        let ids = self.nodes.ids();
        let up: Vec<i32> = self.nodes.up().iter().map(|endpoint| endpoint.id).collect();
        move |replication, partition| {
            let replicas = replication.replicas(&ids, partition);
            let mut those_up = replicas.iter().filter(|id| up.contains(id));
            let leader = those_up.next().copied().unwrap_or(replicas::NO_LEADER);
            (replicas.into(), leader)
        }
    }

    /// What holds for a topic that was given these settings.
    pub(crate) fn settings_of(&self, config: &TopicConfig) -> TopicSettings {
        self.configs.topic_settings(config, self.nodes.only())
    }

    /// Changes the settings of a topic.
    pub(crate) fn alter_topic(
        &self,
        topic: &str,
        change: &Change,
        validate_only: bool,
    ) -> Result<(), Refusal> {
        let alter = |config: &TopicConfig| {
            let altered = config.altered(change)?;
            Ok(if validate_only {
                config.clone()
            } else {
                altered
            })
        };
        let settings_of = |config: &TopicConfig| self.settings_of(config);
        self.topics.alter(topic, alter, settings_of)?;
        self.reconfigured.notify_one();
        Ok(())
    }

    /// Changes the settings of a broker, or of all of them.
    pub(crate) fn alter_broker(
        &self,
        broker: Option<i32>,
        change: &Change,
        validate_only: bool,
    ) -> Result<(), Refusal> {
        self.configs.alter_broker(broker, change, validate_only)?;
        if !validate_only {
            self.topics.settle(|config| self.settings_of(config));
            self.reconfigured.notify_one();
        }
        Ok(())
    }

    /// Changes the settings of a group.
    pub(crate) fn alter_group(
        &self,
        group: &str,
        change: &Change,
        validate_only: bool,
    ) -> Result<(), Refusal> {
        let given = self.configs.alter_group(group, change, validate_only)?;
        if !validate_only {
            self.groups.configure(group, &given);
            self.share.configure(group, given);
        }
        Ok(())
    }

    /// Changes a subscription to clients' metrics.
    pub(crate) fn alter_client_metrics(
        &self,
        name: &str,
        change: &Change,
        validate_only: bool,
    ) -> Result<(), Refusal> {
        let given = self
            .configs
            .alter_client_metrics(name, change, validate_only)?;
        if !validate_only {
            let subscription = ClientMetricsSubscription::given(&given);
            self.client_metrics.set(name, subscription);
        }
        Ok(())
    }

    /// Deletes a topic, and the positions that groups have in it.
    pub(crate) fn delete_topic(&self, topic: &Topic) -> bool {
        let deleted = self.topics.delete(topic);
        if deleted {
            self.groups.forget_topic(&topic.name);
            self.share
                .forget_everywhere(|partition| partition.topic_id == topic.id);
        }
        deleted
    }
}

/// A broker of a cluster.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: i32,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) fetch_sessions: FetchSessions,
    pub(crate) share_sessions: ShareSessions,
    /// How many requests of each API it was sent.
    requests: Mutex<HashMap<i16, u64>>,
}

impl Node {
    pub(crate) fn new(cluster: Arc<Cluster>, id: i32) -> Self {
        Self {
            id,
            fetch_sessions: FetchSessions::new(cluster.settings.fetch_session_slots),
            share_sessions: ShareSessions::new(cluster.settings.share_groups.max_sessions),
            cluster,
            requests: Mutex::default(),
        }
    }

    pub(crate) fn count_request(&self, api_key: i16) {
        *lock(&self.requests).entry(api_key).or_default() += 1;
    }

    pub(crate) fn requests(&self, api_key: i16) -> u64 {
        lock(&self.requests)
            .get(&api_key)
            .copied()
            .unwrap_or_default()
    }
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(crate) struct Client {
    /// Where it is, as Kafka writes it: `/127.0.0.1`.
    pub(crate) host: ByteString,
    /// Which of the listeners it came by.
    pub(crate) listener: usize,
    pub(crate) principal: Principal,
    /// Whether it logged in by a delegation token.
    pub(crate) by_token: bool,
}

impl Client {
    /// What was asked of it.
    pub(crate) fn protocol(&self, cluster: &Cluster) -> SecurityProtocol {
        let listener = cluster.settings.listeners.get(self.listener);
        listener.map_or(SecurityProtocol::Plaintext, |listener| listener.protocol)
    }
}

/// A request's surroundings.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) node: &'a Node,
    pub(crate) version: i16,
    pub(crate) client_id: Option<ByteString>,
    /// Where it comes from, as Kafka writes it: `/127.0.0.1`.
    pub(crate) client_host: ByteString,
    /// Whose it is.
    pub(crate) client: &'a Client,
    /// For how long the client has to wait afterwards, in milliseconds.
    pub(crate) throttle: AtomicU32,
}

impl Call<'_> {
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.node.cluster
    }

    /// A broker, where clients of this listener reach it.
    pub(crate) fn advertised(&self, broker: Endpoint) -> Endpoint {
        broker.at(self.client.listener)
    }

    /// Whose quotas count.
    pub(crate) fn quota_subject(&self) -> QuotaSubject<'_> {
        QuotaSubject {
            user: &self.client.principal.name,
            client_id: self.client_id.as_deref().unwrap_or_default(),
        }
    }

    /// Counts bytes that were written or read.
    pub(crate) fn use_bytes(&self, quota: Quota, bytes: usize) {
        let quotas = &self.cluster().quotas;
        if quotas.is_limiting() {
            let now = self.cluster().clock.now().instant;
            self.throttle(quotas.bytes(quota, self.quota_subject(), bytes, now));
        }
    }

    /// Counts the time since the request was begun with.
    pub(crate) fn use_time(&self, started: Instant) {
        let quotas = &self.cluster().quotas;
        if quotas.is_limiting() {
            let now = self.cluster().clock.now().instant;
            self.throttle(quotas.time(self.quota_subject(), started.elapsed(), now));
        }
    }

    /// What the request leads to.
    pub(crate) fn answered(&self, response: Option<Encoded>) -> Answered {
        let millis = self.throttle.load(Ordering::Relaxed);
        Answered {
            response,
            wait: Duration::from_millis(millis.into()),
        }
    }

    /// Has the client wait, afterwards.
    pub(crate) fn throttle(&self, wait: Duration) {
        let millis = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        self.throttle.fetch_max(millis, Ordering::Relaxed);
    }

    /// For how long it has to wait, as it is told.
    pub(crate) fn throttle_millis(&self) -> i32 {
        i32::try_from(self.throttle.load(Ordering::Relaxed)).unwrap_or(i32::MAX)
    }

    /// Counts partitions that are created or deleted.
    ///
    /// # Errors
    /// THROTTLING_QUOTA_EXCEEDED, where the client understands it.
    pub(crate) fn mutate(&self, partitions: i32, first_strict: i16) -> Result<(), Refusal> {
        let partitions = usize::try_from(partitions).unwrap_or(0);
        let (is_strict, now) = (
            self.version >= first_strict,
            self.cluster().clock.now().instant,
        );
        let quotas = &self.cluster().quotas;
        match quotas.mutation(self.quota_subject(), partitions, is_strict, now) {
            Ok(wait) => {
                self.throttle(wait);
                Ok(())
            }
            Err(wait) => {
                self.throttle(wait);
                Err(Refusal::new(
                    ErrorCode::ThrottlingQuotaExceeded,
                    "The throttling quota has been exceeded.",
                ))
            }
        }
    }

    /// Whether this broker coordinates the group, or the transactions of this transactional id.
    pub(crate) fn check_coordinator(&self, id: &str) -> Result<(), ErrorCode> {
        match self.cluster().nodes.coordinator(id) {
            Some(coordinator) if coordinator.id == self.node.id => Ok(()),
            _ => Err(ErrorCode::NotCoordinator),
        }
    }

    /// Waits for an answer for as long as this broker is the coordinator. Safe to cancel if `answer` is.
    ///
    /// # Errors
    /// NOT_COORDINATOR, at once when another broker is.
    pub(crate) async fn while_coordinator<T>(
        &self,
        id: &str,
        answer: impl Future<Output = T>,
    ) -> Result<T, ErrorCode> {
        let moved = async {
            let mut changes = self.cluster().nodes.changes();
            while self.check_coordinator(id).is_ok() && changes.changed().await.is_ok() {}
        };
        tokio::select! {
            biased;
            answer = answer => Ok(answer),
            () = moved => Err(ErrorCode::NotCoordinator),
        }
    }
}
