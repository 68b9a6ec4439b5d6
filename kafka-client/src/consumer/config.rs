//! The consumer's settings.

use std::time::Duration;

use super::assignor::{AssignmentStrategy, RebalanceProtocol};
use crate::ClientConfig;
use crate::config::{Setting, boolean, one_of, parse, parse_millis, positive};
use crate::error::{Error, Result};

/// Where a partition is read from when the group has stored no position, or the stored one is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OffsetReset {
    /// From the oldest record.
    Earliest,
    /// From what comes after now.
    #[default]
    Latest,
    /// An error from `poll`, which a `seek` resolves.
    None,
}

/// How a group shares its partitions (`group.protocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GroupProtocol {
    /// The members meet for every change, and one of them shares the partitions out.
    #[default]
    Classic,
    /// The group's coordinator shares them out, and members go on reading what they keep (KIP-848). Needs Kafka 4.0 or
    /// newer.
    Consumer,
}

impl GroupProtocol {
    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        }
    }
}

/// Which records of transactions are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Isolation {
    /// All.
    #[default]
    ReadUncommitted,
    /// Those of committed transactions, once they are committed.
    ReadCommitted,
}

impl Isolation {
    /// Its number on the wire.
    pub(crate) fn level(self) -> i8 {
        match self {
            Self::ReadUncommitted => 0,
            Self::ReadCommitted => 1,
        }
    }
}

/// What a consumer can be told. Defaults are those of the Java client where it has the setting.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerConfig {
    /// What every client needs.
    pub client: ClientConfig,
    /// `group.id`: the group that stores positions and shares partitions. Needed to subscribe and to commit.
    pub group_id: Option<String>,
    /// `group.instance.id`: makes a static member, which can restart without a rebalance (KIP-345).
    pub group_instance_id: Option<String>,
    /// `group.protocol`: how the group shares its partitions. With [`GroupProtocol::Consumer`] the brokers say how often a
    /// member is to be heard of, and `session.timeout.ms`, `heartbeat.interval.ms` and `partition.assignment.strategy` are
    /// refused.
    pub group_protocol: GroupProtocol,
    /// `group.remote.assignor`: how the coordinator is to share partitions out, `uniform` or `range` unless brokers have
    /// more; the coordinator chooses where it is not set. Only with [`GroupProtocol::Consumer`].
    pub group_remote_assignor: Option<String>,
    /// What the member is called in its group, with [`GroupProtocol::Consumer`]; a random UUID where it is not set. No
    /// setting of Kafka: for tests that repeat a run. Nobody else may have the same, nor may a member that was there before.
    pub member_id: Option<String>,
    /// `partition.assignment.strategy`: how to share partitions among the group's members, the most wanted way first. The
    /// group takes the first that all its members offer. Rebalances are cooperative if everything offered here is.
    pub partition_assignment_strategy: Vec<AssignmentStrategy>,
    /// `exclude.internal.topics`: a pattern to subscribe to matches no topic that Kafka keeps for itself.
    pub exclude_internal_topics: bool,
    /// `auto.offset.reset`.
    pub auto_offset_reset: OffsetReset,
    /// `enable.auto.commit`: commit in the background what earlier polls have handed out. Only with a group.
    pub enable_auto_commit: bool,
    /// `auto.commit.interval.ms`.
    pub auto_commit_interval: Duration,
    /// `fetch.min.bytes`: a broker waits for this much, but not longer than `fetch_max_wait`.
    pub fetch_min_bytes: i32,
    /// `fetch.max.bytes`: the most that one answer brings. One batch always comes, however large.
    pub fetch_max_bytes: i32,
    /// `max.partition.fetch.bytes`: the same for each partition.
    pub max_partition_fetch_bytes: i32,
    /// `fetch.max.wait.ms`: the longest that a broker waits for `fetch_min_bytes`.
    pub fetch_max_wait: Duration,
    /// `max.poll.records`: a poll stops at the batch that reaches this number. Batches are not cut, so a poll may bring
    /// more: at most one batch more.
    pub max_poll_records: usize,
    /// `buffer.memory`: the bytes that may be fetched ahead of `poll`, counted after decompression. One batch may
    /// always be there, however large.
    pub buffer_memory: usize,
    /// `isolation.level`.
    pub isolation_level: Isolation,
    /// `check.crcs`: verify the checksum of every batch.
    pub check_crcs: bool,
    /// `session.timeout.ms`: a member that is not heard of for this long is taken out of its group.
    pub session_timeout: Duration,
    /// `heartbeat.interval.ms`: how often a member is heard of. At most a third of the session timeout is sensible.
    pub heartbeat_interval: Duration,
    /// `max.poll.interval.ms`: a member that does not poll for this long leaves its group. Also how long the others wait
    /// for it in a rebalance.
    pub max_poll_interval: Duration,
    /// How long an assigned partition may stand still before that is told as a
    /// [`PartitionStalled`](crate::events::Event::PartitionStalled). Kafka has no such setting, and no name for it.
    pub stall_after: Duration,
    /// `client.rack`: where the client stands, for assignors and brokers that look at it.
    pub client_rack: Option<String>,
    /// `allow.auto.create.topics`: a topic that is asked for and not there is created, where the brokers allow it.
    pub allow_auto_create_topics: bool,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            client: ClientConfig::default(),
            group_id: None,
            group_instance_id: None,
            group_protocol: GroupProtocol::default(),
            group_remote_assignor: None,
            member_id: None,
            partition_assignment_strategy: vec![
                AssignmentStrategy::Range,
                AssignmentStrategy::CooperativeSticky,
            ],
            exclude_internal_topics: true,
            auto_offset_reset: OffsetReset::default(),
            enable_auto_commit: true,
            auto_commit_interval: Duration::from_secs(5),
            fetch_min_bytes: 1,
            fetch_max_bytes: 50 << 20,
            max_partition_fetch_bytes: 1 << 20,
            fetch_max_wait: Duration::from_millis(500),
            max_poll_records: 10_000,
            buffer_memory: 32 << 20,
            isolation_level: Isolation::default(),
            check_crcs: true,
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(3),
            max_poll_interval: Duration::from_secs(300),
            stall_after: Duration::from_secs(10),
            client_rack: None,
            allow_auto_create_topics: true,
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

