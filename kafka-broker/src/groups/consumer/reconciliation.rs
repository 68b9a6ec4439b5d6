//! How a member gets from what it has to what it shall have.

use std::collections::BTreeSet;

use kafka_proto::codec::Uuid;

use super::member::{Member, MemberState, PartitionEpochs};
use crate::topics::TopicIdPartition;

/// Where a member is to get, and what is known of where it is.
pub(super) struct Reconciliation<'a> {
    pub(super) target_epoch: i32,
    pub(super) target: &'a BTreeSet<TopicIdPartition>,
    /// What it is subscribed to: it keeps nothing else, even if the target is older than its subscription.
    pub(super) subscribed: BTreeSet<Uuid>,
    pub(super) subscription_changed: bool,
    /// What it says that it has, if it says so.
    pub(super) owned: Option<&'a BTreeSet<TopicIdPartition>>,
}

impl Reconciliation<'_> {
    /// The member one step on; the same if it can take none. `is_taken` tells whether a partition is in the hands of
    /// another member.
    pub(super) fn step(
        &self,
        member: &Member,
        is_taken: impl Fn(&TopicIdPartition) -> bool,
    ) -> Member {
        match member.state {
            MemberState::Stable if member.epoch != self.target_epoch => {
                self.towards_target(member, is_taken)
            }
            MemberState::UnreleasedPartitions => self.towards_target(member, is_taken),
            MemberState::UnrevokedPartitions if !self.owns_any(&member.pending_revocation) => {
                self.towards_target(member, is_taken)
            }
            _ if self.subscription_changed => self.to_subscription(member),
            _ => member.clone(),
        }
    }

    fn is_wanted(&self, partition: &TopicIdPartition) -> bool {
        self.subscribed.contains(&partition.topic_id) && self.target.contains(partition)
    }

    /// Whether the member may still be reading some of these.
    fn owns_any(&self, partitions: &PartitionEpochs) -> bool {
        self.owned
            .is_none_or(|owned| owned.iter().any(|owned| partitions.contains_key(owned)))
    }

    fn towards_target(
        &self,
        member: &Member,
        is_taken: impl Fn(&TopicIdPartition) -> bool,
    ) -> Member {
        let (mut assigned, revoked) =
            split(&member.assigned, |partition| self.is_wanted(partition));
        if !revoked.is_empty() && self.owns_any(&revoked) {
            return Member {
                state: MemberState::UnrevokedPartitions,
                previous_epoch: member.epoch,
                assigned,
                pending_revocation: revoked,
                ..member.clone()
            };
        }
        let mut state = MemberState::Stable;
        let missing = self.target.iter().filter(|partition| {
            self.is_wanted(partition) && !member.assigned.contains_key(partition)
        });
        for partition in missing {
            if is_taken(partition) {
                state = MemberState::UnreleasedPartitions;
            } else {
                assigned.insert(*partition, self.target_epoch);
            }
        }
        Member {
            state,
            previous_epoch: member.epoch,
            epoch: self.target_epoch,
            assigned,
            pending_revocation: PartitionEpochs::new(),
            ..member.clone()
        }
    }

    /// Takes from it what it is not subscribed to any more, without waiting for a new target.
    fn to_subscription(&self, member: &Member) -> Member {
        let (assigned, unsubscribed) = split(&member.assigned, |partition| {
            self.subscribed.contains(&partition.topic_id)
        });
        if unsubscribed.is_empty() {
            return member.clone();
        }
        let mut pending_revocation = member.pending_revocation.clone();
        pending_revocation.extend(unsubscribed);
        let next = Member {
            previous_epoch: member.epoch,
            assigned,
            ..member.clone()
        };
        if self.owns_any(&pending_revocation) {
            Member {
                state: MemberState::UnrevokedPartitions,
                pending_revocation,
                ..next
            }
        } else {
            next
        }
    }
}

fn split(
    partitions: &PartitionEpochs,
    keep: impl Fn(&TopicIdPartition) -> bool,
) -> (PartitionEpochs, PartitionEpochs) {
    partitions
        .iter()
        .map(|(partition, epoch)| (*partition, *epoch))
        .partition(|(partition, _)| keep(partition))
}
