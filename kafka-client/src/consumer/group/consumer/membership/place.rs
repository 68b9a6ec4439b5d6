//! What the rest of the consumer sees of a member.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_proto::error_code::ErrorCode;

use super::{Membership, Phase};
use crate::consumer::group::consumer::heartbeat;
use crate::consumer::group::pattern::TopicPattern;
use crate::consumer::group::place::Farewell;
use crate::consumer::group::rebalance::{Identity, Rebalance};
use crate::error::{Error, Result};
use crate::types::TopicPartition;

impl crate::consumer::group::Membership for Membership {
    fn subscribe(&mut self, topics: Vec<Arc<str>>, now: Instant) {
        self.regex = None;
        self.subscription.name(topics);
        self.begin(now);
    }

    fn subscribe_pattern(&mut self, pattern: TopicPattern, now: Instant) {
        self.regex = None;
        self.subscription.match_pattern(pattern, now);
        self.begin(now);
    }

    fn subscribe_regex(&mut self, regex: &str, now: Instant) -> Result<()> {
        self.regex = Some(regex.into());
        self.subscription.clear();
        self.begin(now);
        Ok(())
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
        self.regex = None;
        self.holdings.clear();
        self.trouble.clear();
        self.phase = Phase::Idle;
    }

    fn farewell(&mut self) -> Option<Farewell> {
        self.unsubscribe();
        let is_known = std::mem::take(&mut self.leaving);
        let request = heartbeat::farewell(&self.config, &self.member_id);
        is_known.then(|| Farewell::Consumer(Box::new(request)))
    }

    fn committer(&self) -> Option<Identity> {
        match self.phase {
            Phase::Member => Some(self.identity()),
            Phase::Idle => Some(Identity::nobody()),
            _ => None,
        }
    }

    fn commits_again(
        &self,
        identity: &Identity,
        error: &Error,
    ) -> Option<(Identity, Vec<TopicPartition>)> {
        let is_late = matches!(
            error,
            Error::Broker {
                code: ErrorCode::StaleMemberEpoch,
                ..
            }
        );
        // The coordinator raises a member's epoch before the member hears of it.
        let goes_on = self.phase == Phase::Member
            && identity.member_id == self.member_id
            && identity.generation >= self.unbroken_since;
        (is_late && goes_on).then(|| (self.identity(), self.holdings.owned_partitions()))
    }

    fn commit_refused(&mut self, identity: &Identity, _error: Error, now: Instant) {
        if identity.member_id == self.member_id && self.phase == Phase::Member {
            // Whether it is still a member the next heartbeat tells.
            self.heartbeat_due = self.heartbeat_due.min(now);
        }
    }

    fn pending(&self) -> Option<&Rebalance> {
        self.holdings.pending()
    }

    fn done(&mut self, rebalance: &Rebalance) {
        self.holdings.done(rebalance);
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
