//! The settings of a topic: all that Kafka 4.3 knows can be given, and are given back. Those that act are read here.

use std::collections::BTreeMap;

/// Every setting of a topic with its default, by name.
const DEFAULTS: &[(&str, &str, Kind)] = &[
    (
        "cleanup.policy",
        "delete",
        Kind::ListOf(&["compact", "delete"]),
    ),
    ("compression.gzip.level", "-1", Kind::Number(-1)),
    ("compression.lz4.level", "9", Kind::Number(1)),
    (
        "compression.type",
        "producer",
        Kind::OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
    ),
    ("compression.zstd.level", "3", Kind::Number(-131_072)),
    ("delete.retention.ms", "86400000", Kind::Number(0)),
    ("file.delete.delay.ms", "60000", Kind::Number(0)),
    ("flush.messages", "9223372036854775807", Kind::Number(1)),
    ("flush.ms", "9223372036854775807", Kind::Number(0)),
    ("follower.replication.throttled.replicas", "", Kind::Text),
    ("index.interval.bytes", "4096", Kind::Number(0)),
    ("leader.replication.throttled.replicas", "", Kind::Text),
    ("local.retention.bytes", "-2", Kind::Number(-2)),
    ("local.retention.ms", "-2", Kind::Number(-2)),
    (
        "max.compaction.lag.ms",
        "9223372036854775807",
        Kind::Number(1),
    ),
    (MAX_MESSAGE_BYTES, "1048588", Kind::Number(0)),
    (TIMESTAMP_AFTER_MAX, "3600000", Kind::Number(0)),
    (
        "message.timestamp.before.max.ms",
        "9223372036854775807",
        Kind::Number(0),
    ),
    (
        TIMESTAMP_TYPE,
        "CreateTime",
        Kind::OneOf(&["CreateTime", LOG_APPEND_TIME]),
    ),
    ("min.cleanable.dirty.ratio", "0.5", Kind::Ratio),
    ("min.compaction.lag.ms", "0", Kind::Number(0)),
    ("min.insync.replicas", "1", Kind::Number(1)),
    ("preallocate", "false", Kind::OneOf(&["true", "false"])),
    (
        "remote.log.copy.disable",
        "false",
        Kind::OneOf(&["true", "false"]),
    ),
    (
        "remote.log.delete.on.disable",
        "false",
        Kind::OneOf(&["true", "false"]),
    ),
    (
        "remote.storage.enable",
        "false",
        Kind::OneOf(&["true", "false"]),
    ),
    (RETENTION_BYTES, "-1", Kind::Number(-1)),
    ("retention.ms", "604800000", Kind::Number(-1)),
    ("segment.bytes", "1073741824", Kind::Number(1_048_576)),
    ("segment.index.bytes", "10485760", Kind::Number(4)),
    ("segment.jitter.ms", "0", Kind::Number(0)),
    ("segment.ms", "604800000", Kind::Number(1)),
    (
        "unclean.leader.election.enable",
        "false",
        Kind::OneOf(&["true", "false"]),
    ),
];

const MAX_MESSAGE_BYTES: &str = "max.message.bytes";
const RETENTION_BYTES: &str = "retention.bytes";
const TIMESTAMP_TYPE: &str = "message.timestamp.type";
const TIMESTAMP_AFTER_MAX: &str = "message.timestamp.after.max.ms";
const LOG_APPEND_TIME: &str = "LogAppendTime";

/// What a value may be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A whole number, not below this one.
    Number(i64),
    /// A number from 0 to 1.
    Ratio,
    OneOf(&'static [&'static str]),
    ListOf(&'static [&'static str]),
    Text,
}

/// Why a setting was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TopicConfigError {
    #[error("unknown topic config \"{0}\"")]
    Unknown(String),
    #[error("invalid value \"{value}\" for topic config \"{name}\": expected {expected}")]
    Invalid {
        name: String,
        value: String,
        expected: String,
    },
    #[error("null value not supported for topic config \"{0}\": leave it out for its default")]
    Null(String),
}

/// The settings that a topic was given.
#[derive(Debug, Clone, Default)]
pub(crate) struct TopicConfig {
    given: BTreeMap<&'static str, String>,
}

/// Where a setting's value comes from, as the protocol numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigSource {
    Topic = 1,
    Default = 5,
}

