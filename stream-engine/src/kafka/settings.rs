//! What a program says about what is to be read, and how.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka_client::TopicPartition;
use kafka_client::consumer::{Consumer, ConsumerBuilder, ConsumerConfig};

use super::commit::CommitMode;
use super::error::KafkaSourceError;
use super::rate::Rates;
use crate::Time;

/// Where a partition is read from when the group has committed no offset for it.
///
/// Once the group has, these no longer count: a restarted program goes on where it was. With the first commit, the starting
/// offsets of all partitions are committed, too, so that what is written to a partition without records while the program
/// is down is not passed over by `Latest`.
///
/// A partition that was added to a topic while the program ran, or while it was down, is read from its beginning, so that no
/// record is lost; and so is a topic that has come to match a pattern.
///
/// ```
/// use kafka_client::TopicPartition;
/// use stream_engine::kafka::{KafkaSource, StartingOffsets};
///
/// let offsets = [(TopicPartition::new("orders", 0), 1200)];
/// let source = KafkaSource::subscribe(["orders"])
///     .starting_offsets(StartingOffsets::explicit(offsets, StartingOffsets::Earliest));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StartingOffsets {
    /// From the oldest record (`auto.offset.reset=earliest`).
    Earliest,
    /// From what is written after the start (`auto.offset.reset=latest`).
    #[default]
    Latest,
    /// Nowhere: the start fails and names the partitions (`auto.offset.reset=none`).
    Committed,
    /// From the first record with this timestamp or a later one; where there is none, from what is written after the start.
    Timestamp(Time),
    /// From these offsets; see [`explicit`](Self::explicit).
    Explicit {
        /// The offset of the first record.
        offsets: BTreeMap<TopicPartition, i64>,
        /// Where partitions begin that are not named.
        otherwise: Box<StartingOffsets>,
    },
}

impl StartingOffsets {
    /// From these offsets, and in partitions that are not named from `otherwise`. A partition that the source does not read
    /// makes the start fail.
    pub fn explicit(
        offsets: impl IntoIterator<Item = (TopicPartition, i64)>,
        otherwise: StartingOffsets,
    ) -> Self {
        Self::Explicit {
            offsets: offsets.into_iter().collect(),
            otherwise: Box::new(otherwise),
        }
    }
}

/// What to do where the next offset of a partition is not in its log any more: retention was faster than the reader, the log
/// was truncated, or the topic was made anew. Counts at the start and later. Except for `Fail`, listeners are told
/// ([`on_offsets_lost`](crate::StreamingListener::on_offsets_lost)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutOfRange {
    /// Stop, with an error that says what is lost.
    #[default]
    Fail,
    /// Go on with the oldest record that is there.
    Earliest,
    /// Go on with what is written from now on.
    Latest,
}

/// Which partitions are read.
#[derive(Debug, Clone)]
pub(super) enum Topics {
    Named(Vec<String>),
    Matching(String),
    Partitions(Vec<TopicPartition>),
}

/// Settings for reading topics, with
/// [`kafka_direct_stream`](crate::StreamingContext::kafka_direct_stream) or
/// [`kafka_rdd`](crate::RddContext::kafka_rdd).
#[derive(Debug, Clone)]
pub struct KafkaSource {
    pub(super) topics: Topics,
    pub(super) bootstrap_servers: String,
    pub(super) group_id: Option<String>,
    pub(super) starting_offsets: StartingOffsets,
    pub(super) out_of_range: OutOfRange,
    pub(super) commit: CommitMode,
    pub(super) rates: Rates,
    pub(super) discovery_interval: Duration,
    properties: Vec<(String, String)>,
}

/// Bytes that a batch has at most; what is read ahead for the next one comes on top.
const MAX_BATCH_BYTES: usize = 32 << 20;
/// How often topics are looked at for partitions that were added.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(30);
/// A year: the clock can still count so far.
const LONGEST_DISCOVERY_INTERVAL: Duration = Duration::from_secs(365 * 86_400);

