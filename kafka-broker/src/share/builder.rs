//! What brokers are set to for share groups.

use std::time::Duration;

use crate::broker::{Broker, BrokerBuilder};
use crate::configs::Change;
use crate::error::BrokerError;

impl BrokerBuilder {
    /// How often members of share groups are to be heard of (`group.share.heartbeat.interval.ms`, 5 s).
    #[must_use]
    pub fn share_group_heartbeat_interval(mut self, interval: Duration) -> Self {
        self.settings.share_groups.heartbeat_interval = interval;
        self
    }

    /// When members of share groups that are not heard of count as gone (`group.share.session.timeout.ms`, 45 s).
    #[must_use]
    pub fn share_group_session_timeout(mut self, timeout: Duration) -> Self {
        self.settings.share_groups.session_timeout = timeout;
        self
    }

    /// How many members a share group may have (`group.share.max.size`, 200).
    #[must_use]
    pub fn share_group_max_size(mut self, members: usize) -> Self {
        self.settings.share_groups.max_size = members;
        self
    }

    /// How long a member of a share group has a record before somebody else may have it
    /// (`group.share.record.lock.duration.ms`, 30 s).
    #[must_use]
    pub fn share_group_record_lock_duration(mut self, duration: Duration) -> Self {
        self.settings.share_groups.record_lock_duration = duration;
        self
    }

    /// How often a record is given out before it is given up (`group.share.delivery.count.limit`, 5).
    #[must_use]
    pub fn share_group_delivery_count_limit(mut self, limit: i16) -> Self {
        self.settings.share_groups.delivery_count_limit = limit.max(1);
        self
    }

    /// How many records of a partition a share group may have in its hands
    /// (`group.share.partition.max.record.locks`, 2000).
    #[must_use]
    pub fn share_group_partition_max_record_locks(mut self, records: u32) -> Self {
        self.settings.share_groups.partition_max_record_locks = i64::from(records.max(1));
        self
    }

    /// How many share sessions a broker remembers (`group.share.max.share.sessions`, 2000).
    #[must_use]
    pub fn share_group_max_sessions(mut self, sessions: usize) -> Self {
        self.settings.share_groups.max_sessions = sessions;
        self
    }
}

impl Broker {
    /// Gives a share group a setting of its own, without a client: `share.auto.offset.reset` (latest, earliest or
    /// by_duration:PT1H), `share.isolation.level`, `share.record.lock.duration.ms`, `share.delivery.count.limit`,
    /// `share.partition.max.record.locks`, `share.renew.acknowledge.enable`, `share.heartbeat.interval.ms`,
    /// `share.session.timeout.ms`. Without a value it is again what the brokers are set to. The group need not be there
    /// yet.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let broker = kafka_broker::Broker::builder().start().await?;
    /// broker.set_share_group_config("jobs", "share.auto.offset.reset", Some("earliest"))?;
    /// # Ok::<(), kafka_broker::BrokerError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`BrokerError::ShareGroupConfig`] if there is no such setting, or the value does not fit.
    pub fn set_share_group_config(
        &self,
        group_id: &str,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), BrokerError> {
        let set = self
            .cluster
            .alter_group(group_id, &Change::one(name, value), false);
        set.map_err(|refusal| BrokerError::ShareGroupConfig {
            group_id: group_id.to_owned(),
            reason: refusal.message,
        })
    }
}
