//! One connection for each broker and each kind of request, made when it is first needed and again after it was lost.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::cluster::metadata::BrokerInfo;
use crate::config::ClientConfig;
use crate::error::{Error, Result};
use crate::net::{Connection, Features};
use crate::retry::{Backoff, growing_limit};
use crate::telemetry::Telemetry;

/// What a connection is for. A broker answers in order, so that whatever it may sit on needs a connection of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// What is answered at once.
    Main,
    /// Fetches, which wait for records.
    Fetch,
    /// Joining a group, which waits for its other members.
    Coordination,
}

/// What bootstrap connections are called in errors.
pub(super) const BOOTSTRAP: &str = "bootstrap";

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Bootstrap(String),
    Broker(i32, Lane),
}

impl Key {
    /// The broker's id; nobody knows that of a bootstrap address.
    fn broker(&self) -> Option<i32> {
        match self {
            Self::Bootstrap(_) => None,
            Self::Broker(id, _) => Some(*id),
        }
    }
}

/// The place of a connection.
#[derive(Debug, Default)]
struct Slot {
    /// Locked while a connection is being made, so that it is made once.
    place: tokio::sync::Mutex<Place>,
    /// Counts the attempts that failed. Who waited for one of them shares its fate: if each tried for itself, the last in
    /// the queue would wait for as many timeouts.
    failures: AtomicU64,
}

#[derive(Debug, Default)]
struct Place {
    /// The broker's name, with the address, and the connection to it.
    connection: Option<(String, Arc<Connection>)>,
    failure: Option<Error>,
    /// Not to be tried before, after it failed.
    not_before: Option<Instant>,
    backoff: Option<Backoff>,
    /// How many attempts have failed in a row.
    failures: u32,
}

impl Place {
    fn open_to(&self, name: &str) -> Option<&Arc<Connection>> {
        let (of, connection) = self.connection.as_ref()?;
        (of == name && !connection.is_closed()).then_some(connection)
    }
}

/// The connections that there are.
#[derive(Debug)]
pub(super) struct Connections {
    slots: Mutex<BTreeMap<Key, Arc<Slot>>>,
    /// The latest that any broker has said of the cluster's features.
    features: Mutex<Features>,
    /// Told when a connection turns out to be lost: the cluster may have changed.
    pub(super) lost: Arc<Notify>,
    telemetry: Telemetry,
}

impl Connections {
    pub(super) fn new(telemetry: Telemetry) -> Self {
        Self {
            slots: Mutex::default(),
            features: Mutex::new(Features::UNKNOWN),
            lost: Arc::default(),
            telemetry,
        }
    }

    /// The latest that any broker has said of the cluster's features.
    pub(super) fn features(&self) -> Features {
        *self.features.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, features: Features) {
        let mut known = self.features.lock().unwrap_or_else(PoisonError::into_inner);
        *known = known.latest(features);
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to a broker. A broker is known by its id: when it moves, the next connection is to its new address.
    pub(super) async fn get(
        &self,
        broker: &BrokerInfo,
        lane: Lane,
        config: &ClientConfig,
    ) -> Result<Arc<Connection>> {
        let name = format!("broker {} ({}:{})", broker.id, broker.host, broker.port);
        self.open(
            Key::Broker(broker.id, lane),
            name,
            &broker.host,
            broker.port,
            config,
        )
        .await
    }

    /// A connection to a bootstrap address that was checked to be one.
    pub(super) async fn bootstrap(
        &self,
        address: &str,
        config: &ClientConfig,
    ) -> Result<Arc<Connection>> {
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let port = port.parse().unwrap_or_default();
        self.open(
            Key::Bootstrap(address.to_owned()),
            address.to_owned(),
            host,
            port,
            config,
        )
        .await
    }

    async fn open(
        &self,
        key: Key,
        name: String,
        host: &str,
        port: u16,
        config: &ClientConfig,
    ) -> Result<Arc<Connection>> {
        let broker = key.broker();
        let slot = self.slots().entry(key).or_default().clone();
        let failures = slot.failures.load(Ordering::Acquire);
        let mut place = slot.place.lock().await;
        if let Some(connection) = place.open_to(&name) {
            return Ok(connection.clone());
        }
        if slot.failures.load(Ordering::Acquire) != failures
            && let Some(failure) = &place.failure
        {
            return Err(failure.clone());
        }
        if place.connection.take().is_some() {
            self.lost.notify_one();
        }
        if let Some(not_before) = place.not_before {
            tokio::time::sleep_until(not_before).await;
        }
        let patient = ClientConfig {
            connection_setup_timeout: growing_limit(
                config.connection_setup_timeout,
                config.connection_setup_timeout_max,
                place.failures,
            ),
            ..config.clone()
        };
        let peer = self.telemetry.peer(broker, host, port);
        match Connection::open(name.clone(), host, port, &patient, &peer).await {
            Ok(connection) => {
                self.learn(connection.features());
                let connection = Arc::new(connection);
                *place = Place {
                    connection: Some((name, connection.clone())),
                    ..Place::default()
                };
                Ok(connection)
            }
            Err(error) => {
                let backoff = place.backoff.get_or_insert_with(|| {
                    Backoff::new(config.reconnect_backoff, config.reconnect_backoff_max)
                });
                peer.unreachable(&error);
                let wait = backoff.next();
                place.not_before = Some(Instant::now() + wait);
                place.failure = Some(error.clone());
                place.failures += 1;
                slot.failures.fetch_add(1, Ordering::Release);
                Err(error)
            }
        }
    }

    /// Ends the connections to bootstrap addresses, for the brokers themselves are known now.
    pub(super) fn leave_bootstrap(&self) {
        self.slots()
            .retain(|key, _| !matches!(key, Key::Bootstrap(_)));
    }

    /// Closes the connections that were not used for so long. Nobody notices: they are made anew when they are needed.
    /// Returns when the next one may be due.
    pub(super) fn close_idle(&self, max_idle: Duration) -> Instant {
        let now = Instant::now();
        let mut next = now + max_idle;
        for slot in self.slots().values() {
            // Whoever holds it makes a connection, or is about to use the one that there is.
            let Ok(mut place) = slot.place.try_lock() else {
                continue;
            };
            let Some((name, connection)) = &place.connection else {
                continue;
            };
            // A handle elsewhere belongs to somebody who is about to use it.
            let is_used = Arc::strong_count(connection) > 1;
            let since = connection.idle_since().filter(|_| !is_used);
            match since.map(|since| Instant::from_std(since) + max_idle) {
                Some(due) if due <= now => {
                    tracing::debug!(broker = name, "idle connection closed");
                    place.connection = None;
                }
                Some(due) => next = next.min(due),
                None => {}
            }
        }
        next
    }

    /// The brokers, those first to which there is a connection; the others in an order that spreads the load.
    pub(super) fn open_first(&self, brokers: impl Iterator<Item = i32>) -> Vec<i32> {
        let mut brokers: Vec<i32> = brokers.collect();
        fastrand::shuffle(&mut brokers);
        let slots = self.slots();
        let is_open = |id: &i32| {
            let slot = slots.get(&Key::Broker(*id, Lane::Main));
            slot.and_then(|slot| slot.place.try_lock().ok())
                .is_some_and(|place| {
                    place
                        .connection
                        .as_ref()
                        .is_some_and(|(_, connection)| !connection.is_closed())
                })
        };
        brokers.sort_by_cached_key(|id| !is_open(id));
        brokers
    }
}