impl KafkaSource {
    fn new(topics: Topics) -> Self {
        Self {
            topics,
            bootstrap_servers: String::new(),
            group_id: None,
            starting_offsets: StartingOffsets::default(),
            out_of_range: OutOfRange::default(),
            commit: CommitMode::default(),
            rates: Rates::new(MAX_BATCH_BYTES),
            discovery_interval: DISCOVERY_INTERVAL,
            properties: Vec::new(),
        }
    }

    /// Reads all partitions of these topics (Spark's `ConsumerStrategies.Subscribe`). One that is not there makes the start
    /// fail; one that is deleted later, the next batch.
    pub fn subscribe(topics: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::new(Topics::Named(topics.into_iter().map(Into::into).collect()))
    }

    /// Reads all partitions of the topics whose whole name matches this regular expression (Spark's
    /// `ConsumerStrategies.SubscribePattern`), but for those that Kafka keeps for itself. Its syntax is that of
    /// [`TopicPattern`](kafka_client::consumer::TopicPattern). A topic that appears later is picked up within the
    /// [`discovery_interval`](Self::discovery_interval) and read from its beginning; one that is deleted is dropped. Listeners
    /// are told of both. An invalid pattern is told by
    /// [`kafka_direct_stream`](crate::StreamingContext::kafka_direct_stream).
    pub fn subscribe_pattern(pattern: impl Into<String>) -> Self {
        Self::new(Topics::Matching(pattern.into()))
    }

    /// Reads these partitions and no others (Spark's `ConsumerStrategies.Assign`). One that is not there makes the start
    /// fail.
    pub fn assign(partitions: impl IntoIterator<Item = TopicPartition>) -> Self {
        Self::new(Topics::Partitions(partitions.into_iter().collect()))
    }

    /// `bootstrap.servers`: `HOST:PORT`, or several separated by commas.
    #[must_use]
    pub fn bootstrap_servers(mut self, servers: impl Into<String>) -> Self {
        self.bootstrap_servers = servers.into();
        self
    }

    /// `group.id`: under whose name offsets are committed, and where a restarted program goes on. Without one nothing is
    /// committed.
    #[must_use]
    pub fn group_id(mut self, group: impl Into<String>) -> Self {
        self.group_id = Some(group.into());
        self
    }

    /// Where to begin where nothing is committed.
    #[must_use]
    pub fn starting_offsets(mut self, starting: StartingOffsets) -> Self {
        self.starting_offsets = starting;
        self
    }

    /// What to do where records are gone that were to be read next.
    #[must_use]
    pub fn on_out_of_range(mut self, policy: OutOfRange) -> Self {
        self.out_of_range = policy;
        self
    }

    /// Who commits offsets: by default the engine, after each batch.
    #[must_use]
    pub fn commit(mut self, mode: CommitMode) -> Self {
        self.commit = mode;
        self
    }

    /// How often topics are looked at for new partitions, and a pattern for new topics; 30 s by default, at least 10 ms.
    /// With `Duration::MAX` it is practically never.
    #[must_use]
    pub fn discovery_interval(mut self, interval: Duration) -> Self {
        self.discovery_interval =
            interval.clamp(Duration::from_millis(10), LONGEST_DISCOVERY_INTERVAL);
        self
    }

    /// The most records a second that each partition gives to batches
    /// (`spark.streaming.kafka.maxRatePerPartition`). 0, the default, is no limit.
    ///
    /// With [`Trigger::Interval`](crate::Trigger::Interval) a batch has at most what the rate comes to in one batch interval,
    /// also where it stands for several missed ones; with [`Trigger::Continuous`](crate::Trigger::Continuous) what it comes
    /// to in the time since the batch before. Where that is less than one record, batches have one every so often. (Spark
    /// would let one through in each batch.)
    #[must_use]
    pub fn max_rate_per_partition(self, records_per_second: u64) -> Self {
        self.max_rate_by_partition(move |_| records_per_second)
    }

