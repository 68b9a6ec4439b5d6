//! A subscription to all topics whose names match.

use std::time::Instant;

use regex_lite::Regex;

use crate::error::Error;

/// A pattern of topics, which a whole name has to match: a regular expression of the crate
/// [`regex-lite`](https://docs.rs/regex-lite). Two of the same text are the same.
///
/// ```
/// use kafka_client::consumer::TopicPattern;
///
/// let pattern = TopicPattern::new("orders-(eu|us)")?;
/// assert!(pattern.matches("orders-eu") && !pattern.matches("old-orders-eu"));
/// # Ok::<_, kafka_client::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TopicPattern {
    text: String,
    regex: Regex,
}

impl TopicPattern {
    /// # Errors
    /// [`Error::Pattern`] says what is wrong with the pattern.
    pub fn new(text: &str) -> Result<Self, Error> {
        // It has to be valid by itself: a stray parenthesis could pair with those around it.
        let regex = Regex::new(text).and_then(|_| Regex::new(&format!("^(?:{text})$")));
        regex
            .map(|regex| Self {
                text: text.to_owned(),
                regex,
            })
            .map_err(|error| Error::Pattern {
                pattern: text.to_owned(),
                reason: error.to_string(),
            })
    }

    /// Whether it is the name of a topic that is meant.
    pub fn matches(&self, topic: &str) -> bool {
        self.regex.is_match(topic)
    }

    /// The pattern as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for TopicPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// When to look for the topics that match.
#[derive(Debug)]
pub(super) struct Matching {
    pattern: TopicPattern,
    due: Instant,
    /// Somebody is looking.
    looking: bool,
    /// Somebody has looked.
    known: bool,
}

impl Matching {
    pub(super) fn new(pattern: TopicPattern, now: Instant) -> Self {
        Self {
            pattern,
            due: now,
            looking: false,
            known: false,
        }
    }

    pub(super) fn pattern(&self) -> &TopicPattern {
        &self.pattern
    }

    /// The pattern, if it is time to look.
    pub(super) fn next(&mut self, now: Instant) -> Option<TopicPattern> {
        let is_due = !self.looking && now >= self.due;
        self.looking |= is_due;
        is_due.then(|| self.pattern.clone())
    }

    /// When it will be time to look.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.looking).then_some(self.due)
    }

    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    pub(super) fn done(&mut self, next: Instant) {
        self.known = true;
        self.failed(next);
    }

    pub(super) fn failed(&mut self, next: Instant) {
        self.looking = false;
        self.due = next;
    }

    /// What was found is not so any more.
    pub(super) fn is_outdated(&mut self, now: Instant) {
        self.due = self.due.min(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names() {
        let pattern = TopicPattern::new("orders-.*|bills").unwrap();
        let names = ["orders-eu", "bills", "old-orders-eu", "bills-2", "orders-"];
        let matching: Vec<_> = names.iter().filter(|name| pattern.matches(name)).collect();
        assert_eq!(matching, [&"orders-eu", &"bills", &"orders-"]);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["a)|(b", "(", "[z-a]"] {
            assert!(TopicPattern::new(text).is_err(), "{text}");
        }
    }
}
