use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A moment by both clocks: timers run by the first, clients are told the second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// By tokio's clock, which tests may hold.
    pub(crate) instant: Instant,
    /// Milliseconds since 1970.
    pub(crate) unix_millis: i64,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            instant: tokio::time::Instant::now().into_std(),
            unix_millis: unix_millis(),
        }
    }
}

/// Milliseconds since 1970.
pub(crate) fn unix_millis() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
