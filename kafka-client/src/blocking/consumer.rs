use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::runtime::wait;
use crate::consumer::{
    self, ConsumerBuilder, ConsumerGroupMetadata, ConsumerRecords, OffsetAndMetadata, OwnedRecord,
    OwnedRecords, PartitionBatch, PendingCommit,
};
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::types::TopicPartition;

/// How long one poll of an iteration waits before the next one begins; nobody sees the difference.
const POLL: Duration = Duration::from_secs(5);

/// [`consumer::Consumer`] without async. A cheap handle; one thread polls at a time, and any other may close it.
///
/// Heartbeats are sent in between, as long as polls are not further apart than `max.poll.interval.ms`.
#[derive(Debug, Clone)]
pub struct Consumer(consumer::Consumer);

impl ConsumerBuilder {
    /// Connects to the cluster, for a program without async.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_blocking(self) -> Result<Consumer> {
        wait(self.build()).map(Consumer)
    }
}

impl Consumer {
    /// Settings for a new consumer: [`build_blocking`](ConsumerBuilder::build_blocking) makes it.
    pub fn builder() -> ConsumerBuilder {
        consumer::Consumer::builder()
    }

    /// The consumer below: for events, and whatever has no method here.
    pub fn as_async(&self) -> &consumer::Consumer {
        &self.0
    }

    /// Reads these topics as a member of the group; see [`consumer::Consumer::subscribe`].
    ///
    /// # Errors
    /// As there.
    pub fn subscribe<T: Into<Arc<str>>>(&self, topics: impl IntoIterator<Item = T>) -> Result<()> {
        self.0.subscribe(topics)
    }

    /// Reads the topics whose names match; see [`consumer::Consumer::subscribe_pattern`].
    ///
    /// # Errors
    /// As there.
    pub fn subscribe_pattern(&self, pattern: &str) -> Result<()> {
        self.0.subscribe_pattern(pattern)
    }

    /// Reads these partitions, without a group; see [`consumer::Consumer::assign`].
    ///
    /// # Errors
    /// As there.
    pub fn assign(&self, partitions: impl IntoIterator<Item = TopicPartition>) -> Result<()> {
        self.0.assign(partitions)
    }

    /// Reads these partitions from these offsets on; see [`consumer::Consumer::assign_at`].
    ///
    /// # Errors
    /// As there.
    pub fn assign_at(
        &self,
        partitions: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<()> {
        self.0.assign_at(partitions)
    }

    /// Reads nothing any more, and leaves the group; see [`consumer::Consumer::unsubscribe`].
    ///
    /// # Errors
    /// As there.
    pub fn unsubscribe(&self) -> Result<()> {
        wait(self.0.unsubscribe())
    }

    /// The partitions that are read at the moment.
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.0.assignment()
    }

    /// The partitions of a topic.
    ///
    /// # Errors
    /// As [`consumer::Consumer::partitions_for`].
    pub fn partitions_for(&self, topic: &str) -> Result<Vec<TopicPartition>> {
        wait(self.0.partitions_for(topic))
    }

    /// The records that have arrived; waits up to `timeout` for the first. See [`consumer::Consumer::poll`].
    ///
    /// # Errors
    /// As there; [`Error::Closed`] when another thread closes the consumer.
    pub fn poll(&self, timeout: Duration) -> Result<ConsumerRecords> {
        wait(self.0.poll(timeout))
    }

