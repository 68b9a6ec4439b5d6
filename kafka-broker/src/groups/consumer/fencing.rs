//! Who is not, or not any more, who it takes itself for.

use std::collections::BTreeSet;

use kafka_proto::error_code::ErrorCode;

use super::member::{Member, PartitionEpochs};
use super::{ConsumerGroup, Heartbeat, JOIN, LEAVE_STATIC};
use crate::groups::group::Commit;
use crate::refusal::Refusal;
use crate::topics::TopicIdPartition;

/// The first version of OffsetCommit that has member epochs.
const FIRST_VERSION_WITH_MEMBER_EPOCHS: i16 = 9;

impl Member {
    /// Whether it is in the epoch that it believes to be in. It may be one behind, if the answer that told it was lost: then
    /// it has nothing but what it was told then that it may keep.
    pub(super) fn check_epoch(&self, beat: &Heartbeat) -> Result<(), Refusal> {
        let believed = beat.member_epoch;
        let has_missed_an_answer =
            believed == self.previous_epoch && owns_only(beat.owned.as_ref(), &self.assigned);
        let comparison = match believed {
            JOIN => return Ok(()),
            _ if believed > self.epoch => "greater",
            _ if believed < self.epoch && !has_missed_an_answer => "smaller",
            _ => return Ok(()),
        };
        Err(Refusal::new(
            ErrorCode::FencedMemberEpoch,
            format!(
                "The consumer group member has a {comparison} member epoch ({believed}) than the one known by the group \
                 coordinator ({}). The member must abandon all its partitions and rejoin.",
                self.epoch
            ),
        ))
    }

    /// Whether another static member may take its place: it has to have left.
    pub(super) fn check_released(&self, beat: &Heartbeat) -> Result<(), Refusal> {
        if self.epoch == LEAVE_STATIC {
            return Ok(());
        }
        let instance = beat.instance_id.as_deref().unwrap_or_default();
        Err(Refusal::new(
            ErrorCode::UnreleasedInstanceId,
            format!(
                "Static member {} with instance id {instance} cannot join the group because the instance id is owned by {} \
                 member.",
                beat.member_id, self.id
            ),
        ))
    }

    /// A static member goes; its partitions stay with it until its session ends.
    pub(super) fn leave_for_a_while(&mut self) {
        self.epoch = LEAVE_STATIC;
        self.pending_revocation = PartitionEpochs::new();
        self.revoke_by = None;
    }
}

fn owns_only(owned: Option<&BTreeSet<TopicIdPartition>>, assigned: &PartitionEpochs) -> bool {
    owned.is_some_and(|owned| owned.iter().all(|owned| assigned.contains_key(owned)))
}

impl ConsumerGroup {
    pub(super) fn unknown_member(&self, id: &str) -> Refusal {
        let message = format!("Member {id} is not a member of the group.");
        Refusal::new(ErrorCode::UnknownMemberId, message)
    }

    /// The static member of an instance id, if it is the one that asks.
    pub(super) fn static_holder<'a>(
        &self,
        beat: &Heartbeat,
        holder: Option<&'a Member>,
    ) -> Result<&'a Member, Refusal> {
        let instance = beat.instance_id.as_deref().unwrap_or_default();
        let Some(holder) = holder else {
            let message = format!("Instance id {instance} is unknown.");
            return Err(Refusal::new(ErrorCode::UnknownMemberId, message));
        };
        if holder.id == beat.member_id {
            return Ok(holder);
        }
        Err(Refusal::new(
            ErrorCode::FencedInstanceId,
            format!(
                "Static member {} with instance id {instance} was fenced by member {}.",
                beat.member_id, holder.id
            ),
        ))
    }

    /// Whether positions may be committed by whoever asks: a member in its epoch, or in an earlier one if it has had the
    /// partitions since (KIP-1251), or somebody who is no member while there is none.
    pub(crate) fn check_commit(&self, commit: Commit<'_>) -> Result<(), ErrorCode> {
        let identity = commit.identity;
        let epoch = identity.generation;
        // Old producers say nothing of a member.
        let outside =
            epoch == -1 && identity.member_id.is_empty() && identity.group_instance_id.is_none();
        if (epoch < 0 && self.members.is_empty()) || (outside && commit.version.is_none()) {
            return Ok(());
        }
        let member = self.members.get(identity.member_id);
        let member = member.ok_or(ErrorCode::UnknownMemberId)?;
        if commit
            .version
            .is_some_and(|version| version < FIRST_VERSION_WITH_MEMBER_EPOCHS)
        {
            return Err(ErrorCode::UnsupportedVersion);
        }
        let has_had = |partition: &TopicIdPartition| {
            member
                .partition_epoch(partition)
                .is_some_and(|since| since <= epoch)
        };
        if epoch == member.epoch || (epoch < member.epoch && commit.partitions.iter().all(has_had))
        {
            return Ok(());
        }
        Err(match commit.version {
            Some(_) => ErrorCode::StaleMemberEpoch,
            None => ErrorCode::IllegalGeneration,
        })
    }

    /// Whether positions may be read by whoever asks: a member in its epoch, or somebody who says nothing of one.
    pub(crate) fn check_fetch(
        &self,
        member_id: Option<&str>,
        member_epoch: i32,
    ) -> Result<(), ErrorCode> {
        if member_id.is_none() && member_epoch < 0 {
            return Ok(());
        }
        let member = self.members.get(member_id.unwrap_or_default());
        if member.ok_or(ErrorCode::UnknownMemberId)?.epoch == member_epoch {
            Ok(())
        } else {
            Err(ErrorCode::StaleMemberEpoch)
        }
    }
}
