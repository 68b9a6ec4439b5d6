//! Reassignments: partitions move to other brokers.

use std::collections::HashMap;

use kafka_proto::messages::alter_partition_reassignments::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_proto::messages::list_partition_reassignments::ListPartitionReassignmentsTopics;
use kafka_proto::messages::{
    AlterPartitionReassignmentsRequest, ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
};

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
use crate::consumer::by_topic;
use crate::error::{Result, check_told};
use crate::types::TopicPartition;

/// Where a partition is to go, if it is to go on moving.
type Replicas<'a> = Option<&'a [i32]>;

/// A partition on the move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionReassignment {
    /// The brokers that keep it now, those that come and those that go included.
    pub replicas: Vec<i32>,
    /// Those that come.
    pub adding_replicas: Vec<i32>,
    /// Those that go.
    pub removing_replicas: Vec<i32>,
}

impl Admin {
    /// Begins to move partitions to other brokers, the preferred leader first; `None` gives up the move that is under way.
    /// For each whether that was begun: the move itself takes as long as copying does (KIP-455,
    /// `Admin.alterPartitionReassignments`). Cancel-safe, except that it may be begun all the same.
    ///
    /// # Errors
    /// When no broker could be asked. What is wrong with a single partition is told with it:
    /// `NO_REASSIGNMENT_IN_PROGRESS` when there is no move to give up.
    pub async fn alter_partition_reassignments(
        &self,
        moves: impl IntoIterator<Item = (TopicPartition, Option<Vec<i32>>)>,
    ) -> Result<Vec<(TopicPartition, Result<()>)>> {
        let moves: HashMap<TopicPartition, Option<Vec<i32>>> = moves.into_iter().collect();
        let timeout_ms = self.timeout_ms();
        let keeps_factors = self.options.keeps_replication_factors;
        self.each(
            Operation::new("reassigning partitions").needing(1, keeps_factors),
            moves.keys().cloned(),
            |_| To::Controller,
            |_, partitions| {
                let topics = by_topic(
                    partitions
                        .iter()
                        .map(|at| (at.clone(), moves[at].as_deref())),
                );
                AlterPartitionReassignmentsRequest {
                    topics: topics.into_iter().map(moved).collect(),
                    timeout_ms,
                    allow_replication_factor_change: !keeps_factors,
                    ..Default::default()
                }
            },
            |answer, _| {
                let message = answer.error_message.as_deref();
                check_told(answer.error_code, message, || "reassignments".to_owned())?;
                let mut each = Vec::new();
                for topic in answer.responses {
                    for partition in topic.partitions {
                        let at = TopicPartition::new(&*topic.name, partition.partition_index);
                        let what = || format!("reassignment of partition {at}");
                        let message = partition.error_message.as_deref();
                        let begun = check_told(partition.error_code, message, what);
                        each.push((at, begun));
                    }
                }
                Ok(each)
            },
        )
        .await
    }

    /// The moves that are under way: all, or those of some partitions (KIP-455, `Admin.listPartitionReassignments`).
    /// Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked, or a partition is not there.
    pub async fn list_partition_reassignments(
        &self,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<Vec<(TopicPartition, PartitionReassignment)>> {
        let timeout_ms = self.timeout_ms();
        let topics = partitions.map(|partitions| {
            let topics = by_topic(partitions.iter().map(|at| (at.clone(), ())));
            topics.into_iter().map(listed).collect::<Vec<_>>()
        });
        let make = |_| ListPartitionReassignmentsRequest {
            topics: topics.clone(),
            timeout_ms,
            ..Default::default()
        };
        let read = |answer: ListPartitionReassignmentsResponse| {
            let message = answer.error_message.as_deref();
            check_told(answer.error_code, message, || "reassignments".to_owned())?;
            Ok(answer)
        };
        let listing = Operation::new("listing reassignments");
        let answer = self.ask(listing, To::Controller, make, read).await?;
        let mut moves = Vec::new();
        for topic in answer.topics {
            for partition in topic.partitions {
                let at = TopicPartition::new(&*topic.name, partition.partition_index);
                let reassignment = PartitionReassignment {
                    replicas: partition.replicas,
                    adding_replicas: partition.adding_replicas,
                    removing_replicas: partition.removing_replicas,
                };
                moves.push((at, reassignment));
            }
        }
        moves.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(moves)
    }
}

fn moved((topic, partitions): (String, Vec<(i32, Replicas<'_>)>)) -> ReassignableTopic {
    let partition = |(partition_index, replicas): (i32, Replicas<'_>)| ReassignablePartition {
        partition_index,
        replicas: replicas.map(<[i32]>::to_vec),
        ..Default::default()
    };
    ReassignableTopic {
        name: topic.into(),
        partitions: partitions.into_iter().map(partition).collect(),
        ..Default::default()
    }
}

fn listed((topic, partitions): (String, Vec<(i32, ())>)) -> ListPartitionReassignmentsTopics {
    ListPartitionReassignmentsTopics {
        name: topic.into(),
        partition_indexes: partitions.into_iter().map(|(number, ())| number).collect(),
        ..Default::default()
    }
}
