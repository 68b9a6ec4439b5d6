//! A partition's sequence of batches, as its leader follows it (KIP-98).

use kafka_proto::records::{ProducerSequence, increment_sequence};

use super::batch::{Batch, Place};
use super::identity::Identity;

/// Where a partition stands in the sequence under which its batches go out. Leaders keep a sequence for each partition, so
/// that one can start over, under the next epoch, while the others go on.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// `None` until the first batch is sent, and for good when the producer is not idempotent.
    identity: Option<Identity>,
    next: i32,
    /// The last batch of this sequence that was acknowledged. From the first one on the leader notices if one is missing,
    /// so that all before this one are written, too. The first may have any number: until it is acknowledged, nothing may
    /// be sent behind it that could be taken in its place.
    acknowledged: Option<Place>,
    /// A batch that had a place in it will not be sent any more: what follows would be refused.
    broken: bool,
}

impl Sequence {
    #[cfg(test)]
    pub(super) fn starting_at(next: i32) -> Self {
        Self {
            next,
            ..Self::default()
        }
    }

    pub(super) fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    /// Whether the leader would take a batch although the one before it is missing.
    pub(super) fn hides_gaps(&self) -> bool {
        self.identity.is_some() && self.acknowledged.is_none()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// The place of the next batch; `current` is the identity that the producer has.
    pub(super) fn place(&mut self, batch: &mut Batch, current: Option<Identity>) {
        if batch.sequence.is_some() {
            return;
        }
        self.identity = self.identity.or(current);
        batch.sequence = self.identity.map(|identity| ProducerSequence {
            producer_id: identity.id,
            producer_epoch: identity.epoch,
            base_sequence: self.next,
        });
        if batch.sequence.is_some() {
            self.next = increment_sequence(self.next, batch.records);
        }
    }

    /// After a batch was acknowledged.
    pub(super) fn acknowledge(&mut self, batch: &Batch) {
        if batch.sequence.is_some() {
            self.acknowledged = self.acknowledged.max(Some(batch.place()));
        }
    }

    /// Whether a batch that is not acknowledged was written for certain, because one behind it was.
    pub(super) fn has_written(&self, batch: &Batch) -> bool {
        batch.sequence.is_some() && self.acknowledged > Some(batch.place())
    }

    /// After a batch was given up, or refused as not being the next.
    pub(super) fn break_at(&mut self, batch: &Batch) {
        self.broken |= batch.sequence.is_some() && !self.has_written(batch);
    }

    /// Starts over under a new epoch, or under the producer's new id. Whether that worked: not if it takes a new id, which
    /// the producer does not have yet.
    pub(super) fn restart(&mut self, current: Option<Identity>) -> bool {
        let other_id =
            current.filter(|current| self.identity.is_none_or(|own| own.id != current.id));
        let Some(identity) = other_id.or_else(|| self.identity.and_then(Identity::renewed)) else {
            return false;
        };
        *self = Self {
            identity: Some(identity),
            ..Self::default()
        };
        true
    }
}
