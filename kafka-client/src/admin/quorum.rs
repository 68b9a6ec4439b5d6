//! The quorum: the controllers that keep the cluster's metadata.

use kafka_proto::codec::Uuid;
use kafka_proto::messages::DescribeQuorumRequest;
use kafka_proto::messages::describe_quorum::{self, PartitionData, TopicData};

use super::Admin;
use crate::cluster::{Lane, Node};
use crate::error::{Error, Result, check_told};

/// The metadata's log, which is a topic of one partition.
const METADATA_TOPIC: &str = "__cluster_metadata";

/// Who keeps the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumInfo {
    /// The controller that leads.
    pub leader_id: i32,
    /// Its epoch.
    pub leader_epoch: i32,
    /// Up to where a majority has the metadata.
    pub high_watermark: i64,
    /// The controllers that elect the leader.
    pub voters: Vec<QuorumReplica>,
    /// The brokers and controllers that only follow.
    pub observers: Vec<QuorumReplica>,
}

/// A copy of the metadata, as the leader knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumReplica {
    /// Whose copy.
    pub id: i32,
    /// The directory that it is in (KIP-853); zero where brokers do not say.
    pub directory_id: Uuid,
    /// Where it ends.
    pub log_end_offset: i64,
    /// When it asked the leader last, in milliseconds since 1970; `None` where that is not known.
    pub last_fetch_timestamp: Option<i64>,
    /// When it had all that the leader had, in milliseconds since 1970; `None` where that is not known.
    pub last_caught_up_timestamp: Option<i64>,
}

impl Admin {
    /// The quorum of controllers (KIP-595, KIP-836, `Admin.describeMetadataQuorum`). Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked, or the cluster has no such quorum.
    pub async fn describe_metadata_quorum(&self) -> Result<QuorumInfo> {
        let answer = self
            .retry("describing the quorum", || async move {
                let make = |_| DescribeQuorumRequest {
                    topics: vec![TopicData {
                        topic_name: METADATA_TOPIC.into(),
                        partitions: vec![PartitionData::default()],
                        ..Default::default()
                    }],
                    ..Default::default()
                };
                let (answer, _) = self.cluster.send(Node::Any, Lane::Main, make).await?;
                let what = || "the quorum".to_owned();
                check_told(answer.error_code, answer.error_message.as_deref(), what)?;
                for partition in answer.topics.iter().flat_map(|topic| &topic.partitions) {
                    check_told(
                        partition.error_code,
                        partition.error_message.as_deref(),
                        what,
                    )?;
                }
                Ok(answer)
            })
            .await?;
        let mut partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
        let partition = partitions.next().ok_or_else(|| Error::Protocol {
            what: "the answer about the quorum".to_owned(),
            reason: format!("lacks {METADATA_TOPIC}-0"),
        })?;
        Ok(QuorumInfo {
            leader_id: partition.leader_id,
            leader_epoch: partition.leader_epoch,
            high_watermark: partition.high_watermark,
            voters: partition.current_voters.iter().map(replica).collect(),
            observers: partition.observers.iter().map(replica).collect(),
        })
    }
}

fn replica(state: &describe_quorum::ReplicaState) -> QuorumReplica {
    QuorumReplica {
        id: state.replica_id,
        directory_id: state.replica_directory_id,
        log_end_offset: state.log_end_offset,
        last_fetch_timestamp: Some(state.last_fetch_timestamp).filter(|at| *at >= 0),
        last_caught_up_timestamp: Some(state.last_caught_up_timestamp).filter(|at| *at >= 0),
    }
}
