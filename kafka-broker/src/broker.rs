use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::configs::TopicConfig;
use crate::connection::Transport;
use crate::error::BrokerError;
use crate::groups::ConsumerGroupAssignor;
use crate::listening::{NOWHERE, endpoint, listen, listen_again};
use crate::lock::lock;
use crate::maintenance;
use crate::node::{Cluster, Node};
use crate::nodes::Endpoint;
use crate::replicas::Replication;
use crate::security::{self, Listener, SecurityProtocol};
use crate::server::{self, Entrance};
use crate::settings::Settings;
use crate::topics::NewTopic;
use crate::transactions::TransactionVersion;

/// How long [`Broker::shutdown`] waits at most for connections to end.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// A running broker, or several that make a cluster ([`BrokerBuilder::nodes`]). It serves on the tokio runtime that it
/// was started on, of whichever flavour.
///
/// Dropping it stops it without waiting: its tasks end, its ports are free shortly after.
#[derive(Debug)]
pub struct Broker {
    pub(crate) cluster: Arc<Cluster>,
    /// By the ids of the brokers, which count from 1, one for each listener; unspecified where they listen nowhere.
    addresses: BTreeMap<i32, Vec<SocketAddr>>,
    servers: Mutex<BTreeMap<i32, Server>>,
    timers: JoinHandle<()>,
}

/// One broker that is up.
#[derive(Debug)]
struct Server {
    node: Arc<Node>,
    task: JoinHandle<()>,
    connections: mpsc::UnboundedSender<Box<dyn Transport>>,
    stop: oneshot::Sender<()>,
}

impl Server {
    fn start(listeners: Vec<TcpListener>, node: Arc<Node>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (connections, handed) = mpsc::unbounded_channel();
        let entrance = Entrance {
            listeners,
            handed,
            stop: stopped,
        };
        Self {
            task: tokio::spawn(server::run(entrance, Arc::clone(&node))),
            node,
            connections,
            stop,
        }
    }

    /// Ends it and its connections. The node may be started again.
    async fn stop(self) -> Arc<Node> {
        drop(self.stop);
        if tokio::time::timeout(SHUTDOWN, self.task).await.is_err() {
            tracing::warn!("connections did not end within {} s", SHUTDOWN.as_secs());
        }
        self.node
    }
}

