//! What there is to measure of partitions, and to tell of them.

use std::time::Instant;

use super::Assignment;
use super::partition::Partition;
use crate::consumer::records::PartitionBatch;
use crate::events::Event;
use crate::metrics::{Moment, PartitionStand};

impl Partition {
    /// How many records there are behind the position, as of the last fetch.
    pub(super) fn lag(&self) -> Option<i64> {
        let (position, end) = self.position.zip(self.end_offset)?;
        Some((end - position.offset).max(0))
    }

    /// How many records there are before the position, as of the last fetch.
    fn lead(&self) -> Option<i64> {
        let (position, start) = self.position.zip(self.start_offset)?;
        Some((position.offset - start).max(0))
    }
}

impl Assignment {
    /// What has happened since this was called last.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// A poll hands these batches out.
    pub(crate) fn measure(&mut self, batches: &[PartitionBatch], moment: Moment) {
        // Those of a partition follow each other.
        for batches in batches.chunk_by(|one, next| one.partition() == next.partition()) {
            if let Ok(partition) = self.get_mut(batches[0].partition()) {
                let (lag, lead) = (partition.lag(), partition.lead());
                partition.meters.record(lag, lead, moment);
            }
        }
    }

    /// Where each partition stands.
    pub(crate) fn stands(&self, now: Instant) -> Vec<PartitionStand> {
        let stand = |partition: &Partition| PartitionStand {
            partition: partition.ticket.partition.clone(),
            lag: partition.lag(),
            lead: partition.lead(),
            replica: partition.replica_at(now),
            stalled: self.stalled_for(partition, now),
            meters: partition.meters,
        };
        self.partitions.iter().map(stand).collect()
    }
}
