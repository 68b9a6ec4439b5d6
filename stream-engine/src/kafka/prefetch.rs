//! What has been read ahead of the batches, and how much of it the next batch gets.

use std::collections::VecDeque;

use kafka_client::TopicPartition;
use kafka_client::consumer::PartitionBatch;

use super::offsets::OffsetRange;

/// Record batches that wait for their micro-batch, by partition.
#[derive(Debug, Default)]
pub(super) struct Prefetched {
    partitions: Vec<Partition>,
    bytes: usize,
    /// What ended the reading; told after everything that was read before.
    failure: Option<kafka_client::Error>,
}

#[derive(Debug)]
struct Partition {
    name: TopicPartition,
    waiting: VecDeque<PartitionBatch>,
    /// Where the next micro-batch begins.
    position: i64,
}

/// What a micro-batch gets: for each partition its range and its record batches.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) ranges: Vec<OffsetRange>,
    pub(super) batches: Vec<Vec<PartitionBatch>>,
    pub(super) records: u64,
}

impl Prefetched {
    /// Begins at these positions.
    pub(super) fn new(positions: impl IntoIterator<Item = (TopicPartition, i64)>) -> Self {
        let partition = |(name, position)| Partition {
            name,
            waiting: VecDeque::new(),
            position,
        };
        Self {
            partitions: positions.into_iter().map(partition).collect(),
            bytes: 0,
            failure: None,
        }
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds what was read next from a partition.
    pub(super) fn push(&mut self, batch: PartitionBatch) {
        if let Some(partition) = self
            .partitions
            .iter_mut()
            .find(|partition| partition.name == *batch.partition())
        {
            self.bytes += batch.size();
            partition.waiting.push_back(batch);
        }
    }

    /// Nothing more will come.
    pub(super) fn fail(&mut self, error: kafka_client::Error) {
        self.failure = Some(error);
    }

    /// Whether there is anything to take or to tell.
    pub(super) fn is_idle(&self) -> bool {
        self.failure.is_none()
            && self
                .partitions
                .iter()
                .all(|partition| partition.waiting.is_empty())
    }

    /// Takes what waits, from each partition at most `offsets_per_partition`. `None` when there is nothing.
    ///
    /// # Errors
    /// What ended the reading, once everything before it has been taken.
    pub(super) fn take(
        &mut self,
        offsets_per_partition: u64,
    ) -> Result<Option<Taken>, kafka_client::Error> {
        if self
            .partitions
            .iter()
            .all(|partition| partition.waiting.is_empty())
        {
            return self.failure.take().map_or(Ok(None), Err);
        }
        let mut taken = Taken::default();
        for partition in &mut self.partitions {
            let from = partition.position;
            let limit =
                from.saturating_add(i64::try_from(offsets_per_partition).unwrap_or(i64::MAX));
            let mut batches = Vec::new();
            while partition.position < limit
                && let Some(batch) = partition.waiting.pop_front()
            {
                // A record batch is cut where the limit falls into it: the rest is the first of the next micro-batch.
                self.bytes -= batch.size();
                if batch.next_offset() > limit {
                    let (before, behind) = (batch.slice(0, limit), batch.slice(limit, i64::MAX));
                    self.bytes += behind.as_ref().map_or(0, PartitionBatch::size);
                    batches.extend(before);
                    if let Some(behind) = behind {
                        partition.waiting.push_front(behind);
                    }
                    partition.position = limit;
                } else {
                    partition.position = batch.next_offset();
                    batches.push(batch);
                }
            }
            taken.records += batches.iter().map(|batch| batch.len() as u64).sum::<u64>();
            taken.ranges.push(OffsetRange {
                partition: partition.name.clone(),
                from,
                until: partition.position,
            });
            taken.batches.push(batches);
        }
        Ok(Some(taken))
    }
}
