use std::time::Duration;

use super::Backpressure;

/// A completed batch, as far as one input's rate can be learned from it.
#[derive(Clone, Copy, Debug)]
pub(in crate::context) struct Completed {
    /// When it ended, on a clock that never goes back.
    pub(in crate::context) end: Duration,
    /// The records of this input.
    pub(in crate::context) records: u64,
    pub(in crate::context) processing: Duration,
    /// How late it started because of the batches before it.
    pub(in crate::context) scheduling: Duration,
}

/// Learns the rate of one input from completed batches.
#[derive(Debug)]
pub(in crate::context) struct RateEstimator {
    pid: Pid,
    interval: Duration,
    cost: FixedCost,
}

impl RateEstimator {
    pub(in crate::context) fn new(settings: &Backpressure, interval: Duration) -> Self {
        RateEstimator {
            pid: Pid::new(settings),
            interval,
            cost: FixedCost::default(),
        }
    }

    /// Records a second that the input may give to batches of the interval from now on, if something was learned.
    pub(in crate::context) fn learn(&mut self, batch: &Completed) -> Option<f64> {
        if batch.records == 0 || batch.processing.is_zero() {
            return None;
        }
        self.cost.observe(batch.records, batch.processing);
        // A batch that spends most of its time on what every batch costs gets no faster by being smaller. Let it take twice
        // that time, so that at least half of it is for records.
        let interval = self.interval.max(self.cost.fixed * 2);
        // Then the next batch is meant to be late by so much.
        let scheduling = batch.scheduling.saturating_sub(interval - self.interval);
        let batch = &Completed {
            scheduling,
            ..*batch
        };
        let first = self.pid.latest.is_none();
        let mut rate = self.pid.compute(batch, interval);
        if first && let Some(latest) = &self.pid.latest {
            rate = Some(latest.rate.max(self.pid.settings.min_rate));
        }
        // While batches keep their interval, nothing needs to be tried.
        let trial = self.cost.is_stale() && batch.processing > self.interval.mul_f64(TRIAL);
        let share = if trial { TRIAL } else { 1.0 };
        let rate = rate? * share * interval.as_secs_f64() / self.interval.as_secs_f64();
        Some(rate.max(self.pid.settings.min_rate))
    }
}

/// Spark's `PIDRateEstimator`.
#[derive(Debug)]
struct Pid {
    settings: Backpressure,
    latest: Option<Latest>,
}

#[derive(Debug)]
struct Latest {
    end: Duration,
    rate: f64,
    error: f64,
}

impl Pid {
    fn new(settings: &Backpressure) -> Self {
        Pid {
            settings: settings.clone(),
            latest: None,
        }
    }

    /// The new rate in records a second. The first batch only says where to start from.
    fn compute(&mut self, batch: &Completed, interval: Duration) -> Option<f64> {
        if batch.records == 0 || batch.processing.is_zero() {
            return None;
        }
        let processing_rate = batch.records as f64 / batch.processing.as_secs_f64();
        let Some(latest) = &mut self.latest else {
            self.latest = Some(Latest {
                end: batch.end,
                rate: processing_rate,
                error: 0.0,
            });
            return None;
        };
        if batch.end <= latest.end {
            return None;
        }
        let error = latest.rate - processing_rate;
        let historical_error =
            batch.scheduling.as_secs_f64() * processing_rate / interval.as_secs_f64();
        let change = (error - latest.error) / (batch.end - latest.end).as_secs_f64();
        let rate = latest.rate
            - self.settings.proportional * error
            - self.settings.integral * historical_error
            - self.settings.derivative * change;
        let rate = rate.max(self.settings.min_rate);
        *latest = Latest {
            end: batch.end,
            rate,
            error,
        };
        Some(rate)
    }
}

/// What every batch costs, however few records it has: where the line through two batches of different sizes begins.
///
/// Two batches, because costs change: a line through many would mix what was with what is.
#[derive(Debug, Default)]
struct FixedCost {
    fixed: Duration,
    /// Where the last line began.
    seen: Duration,
    /// The batch to compare with, and how many batches ago it was.
    other: Option<(Sample, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    records: f64,
    seconds: f64,
}

/// By how much two batches must differ in size to tell a line from noise.
const DIFFERENT: f64 = 0.25;
/// For how many batches one is kept to compare with.
const KEPT: u32 = 16;
/// The size of a batch that is made smaller so that there are two sizes to compare.
const TRIAL: f64 = 0.7;
/// What an estimate still counts after a batch that could not confirm it. One that is too high makes batches longer than they
/// need to be; one that is too low makes them smaller, so that soon there are two sizes to compare.
const FADING: f64 = 0.97;

impl FixedCost {
    fn observe(&mut self, records: u64, processing: Duration) {
        let new = Sample {
            records: records as f64,
            seconds: processing.as_secs_f64(),
        };
        let Some((other, age)) = &mut self.other else {
            self.other = Some((new, 0));
            return;
        };
        let more = new.records - other.records;
        if more.abs() >= DIFFERENT * new.records.max(other.records) {
            let per_record = ((new.seconds - other.seconds) / more).max(0.0);
            let fixed = (new.seconds - per_record * new.records).clamp(0.0, other.seconds);
            let fixed = Duration::from_secs_f64(fixed);
            // If records got cheaper between the two, it only looks as if they cost nothing: that must be seen twice.
            self.fixed = fixed.min(self.seen);
            self.seen = fixed;
            self.other = Some((new, 0));
        } else {
            self.fixed = self.fixed.mul_f64(FADING);
            *age += 1;
            if *age > KEPT {
                self.other = Some((new, 0));
            }
        }
        // No batch costs less.
        self.fixed = self.fixed.min(processing);
    }

