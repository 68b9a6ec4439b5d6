//! Records, replicas, quotas, the cluster: what an operator's client asks for.

use kafka_broker::Broker;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::alter_client_quotas::{EntityData, EntryData, OpData};
use kafka_proto::messages::alter_partition_reassignments::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_proto::messages::delete_records::{DeleteRecordsPartition, DeleteRecordsTopic};
use kafka_proto::messages::describe_topic_partitions::TopicRequest;
use kafka_proto::messages::elect_leaders::TopicPartitions;
use kafka_proto::messages::metadata::MetadataRequestTopic;
use kafka_proto::messages::offset_delete::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_proto::messages::*;

use crate::admin::{TOPIC, alter};
use crate::connection::{Connection, batch, broker};

#[tokio::test]
async fn deleted_records_are_below_the_start_of_the_log() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    for _ in 0..5 {
        c.produce("t", 0, batch(&["v"])).await;
    }
    let delete = async |c: &mut Connection, topic: &str, offset: i64| {
        let request = DeleteRecordsRequest {
            topics: vec![DeleteRecordsTopic {
                name: topic.into(),
                partitions: vec![DeleteRecordsPartition {
                    partition_index: 0,
                    offset,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            timeout_ms: 1000,
            ..Default::default()
        };
        let deleted = c
            .call(&request, 2)
            .await
            .topics
            .remove(0)
            .partitions
            .remove(0);
        (deleted.low_watermark, ErrorCode::from(deleted.error_code))
    };
    assert_eq!(delete(c, "t", 3).await, (3, ErrorCode::None));
    assert_eq!(delete(c, "t", 6).await, (-1, ErrorCode::OffsetOutOfRange));
    assert_eq!(
        delete(c, "absent", 0).await,
        (-1, ErrorCode::UnknownTopicOrPartition)
    );
    let fetched = c.fetch("t", 0, 2).await;
    assert_eq!(
        ErrorCode::from(fetched.error_code),
        ErrorCode::OffsetOutOfRange
    );
    assert_eq!(c.fetch("t", 0, 3).await.log_start_offset, 3);
    assert_eq!(delete(c, "t", -1).await, (5, ErrorCode::None));
    alter(
        c,
        TOPIC,
        "t",
        &[("cleanup.policy", 0, Some("compact"))],
        false,
    )
    .await;
    assert_eq!(delete(c, "t", 5).await, (-1, ErrorCode::PolicyViolation));
}

#[tokio::test]
async fn partitions_move_to_the_brokers_that_are_said() {
    let broker = Broker::builder().nodes(3).start().await.unwrap();
    broker.create_topic("t", 2).unwrap();
    let c = &mut Connection::open(&broker).await;
    let reassign = async |c: &mut Connection, replicas: Option<&[i32]>| {
        let request = AlterPartitionReassignmentsRequest {
            topics: vec![ReassignableTopic {
                name: "t".into(),
                partitions: vec![ReassignablePartition {
                    partition_index: 0,
                    replicas: replicas.map(<[i32]>::to_vec),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        let moved = c.call(&request, 1).await.responses.remove(0);
        ErrorCode::from(moved.partitions[0].error_code)
    };
    assert_eq!(
        reassign(c, Some(&[9])).await,
        ErrorCode::InvalidReplicaAssignment
    );
    assert_eq!(reassign(c, None).await, ErrorCode::NoReassignmentInProgress);
    assert_eq!(reassign(c, Some(&[3, 2])).await, ErrorCode::None);
    let described = DescribeTopicPartitionsRequest {
        topics: vec![TopicRequest {
            name: "t".into(),
            ..Default::default()
        }],
        response_partition_limit: 1,
        ..Default::default()
    };
    let answer = c.call(&described, 0).await;
    let partition = &answer.topics[0].partitions[0];
    assert_eq!(partition.replica_nodes[..], [3, 2]);
    assert_eq!((partition.leader_id, partition.leader_epoch), (3, 1));
    let cursor = answer.next_cursor.unwrap();
    assert_eq!((&*cursor.topic_name, cursor.partition_index), ("t", 1));

    broker.stop_node(3).await.unwrap();
    assert_eq!(broker.leader("t", 0).unwrap().0, 2);
    broker.start_node(3).await.unwrap();
    assert_eq!(
        broker.leader("t", 0).unwrap().0,
        2,
        "it does not come back by itself"
    );
    let elect = async |c: &mut Connection| {
        let request = ElectLeadersRequest {
            topic_partitions: Some(vec![TopicPartitions {
                topic: "t".into(),
                partitions: vec![0],
                ..Default::default()
            }]),
            ..Default::default()
        };
        let elected = c.call(&request, 2).await.replica_election_results.remove(0);
        ErrorCode::from(elected.partition_result[0].error_code)
    };
    assert_eq!(elect(c).await, ErrorCode::None);
    assert_eq!(broker.leader("t", 0).unwrap().0, 3);
    assert_eq!(elect(c).await, ErrorCode::ElectionNotNeeded);
}

#[tokio::test]
async fn a_partition_without_a_broker_that_is_up_has_no_leader() {
    let broker = Broker::builder().nodes(3).start().await.unwrap();
    let c = &mut Connection::open(&broker).await;
    let request = CreateTopicsRequest {
        topics: vec![create_topics::CreatableTopic {
            name: "t".into(),
            num_partitions: -1,
            replication_factor: -1,
            assignments: vec![create_topics::CreatableReplicaAssignment {
                partition_index: 0,
                broker_ids: vec![2, 3],
                ..Default::default()
            }],
            configs: vec![create_topics::CreatableTopicConfig {
                name: "min.insync.replicas".into(),
                value: Some("2".into()),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let created = c.call(&request, 7).await.topics.remove(0);
    assert_eq!((created.error_code, created.replication_factor), (0, 2));
    let leader = &mut Connection::open_to(&broker, 2).await;
    assert_eq!(leader.produce("t", 0, batch(&["v"])).await.error_code, 0);
    broker.stop_node(3).await.unwrap();
    let refused = leader.produce("t", 0, batch(&["v"])).await;
    assert_eq!(
        ErrorCode::from(refused.error_code),
        ErrorCode::NotEnoughReplicas
    );
    broker.stop_node(2).await.unwrap();
    let metadata = MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            name: Some("t".into()),
            ..Default::default()
        }]),
        ..Default::default()
    };
    let partition = c
        .call(&metadata, 12)
        .await
        .topics
        .remove(0)
        .partitions
        .remove(0);
    assert_eq!(
        (ErrorCode::from(partition.error_code), partition.leader_id),
        (ErrorCode::LeaderNotAvailable, -1)
    );
    broker.start_node(3).await.unwrap();
    assert_eq!(broker.leader("t", 0).unwrap().0, 3, "who is back leads");
}

#[tokio::test]
async fn positions_are_forgotten_where_nobody_reads() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let request = |group: &str, topic: &str| OffsetDeleteRequest {
        group_id: group.into(),
        topics: vec![OffsetDeleteRequestTopic {
            name: topic.into(),
            partitions: vec![OffsetDeleteRequestPartition::default()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let absent = c.call(&request("g", "t"), 0).await;
    assert_eq!(
        ErrorCode::from(absent.error_code),
        ErrorCode::GroupIdNotFound
    );
    let commit = OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: -1,
        topics: vec![offset_commit::OffsetCommitRequestTopic {
            name: "t".into(),
            partitions: vec![offset_commit::OffsetCommitRequestPartition {
                committed_offset: 3,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    assert_eq!(
        c.call(&commit, 9).await.topics[0].partitions[0].error_code,
        0
    );
    let unknown = c.call(&request("g", "absent"), 0).await;
    assert_eq!(
        ErrorCode::from(unknown.topics[0].partitions[0].error_code),
        ErrorCode::UnknownTopicOrPartition
    );
    let deleted = c.call(&request("g", "t"), 0).await;
    assert_eq!(
        (
            deleted.error_code,
            deleted.topics[0].partitions[0].error_code
        ),
        (0, 0)
    );
    let gone = c.call(&request("g", "t"), 0).await;
    assert_eq!(
        ErrorCode::from(gone.error_code),
        ErrorCode::GroupIdNotFound,
        "with its last position the group is gone"
    );
}

#[tokio::test]
async fn the_cluster_is_one_of_one_voter() {
    let broker = Broker::builder().nodes(2).start().await.unwrap();
    broker.create_topic("t", 1).unwrap();
    let c = &mut Connection::open(&broker).await;
    let cluster = c.call(&DescribeClusterRequest::default(), 2).await;
    assert_eq!((cluster.error_code, cluster.brokers.len()), (0, 2));
    assert_eq!(cluster.controller_id, 1);
    let controllers = DescribeClusterRequest {
        endpoint_type: 2,
        ..Default::default()
    };
    let refused = c.call(&controllers, 2).await;
    assert_eq!(
        ErrorCode::from(refused.error_code),
        ErrorCode::MismatchedEndpointType
    );
    let quorum = DescribeQuorumRequest {
        topics: vec![describe_quorum::TopicData {
            topic_name: "__cluster_metadata".into(),
            partitions: vec![describe_quorum::PartitionData::default()],
            ..Default::default()
        }],
        ..Default::default()
    };
    let quorum = c.call(&quorum, 2).await;
    let partition = &quorum.topics[0].partitions[0];
    assert_eq!(
        (partition.leader_id, partition.current_voters.len()),
        (1, 1)
    );
    assert_eq!(partition.observers.len(), 1);
    let unregistered = c
        .call(
            &UnregisterBrokerRequest {
                broker_id: 99,
                ..Default::default()
            },
            0,
        )
        .await;
    assert_eq!(
        ErrorCode::from(unregistered.error_code),
        ErrorCode::BrokerIdNotRegistered
    );
    let removed = RemoveRaftVoterRequest {
        cluster_id: None,
        voter_id: 5,
        ..Default::default()
    };
    let removed = c.call(&removed, 0).await;
    assert_eq!(
        ErrorCode::from(removed.error_code),
        ErrorCode::UnsupportedVersion
    );
    let dirs = c
        .call(
            &DescribeLogDirsRequest {
                topics: None,
                ..Default::default()
            },
            5,
        )
        .await;
    assert_eq!(dirs.results[0].topics[0].partitions.len(), 1);
    let features = UpdateFeaturesRequest {
        feature_updates: vec![update_features::FeatureUpdateKey {
            feature: "nope".into(),
            max_version_level: 1,
            ..Default::default()
        }],
        ..Default::default()
    };
    let refused = c.call(&features, 2).await;
    assert_eq!(
        ErrorCode::from(refused.error_code),
        ErrorCode::InvalidUpdateVersion
    );
    let reassignments = c
        .call(&ListPartitionReassignmentsRequest::default(), 0)
        .await;
    assert!(reassignments.topics.is_empty());
}

/// Sets a quota of all users.
fn quota(key: &str, value: f64) -> AlterClientQuotasRequest {
    AlterClientQuotasRequest {
        entries: vec![EntryData {
            entity: vec![EntityData {
                entity_type: "user".into(),
                entity_name: None,
                ..Default::default()
            }],
            ops: vec![OpData {
                key: key.into(),
                value,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[tokio::test]
async fn quotas_are_told_as_they_were_set() {
    let broker = broker().await;
    let c = &mut Connection::open(&broker).await;
    let altered = c.call(&quota("producer_byte_rate", 1000.0), 1).await;
    assert_eq!(altered.entries[0].error_code, 0);
    let refused = c.call(&quota("nope", 1.0), 1).await;
    assert_eq!(
        refused.entries[0].error_message.as_deref(),
        Some("Invalid configuration key nope")
    );
    let told = c.call(&DescribeClientQuotasRequest::default(), 1).await;
    let entries = told.entries.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (&*entries[0].values[0].key, entries[0].values[0].value),
        ("producer_byte_rate", 1000.0)
    );
    let unknown = DescribeClientQuotasRequest {
        components: vec![describe_client_quotas::ComponentData {
            entity_type: "nope".into(),
            match_type: 2,
            r#match: None,
            ..Default::default()
        }],
        ..Default::default()
    };
    let refused = c.call(&unknown, 1).await;
    assert_eq!(
        ErrorCode::from(refused.error_code),
        ErrorCode::UnsupportedVersion
    );
    assert!(refused.entries.is_none());
}

#[tokio::test]
async fn who_creates_too_much_is_told_so() {
    let broker = broker().await;
    let c = &mut Connection::open(&broker).await;
    c.call(&quota("controller_mutation_rate", 1000.0), 1).await;
    let create = |name: &str, partitions| CreateTopicsRequest {
        topics: vec![create_topics::CreatableTopic {
            name: name.into(),
            num_partitions: partitions,
            replication_factor: -1,
            ..Default::default()
        }],
        ..Default::default()
    };
    // 11,000 tokens: of the second topic the last thousands are owed, which takes a moment.
    assert_eq!(c.call(&create("a", 6000), 7).await.topics[0].error_code, 0);
    assert_eq!(c.call(&create("b", 6000), 7).await.topics[0].error_code, 0);
    let refused = c.call(&create("c", 1), 7).await;
    let error = ErrorCode::from(refused.topics[0].error_code);
    assert_eq!(error, ErrorCode::ThrottlingQuotaExceeded);
    assert!(
        (1..=1000).contains(&refused.throttle_time_ms),
        "{}",
        refused.throttle_time_ms
    );
    // The broker has not read on for as long.
    assert_eq!(c.call(&create("c", 1), 7).await.topics[0].error_code, 0);
}
