//! Metrics that clients push (KIP-714): who is asked for which, and what has come.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::compression::Compression;
use kafka_proto::error_code::ErrorCode;
use regex_lite::Regex;

use crate::broker::{Broker, BrokerBuilder};
use crate::configs::{Given, list};
use crate::error::BrokerError;
use crate::lock::lock;
use crate::topics::random_id;

/// How often clients are heard of that nobody wants metrics of (`interval.ms`).
const DEFAULT_INTERVAL: Duration = Duration::from_secs(300);

/// The largest payload when it is decompressed.
const MAX_PLAIN_BYTES: usize = 64 << 20;

/// How many clients, and pushes, are remembered.
const MAX_REMEMBERED: usize = 10_000;

/// What clients may be chosen by (`match`): the name of the selector and the text that a pattern has to match.
const SELECTORS: [&str; 7] = [
    "client_id",
    "client_instance_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
    "client_rack",
];

/// Which metrics are wanted, how often, and of which clients: what Kafka's `kafka-configs --entity-type client-metrics` sets.
///
/// ```
/// # fn main() -> Result<(), kafka_broker::BrokerError> {
/// use std::time::Duration;
/// use kafka_broker::ClientMetricsSubscription;
///
/// let wanted = ClientMetricsSubscription::new(["org.apache.kafka.producer."])
///     .interval(Duration::from_secs(30))
///     .matching("client_id", "billing-.*")?;
/// # drop(wanted); Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ClientMetricsSubscription {
    metrics: BTreeSet<String>,
    interval: Duration,
    selectors: Vec<Selector>,
}

/// What of a client has to match which pattern, as a whole (`match`).
#[derive(Debug, Clone)]
pub(crate) struct Selector {
    name: &'static str,
    pattern: String,
    regex: Regex,
}

impl Selector {
    fn new(name: &str, pattern: &str) -> Result<Self, String> {
        let known = SELECTORS.into_iter().find(|known| *known == name);
        let name = known.ok_or_else(|| format!("expected one of {}", SELECTORS.join(", ")))?;
        let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(|error| error.to_string())?;
        Ok(Self {
            name,
            pattern: pattern.to_owned(),
            regex,
        })
    }

    /// As it is set: `client_id=billing-.*`.
    pub(crate) fn parse(pair: &str) -> Option<Self> {
        let (name, pattern) = pair.split_once('=')?;
        Self::new(name.trim(), pattern.trim()).ok()
    }

    fn is_for(&self, client: &Client) -> bool {
        let text = match self.name {
            "client_id" => client.id.to_string(),
            "client_instance_id" => client.instance_id.to_string(),
            "client_software_name" => client.software.0.to_string(),
            "client_software_version" => client.software.1.to_string(),
            "client_source_address" => client.address.trim_start_matches('/').to_owned(),
            // Not known here.
            _ => return false,
        };
        self.regex.is_match(&text)
    }
}

impl ClientMetricsSubscription {
    /// Metrics by the beginnings of their names (`metrics`); `*` is all. Every 5 minutes, of every client.
    pub fn new<N: Into<String>>(metrics: impl IntoIterator<Item = N>) -> Self {
        Self {
            metrics: metrics.into_iter().map(Into::into).collect(),
            interval: DEFAULT_INTERVAL,
            selectors: Vec::new(),
        }
    }

    /// How often they are to be pushed (`interval.ms`). Kafka takes no less than 100 ms.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Only of clients of which something matches a regular expression as a whole (`match`): `client_id`,
    /// `client_instance_id`, `client_software_name`, `client_software_version`, `client_source_address`. Nobody is chosen by
    /// `client_source_port` and `client_rack`, which Kafka has as well: they are not known here. Of several, all have
    /// to match.
    ///
    /// # Errors
    /// [`BrokerError::ClientSelector`] if there is no such selector, or the expression is none.
    pub fn matching(mut self, selector: &str, pattern: &str) -> Result<Self, BrokerError> {
        let read = Selector::new(selector, pattern);
        self.selectors
            .push(read.map_err(|reason| BrokerError::ClientSelector {
                selector: selector.to_owned(),
                reason,
            })?);
        Ok(self)
    }

