use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment in milliseconds since the epoch; a batch is known by its time (Spark's `Time`).
///
/// ```
/// # use std::time::Duration;
/// # use stream_engine::Time;
/// let time = Time::from_millis(4_700);
/// assert_eq!(time.floor(Duration::from_secs(1)), Time::from_millis(4_000));
/// assert_eq!((time + Duration::from_millis(300)).to_string(), "5000 ms");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Time(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The last multiple of `interval` since the epoch that is not after this time.
    pub fn floor(self, interval: Duration) -> Time {
        self.floor_from(interval, Time(0))
    }

    /// As [`Time::floor`], with multiples counted from `zero`.
    pub fn floor_from(self, interval: Duration, zero: Time) -> Time {
        let since = self.0.saturating_sub(zero.0);
        Time(zero.0 + since - since % millis(interval))
    }

    /// The first multiple of `interval` since the epoch that is after this time: when the first batch is due.
    pub fn next_multiple(self, interval: Duration) -> Time {
        self.floor(interval) + interval
    }

    /// Whether this time is a multiple of `interval` since the epoch.
    pub fn is_multiple_of(self, interval: Duration) -> bool {
        self.0.is_multiple_of(millis(interval))
    }

    /// The time from `earlier` to this time; zero if this time is the earlier one.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The times from this one until before `end`, each `interval` after the last.
    pub fn until(self, end: Time, interval: Duration) -> impl Iterator<Item = Time> {
        (self.0..end.0).step_by(millis(interval) as usize).map(Time)
    }

    /// The times from this one up to and including `end`, each `interval` after the last.
    pub fn to(self, end: Time, interval: Duration) -> impl Iterator<Item = Time> {
        (self.0..=end.0)
            .step_by(millis(interval) as usize)
            .map(Time)
    }
}

/// Whole milliseconds, at least one: the unit in which batches are counted.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, duration: Duration) -> Time {
        Time(
            self.0
                .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }
}

/// Never before the epoch.
impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, duration: Duration) -> Time {
        Time(
            self.0
                .saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_batch_is_the_next_multiple_of_the_interval() {
        for (now, first) in [
            (0, 1000),
            (1, 1000),
            (999, 1000),
            (1000, 2000),
            (1_700_000_000_123, 1_700_000_001_000),
        ] {
            assert_eq!(Time(now).next_multiple(SECOND), Time(first), "now {now}");
        }
    }

    #[test]
    fn floors_count_from_zero_time() {
        assert_eq!(
            Time(4_700).floor_from(Duration::from_secs(2), Time(1_000)),
            Time(3_000)
        );
        assert_eq!(
            Time(500).floor_from(Duration::from_secs(2), Time(1_000)),
            Time(1_000)
        );
        assert!(Time(4_000).is_multiple_of(SECOND) && !Time(4_700).is_multiple_of(SECOND));
    }

    #[test]
    fn ranges_exclude_or_include_their_end() {
        let collect =
            |times: &mut dyn Iterator<Item = Time>| times.map(Time::as_millis).collect::<Vec<_>>();
        assert_eq!(
            collect(&mut Time(1000).until(Time(3000), SECOND)),
            [1000, 2000]
        );
        assert_eq!(
            collect(&mut Time(1000).to(Time(3000), SECOND)),
            [1000, 2000, 3000]
        );
    }

    #[test]
    fn arithmetic_never_wraps() {
        assert_eq!(Time(5) - SECOND, Time(0));
        assert_eq!(Time(5).since(Time(9)), Duration::ZERO);
        assert_eq!(Time(u64::MAX) + SECOND, Time(u64::MAX));
    }
}
