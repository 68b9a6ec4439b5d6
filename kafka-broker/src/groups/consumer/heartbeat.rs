//! What members say, and what they are answered.

use std::collections::BTreeSet;
use std::time::Duration;

use bytestring::ByteString;

use super::ConsumerGroupAssignor;
use crate::topics::TopicIdPartition;

/// The epoch of a member that joins.
pub(crate) const JOIN: i32 = 0;
/// The epoch of a member that leaves.
pub(crate) const LEAVE: i32 = -1;
/// The epoch of a static member that leaves, and will be back before its session ends.
pub(crate) const LEAVE_STATIC: i32 = -2;

/// What a member says of itself. Without a value, nothing has changed since it was last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    pub(crate) member_id: ByteString,
    /// The epoch that it believes to be in, or [`JOIN`], [`LEAVE`] or [`LEAVE_STATIC`].
    pub(crate) member_epoch: i32,
    pub(crate) instance_id: Option<ByteString>,
    pub(crate) rack_id: Option<ByteString>,
    pub(crate) rebalance_timeout: Option<Duration>,
    pub(crate) topic_names: Option<BTreeSet<ByteString>>,
    /// Empty where none is wanted any more.
    pub(crate) topic_regex: Option<ByteString>,
    pub(crate) assignor: Option<ConsumerGroupAssignor>,
    /// The partitions that it has.
    pub(crate) owned: Option<BTreeSet<TopicIdPartition>>,
    pub(crate) client_id: ByteString,
    pub(crate) client_host: ByteString,
}

impl Heartbeat {
    pub(super) fn leaves(&self) -> bool {
        matches!(self.member_epoch, LEAVE | LEAVE_STATIC)
    }

    /// Whether it says all, as members do when they join, and after an error.
    pub(super) fn is_full(&self) -> bool {
        let subscribes = self.topic_names.is_some() || self.topic_regex.is_some();
        self.member_epoch == JOIN
            || (self.rebalance_timeout.is_some() && subscribes && self.owned.is_some())
    }
}

/// What a member is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Beaten {
    pub(crate) member_id: ByteString,
    pub(crate) member_epoch: i32,
    /// Zero for a member that leaves.
    pub(crate) heartbeat_interval: Duration,
    /// All that it shall have from now on, if that has changed or it said all.
    pub(crate) assignment: Option<BTreeSet<TopicIdPartition>>,
}
