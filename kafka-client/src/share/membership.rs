//! A member of a share group: when to be heard of, and what to do about the answers. Decisions only; the time is an
//! argument.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::{ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse};

use super::config::ShareConsumerConfig;
use super::parcel::Key;
use crate::consumer::{Presence, Trouble, new_member_id};
use crate::error::Error;
use crate::retry::Backoff;
use crate::types::TopicPartition;

/// The epoch of a member that joins.
pub(super) const JOIN: i32 = 0;
/// The epoch of a member that leaves.
const LEAVE: i32 = -1;
/// Heartbeats are not sent more often, whatever a coordinator says.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// What to send next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// Ask for the names of topics.
    Resolve { ids: Vec<Uuid> },
    /// ShareGroupHeartbeat. There is never more than one on its way.
    Heartbeat(ShareGroupHeartbeatRequest),
    /// The last ShareGroupHeartbeat; what it is answered changes nothing.
    Leave(ShareGroupHeartbeatRequest),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Subscribed to nothing.
    Idle,
    /// Not in the group (any more), to join as soon as nothing stands against it.
    Out,
    Joining,
    Member,
    /// The application has not polled for too long.
    Away,
    /// Only subscribing again helps.
    Failed,
}

#[derive(Debug)]
pub(super) struct Membership {
    group_id: String,
    rack: Option<String>,
    /// How long there may be no coordinator before the user is told.
    patience: Duration,
    /// When it was made. What is due since then is due at once.
    start: Instant,
    /// The member's own choice, for as long as it lives.
    member_id: String,
    /// 0 outside of the group.
    epoch: i32,
    phase: Phase,
    /// In the order of their names.
    topics: Vec<Arc<str>>,
    /// The topics that the coordinator has heard of; `None` where that is not known.
    said: Option<Vec<Arc<str>>>,
    assigned: BTreeMap<Uuid, Vec<i32>>,
    names: HashMap<Uuid, Arc<str>>,
    /// The assignment is another one since somebody has looked.
    changed: bool,
    /// A request to the coordinator is on its way.
    asking: bool,
    /// The coordinator may know the member.
    is_known: bool,
    /// The coordinator is to be told that it leaves.
    leaving: bool,
    heartbeat_due: Instant,
    not_before: Option<Instant>,
    backoff: Backoff,
    presence: Presence,
    trouble: Trouble,
    /// A topic that is subscribed to and not there.
    missing: Trouble,
    /// Names of topics are being asked for.
    resolving: bool,
    resolve_not_before: Option<Instant>,
    resolve_backoff: Backoff,
}

impl Membership {
    pub(super) fn new(config: &ShareConsumerConfig, now: Instant) -> Self {
        let client = &config.client;
        let backoff = Backoff::new(client.retry_backoff, client.retry_backoff_max);
        Self {
            group_id: config.group_id.clone().unwrap_or_default(),
            rack: config.client_rack.clone(),
            patience: client.request_timeout,
            start: now,
            member_id: config.member_id.clone().unwrap_or_else(new_member_id),
            epoch: JOIN,
            phase: Phase::Idle,
            topics: Vec::new(),
            said: None,
            assigned: BTreeMap::new(),
            names: HashMap::new(),
            changed: false,
            asking: false,
            is_known: false,
            leaving: false,
            heartbeat_due: now,
            not_before: None,
            backoff: backoff.clone(),
            presence: Presence::new(config.max_poll_interval, now),
            trouble: Trouble::default(),
            missing: Trouble::default(),
            resolving: false,
            resolve_not_before: None,
            resolve_backoff: backoff,
        }
    }

    pub(super) fn member_id(&self) -> &str {
        &self.member_id
    }

    pub(super) fn topics(&self) -> &[Arc<str>] {
        &self.topics
    }

    pub(super) fn is_subscribed(&self) -> bool {
        self.phase != Phase::Idle
    }

    pub(super) fn subscribe(&mut self, mut topics: Vec<Arc<str>>, now: Instant) {
        topics.sort();
        topics.dedup();
        self.topics = topics;
        self.missing.clear();
        if matches!(self.phase, Phase::Idle | Phase::Failed) {
            self.trouble.clear();
            self.presence.restart(now);
            self.not_before = None;
            self.phase = Phase::Out;
        }
    }

    pub(super) fn unsubscribe(&mut self) {
        self.leave();
        self.topics.clear();
        self.trouble.clear();
        self.missing.clear();
        self.phase = Phase::Idle;
    }

