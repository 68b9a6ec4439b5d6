use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::metadata::MetadataRequestTopic;
use kafka_proto::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_proto::messages::offset_fetch::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_proto::messages::*;

use crate::connection::{Connection, broker};

fn commit(
    topic: &str,
    topic_id: Uuid,
    partition_index: i32,
    committed_offset: i64,
) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition {
        partition_index,
        committed_offset,
        committed_metadata: Some("here".into()),
        ..Default::default()
    };
    let topic = OffsetCommitRequestTopic {
        name: topic.into(),
        topic_id,
        partitions: vec![partition],
        ..Default::default()
    };
    OffsetCommitRequest {
        group_id: "g".into(),
        topics: vec![topic],
        ..Default::default()
    }
}

async fn topic_id(connection: &mut Connection, name: &str) -> Uuid {
    let topic = MetadataRequestTopic {
        name: Some(name.into()),
        ..Default::default()
    };
    let request = MetadataRequest {
        topics: Some(vec![topic]),
        ..Default::default()
    };
    connection.call(&request, 12).await.topics[0].topic_id
}

#[tokio::test]
async fn a_committed_position_is_found_again_in_every_version() {
    let broker = broker().await;
    broker.create_topic("t", 2).unwrap();
    let mut connection = Connection::open(&broker).await;
    let id = topic_id(&mut connection, "t").await;
    for version in 2..=10 {
        let committed = connection
            .call(&commit("t", id, 1, i64::from(version)), version)
            .await;
        assert_eq!(
            committed.topics[0].partitions[0].error_code, 0,
            "version {version}"
        );
    }
    let named = || OffsetFetchRequestTopic {
        name: "t".into(),
        partition_indexes: vec![0, 1],
        ..Default::default()
    };
    for version in 1..=7 {
        for topics in [Some(vec![named()]), None] {
            if topics.is_none() && version < 2 {
                continue;
            }
            let all = topics.is_none();
            let request = OffsetFetchRequest {
                group_id: "g".into(),
                topics,
                ..Default::default()
            };
            let found = connection
                .call(&request, version)
                .await
                .topics
                .remove(0)
                .partitions;
            let offsets: Vec<_> = found
                .iter()
                .map(|p| (p.partition_index, p.committed_offset))
                .collect();
            assert_eq!(
                offsets,
                if all {
                    vec![(1, 10)]
                } else {
                    vec![(0, -1), (1, 10)]
                },
                "version {version}"
            );
        }
    }
    for version in 8..=10 {
        let topic = OffsetFetchRequestTopics {
            name: "t".into(),
            topic_id: id,
            partition_indexes: vec![0, 1],
            ..Default::default()
        };
        let group = |group_id: &str, topics| OffsetFetchRequestGroup {
            group_id: group_id.into(),
            topics,
            ..Default::default()
        };
        let request = OffsetFetchRequest {
            groups: vec![
                group("g", Some(vec![topic])),
                group("g", None),
                group("other", None),
            ],
            topics: Some(Vec::new()),
            ..Default::default()
        };
        let groups = connection.call(&request, version).await.groups;
        let [asked, all, other] = &groups[..] else {
            panic!("{groups:?}")
        };
        let partitions = &asked.topics[0].partitions;
        assert_eq!(
            (
                partitions[0].committed_offset,
                partitions[1].committed_offset
            ),
            (-1, 10)
        );
        assert_eq!(partitions[1].metadata.as_deref(), Some("here"));
        assert_eq!(all.topics[0].partitions.len(), 1);
        assert_eq!(all.topics[0].topic_id == id, version >= 10);
        assert!(
            other.topics.is_empty() && other.error_code == 0,
            "a group that nobody knows has no positions"
        );
    }
}

#[tokio::test]
async fn a_position_that_makes_no_sense_is_refused() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let id = topic_id(&mut connection, "t").await;
    let mut long = commit("t", id, 0, 1);
    long.topics[0].partitions[0].committed_metadata = Some("x".repeat(4097).into());
    let member = OffsetCommitRequest {
        generation_id_or_member_epoch: 3,
        member_id: "m".into(),
        ..commit("t", id, 0, 1)
    };
    for (request, version, error) in [
        (
            commit("none", id, 0, 1),
            8,
            ErrorCode::UnknownTopicOrPartition,
        ),
        (commit("t", id, 1, 1), 8, ErrorCode::UnknownTopicOrPartition),
        (
            commit("", Uuid([9; 16]), 0, 1),
            10,
            ErrorCode::UnknownTopicId,
        ),
        (long, 8, ErrorCode::OffsetMetadataTooLarge),
        (member.clone(), 8, ErrorCode::IllegalGeneration),
        (member, 9, ErrorCode::GroupIdNotFound),
    ] {
        let refused = connection.call(&request, version).await;
        assert_eq!(
            ErrorCode::from(refused.topics[0].partitions[0].error_code),
            error
        );
    }
}

#[tokio::test]
async fn positions_in_a_deleted_topic_are_forgotten() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    connection.call(&commit("t", Uuid::ZERO, 0, 5), 8).await;
    let delete = DeleteTopicsRequest {
        topic_names: vec!["t".into()],
        ..Default::default()
    };
    connection.call(&delete, 5).await;
    broker.create_topic("t", 1).unwrap();
    let request = OffsetFetchRequest {
        group_id: "g".into(),
        topics: None,
        ..Default::default()
    };
    assert_eq!(connection.call(&request, 7).await.topics, []);
}
