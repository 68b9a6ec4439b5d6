use std::time::Duration;

use super::runtime::{background, wait};
use crate::consumer::{ConsumerGroupMetadata, OffsetAndMetadata};
use crate::error::Result;
use crate::metrics::Metrics;
use crate::producer::{self, ProducerBuilder, Record, RecordMetadata};
use crate::types::TopicPartition;

/// [`producer::Producer`] without async: a cheap handle, which threads may share.
#[derive(Debug, Clone)]
pub struct Producer(producer::Producer);

impl ProducerBuilder {
    /// Connects to the cluster, for a program without async.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_blocking(self) -> Result<Producer> {
        wait(self.build()).map(Producer)
    }
}

/// What becomes of a record that was handed over.
#[derive(Debug)]
#[must_use = "wait for it to learn whether the record was written, or drop it explicitly"]
pub struct Delivery(producer::Delivery);

impl Delivery {
    /// Waits until the record is written, or is known not to be: for `delivery.timeout.ms` at the longest.
    ///
    /// # Errors
    /// Why it was not written.
    pub fn wait(self) -> Result<RecordMetadata> {
        wait(self.0)
    }

    /// The partition that was chosen.
    pub fn partition(&self) -> &TopicPartition {
        self.0.partition()
    }
}

impl Producer {
    /// Settings for a new producer: [`build_blocking`](ProducerBuilder::build_blocking) makes it.
    pub fn builder() -> ProducerBuilder {
        producer::Producer::builder()
    }

    /// The producer below: for typed records, events, and whatever has no method here.
    pub fn as_async(&self) -> &producer::Producer {
        &self.0
    }

    /// Hands a record over; see [`producer::Producer::send`]. It is written when the [`Delivery`] says so; wait for many
    /// of them at once, or [`flush`](Self::flush), as waiting for each costs a round trip each.
    ///
    /// # Errors
    /// As [`producer::Producer::send`].
    pub fn send(&self, record: Record<'_>) -> Result<Delivery> {
        wait(self.0.send(record)).map(Delivery)
    }

    /// Hands a record over, and calls back with what becomes of it, on the background thread: keep it short, and send no
    /// records from there.
    ///
    /// # Errors
    /// As [`send`](Self::send): nobody is called back then.
    pub fn send_with(
        &self,
        record: Record<'_>,
        callback: impl FnOnce(Result<RecordMetadata>) + Send + 'static,
    ) -> Result<()> {
        let delivery = wait(self.0.send(record))?;
        background()?.spawn(async move { callback(delivery.await) });
        Ok(())
    }

    /// Hands a record over if that takes no waiting; see [`producer::Producer::try_send`].
    ///
    /// # Errors
    /// As [`producer::Producer::try_send`].
    pub fn try_send(&self, record: Record<'_>) -> Result<Delivery> {
        self.0.try_send(record).map(Delivery)
    }

    /// Hands many records over, in order, more cheaply than one by one; see [`producer::Producer::send_all`].
    ///
    /// # Errors
    /// As [`send`](Self::send). The records before the one that failed were taken.
    pub fn send_all<'a>(&self, records: impl IntoIterator<Item = Record<'a>>) -> Result<usize> {
        wait(self.0.send_all(records))
    }

    /// Sends what is buffered, and waits until all of it is settled; see [`producer::Producer::flush`].
    ///
    /// # Errors
    /// The first error of a batch since the last flush.
    pub fn flush(&self) -> Result<()> {
        wait(self.0.flush())
    }

    /// How many partitions a topic has.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn partition_count(&self, topic: &str) -> Result<u32> {
        wait(self.0.partition_count(topic))
    }

    /// What the producer measures, at this moment.
    pub fn metrics(&self) -> Metrics {
        self.0.metrics()
    }

    /// See [`producer::Producer::init_transactions`].
    ///
    /// # Errors
    /// As there.
    pub fn init_transactions(&self) -> Result<()> {
        wait(self.0.init_transactions())
    }

    /// See [`producer::Producer::begin_transaction`].
    ///
    /// # Errors
    /// As there.
    pub fn begin_transaction(&self) -> Result<()> {
        wait(self.0.begin_transaction())
    }

    /// See [`producer::Producer::send_offsets_to_transaction`].
    ///
    /// # Errors
    /// As there.
    pub fn send_offsets_to_transaction(
        &self,
        offsets: impl IntoIterator<Item = (TopicPartition, OffsetAndMetadata)>,
        group: &ConsumerGroupMetadata,
    ) -> Result<()> {
        wait(self.0.send_offsets_to_transaction(offsets, group))
    }

    /// See [`producer::Producer::commit_transaction`].
    ///
    /// # Errors
    /// As there.
    pub fn commit_transaction(&self) -> Result<()> {
        wait(self.0.commit_transaction())
    }

    /// See [`producer::Producer::abort_transaction`].
    ///
    /// # Errors
    /// As there.
    pub fn abort_transaction(&self) -> Result<()> {
        wait(self.0.abort_transaction())
    }

    /// Sends what is buffered and ends, within `limit`; see [`producer::Producer::close`].
    ///
    /// # Errors
    /// As there.
    pub fn close(&self, limit: Duration) -> Result<()> {
        wait(self.0.close(limit))
    }
}
