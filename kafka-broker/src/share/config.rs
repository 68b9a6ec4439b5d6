//! The settings that a share group has of its own (`kafka-configs.sh --group`).

use std::collections::BTreeMap;
use std::time::Duration;

use super::settings::ShareSettings;
use crate::log::Isolation;

/// Every setting of a share group, with what its value has to be.
const SETTINGS: [(&str, Kind); 9] = [
    (ASSIGNMENT_INTERVAL, Kind::Number(0)),
    (AUTO_OFFSET_RESET, Kind::Reset),
    (DELIVERY_COUNT_LIMIT, Kind::Number(2)),
    (HEARTBEAT_INTERVAL, Kind::Number(1)),
    (
        ISOLATION_LEVEL,
        Kind::OneOf(&[READ_COMMITTED, READ_UNCOMMITTED]),
    ),
    (MAX_RECORD_LOCKS, Kind::Number(1)),
    (RECORD_LOCK_DURATION, Kind::Number(1)),
    (RENEW_ACKNOWLEDGE, Kind::OneOf(&["true", "false"])),
    (SESSION_TIMEOUT, Kind::Number(1)),
];

const ASSIGNMENT_INTERVAL: &str = "share.assignment.interval.ms";
const AUTO_OFFSET_RESET: &str = "share.auto.offset.reset";
const DELIVERY_COUNT_LIMIT: &str = "share.delivery.count.limit";
const HEARTBEAT_INTERVAL: &str = "share.heartbeat.interval.ms";
const ISOLATION_LEVEL: &str = "share.isolation.level";
const MAX_RECORD_LOCKS: &str = "share.partition.max.record.locks";
const RECORD_LOCK_DURATION: &str = "share.record.lock.duration.ms";
const RENEW_ACKNOWLEDGE: &str = "share.renew.acknowledge.enable";
const SESSION_TIMEOUT: &str = "share.session.timeout.ms";

const READ_COMMITTED: &str = "read_committed";
const READ_UNCOMMITTED: &str = "read_uncommitted";
const BY_DURATION: &str = "by_duration:";

/// What a value may be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A whole number that an `i32` holds, not below this one.
    Number(i32),
    OneOf(&'static [&'static str]),
    Reset,
}

/// Why a setting of a group was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShareGroupConfigError {
    #[error(
        "unknown config \"{0}\" of a share group: known are {known}",
        known = SETTINGS.map(|(name, _)| name).join(", ")
    )]
    Unknown(String),
    #[error(
        "invalid value \"{value}\" for config \"{name}\" of a share group: expected {expected}"
    )]
    Invalid {
        name: &'static str,
        value: String,
        expected: String,
    },
}

/// Where a group begins to read a partition (`share.auto.offset.reset`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reset {
    Earliest,
    Latest,
    /// So long ago.
    By(Duration),
}

impl Reset {
    fn parse(value: &str) -> Option<Self> {
        match value {
            "earliest" => Some(Self::Earliest),
            "latest" => Some(Self::Latest),
            _ => Some(Self::By(duration(value.strip_prefix(BY_DURATION)?)?)),
        }
    }
}

/// What of the settings decides about the records of a partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) record_lock_duration: Duration,
    pub(crate) delivery_count_limit: i16,
    pub(crate) max_record_locks: i64,
    pub(crate) renew_acknowledge: bool,
    pub(crate) isolation: Isolation,
    pub(crate) reset: Reset,
}

impl Rules {
    /// From so many deliveries on records are given out in smaller parts.
    pub(super) fn throttled_deliveries(&self) -> i16 {
        (self.delivery_count_limit / 2 + self.delivery_count_limit % 2).max(2)
    }
}

/// The settings that a share group was given.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShareGroupConfig {
    given: BTreeMap<&'static str, String>,
}

impl ShareGroupConfig {
    /// Gives a setting a value; without one it is again what the brokers are set to.
    pub(crate) fn set(
        &mut self,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), ShareGroupConfigError> {
        let known = SETTINGS.iter().find(|(known, _)| *known == name);
        let (name, kind) = *known.ok_or_else(|| ShareGroupConfigError::Unknown(name.to_owned()))?;
        let Some(value) = value.map(str::trim) else {
            self.given.remove(name);
            return Ok(());
        };
        kind.check(value)
            .map_err(|expected| ShareGroupConfigError::Invalid {
                name,
                value: value.to_owned(),
                expected,
            })?;
        self.given.insert(name, value.to_owned());
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    fn number<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        self.get(name)?
            .parse()
            .ok()
            .and_then(|number: i64| T::try_from(number).ok())
    }

    fn millis(&self, name: &str) -> Option<Duration> {
        self.number(name).map(Duration::from_millis)
    }

    pub(crate) fn heartbeat_interval(&self, settings: &ShareSettings) -> Duration {
        let given = self.millis(HEARTBEAT_INTERVAL);
        given.unwrap_or(settings.heartbeat_interval)
    }

