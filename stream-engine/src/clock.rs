use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::{Time, Wakeup};

/// Where the scheduler gets the time from.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Time;

    /// Blocks until `deadline` on this clock, or until `wakeup` is notified; may return early.
    fn wait_until(&self, deadline: Time, wakeup: &Wakeup);

    /// A time that never goes back, from some fixed moment on, for measuring how long something takes. By default the
    /// operating system's, whatever the time of day is set to.
    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}

/// The time of day.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        whole_millis(since_epoch())
    }

    fn wait_until(&self, deadline: Time, wakeup: &Wakeup) {
        // Not from `now`, which is up to a millisecond behind: short intervals would begin late by that much.
        let remaining = Duration::from_millis(deadline.as_millis()).saturating_sub(since_epoch());
        if !remaining.is_zero() {
            wakeup.wait(Some(remaining));
        }
    }
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn whole_millis(since_epoch: Duration) -> Time {
    Time::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

/// A clock that stands still until it is moved; for tests without sleeps. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use stream_engine::{Clock, ManualClock, Time};
///
/// let clock = ManualClock::new(Time::from_millis(0));
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(clock.now(), Time::from_millis(2000));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    since_epoch: Duration,
    waiting: Vec<Wakeup>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Time) -> Self {
        let clock = ManualClock::default();
        clock.set(now);
        clock
    }

    /// Moves the clock forward by `duration`. Fractions of a millisecond add up, though `now` does not show them.
    pub fn advance(&self, duration: Duration) {
        self.change(|now| now.saturating_add(duration));
    }

    /// Moves the clock to `now`; never backwards.
    pub fn set(&self, now: Time) {
        self.change(|before| before.max(Duration::from_millis(now.as_millis())));
    }

    fn change(&self, change: impl FnOnce(Duration) -> Duration) {
        let mut state = self.state();
        state.since_epoch = change(state.since_epoch);
        state.waiting.iter().for_each(Wakeup::notify);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        whole_millis(self.monotonic())
    }

    fn wait_until(&self, deadline: Time, wakeup: &Wakeup) {
        {
            let mut state = self.state();
            if !state.waiting.iter().any(|known| known.is_same(wakeup)) {
                state.waiting.push(wakeup.clone());
            }
            if whole_millis(state.since_epoch) >= deadline {
                return;
            }
        }
        wakeup.wait(None);
    }

    fn monotonic(&self) -> Duration {
        self.state().since_epoch
    }
}