    /// Whether batches have been of one size for so long that it is time to try another.
    fn is_stale(&self) -> bool {
        self.other.is_some_and(|(_, age)| age == KEPT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn batch(end_ms: u64, records: u64, processing_ms: u64, scheduling_ms: u64) -> Completed {
        let millis = Duration::from_millis;
        Completed {
            end: millis(end_ms),
            records,
            processing: millis(processing_ms),
            scheduling: millis(scheduling_ms),
        }
    }

    /// What the formula gives for each of the batches, worked out by hand.
    #[track_caller]
    fn check_formula(settings: Backpressure, batches: &[(Completed, Option<f64>)]) {
        let mut pid = Pid::new(&settings);
        for (n, (batch, expected)) in batches.iter().enumerate() {
            let rate = pid.compute(batch, SECOND);
            let same = match (rate, expected) {
                (Some(rate), Some(expected)) => (rate - expected).abs() < 1e-9,
                (rate, expected) => rate.is_none() && expected.is_none(),
            };
            assert!(
                same,
                "batch {n}: the rate is {rate:?}, expected {expected:?}"
            );
        }
    }

    #[test]
    fn the_first_batch_only_says_where_to_start_from() {
        let first = (batch(1000, 500, 500, 0), None);
        check_formula(
            Backpressure::default(),
            &[first, (batch(2000, 800, 1000, 0), Some(800.0))],
        );
    }

    #[test]
    fn lateness_counts_by_the_integral_weight() {
        // 800 - 0.2 * (0.5 s * 800 / 1 s)
        let late = (batch(2000, 800, 1000, 500), Some(720.0));
        check_formula(
            Backpressure::default(),
            &[(batch(1000, 500, 500, 0), None), late],
        );
    }

    #[test]
    fn all_weights_together() {
        let settings = Backpressure {
            proportional: 0.5,
            integral: 0.1,
            derivative: 2.0,
            ..Backpressure::default()
        };
        check_formula(
            settings,
            &[
                (batch(1000, 1000, 500, 0), None),
                // Error 2000 - 1000; change 1000 in 2 s: 2000 - 500 - 0.1 * 200 - 2 * 500.
                (batch(3000, 1000, 1000, 200), Some(480.0)),
                // Error 480 - 1000; change -1520 in 1 s: 480 + 260 - 0 + 3040.
                (batch(4000, 1000, 1000, 0), Some(3780.0)),
            ],
        );
    }

    #[test]
    fn nothing_is_learned_from_a_batch_without_records_or_duration_or_from_the_past() {
        check_formula(
            Backpressure::default(),
            &[
                (batch(1000, 0, 500, 0), None),
                (batch(1000, 500, 0, 0), None),
                (batch(1000, 500, 500, 0), None),
                (batch(1000, 900, 100, 0), None),
                (batch(500, 900, 100, 0), None),
                (batch(2000, 0, 100, 0), None),
                (batch(2000, 300, 1000, 0), Some(300.0)),
            ],
        );
    }

    #[test]
    fn the_rate_never_falls_below_its_minimum() {
        let late = (batch(2000, 800, 1000, 60_000), Some(100.0));
        check_formula(
            Backpressure::default(),
            &[(batch(1000, 500, 500, 0), None), late],
        );
    }

    #[test]
    fn the_second_batch_is_bounded_by_what_the_first_showed() {
        let mut estimator = RateEstimator::new(&Backpressure::default(), SECOND);
        assert_eq!(
            estimator.learn(&batch(1000, 50_000, 10_000, 0)),
            Some(5000.0)
        );
        assert_eq!(estimator.learn(&batch(2000, 0, 5, 0)), None);
    }

    #[test]
    fn a_line_through_the_batches_tells_their_fixed_cost() {
        let mut cost = FixedCost::default();
        for n in [100, 200, 400, 100, 50, 100] {
            cost.observe(n, Duration::from_micros(8_000 + 10 * n));
        }
        let near =
            |millis: u64| Duration::from_millis(millis - 1)..Duration::from_millis(millis + 1);
        assert!(near(8).contains(&cost.fixed), "{cost:?}");
        // The records get dearer.
        for n in [50, 500, 250] {
            cost.observe(n, Duration::from_micros(8_000 + 500 * n));
        }
        assert!(near(8).contains(&cost.fixed), "{cost:?}");
        // Batches of one size confirm nothing.
        for _ in 0..100 {
            cost.observe(250, Duration::from_micros(8_000 + 500 * 250));
        }
        assert!(cost.fixed < Duration::from_millis(1), "{cost:?}");
    }
}