impl Broker {
    /// Settings for a broker, with the defaults of an embedded one: a free port on the loopback interface, and
    /// otherwise Kafka's own.
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder {
            host: "127.0.0.1".to_owned(),
            port: 0,
            advertised_host: None,
            nodes: 1,
            racks: Vec::new(),
            settings: Settings::default(),
        }
    }

    /// Where clients reach it: `host:port`, for the setting `bootstrap.servers`. Several brokers that are up are
    /// separated by commas. Of several listeners it is the first.
    pub fn bootstrap_servers(&self) -> String {
        self.bootstrap_servers_at(0)
    }

    /// Where clients of one of several listeners reach it.
    ///
    /// # Errors
    /// [`BrokerError::NoSuchListener`].
    pub fn bootstrap_servers_of(&self, listener: &str) -> Result<String, BrokerError> {
        Ok(self.bootstrap_servers_at(self.listener(listener)?))
    }

    fn bootstrap_servers_at(&self, listener: usize) -> String {
        let addresses = self.cluster.nodes.up().into_iter().map(|endpoint| {
            let Endpoint { host, port, .. } = endpoint.at(listener);
            if host.contains(':') {
                format!("[{host}]:{port}")
            } else {
                format!("{host}:{port}")
            }
        });
        addresses.collect::<Vec<_>>().join(",")
    }

    /// The names of the listeners.
    pub fn listeners(&self) -> impl Iterator<Item = &str> {
        let listeners = self.cluster.settings.listeners.iter();
        listeners.map(|listener| listener.name.as_str())
    }

    /// The number of a listener.
    fn listener(&self, name: &str) -> Result<usize, BrokerError> {
        self.listeners()
            .position(|listener| listener == name)
            .ok_or_else(|| BrokerError::NoSuchListener {
                listener: name.to_owned(),
            })
    }

    /// The address that it listens on; the first listener's of the first broker, if there are several. `0.0.0.0:0` if it
    /// listens on none.
    pub fn local_addr(&self) -> SocketAddr {
        self.node_addr(FIRST).unwrap_or(NOWHERE)
    }

    /// The address that a listener of one of several brokers listens on. `0.0.0.0:0` if it listens on none.
    ///
    /// # Errors
    /// [`BrokerError::NoSuchNode`] and [`BrokerError::NoSuchListener`].
    pub fn listener_addr(&self, node: i32, listener: &str) -> Result<SocketAddr, BrokerError> {
        let addresses = self.addresses.get(&node);
        let addresses = addresses.ok_or(BrokerError::NoSuchNode { node })?;
        let number = self.listener(listener)?;
        Ok(addresses.get(number).copied().unwrap_or(NOWHERE))
    }

    /// The address that one of several brokers listens on; they count from 1. `0.0.0.0:0` if they listen on none.
    pub fn node_addr(&self, node: i32) -> Option<SocketAddr> {
        let addresses = self.addresses.get(&node)?;
        addresses.first().copied()
    }

    /// How many requests of an API (by its key, as 1 for Fetch) a broker was sent since it was started; 0 if it is down.
    pub fn requests(&self, node: i32, api_key: i16) -> u64 {
        let servers = lock(&self.servers);
        servers
            .get(&node)
            .map_or(0, |server| server.node.requests(api_key))
    }

    /// Stops one of several brokers, as if it was killed: its connections end, its port is closed, and what it led and
    /// coordinated goes to the others.
    ///
    /// Takes 5 seconds at most, and normally no time. Not safe to cancel: it may then still be there.
    ///
    /// # Errors
    /// [`BrokerError::NoSuchNode`] if it is not there, or down already.
    pub async fn stop_node(&self, node: i32) -> Result<(), BrokerError> {
        let server = lock(&self.servers).remove(&node);
        let server = server.ok_or(BrokerError::NoSuchNode { node })?;
        self.cluster.nodes.set_up(node, false);
        self.lead_elsewhere(node);
        server.stop().await;
        Ok(())
    }

    /// Starts a broker again that was stopped, on its old port. It leads nothing at first.
    ///
    /// # Errors
    /// [`BrokerError::NoSuchNode`] if there never was such a broker, [`BrokerError::Listen`] if its port was taken
    /// meanwhile.
    pub async fn start_node(&self, node: i32) -> Result<(), BrokerError> {
        let addresses = self.addresses.get(&node);
        let addresses = addresses.ok_or(BrokerError::NoSuchNode { node })?;
        if lock(&self.servers).contains_key(&node) {
            return Ok(());
        }
        let listeners = listen_again(addresses).await?;
        let restarted = Arc::new(Node::new(Arc::clone(&self.cluster), node));
        lock(&self.servers).insert(node, Server::start(listeners, restarted));
        self.cluster.nodes.set_up(node, true);
        self.lead_again(node);
        Ok(())
    }

    /// Serves a connection that was made otherwise than by TCP, as one of the brokers: over a pipe in memory, a Unix
    /// socket, a network that a test makes up. It is served until either side ends it.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let broker = kafka_broker::Broker::builder().start_without_listener();
    /// let (ours, theirs) = tokio::io::duplex(4096);
    /// broker.serve(1, theirs)?;
    /// # drop(ours);
    /// # Ok::<(), kafka_broker::BrokerError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`BrokerError::NoSuchNode`] if the broker is not there, or is down.
    pub fn serve(
        &self,
        node: i32,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<(), BrokerError> {
        let servers = lock(&self.servers);
        let server = servers.get(&node).ok_or(BrokerError::NoSuchNode { node })?;
        let sent = server.connections.send(Box::new(stream));
        sent.map_err(|_| BrokerError::NoSuchNode { node })
    }

    /// Creates a topic, without a client.
    ///
    /// # Errors
    /// [`BrokerError::CreateTopic`] if the name is invalid or taken, or the number of partitions is not positive.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), BrokerError> {
        let wanted = NewTopic {
            name: name.into(),
            partitions,
            config: TopicConfig::default(),
            replication: Replication::All,
        };
        match self.cluster.create_topic(wanted) {
            Ok(_) => Ok(()),
            Err(error) => Err(BrokerError::CreateTopic {
                topic: name.to_owned(),
                error: error.code(),
                reason: error.to_string(),
            }),
        }
    }

    /// Gives a topic further partitions, up to `count`, without a client.
    ///
    /// # Errors
    /// [`BrokerError::CreatePartitions`] if there is no such topic, or it has that many or more already.
    pub fn create_partitions(&self, topic: &str, count: i32) -> Result<(), BrokerError> {
        match self
            .cluster
            .create_partitions(topic, count, &Replication::All)
        {
            Ok(_) => Ok(()),
            Err(error) => Err(BrokerError::CreatePartitions {
                topic: topic.to_owned(),
                error: error.code(),
                reason: error.to_string(),
            }),
        }
    }

    /// Stops it: no connection is accepted any more, those that there are end, also those that wait in a long poll.
    ///
    /// Takes 5 seconds at most, and normally no time. Safe to cancel: the broker stops all the same.
    pub async fn shutdown(self) {
        let servers = std::mem::take(&mut *lock(&self.servers));
        let stopping: JoinSet<_> = servers.into_values().map(Server::stop).collect();
        stopping.join_all().await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.timers.abort();
        for server in lock(&self.servers).values() {
            server.task.abort();
        }
    }
}

