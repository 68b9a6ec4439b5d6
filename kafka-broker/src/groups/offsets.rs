//! The positions that a group has committed.

use std::collections::BTreeMap;

use bytestring::ByteString;

use crate::transactions::TransactionResult;

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

type ByPartition = BTreeMap<ByteString, BTreeMap<i32, Numbered>>;

/// A commit with its place among all of the group.
#[derive(Debug, Clone)]
struct Numbered {
    number: u64,
    committed: CommittedOffset,
}

/// Positions by topic and partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct CommittedOffsets {
    by_topic: ByPartition,
    /// What open transactions have committed, by producer id: it counts once they do.
    pending: BTreeMap<i64, ByPartition>,
    last_number: u64,
}

impl CommittedOffsets {
    pub(super) fn is_empty(&self) -> bool {
        self.by_topic.is_empty() && self.pending.is_empty()
    }

    pub(super) fn commit(&mut self, topic: &ByteString, partition: i32, offset: CommittedOffset) {
        let numbered = self.numbered(offset);
        self.by_topic
            .entry(topic.clone())
            .or_default()
            .insert(partition, numbered);
    }

    /// Commits a position within a producer's transaction.
    pub(super) fn commit_in_transaction(
        &mut self,
        producer_id: i64,
        topic: &ByteString,
        partition: i32,
        offset: CommittedOffset,
    ) {
        let numbered = self.numbered(offset);
        self.pending
            .entry(producer_id)
            .or_default()
            .entry(topic.clone())
            .or_default()
            .insert(partition, numbered);
    }

    fn numbered(&mut self, committed: CommittedOffset) -> Numbered {
        self.last_number += 1;
        Numbered {
            number: self.last_number,
            committed,
        }
    }

    /// A producer's transaction ends. What has been committed since, outside of it, is newer and stays.
    pub(super) fn end_transaction(&mut self, producer_id: i64, result: TransactionResult) {
        let Some(pending) = self.pending.remove(&producer_id) else {
            return;
        };
        if result == TransactionResult::Abort {
            return;
        }
        for (topic, partitions) in pending {
            let committed = self.by_topic.entry(topic).or_default();
            for (partition, pending) in partitions {
                let is_newer = |known: &Numbered| known.number < pending.number;
                if committed.get(&partition).is_none_or(is_newer) {
                    committed.insert(partition, pending);
                }
            }
        }
    }

    /// The position in a partition.
    pub(crate) fn get(&self, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        let numbered = self.by_topic.get(topic)?.get(&partition)?;
        Some(&numbered.committed)
    }

    /// Whether an open transaction has a position in a partition, so that the one there may soon be old.
    pub(crate) fn is_pending(&self, topic: &str, partition: i32) -> bool {
        let has = |pending: &ByPartition| {
            pending
                .get(topic)
                .is_some_and(|partitions| partitions.contains_key(&partition))
        };
        self.pending.values().any(has)
    }

    /// The partitions of each topic that have a position.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = (&ByteString, Vec<i32>)> {
        self.by_topic
            .iter()
            .map(|(topic, partitions)| (topic, partitions.keys().copied().collect()))
    }

    /// Forgets the position in a partition.
    pub(super) fn delete(&mut self, topic: &str, partition: i32) {
        if let Some(partitions) = self.by_topic.get_mut(topic) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                self.by_topic.remove(topic);
            }
        }
    }

    pub(super) fn forget_topic(&mut self, topic: &str) {
        self.by_topic.remove(topic);
        for pending in self.pending.values_mut() {
            pending.remove(topic);
        }
    }
}
