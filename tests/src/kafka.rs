//! A real Kafka to test against, and names that no other test uses.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// The longest that a test waits for anything.
pub const WAIT: Duration = Duration::from_secs(30);

/// Where the Kafka listens that `tests/kafka/kafka.sh` has started.
///
/// # Panics
/// When `KAFKA_BOOTSTRAP` does not say.
pub fn bootstrap() -> String {
    std::env::var("KAFKA_BOOTSTRAP")
        .expect("KAFKA_BOOTSTRAP: run eval \"$(tests/kafka/kafka.sh env)\" and export it")
}

/// A name that no other test uses, on a cluster that earlier runs have used, too.
pub fn unique(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    format!(
        "{name}-{now}-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}
