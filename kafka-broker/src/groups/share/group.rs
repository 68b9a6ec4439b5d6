//! A share group: who is in it, in which epoch, with which assignment. A state machine that neither waits nor sends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::share_group_describe::{
    Assignment as DescribedAssignment, DescribedGroup, Member as DescribedMember, TopicPartitions,
};

use super::assignor::{self, Assignment};
use crate::groups::{JOIN, LEAVE};
use crate::refusal::Refusal;
use crate::topics::TopicIdPartition;
use crate::topics_image::{TopicImage, TopicsImage};

/// The epoch of a group that nobody has joined yet.
const FIRST_EPOCH: i32 = 1;

/// What a member says of itself. Without a value, nothing has changed since it was last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShareHeartbeat {
    pub(crate) member_id: ByteString,
    /// The epoch that it believes to be in, or [`JOIN`] or [`LEAVE`].
    pub(crate) member_epoch: i32,
    pub(crate) rack_id: Option<ByteString>,
    pub(crate) topic_names: Option<BTreeSet<ByteString>>,
    pub(crate) client_id: ByteString,
    pub(crate) client_host: ByteString,
    /// How many members there may be.
    pub(crate) max_size: usize,
    pub(crate) session_timeout: Duration,
}

/// What a member is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShareBeaten {
    pub(crate) member_epoch: i32,
    /// All that it shall read from now on, if that has changed or it said all.
    pub(crate) assignment: Option<BTreeSet<TopicIdPartition>>,
}

#[derive(Debug, Clone)]
struct Member {
    rack_id: Option<ByteString>,
    client_id: ByteString,
    client_host: ByteString,
    topic_names: BTreeSet<ByteString>,
    epoch: i32,
    /// The one before: a member that is still there has missed an answer.
    previous_epoch: i32,
    assigned: BTreeSet<TopicIdPartition>,
    /// When it counts as gone, unless it is heard of.
    session_ends: Instant,
}

#[derive(Debug)]
pub(crate) struct ShareGroup {
    /// Counts what has changed: who is in it, what they want to read, what there is to read.
    epoch: i32,
    members: BTreeMap<ByteString, Member>,
    /// The epoch that the target assignment is for.
    assignment_epoch: i32,
    target: Assignment,
    /// The topics that there were when the group's epoch was last decided on.
    topics: BTreeMap<ByteString, TopicImage>,
    /// Somebody has said where it begins.
    is_kept: bool,
}

impl Default for ShareGroup {
    fn default() -> Self {
        Self {
            epoch: FIRST_EPOCH,
            members: BTreeMap::new(),
            assignment_epoch: FIRST_EPOCH,
            target: Assignment::new(),
            topics: BTreeMap::new(),
            is_kept: false,
        }
    }
}

impl ShareGroup {
    /// Whether nothing would be lost with it.
    pub(crate) fn is_void(&self) -> bool {
        self.epoch == FIRST_EPOCH && self.members.is_empty() && !self.is_kept
    }

