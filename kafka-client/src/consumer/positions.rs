//! Where a consumer reads: its positions, and the offsets that brokers have.

use std::collections::HashMap;

use super::assignment::{EARLIEST, LATEST};
use super::shared::now;
use super::{Consumer, OffsetAndMetadata, offsets};
use crate::error::{Error, Result};
use crate::types::TopicPartition;

impl Consumer {
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
        let _spending = shared.poll_meters.committed.begin();
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
}
