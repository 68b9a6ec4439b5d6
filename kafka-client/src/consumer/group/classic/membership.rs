//! A member of a classic group: when to join, to synchronize, to be heard of and to leave. Decisions only; the time is an
//! argument.

mod answers;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_proto::error_code::ErrorCode;

use crate::consumer::assignor::{GroupMember, RebalanceProtocol};
use crate::consumer::config::ConsumerConfig;
use crate::consumer::group::pattern::TopicPattern;
use crate::consumer::group::place::Farewell;
use crate::consumer::group::presence::Presence;
use crate::consumer::group::rebalance::{Identity, Rebalance, without};
use crate::consumer::group::subscription::Subscription;
use crate::consumer::trouble::Trouble;
use crate::error::Error;
use crate::retry::Backoff;
use crate::types::TopicPartition;

/// How a member behaves.
#[derive(Debug, Clone)]
pub(crate) struct MemberConfig {
    pub(crate) group_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) rack: Option<String>,
    pub(crate) protocol: RebalanceProtocol,
    /// How often to look for topics that match a pattern.
    pub(crate) metadata_max_age: Duration,
    pub(crate) heartbeat_interval: Duration,
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
            protocol: config.rebalance_protocol(),
            metadata_max_age: config.client.metadata_max_age,
            heartbeat_interval: config.heartbeat_interval,
            max_poll_interval: config.max_poll_interval,
            retry_backoff: config.client.retry_backoff,
            retry_backoff_max: config.client.retry_backoff_max,
            patience: config.client.request_timeout,
        }
    }
}

/// What a member was assigned last, for assignors that want to hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastAssignment {
    pub(crate) partitions: Vec<TopicPartition>,
    /// -1 where there was none.
    pub(crate) generation: i32,
}

/// What to send next. Answers name the attempt that they belong to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Look for the topics that match.
    Match { pattern: TopicPattern },
    /// JoinGroup, as this member.
    Join {
        attempt: u64,
        member: GroupMember,
        last: LastAssignment,
    },
    /// SyncGroup; the leader brings the assignment of the members.
    Sync { attempt: u64, joined: Joined },
    /// Heartbeat.
    Heartbeat { identity: Identity },
    /// LeaveGroup.
    Leave { member_id: String },
}

/// What the coordinator answered to JoinGroup.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Joined {
    pub(crate) identity: Identity,
    pub(crate) protocol: String,
    /// All members, for the leader.
    pub(crate) members: Option<Vec<GroupMember>>,
    /// The assignment stays as it is, and the leader is only to watch the topics: it came back as a static member
    /// (KIP-814).
    pub(crate) skip_assignment: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    /// Subscribed to nothing.
    Idle,
    /// Not in the group (any more), to join as soon as nothing stands against it.
    Out,
    Joining,
    Joined(Joined),
    Syncing,
    Stable,
    /// A rebalance waits for the application to give up what it has.
    Revoking,
    /// The application has not polled for too long.
    Away,
    /// Only subscribing again helps.
    Failed,
}

#[derive(Debug)]
pub(crate) struct Membership {
    config: MemberConfig,
    subscription: Subscription,
    phase: Phase,
    identity: Identity,
    /// The first generation since it has lost what it had before.
    unbroken_since: i32,
    /// What the application reads.
    owned: Vec<TopicPartition>,
    /// What the group was told, when joining, that the application reads.
    claimed: Vec<TopicPartition>,
    last: LastAssignment,
    /// What the application has to do, in this order.
    pending: VecDeque<Rebalance>,
    /// Once that is done, the group has to share out what was given up.
    rejoins: bool,
    /// A member id to take out of the group.
    leaving: Option<String>,
    attempt: u64,
    heartbeat_due: Instant,
    heart_beats: bool,
    not_before: Option<Instant>,
    backoff: Backoff,
    presence: Presence,
    trouble: Trouble,
    /// The numbers of partitions that this member, as the leader, has shared out.
    shared_out: Option<BTreeMap<Arc<str>, usize>>,
}

