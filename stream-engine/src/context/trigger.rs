use std::time::Duration;

use crate::Time;

/// When batches take place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trigger {
    /// Every batch interval, at multiples of it since the epoch. If batches took too long or the process was paused, the missed
    /// intervals are one batch, the latest of them (Spark would run them one by one).
    #[default]
    Interval,
    /// As soon as the last batch is committed and a source has something new. A batch's time is the clock's, and always later
    /// than the one before. Without new data there are no batches, so windows stand still too.
    Continuous,
}

/// A batch that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) time: Time,
    /// When it was due first.
    pub(super) since: Time,
    /// How many intervals it stands for.
    pub(super) intervals: u64,
}

impl Trigger {
    /// The time from which batches are counted, if the context starts `now`.
    pub(super) fn zero_time(self, now: Time, interval: Duration) -> Time {
        match self {
            Trigger::Interval => now.next_multiple(interval) - interval,
            Trigger::Continuous => now,
        }
    }

    /// The batch that is due `now` after the batch `previous`; else the time when one will be.
    pub(super) fn due(self, now: Time, previous: Time, interval: Duration) -> Result<Due, Time> {
        match self {
            Trigger::Interval => {
                let next = previous + interval;
                if now < next {
                    return Err(next);
                }
                let time = now.floor_from(interval, next);
                let missed = time.since(next).as_millis() / interval.as_millis();
                Ok(Due {
                    time,
                    since: next,
                    intervals: 1 + u64::try_from(missed).unwrap_or(u64::MAX),
                })
            }
            Trigger::Continuous => {
                let time = now.max(previous + Duration::from_millis(1));
                Ok(Due {
                    time,
                    since: time,
                    intervals: 1,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn interval_batches_lie_on_the_grid_and_missed_ones_are_coalesced() {
        let trigger = Trigger::Interval;
        assert_eq!(trigger.zero_time(at(4300), SECOND), at(4000));
        assert_eq!(trigger.due(at(4999), at(4000), SECOND), Err(at(5000)));
        assert_eq!(
            trigger.due(at(5000), at(4000), SECOND),
            Ok(Due {
                time: at(5000),
                since: at(5000),
                intervals: 1
            })
        );
        assert_eq!(
            trigger.due(at(8700), at(5000), SECOND),
            Ok(Due {
                time: at(8000),
                since: at(6000),
                intervals: 3
            })
        );
    }

    #[test]
    fn continuous_batch_times_strictly_increase() {
        let trigger = Trigger::Continuous;
        assert_eq!(trigger.zero_time(at(4300), SECOND), at(4300));
        assert_eq!(
            trigger.due(at(4300), at(4300), SECOND).map(|due| due.time),
            Ok(at(4301))
        );
        assert_eq!(
            trigger.due(at(9000), at(4301), SECOND).map(|due| due.time),
            Ok(at(9000))
        );
        // The clock was set back.
        assert_eq!(
            trigger.due(at(100), at(9000), SECOND).map(|due| due.time),
            Ok(at(9001))
        );
    }
}
