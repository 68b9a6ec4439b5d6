//! A group: whose members it has by one of the protocols, and the positions that it has committed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::list_groups::ListedGroup;

use super::classic::{ClassicGroup, Identity};
use super::consumer::{Beaten, ConsumerGroup, ConsumerGroupSettings, Heartbeat, JOIN};
use super::offsets::CommittedOffsets;
use super::share::{ShareBeaten, ShareGroup, ShareHeartbeat};
use crate::refusal::Refusal;
use crate::topics::TopicIdPartition;
use crate::topics_image::TopicsImage;

/// A group. Without members it still keeps positions.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) members: Members,
    pub(super) offsets: CommittedOffsets,
}

/// The members of a group, by the protocol that they speak.
#[derive(Debug)]
pub(super) enum Members {
    Classic(ClassicGroup),
    Consumer(ConsumerGroup),
    Share(ShareGroup),
}

/// A commit that is to be checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Commit<'a> {
    pub(crate) identity: Identity<'a>,
    /// The version of OffsetCommit; none within a transaction.
    pub(crate) version: Option<i16>,
    pub(crate) partitions: &'a [TopicIdPartition],
}

impl Group {
    /// A group without members: it is classic until somebody comes who is not.
    pub(super) fn new(initial_delay: Duration) -> Self {
        Self {
            members: Members::Classic(ClassicGroup::new(initial_delay)),
            offsets: CommittedOffsets::default(),
        }
    }

    /// Whether nothing would be lost with it.
    pub(super) fn is_void(&self) -> bool {
        let never_had_members = match &self.members {
            Members::Classic(group) => group.is_void(),
            Members::Consumer(group) => group.is_void(),
            Members::Share(group) => group.is_void(),
        };
        never_had_members && self.offsets.is_empty()
    }

