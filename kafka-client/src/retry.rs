//! How long to wait before trying again.

use std::time::Duration;

/// Waits that double from the first to the longest, each varied by a fifth so that many clients do not knock at once.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    initial: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(initial: Duration, max: Duration) -> Self {
        Self {
            initial,
            max: max.max(initial),
            next: initial,
        }
    }

    /// The wait before the next try.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (self.next * 2).min(self.max);
        wait.mul_f64(0.8 + 0.4 * fastrand::f64())
    }

    /// After a success: start over.
    pub(crate) fn reset(&mut self) {
        self.next = self.initial;
    }
}

/// Limits that double from the first, which is exact, to the longest (KIP-601): what takes long for one attempt may only need
/// more time. Each but the first is varied by a fifth.
pub(crate) fn growing_limit(initial: Duration, max: Duration, failures: u32) -> Duration {
    if failures == 0 {
        return initial;
    }
    let doubled = initial.saturating_mul(2u32.saturating_pow(failures));
    doubled
        .min(max.max(initial))
        .mul_f64(0.8 + 0.4 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_double_with_every_failure_up_to_the_longest() {
        let (initial, max) = (Duration::from_secs(10), Duration::from_secs(30));
        for (failures, expected) in [(0, 10.0), (1, 20.0), (2, 30.0), (3, 30.0), (1000, 30.0)] {
            let limit = growing_limit(initial, max, failures).as_secs_f64();
            let vary = if failures == 0 { 0.0 } else { 0.21 };
            let range = expected * (1.0 - vary)..=expected * (1.0 + vary);
            assert!(range.contains(&limit), "{limit} after {failures} failures");
        }
        assert_eq!(
            growing_limit(max, initial, 0),
            max,
            "a maximum below it is none"
        );
    }

    #[test]
    fn waits_double_up_to_the_longest_and_vary_by_a_fifth() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(1000));
        for expected in [100.0, 200.0, 400.0, 800.0, 1000.0, 1000.0] {
            let wait = backoff.next().as_secs_f64() * 1000.0;
            assert!(
                (expected * 0.79..=expected * 1.21).contains(&wait),
                "{wait} for {expected}"
            );
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(120));
    }
}