impl ConsumerConfig {
    /// Applies settings by their Kafka names, in order.
    ///
    /// # Errors
    /// [`Error::Config`] names the first that is unknown or invalid.
    ///
    /// ```
    /// use kafka_client::consumer::ConsumerConfig;
    ///
    /// let mut config = ConsumerConfig::default();
    /// config.set([("group.id", "billing"), ("fetch.max.wait.ms", "100")])?;
    /// let error = config.set([("auto.offset.reset", "middle")]).unwrap_err().to_string();
    /// assert_eq!(error, r#"setting "auto.offset.reset" = "middle": expected one of earliest, latest, none"#);
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
                .or_else(|| Setting::find(CONSUMER_SETTINGS, config, key, value))
        };
        let mut named = Vec::new();
        let properties = properties.into_iter().inspect(|(key, value)| {
            named.push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        });
        crate::config::apply(self, set, properties)?;
        let unfit = named
            .into_iter()
            .find(|(key, _)| self.is_of_another_protocol(key));
        unfit.map_or(Ok(()), |(key, value)| {
            Err(self.refused_by_protocol(&key, value))
        })
    }

    /// Whether a setting says nothing to the protocol that the group has, as the Java client judges it.
    fn is_of_another_protocol(&self, key: &str) -> bool {
        match self.group_protocol {
            GroupProtocol::Classic => key == "group.remote.assignor",
            GroupProtocol::Consumer => CLASSIC_SETTINGS.contains(&key),
        }
    }

    fn refused_by_protocol(&self, key: &str, value: impl ToString) -> Error {
        let reason = format!(
            "cannot be set with group.protocol={}",
            self.group_protocol.name()
        );
        refused(key, value, &reason)
    }

    /// Checks what can be checked without a network.
    pub(crate) fn validate(&self) -> Result<()> {
        self.client.validate()?;
        for (key, value) in [
            ("fetch.max.bytes", self.fetch_max_bytes),
            ("max.partition.fetch.bytes", self.max_partition_fetch_bytes),
        ] {
            if value <= 0 {
                return Err(refused(key, value, "expected a positive number of bytes"));
            }
        }
        if self.fetch_min_bytes < 0 {
            return Err(refused(
                "fetch.min.bytes",
                self.fetch_min_bytes,
                "expected a number of bytes, 0 or more",
            ));
        }
        if self.max_poll_records == 0 {
            return Err(refused("max.poll.records", 0, "expected a positive number"));
        }
        if self.buffer_memory == 0 {
            return Err(refused(
                "buffer.memory",
                0,
                "expected a positive number of bytes",
            ));
        }
        if self.heartbeat_interval.is_zero() || self.heartbeat_interval >= self.session_timeout {
            let value = self.heartbeat_interval.as_millis();
            return Err(refused(
                "heartbeat.interval.ms",
                value,
                "expected more than 0 and less than session.timeout.ms",
            ));
        }
        if self.max_poll_interval.is_zero() {
            return Err(refused(
                "max.poll.interval.ms",
                0,
                "expected a positive number of milliseconds",
            ));
        }
        if self.enable_auto_commit && self.auto_commit_interval.is_zero() {
            return Err(refused(
                "auto.commit.interval.ms",
                0,
                "expected a positive number of milliseconds",
            ));
        }
        self.validate_protocol()?;
        self.validate_strategies()?;
        for (key, value) in [
            ("group.id", &self.group_id),
            ("group.instance.id", &self.group_instance_id),
            ("group.remote.assignor", &self.group_remote_assignor),
        ] {
            if value.as_ref().is_some_and(String::is_empty) {
                return Err(refused(key, "", "expected a name, or not to be set"));
            }
        }
        Ok(())
    }
}