impl Membership {
    pub(crate) fn new(config: MemberConfig, now: Instant) -> Self {
        let backoff = Backoff::new(config.retry_backoff, config.retry_backoff_max);
        let presence = Presence::new(config.max_poll_interval, now);
        Self {
            config,
            subscription: Subscription::default(),
            phase: Phase::Idle,
            identity: Identity::nobody(),
            unbroken_since: 0,
            owned: Vec::new(),
            claimed: Vec::new(),
            last: LastAssignment {
                partitions: Vec::new(),
                generation: -1,
            },
            pending: VecDeque::new(),
            rejoins: false,
            leaving: None,
            attempt: 0,
            heartbeat_due: now,
            heart_beats: false,
            not_before: None,
            backoff,
            presence,
            trouble: Trouble::default(),
            shared_out: None,
        }
    }

    /// Whether it goes on with what it has while it joins.
    fn keeps_on(&self) -> bool {
        self.config.protocol == RebalanceProtocol::Cooperative
            && self.identity.generation >= 0
            && self.is_member()
            && !matches!(self.pending.front(), Some(Rebalance::Lost(_)))
    }

    fn begin(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Idle | Phase::Failed) {
            self.trouble.clear();
            self.presence.restart(now);
            self.phase = Phase::Out;
        }
    }

    /// The topics are others than before.
    fn resubscribed(&mut self) {
        match self.phase {
            Phase::Stable => self.rebalance(),
            Phase::Joining | Phase::Joined(_) | Phase::Syncing => self.phase = Phase::Out,
            _ => {}
        }
    }

    /// Somebody has looked for the topics that match.
    pub(crate) fn matched(
        &mut self,
        pattern: &TopicPattern,
        answer: Result<Vec<Arc<str>>, Error>,
        now: Instant,
    ) {
        if !self.subscription.is_by(pattern) {
            return;
        }
        match answer {
            Ok(topics) => {
                let next = now + self.config.metadata_max_age;
                if self.subscription.matched(topics, next) {
                    self.resubscribed();
                }
            }
            Err(error) => {
                self.subscription.match_failed(now + self.backoff.next());
                let grace = self.grace(&error);
                self.trouble.goes_on(error, grace, now);
            }
        }
    }

    fn leave(&mut self) {
        self.attempt += 1;
        self.identity.generation = -1;
        self.shared_out = None;
        // A static member keeps its place until its session ends, so that a restart goes unnoticed.
        if self.config.instance_id.is_none() && !self.identity.member_id.is_empty() {
            self.leaving = Some(std::mem::take(&mut self.identity.member_id));
        }
    }

    /// What to send now.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Action> {
        if let Some(member_id) = self.leaving.take() {
            return Some(Action::Leave { member_id });
        }
        if self.is_member() && self.presence.is_over(now) {
            tracing::warn!(
                group = self.config.group_id,
                "no poll within max.poll.interval.ms: leaving the group; poll more often, or take fewer records a poll"
            );
            self.leave();
            self.lose(Phase::Away);
            return self.next(now);
        }
        if self.is_member()
            && let Some(pattern) = self.subscription.next_match(now)
        {
            return Some(Action::Match { pattern });
        }
        match &self.phase {
            Phase::Out if self.may_join() && self.not_before.is_none_or(|time| time <= now) => {
                self.attempt += 1;
                self.phase = Phase::Joining;
                self.rejoins = false;
                self.claimed = self.owned.clone();
                let member = GroupMember {
                    id: self.identity.member_id.clone(),
                    instance_id: self.config.instance_id.clone(),
                    topics: self.subscription.topics().to_vec(),
                    owned: self.owned.clone(),
                    generation: self.identity.generation,
                    rack: self.config.rack.clone(),
                    ..Default::default()
                };
                Some(Action::Join {
                    attempt: self.attempt,
                    member,
                    last: self.last.clone(),
                })
            }
            Phase::Joined(joined) => {
                let joined = joined.clone();
                self.phase = Phase::Syncing;
                Some(Action::Sync {
                    attempt: self.attempt,
                    joined,
                })
            }
            Phase::Stable | Phase::Revoking | Phase::Syncing
                if !self.heart_beats && now >= self.heartbeat_due =>
            {
                self.heart_beats = true;
                self.heartbeat_due = now + self.config.heartbeat_interval;
                Some(Action::Heartbeat {
                    identity: self.identity.clone(),
                })
            }
            _ => None,
        }
    }

    /// When to ask again what to send, even if nothing happens.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let join = self
            .not_before
            .filter(|_| self.phase == Phase::Out && self.may_join());
        let matching = self.subscription.match_due();
        let matching = matching.filter(|_| self.is_member());
        let beats = matches!(self.phase, Phase::Stable | Phase::Revoking | Phase::Syncing)
            && !self.heart_beats;
        let heartbeat = beats.then_some(self.heartbeat_due);
        let away = self.presence.ends_at().filter(|_| self.is_member());
        [join, matching, heartbeat, away]
            .into_iter()
            .flatten()
            .min()
    }

    /// Once the application has done what it was told, and it is known what there is to subscribe to.
    fn may_join(&self) -> bool {
        self.pending.is_empty() && self.subscription.is_known()
    }

    fn is_member(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Away | Phase::Failed)
    }

    /// Whether an answer to this attempt is still waited for.
    pub(crate) fn waits_for(&self, attempt: u64) -> bool {
        self.attempt == attempt && matches!(self.phase, Phase::Joining | Phase::Syncing)
    }

    /// Joins again, once the application has given up what it must not keep meanwhile.
    fn rebalance(&mut self) {
        self.shared_out = None;
        self.pending.clear();
        let topics = self.subscription.topics();
        let must_go = |partition: &&TopicPartition| match self.config.protocol {
            RebalanceProtocol::Eager => true,
            RebalanceProtocol::Cooperative => topics.binary_search(&partition.topic).is_err(),
        };
        let must_go: Vec<_> = self.owned.iter().filter(must_go).cloned().collect();
        if must_go.is_empty() {
            self.phase = Phase::Out;
        } else {
            self.pending.push_back(Rebalance::Revoke(must_go));
            self.phase = Phase::Revoking;
        }
    }

    fn lose(&mut self, then: Phase) {
        self.shared_out = None;
        self.pending.clear();
        if !self.owned.is_empty() {
            self.pending.push_back(Rebalance::Lost(self.owned.clone()));
        }
        self.phase = then;
    }

    /// The leader has shared out topics with these numbers of partitions.
    pub(crate) fn shares_out(&mut self, attempt: u64, counts: BTreeMap<Arc<str>, usize>) {
        if self.waits_for(attempt) {
            self.shared_out = Some(counts);
        }
    }

    /// What the leader has to watch.
    pub(crate) fn shared_out(&self) -> Option<&BTreeMap<Arc<str>, usize>> {
        self.shared_out.as_ref()
    }

    /// The topics that were shared out have these numbers of partitions now.
    pub(crate) fn counted(&mut self, counts: &BTreeMap<Arc<str>, usize>) {
        if self.phase == Phase::Stable
            && self
                .shared_out
                .as_ref()
                .is_some_and(|before| before != counts)
        {
            tracing::info!(
                group = self.config.group_id,
                "the group's topics have changed: rebalancing"
            );
            self.rebalance();
        }
    }
}

