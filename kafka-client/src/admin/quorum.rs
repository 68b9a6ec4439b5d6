//! The quorum: the controllers that keep the cluster's metadata.

use bytestring::ByteString;
use kafka_proto::codec::Uuid;
use kafka_proto::messages::describe_quorum::{self, PartitionData, TopicData};
use kafka_proto::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, DescribeQuorumRequest, DescribeQuorumResponse,
    RemoveRaftVoterRequest, RemoveRaftVoterResponse, add_raft_voter,
};

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
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
    /// Where the controllers listen (KIP-853); empty before Kafka 3.9.
    pub nodes: Vec<QuorumNode>,
}

/// A controller and where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumNode {
    /// Its id.
    pub id: i32,
    /// Where it listens.
    pub endpoints: Vec<RaftEndpoint>,
}

/// Where a controller listens for the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaftEndpoint {
    /// The listener's name: `CONTROLLER`.
    pub listener: String,
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
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
        let make = |_| DescribeQuorumRequest {
            topics: vec![TopicData {
                topic_name: METADATA_TOPIC.into(),
                partitions: vec![PartitionData::default()],
                ..Default::default()
            }],
            ..Default::default()
        };
        let read = |answer: DescribeQuorumResponse| {
            let what = || "the quorum".to_owned();
            check_told(answer.error_code, answer.error_message.as_deref(), what)?;
            for partition in answer.topics.iter().flat_map(|topic| &topic.partitions) {
                let message = partition.error_message.as_deref();
                check_told(partition.error_code, message, what)?;
            }
            Ok(answer)
        };
        let describing = Operation::new("describing the quorum");
        let answer = self.ask(describing, To::Any, make, read).await?;
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
            nodes: answer.nodes.into_iter().map(node).collect(),
        })
    }

    /// Adds a controller to those that elect the leader (KIP-853, `Admin.addRaftVoter`). It has to be running and following
    /// already, and the cluster's feature `kraft.version` has to be at level 1. The cluster's id is sent along: another
    /// cluster refuses. Cancel-safe, except that it may be added all the same.
    ///
    /// # Errors
    /// The controller's, with its own words: `DUPLICATE_VOTER` for one that is a voter already, `UNSUPPORTED_VERSION` for a
    /// quorum that was set up with `controller.quorum.voters`.
    pub async fn add_raft_voter(
        &self,
        id: i32,
        directory_id: Uuid,
        endpoints: impl IntoIterator<Item = RaftEndpoint>,
    ) -> Result<()> {
        let listener = |endpoint: RaftEndpoint| add_raft_voter::Listener {
            name: endpoint.listener.into(),
            host: endpoint.host.into(),
            port: endpoint.port,
            ..Default::default()
        };
        let listeners: Vec<_> = endpoints.into_iter().map(listener).collect();
        let timeout_ms = self.timeout_ms();
        let make = |_| AddRaftVoterRequest {
            cluster_id: self.cluster_id(),
            timeout_ms,
            voter_id: id,
            voter_directory_id: directory_id,
            listeners: listeners.clone(),
            ..Default::default()
        };
        let read = |answer: AddRaftVoterResponse| {
            let what = || voter(id, directory_id);
            check_told(answer.error_code, answer.error_message.as_deref(), what)
        };
        let adding = Operation::new("adding a voter");
        self.ask(adding, To::Any, make, read).await
    }

    /// Takes a controller from those that elect the leader (KIP-853, `Admin.removeRaftVoter`). Cancel-safe, except that it
    /// may be taken all the same.
    ///
    /// # Errors
    /// The controller's, with its own words: `VOTER_NOT_FOUND` for one that is no voter, or not with this directory.
    pub async fn remove_raft_voter(&self, id: i32, directory_id: Uuid) -> Result<()> {
        let make = |_| RemoveRaftVoterRequest {
            cluster_id: self.cluster_id(),
            voter_id: id,
            voter_directory_id: directory_id,
            ..Default::default()
        };
        let read = |answer: RemoveRaftVoterResponse| {
            let what = || voter(id, directory_id);
            check_told(answer.error_code, answer.error_message.as_deref(), what)
        };
        let removing = Operation::new("removing a voter");
        self.ask(removing, To::Any, make, read).await
    }

    fn cluster_id(&self) -> Option<ByteString> {
        let metadata = self.cluster.metadata();
        metadata.cluster_id.as_deref().map(Into::into)
    }
}

fn voter(id: i32, directory_id: Uuid) -> String {
    format!("voter {id} with directory {directory_id}")
}

fn node(node: describe_quorum::Node) -> QuorumNode {
    let endpoint = |listener: describe_quorum::Listener| RaftEndpoint {
        listener: listener.name.to_string(),
        host: listener.host.to_string(),
        port: listener.port,
    };
    QuorumNode {
        id: node.node_id,
        endpoints: node.listeners.into_iter().map(endpoint).collect(),
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
