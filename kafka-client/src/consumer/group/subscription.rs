//! The topics that a member is subscribed to, by name or by a pattern.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pattern::{Matching, TopicPattern};
use crate::consumer::trouble::Trouble;
use crate::error::Error;

/// What is subscribed to, as far as topics are known.
#[derive(Debug, Default)]
pub(super) struct Subscription {
    /// In the order of their names.
    topics: Vec<Arc<str>>,
    /// Where the topics come from, if they go by a pattern.
    matching: Option<Matching>,
    /// A topic that is subscribed to and not there.
    missing: Trouble,
}

impl Subscription {
    pub(super) fn topics(&self) -> &[Arc<str>] {
        &self.topics
    }

    /// Names the topics; says whether they are others than before.
    pub(super) fn name(&mut self, topics: Vec<Arc<str>>) -> bool {
        self.matching = None;
        self.take(topics)
    }

    /// Topics come from a pattern, from when it is known what matches; until then they stay as they are.
    pub(super) fn match_pattern(&mut self, pattern: TopicPattern, now: Instant) {
        self.matching = Some(Matching::new(pattern, now));
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn take(&mut self, mut topics: Vec<Arc<str>>) -> bool {
        topics.sort();
        topics.dedup();
        let is_new = self.topics != topics;
        self.topics = topics;
        is_new
    }

    /// Whether it is known what there is to subscribe to.
    pub(super) fn is_known(&self) -> bool {
        self.matching.as_ref().is_none_or(Matching::is_known)
    }

    /// The pattern, if it is time to look for what matches.
    pub(super) fn next_match(&mut self, now: Instant) -> Option<TopicPattern> {
        self.matching.as_mut()?.next(now)
    }

    /// When it will be time to look for what matches.
    pub(super) fn match_due(&self) -> Option<Instant> {
        self.matching.as_ref()?.due()
    }

    /// Whether it is this pattern that is subscribed to.
    pub(super) fn is_by(&self, pattern: &TopicPattern) -> bool {
        self.matching
            .as_ref()
            .is_some_and(|matching| matching.pattern() == pattern)
    }

    /// These topics match; to be looked for again at `next`. Says whether they are others than before.
    pub(super) fn matched(&mut self, topics: Vec<Arc<str>>, next: Instant) -> bool {
        if let Some(matching) = &mut self.matching {
            matching.done(next);
        }
        self.take(topics)
    }

    /// What matches could not be found out; to be tried again at `next`.
    pub(super) fn match_failed(&mut self, next: Instant) {
        if let Some(matching) = &mut self.matching {
            matching.failed(next);
        }
    }

    /// A topic is not there, or all of them are.
    pub(super) fn missing(&mut self, error: Option<Error>, grace: Duration, now: Instant) {
        match (error, &mut self.matching) {
            (Some(error), None) => self.missing.goes_on(error, grace, now),
            // Nobody has named it: it does not match any more.
            (Some(_), Some(matching)) => matching.is_outdated(now),
            (None, _) => self.missing.clear(),
        }
    }

    pub(super) fn tell(&mut self, now: Instant, nothing_else: bool) -> Option<Error> {
        self.missing.tell(now, nothing_else)
    }

    /// When there will be something to tell.
    pub(super) fn due(&self) -> Option<Instant> {
        self.missing.due()
    }
}