impl crate::consumer::group::Membership for Membership {
    fn subscribe(&mut self, topics: Vec<Arc<str>>, now: Instant) {
        self.begin(now);
        if self.subscription.name(topics) {
            self.resubscribed();
        }
    }

    fn subscribe_pattern(&mut self, pattern: TopicPattern, now: Instant) {
        self.subscription.match_pattern(pattern, now);
        self.begin(now);
    }

    fn subscribe_regex(&mut self, regex: &str, _now: Instant) -> Result<(), Error> {
        Err(Error::Config {
            key: "group.protocol".to_owned(),
            value: "classic".to_owned(),
            reason: format!(
                "only the protocol \"consumer\" has the brokers match \"{regex}\": choose that, or subscribe to a pattern"
            ),
        })
    }

    fn is_subscribed(&self) -> bool {
        self.phase != Phase::Idle
    }

    fn topics(&self) -> &[Arc<str>] {
        self.subscription.topics()
    }

    fn missing(&mut self, error: Option<Error>, grace: Duration, now: Instant) {
        self.subscription.missing(error, grace, now);
    }

    fn unsubscribe(&mut self) {
        self.leave();
        self.subscription.clear();
        self.owned.clear();
        self.pending.clear();
        self.trouble.clear();
        self.phase = Phase::Idle;
    }

