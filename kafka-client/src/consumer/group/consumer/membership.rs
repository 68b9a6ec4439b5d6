//! A member of a group of the consumer protocol: when to be heard of, and what to do about the answers. Decisions only; the
//! time is an argument.

mod answers;
mod place;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_proto::codec::Uuid;
use kafka_proto::messages::ConsumerGroupHeartbeatRequest;

use super::heartbeat::{self, Said};
use super::holdings::Holdings;
use crate::consumer::config::ConsumerConfig;
use crate::consumer::group::pattern::TopicPattern;
use crate::consumer::group::presence::Presence;
use crate::consumer::group::rebalance::Identity;
use crate::consumer::group::subscription::Subscription;
use crate::consumer::trouble::Trouble;
use crate::retry::Backoff;

/// How a member behaves.
#[derive(Debug, Clone)]
pub(crate) struct MemberConfig {
    pub(crate) group_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) rack: Option<String>,
    /// A random one where it is not set.
    pub(crate) member_id: Option<String>,
    /// How the coordinator is to share partitions out; it chooses where nobody says.
    pub(crate) remote_assignor: Option<String>,
    /// How often to look for topics that match a pattern.
    pub(crate) metadata_max_age: Duration,
    pub(crate) max_poll_interval: Duration,
    pub(crate) retry_backoff: Duration,
    pub(crate) retry_backoff_max: Duration,
    /// How long there may be no coordinator before the user is told.
    pub(crate) patience: Duration,
}

impl MemberConfig {
    pub(crate) fn new(config: &ConsumerConfig, group_id: &str) -> Self {
        Self {
            group_id: group_id.to_owned(),
            instance_id: config.group_instance_id.clone(),
            rack: config.client_rack.clone(),
            member_id: config.member_id.clone(),
            remote_assignor: config.group_remote_assignor.clone(),
            metadata_max_age: config.client.metadata_max_age,
            max_poll_interval: config.max_poll_interval,
            retry_backoff: config.client.retry_backoff,
            retry_backoff_max: config.client.retry_backoff_max,
            patience: config.client.request_timeout,
        }
    }
}

/// What to send next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Look for the topics that match.
    Match { pattern: TopicPattern },
    /// Ask for the names of topics.
    Resolve { ids: Vec<Uuid> },
    /// ConsumerGroupHeartbeat. There is never more than one on its way.
    Heartbeat(ConsumerGroupHeartbeatRequest),
    /// The last ConsumerGroupHeartbeat; what it is answered changes nothing.
    Leave(ConsumerGroupHeartbeatRequest),
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
pub(crate) struct Membership {
    config: MemberConfig,
    /// When it was made. What is due since then is due at once.
    start: Instant,
    /// The member's own choice, for as long as it lives: a coordinator recognizes whose answer was lost (KIP-1082).
    pub(super) member_id: String,
    /// 0 outside of the group.
    epoch: i32,
    /// The epoch in which it came in: since then it has lost nothing.
    unbroken_since: i32,
    phase: Phase,
    subscription: Subscription,
    /// Topics that the coordinator finds by itself.
    regex: Option<Arc<str>>,
    holdings: Holdings,
    /// What the coordinator has heard; `None` where that is not known, or not any more.
    said: Option<Said>,
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
    /// Names of topics are being asked for.
    resolving: bool,
    resolve_not_before: Option<Instant>,
    resolve_backoff: Backoff,
}

impl Membership {
    pub(crate) fn new(config: MemberConfig, now: Instant) -> Self {
        let backoff = Backoff::new(config.retry_backoff, config.retry_backoff_max);
        Self {
            start: now,
            member_id: config.member_id.clone().unwrap_or_else(new_member_id),
            epoch: heartbeat::JOIN,
            unbroken_since: heartbeat::JOIN,
            phase: Phase::Idle,
            subscription: Subscription::default(),
            regex: None,
            holdings: Holdings::default(),
            said: None,
            asking: false,
            is_known: false,
            leaving: false,
            heartbeat_due: now,
            not_before: None,
            backoff: backoff.clone(),
            presence: Presence::new(config.max_poll_interval, now),
            trouble: Trouble::default(),
            resolving: false,
            resolve_not_before: None,
            resolve_backoff: backoff,
            config,
        }
    }

    fn identity(&self) -> Identity {
        Identity {
            member_id: self.member_id.clone(),
            generation: self.epoch,
        }
    }

