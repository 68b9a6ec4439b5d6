use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::BrokerError;
use crate::node::{Cluster, Node};
use crate::server;
use crate::settings::Settings;
use crate::topic_config::TopicConfig;
use crate::topics::NewTopic;
use crate::transactions::TransactionVersion;

/// How long [`Broker::shutdown`] waits at most for connections to end.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// A running broker. It serves on the tokio runtime that it was started on, of whichever flavour.
///
/// Dropping it stops it without waiting: its tasks end, its port is free shortly after.
#[derive(Debug)]
pub struct Broker {
    address: SocketAddr,
    node: Arc<Node>,
    server: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Broker {
    /// Settings for a broker, with the defaults of an embedded one: a free port on the loopback interface, and
    /// otherwise Kafka's own.
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder {
            host: "127.0.0.1".to_owned(),
            port: 0,
            advertised_host: None,
            settings: Settings::default(),
        }
    }

    /// Where clients reach it: `host:port`, for the setting `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        let host = &self.node.host;
        if host.contains(':') {
            format!("[{host}]:{}", self.node.port)
        } else {
            format!("{host}:{}", self.node.port)
        }
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
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
        };
        match self.node.cluster.create_topic(wanted) {
            Ok(_) => Ok(()),
            Err(error) => Err(BrokerError::CreateTopic {
                topic: name.to_owned(),
                error: error.code(),
                reason: error.to_string(),
            }),
        }
    }

    /// Stops it: no connection is accepted any more, those that there are end, also those that wait in a long poll.
    ///
    /// Takes 5 seconds at most, and normally no time. Safe to cancel: the broker stops all the same.
    pub async fn shutdown(mut self) {
        self.stop.take();
        if tokio::time::timeout(SHUTDOWN, &mut self.server)
            .await
            .is_err()
        {
            tracing::warn!("connections did not end within {} s", SHUTDOWN.as_secs());
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Settings for a [`Broker`].
#[derive(Debug, Clone)]
pub struct BrokerBuilder {
    host: String,
    port: u16,
    advertised_host: Option<String>,
    settings: Settings,
}

impl BrokerBuilder {
    /// The host name or address to listen on. Anything but the loopback interface (the default is 127.0.0.1) lets
    /// others in: there is no authentication.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// The port to listen on; 0, the default, takes a free one.
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

    /// Starts to listen and to serve.
    ///
    /// # Errors
    /// [`BrokerError::Listen`] if the address cannot be listened on.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time.
    pub async fn start(self) -> Result<Broker, BrokerError> {
        let cannot_listen = |source| BrokerError::Listen {
            host: self.host.clone(),
            port: self.port,
            source,
        };
        let listener = TcpListener::bind((self.host.as_str(), self.port))
            .await
            .map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let node = Arc::new(Node {
            id: 1,
            host: self
                .advertised_host
                .unwrap_or_else(|| reachable(address.ip()).to_string())
                .into(),
            port: address.port(),
            cluster: Arc::new(Cluster::new(self.settings)),
        });
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(server::run(listener, Arc::clone(&node), stopped));
        Ok(Broker {
            address,
            node,
            server,
            stop: Some(stop),
        })
    }
}

/// An address to reach from this machine what listens on `ip`.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}