/// The id of the first broker.
const FIRST: i32 = 1;

/// Settings for a [`Broker`].
#[derive(Debug, Clone)]
pub struct BrokerBuilder {
    host: String,
    port: u16,
    advertised_host: Option<String>,
    nodes: usize,
    racks: Vec<String>,
    pub(crate) settings: Settings,
}

impl BrokerBuilder {
    /// The host name or address to listen on. Anything but the loopback interface (the default is 127.0.0.1) lets
    /// others in, and this listener asks nobody who they are: see [`listener`](Self::listener).
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The port to listen on; 0, the default, takes a free one. Further brokers listen on the ports after it.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The host that clients are told to connect to (Kafka's `advertised.listeners`). By default the address that is
    /// listened on, and the loopback address if that is all of them.
    #[must_use]
    pub fn advertised_host(mut self, host: impl Into<String>) -> Self {
        self.advertised_host = Some(host.into());
        self
    }

    /// How many brokers there are (1), with ids from 1 on. Partitions and groups are shared out among them; each has all
    /// the records, so that another can lead, or be read from, at any time.
    #[must_use]
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes.max(1);
        self
    }

    /// As many brokers, each in a rack (`broker.rack`): a reader that says where it stands (`client.rack`) is sent to a
    /// broker in the same rack, as by Kafka's `RackAwareReplicaSelector`.
    #[must_use]
    pub fn racks<R: Into<String>>(mut self, racks: impl IntoIterator<Item = R>) -> Self {
        self.racks = racks.into_iter().map(Into::into).collect();
        self.nodes = self.racks.len().max(1);
        self
    }

    /// How many fetch sessions a broker remembers (`max.incremental.fetch.session.cache.slots`, 1000); readers beyond
    /// that say in each request all that they want.
    #[must_use]
    pub fn fetch_session_slots(mut self, slots: usize) -> Self {
        self.settings.fetch_session_slots = slots;
        self
    }

    /// Partitions of a topic that is created without saying how many (`num.partitions`, 1).
    #[must_use]
    pub fn default_partitions(mut self, partitions: i32) -> Self {
        self.settings.num_partitions = partitions;
        self
    }

