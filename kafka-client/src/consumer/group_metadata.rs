//! Who a consumer is to its group, for a producer that commits positions in its name.

use kafka_proto::error_code::ErrorCode;

use super::Consumer;
use crate::error::{Error, Result};

/// A consumer's place in its group at one moment (KIP-447). With it a producer commits the consumer's positions within a
/// transaction, and the group refuses those of a member that it has parted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerGroupMetadata {
    group_id: String,
    generation_id: i32,
    member_id: String,
    group_instance_id: Option<String>,
}

impl ConsumerGroupMetadata {
    /// A group without members: positions of partitions that are assigned by hand. Nothing keeps two programs from
    /// overwriting each other's.
    pub fn new(group_id: impl Into<String>) -> Self {
        Self {
            group_id: group_id.into(),
            generation_id: -1,
            member_id: String::new(),
            group_instance_id: None,
        }
    }

    /// `group.id`.
    pub fn group_id(&self) -> &str {
        &self.group_id
    }

    /// The group's generation; -1 where the consumer is no member.
    pub fn generation_id(&self) -> i32 {
        self.generation_id
    }

    /// The member's id; empty where the consumer is no member.
    pub fn member_id(&self) -> &str {
        &self.member_id
    }

    /// `group.instance.id` of a static member.
    pub fn group_instance_id(&self) -> Option<&str> {
        self.group_instance_id.as_deref()
    }
}

impl Consumer {
    /// This consumer's place in its group, for
    /// [`Producer::send_offsets_to_transaction`](crate::producer::Producer::send_offsets_to_transaction). To be asked for
    /// when records are polled, and not when they are written: what was read in one generation is not committed in the
    /// next.
    ///
    /// # Errors
    /// [`Error::Config`] without a group; [`Error::Broker`] with `REBALANCE_IN_PROGRESS` while the group is sharing its
    /// partitions out: what was polled will come again.
    pub fn group_metadata(&self) -> Result<ConsumerGroupMetadata> {
        self.check_open()?;
        let shared = &self.0.shared;
        let group = shared.group()?;
        let identity = group.membership().committer().ok_or_else(|| {
            let what = format!("the place in group \"{}\"", group.id);
            Error::broker(ErrorCode::RebalanceInProgress, what)
        })?;
        let instance_id = shared.config.group_instance_id.clone();
        Ok(ConsumerGroupMetadata {
            group_id: group.id.clone(),
            generation_id: identity.generation,
            member_id: identity.member_id,
            group_instance_id: instance_id.filter(|_| identity.generation >= 0),
        })
    }
}
