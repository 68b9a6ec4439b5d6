//! The values of records in control batches. Their keys say what they are: [`ControlRecord`](crate::records::ControlRecord).

use bytes::Bytes;
use bytestring::ByteString;

use super::Versioned;
use super::versioned::number;
use crate::codec::{DecodeError, Decoder, Message, Uuid, message};
use crate::records::ControlType;

/// What a control record says beyond its type.
///
/// ```
/// use bytes::Bytes;
/// use kafka_proto::payloads::{ControlValue, EndTxnMarker};
/// use kafka_proto::records::{ControlRecord, ControlType};
///
/// let kind = ControlRecord::parse(&[0, 0, 0, 1])?.kind;
/// assert_eq!(kind, ControlType::Commit);
/// let value = ControlValue::decode(kind, Bytes::from_static(&[0, 0, 0, 0, 0, 7]))?;
/// assert_eq!(value, ControlValue::EndTransaction(EndTxnMarker { coordinator_epoch: 7, ..Default::default() }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ControlValue {
    /// Of an abort or a commit.
    EndTransaction(EndTxnMarker),
    /// The first record of a leader's epoch.
    LeaderChange(LeaderChangeMessage),
    /// The first record of a snapshot.
    SnapshotHeader(SnapshotHeaderRecord),
    /// The last record of a snapshot.
    SnapshotFooter(SnapshotFooterRecord),
    /// The version of KRaft from here on.
    KRaftVersion(KRaftVersionRecord),
    /// The voters from here on.
    KRaftVoters(VotersRecord),
    /// Of a type that a newer Kafka has added: as it came.
    Unknown(Bytes),
}

impl ControlValue {
    /// Reads the value of a control record whose key says that it is of this type.
    ///
    /// # Errors
    /// When the bytes are not of the type's form, or of a version that we do not know. The end of a transaction is read in
    /// newer versions, too, as Java does: a consumer has to go on.
    #[inline]
    pub fn decode(kind: ControlType, value: Bytes) -> Result<Self, DecodeError> {
        Ok(match kind {
            ControlType::Abort | ControlType::Commit => {
                Self::EndTransaction(Versioned::decode_lenient(value)?.message)
            }
            ControlType::LeaderChange => Self::LeaderChange(of_kraft(value)?),
            ControlType::SnapshotHeader => Self::SnapshotHeader(of_kraft(value)?),
            ControlType::SnapshotFooter => Self::SnapshotFooter(of_kraft(value)?),
            ControlType::KRaftVersion => Self::KRaftVersion(of_kraft(value)?),
            ControlType::KRaftVoters => Self::KRaftVoters(of_kraft(value)?),
            ControlType::Unknown(_) => Self::Unknown(value),
        })
    }
}

/// KRaft's messages have no version in front of them: it is their own first field.
fn of_kraft<M: Message>(value: Bytes) -> Result<M, DecodeError> {
    let version = number(&mut Decoder::new(&value), M::NAME)?;
    M::decode(value, version)
}

message! {
    /// The key of a control record, behind its version. [`ControlRecord`](crate::records::ControlRecord) is the same, read.
    ControlRecordTypeSchema: data, versions "0", flexible "none" {
        r#type: i16,
    }
}

message! {
    /// Ends a producer's transaction on a partition (KIP-98).
    EndTxnMarker: data, versions "0", flexible "none" {
        coordinator_epoch: i32,
    }
}

message! {
    /// Who leads a KRaft quorum, and who has voted for it (KIP-595).
    LeaderChangeMessage: data, versions "0-1", flexible "0+" {
        version: i16,
        leader_id: i32,
        voters: Vec<Voter>,
        granting_voters: Vec<Voter>,
    }

    /// One of the quorum.
    Voter {
        voter_id: i32,
        voter_directory_id: Uuid ["1+"],
    }
}

message! {
    /// Begins a snapshot (KIP-630).
    SnapshotHeaderRecord: data, versions "0", flexible "0+" {
        version: i16,
        /// Milliseconds since 1970.
        last_contained_log_timestamp: i64,
    }
}

message! {
    /// Ends a snapshot (KIP-630): without it, it is not whole.
    SnapshotFooterRecord: data, versions "0", flexible "0+" {
        version: i16,
    }
}

message! {
    /// The version of KRaft (KIP-853).
    KRaftVersionRecord: data, versions "0", flexible "0+" {
        version: i16,
        k_raft_version: i16,
    }
}

message! {
    /// The voters of a KRaft quorum (KIP-853).
    VotersRecord: data, versions "0", flexible "0+" {
        version: i16,
        voters: Vec<VotersRecordVoter>,
    }

    /// One of the quorum, and how to reach it.
    VotersRecordVoter {
        voter_id: i32,
        voter_directory_id: Uuid,
        endpoints: Vec<Endpoint>,
        k_raft_version_feature: KRaftVersionFeature,
    }

    /// A listener.
    Endpoint {
        name: ByteString,
        host: ByteString,
        port: u16,
    }

    /// The versions of KRaft that a voter supports.
    KRaftVersionFeature {
        min_supported_version: i16,
        max_supported_version: i16,
    }
}