impl ConsumerConfig {
    /// Settings of the other protocol must be as they are when nobody sets them.
    fn validate_protocol(&self) -> Result<()> {
        let unset = Self::default();
        let millis = |time: Duration| time.as_millis().to_string();
        match self.group_protocol {
            GroupProtocol::Classic => match &self.group_remote_assignor {
                Some(assignor) => Err(self.refused_by_protocol("group.remote.assignor", assignor)),
                None => Ok(()),
            },
            GroupProtocol::Consumer => {
                let (session, heartbeat) = (self.session_timeout, self.heartbeat_interval);
                if session != unset.session_timeout {
                    return Err(self.refused_by_protocol("session.timeout.ms", millis(session)));
                }
                if heartbeat != unset.heartbeat_interval {
                    let key = "heartbeat.interval.ms";
                    return Err(self.refused_by_protocol(key, millis(heartbeat)));
                }
                if self.partition_assignment_strategy != unset.partition_assignment_strategy {
                    let names: Vec<&str> = self.strategy_names().collect();
                    let key = "partition.assignment.strategy";
                    return Err(self.refused_by_protocol(key, names.join(",")));
                }
                Ok(())
            }
        }
    }

    fn validate_strategies(&self) -> Result<()> {
        let names: Vec<&str> = self.strategy_names().collect();
        let is_repeated = (1..names.len()).any(|at| names[..at].contains(&names[at]));
        if names.is_empty() || is_repeated || names.contains(&"") {
            return Err(refused(
                "partition.assignment.strategy",
                names.join(","),
                "expected at least one assignor, each once and with a name",
            ));
        }
        Ok(())
    }

    fn strategy_names(&self) -> impl Iterator<Item = &str> {
        self.partition_assignment_strategy
            .iter()
            .map(|strategy| strategy.assignor().name())
    }

