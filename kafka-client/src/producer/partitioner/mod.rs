//! Which partition a record goes to: where it says so itself, where the user's [`Partitioner`] sends it, where its key
//! belongs, or to the sticky partition.

mod sticky;

use std::num::NonZeroU32;

use kafka_proto::murmur2;

use super::record::Record;
use crate::cluster::PartitionInfo;
pub(super) use sticky::{Candidate, StickyPartition};

/// Chooses the partitions of records that do not say where they go, in the place of the rules that are built in
/// (`partitioner.class` of the Java client).
///
/// It is asked for each record before that is taken, and again for one that had to wait for room; no lock is held
/// meanwhile. A partition that the topic does not have is refused with
/// [`Error::NoSuchPartition`](crate::Error::NoSuchPartition).
///
/// ```
/// use kafka_client::producer::{Partitioner, Partitions, Record};
///
/// /// Orders of customers who pay extra have partition 0 to themselves.
/// #[derive(Debug)]
/// struct ExtraFirst;
///
/// impl Partitioner for ExtraFirst {
///     fn partition(&self, record: &Record<'_>, partitions: &Partitions<'_>) -> Option<i32> {
///         let is_extra = record.key.is_some_and(|key| key.starts_with(b"extra-"));
///         match (is_extra, record.key) {
///             (true, _) => Some(0),
///             (false, Some(key)) if partitions.count() > 1 => {
///                 Some(1 + (key.len() as i32 % (partitions.count() as i32 - 1)))
///             }
///             _ => None,
///         }
///     }
/// }
/// ```
pub trait Partitioner: std::fmt::Debug + Send + Sync {
    /// The partition for a record; `None` leaves the choice to the built-in rules.
    fn partition(&self, record: &Record<'_>, partitions: &Partitions<'_>) -> Option<i32>;
}

/// The partitions of a record's topic, as far as the producer knows.
#[derive(Debug, Clone, Copy)]
pub struct Partitions<'a> {
    partitions: &'a [PartitionInfo],
}

impl<'a> Partitions<'a> {
    pub(super) fn new(partitions: &'a [PartitionInfo]) -> Self {
        Self { partitions }
    }

    /// How many there are; their numbers go from 0 on.
    pub fn count(&self) -> u32 {
        self.partitions.len() as u32
    }

    /// The broker that leads a partition; `None` where there is none at the moment, or no such partition.
    pub fn leader(&self, partition: i32) -> Option<i32> {
        let at = usize::try_from(partition).ok()?;
        self.partitions.get(at)?.leader
    }

    /// The partitions that have a leader at the moment.
    pub fn available(&self) -> impl Iterator<Item = i32> + use<'a> {
        (0..)
            .zip(self.partitions)
            .filter(|(_, partition)| partition.leader.is_some())
            .map(|(partition, _)| partition)
    }
}

/// The partition of a key, the same one that the Java client chooses.
pub(super) fn partition_of_key(key: &[u8], partitions: NonZeroU32) -> usize {
    murmur2::partition_for_key(key, partitions) as usize
}
