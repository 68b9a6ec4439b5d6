//! The consumer: reads records, alone or as a member of a group.
//!
//! - `assignment` decides what is fetched, decoded and handed out, `fetch` reads what brokers send;
//! - `group` decides when to join, to give up partitions and to leave; [`assignor`] shares partitions out;
//! - `driver` and `commit` carry that out in the background;
//! - [`ConsumerRecords`] is what a poll returns: batches that share the bytes as they were received.

mod assignment;
pub mod assignor;
mod builder;
mod commit;
mod config;
mod driver;
mod fetch;
mod group;
mod group_metadata;
mod interceptor;
mod listener;
mod offsets;
mod poll;
mod records;
mod shared;
mod stream;
mod trouble;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use builder::ConsumerBuilder;
pub use commit::OffsetAndMetadata;
pub use config::{ConsumerConfig, Isolation, OffsetReset};
pub use group_metadata::ConsumerGroupMetadata;
pub use interceptor::ConsumerInterceptor;
pub use kafka_proto::records::{Header, Headers, TimestampType};
pub use listener::{ListenerFuture, RebalanceListener};
pub use records::{
    ConsumerRecord, ConsumerRecords, OwnedRecord, OwnedRecords, PartitionBatch, Records,
    TypedRecord,
};
pub use stream::BatchStream;

pub(crate) use offsets::by_topic;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::error::{Error, Result};
use crate::types::TopicPartition;
use assignment::{EARLIEST, LATEST};
use commit::Commit;
use group::{Membership, TopicPattern};
use kafka_proto::error_code::ErrorCode;
use shared::{Shared, now};
use trouble::TOPIC_GRACE;

