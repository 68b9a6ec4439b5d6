//! A consumer group: who is in it, in which epoch, with which assignment. A state machine that neither waits nor sends.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;

use super::assignor::{Share, Work};
use super::member::{Member, MemberState};
use super::reconciliation::Reconciliation;
use super::subscription::{Subscription, compile};
use super::{Beaten, ConsumerGroupAssignor, ConsumerGroupSettings, Heartbeat, JOIN, LEAVE_STATIC};
use crate::refusal::Refusal;
use crate::topics::TopicIdPartition;
use crate::topics_image::TopicsImage;

/// The epoch of a group that nobody has joined yet, and that has nothing to share out.
const FIRST_EPOCH: i32 = 1;

#[derive(Debug)]
pub(crate) struct ConsumerGroup {
    pub(crate) settings: Arc<ConsumerGroupSettings>,
    /// Counts what has changed: who is in it, what they want to read, what there is to read.
    pub(super) epoch: i32,
    pub(super) members: BTreeMap<ByteString, Member>,
    /// The member ids of static members, by instance id.
    pub(super) static_members: HashMap<ByteString, ByteString>,
    pub(super) subscription: Subscription,
    /// The epoch that the target assignment is for.
    pub(super) assignment_epoch: i32,
    assigned_at: Option<Instant>,
    /// What each member shall have.
    pub(super) target: BTreeMap<ByteString, BTreeSet<TopicIdPartition>>,
}

/// A member that may join, or is there.
struct Admission {
    member: Member,
    /// The static member that has left, and whose place it takes.
    replaces: Option<ByteString>,
}

impl ConsumerGroup {
    /// A group without members.
    pub(crate) fn new(settings: Arc<ConsumerGroupSettings>) -> Self {
        Self {
            settings,
            epoch: FIRST_EPOCH,
            members: BTreeMap::new(),
            static_members: HashMap::new(),
            subscription: Subscription::default(),
            assignment_epoch: FIRST_EPOCH,
            assigned_at: None,
            target: BTreeMap::new(),
        }
    }

