//! A member of a classic group: when to join, to synchronize, to be heard of and to leave. Decisions only; the time is an
//! argument.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_proto::error_code::ErrorCode;

use crate::consumer::assignor::GroupMember;
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
    pub(crate) heartbeat_interval: Duration,
    pub(crate) max_poll_interval: Duration,
    pub(crate) retry_backoff: Duration,
    pub(crate) retry_backoff_max: Duration,
    /// How long there may be no coordinator before the user is told.
    pub(crate) patience: Duration,
}

/// Who speaks, as requests to the coordinator say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) member_id: String,
    /// -1 outside of a generation.
    pub(crate) generation: i32,
}

/// What to send next. Answers name the attempt that they belong to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// JoinGroup, as this member.
    Join { attempt: u64, member: GroupMember },
    /// SyncGroup; the leader brings the assignment of these members.
    Sync {
        attempt: u64,
        identity: Identity,
        protocol: String,
        members: Option<Vec<GroupMember>>,
    },
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
    /// Those to share partitions among, for the leader who is to do that.
    pub(crate) members: Option<Vec<GroupMember>>,
}

/// A change of what this member reads. It waits until the application is between two polls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rebalance {
    /// These are to be given up; positions may still be committed.
    Revoke(Vec<TopicPartition>),
    /// These are somebody else's already.
    Lost(Vec<TopicPartition>),
    /// These are to be read.
    Assign(Vec<TopicPartition>),
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
    topics: Vec<Arc<str>>,
    phase: Phase,
    identity: Identity,
    /// What the application reads.
    owned: Vec<TopicPartition>,
    pending: Option<Rebalance>,
    /// A member id to take out of the group.
    leaving: Option<String>,
    attempt: u64,
    heartbeat_due: Instant,
    heart_beats: bool,
    not_before: Option<Instant>,
    backoff: Backoff,
    polling: bool,
    last_poll: Instant,
    trouble: Trouble,
    /// A topic that is subscribed to and not there.
    missing: Trouble,
    /// The numbers of partitions that this member, as the leader, has shared out.
    shared_out: Option<BTreeMap<Arc<str>, usize>>,
}

impl Membership {
    pub(crate) fn new(config: MemberConfig, now: Instant) -> Self {
        let backoff = Backoff::new(config.retry_backoff, config.retry_backoff_max);
        Self {
            config,
            topics: Vec::new(),
            phase: Phase::Idle,
            identity: Identity {
                generation: -1,
                ..Default::default()
            },
            owned: Vec::new(),
            pending: None,
            leaving: None,
            attempt: 0,
            heartbeat_due: now,
            heart_beats: false,
            not_before: None,
            backoff,
            polling: false,
            last_poll: now,
            trouble: Trouble::default(),
            missing: Trouble::default(),
            shared_out: None,
        }
    }

