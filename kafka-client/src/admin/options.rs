//! How the calls of a handle are made: what Java has as the options of each call.

use std::time::Duration;

use super::Admin;
use crate::consumer::Isolation;

/// How the calls of a handle are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// Instead of `default.api.timeout.ms`.
    pub(super) timeout: Option<Duration>,
    pub(super) asks_for_operations: bool,
    pub(super) asks_for_documentation: bool,
    pub(super) asks_for_eligible_leaders: bool,
    pub(super) keeps_replication_factors: bool,
    pub(super) waits_for_quotas: bool,
    pub(super) waits_for_transactions: bool,
    pub(super) isolation: Isolation,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: None,
            asks_for_operations: false,
            asks_for_documentation: false,
            asks_for_eligible_leaders: false,
            keeps_replication_factors: false,
            waits_for_quotas: true,
            waits_for_transactions: false,
            isolation: Isolation::ReadUncommitted,
        }
    }
}

/// Handles whose calls are made in another way; the handle itself stays as it is, and both share their connections.
///
/// ```no_run
/// # use std::time::Duration;
/// # use kafka_client::admin::Admin;
/// # async fn example(admin: Admin) -> kafka_client::Result<()> {
/// let hurried = admin.with_timeout(Duration::from_secs(2)).with_authorized_operations();
/// for (topic, description) in hurried.describe_topics(["orders"]).await? {
///     println!("{topic}: we may {:?}", description?.authorized_operations);
/// }
/// # Ok(())
/// # }
/// ```
impl Admin {
    /// Gives up after this time instead of `default.api.timeout.ms` (Java's `timeoutMs` of every call).
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        self.with(|options| options.timeout = Some(timeout))
    }

    /// Descriptions of topics, groups and the cluster say what we may do with them (KIP-430, Java's
    /// `includeAuthorizedOperations`). It costs the broker a look at its ACLs for each.
    #[must_use]
    pub fn with_authorized_operations(&self) -> Self {
        self.with(|options| options.asks_for_operations = true)
    }

    /// Descriptions of settings come with their documentation (KIP-569, Java's `includeDocumentation`).
    #[must_use]
    pub fn with_documentation(&self) -> Self {
        self.with(|options| options.asks_for_documentation = true)
    }

    /// Descriptions of topics name the replicas that may become leaders although they are not in sync (KIP-966). They are
    /// asked for page by page then, of at most 2,000 partitions, which takes longer for very many; brokers before Kafka 3.8
    /// do not tell.
    #[must_use]
    pub fn with_eligible_leaders(&self) -> Self {
        self.with(|options| options.asks_for_eligible_leaders = true)
    }

    /// What a quota on changes holds up (KIP-599) is an error at once: `THROTTLING_QUOTA_EXCEEDED`. Without this it is tried
    /// again (Java's `retryOnQuotaViolation`).
    #[must_use]
    pub fn without_waiting_for_quotas(&self) -> Self {
        self.with(|options| options.waits_for_quotas = false)
    }

    /// Reassignments that would give a partition more or fewer replicas are refused (KIP-860, Java's
    /// `allowReplicationFactorChange(false)`).
    #[must_use]
    pub fn keeping_replication_factors(&self) -> Self {
        self.with(|options| options.keeps_replication_factors = true)
    }

    /// Positions of groups are told only once no open transaction can change them (KIP-447, Java's `requireStable`).
    #[must_use]
    pub fn with_stable_offsets(&self) -> Self {
        self.with(|options| options.waits_for_transactions = true)
    }

    /// Latest offsets are those up to which `read_committed` reads, or, which is the default, `read_uncommitted` (Java's
    /// `ListOffsetsOptions`).
    #[must_use]
    pub fn with_isolation(&self, isolation: Isolation) -> Self {
        self.with(|options| options.isolation = isolation)
    }

    fn with(&self, change: impl FnOnce(&mut Options)) -> Self {
        let mut other = self.clone();
        change(&mut other.options);
        other
    }

    /// How long a call goes on trying.
    pub(super) fn limit(&self) -> Duration {
        let default = self.cluster.config().api_timeout;
        self.options.timeout.unwrap_or(default)
    }

    /// How long a broker may take for a change.
    pub(super) fn timeout_ms(&self) -> i32 {
        let limit = self.cluster.config().request_timeout.min(self.limit());
        i32::try_from(limit.as_millis()).unwrap_or(i32::MAX)
    }
}
