//! Being told what became of acknowledgements.

use std::ops::RangeInclusive;

use super::parcel::Parcel;
use crate::error::Error;
use crate::types::TopicPartition;

/// Acknowledgements of one partition that were answered together, or given up.
#[derive(Debug, Clone, PartialEq)]
pub struct Acknowledged {
    /// The partition.
    pub partition: TopicPartition,
    /// The offsets of the records, ascending.
    pub offsets: Vec<RangeInclusive<i64>>,
    /// Why they do not count; `None` if they do. After [`Error::Disconnected`] or [`Error::Timeout`] nobody knows.
    pub error: Option<Error>,
}

impl Acknowledged {
    pub(super) fn new(parcel: &Parcel, error: Option<Error>) -> Self {
        let acks = parcel
            .acks
            .iter()
            .filter(|ack| ack.kind != super::acknowledge::GAP);
        Self {
            partition: parcel.source.partition.clone(),
            offsets: acks.map(|ack| ack.first..=ack.last).collect(),
            error,
        }
    }
}

/// Is told what became of acknowledgements, those that nobody waits for included: Java's `AcknowledgementCommitCallback`.
///
/// Any `Fn(&Acknowledged)` is one.
pub trait AcknowledgementListener: Send + Sync + 'static {
    /// Called in the consumer's background task: whoever takes long holds up its heartbeats and fetches.
    fn acknowledged(&self, acknowledged: &Acknowledged);
}

impl<F: Fn(&Acknowledged) + Send + Sync + 'static> AcknowledgementListener for F {
    fn acknowledged(&self, acknowledged: &Acknowledged) {
        self(acknowledged);
    }
}