    fn begin(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Idle | Phase::Failed) {
            self.trouble.clear();
            self.presence.restart(now);
            self.not_before = None;
            self.phase = Phase::Out;
        }
    }

    /// Steps out of the group; the coordinator is told so, if it knows the member.
    fn leave(&mut self) {
        self.leaving |= std::mem::take(&mut self.is_known);
        self.step_out();
    }

    fn step_out(&mut self) {
        self.is_known = false;
        self.epoch = heartbeat::JOIN;
        self.said = None;
    }

    /// What to send now.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Action> {
        if self.is_member() && self.presence.is_over(now) {
            tracing::warn!(
                group = self.config.group_id,
                "no poll within max.poll.interval.ms: leaving the group; poll more often, or take fewer records a poll"
            );
            self.leave();
            self.holdings.lose();
            self.phase = Phase::Away;
        }
        if self.is_member()
            && let Some(pattern) = self.subscription.next_match(now)
        {
            return Some(Action::Match { pattern });
        }
        if self.resolve_due().is_some_and(|due| due <= now) {
            self.resolving = true;
            let ids = self.holdings.unresolved();
            return Some(Action::Resolve { ids });
        }
        if self.heartbeat_due().is_none_or(|due| due > now) {
            return None;
        }
        self.asking = true;
        if std::mem::take(&mut self.leaving) {
            let request = heartbeat::farewell(&self.config, &self.member_id);
            return Some(Action::Leave(request));
        }
        if self.phase == Phase::Out {
            self.phase = Phase::Joining;
            self.is_known = true;
        }
        let saying = self.saying();
        if let Some(said) = &mut self.said
            && self.holdings.is_awaited()
        {
            said.owned = None;
        }
        let before = self.said.as_ref();
        let request = saying.heartbeat(before, &self.config, &self.member_id, self.epoch);
        self.said = Some(saying);
        if request.topic_partitions.is_some() {
            self.holdings.declare();
        }
        Some(Action::Heartbeat(request))
    }

    /// What the coordinator is to know.
    fn saying(&self) -> Said {
        Said {
            topics: self.subscription.topics().to_vec(),
            regex: self.regex.clone(),
            owned: Some(self.holdings.owned().clone()),
        }
    }

    /// When to say something to the coordinator. Whatever has changed is said at once.
    fn heartbeat_due(&self) -> Option<Instant> {
        if self.asking {
            return None;
        }
        let at_once = self.start;
        let due = match self.phase {
            _ if self.leaving => at_once,
            Phase::Out if self.may_join() => at_once,
            Phase::Member if self.has_news() => at_once,
            Phase::Member => self.heartbeat_due,
            _ => return None,
        };
        let not_before = self.not_before.filter(|_| !self.leaving);
        Some(not_before.map_or(due, |not_before| due.max(not_before)))
    }

    fn has_news(&self) -> bool {
        self.holdings.is_awaited() || self.said.as_ref() != Some(&self.saying())
    }

    /// When to ask for names of topics.
    fn resolve_due(&self) -> Option<Instant> {
        let is_needed = !self.resolving && !self.holdings.unresolved().is_empty();
        is_needed.then(|| self.resolve_not_before.unwrap_or(self.start))
    }

    /// When to ask again what to send, even if nothing happens.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let matching = self.subscription.match_due();
        let away = self.presence.ends_at();
        let of_member = [matching, away].map(|due| due.filter(|_| self.is_member()));
        of_member
            .into_iter()
            .chain([self.heartbeat_due(), self.resolve_due()])
            .flatten()
            .min()
    }

    /// Once the application has given up what it had, and it is known what there is to subscribe to.
    fn may_join(&self) -> bool {
        self.holdings.pending().is_none() && self.subscription.is_known()
    }

    fn is_member(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Away | Phase::Failed)
    }
}

/// A UUID as Kafka writes it. Nobody else has it: its bits come from the keys that the system gives to hash maps.
pub(crate) fn new_member_id() -> String {
    loop {
        let [high, low] = [0, 1].map(|half: u64| RandomState::new().hash_one(half).to_be_bytes());
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&high);
        bytes[8..].copy_from_slice(&low);
        // Version 4, variant 1: random.
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let id = Uuid(bytes).to_string();
        // Tools would take it for an option.
        if !id.starts_with('-') {
            return id;
        }
    }
}