    /// Whether the coordinator is yet to hear that the member has left.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving || self.asking
    }

    /// Steps out of the group; the coordinator is told so, if it knows the member.
    fn leave(&mut self) {
        self.leaving |= self.is_known;
        self.step_out();
    }

    fn step_out(&mut self) {
        self.is_known = false;
        self.epoch = JOIN;
        self.said = None;
        self.assign(BTreeMap::new());
    }

    fn assign(&mut self, assigned: BTreeMap<Uuid, Vec<i32>>) {
        self.changed |= self.assigned != assigned;
        self.assigned = assigned;
    }

    /// What the member reads, if that has changed: as far as the names of topics are known.
    pub(super) fn take_change(&mut self) -> Option<BTreeMap<Key, TopicPartition>> {
        std::mem::take(&mut self.changed).then(|| {
            let of_topic = |(id, numbers): (&Uuid, &Vec<i32>)| {
                let (id, name) = (*id, self.names.get(id).cloned());
                let number = move |number: i32| {
                    let partition = TopicPartition::new(name.clone()?, number);
                    Some(((id, number), partition))
                };
                numbers.clone().into_iter().filter_map(number)
            };
            self.assigned.iter().flat_map(of_topic).collect()
        })
    }

    fn unresolved(&self) -> Vec<Uuid> {
        let ids = self.assigned.keys();
        ids.filter(|id| !self.names.contains_key(id))
            .copied()
            .collect()
    }

    /// What to send now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Action> {
        if self.is_member() && self.presence.is_over(now) {
            tracing::warn!(
                group = self.group_id,
                "no poll within max.poll.interval.ms: leaving the share group; poll more often, or take fewer records a poll"
            );
            self.leave();
            self.phase = Phase::Away;
        }
        if self.resolve_due().is_some_and(|due| due <= now) {
            self.resolving = true;
            let ids = self.unresolved();
            return Some(Action::Resolve { ids });
        }
        if self.heartbeat_due().is_none_or(|due| due > now) {
            return None;
        }
        self.asking = true;
        if std::mem::take(&mut self.leaving) {
            return Some(Action::Leave(self.heartbeat(LEAVE)));
        }
        if self.phase == Phase::Out {
            self.phase = Phase::Joining;
            self.is_known = true;
        }
        let mut request = self.heartbeat(self.epoch);
        if self.said.is_none() {
            request.rack_id = self.rack.as_deref().map(Into::into);
        }
        if self.said.as_ref() != Some(&self.topics) {
            let topics = self.topics.iter().map(|topic| (&**topic).into());
            request.subscribed_topic_names = Some(topics.collect());
            self.said = Some(self.topics.clone());
        }
        Some(Action::Heartbeat(request))
    }

    fn heartbeat(&self, epoch: i32) -> ShareGroupHeartbeatRequest {
        ShareGroupHeartbeatRequest {
            group_id: self.group_id.as_str().into(),
            member_id: self.member_id.as_str().into(),
            member_epoch: epoch,
            ..Default::default()
        }
    }

    /// When to say something to the coordinator. Whatever has changed is said at once.
    fn heartbeat_due(&self) -> Option<Instant> {
        if self.asking {
            return None;
        }
        let due = match self.phase {
            _ if self.leaving => return Some(self.start),
            Phase::Out => self.start,
            Phase::Member if self.said.as_ref() != Some(&self.topics) => self.start,
            Phase::Member => self.heartbeat_due,
            _ => return None,
        };
        Some(
            self.not_before
                .map_or(due, |not_before| due.max(not_before)),
        )
    }

    /// When to ask for names of topics.
    fn resolve_due(&self) -> Option<Instant> {
        let is_needed = !self.resolving && !self.unresolved().is_empty();
        is_needed.then(|| self.resolve_not_before.unwrap_or(self.start))
    }

    /// When to ask again what to send, even if nothing happens.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let away = self.presence.ends_at().filter(|_| self.is_member());
        let all = [away, self.heartbeat_due(), self.resolve_due()];
        all.into_iter().flatten().min()
    }

    fn is_member(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Away | Phase::Failed)
    }

    /// Says whether the member comes back, so that there is something to send.
    pub(super) fn poll_begins(&mut self) -> bool {
        self.presence.begins();
        let comes_back = self.phase == Phase::Away;
        if comes_back {
            self.phase = Phase::Out;
        }
        comes_back
    }

    pub(super) fn poll_ends(&mut self, now: Instant) {
        self.presence.ends(now);
    }

    /// A heartbeat was answered.
    pub(super) fn answered(
        &mut self,
        answer: Result<ShareGroupHeartbeatResponse, Error>,
        now: Instant,
    ) {
        self.asking = false;
        // It has left meanwhile, or is about to: whoever joins again hears from that how it stands.
        if !matches!(self.phase, Phase::Joining | Phase::Member) {
            return;
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return self.failed(error, now),
        };
        self.trouble.clear();
        self.backoff.reset();
        self.not_before = None;
        if self.phase == Phase::Joining {
            tracing::info!(
                group = self.group_id,
                member = self.member_id,
                epoch = answer.member_epoch,
                "joined"
            );
            self.phase = Phase::Member;
        }
        self.epoch = answer.member_epoch;
        let interval = u64::try_from(answer.heartbeat_interval_ms).unwrap_or(0);
        self.heartbeat_due = now + Duration::from_millis(interval).max(SHORTEST_INTERVAL);
        // None at all says that nothing has changed.
        if let Some(assignment) = answer.assignment {
            let mut assigned: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
            for topic in assignment.topic_partitions {
                assigned
                    .entry(topic.topic_id)
                    .or_default()
                    .extend(topic.partitions);
            }
            self.assign(assigned);
        }
    }

    /// The coordinator was told that the member leaves, or could not be.
    pub(super) fn left(&mut self) {
        self.asking = false;
    }

    fn failed(&mut self, error: Error, now: Instant) {
        tracing::debug!(group = self.group_id, %error, "share group membership");
        let code = match &error {
            Error::Broker { code, .. } => Some(*code),
            _ => None,
        };
        let was_joining = self.phase == Phase::Joining;
        self.not_before = Some(now + self.backoff.next());
        match code {
            Some(ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId) => {
                // One that is fenced while it joins is still known in another epoch: that has to end first.
                self.leaving |= was_joining && code == Some(ErrorCode::FencedMemberEpoch);
                self.step_out();
                self.phase = Phase::Out;
            }
            _ if is_final(&error) => {
                if was_joining {
                    self.step_out();
                } else {
                    self.leave();
                }
                self.phase = Phase::Failed;
                self.trouble.goes_on(error, Duration::ZERO, now);
            }
            _ => {
                // Whether it has heard what was said is not known.
                self.said = None;
                if was_joining {
                    self.phase = Phase::Out;
                }
                let grace = if error.is_retriable() {
                    self.patience
                } else {
                    Duration::ZERO
                };
                self.trouble.goes_on(error, grace, now);
            }
        }
    }

    /// These names were found; others may not be known yet.
    pub(super) fn resolved(
        &mut self,
        answer: Result<HashMap<Uuid, Arc<str>>, Error>,
        now: Instant,
    ) {
        self.resolving = false;
        match answer {
            Ok(names) => {
                self.changed |= !names.is_empty();
                self.names.extend(names);
            }
            Err(error) => tracing::debug!(group = self.group_id, %error, "names of topics"),
        }
        if self.unresolved().is_empty() {
            self.resolve_backoff.reset();
            self.resolve_not_before = None;
        } else {
            self.resolve_not_before = Some(now + self.resolve_backoff.next());
        }
    }

    /// A topic is not there, or all of them are.
    pub(super) fn missing(&mut self, error: Option<Error>, grace: Duration, now: Instant) {
        match error {
            Some(error) => self.missing.goes_on(error, grace, now),
            None => self.missing.clear(),
        }
    }

    /// What the user has to be told of now.
    pub(super) fn tell(&mut self, now: Instant, nothing_else: bool) -> Option<Error> {
        if self.phase == Phase::Failed {
            return self.trouble.tell(now, true);
        }
        self.trouble
            .tell(now, nothing_else)
            .or_else(|| self.missing.tell(now, nothing_else))
    }

    /// When there will be something to tell.
    pub(super) fn due(&self) -> Option<Instant> {
        let all = [self.trouble.due(), self.missing.due()];
        all.into_iter().flatten().min()
    }
}

/// Whether asking again is of no use, unless something is changed. Topics that may not be seen keep nobody from the others.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Broker { code, .. } => {
            !code.is_retriable() && *code != ErrorCode::TopicAuthorizationFailed
        }
        Error::ShareGroupsUnsupported { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
