//! Which records a batch has.

use std::fmt;
use std::sync::Arc;

use kafka_client::TopicPartition;

use crate::{Data, Rdd};

/// The records of one partition in a batch: those with offsets in `[from, until)` (Spark's `OffsetRange`).
///
/// Where compaction has removed records, or transactions have left markers, there are fewer records than offsets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OffsetRange {
    /// The partition.
    pub partition: TopicPartition,
    /// The first offset.
    pub from: i64,
    /// The offset after the last.
    pub until: i64,
}

impl OffsetRange {
    /// How many offsets there are in the range.
    pub fn count(&self) -> u64 {
        self.until.saturating_sub(self.from).max(0) as u64
    }
}

impl fmt::Display for OffsetRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}..{}", self.partition, self.from, self.until)
    }
}

/// What an RDD of Kafka records carries along.
#[derive(Debug)]
pub(super) struct OffsetRanges(pub(super) Arc<[OffsetRange]>);

impl<T: Data> Rdd<T> {
    /// The offset ranges that the RDD was read from, in the order of its partitions (Spark's `HasOffsetRanges`). `None` for
    /// one that was not read from Kafka, or was shuffled since: its partitions are no longer those of the topics.
    ///
    /// ```no_run
    /// # fn example(lines: stream_engine::DStream<stream_engine::kafka::KafkaRecord>) {
    /// lines.foreach_rdd_with_time(|rdd, time| {
    ///     for range in rdd.offset_ranges().iter().flat_map(|ranges| ranges.iter()) {
    ///         println!("{time}: {range}");
    ///     }
    /// });
    /// # }
    /// ```
    pub fn offset_ranges(&self) -> Option<Arc<[OffsetRange]>> {
        self.metadata::<OffsetRanges>()
            .map(|ranges| ranges.0.clone())
    }
}