impl TopicConfig {
    /// Sets a value.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), TopicConfigError> {
        let known = DEFAULTS.iter().find(|(known, ..)| *known == name);
        let (name, _, kind) = known.ok_or_else(|| TopicConfigError::Unknown(name.to_owned()))?;
        let value = value.ok_or_else(|| TopicConfigError::Null((*name).to_owned()))?;
        kind.check(value)
            .map_err(|expected| TopicConfigError::Invalid {
                name: (*name).to_owned(),
                value: value.to_owned(),
                expected,
            })?;
        self.given.insert(name, value.to_owned());
        Ok(())
    }

    /// Every setting with its value and where that is from.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &str, ConfigSource)> {
        DEFAULTS
            .iter()
            .map(|(name, default, _)| match self.given.get(name) {
                Some(value) => (*name, value.as_str(), ConfigSource::Topic),
                None => (*name, *default, ConfigSource::Default),
            })
    }

    /// `max.message.bytes`, where it was given.
    pub(crate) fn max_message_bytes(&self) -> Option<usize> {
        self.given.get(MAX_MESSAGE_BYTES)?.parse().ok()
    }

    /// `retention.bytes`, where it was given and is a limit.
    pub(crate) fn retention_bytes(&self) -> Option<u64> {
        self.given.get(RETENTION_BYTES)?.parse().ok()
    }

    /// `message.timestamp.after.max.ms`: how far ahead of the broker's clock a record may be, an hour by default.
    pub(crate) fn timestamp_after_max_millis(&self) -> i64 {
        self.given
            .get(TIMESTAMP_AFTER_MAX)
            .and_then(|value| value.parse().ok())
            .unwrap_or(60 * 60 * 1000)
    }

    /// Whether `message.timestamp.type` is `LogAppendTime`.
    pub(crate) fn log_append_time(&self) -> bool {
        self.given
            .get(TIMESTAMP_TYPE)
            .is_some_and(|value| value == LOG_APPEND_TIME)
    }
}

impl Kind {
    /// Says what was expected, if it is not that.
    fn check(self, value: &str) -> Result<(), String> {
        let (good, expected) = match self {
            Self::Number(min) => (
                value.trim().parse().is_ok_and(|number: i64| number >= min),
                format!("a whole number from {min} on"),
            ),
            Self::Ratio => (
                value
                    .trim()
                    .parse()
                    .is_ok_and(|ratio: f64| (0.0..=1.0).contains(&ratio)),
                "a number from 0 to 1".to_owned(),
            ),
            Self::OneOf(values) => (
                values.contains(&value),
                format!("one of {}", values.join(", ")),
            ),
            Self::ListOf(values) => (
                value
                    .split(',')
                    .all(|element| values.contains(&element.trim())),
                format!("a list of {}", values.join(", ")),
            ),
            Self::Text => (true, String::new()),
        };
        if good { Ok(()) } else { Err(expected) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_known_and_valid_or_refused_by_name() {
        for (name, value, refused) in [
            ("retention.ms", Some("1000"), None),
            ("cleanup.policy", Some("compact,delete"), None),
            (
                "retention.ms",
                Some("soon"),
                Some("\"soon\" for topic config \"retention.ms\""),
            ),
            (
                "cleanup.policy",
                Some("shred"),
                Some("a list of compact, delete"),
            ),
            (
                "min.cleanable.dirty.ratio",
                Some("1.5"),
                Some("from 0 to 1"),
            ),
            (
                "message.timestamp.type",
                Some("Never"),
                Some("one of CreateTime, LogAppendTime"),
            ),
            ("retention.ms", None, Some("null value")),
            (
                "retention.m",
                Some("1"),
                Some("unknown topic config \"retention.m\""),
            ),
        ] {
            let result = TopicConfig::default()
                .set(name, value)
                .map_err(|error| error.to_string());
            match refused {
                None => assert_eq!(result, Ok(()), "{name}"),
                Some(part) => assert!(
                    result.clone().is_err_and(|error| error.contains(part)),
                    "{name}: {result:?}"
                ),
            }
        }
    }

    #[test]
    fn defaults_are_valid_and_sorted() {
        assert!(DEFAULTS.is_sorted_by_key(|(name, ..)| name));
        for (name, default, kind) in DEFAULTS {
            assert_eq!(kind.check(default), Ok(()), "{name}");
        }
    }
}