    /// The records one by one, without end: it waits for more, until the consumer is closed. `for record in &consumer` is
    /// the same. What was polled counts as dealt with when more is polled: an auto-commit may cover records of the batches
    /// before, never those that are still to come.
    pub fn iter(&self) -> ConsumerIter<'_> {
        ConsumerIter {
            consumer: self,
            batches: Vec::new().into_iter(),
            records: None,
        }
    }

    /// Commits what polls have handed out; see [`consumer::Consumer::commit_sync`].
    ///
    /// # Errors
    /// As there.
    pub fn commit_sync(&self) -> Result<()> {
        wait(self.0.commit_sync())
    }

    /// Commits these offsets; see [`consumer::Consumer::commit_offsets`].
    ///
    /// # Errors
    /// As there.
    pub fn commit_offsets(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, OffsetAndMetadata)>,
    ) -> Result<()> {
        wait(self.0.commit_offsets(offsets))
    }

    /// Has committed what polls have handed out, without waiting for it; [`wait`](super::wait) for what is returned to
    /// learn how it went. See [`consumer::Consumer::commit_async`].
    ///
    /// # Errors
    /// As there.
    pub fn commit_async(&self) -> Result<PendingCommit> {
        self.0.commit_async()
    }

    /// What the group has committed; see [`consumer::Consumer::committed`].
    ///
    /// # Errors
    /// As there.
    pub fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<HashMap<TopicPartition, Option<OffsetAndMetadata>>> {
        wait(self.0.committed(partitions))
    }

    /// The offset of the next record of a partition; see [`consumer::Consumer::position`].
    ///
    /// # Errors
    /// As there.
    pub fn position(&self, partition: &TopicPartition) -> Result<i64> {
        wait(self.0.position(partition))
    }

    /// How many records of a partition are still to be read; see [`consumer::Consumer::lag`].
    ///
    /// # Errors
    /// As there.
    pub fn lag(&self, partition: &TopicPartition) -> Result<Option<i64>> {
        self.0.lag(partition)
    }

    /// Goes on at this offset; see [`consumer::Consumer::seek`].
    ///
    /// # Errors
    /// As there.
    pub fn seek(&self, partition: &TopicPartition, offset: i64) -> Result<()> {
        self.0.seek(partition, offset)
    }

    /// Goes on at the oldest records; see [`consumer::Consumer::seek_to_beginning`].
    ///
    /// # Errors
    /// As there.
    pub fn seek_to_beginning(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.0.seek_to_beginning(partitions)
    }

    /// Goes on behind the newest records; see [`consumer::Consumer::seek_to_end`].
    ///
    /// # Errors
    /// As there.
    pub fn seek_to_end(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.0.seek_to_end(partitions)
    }

    /// Hands out no records of these partitions for now; see [`consumer::Consumer::pause`].
    ///
    /// # Errors
    /// As there.
    pub fn pause(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.0.pause(partitions)
    }

    /// Hands out records of these partitions again.
    ///
    /// # Errors
    /// As [`consumer::Consumer::resume`].
    pub fn resume(&self, partitions: &[TopicPartition]) -> Result<()> {
        self.0.resume(partitions)
    }

    /// The partitions that are paused.
    pub fn paused(&self) -> Vec<TopicPartition> {
        self.0.paused()
    }

    /// The oldest offsets that there are; see [`consumer::Consumer::beginning_offsets`].
    ///
    /// # Errors
    /// As there.
    pub fn beginning_offsets(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<HashMap<TopicPartition, i64>> {
        wait(self.0.beginning_offsets(partitions))
    }

    /// The offsets of the next records to be written; see [`consumer::Consumer::end_offsets`].
    ///
    /// # Errors
    /// As there.
    pub fn end_offsets(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<HashMap<TopicPartition, i64>> {
        wait(self.0.end_offsets(partitions))
    }

    /// The first offsets from these times on, in milliseconds since 1970; see [`consumer::Consumer::offsets_for_times`].
    ///
    /// # Errors
    /// As there.
    pub fn offsets_for_times(
        &self,
        timestamps: impl IntoIterator<Item = (TopicPartition, i64)>,
    ) -> Result<HashMap<TopicPartition, Option<i64>>> {
        wait(self.0.offsets_for_times(timestamps))
    }

    /// Who the consumer is in its group, for [`Producer::send_offsets_to_transaction`](super::Producer::send_offsets_to_transaction).
    ///
    /// # Errors
    /// As [`consumer::Consumer::group_metadata`].
    pub fn group_metadata(&self) -> Result<ConsumerGroupMetadata> {
        self.0.group_metadata()
    }

    /// What the consumer measures, at this moment.
    pub fn metrics(&self) -> Metrics {
        self.0.metrics()
    }

    /// Ends the consumer within `limit`; see [`consumer::Consumer::close`]. Iterations end.
    ///
    /// # Errors
    /// As there.
    pub fn close(&self, limit: Duration) -> Result<()> {
        wait(self.0.close(limit))
    }
}

/// The records of a consumer, one after another: see [`Consumer::iter`].
pub struct ConsumerIter<'a> {
    consumer: &'a Consumer,
    batches: std::vec::IntoIter<PartitionBatch>,
    records: Option<OwnedRecords>,
}

impl Iterator for ConsumerIter<'_> {
    type Item = Result<OwnedRecord>;

    /// The next record. An error does not end the iteration: to go on is to poll again.
    fn next(&mut self) -> Option<Result<OwnedRecord>> {
        loop {
            if let Some(record) = self.records.as_mut().and_then(Iterator::next) {
                return Some(Ok(record));
            }
            self.records = self.batches.next().map(IntoIterator::into_iter);
            if self.records.is_some() {
                continue;
            }
            match self.consumer.poll(POLL) {
                Ok(records) => self.batches = records.into_iter(),
                Err(Error::Closed { .. }) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl<'a> IntoIterator for &'a Consumer {
    type Item = Result<OwnedRecord>;
    type IntoIter = ConsumerIter<'a>;

    fn into_iter(self) -> ConsumerIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for ConsumerIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerIter")
            .field("consumer", &self.consumer)
            .finish_non_exhaustive()
    }
}
