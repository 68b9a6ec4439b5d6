//! The way to the brokers: who they are, who leads what, and one connection for each and each kind of request.

mod connections;
mod controllers;
mod coordinators;
mod metadata;
mod recovery;
mod topic_names;
mod upkeep;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use kafka_proto::codec::Request;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::metadata::MetadataRequestTopic;
use kafka_proto::messages::{MetadataRequest, MetadataResponse};
use tokio::task::AbortHandle;

pub(crate) use connections::Lane;
use connections::{BOOTSTRAP, Connections};
use coordinators::Coordinator;
pub(crate) use coordinators::CoordinatorKind;
pub use metadata::BrokerInfo;
pub(crate) use metadata::{Metadata, NewLeader, PartitionInfo};
use recovery::{Ask, Recovery};

use crate::clock::now;
use crate::config::ClientConfig;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::metrics::ClientKind;
use crate::net::{Connection, Throttled};
use crate::retry::Backoff;
use crate::telemetry::Telemetry;
use crate::types::TopicPartition;

/// Whom a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Node {
    /// Whoever is there.
    Any,
    /// All of them in turn, where whoever was asked before could not answer.
    InTurn(usize),
    /// The controller, where the cluster names one.
    Controller,
    /// This broker.
    Broker(i32),
}

/// The client's view of a cluster; a cheap handle.
#[derive(Debug, Clone)]
pub(crate) struct Cluster(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: ClientConfig,
    connections: Connections,
    telemetry: Telemetry,
    metadata: RwLock<Arc<Metadata>>,
    /// Held while the cluster is asked, so that many who want to know ask once.
    asking: tokio::sync::Mutex<()>,
    topics: Mutex<BTreeSet<Arc<str>>>,
    coordinators: Mutex<HashMap<(CoordinatorKind, String), Coordinator>>,
    /// Whether asking for a topic that does not exist may create it, where brokers do that.
    creates_topics: bool,
    /// When the cluster was last looked at.
    seen: Mutex<Option<std::time::Instant>>,
    recovery: Mutex<Recovery>,
    upkeep: OnceLock<AbortHandle>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(upkeep) = self.upkeep.get() {
            upkeep.abort();
        }
    }
}

/// How often the cluster is asked for topics that an answer left out, before that is taken for the answer.
const ASKED_FOR_TOPICS: usize = 3;

impl Cluster {
    /// Learns the cluster from the first bootstrap address that answers.
    ///
    /// # Errors
    /// [`Error::Connect`] names each address and why it was of no use; [`Error::Authentication`] when a broker does not
    /// believe who we are, [`Error::Tls`] when we do not believe who it is; [`Error::Config`] when an address is none.
    pub(crate) async fn connect(config: ClientConfig, client: ClientKind) -> Result<Self> {
        Self::connect_as(config, client, true).await
    }

    /// The same for a client that must not create a topic by asking for it.
    pub(crate) async fn connect_to_look(config: ClientConfig, client: ClientKind) -> Result<Self> {
        Self::connect_as(config, client, false).await
    }

    async fn connect_as(
        mut config: ClientConfig,
        client: ClientKind,
        creates_topics: bool,
    ) -> Result<Self> {
        config.validate()?;
        config.security.resolve()?;
        #[cfg(feature = "tls")]
        config.security.load().await?;
        let telemetry = Telemetry::new(client, &config.client_id);
        let cluster = Self(Arc::new(Inner {
            connections: Connections::new(telemetry.clone()),
            telemetry,
            metadata: RwLock::default(),
            asking: tokio::sync::Mutex::default(),
            topics: Mutex::default(),
            coordinators: Mutex::default(),
            creates_topics,
            seen: Mutex::default(),
            recovery: Mutex::new(Recovery::new(
                config.metadata_recovery,
                config.rebootstrap_trigger,
            )),
            upkeep: OnceLock::new(),
            config,
        }));
        cluster.refresh(0).await?;
        let upkeep = tokio::spawn(upkeep::run(
            Arc::downgrade(&cluster.0),
            cluster.0.connections.lost.clone(),
        ));
        let _ = cluster.0.upkeep.set(upkeep.abort_handle());
        Ok(cluster)
    }

