use std::sync::Arc;
use std::time::Duration;

use crate::{Clock, Time, Wakeup};

/// The time by which batches are known: the clock's, but it never goes back.
///
/// If the clock is set back, batches go on at their interval, ahead of the clock by as much; a batch must not come again under
/// an older time, and none should wait for hours until the clock has caught up. If the clock is set forward, time follows it
/// at once, and first makes up for what it was ahead.
pub(super) struct Timeline {
    clock: Arc<dyn Clock>,
    shown: Time,
    /// When the clock showed that, on its monotonic time.
    at: Duration,
    ahead: Duration,
}

impl Timeline {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Timeline {
            shown: clock.now(),
            at: clock.monotonic(),
            clock,
            ahead: Duration::ZERO,
        }
    }

    pub(super) fn now(&mut self) -> Time {
        let (shown, at) = (self.clock.now(), self.clock.monotonic());
        let passed = at.saturating_sub(self.at);
        if shown < self.shown {
            self.ahead += self.shown.since(shown) + passed;
            tracing::warn!(clock = %shown, before = %self.shown, "the clock was set back: batch times go on from where they were");
        } else {
            let set_forward = shown.since(self.shown).saturating_sub(passed);
            self.ahead = self.ahead.saturating_sub(set_forward);
        }
        (self.shown, self.at) = (shown, at);
        shown + self.ahead
    }

    /// Waits for a time, or until `wakeup` is notified.
    pub(super) fn wait_until(&self, time: Time, wakeup: &Wakeup) {
        self.clock.wait_until(time - self.ahead, wakeup);
    }

    pub(super) fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A clock whose time of day can be set apart from its monotonic time.
    #[derive(Clone, Default)]
    struct WallClock(Arc<Mutex<(u64, u64)>>);

    impl WallClock {
        fn pass(&self, millis: u64) {
            let mut state = self.0.lock().unwrap();
            *state = (state.0 + millis, state.1 + millis);
        }
        fn set(&self, now: u64) {
            self.0.lock().unwrap().0 = now;
        }
    }

    impl Clock for WallClock {
        fn now(&self) -> Time {
            Time::from_millis(self.0.lock().unwrap().0)
        }
        fn wait_until(&self, _: Time, _: &Wakeup) {}
        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0.lock().unwrap().1)
        }
    }

    #[test]
    fn time_goes_on_when_the_clock_is_set_back_and_catches_up_when_it_is_set_right() {
        const HOUR: u64 = 3_600_000;
        let clock = WallClock::default();
        clock.set(10 * HOUR);
        let mut timeline = Timeline::new(Arc::new(clock.clone()));
        let mut expect = |millis| assert_eq!(timeline.now(), Time::from_millis(millis));
        clock.pass(500);
        expect(10 * HOUR + 500);
        clock.pass(200);
        clock.set(9 * HOUR);
        expect(10 * HOUR + 700);
        clock.pass(300);
        expect(10 * HOUR + 1000);
        // Set right again: no hour is skipped, and the clock's time holds again.
        clock.set(10 * HOUR + 2000);
        expect(10 * HOUR + 2000);
        clock.pass(1000);
        expect(10 * HOUR + 3000);
        // A day ahead is where batches go, too.
        clock.set(34 * HOUR);
        expect(34 * HOUR);
    }

    #[test]
    fn a_wait_ends_at_the_clock_s_own_time() {
        struct Expecting(WallClock, Mutex<Vec<Time>>);
        impl Clock for Expecting {
            fn now(&self) -> Time {
                self.0.now()
            }
            fn wait_until(&self, deadline: Time, _: &Wakeup) {
                self.1.lock().unwrap().push(deadline);
            }
            fn monotonic(&self) -> Duration {
                self.0.monotonic()
            }
        }
        let wall = WallClock::default();
        wall.set(5000);
        let clock = Arc::new(Expecting(wall.clone(), Mutex::default()));
        let mut timeline = Timeline::new(clock.clone());
        wall.set(2000);
        assert_eq!(timeline.now(), Time::from_millis(5000));
        timeline.wait_until(Time::from_millis(6000), &Wakeup::default());
        assert_eq!(*clock.1.lock().unwrap(), [Time::from_millis(3000)]);
    }
}
