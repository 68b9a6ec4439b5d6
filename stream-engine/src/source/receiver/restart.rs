use std::time::Duration;

/// How long to wait before a receiver is started again.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        let longest = longest.max(first);
        Backoff {
            first,
            longest,
            next: first,
        }
    }

    /// The wait after a run, twice the one before unless the run was of use.
    pub(super) fn after(&mut self, was_of_use: bool) -> Duration {
        let delay = if was_of_use { self.first } else { self.next };
        self.next = delay.saturating_mul(2).min(self.longest);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_a_run_of_use() {
        let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(7));
        let runs = [false, false, false, false, true, false, true, true];
        let waits = runs.map(|was_of_use| backoff.after(was_of_use).as_secs());
        assert_eq!(waits, [2, 4, 7, 7, 2, 4, 2, 2]);
        let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(1));
        assert_eq!(
            [false, false].map(|_| backoff.after(false).as_secs()),
            [5, 5]
        );
    }
}
