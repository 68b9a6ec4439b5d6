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

#[cfg(test)]
mod tests {
    use super::*;

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