    /// What was set by Kafka's names, which is known to be good; `None` if that is nothing.
    pub(crate) fn given(given: &Given) -> Option<Self> {
        if given.is_empty() {
            return None;
        }
        let elements = |name: &str| list(given.get(name).map_or("", String::as_str));
        let interval = given.get("interval.ms");
        let interval = interval.and_then(|value| value.trim().parse().ok());
        Some(Self {
            metrics: elements("metrics").map(str::to_owned).collect(),
            interval: interval.map_or(DEFAULT_INTERVAL, Duration::from_millis),
            selectors: elements("match").filter_map(Selector::parse).collect(),
        })
    }

    /// The same by Kafka's names.
    fn as_given(&self) -> Given {
        let metrics: Vec<&str> = self.metrics.iter().map(String::as_str).collect();
        let mut given = Given::from([
            (
                "interval.ms".to_owned(),
                self.interval.as_millis().to_string(),
            ),
            ("metrics".to_owned(), metrics.join(",")),
        ]);
        let selectors = self.selectors.iter();
        let pairs: Vec<_> = selectors
            .map(|selector| format!("{}={}", selector.name, selector.pattern))
            .collect();
        if !pairs.is_empty() {
            given.insert("match".to_owned(), pairs.join(","));
        }
        given
    }

    fn is_for(&self, client: &Client) -> bool {
        self.selectors
            .iter()
            .all(|selector| selector.is_for(client))
    }
}

/// What a client has pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushedMetrics {
    /// What the brokers call the client.
    pub client_instance_id: Uuid,
    /// Its `client.id`.
    pub client_id: String,
    /// Whether it is its last push.
    pub terminating: bool,
    /// How it came.
    pub compression: Compression,
    /// OpenTelemetry's `MetricsData`, decompressed.
    pub payload: Bytes,
}

/// A client that asks or pushes.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) instance_id: Uuid,
    pub(crate) id: ByteString,
    pub(crate) address: ByteString,
    pub(crate) software: Software,
}

/// The name and the version of a client's software.
type Software = (ByteString, ByteString);

/// What a client is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) subscription_id: i32,
    pub(crate) interval: Duration,
    pub(crate) metrics: Vec<ByteString>,
}

/// What is known of a client instance.
#[derive(Debug, Default)]
struct Instance {
    last_push: Option<Instant>,
    has_ended: bool,
}

/// A push, as it came.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) subscription_id: i32,
    pub(crate) terminating: bool,
    pub(crate) compression_type: i8,
    pub(crate) payload: Bytes,
}

/// What clients are asked for, and what they have pushed.
#[derive(Debug)]
pub(crate) struct ClientMetrics {
    /// Bytes of a payload, as it is sent (`telemetry.max.bytes`).
    pub(crate) max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    subscriptions: BTreeMap<String, ClientMetricsSubscription>,
    instances: HashMap<Uuid, Instance>,
    pushed: Vec<PushedMetrics>,
    /// By `client.id` and address, as ApiVersions has told it.
    software: HashMap<(ByteString, ByteString), Software>,
}