/// Reads records from Kafka. A cheap handle: clones are the same consumer.
///
/// Records are fetched ahead in the background, as far as `buffer.memory` allows. A member of a group is kept alive in
/// the background too, for as long as somebody polls.
///
/// ```no_run
/// use std::time::Duration;
/// use kafka_client::consumer::{Consumer, OffsetReset};
///
/// # async fn example() -> kafka_client::Result<()> {
/// let consumer = Consumer::builder()
///     .bootstrap_servers("localhost:9092")
///     .group_id("billing")
///     .auto_offset_reset(OffsetReset::Earliest)
///     .build()
///     .await?;
/// consumer.subscribe(["orders"])?;
/// for _ in 0..10 {
///     for batch in &consumer.poll(Duration::from_secs(1)).await? {
///         for record in batch {
///             println!("{}@{}: {:?}", record.partition(), record.offset(), record.value_str()?);
///         }
///     }
/// }
/// consumer.close(Duration::from_secs(10)).await?;
/// # Ok(())
/// # }
/// ```
///
/// Dropping the last handle ends everything at once, without a commit and without leaving the group; it never waits.
#[derive(Debug, Clone)]
pub struct Consumer(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    commits: mpsc::UnboundedSender<Commit>,
    listener: Arc<dyn RebalanceListener>,
    /// Who polls. One at a time, and nobody while partitions come and go.
    turn: tokio::sync::Mutex<()>,
    /// Partitions that the listener was not told of yet.
    owed: Mutex<Option<Vec<TopicPartition>>>,
    member: Option<AbortHandle>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn owed(&self) -> MutexGuard<'_, Option<Vec<TopicPartition>>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A commit on its way. Dropping it changes nothing about the commit.
#[derive(Debug)]
#[must_use = "await it to learn whether the commit went through, or drop it explicitly"]
pub struct PendingCommit(oneshot::Receiver<Result<()>>);

impl Future for PendingCommit {
    type Output = Result<()>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<()>> {
        std::pin::Pin::new(&mut self.0)
            .poll(cx)
            .map(|reply| reply.unwrap_or_else(|_| Err(closed())))
    }
}

fn closed() -> Error {
    Error::Closed {
        what: "the consumer",
    }
}

impl Consumer {
    /// Settings for a new consumer.
    pub fn builder() -> ConsumerBuilder {
        ConsumerBuilder::default()
    }

    fn check_open(&self) -> Result<()> {
        if self.0.shared.is_closed() {
            Err(closed())
        } else {
            Ok(())
        }
    }

    /// Has the group decide which partitions of these topics are read here, in place of what was subscribed to before.
    /// Takes effect in the background; `poll` tells of a topic that is not there, and goes on with the others.
    ///
    /// # Errors
    /// [`Error::Config`] without a group, [`Error::IllegalState`] while partitions are assigned by hand,
    /// [`Error::Closed`].
    pub fn subscribe<T: Into<Arc<str>>>(&self, topics: impl IntoIterator<Item = T>) -> Result<()> {
        let topics = topics.into_iter().map(Into::into).collect();
        self.subscribe_with(|membership| membership.subscribe(topics, now()))
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
        let parsed = TopicPattern::new(pattern).map_err(|reason| Error::Pattern {
            pattern: pattern.to_owned(),
            reason,
        })?;
        self.subscribe_with(|membership| membership.subscribe_pattern(parsed, now()))
    }

    fn subscribe_with(&self, subscribe: impl FnOnce(&mut Membership)) -> Result<()> {
        self.check_open()?;
        let group = self.0.shared.group()?;
        let mut membership = group.membership();
        if !membership.is_subscribed() && !self.0.shared.assignment().partitions().is_empty() {
            return Err(Error::IllegalState {
                reason: "cannot subscribe while partitions are assigned by hand: unsubscribe first",
            });
        }
        subscribe(&mut membership);
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

    /// The offset of the next record that `poll` hands out. Waits while it is being looked up. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::NotAssigned`]; what keeps the position from being found, as `poll` tells of it; [`Error::Timeout`] after
    /// `default.api.timeout.ms`.
    pub async fn position(&self, partition: &TopicPartition) -> Result<i64> {
        let limit = self.0.shared.config.client.api_timeout;
        let found = async {
            loop {
                // Whatever happens from here on wakes this up.
                let changed = self.0.shared.positions.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                self.check_open()?;
                if let Some(offset) = self.0.shared.assignment().position(partition, now())? {
                    return Ok(offset);
                }
                changed.await;
            }
        };
        let what = || {
            Err(Error::timeout(
                format!("looking up the position of {partition}"),
                limit,
                None,
            ))
        };
        tokio::time::timeout(limit, found)
            .await
            .unwrap_or_else(|_| what())
    }

    /// How many records there are behind the position of a partition, as of the last fetch; `None` before that.
    ///
    /// # Errors
    /// [`Error::NotAssigned`], [`Error::Closed`].
    pub fn lag(&self, partition: &TopicPartition) -> Result<Option<i64>> {
        self.check_open()?;
        self.0.shared.assignment().lag(partition)
    }

    /// The broker that a partition is read from because it is closer than the leader (`client.rack`, KIP-392); `None` while
    /// it is read from the leader. Kafka's metric `preferred-read-replica`.
    ///
    /// # Errors
    /// [`Error::NotAssigned`].
    pub fn preferred_read_replica(&self, partition: &TopicPartition) -> Result<Option<i32>> {
        self.0
            .shared
            .assignment()
            .preferred_read_replica(partition, now())
    }

    /// Has the next poll go on from this offset.
    ///
    /// # Errors
    /// [`Error::NotAssigned`], [`Error::Closed`].
    pub fn seek(&self, partition: &TopicPartition, offset: i64) -> Result<()> {
        self.check_open()?;
        self.0.shared.assignment().seek(partition, offset)?;
        self.0.shared.wake_driver.notify_one();
        self.0.shared.positions.notify_waiters();
        Ok(())
    }

    /// Has the next poll go on from the oldest records of these partitions.
    ///
    /// # Errors
    /// [`Error::NotAssigned`], [`Error::Closed`].
    pub fn seek_to_beginning(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.seek_to(partitions, EARLIEST)
    }

    /// Has polls bring only what comes after now.
    ///
    /// # Errors
    /// [`Error::NotAssigned`], [`Error::Closed`].
    pub fn seek_to_end(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.seek_to(partitions, LATEST)
    }

    fn seek_to(&self, partitions: &[TopicPartition], timestamp: i64) -> Result<()> {
        self.check_open()?;
        self.0.shared.assignment().seek_to(partitions, timestamp)?;
        self.0.shared.wake_driver.notify_one();
        Ok(())
    }

    /// Hands out nothing of these partitions until they are resumed. They stay assigned, with their position.
    ///
    /// # Errors
    /// [`Error::NotAssigned`], and then none is paused; [`Error::Closed`].
    pub fn pause(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.check_open()?;
        self.0.shared.assignment().set_paused(partitions, true)
    }

    /// Goes on with paused partitions, where they were.
    ///
    /// # Errors
    /// [`Error::NotAssigned`], and then none is resumed; [`Error::Closed`].
    pub fn resume(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.check_open()?;
        self.0.shared.assignment().set_paused(partitions, false)?;
        self.0.shared.wake_driver.notify_one();
        self.0.shared.wake_poll.notify_one();
        Ok(())
    }

    /// The partitions that are paused.
    pub fn paused(&self) -> Vec<TopicPartition> {
        self.0.shared.assignment().paused()
    }

    /// Commits everything that polls have handed out, and waits until the group's coordinator has it.
    ///
    /// # Errors
    /// As [`commit_async`](Self::commit_async). Cancel-safe: the commit goes on by itself.
    pub async fn commit_sync(&self) -> Result<()> {
        self.commit_async()?.await
    }

    /// Commits these positions, and waits until the group's coordinator has them.
    ///
    /// # Errors
    /// As [`commit_async`](Self::commit_async). Cancel-safe: the commit goes on by itself.
    pub async fn commit_offsets(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, OffsetAndMetadata)>,
    ) -> Result<()> {
        self.commit_offsets_async(offsets)?.await
    }

    /// Commits everything that polls have handed out, without waiting. Commits go out in the order of the calls: an older
    /// one never overwrites a newer one.
    ///
    /// # Errors
    /// [`Error::Config`] without a group, [`Error::Closed`]. From the [`PendingCommit`]: [`Error::Broker`] when the group
    /// has rebalanced meanwhile (poll, and what was not committed comes again), [`Error::Timeout`]. A cooperative rebalance
    /// does not refuse what is kept: the commit goes through it.
    pub fn commit_async(&self) -> Result<PendingCommit> {
        let offsets = self.0.shared.commit_all();
        self.commit(offsets, self.0.shared.config.client.api_timeout)
    }

    /// Commits these positions without waiting.
    ///
    /// # Errors
    /// As [`commit_async`](Self::commit_async).
    pub fn commit_offsets_async(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, OffsetAndMetadata)>,
    ) -> Result<PendingCommit> {
        self.commit(
            offsets.into_iter().collect(),
            self.0.shared.config.client.api_timeout,
        )
    }

    /// Works until the very end of closing, so that a listener can commit what it is about to lose.
    fn commit(
        &self,
        offsets: BTreeMap<TopicPartition, OffsetAndMetadata>,
        limit: Duration,
    ) -> Result<PendingCommit> {
        let group = self.0.shared.group()?;
        let (reply, answer) = oneshot::channel();
        match group.membership().committer() {
            _ if offsets.is_empty() => drop(reply.send(Ok(()))),
            Some(identity) => {
                let commit = Commit {
                    offsets,
                    identity,
                    until: now() + limit,
                    reply,
                };
                self.0.commits.send(commit).map_err(|_| closed())?;
            }
            None => {
                let what = format!("commit to group \"{}\"", group.id);
                drop(reply.send(Err(Error::broker(ErrorCode::RebalanceInProgress, what))));
            }
        }
        Ok(PendingCommit(answer))
    }

    /// What the group has committed for these partitions; `None` where nothing. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::Config`] without a group, [`Error::Timeout`] after `default.api.timeout.ms`.
    pub async fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<HashMap<TopicPartition, Option<OffsetAndMetadata>>> {
        self.check_open()?;
        let shared = &self.0.shared;
        let attempt = || async {
            let mut found = offsets::committed(shared, partitions).await?;
            let of = |partition: &TopicPartition| {
                Ok((
                    partition.clone(),
                    found.remove(partition).unwrap_or(Ok(None))?,
                ))
            };
            partitions.iter().map(of).collect()
        };
        shared
            .cluster
            .retry(
                "committed offsets",
                shared.config.client.api_timeout,
                attempt,
            )
            .await
    }

    /// The offsets of the oldest records. The partitions need not be assigned. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::NoSuchPartition`], [`Error::Broker`], [`Error::Timeout`] after `default.api.timeout.ms`.
    pub async fn beginning_offsets(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<HashMap<TopicPartition, i64>> {
        self.offsets_at("beginning offsets", partitions, EARLIEST)
            .await
    }

    /// The offsets that the next records will get; with `read_committed`, where transactions that are still open begin.
    /// The partitions need not be assigned. Cancel-safe.
    ///
    /// # Errors
    /// As [`beginning_offsets`](Self::beginning_offsets).
    pub async fn end_offsets(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<HashMap<TopicPartition, i64>> {
        self.offsets_at("end offsets", partitions, LATEST).await
    }

    async fn offsets_at(
        &self,
        what: &str,
        partitions: &[TopicPartition],
        timestamp: i64,
    ) -> Result<HashMap<TopicPartition, i64>> {
        let partitions = partitions
            .iter()
            .map(|partition| (partition.clone(), timestamp))
            .collect();
        let found = self.look_up(what, partitions).await?;
        Ok(found
            .into_iter()
            .filter_map(|(partition, offset)| Some((partition, offset?)))
            .collect())
    }

    /// The offsets of the first records with at least these timestamps (milliseconds since 1970); `None` where there is
    /// none. The partitions need not be assigned. Cancel-safe.
    ///
    /// # Errors
    /// As [`beginning_offsets`](Self::beginning_offsets).
    pub async fn offsets_for_times(
        &self,
        timestamps: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<HashMap<TopicPartition, Option<i64>>> {
        let timestamps: Vec<_> = timestamps.into_iter().collect();
        if let Some((partition, timestamp)) =
            timestamps.iter().find(|(_, timestamp)| *timestamp < 0)
        {
            return Err(Error::Protocol {
                what: format!("timestamp {timestamp} for {partition}"),
                reason: "expected milliseconds since 1970, not negative".to_owned(),
            });
        }
        self.look_up("offsets of timestamps", timestamps).await
    }

    async fn look_up(
        &self,
        what: &str,
        partitions: Vec<(TopicPartition, i64)>,
    ) -> Result<HashMap<TopicPartition, Option<i64>>> {
        self.check_open()?;
        let shared = &self.0.shared;
        let found =
            offsets::look_up(shared, what, partitions, shared.config.client.api_timeout).await?;
        let offset = |offset: i64| (offset >= 0).then_some(offset);
        Ok(found
            .into_iter()
            .map(|(partition, position)| (partition, offset(position.offset)))
            .collect())
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

    /// The batches as a `Stream`, which ends when the consumer is closed. What a batch contained counts as dealt with
    /// when later ones are taken: an auto-commit never covers the batch that was taken last.
    pub fn stream(&self) -> BatchStream {
        BatchStream::new(self.clone())
    }
}
