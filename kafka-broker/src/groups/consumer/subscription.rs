//! What the members of a group want to read, and what there is of it.

use std::collections::{BTreeMap, BTreeSet};

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use regex_lite::Regex;

use super::ConsumerGroup;
use super::member::Member;
use crate::refusal::Refusal;
use crate::topics_image::{TopicImage, TopicsImage};

/// What is known of what a group wants to read.
#[derive(Debug, Default)]
pub(super) struct Subscription {
    /// The topics that match each expression that a member has asked for, once somebody has looked.
    pub(super) resolved: BTreeMap<ByteString, BTreeSet<ByteString>>,
    /// The version of the image that the expressions were resolved by.
    resolved_by: u64,
    /// The topics that there were when the group's epoch was last decided on.
    pub(super) topics: BTreeMap<ByteString, TopicImage>,
    /// The version of the image that they are from.
    pub(super) topics_by: u64,
}

/// A regular expression that a whole name has to match.
///
/// # Errors
/// INVALID_REGULAR_EXPRESSION.
pub(super) fn compile(regex: &str) -> Result<Regex, Refusal> {
    // It has to be valid by itself: a stray parenthesis could pair with those around it.
    Regex::new(regex)
        .and_then(|_| Regex::new(&format!("^(?:{regex})$")))
        .map_err(|error| {
            let message = format!(
                "SubscribedTopicRegex `{regex}` is not a valid regular expression: {error}."
            );
            Refusal::new(ErrorCode::InvalidRegularExpression, message)
        })
}

impl ConsumerGroup {
    /// The topics that a member wants to read, of those that there are.
    pub(super) fn topics_of(&self, member: &Member, image: &TopicsImage) -> BTreeMap<Uuid, i32> {
        let names = member.topic_names.iter();
        let topics = names.chain(self.resolved(member)).filter_map(|name| {
            let topic = image.get(name)?;
            Some((topic.id, topic.partitions))
        });
        topics.collect()
    }

    fn resolved(&self, member: &Member) -> impl Iterator<Item = &ByteString> {
        let regex = member.topic_regex.as_ref();
        let resolved = regex.and_then(|regex| self.subscription.resolved.get(regex));
        resolved.into_iter().flatten()
    }

    /// All names that members want to read.
    pub(crate) fn topic_names(&self) -> BTreeSet<&ByteString> {
        let of_members = self.members.values();
        let names =
            of_members.flat_map(|member| member.topic_names.iter().chain(self.resolved(member)));
        names.collect()
    }

    /// Takes note of the topics that there are; whether that is news.
    pub(super) fn look_at(&mut self, image: &TopicsImage) -> bool {
        let names = self.topic_names().into_iter();
        let topics: BTreeMap<_, _> = names
            .filter_map(|name| Some((name.clone(), image.get(name)?)))
            .collect();
        self.subscription.topics_by = image.version;
        let news = topics != self.subscription.topics;
        self.subscription.topics = topics;
        news
    }

    /// Forgets what nobody wants to read any more.
    pub(super) fn forget_unsubscribed(&mut self) {
        let members = &self.members;
        let is_wanted = |regex: &ByteString| {
            members
                .values()
                .any(|member| member.topic_regex.as_ref() == Some(regex))
        };
        self.subscription
            .resolved
            .retain(|regex, _| is_wanted(regex));
        let names: BTreeSet<ByteString> = self.topic_names().into_iter().cloned().collect();
        self.subscription
            .topics
            .retain(|name, _| names.contains(name));
    }

    /// Resolves the members' expressions, if there is a new one or topics have changed. A group that finds other topics
    /// than before enters a new epoch; its members are told with their next heartbeats, as Kafka resolves beside them.
    pub(super) fn resolve(&mut self, image: &TopicsImage) {
        let regexes: BTreeSet<ByteString> = self
            .members
            .values()
            .filter_map(|member| member.topic_regex.clone())
            .collect();
        let is_known = |regex: &ByteString| self.subscription.resolved.contains_key(regex);
        if self.subscription.resolved_by == image.version && regexes.iter().all(is_known) {
            return;
        }
        let mut news = false;
        for regex in regexes {
            // It was valid when it came.
            let topics =
                compile(&regex).map_or_else(|_| BTreeSet::new(), |regex| image.matching(&regex));
            let known = self.subscription.resolved.entry(regex).or_default();
            news |= *known != topics;
            *known = topics;
        }
        self.subscription.resolved_by = image.version;
        if news {
            self.look_at(image);
            self.epoch += 1;
        }
    }
}
