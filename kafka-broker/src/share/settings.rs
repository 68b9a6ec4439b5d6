use std::time::Duration;

/// What share groups are set to, as long as their own settings say nothing else. Each is named after Kafka's own setting.
#[derive(Debug, Clone)]
pub(crate) struct ShareSettings {
    pub(crate) heartbeat_interval: Duration,
    pub(crate) session_timeout: Duration,
    pub(crate) max_size: usize,
    pub(crate) record_lock_duration: Duration,
    pub(crate) delivery_count_limit: i16,
    pub(crate) partition_max_record_locks: i64,
    /// Of one broker.
    pub(crate) max_sessions: usize,
}

impl Default for ShareSettings {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(5),
            session_timeout: Duration::from_secs(45),
            max_size: 200,
            record_lock_duration: Duration::from_secs(30),
            delivery_count_limit: 5,
            partition_max_record_locks: 2000,
            max_sessions: 2000,
        }
    }
}