    fn farewell(&mut self) -> Option<Farewell> {
        self.unsubscribe();
        let member_id = self.leaving.take()?;
        Some(Farewell::Classic { member_id })
    }

    /// In a cooperative rebalance a member may go on committing what it keeps: the coordinator takes it until all have
    /// joined, and after the rebalance.
    fn committer(&self) -> Option<Identity> {
        match self.phase {
            Phase::Stable | Phase::Revoking => Some(self.identity.clone()),
            _ if self.keeps_on() => Some(self.identity.clone()),
            Phase::Idle => Some(Identity::nobody()),
            _ => None,
        }
    }

    fn commits_again(
        &self,
        identity: &Identity,
        error: &Error,
    ) -> Option<(Identity, Vec<TopicPartition>)> {
        let code = match error {
            Error::Broker { code, .. } => *code,
            _ => return None,
        };
        let goes_on = self.keeps_on()
            && identity.member_id == self.identity.member_id
            && identity.generation >= self.unbroken_since;
        let joins = !matches!(self.phase, Phase::Stable | Phase::Revoking);
        let again = match code {
            ErrorCode::RebalanceInProgress => true,
            ErrorCode::IllegalGeneration => joins || identity.generation < self.identity.generation,
            _ => false,
        };
        (goes_on && again).then(|| (self.identity.clone(), self.owned.clone()))
    }

    fn commit_refused(&mut self, identity: &Identity, error: Error, now: Instant) {
        self.refused(identity, error, now);
    }

    fn pending(&self) -> Option<&Rebalance> {
        self.pending.front()
    }

    fn done(&mut self, rebalance: &Rebalance) {
        match rebalance {
            Rebalance::Assign(partitions) => {
                if self.pending.front() == Some(rebalance) {
                    self.owned = partitions.clone();
                    self.pending.pop_front();
                }
            }
            Rebalance::Revoke(partitions) | Rebalance::Lost(partitions) => {
                self.owned = without(&self.owned, partitions);
                if let Some(Rebalance::Revoke(rest) | Rebalance::Lost(rest)) =
                    self.pending.front_mut()
                {
                    *rest = without(rest, partitions);
                    if rest.is_empty() {
                        self.pending.pop_front();
                    }
                }
            }
        }
        let is_settled = self.pending.is_empty();
        if is_settled
            && (self.phase == Phase::Revoking || self.phase == Phase::Stable && self.rejoins)
        {
            self.phase = Phase::Out;
        }
    }

    fn poll_begins(&mut self) -> bool {
        self.presence.begins();
        let comes_back = self.phase == Phase::Away;
        if comes_back {
            self.phase = Phase::Out;
        }
        comes_back
    }

    fn poll_ends(&mut self, now: Instant) {
        self.presence.ends(now);
    }

    fn tell(&mut self, now: Instant, nothing_else: bool) -> Option<Error> {
        if self.phase == Phase::Failed {
            return self.trouble.tell(now, true);
        }
        self.trouble
            .tell(now, nothing_else)
            .or_else(|| self.subscription.tell(now, nothing_else))
    }

    fn due(&self) -> Option<Instant> {
        self.trouble
            .due()
            .into_iter()
            .chain(self.subscription.due())
            .min()
    }
}
