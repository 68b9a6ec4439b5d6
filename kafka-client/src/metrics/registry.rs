//! What is measured of one client, beside what its producer or consumer measures.

use std::time::Instant;

use super::meter::Moment;
use super::network::NetworkMeters;
use super::snapshot::Report;
use crate::clock::now;

/// Which client it is: Kafka names the groups of metrics after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientKind {
    Producer,
    Consumer,
    ShareConsumer,
    Admin,
}

impl ClientKind {
    /// The names of the groups about the whole client and about a broker.
    pub(super) fn groups(self) -> (&'static str, &'static str) {
        match self {
            Self::Producer => ("producer-metrics", "producer-node-metrics"),
            Self::Consumer | Self::ShareConsumer => ("consumer-metrics", "consumer-node-metrics"),
            Self::Admin => ("admin-client-metrics", "admin-client-node-metrics"),
        }
    }

    /// Whether it has requests of which a broker's latency is measured.
    pub(super) fn measures_latency(self) -> bool {
        self != Self::Admin
    }
}

/// The metrics that every client has, and the clock of all others.
#[derive(Debug)]
pub(crate) struct Registry {
    client: ClientKind,
    client_id: String,
    start: Instant,
    pub(crate) network: NetworkMeters,
}

impl Registry {
    pub(crate) fn new(client: ClientKind, client_id: &str) -> Self {
        Self {
            client,
            client_id: client_id.to_owned(),
            start: now(),
            network: NetworkMeters::default(),
        }
    }

    /// The present, as meters need it.
    pub(crate) fn moment(&self) -> Moment {
        self.moment_of(now())
    }

    pub(crate) fn moment_of(&self, now: Instant) -> Moment {
        Moment::after(now.saturating_duration_since(self.start))
    }

    /// What every client has to tell; producers and consumers add to it.
    pub(crate) fn report(&self) -> Report {
        let mut report = Report::new(&self.client_id, self.moment());
        self.network.report(self.client, &mut report);
        report
    }
}
