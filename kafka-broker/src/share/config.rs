//! The settings that a share group has of its own (`kafka-configs.sh --group`).

use std::time::Duration;

use super::settings::ShareSettings;
use crate::configs::Given;
use crate::log::Isolation;

const AUTO_OFFSET_RESET: &str = "share.auto.offset.reset";
const DELIVERY_COUNT_LIMIT: &str = "share.delivery.count.limit";
const HEARTBEAT_INTERVAL: &str = "share.heartbeat.interval.ms";
const ISOLATION_LEVEL: &str = "share.isolation.level";
const MAX_RECORD_LOCKS: &str = "share.partition.max.record.locks";
const RECORD_LOCK_DURATION: &str = "share.record.lock.duration.ms";
const RENEW_ACKNOWLEDGE: &str = "share.renew.acknowledge.enable";
const SESSION_TIMEOUT: &str = "share.session.timeout.ms";

const READ_COMMITTED: &str = "read_committed";
const BY_DURATION: &str = "by_duration:";

/// Where a group begins to read a partition (`share.auto.offset.reset`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reset {
    Earliest,
    Latest,
    /// So long ago.
    By(Duration),
}

impl Reset {
    /// `earliest`, `latest` or `by_duration:PT1H`.
    pub(crate) fn parse(value: &str) -> Option<Self> {
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

/// The settings that a share group was given, which are known to be good.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShareGroupConfig {
    given: Given,
}

impl ShareGroupConfig {
    pub(crate) fn new(given: Given) -> Self {
        Self { given }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(|value| value.trim())
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