    /// When [`on_timeout`](Self::on_timeout) wants to be called next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match &self.members {
            Members::Classic(group) => group.next_deadline(),
            Members::Consumer(group) => group.next_deadline(),
            Members::Share(group) => group.next_deadline(),
        }
    }

    /// Does what time has brought.
    pub(super) fn on_timeout(&mut self, now: Instant) {
        match &mut self.members {
            Members::Classic(group) => group.on_timeout(now),
            Members::Consumer(group) => group.on_timeout(now),
            Members::Share(group) => group.on_timeout(now),
        }
    }

    /// The group, as it is listed.
    pub(crate) fn listed(&self, group_id: &ByteString) -> ListedGroup {
        let (protocol_type, state, group_type) = match &self.members {
            Members::Classic(group) => (group.protocol_type(), group.state(), "classic"),
            Members::Consumer(group) => ("consumer".into(), group.state(), "consumer"),
            Members::Share(group) => ("share".into(), group.state(), "share"),
        };
        ListedGroup {
            group_id: group_id.clone(),
            protocol_type,
            group_state: ByteString::from_static(state),
            group_type: ByteString::from_static(group_type),
            ..Default::default()
        }
    }

    /// Whether it has no members.
    pub(super) fn is_empty(&self) -> bool {
        match &self.members {
            Members::Classic(group) => group.is_empty(),
            Members::Consumer(group) => group.is_empty(),
            Members::Share(group) => group.is_empty(),
        }
    }

    /// Whether it has members of which nobody knows what they read: they are no consumers.
    pub(super) fn is_of_strangers(&self) -> bool {
        match &self.members {
            Members::Classic(group) => !group.is_empty() && group.protocol_type() != "consumer",
            Members::Consumer(_) | Members::Share(_) => false,
        }
    }

    /// Whether a member reads a topic.
    pub(super) fn is_subscribed(&self, topic: &str) -> bool {
        match &self.members {
            Members::Classic(group) => group.is_subscribed(topic),
            Members::Consumer(group) => group.topic_names().iter().any(|name| **name == *topic),
            // It commits nothing: where it is in a topic is not kept here.
            Members::Share(_) => false,
        }
    }

    /// The classic group that it is, if it is one.
    pub(crate) fn classic(&self) -> Option<&ClassicGroup> {
        match &self.members {
            Members::Classic(group) => Some(group),
            Members::Consumer(_) | Members::Share(_) => None,
        }
    }

    /// The consumer group that it is, if it is one.
    pub(crate) fn consumer(&self) -> Option<&ConsumerGroup> {
        match &self.members {
            Members::Consumer(group) => Some(group),
            Members::Classic(_) | Members::Share(_) => None,
        }
    }

    /// The share group that it is, if it is one.
    pub(crate) fn share(&self) -> Option<&ShareGroup> {
        match &self.members {
            Members::Share(group) => Some(group),
            Members::Classic(_) | Members::Consumer(_) => None,
        }
    }

    /// Its members by the classic protocol; none if they speak the other one.
    pub(super) fn classic_if_empty(
        &mut self,
        initial_delay: Duration,
    ) -> Option<&mut ClassicGroup> {
        if matches!(&self.members, Members::Consumer(group) if group.is_empty()) {
            self.members = Members::Classic(ClassicGroup::new(initial_delay));
        }
        match &mut self.members {
            Members::Classic(group) => Some(group),
            Members::Consumer(_) | Members::Share(_) => None,
        }
    }

    /// A member joins, is alive, or leaves by the consumer protocol. The group is one of that protocol from then on, if it
    /// had no members.
    pub(super) fn consumer_heartbeat(
        &mut self,
        group_id: &str,
        beat: &Heartbeat,
        image: &TopicsImage,
        settings: &Arc<ConsumerGroupSettings>,
        now: Instant,
    ) -> Result<Beaten, Refusal> {
        match &mut self.members {
            Members::Consumer(group) => group.heartbeat(beat, image, now),
            Members::Classic(classic) if beat.member_epoch == JOIN && classic.is_empty() => {
                let mut group = ConsumerGroup::new(Arc::clone(settings));
                let beaten = group.heartbeat(beat, image, now)?;
                self.members = Members::Consumer(group);
                Ok(beaten)
            }
            Members::Classic(_) | Members::Share(_) => Err(Refusal::new(
                ErrorCode::GroupIdNotFound,
                format!("Group {group_id} is not a consumer group."),
            )),
        }
    }

    /// A member of a share group joins, is alive, or leaves. A group that is new is a share group from then on.
    pub(super) fn share_heartbeat(
        &mut self,
        group_id: &str,
        beat: &ShareHeartbeat,
        image: &TopicsImage,
        now: Instant,
    ) -> Result<(ShareBeaten, Vec<TopicIdPartition>), Refusal> {
        let group = self.share_if_new(group_id, beat.member_epoch == JOIN)?;
        let beaten = group.heartbeat(group_id, beat, image, now)?;
        Ok((beaten, group.partitions()))
    }

    /// The share group that it is, or becomes if it is new and may.
    fn share_if_new(&mut self, group_id: &str, may: bool) -> Result<&mut ShareGroup, Refusal> {
        if may && self.is_void() {
            self.members = Members::Share(ShareGroup::default());
        }
        match &mut self.members {
            Members::Share(group) => Ok(group),
            Members::Classic(_) | Members::Consumer(_) => Err(Refusal::new(
                ErrorCode::GroupIdNotFound,
                format!("Group {group_id} is not a share group."),
            )),
        }
    }

    /// Is a share group from then on, also without members. There must not be any.
    pub(super) fn keep_as_share(&mut self, group_id: &str) -> Result<(), Refusal> {
        let group = self.share_if_new(group_id, true)?;
        if group.is_empty() {
            group.keep();
            Ok(())
        } else {
            Err(Refusal::new(
                ErrorCode::NonEmptyGroup,
                "The group is not empty.",
            ))
        }
    }

    /// Whether positions may be committed by whoever asks.
    pub(super) fn check_commit(
        &mut self,
        commit: Commit<'_>,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        match (&mut self.members, commit.version) {
            (Members::Classic(group), Some(_)) => group.check_commit(commit.identity, now),
            (Members::Classic(group), None) => group.check_commit_in_transaction(commit.identity),
            (Members::Consumer(group), _) => group.check_commit(commit),
            (Members::Share(_), _) => Err(ErrorCode::GroupIdNotFound),
        }
    }

    /// Whether positions may be read by whoever asks. Those who do not say who they are may.
    pub(super) fn check_fetch(
        &self,
        member_id: Option<&str>,
        member_epoch: i32,
    ) -> Result<(), ErrorCode> {
        match &self.members {
            Members::Classic(_) => Ok(()),
            Members::Consumer(group) => group.check_fetch(member_id, member_epoch),
            Members::Share(_) if member_id.is_none() && member_epoch < 0 => Ok(()),
            Members::Share(_) => Err(ErrorCode::GroupIdNotFound),
        }
    }
}
