use std::time::Duration;

use crate::Time;

/// How many records batches may take, by the time that passes.
#[derive(Debug)]
pub(super) struct RateLimit {
    max_rate: Option<f64>,
    /// What back-pressure allows.
    pressure: Option<f64>,
    interval: Duration,
    previous: Option<Time>,
    /// What was left of a record.
    fraction: f64,
}

impl RateLimit {
    pub(super) fn new(max_rate: Option<f64>, interval: Duration) -> Self {
        RateLimit {
            max_rate,
            pressure: None,
            interval,
            previous: None,
            fraction: 0.0,
        }
    }

    pub(super) fn limit(&mut self, records_per_second: f64) {
        self.pressure = Some(records_per_second.max(0.0));
    }

    fn rate(&self) -> Option<f64> {
        match (self.max_rate, self.pressure) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The longest time that counts at once: after a pause there is no burst of all that was not taken in it.
    fn span(&self) -> Duration {
        self.interval.max(Duration::from_secs(1))
    }

    /// How many records the batch `time` may take.
    pub(super) fn take(&mut self, time: Time) -> usize {
        let passed = self
            .previous
            .map_or(self.interval, |before| time.since(before));
        self.previous = Some(time);
        let Some(rate) = self.rate() else {
            return usize::MAX;
        };
        let allowed = self.fraction + rate * passed.min(self.span()).as_secs_f64();
        self.fraction = allowed.fract();
        allowed as usize
    }

    /// How many records may wait, of at most `max`: more would only wait longer.
    pub(super) fn capacity(&self, max: usize) -> usize {
        self.rate().map_or(max, |rate| {
            let at_once = (rate * self.span().as_secs_f64()).ceil() as usize;
            at_once.clamp(1, max)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn a_batch_takes_its_intervals_worth_and_no_burst_after_a_pause() {
        let mut limit = RateLimit::new(Some(100.0), Duration::from_secs(2));
        assert_eq!(limit.take(at(2000)), 200);
        assert_eq!(limit.take(at(4000)), 200);
        assert_eq!(limit.take(at(60_000)), 200);
        assert_eq!(limit.capacity(1000), 200);
        assert_eq!(limit.capacity(50), 50);
    }

    #[test]
    fn the_lower_of_setting_and_back_pressure_holds() {
        let mut limit = RateLimit::new(Some(100.0), Duration::from_secs(1));
        for (pressure, expected) in [(500.0, 100), (20.0, 20), (300.0, 100)] {
            limit.limit(pressure);
            assert_eq!(limit.take(at(1000)).max(limit.capacity(1000)), expected);
        }
        let mut free = RateLimit::new(None, Duration::from_secs(1));
        assert_eq!((free.take(at(1000)), free.capacity(7)), (usize::MAX, 7));
        free.limit(3.0);
        assert_eq!((free.take(at(2000)), free.capacity(7)), (3, 3));
    }

    proptest! {
        #[test]
        fn no_part_of_a_record_is_lost_or_won(rate in 0.1f64..5000.0, steps in prop::collection::vec(1u64..1000, 1..200)) {
            let mut limit = RateLimit::new(Some(rate), Duration::from_millis(1));
            let mut time = 0;
            let mut taken = limit.take(at(time)) as f64;
            for step in steps {
                time += step;
                taken += limit.take(at(time)) as f64;
            }
            let exact = rate * (time as f64 + 1.0) / 1000.0;
            prop_assert!(taken <= exact + 0.001 && taken > exact - 1.001, "took {}, exact are {}", taken, exact);
        }
    }
}
