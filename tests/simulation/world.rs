//! What all that take part share, and how long they go on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::ClientConfig;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::journal::Journal;
use crate::network::Network;
use crate::plan::{Event, Plan, REQUEST_TIMEOUT};
use crate::trace::Trace;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Trouble,
    /// Nothing goes wrong any more, and nothing new is begun.
    Calm,
    /// Everything is read.
    Over,
}

/// What everything that is bounded is given beyond its bound: turns of others, and the network's latency.
const SLACK: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) broker: Arc<Broker>,
    pub(crate) network: Network,
    pub(crate) journal: Arc<Journal>,
    pub(crate) trace: Trace,
    pub(crate) phase: watch::Sender<Phase>,
}

impl World {
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// The settings of a client of this name.
    pub(crate) fn client(&self, name: &str) -> ClientConfig {
        let millis = Duration::from_millis;
        let servers = self.broker.bootstrap_servers();
        // While all brokers are down, their names are still known.
        let servers = if servers.is_empty() {
            "broker:9092"
        } else {
            &servers
        };
        ClientConfig {
            bootstrap_servers: servers.split(',').map(str::to_owned).collect(),
            client_id: name.to_owned(),
            request_timeout: REQUEST_TIMEOUT,
            connection_setup_timeout: millis(1_000),
            metadata_max_age: millis(10_000),
            retry_backoff: millis(50),
            retry_backoff_max: millis(500),
            api_timeout: millis(8_000),
            network: self.network.line(name),
            ..ClientConfig::default()
        }
    }

    /// A client could not be made, which is right only while no broker can be reached.
    pub(crate) async fn unreachable(&self, name: &str, error: &kafka_client::Error) {
        if !matches!(error, kafka_client::Error::Connect { .. }) {
            self.journal
                .wrong(format!("{name} cannot be made: {error}"));
        }
        sleep(Duration::from_millis(200)).await;
    }

    /// Waits for something that says by itself how long it takes. If it takes longer that is wrong, and `None`.
    pub(crate) async fn bounded<T>(
        &self,
        what: impl fmt::Display,
        limit: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let done = timeout(limit + SLACK, future).await.ok();
        if done.is_none() {
            let wrong = format!("{what} was not over after {limit:?}");
            self.trace.note(&wrong);
            self.journal.wrong(wrong);
        }
        done
    }

    /// Brings about what the plan has for the brokers, and sets all right in the end.
    pub(crate) async fn troubles(self: Arc<Self>) {
        let began = tokio::time::Instant::now();
        let mut restarts = tokio::task::JoinSet::new();
        for (at, event) in self.plan.events.clone() {
            tokio::time::sleep_until(began + at).await;
            self.trace.note(format!("{event:?}"));
            match event {
                Event::MoveLeader(topic, partition, node) => {
                    let topic = crate::plan::TOPICS[topic];
                    // The broker may be down.
                    let _ = self.broker.move_leader(topic, partition, node);
                }
                Event::MoveCoordinator(of, node) => {
                    let of = crate::plan::COORDINATED[of];
                    let _ = self.broker.move_coordinator(of, node);
                }
                Event::Restart(node, time) => {
                    let world = self.clone();
                    restarts.spawn(async move {
                        if world.broker.stop_node(node).await.is_ok() {
                            sleep(time).await;
                            let started = world.broker.start_node(node).await;
                            started.expect("a broker that listens nowhere starts");
                        }
                    });
                }
                Event::Isolate(node, time) => self.network.isolate(node, time),
                Event::Mute(node, time) => self.network.mute(node, time),
                Event::Freeze(node, time) => self.network.freeze(node, time),
            }
        }
        tokio::time::sleep_until(began + self.plan.trouble).await;
        restarts.join_all().await;
        self.network.heal();
        self.trace.note("all is well");
        self.phase.send_replace(Phase::Calm);
    }
}
