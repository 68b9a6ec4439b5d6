//! What a client tells of itself: measures and events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::now;
use crate::events::{Event, Events};
use crate::metrics::{ClientKind, NodeMeters, Registry};

/// What a client tells of itself; a cheap handle.
#[derive(Debug, Clone)]
pub(crate) struct Telemetry {
    pub(crate) metrics: Arc<Registry>,
    pub(crate) events: Events,
}

impl Telemetry {
    pub(crate) fn new(client: ClientKind, client_id: &str) -> Self {
        Self {
            metrics: Arc::new(Registry::new(client, client_id)),
            events: Events::default(),
        }
    }

    /// What is told of a broker; without an id, of a bootstrap address.
    pub(crate) fn peer(&self, id: Option<i32>, host: &str, port: u16) -> PeerTelemetry {
        PeerTelemetry {
            id,
            address: format!("{host}:{port}").into(),
            meters: self.metrics.network.node(id),
            telemetry: self.clone(),
        }
    }
}

/// What is told of the broker at the other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct PeerTelemetry {
    id: Option<i32>,
    address: Arc<str>,
    meters: Arc<NodeMeters>,
    telemetry: Telemetry,
}

impl PeerTelemetry {
    /// The broker's name or address, without the port.
    pub(crate) fn host(&self) -> &str {
        let host = self.address.rsplit_once(':');
        host.map_or(&*self.address, |(host, _)| host)
    }

    /// What the client measures that has the connection.
    #[cfg(test)]
    pub(crate) fn metrics(&self) -> crate::metrics::Metrics {
        self.telemetry.metrics.report().finish()
    }

    pub(crate) fn connected(&self) {
        let metrics = &self.telemetry.metrics;
        metrics.network.connected(metrics.moment());
        self.telemetry.events.tell(|| Event::BrokerConnected {
            broker: self.id,
            address: self.address.clone(),
        });
    }

    pub(crate) fn disconnected(&self, reason: &str) {
        let metrics = &self.telemetry.metrics;
        metrics.network.disconnected(metrics.moment());
        self.telemetry.events.tell(|| Event::BrokerDisconnected {
            broker: self.id,
            address: self.address.clone(),
            reason: reason.to_owned(),
        });
    }

    pub(crate) fn unreachable(&self, error: &crate::Error) {
        self.telemetry.events.tell(|| Event::BrokerUnreachable {
            broker: self.id,
            address: self.address.clone(),
            error: error.clone(),
        });
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tell(&self, event: Event) {
        self.telemetry.events.tell(|| event);
    }

    /// A connection was authenticated, for a time or for good, or was not.
    pub(crate) fn authenticated(&self, outcome: &crate::Result<Option<Duration>>) {
        let metrics = &self.telemetry.metrics;
        let authentication = &metrics.network.authentication;
        authentication.authenticated(outcome, metrics.moment());
    }

    /// A session was renewed, which was begun then, or was not.
    pub(crate) fn renewed<T>(&self, outcome: &crate::Result<T>, since: Instant) {
        let metrics = &self.telemetry.metrics;
        let now = now();
        let after = now.saturating_duration_since(since);
        let authentication = &metrics.network.authentication;
        authentication.renewed(outcome, after, metrics.moment_of(now));
    }

    pub(crate) fn throttles(&self, api: &'static str, quiet: Duration) {
        self.telemetry.events.tell(|| Event::Throttled {
            broker: self.id,
            api,
            quiet,
        });
    }

    /// A request of so many bytes goes out.
    pub(crate) fn sent(&self, bytes: usize, is_answered: bool) {
        let moment = self.telemetry.metrics.moment_of(now());
        self.meters.sent(bytes, is_answered, moment);
    }

    /// An answer of so many bytes has come.
    pub(crate) fn received(&self, bytes: usize) {
        let moment = self.telemetry.metrics.moment_of(now());
        self.meters.received(bytes, moment);
    }

    /// So many requests will not be answered any more.
    pub(crate) fn lost(&self, requests: usize) {
        self.meters.lost(requests);
    }
}