    /// Whether topics that a client asks for come into being (`auto.create.topics.enable`, true).
    #[must_use]
    pub fn auto_create_topics(mut self, enable: bool) -> Self {
        self.settings.auto_create_topics = enable;
        self
    }

    /// How long a new group waits for more members before its first generation (`group.initial.rebalance.delay.ms`,
    /// here 0; Kafka's default is 3 s).
    #[must_use]
    pub fn group_initial_rebalance_delay(mut self, delay: Duration) -> Self {
        self.settings.group_initial_rebalance_delay = delay;
        self
    }

    /// The shortest session timeout that a member of a group may ask for (`group.min.session.timeout.ms`, 6 s).
    #[must_use]
    pub fn group_min_session_timeout(mut self, timeout: Duration) -> Self {
        self.settings.group_min_session_timeout = timeout;
        self
    }

    /// How often members of groups of the consumer protocol (KIP-848) are to be heard of
    /// (`group.consumer.heartbeat.interval.ms`, 5 s).
    #[must_use]
    pub fn consumer_group_heartbeat_interval(mut self, interval: Duration) -> Self {
        self.settings.consumer_groups.heartbeat_interval = interval;
        self
    }

    /// When members of groups of the consumer protocol that are not heard of count as gone
    /// (`group.consumer.session.timeout.ms`, 45 s).
    #[must_use]
    pub fn consumer_group_session_timeout(mut self, timeout: Duration) -> Self {
        self.settings.consumer_groups.session_timeout = timeout;
        self
    }

    /// How long a target assignment of a group of the consumer protocol stands at least before there is another
    /// (`group.consumer.assignment.interval.ms`, here 0; Kafka's default is 1 s).
    #[must_use]
    pub fn consumer_group_assignment_interval(mut self, interval: Duration) -> Self {
        self.settings.consumer_groups.assignment_interval = interval;
        self
    }

    /// How many members a group of the consumer protocol may have (`group.consumer.max.size`; by default there is no
    /// limit).
    #[must_use]
    pub fn consumer_group_max_size(mut self, members: usize) -> Self {
        self.settings.consumer_groups.max_size = members;
        self
    }

    /// The assignors that members of groups of the consumer protocol may ask for (`group.consumer.assignors`, uniform and
    /// range); the first one is for those that ask for none. Without any they stay as they were.
    #[must_use]
    pub fn consumer_group_assignors(
        mut self,
        assignors: impl IntoIterator<Item = ConsumerGroupAssignor>,
    ) -> Self {
        let assignors: Vec<_> = assignors.into_iter().collect();
        if !assignors.is_empty() {
            self.settings.consumer_groups.assignors = assignors;
        }
        self
    }