    /// The same, for each partition its own (Spark's `PerPartitionConfig.maxRatePerPartition`).
    ///
    /// ```
    /// use stream_engine::kafka::KafkaSource;
    ///
    /// let source = KafkaSource::subscribe(["orders", "audit"])
    ///     .max_rate_by_partition(|partition| if &*partition.topic == "audit" { 100 } else { 10_000 });
    /// ```
    #[must_use]
    pub fn max_rate_by_partition(
        mut self,
        records_per_second: impl Fn(&TopicPartition) -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.rates.max = Arc::new(records_per_second);
        self
    }

    /// The records a second that a partition may always give, however slow batches are
    /// (`spark.streaming.kafka.minRatePerPartition`). 1 by default, as in Spark; counts more than the maximum.
    #[must_use]
    pub fn min_rate_per_partition(self, records_per_second: u64) -> Self {
        self.min_rate_by_partition(move |_| records_per_second)
    }

    /// The same, for each partition its own (Spark's `PerPartitionConfig.minRatePerPartition`).
    #[must_use]
    pub fn min_rate_by_partition(
        mut self,
        records_per_second: impl Fn(&TopicPartition) -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.rates.min = Arc::new(records_per_second);
        self
    }

    /// The most records that a batch has, of all partitions together, each giving in proportion to what it has. No limit by
    /// default; at least 1.
    #[must_use]
    pub fn max_batch_records(mut self, records: u64) -> Self {
        self.rates.batch_records = records.max(1);
        self
    }

    /// The most bytes that a batch has, uncompressed and in whole record batches, of which it has at least one; 32 MiB by
    /// default. Bounds the first batch after a long pause, too, and with it the memory: a batch that is computed and what is
    /// read ahead of the next one take about twice this.
    #[must_use]
    pub fn max_batch_bytes(mut self, bytes: usize) -> Self {
        self.rates.batch_bytes = bytes.max(1);
        self
    }

