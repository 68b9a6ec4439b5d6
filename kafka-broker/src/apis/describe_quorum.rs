//! DescribeQuorum: who votes about the cluster's metadata (KIP-595). That is one process here: the first broker that is up
//! votes for all.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::describe_quorum::{
    Listener, Node, PartitionData, ReplicaState, ResponsePartitionData, ResponseTopicData,
    TopicData,
};
use kafka_proto::messages::{DescribeQuorumRequest, DescribeQuorumResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;

/// The log of the metadata, of which there is one partition.
const METADATA_TOPIC: &str = "__cluster_metadata";
/// From this version on there are messages and addresses.
const FIRST_VERSION_WITH_NODES: i16 = 2;

pub(super) fn answer(call: &Call<'_>, request: DescribeQuorumRequest) -> DescribeQuorumResponse {
    if let Err(error) = call.check(Operation::Describe, Resource::CLUSTER) {
        return DescribeQuorumResponse {
            error_code: error.code(),
            error_message: Some(error.message().into()),
            ..Default::default()
        };
    }
    let up = call.cluster().nodes.up();
    let Some(voter) = up.first() else {
        return DescribeQuorumResponse {
            error_code: ErrorCode::BrokerNotAvailable.code(),
            ..Default::default()
        };
    };
    let describe = |topic: &TopicData, partition: &PartitionData| {
        if topic.topic_name != METADATA_TOPIC || partition.partition_index != 0 {
            return ResponsePartitionData {
                partition_index: partition.partition_index,
                error_code: ErrorCode::UnknownTopicOrPartition.code(),
                error_message: None,
                ..Default::default()
            };
        }
        let now = call.cluster().clock.now().unix_millis;
        // Before any topic there was the record that began it.
        let changes = call.cluster().topics.image().version;
        let end = i64::try_from(changes).map_or(i64::MAX, |changes| changes.saturating_add(1));
        let state = |replica_id: i32| ReplicaState {
            replica_id,
            log_end_offset: end,
            last_fetch_timestamp: now,
            last_caught_up_timestamp: now,
            ..Default::default()
        };
        let others = up.iter().skip(1);
        ResponsePartitionData {
            partition_index: 0,
            error_message: None,
            leader_id: voter.id,
            leader_epoch: 1,
            high_watermark: end,
            current_voters: vec![state(voter.id)],
            observers: others.map(|other| state(other.id)).collect(),
            ..Default::default()
        }
    };
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter();
        ResponseTopicData {
            topic_name: topic.topic_name.clone(),
            partitions: partitions
                .map(|partition| describe(topic, partition))
                .collect(),
            ..Default::default()
        }
    });
    let mut response = DescribeQuorumResponse {
        error_message: None,
        topics: topics.collect(),
        ..Default::default()
    };
    if call.version >= FIRST_VERSION_WITH_NODES {
        response.nodes.push(Node {
            node_id: voter.id,
            listeners: vec![Listener {
                name: "CONTROLLER".into(),
                host: voter.host.clone(),
                port: voter.port,
                ..Default::default()
            }],
            ..Default::default()
        });
    }
    response
}
