//! Records: the oldest are deleted.

use std::collections::HashMap;

use kafka_proto::messages::DeleteRecordsRequest;
use kafka_proto::messages::delete_records::{DeleteRecordsPartition, DeleteRecordsTopic};

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
use crate::consumer::by_topic;
use crate::error::{Result, check};
use crate::types::TopicPartition;

/// Up to which offset records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordsToDelete {
    /// All before this offset.
    Before(i64),
    /// All that every replica in sync has.
    All,
}

impl Admin {
    /// Deletes the oldest records of partitions, each by its leader; for each the first offset that is left (KIP-107,
    /// `Admin.deleteRecords`). Cancel-safe, except that they may be deleted all the same.
    ///
    /// # Errors
    /// When no leader could be asked. What is wrong with a single partition is told with it: `OFFSET_OUT_OF_RANGE` for an
    /// offset that is not there, `POLICY_VIOLATION` for a topic that is only compacted.
    pub async fn delete_records(
        &self,
        partitions: impl IntoIterator<Item = (TopicPartition, RecordsToDelete)>,
    ) -> Result<Vec<(TopicPartition, Result<i64>)>> {
        let wanted: HashMap<TopicPartition, RecordsToDelete> = partitions.into_iter().collect();
        let timeout_ms = self.timeout_ms();
        self.each(
            Operation::new("deleting records"),
            wanted.keys().cloned(),
            |partition| To::Leader(partition.clone()),
            |_, partitions| {
                let topics = by_topic(partitions.iter().map(|at| (at.clone(), wanted[at])));
                DeleteRecordsRequest {
                    topics: topics.into_iter().map(deleted).collect(),
                    timeout_ms,
                    ..Default::default()
                }
            },
            |answer, _| {
                let mut each = Vec::new();
                for topic in answer.topics {
                    for partition in topic.partitions {
                        let at = TopicPartition::new(&*topic.name, partition.partition_index);
                        let what = || format!("records of partition {at}");
                        let begin =
                            check(partition.error_code, what).map(|()| partition.low_watermark);
                        each.push((at, begin));
                    }
                }
                Ok(each)
            },
        )
        .await
    }
}

fn deleted((topic, partitions): (String, Vec<(i32, RecordsToDelete)>)) -> DeleteRecordsTopic {
    let partition = |(partition_index, wanted)| DeleteRecordsPartition {
        partition_index,
        offset: match wanted {
            RecordsToDelete::Before(offset) => offset,
            RecordsToDelete::All => -1,
        },
        ..Default::default()
    };
    DeleteRecordsTopic {
        name: topic.into(),
        partitions: partitions.into_iter().map(partition).collect(),
        ..Default::default()
    }
}
