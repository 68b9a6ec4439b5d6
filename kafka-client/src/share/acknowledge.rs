//! What becomes of a record that was delivered.

use super::records::{OwnedShareRecord, ShareBatch, ShareRecord};
use crate::types::TopicPartition;

/// What becomes of a record that was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AcknowledgeType {
    /// It was dealt with. Nobody gets it again.
    Accept,
    /// It could not be dealt with now. It is delivered again, here or elsewhere, until the group's
    /// `share.delivery.count.limit` is reached.
    Release,
    /// It cannot be dealt with at all. Nobody gets it again.
    Reject,
    /// It is being dealt with, and takes longer: its lock begins anew (KIP-1222). One of the others has to follow. Needs
    /// Kafka 4.2 or newer.
    Renew,
}

/// What a broker is told of an offset at which there is no record: a control record, or one that was compacted away.
pub(crate) const GAP: i8 = 0;

impl AcknowledgeType {
    /// As requests have it.
    pub(crate) fn id(self) -> i8 {
        match self {
            Self::Accept => 1,
            Self::Release => 2,
            Self::Reject => 3,
            Self::Renew => 4,
        }
    }
}

/// Who acknowledges records (`share.acknowledgement.mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AcknowledgementMode {
    /// The next poll or commit accepts everything that was delivered before.
    #[default]
    Implicit,
    /// The program says of each record what becomes of it, before it polls again.
    Explicit,
}

impl AcknowledgementMode {
    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::Explicit => "explicit",
        }
    }
}

/// How many records a poll returns (`share.acquire.mode`, KIP-1206).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AcquireMode {
    /// About `max.poll.records`: batches are not cut, which is quicker.
    #[default]
    BatchOptimized,
    /// At most `max.poll.records`. Brokers before Kafka 4.2 take it for the other one; the poll holds to it all the same.
    RecordLimit,
}

impl AcquireMode {
    /// Its name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::BatchOptimized => "batch_optimized",
            Self::RecordLimit => "record_limit",
        }
    }

    /// As requests have it.
    pub(crate) fn id(self) -> i8 {
        match self {
            Self::BatchOptimized => 0,
            Self::RecordLimit => 1,
        }
    }
}

/// What can be acknowledged: a record, a whole batch, or an offset of a partition.
///
/// ```no_run
/// # use kafka_client::TopicPartition;
/// # use kafka_client::share::{AcknowledgeType, ShareConsumer, ShareRecords};
/// # fn example(consumer: ShareConsumer, records: ShareRecords) -> kafka_client::Result<()> {
/// for batch in &records {
///     for record in batch {
///         consumer.acknowledge(&record, AcknowledgeType::Accept)?;
///     }
///     // The same at once.
///     consumer.acknowledge(batch, AcknowledgeType::Accept)?;
/// }
/// consumer.acknowledge((&TopicPartition::new("orders", 3), 17), AcknowledgeType::Release)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Delivered<'a> {
    pub(super) partition: &'a TopicPartition,
    pub(super) first: i64,
    pub(super) last: i64,
}

impl<'a> From<(&'a TopicPartition, i64)> for Delivered<'a> {
    fn from((partition, offset): (&'a TopicPartition, i64)) -> Self {
        Self {
            partition,
            first: offset,
            last: offset,
        }
    }
}

impl<'a> From<&ShareRecord<'a>> for Delivered<'a> {
    fn from(record: &ShareRecord<'a>) -> Self {
        (record.partition(), record.offset()).into()
    }
}

impl<'a> From<&'a OwnedShareRecord> for Delivered<'a> {
    fn from(record: &'a OwnedShareRecord) -> Self {
        (record.partition(), record.offset()).into()
    }
}

impl<'a> From<&'a ShareBatch> for Delivered<'a> {
    fn from(batch: &'a ShareBatch) -> Self {
        Self {
            partition: batch.partition(),
            first: batch.first_offset(),
            last: batch.last_offset(),
        }
    }
}
