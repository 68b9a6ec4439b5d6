//! One call of each API.

use super::*;

pub(super) fn metadata(topic: &'static str, create: bool) -> MetadataRequest {
    let topic = metadata::MetadataRequestTopic {
        name: Some(topic.into()),
        ..Default::default()
    };
    MetadataRequest {
        topics: Some(vec![topic]),
        allow_auto_topic_creation: create,
        ..Default::default()
    }
}

pub(super) fn commit(group: &'static str) -> OffsetCommitRequest {
    let partition = offset_commit::OffsetCommitRequestPartition::default();
    let topic = offset_commit::OffsetCommitRequestTopic {
        name: "t".into(),
        partitions: vec![partition],
        ..Default::default()
    };
    OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    }
}

fn topic_of_txn() -> Vec<add_partitions_to_txn::AddPartitionsToTxnTopic> {
    vec![add_partitions_to_txn::AddPartitionsToTxnTopic {
        name: "t".into(),
        partitions: vec![0],
        ..Default::default()
    }]
}

/// The error that the one thing of a call is answered with.
pub(super) async fn errors(c: &mut Connection, key: i16, version: i16, topic_id: Uuid) -> i16 {
    let is_of_share_groups = (ShareGroupHeartbeatRequest::KEY..=ShareAcknowledgeRequest::KEY)
        .chain(StreamsGroupDescribeRequest::KEY..=DeleteShareGroupOffsetsRequest::KEY)
        .any(|of_share_groups| of_share_groups == key);
    if is_of_share_groups {
        return share_calls::errors(c, key, version, topic_id).await;
    }
    match key {
        ProduceRequest::KEY => {
            let request = produce_request("t", 0, batch(&["x"]));
            let response = c.call(&request, version).await;
            response.responses[0].partition_responses[0].error_code
        }
        FetchRequest::KEY => {
            let response = c.call(&fetch_request("t", 0, 0), version).await;
            response.responses[0].partitions[0].error_code
        }
        ListOffsetsRequest::KEY => {
            let topic = list_offsets::ListOffsetsTopic {
                name: "t".into(),
                partitions: vec![list_offsets::ListOffsetsPartition {
                    timestamp: -1,
                    ..Default::default()
                }],
                ..Default::default()
            };
            let request = ListOffsetsRequest {
                topics: vec![topic],
                ..Default::default()
            };
            c.call(&request, version).await.topics[0].partitions[0].error_code
        }
        MetadataRequest::KEY => c.call(&metadata("t", false), version).await.topics[0].error_code,
        OffsetCommitRequest::KEY => {
            let response = c.call(&commit("g"), version).await;
            response.topics[0].partitions[0].error_code
        }
        OffsetFetchRequest::KEY if version < 8 => {
            let topic = offset_fetch::OffsetFetchRequestTopic {
                name: "t".into(),
                partition_indexes: vec![0],
                ..Default::default()
            };
            let request = OffsetFetchRequest {
                group_id: "g".into(),
                topics: Some(vec![topic]),
                ..Default::default()
            };
            let response = c.call(&request, version).await;
            match response.topics.first() {
                Some(topic) => topic.partitions[0].error_code,
                None => response.error_code,
            }
        }
        OffsetFetchRequest::KEY => {
            let topic = offset_fetch::OffsetFetchRequestTopics {
                name: "t".into(),
                partition_indexes: vec![0],
                ..Default::default()
            };
            let group = offset_fetch::OffsetFetchRequestGroup {
                group_id: "g".into(),
                topics: Some(vec![topic]),
                ..Default::default()
            };
            let request = OffsetFetchRequest {
                groups: vec![group],
                ..Default::default()
            };
            let response = c.call(&request, version).await;
            match response.groups[0].topics.first() {
                Some(topic) => topic.partitions[0].error_code,
                None => response.groups[0].error_code,
            }
        }
        FindCoordinatorRequest::KEY if version < 4 => {
            let request = FindCoordinatorRequest {
                key: "g".into(),
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        FindCoordinatorRequest::KEY => {
            let request = FindCoordinatorRequest {
                key_type: 1,
                coordinator_keys: vec!["x".into()],
                ..Default::default()
            };
            c.call(&request, version).await.coordinators[0].error_code
        }
        JoinGroupRequest::KEY => {
            let request = JoinGroupRequest {
                group_id: "g".into(),
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        HeartbeatRequest::KEY => {
            let request = HeartbeatRequest {
                group_id: "g".into(),
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        LeaveGroupRequest::KEY => {
            let request = LeaveGroupRequest {
                group_id: "g".into(),
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        SyncGroupRequest::KEY => {
            let request = SyncGroupRequest {
                group_id: "g".into(),
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        DescribeGroupsRequest::KEY => {
            let request = DescribeGroupsRequest {
                groups: vec!["g".into()],
                ..Default::default()
            };
            c.call(&request, version).await.groups[0].error_code
        }
        CreateTopicsRequest::KEY => {
            let topic = create_topics::CreatableTopic {
                name: "new".into(),
                num_partitions: 1,
                replication_factor: 1,
                ..Default::default()
            };
            let request = CreateTopicsRequest {
                topics: vec![topic],
                validate_only: true,
                ..Default::default()
            };
            c.call(&request, version).await.topics[0].error_code
        }
        DeleteTopicsRequest::KEY => {
            let topic = delete_topics::DeleteTopicState {
                name: Some("t".into()),
                ..Default::default()
            };
            let request = DeleteTopicsRequest {
                topics: vec![topic],
                ..Default::default()
            };
            c.call(&request, version).await.responses[0].error_code
        }
        InitProducerIdRequest::KEY => {
            let request = InitProducerIdRequest {
                transactional_id: (version == 5).then(|| "x".into()),
                transaction_timeout_ms: 1000,
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        OffsetForLeaderEpochRequest::KEY => {
            let topic = offset_for_leader_epoch::OffsetForLeaderTopic {
                topic: "t".into(),
                partitions: vec![Default::default()],
                ..Default::default()
            };
            let request = OffsetForLeaderEpochRequest {
                topics: vec![topic],
                ..Default::default()
            };
            c.call(&request, version).await.topics[0].partitions[0].error_code
        }
        AddPartitionsToTxnRequest::KEY if version < 4 => {
            let request = AddPartitionsToTxnRequest {
                v3_and_below_transactional_id: "x".into(),
                v3_and_below_topics: topic_of_txn(),
                ..Default::default()
            };
            let response = c.call(&request, version).await;
            let topic = &response.results_by_topic_v3_and_below[0];
            topic.results_by_partition[0].partition_error_code
        }
        AddPartitionsToTxnRequest::KEY => {
            let transaction = add_partitions_to_txn::AddPartitionsToTxnTransaction {
                transactional_id: "x".into(),
                verify_only: true,
                topics: topic_of_txn(),
                ..Default::default()
            };
            let request = AddPartitionsToTxnRequest {
                transactions: vec![transaction],
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        AddOffsetsToTxnRequest::KEY => {
            let request = AddOffsetsToTxnRequest {
                transactional_id: "x".into(),
                group_id: "g".into(),
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        EndTxnRequest::KEY => {
            let request = EndTxnRequest {
                transactional_id: "x".into(),
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        WriteTxnMarkersRequest::KEY => {
            let topic = write_txn_markers::WritableTxnMarkerTopic {
                name: "t".into(),
                partition_indexes: vec![0],
                ..Default::default()
            };
            let marker = write_txn_markers::WritableTxnMarker {
                topics: vec![topic],
                ..Default::default()
            };
            let request = WriteTxnMarkersRequest {
                markers: vec![marker],
                ..Default::default()
            };
            let response = c.call(&request, version).await;
            response.markers[0].topics[0].partitions[0].error_code
        }
        TxnOffsetCommitRequest::KEY => {
            let topic = txn_offset_commit::TxnOffsetCommitRequestTopic {
                name: "t".into(),
                partitions: vec![Default::default()],
                ..Default::default()
            };
            let request = TxnOffsetCommitRequest {
                transactional_id: "x".into(),
                group_id: "g".into(),
                topics: vec![topic],
                ..Default::default()
            };
            let response = c.call(&request, version).await;
            response.topics[0].partitions[0].error_code
        }
        DescribeAclsRequest::KEY => {
            let all = all_of_alice();
            let request = DescribeAclsRequest {
                resource_type_filter: all.resource_type_filter,
                pattern_type_filter: all.pattern_type_filter,
                operation: all.operation,
                permission_type: all.permission_type,
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        CreateAclsRequest::KEY => {
            let request = allowing((TOPIC, "t", READ));
            c.call(&request, version).await.results[0].error_code
        }
        DeleteAclsRequest::KEY => {
            let request = DeleteAclsRequest {
                filters: vec![all_of_alice()],
                ..Default::default()
            };
            c.call(&request, version).await.filter_results[0].error_code
        }
        CreatePartitionsRequest::KEY => {
            let topic = create_partitions::CreatePartitionsTopic {
                name: "t".into(),
                count: 2,
                ..Default::default()
            };
            let request = CreatePartitionsRequest {
                topics: vec![topic],
                validate_only: true,
                ..Default::default()
            };
            c.call(&request, version).await.results[0].error_code
        }
        CreateDelegationTokenRequest::KEY => {
            let request = CreateDelegationTokenRequest {
                owner_principal_type: Some("User".into()),
                owner_principal_name: Some("bob".into()),
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        DeleteGroupsRequest::KEY => {
            let request = DeleteGroupsRequest {
                groups_names: vec!["g".into()],
                ..Default::default()
            };
            c.call(&request, version).await.results[0].error_code
        }
        DescribeUserScramCredentialsRequest::KEY => {
            let request = DescribeUserScramCredentialsRequest::default();
            c.call(&request, version).await.error_code
        }
        AlterUserScramCredentialsRequest::KEY => {
            let upsertion = alter_user_scram_credentials::ScramCredentialUpsertion {
                name: "carol".into(),
                mechanism: 1,
                iterations: 4096,
                salt: Bytes::from_static(b"salt"),
                salted_password: Bytes::from_static(b"password"),
                ..Default::default()
            };
            let request = AlterUserScramCredentialsRequest {
                upsertions: vec![upsertion],
                ..Default::default()
            };
            c.call(&request, version).await.results[0].error_code
        }
        DescribeProducersRequest::KEY => {
            let topic = describe_producers::TopicRequest {
                name: "t".into(),
                partition_indexes: vec![0],
                ..Default::default()
            };
            let request = DescribeProducersRequest {
                topics: vec![topic],
                ..Default::default()
            };
            c.call(&request, version).await.topics[0].partitions[0].error_code
        }
        DescribeTransactionsRequest::KEY => {
            let request = DescribeTransactionsRequest {
                transactional_ids: vec!["x".into()],
                ..Default::default()
            };
            c.call(&request, version).await.transaction_states[0].error_code
        }
        ConsumerGroupHeartbeatRequest::KEY => {
            let request = ConsumerGroupHeartbeatRequest {
                group_id: "g".into(),
                member_id: "m".into(),
                subscribed_topic_names: Some(vec!["t".into()]),
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        ConsumerGroupDescribeRequest::KEY => {
            let request = ConsumerGroupDescribeRequest {
                group_ids: vec!["g".into()],
                ..Default::default()
            };
            c.call(&request, version).await.groups[0].error_code
        }
        _ => admin_calls::errors(c, key, version).await,
    }
}
