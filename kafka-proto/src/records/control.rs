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

/// The types of control records that a client acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlType {
    /// The producer's transaction ended: forget its records.
    Abort,
    /// The producer's transaction ended: its records count.
    Commit,
    /// Something between brokers, such as a change of leader, or a type of a newer Kafka: to be skipped.
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
