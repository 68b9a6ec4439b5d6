//! What the coordinator's answers mean for a member.

use std::time::{Duration, Instant};

use kafka_proto::error_code::ErrorCode;

use super::{Joined, LastAssignment, Membership, Phase};
use crate::consumer::assignor::RebalanceProtocol;
use crate::consumer::group::rebalance::{Identity, Rebalance, without};
use crate::error::Error;
use crate::types::TopicPartition;

impl Membership {
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
                if self.identity.generation < 0 {
                    self.unbroken_since = joined.identity.generation;
                }
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
                self.last = LastAssignment {
                    partitions: partitions.clone(),
                    generation: self.identity.generation,
                };
                self.pending.clear();
                if self.config.protocol == RebalanceProtocol::Cooperative {
                    let revoked = without(&self.owned, &partitions);
                    if !revoked.is_empty() {
                        self.pending.push_back(Rebalance::Revoke(revoked));
                    }
                    // What was claimed was withheld from others, even if it has been given up meanwhile.
                    self.rejoins = !without(&self.claimed, &partitions).is_empty();
                }
                self.pending.push_back(Rebalance::Assign(partitions));
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
        // Who joins again hears from that how it stands. A heartbeat that was late for the generation says nothing.
        if *identity != self.identity || self.phase == Phase::Joining {
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
    pub(super) fn refused(&mut self, identity: &Identity, error: Error, now: Instant) {
        // Nor does a commit that was late for the generation.
        if *identity != self.identity || !matches!(self.phase, Phase::Stable | Phase::Revoking) {
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
                self.identity = Identity::nobody();
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
                let grace = self.grace(&error);
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

    /// How long an error may last before the user is told.
    pub(super) fn grace(&self, error: &Error) -> Duration {
        if error.is_retriable() {
            self.config.patience
        } else {
            Duration::ZERO
        }
    }
}
