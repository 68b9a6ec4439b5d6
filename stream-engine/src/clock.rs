use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Time, Wakeup};

/// Where the scheduler gets the time from.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Time;

    /// Blocks until `deadline` on this clock, or until `wakeup` is notified; may return early.
    fn wait_until(&self, deadline: Time, wakeup: &Wakeup);
}

/// The time of day.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Time::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    fn wait_until(&self, deadline: Time, wakeup: &Wakeup) {
        let remaining = deadline.since(self.now());
        if !remaining.is_zero() {
            wakeup.wait(Some(remaining));
        }
    }
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
    state: Arc<Mutex<(Time, Vec<Wakeup>)>>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Time) -> Self {
        ManualClock {
            state: Arc::new(Mutex::new((now, Vec::new()))),
        }
    }

    /// Moves the clock forward by `duration`.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now() + duration);
    }

    /// Moves the clock to `now`; never backwards.
    pub fn set(&self, now: Time) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = state.0.max(now);
        state.1.iter().for_each(Wakeup::notify);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn wait_until(&self, deadline: Time, wakeup: &Wakeup) {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if !state.1.iter().any(|known| known.is_same(wakeup)) {
                state.1.push(wakeup.clone());
            }
            if state.0 >= deadline {
                return;
            }
        }
        wakeup.wait(None);
    }
}
