//! The positions that a group has committed.

use std::collections::BTreeMap;

use bytestring::ByteString;

/// A committed position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    /// The offset of the next record to read.
    pub(crate) offset: i64,
    /// The epoch of the leader that the last record came from; -1 if unknown.
    pub(crate) leader_epoch: i32,
    /// Whatever the committer has to say.
    pub(crate) metadata: ByteString,
}

/// Positions by topic and partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct CommittedOffsets {
    by_topic: BTreeMap<ByteString, BTreeMap<i32, CommittedOffset>>,
}

impl CommittedOffsets {
    pub(super) fn is_empty(&self) -> bool {
        self.by_topic.is_empty()
    }

    pub(super) fn commit(&mut self, topic: &ByteString, partition: i32, offset: CommittedOffset) {
        self.by_topic
            .entry(topic.clone())
            .or_default()
            .insert(partition, offset);
    }

    /// The position in a partition.
    pub(crate) fn get(&self, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.by_topic.get(topic)?.get(&partition)
    }

    /// The partitions of each topic that have a position.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = (&ByteString, Vec<i32>)> {
        self.by_topic
            .iter()
            .map(|(topic, partitions)| (topic, partitions.keys().copied().collect()))
    }

    pub(super) fn forget_topic(&mut self, topic: &str) {
        self.by_topic.remove(topic);
    }
}
