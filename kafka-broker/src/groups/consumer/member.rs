//! A member of a consumer group.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytestring::ByteString;

use super::{ConsumerGroupAssignor, Heartbeat};
use crate::topics::TopicIdPartition;

/// How far a member is on its way to its target assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MemberState {
    /// It is there, or has not heard of a new one yet.
    Stable,
    /// It is to give back partitions first.
    UnrevokedPartitions,
    /// It has given back all it had to, but others still have some of what it shall get.
    UnreleasedPartitions,
}

/// Partitions, each with the epoch in which the member got it (KIP-1251).
pub(super) type PartitionEpochs = BTreeMap<TopicIdPartition, i32>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) id: ByteString,
    pub(super) instance_id: Option<ByteString>,
    pub(super) rack_id: Option<ByteString>,
    pub(super) client_id: ByteString,
    pub(super) client_host: ByteString,
    pub(super) rebalance_timeout: Duration,
    pub(super) topic_names: BTreeSet<ByteString>,
    /// Never an empty one.
    pub(super) topic_regex: Option<ByteString>,
    pub(super) assignor: Option<ConsumerGroupAssignor>,
    pub(super) epoch: i32,
    /// The one before: a member that is still there has missed an answer.
    pub(super) previous_epoch: i32,
    pub(super) state: MemberState,
    /// What it may read.
    pub(super) assigned: PartitionEpochs,
    /// What it is to give back, and may still be reading.
    pub(super) pending_revocation: PartitionEpochs,
    /// When it counts as gone, unless it is heard of.
    pub(super) session_ends: Instant,
    /// When it has to have given back what it is to.
    pub(super) revoke_by: Option<Instant>,
}

impl Member {
    /// A member that nothing is known of.
    pub(super) fn new(id: ByteString, now: Instant) -> Self {
        Self {
            id,
            instance_id: None,
            rack_id: None,
            client_id: ByteString::new(),
            client_host: ByteString::new(),
            rebalance_timeout: Duration::ZERO,
            topic_names: BTreeSet::new(),
            topic_regex: None,
            assignor: None,
            epoch: 0,
            previous_epoch: 0,
            state: MemberState::Stable,
            assigned: BTreeMap::new(),
            pending_revocation: BTreeMap::new(),
            session_ends: now,
            revoke_by: None,
        }
    }

    /// A static member in place of one that has left, after a restart: with all that it had, but as one that joins.
    pub(super) fn in_place_of(old: &Self, id: ByteString) -> Self {
        Self {
            id,
            epoch: 0,
            previous_epoch: 0,
            revoke_by: None,
            ..old.clone()
        }
    }

    /// Takes over what it says of itself.
    pub(super) fn update(&mut self, beat: &Heartbeat) {
        fn set<T: Clone>(known: &mut T, said: &Option<T>) {
            if let Some(said) = said {
                known.clone_from(said);
            }
        }
        set(&mut self.rebalance_timeout, &beat.rebalance_timeout);
        set(&mut self.topic_names, &beat.topic_names);
        if let Some(regex) = &beat.topic_regex {
            self.topic_regex = Some(regex.clone()).filter(|regex| !regex.is_empty());
        }
        self.instance_id = beat.instance_id.clone().or(self.instance_id.take());
        self.rack_id = beat.rack_id.clone().or(self.rack_id.take());
        self.assignor = beat.assignor.or(self.assignor);
        self.client_id.clone_from(&beat.client_id);
        self.client_host.clone_from(&beat.client_host);
    }

    /// Whether it has all that it shall have by the target assignment of an epoch.
    pub(super) fn is_reconciled_to(&self, epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == epoch
    }

    /// Whether a partition is in its hands.
    pub(super) fn holds(&self, partition: &TopicIdPartition) -> bool {
        self.partition_epoch(partition).is_some()
    }

    /// In which epoch it got a partition that is in its hands.
    pub(super) fn partition_epoch(&self, partition: &TopicIdPartition) -> Option<i32> {
        let assigned = self.assigned.get(partition);
        let epoch = assigned.or_else(|| self.pending_revocation.get(partition));
        epoch.copied()
    }
}