    pub(crate) fn session_timeout(&self, settings: &ShareSettings) -> Duration {
        self.millis(SESSION_TIMEOUT)
            .unwrap_or(settings.session_timeout)
    }

    pub(crate) fn rules(&self, settings: &ShareSettings) -> Rules {
        let lock = self.millis(RECORD_LOCK_DURATION);
        let limit = self.number(DELIVERY_COUNT_LIMIT);
        let locks = self.number(MAX_RECORD_LOCKS);
        Rules {
            record_lock_duration: lock.unwrap_or(settings.record_lock_duration),
            delivery_count_limit: limit.unwrap_or(settings.delivery_count_limit),
            max_record_locks: locks.unwrap_or(settings.partition_max_record_locks),
            renew_acknowledge: self.get(RENEW_ACKNOWLEDGE) != Some("false"),
            isolation: match self.get(ISOLATION_LEVEL) {
                Some(READ_COMMITTED) => Isolation::ReadCommitted,
                _ => Isolation::ReadUncommitted,
            },
            reset: self
                .get(AUTO_OFFSET_RESET)
                .and_then(Reset::parse)
                .unwrap_or(Reset::Latest),
        }
    }
}

impl Kind {
    /// Says what was expected, if it is not that.
    fn check(self, value: &str) -> Result<(), String> {
        let (good, expected) = match self {
            Self::Number(min) => (
                value.parse().is_ok_and(|number: i32| number >= min),
                format!("a whole number from {min} on"),
            ),
            Self::OneOf(values) => (
                values.contains(&value),
                format!("one of {}", values.join(", ")),
            ),
            Self::Reset => (
                Reset::parse(value).is_some(),
                "one of earliest, latest, by_duration:<ISO 8601 duration>, such as by_duration:PT1H"
                    .to_owned(),
            ),
        };
        if good { Ok(()) } else { Err(expected) }
    }
}

/// An ISO 8601 duration of days, hours, minutes and seconds (`P1DT2H3M4.5S`).
fn duration(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('P')?;
    let (days, time) = match text.split_once('T') {
        Some((days, time)) if !time.is_empty() => (days, time),
        Some(_) => return None,
        None => (text, ""),
    };
    if days.is_empty() && time.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    let mut rest = days;
    let mut take = |unit: char, scale: f64, rest: &mut &str| -> Option<()> {
        if let Some((number, behind)) = rest.split_once(unit) {
            let number: f64 = number.parse().ok()?;
            seconds += number * scale;
            *rest = behind;
        }
        Some(())
    };
    take('D', 86_400.0, &mut rest)?;
    if !rest.is_empty() {
        return None;
    }
    rest = time;
    for (unit, scale) in [('H', 3600.0), ('M', 60.0), ('S', 1.0)] {
        take(unit, scale, &mut rest)?;
    }
    let all = rest.is_empty() && seconds >= 0.0;
    all.then(|| Duration::try_from_secs_f64(seconds).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_known_and_valid_or_refused_by_name() {
        for (name, value, refused) in [
            (RECORD_LOCK_DURATION, Some("15000"), None),
            (RECORD_LOCK_DURATION, None, None),
            (RECORD_LOCK_DURATION, Some("0"), Some("from 1 on")),
            (DELIVERY_COUNT_LIMIT, Some("1"), Some("from 2 on")),
            (ISOLATION_LEVEL, Some(READ_COMMITTED), None),
            (
                ISOLATION_LEVEL,
                Some("serializable"),
                Some("one of read_committed"),
            ),
            (AUTO_OFFSET_RESET, Some("earliest"), None),
            (AUTO_OFFSET_RESET, Some("by_duration:PT1H"), None),
            (
                AUTO_OFFSET_RESET,
                Some("by_duration:-PT1H"),
                Some("ISO 8601"),
            ),
            (AUTO_OFFSET_RESET, Some("none"), Some("one of earliest")),
            (
                "share.nothing",
                Some("1"),
                Some("unknown config \"share.nothing\""),
            ),
        ] {
            let result = ShareGroupConfig::default().set(name, value);
            let told = result.map_err(|error| error.to_string());
            match refused {
                None => assert_eq!(told, Ok(()), "{name}"),
                Some(part) => assert!(
                    told.clone().is_err_and(|error| error.contains(part)),
                    "{name}: {told:?}"
                ),
            }
        }
    }

    #[test]
    fn durations_are_those_of_iso_8601() {
        for (text, seconds) in [
            ("PT1H", Some(3600.0)),
            ("P1D", Some(86_400.0)),
            ("P1DT2H3M4.5S", Some(93_784.5)),
            ("PT0S", Some(0.0)),
            ("P", None),
            ("PT", None),
            ("1H", None),
            ("PT1X", None),
            ("PT-5S", None),
            ("P1H", None),
        ] {
            let parsed = duration(text).map(|duration| duration.as_secs_f64());
            assert_eq!(parsed, seconds, "{text}");
        }
    }
}