impl ClientMetrics {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            state: Mutex::default(),
        }
    }

    /// Sets what is wanted under a name, or takes it back.
    pub(crate) fn set(&self, name: &str, subscription: Option<ClientMetricsSubscription>) {
        let subscriptions = &mut lock(&self.state).subscriptions;
        match subscription {
            Some(subscription) => subscriptions.insert(name.to_owned(), subscription),
            None => subscriptions.remove(name),
        };
    }

    /// A client has said what it is made of.
    pub(crate) fn introduce(&self, id: ByteString, address: ByteString, software: Software) {
        let known = &mut lock(&self.state).software;
        if known.len() < MAX_REMEMBERED {
            known.insert((id, address), software);
        }
    }

    /// The client of this id at this address.
    pub(crate) fn client(&self, instance_id: Uuid, id: ByteString, address: ByteString) -> Client {
        let known = (id.clone(), address.clone());
        let software = lock(&self.state).software.get(&known).cloned();
        Client {
            instance_id,
            id,
            address,
            software: software.unwrap_or_default(),
        }
    }

    /// What a client is asked for. Without an instance id it is given one.
    pub(crate) fn ask(&self, client: &mut Client) -> Demand {
        if client.instance_id.is_zero() {
            client.instance_id = random_id();
        }
        lock(&self.state).demand(client)
    }

    /// Takes what a client pushes, as Kafka's `ClientMetricsManager` does.
    pub(crate) fn take(&self, client: &Client, push: Push, now: Instant) -> Result<(), ErrorCode> {
        if client.instance_id.is_zero() {
            return Err(ErrorCode::InvalidRequest);
        }
        let mut state = lock(&self.state);
        let demand = state.demand(client);
        if state.instances.len() > MAX_REMEMBERED {
            state.instances.clear();
        }
        let instance = state.instances.entry(client.instance_id).or_default();
        if instance.has_ended {
            return Err(ErrorCode::InvalidRequest);
        }
        let last = instance.last_push.replace(now);
        instance.has_ended = push.terminating;
        let is_early = last.is_some_and(|last| now < last + demand.interval);
        if is_early && !push.terminating {
            return Err(ErrorCode::ThrottlingQuotaExceeded);
        }
        if push.subscription_id != demand.subscription_id {
            return Err(ErrorCode::UnknownSubscriptionId);
        }
        let compression = u8::try_from(push.compression_type).ok();
        let compression = compression.and_then(|id| Compression::from_id(id).ok());
        let compression = compression.ok_or(ErrorCode::UnsupportedCompressionType)?;
        if push.payload.len() > self.max_bytes {
            return Err(ErrorCode::TelemetryTooLarge);
        }
        let plain = compression.decompress(&push.payload, MAX_PLAIN_BYTES);
        let plain = plain.map_err(|_| ErrorCode::InvalidRecord)?;
        if state.pushed.len() >= MAX_REMEMBERED {
            state.pushed.clear();
        }
        state.pushed.push(PushedMetrics {
            client_instance_id: client.instance_id,
            client_id: client.id.to_string(),
            terminating: push.terminating,
            compression,
            payload: plain.into(),
        });
        Ok(())
    }
}

impl State {
    fn demand(&self, client: &Client) -> Demand {
        let for_it = self
            .subscriptions
            .values()
            .filter(|wanted| wanted.is_for(client));
        let mut metrics = BTreeSet::new();
        let mut interval = DEFAULT_INTERVAL;
        for wanted in for_it {
            metrics.extend(wanted.metrics.iter().cloned());
            interval = interval.min(wanted.interval);
        }
        if metrics.contains("*") {
            metrics = BTreeSet::from(["*".to_owned()]);
        }
        // The same on each broker, and another one when anything is changed.
        let mut hasher = DefaultHasher::new();
        (&metrics, interval, client.instance_id.0).hash(&mut hasher);
        Demand {
            subscription_id: hasher.finish() as i32,
            interval,
            metrics: metrics.into_iter().map(Into::into).collect(),
        }
    }
}

impl BrokerBuilder {
    /// Takes metrics that clients push (KIP-714), as Kafka's brokers do with a reporter that takes them (false). Otherwise
    /// clients are not told that there is such a thing.
    #[must_use]
    pub fn client_metrics(mut self, enable: bool) -> Self {
        self.settings.client_metrics = enable;
        self
    }

    /// The most bytes of metrics that are taken at once (`telemetry.max.bytes`, 1 MiB).
    #[must_use]
    pub fn telemetry_max_bytes(mut self, bytes: usize) -> Self {
        self.settings.telemetry_max_bytes = bytes;
        self
    }
}

impl Broker {
    /// Asks clients for metrics, in place of what was asked for under that name before. Clients notice when they ask or push
    /// the next time. Needs [`BrokerBuilder::client_metrics`].
    pub fn subscribe_client_metrics(&self, name: &str, wanted: ClientMetricsSubscription) {
        let given = wanted.as_given();
        self.cluster.configs.set_client_metrics(name, given);
        self.cluster.client_metrics.set(name, Some(wanted));
    }

    /// Takes back what was asked for under that name.
    pub fn unsubscribe_client_metrics(&self, name: &str) {
        self.cluster.configs.set_client_metrics(name, Given::new());
        self.cluster.client_metrics.set(name, None);
    }

    /// What clients have pushed since this was last called. Of more than 10,000 pushes the first ones are gone.
    pub fn take_pushed_metrics(&self) -> Vec<PushedMetrics> {
        std::mem::take(&mut lock(&self.cluster.client_metrics.state).pushed)
    }

