//! One call of each API that is there to operate a cluster.

use super::*;

/// A resource with settings: type and name.
fn resource(key: i16, version: i16) -> (i8, &'static str) {
    let (topic, group, all_brokers, subscription) = ((2, "t"), (32, "g"), (4, ""), (16, "m"));
    match (key, version) {
        (DescribeConfigsRequest::KEY, 3) | (AlterConfigsRequest::KEY, 1) => group,
        (DescribeConfigsRequest::KEY, 2) | (AlterConfigsRequest::KEY, 2) => all_brokers,
        (DescribeConfigsRequest::KEY, 1) | (IncrementalAlterConfigsRequest::KEY, 0) => subscription,
        _ => topic,
    }
}

/// The error that the one thing of a call is answered with.
pub(super) async fn errors(c: &mut Connection, key: i16, version: i16) -> i16 {
    match key {
        DescribeConfigsRequest::KEY => {
            let (resource_type, resource_name) = resource(key, version);
            let resource = describe_configs::DescribeConfigsResource {
                resource_type,
                resource_name: resource_name.into(),
                ..Default::default()
            };
            let request = DescribeConfigsRequest {
                resources: vec![resource],
                ..Default::default()
            };
            c.call(&request, version).await.results[0].error_code
        }
        AlterConfigsRequest::KEY => {
            let (resource_type, resource_name) = resource(key, version);
            let resource = alter_configs::AlterConfigsResource {
                resource_type,
                resource_name: resource_name.into(),
                ..Default::default()
            };
            let request = AlterConfigsRequest {
                resources: vec![resource],
                ..Default::default()
            };
            c.call(&request, version).await.responses[0].error_code
        }
        IncrementalAlterConfigsRequest::KEY => {
            let (resource_type, resource_name) = resource(key, version);
            let resource = incremental_alter_configs::AlterConfigsResource {
                resource_type,
                resource_name: resource_name.into(),
                ..Default::default()
            };
            let request = IncrementalAlterConfigsRequest {
                resources: vec![resource],
                ..Default::default()
            };
            c.call(&request, version).await.responses[0].error_code
        }
        ListConfigResourcesRequest::KEY => {
            let request = ListConfigResourcesRequest::default();
            c.call(&request, version).await.error_code
        }
        DeleteRecordsRequest::KEY => {
            let topic = delete_records::DeleteRecordsTopic {
                name: "t".into(),
                partitions: vec![Default::default()],
                ..Default::default()
            };
            let request = DeleteRecordsRequest {
                topics: vec![topic],
                ..Default::default()
            };
            c.call(&request, version).await.topics[0].partitions[0].error_code
        }
        OffsetDeleteRequest::KEY => {
            let topic = offset_delete::OffsetDeleteRequestTopic {
                name: "t".into(),
                partitions: vec![Default::default()],
                ..Default::default()
            };
            let request = OffsetDeleteRequest {
                group_id: "g".into(),
                topics: vec![topic],
                ..Default::default()
            };
            let response = c.call(&request, version).await;
            match response.topics.first() {
                Some(topic) => topic.partitions[0].error_code,
                None => response.error_code,
            }
        }
        DescribeTopicPartitionsRequest::KEY => {
            let topic = describe_topic_partitions::TopicRequest {
                name: "t".into(),
                ..Default::default()
            };
            let request = DescribeTopicPartitionsRequest {
                topics: vec![topic],
                ..Default::default()
            };
            c.call(&request, version).await.topics[0].error_code
        }
        AlterReplicaLogDirsRequest::KEY => {
            let topic = alter_replica_log_dirs::AlterReplicaLogDirTopic {
                name: "t".into(),
                partitions: vec![0],
                ..Default::default()
            };
            let dir = alter_replica_log_dirs::AlterReplicaLogDir {
                path: "/memory".into(),
                topics: vec![topic],
                ..Default::default()
            };
            let request = AlterReplicaLogDirsRequest {
                dirs: vec![dir],
                ..Default::default()
            };
            c.call(&request, version).await.results[0].partitions[0].error_code
        }
        DescribeLogDirsRequest::KEY => {
            let request = DescribeLogDirsRequest::default();
            c.call(&request, version).await.error_code
        }
        ElectLeadersRequest::KEY => {
            let topic = elect_leaders::TopicPartitions {
                topic: "t".into(),
                partitions: vec![0],
                ..Default::default()
            };
            let request = ElectLeadersRequest {
                topic_partitions: Some(vec![topic]),
                ..Default::default()
            };
            let response = c.call(&request, version).await;
            response.replica_election_results[0].partition_result[0].error_code
        }
        AlterPartitionReassignmentsRequest::KEY => {
            let topic = alter_partition_reassignments::ReassignableTopic {
                name: "t".into(),
                partitions: vec![Default::default()],
                ..Default::default()
            };
            let request = AlterPartitionReassignmentsRequest {
                topics: vec![topic],
                ..Default::default()
            };
            let response = c.call(&request, version).await;
            response.responses[0].partitions[0].error_code
        }
        ListPartitionReassignmentsRequest::KEY => {
            let request = ListPartitionReassignmentsRequest::default();
            c.call(&request, version).await.error_code
        }
        DescribeClientQuotasRequest::KEY => {
            let request = DescribeClientQuotasRequest::default();
            c.call(&request, version).await.error_code
        }
        AlterClientQuotasRequest::KEY => {
            let user = alter_client_quotas::EntityData {
                entity_type: "user".into(),
                entity_name: Some("carol".into()),
                ..Default::default()
            };
            let entry = alter_client_quotas::EntryData {
                entity: vec![user],
                ..Default::default()
            };
            let request = AlterClientQuotasRequest {
                entries: vec![entry],
                ..Default::default()
            };
            c.call(&request, version).await.entries[0].error_code
        }
        DescribeQuorumRequest::KEY => {
            let request = DescribeQuorumRequest::default();
            c.call(&request, version).await.error_code
        }
        UpdateFeaturesRequest::KEY => {
            let request = UpdateFeaturesRequest::default();
            c.call(&request, version).await.error_code
        }
        UnregisterBrokerRequest::KEY => {
            let request = UnregisterBrokerRequest::default();
            c.call(&request, version).await.error_code
        }
        AddRaftVoterRequest::KEY => {
            let request = AddRaftVoterRequest::default();
            c.call(&request, version).await.error_code
        }
        RemoveRaftVoterRequest::KEY => {
            let request = RemoveRaftVoterRequest::default();
            c.call(&request, version).await.error_code
        }
        _ => panic!("no call of API {key} is known here"),
    }
}
