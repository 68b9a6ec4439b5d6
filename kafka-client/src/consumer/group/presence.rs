//! Whether the application is there: whoever does not poll must not keep partitions from others.

use std::time::{Duration, Instant};

/// When the application has polled last.
#[derive(Debug)]
pub(crate) struct Presence {
    /// `max.poll.interval.ms`.
    longest_absence: Duration,
    polling: bool,
    last_poll: Instant,
}

impl Presence {
    pub(crate) fn new(longest_absence: Duration, now: Instant) -> Self {
        Self {
            longest_absence,
            polling: false,
            last_poll: now,
        }
    }

    pub(crate) fn begins(&mut self) {
        self.polling = true;
    }

    pub(crate) fn ends(&mut self, now: Instant) {
        self.polling = false;
        self.last_poll = now;
    }

    /// Counts from now on.
    pub(crate) fn restart(&mut self, now: Instant) {
        self.last_poll = now;
    }

    /// When it will have been away for too long; nobody is away while polling, however long that takes.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        (!self.polling).then(|| self.last_poll + self.longest_absence)
    }

    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.ends_at().is_some_and(|end| now >= end)
    }
}
