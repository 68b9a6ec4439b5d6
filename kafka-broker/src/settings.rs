use std::time::{Duration, SystemTime};

use crate::authorizer::Authorizer;
use crate::groups::ConsumerGroupSettings;
use crate::security::{Listener, SecuritySettings};
use crate::share::ShareSettings;
use crate::transactions::TransactionVersion;

/// What a broker is set to. Each is named after Kafka's own setting.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) num_partitions: i32,
    pub(crate) auto_create_topics: bool,
    pub(crate) group_initial_rebalance_delay: Duration,
    pub(crate) group_min_session_timeout: Duration,
    pub(crate) group_max_session_timeout: Duration,
    pub(crate) consumer_groups: ConsumerGroupSettings,
    /// Whether clients may push metrics; Kafka has no setting for it, but a reporter that takes them or none.
    pub(crate) client_metrics: bool,
    pub(crate) telemetry_max_bytes: usize,
    pub(crate) share_groups: ShareSettings,
    pub(crate) max_message_bytes: usize,
    pub(crate) max_request_bytes: usize,
    pub(crate) fetch_max_bytes: usize,
    pub(crate) fetch_session_slots: usize,
    pub(crate) offset_metadata_max_bytes: usize,
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) log_cleaner_backoff: Duration,
    pub(crate) log_retention_check_interval: Duration,
    pub(crate) transaction_version: TransactionVersion,
    pub(crate) transaction_max_timeout: Duration,
    /// How long it takes from the end of a transaction until its markers are there. Not a setting of Kafka: there it
    /// depends on the brokers.
    pub(crate) transaction_marker_delay: Duration,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) security: SecuritySettings,
    pub(crate) authorizer: Option<Authorizer>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::security::Tls>,
    /// The same, read when the brokers start.
    #[cfg(feature = "tls")]
    pub(crate) certificates: Option<std::sync::Arc<crate::security::Certificates>>,
    /// What time it was when the brokers started, if it is not the system's that counts.
    pub(crate) start_time: Option<SystemTime>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            num_partitions: 1,
            auto_create_topics: true,
            group_initial_rebalance_delay: Duration::ZERO,
            group_min_session_timeout: Duration::from_secs(6),
            group_max_session_timeout: Duration::from_secs(30 * 60),
            consumer_groups: ConsumerGroupSettings::default(),
            client_metrics: false,
            telemetry_max_bytes: 1 << 20,
            share_groups: ShareSettings::default(),
            max_message_bytes: 1_048_588,
            max_request_bytes: 100 << 20,
            fetch_max_bytes: 55 << 20,
            fetch_session_slots: 1000,
            offset_metadata_max_bytes: 4096,
            retention_bytes: None,
            log_cleaner_backoff: Duration::from_secs(15),
            log_retention_check_interval: Duration::from_secs(5 * 60),
            transaction_version: TransactionVersion::default(),
            transaction_max_timeout: Duration::from_secs(15 * 60),
            transaction_marker_delay: Duration::ZERO,
            listeners: Vec::new(),
            security: SecuritySettings::default(),
            authorizer: None,
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "tls")]
            certificates: None,
            start_time: None,
        }
    }
}
