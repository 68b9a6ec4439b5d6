//! Which partition a record goes to when it does not say.

use std::num::NonZeroU32;

use kafka_proto::murmur2;

/// Where records without a key go: all to one partition until about a batch has gathered there, then to another
/// (KIP-794), so that batches fill up while the partitions get the same share.
#[derive(Debug, Default)]
pub(super) struct StickyPartition {
    partition: u32,
    bytes: usize,
    chosen: bool,
}

impl StickyPartition {
    /// The partition for the next record.
    pub(super) fn current(&mut self, partitions: NonZeroU32) -> usize {
        if !self.chosen || self.partition >= partitions.get() {
            self.choose(partitions);
        }
        self.partition as usize
    }

    /// After a record of that size went to the current partition.
    pub(super) fn appended(&mut self, size: usize, batch_size: usize, partitions: NonZeroU32) {
        self.bytes += size;
        if self.bytes >= batch_size {
            self.choose(partitions);
        }
    }

    fn choose(&mut self, partitions: NonZeroU32) {
        // Any but the current one, each as likely as the others.
        let leave = self.chosen && self.partition < partitions.get() && partitions.get() > 1;
        let mut next = fastrand::u32(0..partitions.get() - u32::from(leave));
        if leave && next >= self.partition {
            next += 1;
        }
        *self = Self {
            partition: next,
            bytes: 0,
            chosen: true,
        };
    }
}

/// The partition of a key, the same one that the Java client chooses.
pub(super) fn partition_of_key(key: &[u8], partitions: NonZeroU32) -> usize {
    murmur2::partition_for_key(key, partitions) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_without_a_key_fill_one_batch_after_another_and_spread_over_all_partitions() {
        let four = NonZeroU32::new(4).unwrap();
        let mut sticky = StickyPartition::default();
        let mut runs = Vec::new();
        let mut bytes = [0; 4];
        for _ in 0..4000 {
            let partition = sticky.current(four);
            if runs.last() != Some(&partition) {
                runs.push(partition);
            }
            bytes[partition] += 100;
            sticky.appended(100, 1000, four);
        }
        assert_eq!(
            runs.len(),
            400,
            "a partition is left after a batch, and not chosen twice in a row"
        );
        assert!(
            bytes.iter().all(|bytes| (70_000..130_000).contains(bytes)),
            "{bytes:?}"
        );
    }

    #[test]
    fn a_partition_that_is_gone_is_left() {
        let mut sticky = StickyPartition {
            partition: 7,
            bytes: 0,
            chosen: true,
        };
        assert_eq!(sticky.current(NonZeroU32::MIN), 0);
    }
}