    /// The name and version of the software that a client of this `client.id` has told with ApiVersions (KIP-511).
    pub fn client_software(&self, client_id: &str) -> Option<(String, String)> {
        let state = lock(&self.cluster.client_metrics.state);
        let mut known = state.software.iter();
        let found = known.find(|((id, _), _)| **id == *client_id);
        found.map(|(_, (name, version))| (name.to_string(), version.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(metrics: &[&str]) -> ClientMetricsSubscription {
        ClientMetricsSubscription::new(metrics.iter().copied())
    }

    fn client(metrics: &ClientMetrics) -> (Client, Demand) {
        metrics.introduce("c".into(), "/a".into(), ("soft".into(), "1".into()));
        let mut client = metrics.client(Uuid::ZERO, "c".into(), "/a".into());
        let demand = metrics.ask(&mut client);
        assert!(!client.instance_id.is_zero());
        (client, demand)
    }

    fn push(demand: &Demand) -> Push {
        Push {
            subscription_id: demand.subscription_id,
            terminating: false,
            compression_type: 0,
            payload: Bytes::from_static(b"data"),
        }
    }

    #[test]
    fn a_client_is_asked_for_what_all_subscriptions_want_of_it() {
        let metrics = ClientMetrics::new(1000);
        metrics.set("one", Some(wanted(&["b", "a"])));
        let seconds = Duration::from_secs;
        let other = wanted(&["c"]).interval(seconds(9));
        let other = other.matching("client_software_name", "s.*").unwrap();
        metrics.set("other", Some(other));
        let nobody = wanted(&["*"]).matching("client_id", "x").unwrap();
        metrics.set("nobody", Some(nobody));
        let (mut client, demand) = client(&metrics);
        assert_eq!(demand.metrics, ["a", "b", "c"]);
        assert_eq!(demand.interval, seconds(9));
        assert_eq!(metrics.ask(&mut client), demand, "asked twice");
        metrics.set("one", None);
        let less = metrics.ask(&mut client);
        assert_eq!(less.metrics, ["c"]);
        assert_ne!(less.subscription_id, demand.subscription_id);
        metrics.set("other", None);
        assert!(metrics.ask(&mut client).metrics.is_empty());
        let refused = wanted(&["a"]).matching("client_port", "1").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "clients cannot be chosen by \"client_port\": expected one of client_id, client_instance_id, \
             client_software_name, client_software_version, client_source_address, client_source_port, client_rack"
        );
    }

    #[test]
    fn a_push_is_taken_or_refused_as_by_kafka() {
        let metrics = ClientMetrics::new(4);
        metrics.set("all", Some(wanted(&["*"])));
        let (client, demand) = client(&metrics);
        let begin = Instant::now();
        let take = |push, n| metrics.take(&client, push, begin + demand.interval * n);
        assert_eq!(take(push(&demand), 0), Ok(()));
        assert_eq!(
            take(push(&demand), 0),
            Err(ErrorCode::ThrottlingQuotaExceeded)
        );
        type Change = fn(&mut Push);
        let changed: [(Change, ErrorCode); 4] = [
            (
                |push| push.subscription_id ^= 1,
                ErrorCode::UnknownSubscriptionId,
            ),
            (
                |push| push.compression_type = 5,
                ErrorCode::UnsupportedCompressionType,
            ),
            (
                |push| push.payload = Bytes::from_static(b"large"),
                ErrorCode::TelemetryTooLarge,
            ),
            (|push| push.compression_type = 1, ErrorCode::InvalidRecord),
        ];
        for (n, (change, expected)) in (1..).zip(changed) {
            let mut push = push(&demand);
            change(&mut push);
            assert_eq!(take(push, n), Err(expected));
        }
        let last = || Push {
            terminating: true,
            ..push(&demand)
        };
        assert_eq!(take(last(), 4), Ok(()), "the last push may come early");
        assert_eq!(take(last(), 9), Err(ErrorCode::InvalidRequest));
        let ended: Vec<bool> = lock(&metrics.state)
            .pushed
            .iter()
            .map(|pushed| pushed.terminating)
            .collect();
        assert_eq!(ended, [false, true]);
        let nobody = metrics.client(Uuid::ZERO, "c".into(), "/a".into());
        let refused = metrics.take(&nobody, push(&demand), begin);
        assert_eq!(refused, Err(ErrorCode::InvalidRequest));
    }
}
