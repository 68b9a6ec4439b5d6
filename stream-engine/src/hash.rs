use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;

/// One seed for all: the same key meets itself in every RDD of the process, and a program gives its results in the same
/// order every time it runs on the same input.
const HASHER: FixedState = FixedState::with_seed(0x5eed);

/// The hash of a key. It picks the key's partition and its place in every table.
#[inline]
pub(crate) fn key_hash<K: Hash>(key: &K) -> u64 {
    HASHER.hash_one(key)
}

/// Distributes keys over partitions by their hash (Spark's `HashPartitioner`).
///
/// An RDD that was shuffled remembers its partitioner, so that the next operator on the same keys does not shuffle again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashPartitioner {
    partitions: u32,
}

impl HashPartitioner {
    /// Over `partitions` partitions; 0 is taken as 1.
    pub fn new(partitions: usize) -> Self {
        HashPartitioner {
            partitions: u32::try_from(partitions).unwrap_or(u32::MAX).max(1),
        }
    }

    /// The number of partitions.
    pub fn partitions(&self) -> usize {
        self.partitions as usize
    }

    /// The partition of a key.
    pub fn partition<K: Hash>(&self, key: &K) -> usize {
        self.partition_of_hash(key_hash(key))
    }

    /// Uses bits 24 to 56 of the hash: hash tables take their bucket from the low and their tag from the top bits, and
    /// all keys of a partition would share those bits otherwise.
    #[inline]
    pub(crate) fn partition_of_hash(&self, hash: u64) -> usize {
        ((u64::from((hash >> 24) as u32) * u64::from(self.partitions)) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_spread_evenly_over_partitions() {
        for partitions in [1, 2, 3, 7, 64] {
            let partitioner = HashPartitioner::new(partitions);
            let mut counts = vec![0usize; partitions];
            for key in 0..64_000 {
                counts[partitioner.partition(&format!("key-{key}"))] += 1;
            }
            let fair = 64_000 / partitions;
            assert!(
                counts
                    .iter()
                    .all(|&n| n > fair * 8 / 10 && n < fair * 12 / 10),
                "{counts:?}"
            );
        }
    }

    #[test]
    fn no_partitions_means_one() {
        assert_eq!(HashPartitioner::new(0).partitions(), 1);
        assert_eq!(HashPartitioner::new(0).partition(&"k"), 0);
    }
}