    /// Is there from now on, also if nobody has joined.
    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Kafka's name of its state.
    pub(crate) fn state(&self) -> &'static str {
        if self.members.is_empty() {
            "Empty"
        } else {
            "Stable"
        }
    }

    /// A member joins, is alive, or leaves.
    pub(crate) fn heartbeat(
        &mut self,
        group_id: &str,
        beat: &ShareHeartbeat,
        image: &TopicsImage,
        now: Instant,
    ) -> Result<ShareBeaten, Refusal> {
        let known = self.members.get(&beat.member_id);
        if beat.member_epoch == LEAVE {
            known.ok_or_else(|| unknown_member(group_id, &beat.member_id))?;
            self.remove(&beat.member_id);
            return Ok(ShareBeaten {
                member_epoch: LEAVE,
                assignment: None,
            });
        }
        if known.is_none() && self.members.len() >= beat.max_size {
            return Err(Refusal::new(
                ErrorCode::GroupMaxSizeReached,
                format!(
                    "The share group has reached its maximum capacity of {} members.",
                    beat.max_size
                ),
            ));
        }
        let known = match known {
            Some(member) => {
                member.check_epoch(beat.member_epoch)?;
                Some(member.clone())
            }
            None if beat.member_epoch == JOIN => None,
            None => return Err(unknown_member(group_id, &beat.member_id)),
        };
        let names_before = known.as_ref().map(|member| member.topic_names.clone());
        let assigned_before = known.as_ref().map(|member| member.assigned.clone());
        let mut member = known.unwrap_or_else(|| Member::new(now));
        member.update(beat);
        member.session_ends = now + beat.session_timeout;
        let mut is_new_epoch = names_before.as_ref() != Some(&member.topic_names);
        self.members.insert(beat.member_id.clone(), member);
        is_new_epoch |= self.look_at(image);
        if is_new_epoch {
            self.epoch += 1;
        }
        self.assign(image);
        let has_said_all = beat.member_epoch == JOIN || beat.topic_names.is_some();
        Ok(self.reconcile(&beat.member_id, image, |assigned| {
            has_said_all || assigned_before.as_ref() != Some(assigned)
        }))
    }

    /// Takes note of the topics that there are; whether that is news.
    fn look_at(&mut self, image: &TopicsImage) -> bool {
        let names = self.members.values().flat_map(|member| &member.topic_names);
        let topics: BTreeMap<_, _> = names
            .filter_map(|name| Some((name.clone(), image.get(name)?)))
            .collect();
        let news = topics != self.topics;
        self.topics = topics;
        news
    }

    fn assign(&mut self, image: &TopicsImage) {
        if self.epoch <= self.assignment_epoch {
            return;
        }
        let members = self.members.iter();
        let members: BTreeMap<_, BTreeSet<Uuid>> = members
            .map(|(id, member)| (id.clone(), member.topic_ids(image)))
            .collect();
        let topics = self.topics.values();
        let topics = topics.map(|topic| (topic.id, topic.partitions)).collect();
        self.target = assignor::assign(&topics, &members, &self.target);
        self.assignment_epoch = self.epoch;
    }

    fn reconcile(
        &mut self,
        id: &ByteString,
        image: &TopicsImage,
        has_news: impl Fn(&BTreeSet<TopicIdPartition>) -> bool,
    ) -> ShareBeaten {
        let target = self.target.get(id).cloned().unwrap_or_default();
        let epoch = self.assignment_epoch;
        let Some(member) = self.members.get_mut(id) else {
            return ShareBeaten {
                member_epoch: epoch,
                assignment: None,
            };
        };
        let subscribed = member.topic_ids(image);
        if member.epoch != epoch {
            member.previous_epoch = member.epoch;
            member.epoch = epoch;
        }
        let wanted = target.into_iter();
        member.assigned = wanted
            .filter(|partition| subscribed.contains(&partition.topic_id))
            .collect();
        ShareBeaten {
            member_epoch: epoch,
            assignment: has_news(&member.assigned).then(|| member.assigned.clone()),
        }
    }

    /// All partitions that the group is to read.
    pub(crate) fn partitions(&self) -> Vec<TopicIdPartition> {
        let topics = self.topics.values();
        let partitions = topics.flat_map(|topic| {
            (0..topic.partitions).map(|partition| TopicIdPartition {
                topic_id: topic.id,
                partition,
            })
        });
        partitions.collect()
    }

    fn remove(&mut self, id: &ByteString) {
        if self.members.remove(id).is_some() {
            self.target.remove(id);
            self.epoch += 1;
        }
    }

    /// When [`on_timeout`](Self::on_timeout) wants to be called next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.members
            .values()
            .map(|member| member.session_ends)
            .min()
    }

    /// Does what time has brought: members that were not heard of are out.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        let late = self
            .members
            .iter()
            .filter(|(_, member)| member.session_ends <= now);
        for id in late.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            tracing::debug!(member = %id, "member of a share group expired");
            self.remove(&id);
        }
    }

    /// The group with its members. Topics that are gone are left out.
    pub(crate) fn described(&self, group_id: &str, image: &TopicsImage) -> DescribedGroup {
        let members = self.members.iter().map(|(id, member)| DescribedMember {
            member_id: id.clone(),
            rack_id: member.rack_id.clone(),
            member_epoch: member.epoch,
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            subscribed_topic_names: member.topic_names.iter().cloned().collect(),
            assignment: described(&member.assigned, image),
            ..Default::default()
        });
        DescribedGroup {
            group_id: group_id.into(),
            group_state: ByteString::from_static(self.state()),
            group_epoch: self.epoch,
            assignment_epoch: self.assignment_epoch,
            assignor_name: ByteString::from_static(assignor::NAME),
            members: members.collect(),
            ..Default::default()
        }
    }
}

impl Member {
    fn new(now: Instant) -> Self {
        Self {
            rack_id: None,
            client_id: ByteString::new(),
            client_host: ByteString::new(),
            topic_names: BTreeSet::new(),
            epoch: 0,
            previous_epoch: 0,
            assigned: BTreeSet::new(),
            session_ends: now,
        }
    }

    /// Takes over what it says of itself.
    fn update(&mut self, beat: &ShareHeartbeat) {
        self.rack_id = beat.rack_id.clone().or(self.rack_id.take());
        if let Some(names) = &beat.topic_names {
            self.topic_names.clone_from(names);
        }
        self.client_id.clone_from(&beat.client_id);
        self.client_host.clone_from(&beat.client_host);
    }

    /// Whether it is in the epoch that it believes to be in. It may be one behind, if the answer that told it was lost.
    fn check_epoch(&self, believed: i32) -> Result<(), Refusal> {
        let comparison = match believed {
            JOIN => return Ok(()),
            _ if believed > self.epoch => "greater",
            _ if believed < self.epoch && believed != self.previous_epoch => "smaller",
            _ => return Ok(()),
        };
        Err(Refusal::new(
            ErrorCode::FencedMemberEpoch,
            format!(
                "The share group member has a {comparison} member epoch ({believed}) than the one known by the group \
                 coordinator ({}). The member must abandon all its partitions and rejoin.",
                self.epoch
            ),
        ))
    }

    /// The topics that it wants to read, of those that there are.
    fn topic_ids(&self, image: &TopicsImage) -> BTreeSet<Uuid> {
        let names = self.topic_names.iter();
        names.filter_map(|name| Some(image.get(name)?.id)).collect()
    }
}

fn unknown_member(group_id: &str, id: &str) -> Refusal {
    let message = format!("Member {id} is not a member of group {group_id}.");
    Refusal::new(ErrorCode::UnknownMemberId, message)
}

fn described(partitions: &BTreeSet<TopicIdPartition>, image: &TopicsImage) -> DescribedAssignment {
    let mut by_topic: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        let of_topic = by_topic.entry(partition.topic_id).or_default();
        of_topic.push(partition.partition);
    }
    let topics = by_topic.into_iter().filter_map(|(topic_id, partitions)| {
        Some(TopicPartitions {
            topic_id,
            topic_name: image.name(topic_id)?.clone(),
            partitions,
            ..Default::default()
        })
    });
    DescribedAssignment {
        topic_partitions: topics.collect(),
        ..Default::default()
    }
}