    /// How this consumer rebalances: what all its assignors are made for.
    pub(crate) fn rebalance_protocol(&self) -> RebalanceProtocol {
        self.partition_assignment_strategy
            .iter()
            .map(|strategy| strategy.assignor().protocol())
            .min()
            .unwrap_or(RebalanceProtocol::Eager)
    }
}

fn bytes(value: &str) -> std::result::Result<i32, String> {
    let expected = "a number of bytes, 0 to 2147483647";
    match parse(value, expected)? {
        bytes @ 0.. => Ok(bytes),
        _ => Err(format!("expected {expected}")),
    }
}

/// What only the classic protocol has: with the other one it is the brokers that decide.
const CLASSIC_SETTINGS: [&str; 3] = [
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "partition.assignment.strategy",
];

/// The settings of [`ConsumerConfig`] by their Kafka names.
const CONSUMER_SETTINGS: &[Setting<ConsumerConfig>] = &[
    Setting {
        name: "group.id",
        apply: |config, value| {
            config.group_id = Some(value.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "group.instance.id",
        apply: |config, value| {
            config.group_instance_id = Some(value.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "group.protocol",
        apply: |config, value| {
            let names = [GroupProtocol::Classic, GroupProtocol::Consumer];
            one_of(value, &names.map(|protocol| (protocol.name(), protocol)))
                .map(|protocol| config.group_protocol = protocol)
        },
    },
    Setting {
        name: "group.remote.assignor",
        apply: |config, value| {
            config.group_remote_assignor = Some(value.to_owned());
            Ok(())
        },
    },
    Setting {
        name: "partition.assignment.strategy",
        apply: |config, value| {
            AssignmentStrategy::parse_list(value)
                .map(|list| config.partition_assignment_strategy = list)
        },
    },
    Setting {
        name: "exclude.internal.topics",
        apply: |config, value| boolean(value).map(|on| config.exclude_internal_topics = on),
    },
    Setting {
        name: "auto.offset.reset",
        apply: |config, value| {
            let names = [
                ("earliest", OffsetReset::Earliest),
                ("latest", OffsetReset::Latest),
                ("none", OffsetReset::None),
            ];
            one_of(value, &names).map(|reset| config.auto_offset_reset = reset)
        },
    },
    Setting {
        name: "enable.auto.commit",
        apply: |config, value| boolean(value).map(|on| config.enable_auto_commit = on),
    },
    Setting {
        name: "auto.commit.interval.ms",
        apply: |config, value| parse_millis(value).map(|time| config.auto_commit_interval = time),
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
        name: "max.partition.fetch.bytes",
        apply: |config, value| bytes(value).map(|bytes| config.max_partition_fetch_bytes = bytes),
    },
    Setting {
        name: "fetch.max.wait.ms",
        apply: |config, value| parse_millis(value).map(|time| config.fetch_max_wait = time),
    },
    Setting {
        name: "max.poll.records",
        apply: |config, value| {
            positive(value, "a positive number").map(|count| config.max_poll_records = count)
        },
    },
    Setting {
        name: "buffer.memory",
        apply: |config, value| {
            parse(value, "a number of bytes").map(|bytes| config.buffer_memory = bytes)
        },
    },
    Setting {
        name: "isolation.level",
        apply: |config, value| {
            let names = [
                ("read_uncommitted", Isolation::ReadUncommitted),
                ("read_committed", Isolation::ReadCommitted),
            ];
            one_of(value, &names).map(|level| config.isolation_level = level)
        },
    },
    Setting {
        name: "check.crcs",
        apply: |config, value| boolean(value).map(|on| config.check_crcs = on),
    },
    Setting {
        name: "session.timeout.ms",
        apply: |config, value| parse_millis(value).map(|time| config.session_timeout = time),
    },
    Setting {
        name: "heartbeat.interval.ms",
        apply: |config, value| parse_millis(value).map(|time| config.heartbeat_interval = time),
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
        apply: |config, value| {
            parse(value, "true or false").map(|on| config.allow_auto_create_topics = on)
        },
    },
];

#[cfg(test)]
mod tests;