    pub(crate) fn config(&self) -> &ClientConfig {
        &self.0.config
    }

    /// What is told of the client.
    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    /// What is known of the cluster.
    pub(crate) fn metadata(&self) -> Arc<Metadata> {
        self.0
            .metadata
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Which transaction protocol the cluster has switched on, by the last that any broker has said: brokers say it when a
    /// connection is made.
    pub(crate) fn transaction_version(&self) -> i16 {
        self.0.connections.features().transaction_version
    }

    fn topics(&self) -> MutexGuard<'_, BTreeSet<Arc<str>>> {
        self.0.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that these topics matter from now on, and asks about those that nothing is known of. A topic that does not
    /// exist is there with its error.
    ///
    /// # Errors
    /// When no broker could be asked. Cancel-safe.
    pub(crate) async fn add_topics(
        &self,
        topics: impl IntoIterator<Item = Arc<str>>,
    ) -> Result<Arc<Metadata>> {
        let topics: Vec<Arc<str>> = topics.into_iter().collect();
        let mut metadata = self.metadata();
        for _ in 0..ASKED_FOR_TOPICS {
            self.topics().extend(topics.iter().cloned());
            if topics
                .iter()
                .all(|topic| metadata.topics.contains_key(topic))
            {
                break;
            }
            // Somebody may have been asking already, for other topics: then the answer has none of ours.
            metadata = self.refresh(metadata.version).await?;
        }
        Ok(metadata)
    }

    /// Says that topics no longer matter: nothing is known of them any more.
    pub(crate) fn forget_topics<'a>(&self, topics: impl IntoIterator<Item = &'a str>) {
        let mut wanted = self.topics();
        let mut metadata = self
            .0
            .metadata
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for topic in topics {
            wanted.remove(topic);
            if metadata.topics.contains_key(topic) {
                Arc::make_mut(&mut metadata).topics.remove(topic);
            }
        }
    }

