//! Elections: replicas become the leaders of their partitions.

use kafka_proto::messages::ElectLeadersRequest;
use kafka_proto::messages::elect_leaders::TopicPartitions;

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
use crate::consumer::by_topic;
use crate::error::{Result, check, check_told};
use crate::types::TopicPartition;

/// Who is to lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ElectionType {
    /// The first of the replicas, which must be in sync.
    Preferred,
    /// Any replica that lives, where none that is in sync does. Records may be lost.
    Unclean,
}

impl Admin {
    /// Has leaders elected; for each partition whether another one leads it now (KIP-183, KIP-460, `Admin.electLeaders`).
    /// Cancel-safe, except that they may be elected all the same.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single partition is told with it: `ELECTION_NOT_NEEDED` where
    /// the right one leads already.
    pub async fn elect_leaders(
        &self,
        election: ElectionType,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<Vec<(TopicPartition, Result<()>)>> {
        let timeout_ms = self.timeout_ms();
        self.each(
            Operation::new("electing leaders"),
            partitions,
            |_| To::Controller,
            |_, partitions| {
                let topics = by_topic(partitions.iter().map(|at| (at.clone(), ())));
                let topic = |(topic, partitions): (String, Vec<(i32, ())>)| TopicPartitions {
                    topic: topic.into(),
                    partitions: partitions.into_iter().map(|(number, ())| number).collect(),
                    ..Default::default()
                };
                ElectLeadersRequest {
                    election_type: match election {
                        ElectionType::Preferred => 0,
                        ElectionType::Unclean => 1,
                    },
                    topic_partitions: Some(topics.into_iter().map(topic).collect()),
                    timeout_ms,
                    ..Default::default()
                }
            },
            |answer, _| {
                check(answer.error_code, || "elections".to_owned())?;
                let mut each = Vec::new();
                for topic in answer.replica_election_results {
                    for partition in topic.partition_result {
                        let at = TopicPartition::new(&*topic.topic, partition.partition_id);
                        let what = || format!("election of partition {at}");
                        let message = partition.error_message.as_deref();
                        let elected = check_told(partition.error_code, message, what);
                        each.push((at, elected));
                    }
                }
                Ok(each)
            },
        )
        .await
    }
}
