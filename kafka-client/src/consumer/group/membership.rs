//! What both protocols have in common, seen from the rest of the consumer.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pattern::TopicPattern;
use super::place::Farewell;
use super::rebalance::{Identity, Rebalance};
use crate::error::{Error, Result};
use crate::types::TopicPartition;

/// A place in a group: decisions only, the time is an argument.
pub(crate) trait Membership: fmt::Debug + Send {
    fn subscribe(&mut self, topics: Vec<Arc<str>>, now: Instant);

    /// Subscribes to what matches, from when that is known.
    fn subscribe_pattern(&mut self, pattern: TopicPattern, now: Instant);

    /// Subscribes to what the coordinator finds to match.
    ///
    /// # Errors
    /// [`Error::Config`] where the protocol has nothing of the kind.
    fn subscribe_regex(&mut self, regex: &str, now: Instant) -> Result<()>;

    fn is_subscribed(&self) -> bool;

    /// The topics that it is known to be subscribed to.
    fn topics(&self) -> &[Arc<str>];

    /// A topic that is subscribed to is not there, or all of them are.
    fn missing(&mut self, error: Option<Error>, grace: Duration, now: Instant);

    /// Leaves. The application has given up what it had.
    fn unsubscribe(&mut self);

    /// Leaves for good: what the coordinator is to be told yet, if it knows the member.
    fn farewell(&mut self) -> Option<Farewell>;

    /// Who commits, if it may: a member that is in the group, or anybody where nobody subscribes.
    fn committer(&self) -> Option<Identity>;

    /// Who is to repeat a commit that was refused because the group has moved on meanwhile, and of which partitions: the
    /// member that still owns them, having lost nothing in between.
    fn commits_again(
        &self,
        identity: &Identity,
        error: &Error,
    ) -> Option<(Identity, Vec<TopicPartition>)>;

    /// A commit was refused because of who sent it.
    fn commit_refused(&mut self, identity: &Identity, error: Error, now: Instant);

    /// What the application has to do before it goes on.
    fn pending(&self) -> Option<&Rebalance>;

    /// The application has done this. It may have been told something else meanwhile: an assignment that is no longer
    /// pending must not be taken up, while what was given up is gone in any case.
    fn done(&mut self, rebalance: &Rebalance);

    /// Says whether the member comes back, so that there is something to send.
    fn poll_begins(&mut self) -> bool;

    fn poll_ends(&mut self, now: Instant);

    /// What the user has to be told of now.
    fn tell(&mut self, now: Instant, nothing_else: bool) -> Option<Error>;

    /// When there will be something to tell.
    fn due(&self) -> Option<Instant>;
}
