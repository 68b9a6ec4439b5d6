//! What requests are answered from.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;

use crate::authorizer::Authorization;
use crate::client_metrics::ClientMetrics;
use crate::clock::Clock;
use crate::fetch_sessions::FetchSessions;
use crate::groups::Groups;
use crate::lock::lock;
use crate::nodes::{Endpoint, Nodes};
use crate::producers::ProducerIds;
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
            sends_away: AtomicBool::new(false),
            settings,
        }
    }

    /// Creates a topic.
    pub(crate) fn create_topic(&self, wanted: NewTopic) -> Result<Arc<Topic>, CreateTopicError> {
        let leader_of = |partition| self.nodes.leader_of(partition);
        self.topics.create(wanted, &self.settings, leader_of)
    }

    /// Gives a topic further partitions, up to `count`.
    pub(crate) fn create_partitions(
        &self,
        topic: &str,
        count: i32,
    ) -> Result<Arc<Topic>, CreatePartitionsError> {
        let leader_of = |partition| self.nodes.leader_of(partition);
        self.topics.grow(topic, count, &self.settings, leader_of)
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
}

impl Call<'_> {
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.node.cluster
    }

    /// A broker, where clients of this listener reach it.
    pub(crate) fn advertised(&self, broker: Endpoint) -> Endpoint {
        broker.at(self.client.listener)
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
