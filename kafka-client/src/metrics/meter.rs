//! What is measured: sums, counts and extremes, since the client was made and over the last windows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock::now;

/// How long a window is: Kafka's `metrics.sample.window.ms`. With the one before it (`metrics.num.samples` is 2), rates,
/// averages and extremes are those of the last 30 to 60 seconds.
pub(crate) const WINDOW: Duration = Duration::from_secs(30);

/// A time as meters need it. All meters of a client begin their windows at the same times, so that they can be added up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    window: u64,
    /// How long the windows that are looked at have lasted so far.
    covered: Duration,
}

impl Moment {
    /// The moment this long after the client was made.
    pub(crate) fn after(start: Duration) -> Self {
        let window = start.as_nanos() / WINDOW.as_nanos();
        let into = start.saturating_sub(WINDOW * u32::try_from(window).unwrap_or(u32::MAX));
        Self {
            window: u64::try_from(window).unwrap_or(u64::MAX),
            covered: if window == 0 { into } else { into + WINDOW },
        }
    }

    /// A client's first second must not look like a thousandth of it.
    fn seconds(self) -> f64 {
        self.covered.as_secs_f64().max(1.0)
    }
}

/// What came in during one window.
#[derive(Debug, Clone, Copy)]
struct Sample {
    sum: f64,
    count: u64,
    min: f64,
    max: f64,
}

impl Sample {
    const NONE: Self = Self {
        sum: 0.0,
        count: 0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
    };

    fn merged(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            count: self.count + other.count,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// A value that there is only where something came in.
    fn seen(self, value: f64) -> f64 {
        if self.count == 0 { f64::NAN } else { value }
    }
}

/// Measures one thing. Recording takes a few nanoseconds and no memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    sum: f64,
    count: u64,
    /// The window that `current` is of.
    window: u64,
    current: Sample,
    previous: Sample,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            sum: 0.0,
            count: 0,
            window: 0,
            current: Sample::NONE,
            previous: Sample::NONE,
        }
    }
}

impl Meter {
    pub(crate) fn record(&mut self, value: f64, moment: Moment) {
        self.turn_to(moment.window);
        self.sum += value;
        self.count += 1;
        self.current = self.current.merged(Sample {
            sum: value,
            count: 1,
            min: value,
            max: value,
        });
    }

    /// Records how long something took, in milliseconds.
    pub(crate) fn record_time(&mut self, time: Duration, moment: Moment) {
        self.record(time.as_secs_f64() * 1000.0, moment);
    }

    fn turn_to(&mut self, window: u64) {
        (self.current, self.previous) = self.samples(window);
        self.window = window.max(self.window);
    }

    /// What came in during a window and during the one before it.
    fn samples(&self, window: u64) -> (Sample, Sample) {
        match window.saturating_sub(self.window) {
            0 => (self.current, self.previous),
            1 => (Sample::NONE, self.current),
            _ => (Sample::NONE, Sample::NONE),
        }
    }

    fn seen(&self, moment: Moment) -> Sample {
        let (current, previous) = self.samples(moment.window);
        current.merged(previous)
    }

    /// Takes in what another meter has measured.
    pub(crate) fn add(&mut self, other: &Self) {
        let window = self.window.max(other.window);
        self.turn_to(window);
        let (current, previous) = other.samples(window);
        self.sum += other.sum;
        self.count += other.count;
        self.current = self.current.merged(current);
        self.previous = self.previous.merged(previous);
    }

    /// Everything together, since the beginning.
    pub(crate) fn total(&self) -> f64 {
        self.sum
    }

    /// How often, since the beginning.
    pub(crate) fn count(&self) -> f64 {
        self.count as f64
    }

    /// The sum, a second.
    pub(crate) fn rate(&self, moment: Moment) -> f64 {
        self.seen(moment).sum / moment.seconds()
    }

    /// How often, a second.
    pub(crate) fn frequency(&self, moment: Moment) -> f64 {
        self.seen(moment).count as f64 / moment.seconds()
    }

