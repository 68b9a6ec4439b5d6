//! What holds for a topic, read once when it is set: produce and fetch look at numbers, not at texts.

use kafka_proto::compression::{Codec, Compression};

use super::definitions::{Definition, TOPIC_CONFIGS, list};

/// What holds for a topic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TopicSettings {
    /// The largest batch that is taken.
    pub(crate) max_message_bytes: usize,
    /// Whether records get the broker's time.
    pub(crate) log_append_time: bool,
    /// How far ahead of the broker's clock a record may be.
    pub(crate) timestamp_after_max_millis: i64,
    /// How far behind the broker's clock a record may be, if there is a limit.
    pub(crate) timestamp_before_max_millis: Option<i64>,
    /// What batches are compressed by; `None` as the producer has it.
    pub(crate) codec: Option<Codec>,
    pub(crate) min_insync_replicas: usize,
    pub(crate) log: LogSettings,
}

/// What holds for the logs of a topic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LogSettings {
    /// Old segments go by size and age.
    pub(crate) delete: bool,
    /// All but the newest record of each key goes.
    pub(crate) compact: bool,
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) retention_millis: Option<i64>,
    pub(crate) segment_bytes: usize,
    pub(crate) segment_millis: i64,
    pub(crate) segment_jitter_millis: i64,
    pub(crate) delete_retention_millis: i64,
    pub(crate) min_cleanable_dirty_ratio: f64,
    pub(crate) min_compaction_lag_millis: i64,
    pub(crate) max_compaction_lag_millis: i64,
}

impl TopicSettings {
    /// Reads values that have been checked, as `value_of` tells them.
    pub(super) fn read(value_of: impl Fn(&'static Definition) -> Option<String>) -> Self {
        let text = |name: &str| -> String {
            let definition = Definition::find(TOPIC_CONFIGS, name);
            definition.and_then(&value_of).unwrap_or_default()
        };
        let number = |name: &str| -> i64 { text(name).trim().parse().unwrap_or_default() };
        let size = |name: &str| -> usize { usize::try_from(number(name)).unwrap_or_default() };
        let level = |compression: Compression| -> Option<i32> {
            i32::try_from(number(&format!("compression.{}.level", compression.name()))).ok()
        };
        let compression_type = text("compression.type");
        let codec = match compression_type.trim() {
            "uncompressed" => Some(Codec::new(Compression::None)),
            name => Compression::ALL
                .into_iter()
                .find(|compression| *compression != Compression::None && compression.name() == name)
                .map(|compression| {
                    // A level that this codec does not have is as good as the codec's own.
                    let leveled = level(compression)
                        .and_then(|level| Codec::with_level(compression, level).ok());
                    leveled.unwrap_or(Codec::new(compression))
                }),
        };
        let policy = text("cleanup.policy");
        let before = number("message.timestamp.before.max.ms");
        Self {
            max_message_bytes: size("max.message.bytes"),
            log_append_time: text("message.timestamp.type").trim() == "LogAppendTime",
            timestamp_after_max_millis: number("message.timestamp.after.max.ms"),
            timestamp_before_max_millis: (before != i64::MAX).then_some(before),
            codec,
            min_insync_replicas: size("min.insync.replicas"),
            log: LogSettings {
                delete: list(&policy).any(|word| word == "delete"),
                compact: list(&policy).any(|word| word == "compact"),
                retention_bytes: u64::try_from(number("retention.bytes")).ok(),
                retention_millis: Some(number("retention.ms")).filter(|millis| *millis >= 0),
                segment_bytes: size("segment.bytes"),
                segment_millis: number("segment.ms"),
                segment_jitter_millis: number("segment.jitter.ms"),
                delete_retention_millis: number("delete.retention.ms"),
                min_cleanable_dirty_ratio: text("min.cleanable.dirty.ratio")
                    .trim()
                    .parse()
                    .unwrap_or(0.5),
                min_compaction_lag_millis: number("min.compaction.lag.ms"),
                max_compaction_lag_millis: number("max.compaction.lag.ms"),
            },
        }
    }
}

impl Default for TopicSettings {
    fn default() -> Self {
        Self::read(|definition| definition.default.map(str::to_owned))
    }
}

impl Default for LogSettings {
    fn default() -> Self {
        TopicSettings::default().log
    }
}
