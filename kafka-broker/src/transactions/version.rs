/// A version of the protocol for transactions: the level of the feature `transaction.version` that a cluster has
/// finalized. Clients choose by it how they speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TransactionVersion {
    /// The protocol of KIP-98. The feature is not finalized.
    V0,
    /// The same; Kafka itself stores transactions in another format.
    V1,
    /// The protocol of KIP-890: partitions are added by writing to them, and each transaction has an epoch of its own.
    #[default]
    V2,
}

impl TransactionVersion {
    /// The name of the feature.
    pub(crate) const FEATURE: &'static str = "transaction.version";

    /// What is finalized.
    pub(crate) fn level(self) -> i16 {
        self as i16
    }

    /// Whether the end of a transaction brings a new epoch.
    pub(crate) fn bumps_epoch(self) -> bool {
        self >= Self::V2
    }
}
