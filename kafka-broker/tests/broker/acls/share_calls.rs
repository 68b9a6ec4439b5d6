//! One call of each API of share groups.

use kafka_proto::codec::Uuid;

use super::*;

/// Opens a share session and acquires.
async fn fetch(c: &mut Connection, version: i16, topic_id: Uuid) -> ShareFetchResponse {
    let topic = share_fetch::FetchTopic {
        topic_id,
        partitions: vec![Default::default()],
        ..Default::default()
    };
    let request = ShareFetchRequest {
        group_id: Some("s".into()),
        member_id: Some("m".into()),
        max_records: 1,
        batch_size: 1,
        topics: vec![topic],
        ..Default::default()
    };
    c.call(&request, version).await
}

/// The error that the one thing of a call is answered with.
pub(super) async fn errors(c: &mut Connection, key: i16, version: i16, topic_id: Uuid) -> i16 {
    match key {
        ShareGroupHeartbeatRequest::KEY => {
            let request = ShareGroupHeartbeatRequest {
                group_id: "s".into(),
                member_id: "m".into(),
                subscribed_topic_names: Some(vec!["t".into()]),
                ..Default::default()
            };
            c.call(&request, version).await.error_code
        }
        StreamsGroupDescribeRequest::KEY => {
            let request = StreamsGroupDescribeRequest {
                group_ids: vec!["s".into()],
                ..Default::default()
            };
            c.call(&request, version).await.groups[0].error_code
        }
        ShareGroupDescribeRequest::KEY => {
            let request = ShareGroupDescribeRequest {
                group_ids: vec!["s".into()],
                ..Default::default()
            };
            c.call(&request, version).await.groups[0].error_code
        }
        ShareFetchRequest::KEY => {
            let response = fetch(c, version, topic_id).await;
            match response.responses.first() {
                Some(topic) => topic.partitions[0].error_code,
                None => response.error_code,
            }
        }
        ShareAcknowledgeRequest::KEY => {
            fetch(c, version, topic_id).await;
            let batch = share_acknowledge::AcknowledgementBatch {
                acknowledge_types: vec![1],
                ..Default::default()
            };
            let partition = share_acknowledge::AcknowledgePartition {
                acknowledgement_batches: vec![batch],
                ..Default::default()
            };
            let topic = share_acknowledge::AcknowledgeTopic {
                topic_id,
                partitions: vec![partition],
                ..Default::default()
            };
            let request = ShareAcknowledgeRequest {
                group_id: Some("s".into()),
                member_id: Some("m".into()),
                share_session_epoch: 1,
                topics: vec![topic],
                ..Default::default()
            };
            let response = c.call(&request, version).await;
            match response.responses.first() {
                Some(topic) => topic.partitions[0].error_code,
                None => response.error_code,
            }
        }
        DescribeShareGroupOffsetsRequest::KEY => {
            let topic = describe_share_group_offsets::DescribeShareGroupOffsetsRequestTopic {
                topic_name: "t".into(),
                partitions: vec![0],
                ..Default::default()
            };
            let group = describe_share_group_offsets::DescribeShareGroupOffsetsRequestGroup {
                group_id: "s".into(),
                topics: Some(vec![topic]),
                ..Default::default()
            };
            let request = DescribeShareGroupOffsetsRequest {
                groups: vec![group],
                ..Default::default()
            };
            let response = c.call(&request, version).await;
            match response.groups[0].topics.first() {
                Some(topic) => topic.partitions[0].error_code,
                None => response.groups[0].error_code,
            }
        }
        AlterShareGroupOffsetsRequest::KEY => {
            let topic = alter_share_group_offsets::AlterShareGroupOffsetsRequestTopic {
                topic_name: "t".into(),
                partitions: vec![Default::default()],
                ..Default::default()
            };
            let request = AlterShareGroupOffsetsRequest {
                group_id: "s".into(),
                topics: vec![topic],
                ..Default::default()
            };
            let response = c.call(&request, version).await;
            match response.responses.first() {
                Some(topic) => topic.partitions[0].error_code,
                None => response.error_code,
            }
        }
        DeleteShareGroupOffsetsRequest::KEY => {
            let topic = delete_share_group_offsets::DeleteShareGroupOffsetsRequestTopic {
                topic_name: "t".into(),
                ..Default::default()
            };
            let request = DeleteShareGroupOffsetsRequest {
                group_id: "s".into(),
                topics: vec![topic],
                ..Default::default()
            };
            let response = c.call(&request, version).await;
            match response.responses.first() {
                Some(topic) => topic.error_code,
                None => response.error_code,
            }
        }
        other => panic!("no call of API {other} is known here"),
    }
}
