use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment by both clocks: timers run by the first, clients are told the second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// By tokio's clock, which tests may hold.
    pub(crate) instant: Instant,
    /// Milliseconds since 1970.
    pub(crate) unix_millis: i64,
}

/// What time it is.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    /// What time it was then, if it is not the system's that counts.
    began: Option<SystemTime>,
}

impl Clock {
    pub(crate) fn new(began: Option<SystemTime>) -> Self {
        Self {
            started: instant(),
            began,
        }
    }

    pub(crate) fn now(&self) -> Moment {
        let instant = instant();
        let time = match self.began {
            Some(began) => began + instant.saturating_duration_since(self.started),
            None => SystemTime::now(),
        };
        Moment {
            instant,
            unix_millis: time
                .duration_since(UNIX_EPOCH)
                .as_ref()
                .map_or(0, Duration::as_millis) as i64,
        }
    }
}

fn instant() -> Instant {
    tokio::time::Instant::now().into_std()
}
