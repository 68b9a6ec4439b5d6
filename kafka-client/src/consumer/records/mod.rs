//! What a poll returns: batches that share the bytes as they were received.

mod batch;
mod record;
#[cfg(test)]
mod tests;
mod typed;

use std::collections::BTreeMap;

pub(crate) use batch::BatchHeader;
pub use batch::{OwnedRecords, PartitionBatch, Records};
pub use record::{ConsumerRecord, OwnedRecord};
pub use typed::TypedRecord;

use super::commit::OffsetAndMetadata;
use crate::types::TopicPartition;

/// The batches of one poll. Those of a partition are in the order of their offsets.
///
/// ```no_run
/// # async fn consume(consumer: kafka_client::consumer::Consumer) -> kafka_client::Result<()> {
/// let records = consumer.poll(std::time::Duration::from_secs(1)).await?;
/// for batch in &records {
///     for record in batch {
///         println!("{}@{}: {:?}", record.partition(), record.offset(), record.value());
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct ConsumerRecords {
    pub(crate) batches: Vec<PartitionBatch>,
}

impl ConsumerRecords {
    /// How many records there are, over all batches.
    pub fn len(&self) -> usize {
        self.batches.iter().map(PartitionBatch::len).sum()
    }

    /// Whether there are none: the timeout was over before any arrived.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The batches, to be kept or passed on to other threads.
    pub fn into_batches(self) -> Vec<PartitionBatch> {
        self.batches
    }

    /// The batches.
    pub fn batches(&self) -> &[PartitionBatch] {
        &self.batches
    }

    /// Where each partition goes on after these records: the positions to commit once they are dealt with, by
    /// [`Consumer::commit_offsets`](super::Consumer::commit_offsets) or within a transaction.
    pub fn next_offsets(&self) -> BTreeMap<TopicPartition, OffsetAndMetadata> {
        let position = |batch: &PartitionBatch| OffsetAndMetadata {
            offset: batch.next_offset(),
            leader_epoch: Some(batch.leader_epoch()).filter(|epoch| *epoch >= 0),
            metadata: String::new(),
        };
        self.batches
            .iter()
            .map(|batch| (batch.partition().clone(), position(batch)))
            .collect()
    }

    /// All records, batch after batch.
    pub fn records(&self) -> impl Iterator<Item = ConsumerRecord<'_>> {
        self.batches.iter().flatten()
    }
}

impl IntoIterator for ConsumerRecords {
    type Item = PartitionBatch;
    type IntoIter = std::vec::IntoIter<PartitionBatch>;

    fn into_iter(self) -> Self::IntoIter {
        self.batches.into_iter()
    }
}

impl<'a> IntoIterator for &'a ConsumerRecords {
    type Item = &'a PartitionBatch;
    type IntoIter = std::slice::Iter<'a, PartitionBatch>;

    fn into_iter(self) -> Self::IntoIter {
        self.batches.iter()
    }
}
