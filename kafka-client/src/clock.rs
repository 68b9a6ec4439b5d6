use std::time::Instant;

/// The time, on tokio's clock, which a test may hold and move.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
