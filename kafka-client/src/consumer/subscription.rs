//! What a consumer reads: topics that the group shares out, or partitions by hand.

use std::sync::Arc;

use kafka_proto::error_code::ErrorCode;

use super::Consumer;
use super::group::{Membership, TopicPattern};
use super::shared::now;
use super::trouble::TOPIC_GRACE;
use crate::error::{Error, Result};
use crate::types::TopicPartition;

impl Consumer {
    /// Has the group decide which partitions of these topics are read here, in place of what was subscribed to before.
    /// Takes effect in the background; `poll` tells of a topic that is not there, and goes on with the others.
    ///
    /// # Errors
    /// [`Error::Config`] without a group, [`Error::IllegalState`] while partitions are assigned by hand,
    /// [`Error::Closed`].
    pub fn subscribe<T: Into<Arc<str>>>(&self, topics: impl IntoIterator<Item = T>) -> Result<()> {
        let topics = topics.into_iter().map(Into::into).collect();
        self.subscribe_with(|membership| {
            membership.subscribe(topics, now());
            Ok(())
        })
    }

    /// Subscribes to all topics whose whole name matches this pattern, in place of what was subscribed to before. Topics
    /// that are created or deleted later are noticed within `metadata.max.age.ms`; those that Kafka keeps for itself do not
    /// count, unless `exclude.internal.topics` is false.
    ///
    /// The pattern is a regular expression of the crate [`regex-lite`](https://docs.rs/regex-lite), which has most of
    /// what Java's have, but no look-around and no back-references.
    ///
    /// # Errors
    /// [`Error::Pattern`] says what is wrong with the pattern; otherwise as [`subscribe`](Self::subscribe).
    ///
    /// ```no_run
    /// # fn example(consumer: kafka_client::consumer::Consumer) -> kafka_client::Result<()> {
    /// consumer.subscribe_pattern("orders-(eu|us)-.*")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe_pattern(&self, pattern: &str) -> Result<()> {
        let parsed = TopicPattern::new(pattern)?;
        self.subscribe_with(|membership| {
            membership.subscribe_pattern(parsed, now());
            Ok(())
        })
    }

    /// Subscribes to all topics whose whole name matches this regular expression, in place of what was subscribed to before.
    /// It is the group's coordinator that looks for them, so that no topic is described to this client that it does not
    /// read: for clusters of many topics. Java's `SubscriptionPattern`; only with
    /// [`GroupProtocol::Consumer`](super::GroupProtocol::Consumer).
    ///
    /// The syntax is that of [RE2](https://github.com/google/re2/wiki/Syntax). Topics that are created or deleted later are
    /// noticed when the coordinator looks again, which it does at the latest every
    /// `group.consumer.regex.refresh.interval.ms` of its own.
    ///
    /// # Errors
    /// [`Error::Config`] with the classic protocol: [`subscribe_pattern`](Self::subscribe_pattern) has both. `poll` tells of
    /// an expression that the coordinator does not understand (`INVALID_REGULAR_EXPRESSION`). Otherwise as
    /// [`subscribe`](Self::subscribe).
    ///
    /// ```no_run
    /// # fn example(consumer: kafka_client::consumer::Consumer) -> kafka_client::Result<()> {
    /// consumer.subscribe_regex("orders-(eu|us)-.*")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe_regex(&self, regex: &str) -> Result<()> {
        if regex.is_empty() {
            return Err(Error::Pattern {
                pattern: String::new(),
                reason: "it matches nothing: unsubscribe to read nothing".to_owned(),
            });
        }
        self.subscribe_with(|membership| membership.subscribe_regex(regex, now()))
    }

    fn subscribe_with(
        &self,
        subscribe: impl FnOnce(&mut dyn Membership) -> Result<()>,
    ) -> Result<()> {
        self.check_open()?;
        let group = self.0.shared.group()?;
        let mut membership = group.membership();
        if !membership.is_subscribed() && !self.0.shared.assignment().partitions().is_empty() {
            return Err(Error::IllegalState {
                reason: "cannot subscribe while partitions are assigned by hand: unsubscribe first",
            });
        }
        subscribe(&mut *membership)?;
        drop(membership);
        group.wake.notify_one();
        Ok(())
    }

    /// Reads these partitions, in place of those before. Partitions that stay keep their position. New ones begin where
    /// the group has committed, or else where `auto.offset.reset` says; [`seek`](Self::seek) at once to begin elsewhere.
    /// `poll` tells of a topic or partition that is not there.
    ///
    /// # Errors
    /// [`Error::IllegalState`] while subscribed to topics, [`Error::Closed`].
    pub fn assign(&self, partitions: impl IntoIterator<Item = TopicPartition>) -> Result<()> {
        self.replace(partitions.into_iter().map(|partition| (partition, None)))
    }

    /// Reads these partitions from these offsets on, in place of those before.
    ///
    /// # Errors
    /// As [`assign`](Self::assign).
    pub fn assign_at(
        &self,
        partitions: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<()> {
        self.replace(
            partitions
                .into_iter()
                .map(|(partition, offset)| (partition, Some(offset))),
        )
    }

    fn replace(
        &self,
        partitions: impl Iterator<Item = (TopicPartition, Option<i64>)>,
    ) -> Result<()> {
        self.check_open()?;
        let shared = &self.0.shared;
        if shared
            .group
            .as_ref()
            .is_some_and(|group| group.membership().is_subscribed())
        {
            return Err(Error::IllegalState {
                reason: "cannot assign partitions by hand while subscribed to topics: unsubscribe first",
            });
        }
        let partitions: Vec<_> = partitions.collect();
        let mut assignment = shared.assignment();
        assignment.assign(partitions.iter().map(|(partition, _)| partition.clone()));
        for (partition, offset) in &partitions {
            if let Some(offset) = offset {
                assignment.seek(partition, *offset)?;
            }
        }
        drop(assignment);
        shared.wake_driver.notify_one();
        Ok(())
    }

    /// Reads nothing any more, and leaves the group. A listener is told that the partitions are revoked. Commits first
    /// where auto-commit is on.
    ///
    /// # Errors
    /// [`Error::Closed`]. Not cancel-safe: dropped, it may have stopped halfway; call it again.
    pub async fn unsubscribe(&self) -> Result<()> {
        self.check_open()?;
        let _turn = self.0.turn.lock().await;
        self.give_up_all(self.0.shared.config.client.request_timeout)
            .await;
        if let Some(group) = &self.0.shared.group {
            group.membership().unsubscribe();
            group.wake.notify_one();
        }
        Ok(())
    }

    /// The partitions that are read.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.0.shared.assignment().partitions()
    }

    /// A topic's partitions. A topic that was created a moment ago, which the brokers have yet to hear of, is waited for, for
    /// two seconds. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::Broker`] names a topic that is not there.
    pub async fn partitions_for(&self, topic: &str) -> Result<Vec<TopicPartition>> {
        self.check_open()?;
        let cluster = &self.0.shared.cluster;
        let name: Arc<str> = topic.into();
        let look = || async {
            let metadata = cluster.add_topics([name.clone()]).await?;
            let info = metadata.topics.get(&name);
            let count = info.map_or(0, |info| info.partitions.len() as i32);
            if count > 0 {
                return Ok((0..count)
                    .map(|number| TopicPartition::new(name.clone(), number))
                    .collect());
            }
            let code = info
                .and_then(|info| info.error)
                .unwrap_or(ErrorCode::UnknownTopicOrPartition);
            Err(Error::broker(code, format!("topic \"{topic}\"")))
        };
        match cluster.retry("finding a topic", TOPIC_GRACE, look).await {
            Err(Error::Timeout {
                last: Some(last), ..
            }) => Err(*last),
            result => result,
        }
    }
}