    /// Whether nothing would be lost with it.
    pub(crate) fn is_void(&self) -> bool {
        self.epoch == FIRST_EPOCH && self.members.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A member joins, is alive, or leaves.
    pub(crate) fn heartbeat(
        &mut self,
        beat: &Heartbeat,
        image: &TopicsImage,
        now: Instant,
    ) -> Result<Beaten, Refusal> {
        if beat.leaves() {
            return self.leave(beat);
        }
        if self.members.len() >= self.settings.max_size
            && !self.members.contains_key(&beat.member_id)
        {
            let max_size = self.settings.max_size;
            return Err(Refusal::new(
                ErrorCode::GroupMaxSizeReached,
                format!(
                    "The consumer group has reached its maximum capacity of {max_size} members."
                ),
            ));
        }
        let Admission { member, replaces } = self.admit(beat, now)?;
        let mut updated = member.clone();
        updated.update(beat);
        let regex_changed = updated.topic_regex != member.topic_regex;
        let names_changed = updated.topic_names != member.topic_names;
        let mut resolved = regex_changed;
        if let Some(regex) = updated.topic_regex.as_ref().filter(|_| regex_changed) {
            resolved = self.subscription.resolved.contains_key(regex);
            compile(regex)?;
        }

        updated.session_ends = now + self.settings.session_timeout;
        self.take_in(updated.clone(), replaces);
        let mut is_new_epoch = names_changed || resolved;
        if is_new_epoch || image.version != self.subscription.topics_by {
            is_new_epoch |= self.look_at(image);
        }
        if is_new_epoch {
            self.epoch += 1;
        }
        self.assign(image, now);
        let reconciled = self.reconcile(updated, beat, names_changed || regex_changed, image, now);
        let has_news = beat.is_full() || reconciled.assigned != member.assigned;
        let answer = Beaten {
            member_id: reconciled.id.clone(),
            member_epoch: reconciled.epoch,
            heartbeat_interval: self.settings.heartbeat_interval,
            assignment: has_news.then(|| reconciled.assigned.keys().copied().collect()),
        };
        self.members.insert(reconciled.id.clone(), reconciled);
        self.resolve(image);
        Ok(answer)
    }

    fn admit(&self, beat: &Heartbeat, now: Instant) -> Result<Admission, Refusal> {
        let joins = beat.member_epoch == JOIN;
        let known = |member: &Member| Admission {
            member: member.clone(),
            replaces: None,
        };
        let new = || Admission {
            member: Member::new(beat.member_id.clone(), now),
            replaces: None,
        };
        let Some(instance) = &beat.instance_id else {
            return match self.members.get(&beat.member_id) {
                Some(member) => member.check_epoch(beat).map(|()| known(member)),
                None if joins => Ok(new()),
                None => Err(self.unknown_member(&beat.member_id)),
            };
        };
        let holder = self.static_members.get(instance);
        let holder = holder.and_then(|id| self.members.get(id));
        match holder {
            None if joins => Ok(new()),
            Some(holder) if joins => {
                holder.check_released(beat)?;
                Ok(Admission {
                    member: Member::in_place_of(holder, beat.member_id.clone()),
                    replaces: Some(holder.id.clone()),
                })
            }
            holder => {
                let holder = self.static_holder(beat, holder)?;
                holder.check_epoch(beat).map(|()| known(holder))
            }
        }
    }

    fn take_in(&mut self, member: Member, replaces: Option<ByteString>) {
        if let Some(replaced) = replaces {
            self.members.remove(&replaced);
            if let Some(target) = self.target.remove(&replaced) {
                self.target.insert(member.id.clone(), target);
            }
        }
        if let Some(instance) = &member.instance_id {
            self.static_members
                .insert(instance.clone(), member.id.clone());
        }
        self.members.insert(member.id.clone(), member);
        self.forget_unsubscribed();
    }

    /// Makes the target assignment of this epoch, unless the last one is too young.
    fn assign(&mut self, image: &TopicsImage, now: Instant) {
        let interval = self.settings.assignment_interval;
        let is_young = self.assigned_at.is_some_and(|at| now < at + interval);
        if self.epoch <= self.assignment_epoch || is_young {
            return;
        }
        let mut work = Work::default();
        for (id, member) in &self.members {
            let topics = self.topics_of(member, image);
            let share = Share {
                instance_id: member.instance_id.clone(),
                topics: topics.keys().copied().collect(),
                previous: self.target.get(id).cloned().unwrap_or_default(),
            };
            work.topics.extend(topics);
            work.members.insert(id.clone(), share);
        }
        self.target = self.assignor().assign(&work);
        self.assignment_epoch = self.epoch;
        self.assigned_at = Some(now);
    }

    /// The assignor that most members ask for.
    pub(super) fn assignor(&self) -> ConsumerGroupAssignor {
        let votes = |assignor: &ConsumerGroupAssignor| {
            let mut members = self.members.values();
            let votes = members
                .by_ref()
                .filter(|member| member.assignor == Some(*assignor));
            votes.count()
        };
        let assignors = self.settings.assignors.iter().rev();
        let preferred = assignors.max_by_key(|assignor| votes(assignor));
        preferred.copied().unwrap_or(ConsumerGroupAssignor::Uniform)
    }

    fn reconcile(
        &self,
        member: Member,
        beat: &Heartbeat,
        subscription_changed: bool,
        image: &TopicsImage,
        now: Instant,
    ) -> Member {
        if !subscription_changed && member.is_reconciled_to(self.assignment_epoch) {
            return member;
        }
        let nothing = BTreeSet::new();
        let reconciliation = Reconciliation {
            target_epoch: self.assignment_epoch,
            target: self.target.get(&member.id).unwrap_or(&nothing),
            subscribed: self.topics_of(&member, image).into_keys().collect(),
            subscription_changed,
            owned: beat.owned.as_ref(),
        };
        let mut others = self.members.values().filter(|other| other.id != member.id);
        let others: Vec<&Member> = others.by_ref().collect();
        let mut next = reconciliation.step(&member, |partition| {
            others.iter().any(|other| other.holds(partition))
        });
        if next != member {
            let revokes = next.state == MemberState::UnrevokedPartitions;
            next.revoke_by = revokes.then(|| now + next.rebalance_timeout);
        }
        next
    }

    /// When [`on_timeout`](Self::on_timeout) wants to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let members = self.members.values();
        let deadlines = members.flat_map(|member| [Some(member.session_ends), member.revoke_by]);
        deadlines.flatten().min()
    }

    /// Does what time has brought: members that were not heard of, or did not give back in time what they had to, are out.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        let is_late = |member: &&Member| {
            member.session_ends <= now || member.revoke_by.is_some_and(|by| by <= now)
        };
        let late = self.members.values().filter(is_late);
        for id in late.map(|member| member.id.clone()).collect::<Vec<_>>() {
            tracing::debug!(member = %id, "member of a consumer group expired");
            self.fence(&id);
        }
    }

    fn leave(&mut self, beat: &Heartbeat) -> Result<Beaten, Refusal> {
        let id = if let Some(instance) = &beat.instance_id {
            let holder = self.static_members.get(instance);
            let holder = holder.and_then(|id| self.members.get(id));
            self.static_holder(beat, holder)?.id.clone()
        } else if self.members.contains_key(&beat.member_id) {
            beat.member_id.clone()
        } else {
            return Err(self.unknown_member(&beat.member_id));
        };
        match self.members.get_mut(&id) {
            Some(member) if beat.member_epoch == LEAVE_STATIC => member.leave_for_a_while(),
            _ => self.fence(&id),
        }
        Ok(Beaten {
            member_id: id,
            member_epoch: beat.member_epoch,
            heartbeat_interval: std::time::Duration::ZERO,
            assignment: None,
        })
    }

    /// Removes a member, whose partitions are free at once.
    pub(super) fn fence(&mut self, id: &ByteString) {
        let Some(member) = self.members.remove(id) else {
            return;
        };
        self.target.remove(id);
        if let Some(instance) = &member.instance_id {
            self.static_members.remove(instance);
        }
        self.forget_unsubscribed();
        self.epoch += 1;
    }
}
