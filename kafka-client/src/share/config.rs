//! The share consumer's settings.

use std::time::Duration;

use super::acknowledge::{AcknowledgementMode, AcquireMode};
use crate::ClientConfig;
use crate::config::{Setting, boolean, one_of, parse, parse_millis, positive};
use crate::error::{Error, Result};

/// What a share consumer can be told. Defaults are those of the Java client where it has the setting.
///
/// What holds for the whole group are settings of the group, which
/// [`Admin`](crate::admin::Admin) changes: `share.auto.offset.reset`, `share.record.lock.duration.ms`,
/// `share.delivery.count.limit`, `share.isolation.level` and others.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareConsumerConfig {
    /// What every client needs.
    pub client: ClientConfig,
    /// `group.id`: the share group. There is no share consumer without one.
    pub group_id: Option<String>,
    /// `share.acknowledgement.mode`: who acknowledges records.
    pub acknowledgement_mode: AcknowledgementMode,
    /// `share.acquire.mode`: whether `max.poll.records` is a limit, or says about how many.
    pub acquire_mode: AcquireMode,
    /// `max.poll.records`: how many records a poll returns, see `acquire_mode`. Those of a poll are locked for as long as
    /// the group says, so that there should not be more than can be dealt with in that time.
    pub max_poll_records: usize,
    /// `fetch.min.bytes`: a broker waits for this much, but not longer than `fetch_max_wait`.
    pub fetch_min_bytes: i32,
    /// `fetch.max.bytes`: the most that one answer brings. One batch always comes, however large.
    pub fetch_max_bytes: i32,
    /// `fetch.max.wait.ms`: the longest that a broker waits for `fetch_min_bytes`. Acknowledgements wait for the answer,
    /// too: a broker is sent one request of a share consumer at a time.
    pub fetch_max_wait: Duration,
    /// `check.crcs`: verify the checksum of every batch.
    pub check_crcs: bool,
    /// `max.poll.interval.ms`: a member that does not poll for this long leaves its group, and comes back when it polls.
    pub max_poll_interval: Duration,
    /// `client.rack`: where the client stands, for assignors and brokers that look at it.
    pub client_rack: Option<String>,
    /// `allow.auto.create.topics`: a topic that is asked for and not there is created, where the brokers allow it.
    pub allow_auto_create_topics: bool,
    /// What the member is called in its group; a random UUID where it is not set. No setting of Kafka: for tests that
    /// repeat a run. It has the form of Kafka's UUIDs, and nobody else may have the same.
    pub member_id: Option<String>,
}

impl Default for ShareConsumerConfig {
    fn default() -> Self {
        Self {
            client: ClientConfig::default(),
            group_id: None,
            acknowledgement_mode: AcknowledgementMode::default(),
            acquire_mode: AcquireMode::default(),
            max_poll_records: 500,
            fetch_min_bytes: 1,
            fetch_max_bytes: 50 << 20,
            fetch_max_wait: Duration::from_millis(500),
            check_crcs: true,
            max_poll_interval: Duration::from_secs(300),
            client_rack: None,
            allow_auto_create_topics: true,
            member_id: None,
        }
    }
}

fn refused(key: &str, value: impl ToString, reason: &str) -> Error {
    Error::Config {
        key: key.to_owned(),
        value: value.to_string(),
        reason: reason.to_owned(),
    }
}