    /// A view of the cluster newer than that version; asks for it unless somebody else just did. Tries each broker that is
    /// known, then the bootstrap addresses, once.
    ///
    /// # Errors
    /// [`Error::Connect`] when none could be asked. Cancel-safe.
    pub(crate) async fn refresh(&self, newer_than: u64) -> Result<Arc<Metadata>> {
        let _asking = self.0.asking.lock().await;
        let metadata = self.metadata();
        if metadata.version > newer_than {
            return Ok(metadata);
        }
        let wanted: Vec<MetadataRequestTopic> = self
            .topics()
            .iter()
            .map(|topic| MetadataRequestTopic {
                name: Some((&**topic).into()),
                ..Default::default()
            })
            .collect();
        let answer = self.ask_anyone(&wanted).await?;
        // A leader may have been learnt meanwhile: what is known now goes on, not what was known before.
        let mut metadata = self
            .0
            .metadata
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *metadata);
        *metadata = Arc::new(before.after(answer));
        let changes = self.leader_changes(&before, &metadata);
        tracing::debug!(
            version = metadata.version,
            brokers = metadata.brokers.len(),
            "cluster metadata"
        );
        let latest = metadata.clone();
        drop(metadata);
        *self.seen() = Some(now());
        self.0.connections.leave_bootstrap();
        self.0.telemetry.events.tell_all(|| changes);
        Ok(latest)
    }

    /// Takes over leaders that the old ones named (KIP-951); returns the partitions for which that was news.
    pub(crate) fn learn_leaders(&self, leaders: &[NewLeader]) -> Vec<TopicPartition> {
        if leaders.is_empty() {
            return Vec::new();
        }
        let mut metadata = self
            .0
            .metadata
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Some((next, partitions)) = metadata.after_new_leaders(leaders) else {
            return Vec::new();
        };
        let changes = self.leader_changes(&metadata, &next);
        *metadata = Arc::new(next);
        drop(metadata);
        self.0.telemetry.events.tell_all(|| changes);
        tracing::debug!(?partitions, "leaders have moved");
        partitions
    }

    /// What to tell of leaders that have changed, if somebody wants to know.
    fn leader_changes(&self, before: &Metadata, after: &Metadata) -> Vec<Event> {
        if self.0.telemetry.events.has_readers() {
            before.leader_changes(after)
        } else {
            Vec::new()
        }
    }

    fn seen(&self) -> MutexGuard<'_, Option<std::time::Instant>> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long the cluster was not looked at.
    pub(crate) fn metadata_age(&self) -> Option<Duration> {
        self.seen()
            .map(|seen| now().saturating_duration_since(seen))
    }

    /// Asks brokers about themselves and these topics, one after another until one answers.
    async fn ask_anyone(&self, topics: &[MetadataRequestTopic]) -> Result<MetadataResponse> {
        self.recovery().begin(now());
        let metadata = self.metadata();
        let mut tried = Vec::new();
        let ids = metadata.brokers.keys().copied();
        let mut known = self.0.connections.open_first(ids).into_iter();
        let mut bootstrap = self.0.config.bootstrap_addresses().iter();
        let mut rebootstraps = false;
        loop {
            let ask = match self.recovery().ask(now()) {
                Ask::Known if rebootstraps => Ask::Bootstrap,
                ask => ask,
            };
            let next_bootstrap = match ask {
                Ask::Bootstrap => bootstrap.next(),
                Ask::Known if known.len() == 0 => bootstrap.next(),
                Ask::OnlyKnown if metadata.brokers.is_empty() => bootstrap.next(),
                _ => None,
            };
            let is_bootstrap = next_bootstrap.is_some();
            let (address, connection) = if let Some(address) = next_bootstrap {
                let connections = &self.0.connections;
                let connection = connections.bootstrap(address, &self.0.config).await;
                (address.clone(), connection)
            } else if let Some(broker) = known.next().map(|id| &metadata.brokers[&id]) {
                let connections = &self.0.connections;
                let connection = connections.get(broker, Lane::Main, &self.0.config).await;
                (format!("{}:{}", broker.host, broker.port), connection)
            } else {
                return Err(Error::Connect { tried });
            };
            match self.ask(connection, topics).await {
                Ok(answer) => {
                    self.recovery().answered();
                    if is_bootstrap && !metadata.brokers.is_empty() {
                        let events = &self.0.telemetry.events;
                        events.tell(|| Event::Rebootstrapped { address });
                    }
                    return Ok(answer);
                }
                // The other brokers would say the same, and too many failures may lock an account.
                Err(error @ (Error::Authentication { .. } | Error::Tls { .. })) => {
                    return Err(error);
                }
                Err(error) => {
                    rebootstraps |= matches!(
                        error,
                        Error::Broker {
                            code: ErrorCode::RebootstrapRequired,
                            ..
                        }
                    );
                    tried.push((address, reason(error)));
                }
            }
        }
    }

    fn recovery(&self) -> MutexGuard<'_, Recovery> {
        self.0
            .recovery
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(
        &self,
        connection: Result<Arc<Connection>>,
        topics: &[MetadataRequestTopic],
    ) -> Result<MetadataResponse> {
        let connection = connection?;
        let answer = if self.0.config.bootstrap_controllers.is_empty() {
            let version = connection.version_of::<MetadataRequest>(i16::MAX)?;
            let request = MetadataRequest {
                topics: Some(topics.to_vec()),
                // Before version 4 a request cannot say no.
                allow_auto_topic_creation: self.0.creates_topics || version < 4,
                ..Default::default()
            };
            let limit = self.0.config.request_timeout;
            connection.send(&request, version, limit).await?
        } else {
            self.ask_controller(&connection).await?
        };
        crate::error::check(answer.error_code, || "its metadata".to_owned())?;
        if answer.brokers.is_empty() {
            // It has just started, and its view of the cluster would make us forget ours.
            return Err(Error::Protocol {
                what: "its metadata".to_owned(),
                reason: "lists no broker".to_owned(),
            });
        }
        Ok(answer)
    }

    /// The connection to a broker, which is made if there is none.
    ///
    /// # Errors
    /// [`Error::Disconnected`]; after `socket.connection.setup.timeout.ms` for each address of the broker at the latest.
    pub(crate) async fn connection(&self, node: Node, lane: Lane) -> Result<Arc<Connection>> {
        let metadata = self.metadata();
        let id = match node {
            Node::Broker(id) => id,
            Node::Controller => match metadata
                .controller
                .filter(|id| metadata.brokers.contains_key(id))
            {
                Some(id) => id,
                None => self.anyone(&metadata)?,
            },
            Node::Any => self.anyone(&metadata)?,
            Node::InTurn(attempt) => {
                let mut ids: Vec<i32> = metadata.brokers.keys().copied().collect();
                ids.sort_unstable();
                match ids.is_empty() {
                    true => self.anyone(&metadata)?,
                    false => ids[attempt % ids.len()],
                }
            }
        };
        let broker = metadata
            .brokers
            .get(&id)
            .ok_or_else(|| Error::Disconnected {
                broker: format!("broker {id}"),
                reason: "the cluster does not list it".to_owned(),
            })?;
        self.0.connections.get(broker, lane, &self.0.config).await
    }

    /// A broker, one first to which there is a connection.
    ///
    /// # Errors
    /// [`Error::Connect`] when the cluster lists none.
    pub(crate) fn any_broker(&self) -> Result<i32> {
        self.anyone(&self.metadata())
    }

    fn anyone(&self, metadata: &Metadata) -> Result<i32> {
        let ids = self
            .0
            .connections
            .open_first(metadata.brokers.keys().copied());
        ids.first().copied().ok_or_else(|| Error::Connect {
            tried: vec![(
                BOOTSTRAP.to_owned(),
                "the cluster lists no broker".to_owned(),
            )],
        })
    }

    /// Sends a request made for the version that both sides speak, and waits for at most the request timeout.
    ///
    /// # Errors
    /// As the connection has them. Nothing is tried twice: whether that is right is the caller's to know.
    pub(crate) async fn send<R>(
        &self,
        to: Node,
        lane: Lane,
        make: impl FnOnce(i16) -> R,
    ) -> Result<(R::Response, i16)>
    where
        R: Request,
        R::Response: Throttled,
    {
        self.send_with(to, lane, i16::MAX, self.0.config.request_timeout, make)
            .await
    }

    /// The same with a cap on the version and a timeout of its own, for requests that the broker may sit on.
    pub(crate) async fn send_with<R>(
        &self,
        to: Node,
        lane: Lane,
        max_version: i16,
        limit: Duration,
        make: impl FnOnce(i16) -> R,
    ) -> Result<(R::Response, i16)>
    where
        R: Request,
        R::Response: Throttled,
    {
        let connection = self.connection(to, lane).await?;
        let version = connection.version_of::<R>(max_version)?;
        let answer = connection.send(&make(version), version, limit).await?;
        Ok((answer, version))
    }

    /// Tries until it works, it fails for good, or `limit` is over; in between it waits, and asks about the cluster anew
    /// where the error says that it has changed.
    pub(crate) async fn retry<T, F>(
        &self,
        what: &str,
        limit: Duration,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let config = &self.0.config;
        let mut backoff = Backoff::new(config.retry_backoff, config.retry_backoff_max);
        let end = tokio::time::Instant::now() + limit;
        let mut last = None;
        loop {
            let version = self.metadata().version;
            match tokio::time::timeout_at(end, attempt()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) if error.is_retriable() => {
                    tracing::debug!(what, %error, "trying again");
                    let wait = tokio::time::Instant::now() + backoff.next();
                    if error.refreshes_metadata() && wait < end {
                        let _ = tokio::time::timeout_at(end, self.refresh(version)).await;
                    }
                    last = Some(error);
                    tokio::time::sleep_until(wait.min(end)).await;
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(Error::timeout(what, limit, last)),
            }
            if tokio::time::Instant::now() >= end {
                return Err(Error::timeout(what, limit, last));
            }
        }
    }
}

/// An error without the broker's name, which stands before it already.
fn reason(error: Error) -> String {
    match error {
        Error::Disconnected { reason, .. } => reason,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
