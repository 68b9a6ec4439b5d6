//! What travels or lies inside of Kafka without being a request or a response.
//!
//! | where it is found | what it is |
//! | --- | --- |
//! | `metadata` of JoinGroup, `assignment` of SyncGroup | [consumer protocol](crate::messages::consumer_protocol), behind its version |
//! | `user_data` of a subscription | [`sticky_assignor`]: what a member had, for the two sticky assignors |
//! | records of control batches | [`control`]: ends of transactions, changes of leader, snapshots, voters |
//! | topic `__consumer_offsets` | [`offsets_topic`]: committed offsets, groups and their members |
//! | topic `__transaction_state` | [`transaction_log`]: transactional ids and how far their transactions are |
//!
//! Most of it lies behind the number of its version: [`Versioned`]. The records of the two topics have a key and a value:
//! [`OffsetsRecord::parse`] and [`TransactionLogRecord::parse`] read both, and say what the record is about.
//!
//! The coordinator of a classic group stores what members told each other as it came. To see which partitions a member has:
//!
//! ```
//! use bytes::Bytes;
//! use kafka_proto::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
//! use kafka_proto::payloads::offsets_topic::{GroupMetadataValue, OffsetsRecord};
//! use kafka_proto::payloads::{DecodeError, Versioned};
//!
//! fn print(key: Bytes, value: Option<Bytes>) -> Result<(), DecodeError> {
//!     match OffsetsRecord::parse(key, value)? {
//!         OffsetsRecord::OffsetCommit(key, Some(value)) => {
//!             println!("{} has read {}-{} up to {}", key.group, key.topic, key.partition, value.message.offset);
//!         }
//!         OffsetsRecord::OffsetCommit(key, None) => println!("{} forgot {}-{}", key.group, key.topic, key.partition),
//!         // Other programs than consumers form groups, too: their members' bytes are theirs.
//!         OffsetsRecord::GroupMetadata(key, Some(value)) if value.message.protocol_type == "consumer" => {
//!             for member in value.message.members {
//!                 let subscription: Versioned<ConsumerProtocolSubscription> = Versioned::decode_lenient(member.subscription)?;
//!                 print!("{} of {} wants {:?}", member.member_id, key.group, subscription.message.topics);
//!                 // No bytes are no partitions.
//!                 if !member.assignment.is_empty() {
//!                     let assignment: Versioned<ConsumerProtocolAssignment> = Versioned::decode_lenient(member.assignment)?;
//!                     print!(" and has {:?}", assignment.message.assigned_partitions);
//!                 }
//!                 println!();
//!             }
//!         }
//!         OffsetsRecord::Unknown { record_type } => println!("a record of the newer type {record_type}"),
//!         _ => {}
//!     }
//!     Ok(())
//! }
//!
//! print(Bytes::from_static(b"\0\x01\0\x01g\0\x06orders\0\0\0\x07"), None)?;
//! # Ok::<(), DecodeError>(())
//! ```

#![allow(
    missing_docs,
    reason = "fields are those of Kafka's definitions, under their names"
)]

pub mod control;
mod coordinator_record;
pub mod offsets_topic;
pub mod sticky_assignor;
#[cfg(test)]
mod tests;
pub mod transaction_log;
mod versioned;

pub use crate::codec::DecodeError;
pub use control::{
    ControlRecordTypeSchema, ControlValue, EndTxnMarker, KRaftVersionRecord, LeaderChangeMessage,
    SnapshotFooterRecord, SnapshotHeaderRecord, VotersRecord,
};
pub use offsets_topic::OffsetsRecord;
pub use sticky_assignor::{CooperativeStickyAssignorUserData, StickyAssignorUserData};
pub use transaction_log::TransactionLogRecord;
pub use versioned::Versioned;