impl ShareConsumerConfig {
    /// Applies settings by their Kafka names, in order.
    ///
    /// # Errors
    /// [`Error::Config`] names the first that is unknown or invalid, or that only other consumers have.
    ///
    /// ```
    /// use kafka_client::share::ShareConsumerConfig;
    ///
    /// let mut config = ShareConsumerConfig::default();
    /// config.set([("group.id", "workers"), ("share.acknowledgement.mode", "explicit")])?;
    /// let error = config.set([("share.acquire.mode", "all")]).unwrap_err().to_string();
    /// assert_eq!(error, r#"setting "share.acquire.mode" = "all": expected one of batch_optimized, record_limit"#);
    /// # Ok::<(), kafka_client::Error>(())
    /// ```
    pub fn set<K: AsRef<str>, V: AsRef<str>>(
        &mut self,
        properties: impl IntoIterator<Item = (K, V)>,
    ) -> Result<()> {
        let set = |config: &mut Self, key: &str, value: &str| {
            config
                .client
                .set(key, value)
                .or_else(|| Setting::find(SETTINGS, config, key, value))
                .or_else(|| foreign(key).map(|reason| Err(reason.to_owned())))
        };
        crate::config::apply(self, set, properties)
    }

    /// Checks what can be checked without a network.
    pub(crate) fn validate(&self) -> Result<()> {
        self.client.validate()?;
        if self.group_id.as_deref().unwrap_or_default().is_empty() {
            return Err(refused(
                "group.id",
                "",
                "a share consumer needs the name of its group",
            ));
        }
        if self.fetch_max_bytes <= 0 {
            return Err(refused(
                "fetch.max.bytes",
                self.fetch_max_bytes,
                "expected a positive number of bytes",
            ));
        }
        if self.fetch_min_bytes < 0 {
            return Err(refused(
                "fetch.min.bytes",
                self.fetch_min_bytes,
                "expected a number of bytes, 0 or more",
            ));
        }
        if self.max_poll_records == 0 || i32::try_from(self.max_poll_records).is_err() {
            return Err(refused(
                "max.poll.records",
                self.max_poll_records,
                "expected a number, 1 to 2147483647",
            ));
        }
        if self.max_poll_interval.is_zero() {
            return Err(refused(
                "max.poll.interval.ms",
                0,
                "expected a positive number of milliseconds",
            ));
        }
        Ok(())
    }
}

/// Settings of the other consumer that say nothing here.
const FOREIGN: &[(&str, &str)] = &[
    (
        "auto.offset.reset",
        "a share group begins where its own setting share.auto.offset.reset says: set that by Admin",
    ),
    (
        "enable.auto.commit",
        "a share group has no positions to commit: see share.acknowledgement.mode",
    ),
    (
        "auto.commit.interval.ms",
        "a share group has no positions to commit: see share.acknowledgement.mode",
    ),
    ("group.instance.id", "a share group has no static members"),
    (
        "isolation.level",
        "it is the group's setting share.isolation.level: set that by Admin",
    ),
    (
        "partition.assignment.strategy",
        "the brokers share a share group's partitions out",
    ),
    (
        "group.remote.assignor",
        "the brokers choose how a share group's partitions are shared out",
    ),
    (
        "group.protocol",
        "share groups have a protocol of their own",
    ),
    (
        "session.timeout.ms",
        "it is the group's setting share.session.timeout.ms: set that by Admin",
    ),
    (
        "heartbeat.interval.ms",
        "it is the group's setting share.heartbeat.interval.ms: set that by Admin",
    ),
    (
        "max.partition.fetch.bytes",
        "brokers share fetch.max.bytes out among the partitions",
    ),
    (
        "exclude.internal.topics",
        "a share group subscribes to topics by name",
    ),
    (
        "buffer.memory",
        "nothing is fetched ahead of a poll: see max.poll.records and fetch.max.bytes",
    ),
];

fn foreign(key: &str) -> Option<&'static str> {
    let found = FOREIGN.iter().find(|(name, _)| *name == key);
    found.map(|(_, reason)| *reason)
}

fn bytes(value: &str) -> std::result::Result<i32, String> {
    let expected = "a number of bytes, 0 to 2147483647";
    match parse(value, expected)? {
        bytes @ 0.. => Ok(bytes),
        _ => Err(format!("expected {expected}")),
    }
}