    /// A consumer setting by its Kafka name, such as `fetch.max.wait.ms` or `isolation.level`. One that is unknown or invalid
    /// makes the start fail. `bootstrap.servers`, `group.id` and `auto.offset.reset` are what the methods here set:
    /// `earliest`, `latest` and `none` are [`StartingOffsets::Earliest`], `Latest` and `Committed`.
    #[must_use]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        match (&*name, &*value) {
            ("bootstrap.servers", _) => self.bootstrap_servers = value,
            ("group.id", _) => self.group_id = Some(value),
            ("auto.offset.reset", "earliest") => self.starting_offsets = StartingOffsets::Earliest,
            ("auto.offset.reset", "latest") => self.starting_offsets = StartingOffsets::Latest,
            ("auto.offset.reset", "none") => self.starting_offsets = StartingOffsets::Committed,
            _ => self.properties.push((name, value)),
        }
        self
    }

    /// The consumer's settings.
    ///
    /// # Errors
    /// A setting that is unknown, invalid, or not to be set here.
    pub(super) fn config(&self) -> Result<ConsumerConfig, KafkaSourceError> {
        let mut config = ConsumerConfig {
            // What is read ahead waits in the source and not in the consumer.
            buffer_memory: (self.rates.batch_bytes / 4).clamp(1 << 20, 16 << 20),
            ..ConsumerConfig::default()
        };
        let group = self.group_id.iter().map(|group| ("group.id", &**group));
        config.set(
            [
                ("bootstrap.servers", &*self.bootstrap_servers),
                ("client.id", "stream-engine"),
                ("enable.auto.commit", "false"),
                // A topic whose name is mistyped is an error, and not a new topic.
                ("allow.auto.create.topics", "false"),
                // The source itself knows where to begin, and whether to go on where records are gone.
                ("auto.offset.reset", "none"),
            ]
            .into_iter()
            .chain(group),
        )?;
        config.set(self.properties.clone())?;
        if config.enable_auto_commit {
            return Err(KafkaSourceError::Setting {
                setting: "enable.auto.commit",
                problem: "the consumer would commit what no batch has dealt with: leave it out, batches are committed when they have succeeded, or choose another commit(...)".to_owned(),
            });
        }
        Ok(config)
    }

    pub(super) fn consumer(&self) -> Result<ConsumerBuilder, KafkaSourceError> {
        Ok(Consumer::builder().config(self.config()?))
    }

    /// What can be found out without a cluster.
    pub(super) fn check(&self) -> Result<(), KafkaSourceError> {
        let setting = |setting, problem: &str| {
            Err(KafkaSourceError::Setting {
                setting,
                problem: problem.to_owned(),
            })
        };
        match &self.topics {
            Topics::Named(topics) if topics.is_empty() => {
                return setting("subscribe", "no topics: name at least one");
            }
            Topics::Partitions(partitions) if partitions.is_empty() => {
                return setting("assign", "no partitions: name at least one");
            }
            _ => {}
        }
        if self.bootstrap_servers.is_empty() {
            return setting("bootstrap_servers", "not set: HOST:PORT of a broker");
        }
        if self.group_id.is_none() {
            if self.asks_for_committed() {
                return setting(
                    "starting_offsets",
                    "committed offsets are those of a group: set group_id, or begin elsewhere",
                );
            }
            if matches!(self.commit, CommitMode::Manual(_)) {
                return setting("commit", "offsets are committed for a group: set group_id");
            }
        }
        Ok(())
    }

    fn asks_for_committed(&self) -> bool {
        let mut starting = &self.starting_offsets;
        while let StartingOffsets::Explicit { otherwise, .. } = starting {
            starting = otherwise;
        }
        *starting == StartingOffsets::Committed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::OffsetCommits;

    #[test]
    fn what_is_wrong_is_told_without_a_cluster() {
        let source = || KafkaSource::subscribe(["t"]).bootstrap_servers("localhost:1");
        let none: [&str; 0] = [];
        let cases = [
            (
                KafkaSource::subscribe(["t"]),
                "setting bootstrap_servers: not set",
            ),
            (KafkaSource::subscribe(none), "setting subscribe: no topics"),
            (KafkaSource::assign([]), "setting assign: no partitions"),
            (
                source().starting_offsets(StartingOffsets::Committed),
                "setting starting_offsets: committed offsets are those of a group",
            ),
            (
                source().property("auto.offset.reset", "none"),
                "setting starting_offsets: committed offsets are those of a group",
            ),
            (
                source().commit(CommitMode::Manual(OffsetCommits::new())),
                "setting commit: offsets are committed for a group",
            ),
            (source().property("fetch.wait", "1"), "\"fetch.wait\""),
            (
                source().property("fetch.max.wait.ms", "soon"),
                "\"fetch.max.wait.ms\" = \"soon\"",
            ),
            (
                source().property("auto.offset.reset", "middle"),
                "\"auto.offset.reset\" = \"middle\"",
            ),
            (
                source().property("enable.auto.commit", "true"),
                "setting enable.auto.commit: ",
            ),
        ];
        for (source, expected) in cases {
            let checked = source.check().and_then(|()| source.config().map(|_| ()));
            let error = checked.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn settings_by_their_kafka_names_are_those_of_the_methods() {
        let source = KafkaSource::subscribe(["t"])
            .property("bootstrap.servers", "h:1")
            .property("group.id", "g")
            .property("auto.offset.reset", "earliest");
        assert_eq!(
            (
                &*source.bootstrap_servers,
                source.group_id.as_deref(),
                &source.starting_offsets
            ),
            ("h:1", Some("g"), &StartingOffsets::Earliest)
        );
        source.check().unwrap();
        source.config().unwrap();
    }
}