    /// The largest record batch that is taken, in bytes (`message.max.bytes`, 1,048,588); a topic's `max.message.bytes`
    /// goes before it.
    #[must_use]
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_message_bytes = bytes;
        self
    }

    /// The largest request that is read, in bytes (`socket.request.max.bytes`, 100 MiB); a larger one closes its
    /// connection.
    #[must_use]
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_request_bytes = bytes;
        self
    }

    /// How many bytes a partition keeps at least before its oldest records go (`log.retention.bytes`; by default all
    /// are kept). Records go in segments of about 4 MiB. A topic's `retention.bytes` goes before it.
    #[must_use]
    pub fn retention_bytes(mut self, bytes: u64) -> Self {
        self.settings.retention_bytes = Some(bytes);
        self
    }

    /// How often segments are looked for that are older than their topic keeps (`log.retention.check.interval.ms`, 5
    /// minutes). By size they go at once.
    #[must_use]
    pub fn log_retention_check_interval(mut self, interval: Duration) -> Self {
        self.settings.log_retention_check_interval = interval;
        self
    }

    /// How often compaction looks for something to do (`log.cleaner.backoff.ms`, 15 s).
    #[must_use]
    pub fn log_cleaner_backoff(mut self, backoff: Duration) -> Self {
        self.settings.log_cleaner_backoff = backoff;
        self
    }

    /// Which protocol for transactions clients find finalized (the feature `transaction.version`, 2).
    #[must_use]
    pub fn transaction_version(mut self, version: TransactionVersion) -> Self {
        self.settings.transaction_version = version;
        self
    }

    /// The longest transaction timeout that a producer may ask for (`transaction.max.timeout.ms`, 15 minutes).
    #[must_use]
    pub fn transaction_max_timeout(mut self, timeout: Duration) -> Self {
        self.settings.transaction_max_timeout = timeout;
        self
    }

    /// How long after its end a transaction is still seen as open (here 0; no setting of Kafka, where it depends on the
    /// brokers). As long as it takes, producers meet CONCURRENT_TRANSACTIONS and consumers UNSTABLE_OFFSET_COMMIT.
    #[must_use]
    pub fn transaction_marker_delay(mut self, delay: Duration) -> Self {
        self.settings.transaction_marker_delay = delay;
        self
    }

    /// What time it is when the brokers start (by default the system's). From then on it goes by tokio's clock, so that a
    /// test that holds that clock has the same timestamps each time.
    #[must_use]
    pub fn start_time(mut self, time: SystemTime) -> Self {
        self.settings.start_time = Some(time);
        self
    }

    /// Starts to listen and to serve.
    ///
    /// # Errors
    /// [`BrokerError::Listen`] if an address cannot be listened on, [`BrokerError::Listeners`] if the listeners make no
    /// sense, `BrokerError::Tls` if certificates do not.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time.
    pub async fn start(mut self) -> Result<Broker, BrokerError> {
        self.name_listeners();
        security::check_listeners(&self.settings.listeners)?;
        #[cfg(feature = "tls")]
        self.load_certificates()?;
        let mut listening = Vec::new();
        for index in 0..self.nodes {
            listening.push(listen(&self.settings.listeners, index).await?);
        }
        Ok(self.run(listening))
    }

    /// Starts to serve without listening anywhere: connections are handed to [`Broker::serve`]. Clients are told the host
    /// and port that are set, by default `broker:9092`, and the ports after it for further brokers.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time.
    pub fn start_without_listener(mut self) -> Broker {
        self.name_listeners();
        let nowhere = vec![NOWHERE; self.settings.listeners.len()];
        let listening = (0..self.nodes).map(|_| (nowhere.clone(), Vec::new()));
        let listening = listening.collect();
        self.run(listening)
    }

    /// Without listeners of its own it has the one that is meant by host and port.
    fn name_listeners(&mut self) {
        if self.settings.listeners.is_empty() {
            let protocol = SecurityProtocol::Plaintext;
            let mut only = Listener::new(protocol.name(), protocol)
                .host(&*self.host)
                .port(self.port);
            only.advertised_host = self.advertised_host.take();
            self.settings.listeners.push(only);
        }
    }

    /// Has the brokers serve, each at its addresses.
    fn run(self, listening: Vec<(Vec<SocketAddr>, Vec<TcpListener>)>) -> Broker {
        let cluster = Arc::new(Cluster::new(self.settings));
        let (mut addresses, mut servers) = (BTreeMap::new(), BTreeMap::new());
        for ((index, id), (bound, listeners)) in (0..).zip(FIRST..).zip(listening) {
            let rack = self.racks.get(index).map(|rack| rack.as_str().into());
            let named = &cluster.settings.listeners;
            cluster.nodes.add(endpoint(id, index, rack, named, &bound));
            let node = Arc::new(Node::new(Arc::clone(&cluster), id));
            addresses.insert(id, bound);
            servers.insert(id, Server::start(listeners, node));
        }
        let timed = Arc::clone(&cluster);
        Broker {
            addresses,
            servers: Mutex::new(servers),
            timers: tokio::spawn(async move {
                let transactions = timed.transactions.run_timers(&timed);
                let share = timed.share.run_timers(&timed.clock);
                let maintenance = maintenance::run(&timed);
                tokio::join!(timed.groups.run_timers(), share, transactions, maintenance);
            }),
            cluster,
        }
    }
}
