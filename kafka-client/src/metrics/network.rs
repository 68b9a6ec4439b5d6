//! What goes over the connections of a client: Kafka's `…-metrics` as far as its `Selector` has them, and
//! `…-node-metrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::authentication::AuthenticationMeters;
use super::meter::{Meter, Moment};
use super::registry::ClientKind;
use super::snapshot::Report;

/// What bootstrap addresses are called, of which nobody knows the broker's id.
const BOOTSTRAP_NODE: i32 = -1;

/// All connections of a client.
#[derive(Debug, Default)]
pub(crate) struct NetworkMeters {
    nodes: Mutex<BTreeMap<i32, Arc<NodeMeters>>>,
    connections: Mutex<ConnectionMeters>,
    pub(crate) authentication: AuthenticationMeters,
}

#[derive(Debug, Default)]
struct ConnectionMeters {
    open: usize,
    created: Meter,
    closed: Meter,
}

/// The connections to one broker.
#[derive(Debug, Default)]
pub(crate) struct NodeMeters {
    traffic: Mutex<Traffic>,
    in_flight: AtomicUsize,
}

#[derive(Debug, Default, Clone, Copy)]
struct Traffic {
    /// Bytes, by request.
    sent: Meter,
    /// Bytes, by answer.
    received: Meter,
    /// Milliseconds until a Produce or Fetch was answered.
    latency: Meter,
}

impl NetworkMeters {
    /// The connections to a broker; without an id, to the bootstrap addresses.
    pub(crate) fn node(&self, id: Option<i32>) -> Arc<NodeMeters> {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let node = nodes.entry(id.unwrap_or(BOOTSTRAP_NODE)).or_default();
        node.clone()
    }

    fn connections(&self) -> MutexGuard<'_, ConnectionMeters> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn connected(&self, moment: Moment) {
        let mut connections = self.connections();
        connections.open += 1;
        connections.created.record(1.0, moment);
    }

    pub(crate) fn disconnected(&self, moment: Moment) {
        let mut connections = self.connections();
        connections.open = connections.open.saturating_sub(1);
        connections.closed.record(1.0, moment);
    }

    pub(crate) fn report(&self, client: ClientKind, report: &mut Report) {
        let (client_group, node_group) = client.groups();
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let nodes: Vec<(i32, Traffic, usize)> = nodes
            .iter()
            .map(|(id, node)| {
                let in_flight = node.in_flight.load(Ordering::Relaxed);
                (*id, *node.traffic(), in_flight)
            })
            .collect();
        let mut all = Traffic::default();
        let mut in_flight = 0;
        for (_, traffic, waiting) in &nodes {
            all.sent.add(&traffic.sent);
            all.received.add(&traffic.received);
            in_flight += waiting;
        }
        let mut io = all.sent;
        io.add(&all.received);
        report.group(client_group);
        {
            let connections = self.connections();
            report
                .gauge(
                    "connection-count",
                    "Connections that are open.",
                    connections.open as f64,
                )
                .amount(
                    ["connection-creation-rate", "connection-creation-total"],
                    "Connections that were made.",
                    &connections.created,
                )
                .amount(
                    ["connection-close-rate", "connection-close-total"],
                    "Connections that have ended.",
                    &connections.closed,
                );
        }
        report.times(
            ["network-io-rate", "network-io-total"],
            "Requests sent and answers received.",
            &io,
        );
        all.report(report);
        self.authentication.report(report);
        if client == ClientKind::Producer {
            report.gauge(
                "requests-in-flight",
                "Requests that are not answered yet.",
                in_flight as f64,
            );
        }
        for (id, traffic, _) in nodes {
            report.tagged(node_group, vec![("node-id", format!("node-{id}").into())]);
            traffic.report(report);
            if client.measures_latency() {
                report.spread(
                    ["request-latency-avg", "request-latency-max"],
                    "Milliseconds until the broker has answered a Produce or Fetch.",
                    &traffic.latency,
                );
            }
        }
    }
}

impl Traffic {
    fn report(&self, report: &mut Report) {
        report
            .amount(
                ["outgoing-byte-rate", "outgoing-byte-total"],
                "Bytes sent.",
                &self.sent,
            )
            .amount(
                ["incoming-byte-rate", "incoming-byte-total"],
                "Bytes received.",
                &self.received,
            )
            .times(
                ["request-rate", "request-total"],
                "Requests sent.",
                &self.sent,
            )
            .spread(
                ["request-size-avg", "request-size-max"],
                "Bytes of a request.",
                &self.sent,
            )
            .times(
                ["response-rate", "response-total"],
                "Answers received.",
                &self.received,
            );
    }
}

impl NodeMeters {
    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request of so many bytes goes out.
    pub(crate) fn sent(&self, bytes: usize, is_answered: bool, moment: Moment) {
        self.traffic().sent.record(bytes as f64, moment);
        if is_answered {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An answer of so many bytes has come.
    pub(crate) fn received(&self, bytes: usize, moment: Moment) {
        self.traffic().received.record(bytes as f64, moment);
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// So many requests will not be answered any more.
    pub(crate) fn lost(&self, requests: usize) {
        self.in_flight.fetch_sub(requests, Ordering::Relaxed);
    }

    /// A Produce or Fetch was answered after that time.
    pub(crate) fn answered(&self, after: Duration, moment: Moment) {
        self.traffic().latency.record_time(after, moment);
    }
}
