//! What is pushed: the metrics that are wanted of a snapshot, under their names in the KIP.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::otlp::{Data, Point, ScopeMetrics};
use crate::metrics::{Metric, MetricKind, MetricTag, Metrics};

/// Which metrics a broker wants, by the beginnings of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Wanted(Vec<String>);

impl Wanted {
    /// `*` stands for all, and so does an empty beginning.
    pub(super) fn new<'a>(prefixes: impl IntoIterator<Item = &'a str>) -> Self {
        let prefixes = prefixes.into_iter();
        let plain = prefixes.map(|prefix| if prefix == "*" { "" } else { prefix });
        Self(plain.map(str::to_owned).collect())
    }

    /// Whether it is none at all.
    pub(super) fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|prefix| name.starts_with(prefix))
    }
}

/// How far metrics are broken down, the most first: what is left out first when a broker takes no more bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Partitions = 2,
    TopicsAndNodes = 1,
    Client = 0,
}

impl Detail {
    pub(super) const ALL: [Self; 3] = [Self::Partitions, Self::TopicsAndNodes, Self::Client];
}

/// A metric beside its value.
type Key = (&'static str, &'static str, Vec<MetricTag>);

/// The sums that a broker was told last, for telling it what came since.
#[derive(Debug)]
pub(super) struct Sums {
    /// When they were told; when the client was made, where nothing was told yet.
    since: SystemTime,
    told: HashMap<Key, f64>,
}

impl Sums {
    pub(super) fn none_since(since: SystemTime) -> Self {
        Self {
            since,
            told: HashMap::new(),
        }
    }
}

/// What goes into a payload.
#[derive(Debug)]
pub(super) struct Content<'a> {
    pub(super) metrics: &'a Metrics,
    pub(super) wanted: &'a Wanted,
    pub(super) labels: &'a [(&'static str, String)],
    /// When the client was made, and now.
    pub(super) start: SystemTime,
    pub(super) now: SystemTime,
    /// What was told before, where only what came since is wanted.
    pub(super) since: Option<&'a Sums>,
}

impl Content<'_> {
    /// Encodes it. A metric that was not measured, which is NaN, is left out.
    pub(super) fn encode(&self, detail: Detail) -> Vec<u8> {
        let mut written = ScopeMetrics::default();
        for metric in self.metrics {
            let name = telemetry_name(metric.group, metric.name);
            let fits = metric.tags.len() <= detail as usize;
            if !fits || metric.value.is_nan() || !self.wanted.has(&name) {
                continue;
            }
            let attributes: Vec<(String, &str)> = metric
                .tags
                .iter()
                .map(|(key, value)| (key.replace('-', "_"), &**value))
                .collect();
            let (data, start, value) = match (metric.kind, self.since) {
                (MetricKind::Gauge, _) => (Data::Gauge, 0, metric.value),
                (MetricKind::Counter, None) => {
                    let sum = Data::Sum { is_delta: false };
                    (sum, unix_nanos(self.start), metric.value)
                }
                (MetricKind::Counter, Some(before)) => {
                    let told = before.told.get(&key(metric)).copied().unwrap_or(0.0);
                    let sum = Data::Sum { is_delta: true };
                    (sum, unix_nanos(before.since), metric.value - told)
                }
            };
            written.add(&Point {
                name: &name,
                data,
                attributes: &attributes,
                start,
                time: unix_nanos(self.now),
                value,
            });
        }
        written.into_metrics_data(self.labels)
    }

    /// What a broker has been told when it has taken it.
    pub(super) fn told(&self) -> Sums {
        let counters = self.metrics.iter();
        let counters = counters.filter(|metric| metric.kind == MetricKind::Counter);
        Sums {
            since: self.now,
            told: counters.map(|metric| (key(metric), metric.value)).collect(),
        }
    }
}

fn key(metric: &Metric) -> Key {
    (metric.group, metric.name, metric.tags.clone())
}

/// The KIP's name of a metric: `org.apache.kafka.producer.record.send.total`.
fn telemetry_name(group: &str, name: &str) -> String {
    let group = group.replace('-', ".").replace(".metrics", "");
    format!("org.apache.kafka.{group}.{}", name.replace('-', "."))
}

fn unix_nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    let nanos = since.as_ref().map_or(0, Duration::as_nanos);
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_kip() {
        for (group, name, expected) in [
            (
                "producer-metrics",
                "connection-creation-total",
                "org.apache.kafka.producer.connection.creation.total",
            ),
            (
                "producer-node-metrics",
                "request-latency-avg",
                "org.apache.kafka.producer.node.request.latency.avg",
            ),
            (
                "consumer-fetch-manager-metrics",
                "records-lag-max",
                "org.apache.kafka.consumer.fetch.manager.records.lag.max",
            ),
            (
                "consumer-coordinator-metrics",
                "rebalance-latency-total",
                "org.apache.kafka.consumer.coordinator.rebalance.latency.total",
            ),
        ] {
            assert_eq!(telemetry_name(group, name), expected);
        }
    }

    #[test]
    fn what_is_wanted_is_known_by_the_beginning_of_its_name() {
        let name = "org.apache.kafka.producer.record.send.total";
        for (prefixes, wanted) in [
            (&["org.apache.kafka.producer."][..], true),
            (&["org.apache.kafka.consumer.", name], true),
            (&["org.apache.kafka.consumer."], false),
            (&["*"], true),
            (&[""], true),
            (&[], false),
        ] {
            let wanting = Wanted::new(prefixes.iter().copied());
            assert_eq!(wanting.has(name), wanted, "{prefixes:?}");
            assert_eq!(wanting.is_nothing(), prefixes.is_empty());
        }
    }
}
