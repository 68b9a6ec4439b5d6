use super::RecordsError;

/// What a record of a control batch says. Such records are written by brokers and never delivered to a user.
///
/// Decoded from the record's key: a version and a type, both 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlRecord {
    /// Version of the key's layout.
    pub version: i16,
    /// What happened.
    pub kind: ControlType,
}

/// The types of control records. A client acts on the first two, and skips the others, which are between brokers.
///
/// [`ControlValue`](crate::payloads::ControlValue) reads what their values say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlType {
    /// The producer's transaction ended: forget its records.
    Abort,
    /// The producer's transaction ended: its records count.
    Commit,
    /// A KRaft quorum has a new leader.
    LeaderChange,
    /// A snapshot begins.
    SnapshotHeader,
    /// A snapshot is whole.
    SnapshotFooter,
    /// The version of KRaft changes.
    KRaftVersion,
    /// The voters of a KRaft quorum change.
    KRaftVoters,
    /// A type of a newer Kafka.
    Unknown(i16),
}

impl ControlRecord {
    /// Reads the key of a record in a control batch.
    pub fn parse(key: &[u8]) -> Result<Self, RecordsError> {
        let &[a, b, c, d, ..] = key else {
            return Err(RecordsError::BadControlKey(key.len()));
        };
        let kind = match i16::from_be_bytes([c, d]) {
            0 => ControlType::Abort,
            1 => ControlType::Commit,
            2 => ControlType::LeaderChange,
            3 => ControlType::SnapshotHeader,
            4 => ControlType::SnapshotFooter,
            5 => ControlType::KRaftVersion,
            6 => ControlType::KRaftVoters,
            other => ControlType::Unknown(other),
        };
        Ok(Self {
            version: i16::from_be_bytes([a, b]),
            kind,
        })
    }

    /// The key that a broker writes.
    pub fn key(self) -> [u8; 4] {
        let kind = match self.kind {
            ControlType::Abort => 0,
            ControlType::Commit => 1,
            ControlType::LeaderChange => 2,
            ControlType::SnapshotHeader => 3,
            ControlType::SnapshotFooter => 4,
            ControlType::KRaftVersion => 5,
            ControlType::KRaftVoters => 6,
            ControlType::Unknown(other) => other,
        };
        let ([a, b], [c, d]) = (self.version.to_be_bytes(), kind.to_be_bytes());
        [a, b, c, d]
    }

    /// The value that goes with an abort or commit: version 0 and the epoch of the transaction's coordinator.
    pub fn end_transaction_value(coordinator_epoch: i32) -> [u8; 6] {
        let [a, b, c, d] = coordinator_epoch.to_be_bytes();
        [0, 0, a, b, c, d]
    }
}
