//! What answers mean for a member.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::ConsumerGroupHeartbeatResponse;

use super::{Membership, Phase};
use crate::consumer::group::pattern::TopicPattern;
use crate::error::Error;

/// Heartbeats are not sent more often, whatever a coordinator says.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

impl Membership {
    /// A heartbeat was answered.
    pub(crate) fn answered(
        &mut self,
        answer: Result<ConsumerGroupHeartbeatResponse, Error>,
        now: Instant,
    ) {
        self.asking = false;
        // It has left meanwhile, or is about to: whoever joins again hears from that how it stands.
        if !matches!(self.phase, Phase::Joining | Phase::Member) {
            return;
        }
        match answer {
            Ok(answer) => {
                self.well();
                if self.phase == Phase::Joining {
                    tracing::info!(
                        group = self.config.group_id,
                        member = self.member_id,
                        epoch = answer.member_epoch,
                        "joined"
                    );
                    self.unbroken_since = answer.member_epoch;
                    self.phase = Phase::Member;
                }
                self.epoch = answer.member_epoch;
                let interval = u64::try_from(answer.heartbeat_interval_ms).unwrap_or(0);
                let interval = Duration::from_millis(interval).max(SHORTEST_INTERVAL);
                self.heartbeat_due = now + interval;
                self.holdings.confirmed();
                // None at all says that nothing has changed.
                if let Some(assignment) = answer.assignment {
                    self.holdings.assigned(assignment);
                }
            }
            Err(error) => self.failed(error, now),
        }
    }

    /// The coordinator was told that the member leaves, or could not be.
    pub(crate) fn left(&mut self) {
        self.asking = false;
    }

    /// These names were found; others may not be known yet.
    pub(crate) fn resolved(
        &mut self,
        answer: Result<HashMap<Uuid, Arc<str>>, Error>,
        now: Instant,
    ) {
        self.resolving = false;
        match answer {
            Ok(names) => self.holdings.resolved(names),
            Err(error) => {
                tracing::debug!(group = self.config.group_id, %error, "names of topics");
            }
        }
        if self.holdings.unresolved().is_empty() {
            self.resolve_backoff.reset();
            self.resolve_not_before = None;
        } else {
            self.resolve_not_before = Some(now + self.resolve_backoff.next());
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
                self.subscription.matched(topics, next);
            }
            Err(error) => {
                self.subscription.match_failed(now + self.backoff.next());
                self.in_trouble(error, now);
            }
        }
    }

    fn failed(&mut self, error: Error, now: Instant) {
        tracing::debug!(group = self.config.group_id, %error, "group membership");
        let code = match &error {
            Error::Broker { code, .. } => Some(*code),
            _ => None,
        };
        let was_joining = self.phase == Phase::Joining;
        match code {
            Some(ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId) => {
                // One that is fenced while it joins is still known in another epoch: that has to end first.
                self.leaving |= was_joining && code == Some(ErrorCode::FencedMemberEpoch);
                self.step_out();
                self.holdings.lose();
                self.phase = Phase::Out;
                self.not_before = Some(now + self.backoff.next());
            }
            _ if is_final(&error) => {
                if was_joining {
                    self.step_out();
                } else {
                    // Others need not wait for the end of its session.
                    self.leave();
                }
                self.holdings.lose();
                self.phase = Phase::Failed;
                self.trouble.goes_on(error, Duration::ZERO, now);
            }
            _ => {
                // Whether it has heard what was said is not known.
                self.said = None;
                if was_joining {
                    self.phase = Phase::Out;
                }
                self.not_before = Some(now + self.backoff.next());
                self.in_trouble(error, now);
            }
        }
    }

    fn well(&mut self) {
        self.trouble.clear();
        self.backoff.reset();
        self.not_before = None;
    }

    /// The user is told of an error, at once if it will not pass by itself.
    fn in_trouble(&mut self, error: Error, now: Instant) {
        let grace = if error.is_retriable() {
            self.config.patience
        } else {
            Duration::ZERO
        };
        self.trouble.goes_on(error, grace, now);
    }
}

/// Whether asking again is of no use, unless something is changed. Topics that may not be seen keep nobody from the others.
fn is_final(error: &Error) -> bool {
    match error {
        Error::Broker { code, .. } => {
            !code.is_retriable() && *code != ErrorCode::TopicAuthorizationFailed
        }
        Error::GroupProtocolUnsupported { .. } => true,
        _ => false,
    }
}