    pub(crate) fn topics(&self) -> &[Arc<str>] {
        &self.topics
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// Who commits, if it may: a member in a generation, or anybody where nobody subscribes.
    pub(crate) fn committer(&self) -> Option<Identity> {
        match self.phase {
            Phase::Stable | Phase::Revoking => Some(self.identity.clone()),
            Phase::Idle => Some(Identity {
                generation: -1,
                ..Default::default()
            }),
            _ => None,
        }
    }

    pub(crate) fn subscribe(&mut self, mut topics: Vec<Arc<str>>, now: Instant) {
        topics.sort();
        topics.dedup();
        let same = self.topics == topics;
        self.topics = topics;
        match self.phase {
            Phase::Idle | Phase::Failed => {
                self.trouble.clear();
                self.last_poll = now;
                self.phase = Phase::Out;
            }
            Phase::Stable if !same => self.rebalance(),
            Phase::Joining | Phase::Joined(_) | Phase::Syncing if !same => self.phase = Phase::Out,
            _ => {}
        }
    }

    /// Leaves. The application has given up what it had.
    pub(crate) fn unsubscribe(&mut self) {
        self.leave();
        self.topics.clear();
        self.owned.clear();
        self.pending = None;
        self.trouble.clear();
        self.missing.clear();
        self.phase = Phase::Idle;
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
        if self.is_member()
            && !self.polling
            && now >= self.last_poll + self.config.max_poll_interval
        {
            tracing::warn!(
                group = self.config.group_id,
                "no poll within max.poll.interval.ms: leaving the group; poll more often, or take fewer records a poll"
            );
            self.leave();
            self.lose(Phase::Away);
            return self.next(now);
        }
        match &self.phase {
            Phase::Out
                if self.pending.is_none() && self.not_before.is_none_or(|time| time <= now) =>
            {
                self.attempt += 1;
                self.phase = Phase::Joining;
                let member = GroupMember {
                    id: self.identity.member_id.clone(),
                    instance_id: self.config.instance_id.clone(),
                    topics: self.topics.clone(),
                    owned: self.owned.clone(),
                    generation: self.identity.generation,
                    rack: self.config.rack.clone(),
                };
                Some(Action::Join {
                    attempt: self.attempt,
                    member,
                })
            }
            Phase::Joined(joined) => {
                let Joined {
                    identity,
                    protocol,
                    members,
                } = joined.clone();
                self.phase = Phase::Syncing;
                Some(Action::Sync {
                    attempt: self.attempt,
                    identity,
                    protocol,
                    members,
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
            .filter(|_| self.phase == Phase::Out && self.pending.is_none());
        let beats = matches!(self.phase, Phase::Stable | Phase::Revoking | Phase::Syncing)
            && !self.heart_beats;
        let heartbeat = beats.then_some(self.heartbeat_due);
        let away = (self.is_member() && !self.polling)
            .then(|| self.last_poll + self.config.max_poll_interval);
        [join, heartbeat, away].into_iter().flatten().min()
    }

    fn is_member(&self) -> bool {
        !matches!(self.phase, Phase::Idle | Phase::Away | Phase::Failed)
    }

    /// Whether an answer to this attempt is still waited for.
    pub(crate) fn waits_for(&self, attempt: u64) -> bool {
        self.attempt == attempt && matches!(self.phase, Phase::Joining | Phase::Syncing)
    }

    /// JoinGroup was answered. With [`ErrorCode::MemberIdRequired`] comes the id to join with.
    pub(crate) fn joined(
        &mut self,
        attempt: u64,
        answer: Result<Joined, Error>,
        member_id: Option<String>,
        now: Instant,
    ) {
        if attempt != self.attempt || self.phase != Phase::Joining {
            // Nobody waits for this membership: it must not hold up the others.
            if let Ok(joined) = answer
                && self.config.instance_id.is_none()
                && joined.identity.member_id != self.identity.member_id
            {
                self.leaving = Some(joined.identity.member_id);
            }
            return;
        }
        match answer {
            Ok(joined) => {
                self.identity = joined.identity.clone();
                self.heartbeat_due = now + self.config.heartbeat_interval;
                self.well();
                self.phase = Phase::Joined(joined);
            }
            Err(Error::Broker {
                code: ErrorCode::MemberIdRequired,
                ..
            }) => {
                self.identity.member_id = member_id.unwrap_or_default();
                self.phase = Phase::Out;
            }
            Err(error) => {
                self.phase = Phase::Out;
                self.failed(error, now);
            }
        }
    }

    /// SyncGroup was answered.
    pub(crate) fn synced(
        &mut self,
        attempt: u64,
        answer: Result<Vec<TopicPartition>, Error>,
        now: Instant,
    ) {
        if attempt != self.attempt || self.phase != Phase::Syncing {
            return;
        }
        match answer {
            Ok(partitions) => {
                self.well();
                self.phase = Phase::Stable;
                self.pending = Some(Rebalance::Assign(partitions));
            }
            Err(error) => {
                self.phase = Phase::Out;
                self.shared_out = None;
                self.failed(error, now);
            }
        }
    }

    /// Heartbeat was answered.
    pub(crate) fn heartbeat_answered(
        &mut self,
        identity: &Identity,
        answer: Result<(), Error>,
        now: Instant,
    ) {
        self.heart_beats = false;
        if *identity != self.identity {
            return;
        }
        match answer {
            Ok(()) => self.well(),
            Err(Error::Broker {
                code: ErrorCode::RebalanceInProgress,
                ..
            }) => {
                if self.phase == Phase::Stable {
                    self.rebalance();
                }
            }
            Err(error) => {
                self.failed(error, now);
                self.heartbeat_due = self.heartbeat_due.min(now + self.backoff.next());
            }
        }
    }

    /// A commit was refused because of who sent it.
    pub(crate) fn commit_refused(&mut self, identity: &Identity, error: Error, now: Instant) {
        if *identity != self.identity {
            return;
        }
        match error {
            Error::Broker {
                code: ErrorCode::RebalanceInProgress,
                ..
            } if self.phase == Phase::Stable => self.rebalance(),
            Error::Broker {
                code:
                    ErrorCode::UnknownMemberId
                    | ErrorCode::IllegalGeneration
                    | ErrorCode::FencedInstanceId,
                ..
            } => self.failed(error, now),
            _ => {}
        }
    }

    fn failed(&mut self, error: Error, now: Instant) {
        tracing::debug!(group = self.config.group_id, %error, "group membership");
        let code = match &error {
            Error::Broker { code, .. } => *code,
            _ => ErrorCode::NetworkException,
        };
        match code {
            ErrorCode::UnknownMemberId => {
                self.identity = Identity {
                    generation: -1,
                    ..Default::default()
                };
                self.lose(Phase::Out);
                self.not_before = Some(now + self.backoff.next());
            }
            // It keeps its member id: it is still known, only late.
            ErrorCode::IllegalGeneration => {
                self.identity.generation = -1;
                self.lose(Phase::Out);
                self.not_before = Some(now + self.backoff.next());
            }
            ErrorCode::RebalanceInProgress => {}
            ErrorCode::FencedInstanceId => {
                self.lose(Phase::Failed);
                self.trouble.goes_on(error, Duration::ZERO, now);
            }
            _ => {
                let grace = if error.is_retriable() {
                    self.config.patience
                } else {
                    Duration::ZERO
                };
                self.trouble.goes_on(error, grace, now);
                self.not_before = Some(now + self.backoff.next());
            }
        }
    }

    fn well(&mut self) {
        self.trouble.clear();
        self.backoff.reset();
        self.not_before = None;
    }

    /// Asks the application to give up what it has, and then joins again.
    fn rebalance(&mut self) {
        self.shared_out = None;
        if self.owned.is_empty() {
            self.pending = None;
            self.phase = Phase::Out;
        } else {
            self.pending = Some(Rebalance::Revoke(self.owned.clone()));
            self.phase = Phase::Revoking;
        }
    }

    fn lose(&mut self, then: Phase) {
        self.shared_out = None;
        self.pending = (!self.owned.is_empty()).then(|| Rebalance::Lost(self.owned.clone()));
        self.phase = then;
    }

    /// What the application has to do before it goes on.
    pub(crate) fn pending(&self) -> Option<&Rebalance> {
        self.pending.as_ref()
    }

    /// The application has done this.
    pub(crate) fn done(&mut self, rebalance: &Rebalance) {
        match rebalance {
            Rebalance::Assign(partitions) => {
                if self.pending.as_ref() == Some(rebalance) {
                    self.owned = partitions.clone();
                    self.pending = None;
                }
            }
            Rebalance::Revoke(_) | Rebalance::Lost(_) => {
                self.owned.clear();
                if !matches!(self.pending, Some(Rebalance::Assign(_))) {
                    self.pending = None;
                }
                if self.phase == Phase::Revoking {
                    self.phase = Phase::Out;
                }
            }
        }
    }

    /// Says whether the member comes back, so that there is something to send.
    pub(crate) fn poll_begins(&mut self) -> bool {
        self.polling = true;
        let comes_back = self.phase == Phase::Away;
        if comes_back {
            self.phase = Phase::Out;
        }
        comes_back
    }

    pub(crate) fn poll_ends(&mut self, now: Instant) {
        self.polling = false;
        self.last_poll = now;
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

    /// A topic that is subscribed to is not there, or all of them are.
    pub(crate) fn missing(&mut self, error: Option<Error>, grace: Duration, now: Instant) {
        match error {
            Some(error) => self.missing.goes_on(error, grace, now),
            None => self.missing.clear(),
        }
    }

    /// What the user has to be told of now.
    pub(crate) fn tell(&mut self, now: Instant, nothing_else: bool) -> Option<Error> {
        if self.phase == Phase::Failed {
            return self.trouble.tell(now, true);
        }
        self.trouble
            .tell(now, nothing_else)
            .or_else(|| self.missing.tell(now, nothing_else))
    }

    /// When there will be something to tell.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.trouble
            .due()
            .into_iter()
            .chain(self.missing.due())
            .min()
    }
}
