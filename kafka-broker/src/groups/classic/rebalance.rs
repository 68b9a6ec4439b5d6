//! How a group gets from one generation to the next.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;

use super::group::ClassicGroup;
use super::member::Member;

/// Kafka's states of a group.
#[derive(Debug)]
pub(super) enum Phase {
    Empty,
    /// Members are to join (again).
    PreparingRebalance(Rebalance),
    /// The leader is to bring the assignment; members that have not asked for theirs by the deadline are removed.
    CompletingRebalance {
        sync_by: Instant,
    },
    /// All have got theirs or can get it.
    Stable {
        sync_by: Option<Instant>,
    },
}

/// A rebalance that waits for members.
#[derive(Debug)]
pub(super) struct Rebalance {
    /// Goes on without those that have not come by then.
    pub(super) ends: Instant,
    /// A new group's first rebalance goes on longer while members come in.
    pub(super) initial: Option<Initial>,
}

#[derive(Debug)]
pub(super) struct Initial {
    pub(super) left: Duration,
    pub(super) member_came: bool,
}

impl ClassicGroup {
    /// Starts a rebalance unless there is one, and ends it if nobody is missing.
    pub(super) fn rebalance(&mut self, now: Instant) {
        if matches!(self.phase, Phase::PreparingRebalance(_)) {
            return self.complete_if_all_joined(now);
        }
        for member in self.members.values_mut() {
            member.answer_sync(Err(ErrorCode::RebalanceInProgress), now);
            member.has_to_sync = false;
        }
        let timeout = self.rebalance_timeout();
        if matches!(self.phase, Phase::Empty) {
            let delay = self.initial_delay.min(timeout);
            let initial = Initial {
                left: timeout - delay,
                member_came: false,
            };
            self.phase = Phase::PreparingRebalance(Rebalance {
                ends: now + delay,
                initial: Some(initial),
            });
            self.end_rebalance_if_due(now);
        } else {
            self.phase = Phase::PreparingRebalance(Rebalance {
                ends: now + timeout,
                initial: None,
            });
            self.complete_if_all_joined(now);
        }
    }

    /// The longest that a member needs to come back.
    fn rebalance_timeout(&self) -> Duration {
        self.members
            .values()
            .map(|member| member.rebalance_timeout)
            .max()
            .unwrap_or_default()
    }

    pub(super) fn complete_if_all_joined(&mut self, now: Instant) {
        let Phase::PreparingRebalance(Rebalance { initial: None, .. }) = self.phase else {
            return;
        };
        if self.pending.is_empty() && self.members.values().all(|member| member.joining.is_some()) {
            self.complete_rebalance(now);
        }
    }

    pub(super) fn end_rebalance_if_due(&mut self, now: Instant) {
        let Phase::PreparingRebalance(rebalance) = &mut self.phase else {
            return;
        };
        if now < rebalance.ends {
            return;
        }
        match &mut rebalance.initial {
            Some(initial) if initial.member_came && !initial.left.is_zero() => {
                let delay = self.initial_delay.min(initial.left);
                initial.left -= delay;
                initial.member_came = false;
                rebalance.ends = now + delay;
            }
            _ => self.complete_rebalance(now),
        }
    }

    /// Starts the next generation with the members that have joined, and with static ones that have not: those may
    /// come back.
    fn complete_rebalance(&mut self, now: Instant) {
        let missing =
            |member: &Member| member.joining.is_none() && member.group_instance_id.is_none();
        self.members.retain(|_, member| !missing(member));
        let leads = |id: &ByteString| {
            self.members
                .get(id)
                .is_some_and(|member| member.joining.is_some())
        };
        if !self.leader.as_ref().is_some_and(leads) {
            let joined = self
                .members
                .iter()
                .find(|(_, member)| member.joining.is_some());
            match joined {
                Some((id, _)) => self.leader = Some(id.clone()),
                None if self.members.is_empty() => self.leader = None,
                // Only static members are left, and none has come: there is nobody to assign.
                None => {
                    let ends = now + self.rebalance_timeout();
                    self.phase = Phase::PreparingRebalance(Rebalance {
                        ends,
                        initial: None,
                    });
                    return;
                }
            }
        }
        // After the last generation comes the first again.
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.protocol = self.select_protocol();
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            return;
        }
        self.phase = Phase::CompletingRebalance {
            sync_by: now + self.rebalance_timeout(),
        };
        let ids: Vec<ByteString> = self.members.keys().cloned().collect();
        for id in ids {
            let joined = self.joined(&id, self.leader.as_ref() == Some(&id));
            if let Some(member) = self.members.get_mut(&id) {
                member.has_to_sync = true;
                if member.joining.is_some() {
                    member.answer_join(joined, now);
                }
            }
        }
    }

    /// Of the protocols that all members know, the one that most of them prefer.
    pub(super) fn select_protocol(&self) -> Option<ByteString> {
        let known_to_all = |name: &str| self.members.values().all(|member| member.supports(name));
        let mut votes: BTreeMap<&ByteString, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some(choice) = member
                .protocols
                .iter()
                .find(|protocol| known_to_all(&protocol.name))
            {
                *votes.entry(&choice.name).or_default() += 1;
            }
        }
        votes
            .into_iter()
            .max_by_key(|(_, votes)| *votes)
            .map(|(name, _)| name.clone())
    }
}