/// The settings of [`ShareConsumerConfig`] by their Kafka names.
const SETTINGS: &[Setting<ShareConsumerConfig>] = &[
    Setting {
        name: "group.id",
        apply: |config, value| {
            config.group_id = Some(value.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "share.acknowledgement.mode",
        apply: |config, value| {
            let names = [AcknowledgementMode::Implicit, AcknowledgementMode::Explicit];
            one_of(value, &names.map(|mode| (mode.name(), mode)))
                .map(|mode| config.acknowledgement_mode = mode)
        },
    },
    Setting {
        name: "share.acquire.mode",
        apply: |config, value| {
            let names = [AcquireMode::BatchOptimized, AcquireMode::RecordLimit];
            one_of(value, &names.map(|mode| (mode.name(), mode)))
                .map(|mode| config.acquire_mode = mode)
        },
    },
    Setting {
        name: "max.poll.records",
        apply: |config, value| {
            positive(value, "a positive number").map(|count| config.max_poll_records = count)
        },
    },
    Setting {
        name: "fetch.min.bytes",
        apply: |config, value| bytes(value).map(|bytes| config.fetch_min_bytes = bytes),
    },
    Setting {
        name: "fetch.max.bytes",
        apply: |config, value| bytes(value).map(|bytes| config.fetch_max_bytes = bytes),
    },
    Setting {
        name: "fetch.max.wait.ms",
        apply: |config, value| parse_millis(value).map(|time| config.fetch_max_wait = time),
    },
    Setting {
        name: "check.crcs",
        apply: |config, value| boolean(value).map(|on| config.check_crcs = on),
    },
    Setting {
        name: "max.poll.interval.ms",
        apply: |config, value| {
            positive(value, "a positive number of milliseconds")
                .map(|millis| config.max_poll_interval = Duration::from_millis(millis))
        },
    },
    Setting {
        name: "client.rack",
        apply: |config, value| {
            config.client_rack = Some(value.to_owned()).filter(|rack| !rack.is_empty());
            Ok(())
        },
    },
    Setting {
        name: "allow.auto.create.topics",
        apply: |config, value| boolean(value).map(|on| config.allow_auto_create_topics = on),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn set(properties: &[(&str, &str)]) -> Result<ShareConsumerConfig> {
        let mut config = ShareConsumerConfig::default();
        config.set([("bootstrap.servers", "localhost:9092"), ("group.id", "g")])?;
        config.set(properties.iter().copied())?;
        config.validate()?;
        Ok(config)
    }

    #[test]
    fn settings_go_by_their_kafka_names() {
        let config = set(&[
            ("client.id", "me"),
            ("share.acknowledgement.mode", "EXPLICIT"),
            ("share.acquire.mode", "record_limit"),
            ("max.poll.records", "7"),
            ("fetch.max.wait.ms", "20"),
        ])
        .unwrap();
        assert_eq!(config.acknowledgement_mode, AcknowledgementMode::Explicit);
        assert_eq!(config.acquire_mode, AcquireMode::RecordLimit);
        assert_eq!(config.max_poll_records, 7);
        assert_eq!(config.fetch_max_wait, Duration::from_millis(20));
    }

    #[test]
    fn what_is_unknown_invalid_or_of_other_consumers_is_refused_by_name() {
        let other = FOREIGN.iter().map(|(name, _)| (*name, "1"));
        for (key, value) in other.chain([
            ("share.acknowledgment.mode", "explicit"),
            ("share.acknowledgement.mode", "both"),
            ("max.poll.records", "0"),
            ("max.poll.records", "3000000000"),
            ("fetch.max.bytes", "0"),
            ("group.id", ""),
        ]) {
            match set(&[(key, value)]) {
                Err(Error::Config { key: named, .. }) => assert_eq!(named, key),
                other => panic!("{key} = {value}: {other:?}"),
            }
        }
        assert!(ShareConsumerConfig::default().validate().is_err());
    }
}