    /// The mean; NaN where there was nothing.
    pub(crate) fn avg(&self, moment: Moment) -> f64 {
        let seen = self.seen(moment);
        seen.seen(seen.sum / seen.count as f64)
    }

    /// The largest; NaN where there was nothing.
    pub(crate) fn max(&self, moment: Moment) -> f64 {
        let seen = self.seen(moment);
        seen.seen(seen.max)
    }

    /// The smallest; NaN where there was nothing.
    pub(crate) fn min(&self, moment: Moment) -> f64 {
        let seen = self.seen(moment);
        seen.seen(seen.min)
    }
}

/// How much time was spent with something, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Spent(AtomicU64);

impl Spent {
    /// Time counts from now until the returned value is dropped.
    pub(crate) fn begin(&self) -> Spending<'_> {
        Spending {
            spent: self,
            since: now(),
        }
    }

    pub(crate) fn nanos(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64
    }
}

/// Time that is being spent.
#[derive(Debug)]
#[must_use]
pub(crate) struct Spending<'a> {
    spent: &'a Spent,
    since: Instant,
}

impl Drop for Spending<'_> {
    fn drop(&mut self) {
        let nanos = now().saturating_duration_since(self.since).as_nanos();
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        self.spent.0.fetch_add(nanos, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::after(Duration::from_secs(seconds))
    }

    #[test]
    fn rates_are_those_of_this_window_and_the_one_before() {
        let mut meter = Meter::default();
        meter.record(100.0, at(1));
        assert_eq!(meter.rate(at(10)), 10.0);
        meter.record(200.0, at(40));
        assert_eq!(meter.rate(at(45)), 300.0 / 45.0);
        assert_eq!(meter.frequency(at(45)), 2.0 / 45.0);
        // From 60 s on the first window does not count any more.
        assert_eq!(meter.rate(at(60)), 200.0 / 30.0);
        assert_eq!(meter.rate(at(90)), 0.0);
        assert_eq!((meter.total(), meter.count()), (300.0, 2.0));
    }

    #[test]
    fn extremes_and_means_fade_with_their_window_and_are_nan_where_there_is_nothing() {
        let mut meter = Meter::default();
        assert!(meter.avg(at(0)).is_nan() && meter.max(at(0)).is_nan());
        meter.record(1.0, at(0));
        meter.record(5.0, at(29));
        meter.record(3.0, at(30));
        let seen = |moment| (meter.min(moment), meter.avg(moment), meter.max(moment));
        assert_eq!(seen(at(31)), (1.0, 3.0, 5.0));
        assert_eq!(seen(at(61)), (3.0, 3.0, 3.0));
        assert!(meter.min(at(95)).is_nan());
    }

    #[test]
    fn the_first_moments_of_a_client_do_not_look_like_a_flood() {
        let mut meter = Meter::default();
        meter.record(7.0, at(0));
        assert_eq!(meter.rate(Moment::after(Duration::from_millis(1))), 7.0);
    }

    #[test]
    fn meters_of_different_age_add_up() {
        let (mut one, mut other) = (Meter::default(), Meter::default());
        one.record(1.0, at(5));
        other.record(10.0, at(35));
        other.record(20.0, at(65));
        let mut sum = one;
        sum.add(&other);
        let mut reversed = other;
        reversed.add(&one);
        for sum in [sum, reversed] {
            assert_eq!((sum.total(), sum.count()), (31.0, 3.0));
            assert_eq!((sum.min(at(65)), sum.max(at(65))), (10.0, 20.0));
        }
    }

    #[test]
    fn time_spent_adds_up() {
        let spent = Spent::default();
        let mut last = 0.0;
        for _ in 0..2 {
            let spending = spent.begin();
            while now() == spending.since {}
            drop(spending);
            assert!(spent.nanos() > last);
            last = spent.nanos();
        }
    }
}
