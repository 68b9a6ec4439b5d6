use kafka_broker::{Broker, BrokerError};
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kafka_proto::messages::delete_topics::DeleteTopicState;
use kafka_proto::messages::metadata::{MetadataRequestTopic, MetadataResponseTopic};
use kafka_proto::messages::*;

use crate::connection::{Connection, batch, broker};

fn by_name(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic {
        name: Some(name.into()),
        ..Default::default()
    }
}

async fn describe(
    connection: &mut Connection,
    wanted: MetadataRequestTopic,
) -> MetadataResponseTopic {
    let request = MetadataRequest {
        topics: Some(vec![wanted]),
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    connection.call(&request, 12).await.topics.remove(0)
}

fn new_topic(name: &str, num_partitions: i32) -> CreatableTopic {
    CreatableTopic {
        name: name.into(),
        num_partitions,
        replication_factor: -1,
        ..Default::default()
    }
}

#[tokio::test]
async fn metadata_names_the_broker_and_its_topics() {
    let broker = broker().await;
    broker.create_topic("a", 3).unwrap();
    broker.create_topic("b", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    for version in 0..=13 {
        let names = |topics: &[MetadataResponseTopic]| -> Vec<_> {
            topics
                .iter()
                .map(|topic| topic.name.as_deref().unwrap().to_owned())
                .collect()
        };
        let all = MetadataRequest {
            topics: (version == 0).then(Vec::new),
            ..Default::default()
        };
        let response = connection.call(&all, version).await;
        let [node] = &response.brokers[..] else {
            panic!("{:?}", response.brokers)
        };
        assert_eq!(
            format!("{}:{}", node.host, node.port),
            broker.bootstrap_servers()
        );
        assert_eq!(names(&response.topics), ["a", "b"]);
        let partitions = &response.topics[0].partitions;
        assert_eq!(
            partitions
                .iter()
                .map(|p| p.partition_index)
                .collect::<Vec<_>>(),
            [0, 1, 2]
        );
        assert!(
            partitions
                .iter()
                .all(|p| p.leader_id == node.node_id && p.isr_nodes[..] == [node.node_id])
        );
        assert_eq!(
            response.topics[0].topic_authorized_operations,
            i32::MIN,
            "nobody asked"
        );
        assert_eq!(response.cluster_id.is_some(), version >= 2);
        if version > 0 {
            let none = MetadataRequest {
                topics: Some(Vec::new()),
                ..Default::default()
            };
            assert!(connection.call(&none, version).await.topics.is_empty());
        }
        let some = MetadataRequest {
            topics: Some(vec![by_name("b")]),
            ..Default::default()
        };
        assert_eq!(names(&connection.call(&some, version).await.topics), ["b"]);
    }
    let asked = MetadataRequest {
        topics: Some(vec![by_name("a")]),
        include_topic_authorized_operations: true,
        ..Default::default()
    };
    assert_eq!(
        connection.call(&asked, 13).await.topics[0].topic_authorized_operations,
        3576
    );
}

#[tokio::test]
async fn a_topic_is_found_by_its_id() {
    let broker = broker().await;
    broker.create_topic("a", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let id = describe(&mut connection, by_name("a")).await.topic_id;
    let found = describe(
        &mut connection,
        MetadataRequestTopic {
            topic_id: id,
            name: None,
            ..Default::default()
        },
    )
    .await;
    assert_eq!((found.error_code, found.name.as_deref()), (0, Some("a")));
    let other = MetadataRequestTopic {
        topic_id: Uuid([7; 16]),
        name: None,
        ..Default::default()
    };
    let missing = describe(&mut connection, other).await;
    assert_eq!(
        (ErrorCode::from(missing.error_code), missing.name),
        (ErrorCode::UnknownTopicId, None)
    );
}

#[tokio::test]
async fn topics_come_into_being_only_where_that_is_wanted() {
    for (broker_allows, request_allows) in [(true, true), (true, false), (false, true)] {
        let broker = Broker::builder()
            .auto_create_topics(broker_allows)
            .default_partitions(3)
            .start()
            .await
            .unwrap();
        let mut connection = Connection::open(&broker).await;
        let request = MetadataRequest {
            topics: Some(vec![by_name("fresh"), by_name("not/valid")]),
            allow_auto_topic_creation: request_allows,
            ..Default::default()
        };
        let topics = connection.call(&request, 12).await.topics;
        if broker_allows && request_allows {
            assert_eq!((topics[0].error_code, topics[0].partitions.len()), (0, 3));
        } else {
            assert_eq!(
                ErrorCode::from(topics[0].error_code),
                ErrorCode::UnknownTopicOrPartition
            );
        }
        assert_eq!(
            ErrorCode::from(topics[1].error_code),
            ErrorCode::InvalidTopicException
        );
    }
}

#[tokio::test]
async fn a_created_topic_is_described_with_all_its_settings() {
    let broker = Broker::builder()
        .default_partitions(5)
        .start()
        .await
        .unwrap();
    let mut connection = Connection::open(&broker).await;
    for version in 2..=7 {
        let mut topic = new_topic(&format!("t{version}"), if version >= 4 { -1 } else { 5 });
        topic.replication_factor = if version >= 4 { -1 } else { 1 };
        topic.configs = vec![CreatableTopicConfig {
            name: "retention.ms".into(),
            value: Some("1234".into()),
            ..Default::default()
        }];
        let request = CreateTopicsRequest {
            topics: vec![topic],
            ..Default::default()
        };
        let created = connection.call(&request, version).await.topics.remove(0);
        assert_eq!(
            (created.error_code, &created.error_message),
            (0, &None),
            "version {version}"
        );
        if version >= 5 {
            assert_eq!((created.num_partitions, created.replication_factor), (5, 1));
            let configs = created.configs.unwrap();
            let find = |name: &str| configs.iter().find(|config| config.name == name).unwrap();
            assert_eq!(
                (
                    find("retention.ms").value.as_deref(),
                    find("retention.ms").config_source
                ),
                (Some("1234"), 1)
            );
            assert_eq!(
                (
                    find("cleanup.policy").value.as_deref(),
                    find("cleanup.policy").config_source
                ),
                (Some("delete"), 5)
            );
        }
        let described = describe(&mut connection, by_name(&format!("t{version}"))).await;
        assert_eq!(described.partitions.len(), 5);
        if version >= 7 {
            assert_eq!(created.topic_id, described.topic_id);
        }
    }
}

#[tokio::test]
async fn a_topic_that_cannot_be_is_refused_with_its_reason() {
    let broker = broker().await;
    broker.create_topic("taken", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let with = |change: &dyn Fn(&mut CreatableTopic)| {
        let mut topic = new_topic("fresh", 1);
        change(&mut topic);
        topic
    };
    let assign = |assignments: &[(i32, &[i32])]| {
        let assignments =
            assignments
                .iter()
                .map(|(partition_index, brokers)| CreatableReplicaAssignment {
                    partition_index: *partition_index,
                    broker_ids: brokers.to_vec(),
                    ..Default::default()
                });
        CreatableTopic {
            assignments: assignments.collect(),
            ..new_topic("fresh", -1)
        }
    };
    let config = |name: &str, value: Option<&str>| CreatableTopicConfig {
        name: name.into(),
        value: value.map(Into::into),
        ..Default::default()
    };
    for (topic, error, part) in [
        (
            new_topic("taken", 1),
            ErrorCode::TopicAlreadyExists,
            "\"taken\" already exists",
        ),
        (
            new_topic("fresh", 0),
            ErrorCode::InvalidPartitions,
            "0 partitions",
        ),
        (
            new_topic("fresh", i32::MAX),
            ErrorCode::InvalidPartitions,
            "2147483647 partitions",
        ),
        (new_topic("", 1), ErrorCode::InvalidTopicException, "empty"),
        (
            new_topic("..", 1),
            ErrorCode::InvalidTopicException,
            "reserved",
        ),
        (new_topic("a b", 1), ErrorCode::InvalidTopicException, "' '"),
        (
            new_topic(&"x".repeat(250), 1),
            ErrorCode::InvalidTopicException,
            "250 characters",
        ),
        (
            with(&|t| t.replication_factor = 3),
            ErrorCode::InvalidReplicationFactor,
            "expected 1 to 1",
        ),
        (
            with(&|t| t.configs = vec![config("no.such", Some("1"))]),
            ErrorCode::InvalidConfig,
            "no.such",
        ),
        (
            with(&|t| t.configs = vec![config("retention.ms", None)]),
            ErrorCode::InvalidConfig,
            "retention.ms",
        ),
        (
            assign(&[(0, &[1]), (2, &[1])]),
            ErrorCode::InvalidReplicaAssignment,
            "[0, 2]",
        ),
        (
            assign(&[(0, &[1, 2])]),
            ErrorCode::InvalidReplicaAssignment,
            "broker 2",
        ),
    ] {
        for validate_only in [false, true] {
            let request = CreateTopicsRequest {
                topics: vec![topic.clone()],
                validate_only,
                ..Default::default()
            };
            let refused = connection.call(&request, 7).await.topics.remove(0);
            let message = refused.error_message.unwrap_or_default();
            assert_eq!(ErrorCode::from(refused.error_code), error, "{message}");
            assert!(message.contains(part), "{message}");
        }
    }
    let valid = CreateTopicsRequest {
        topics: vec![assign(&[(1, &[1]), (0, &[1])])],
        validate_only: true,
        ..Default::default()
    };
    let checked = connection.call(&valid, 7).await.topics.remove(0);
    assert_eq!((checked.error_code, checked.num_partitions), (0, 2));
    let missing = describe(&mut connection, by_name("fresh")).await;
    assert_eq!(
        ErrorCode::from(missing.error_code),
        ErrorCode::UnknownTopicOrPartition,
        "it was only checked"
    );
}

#[tokio::test]
async fn a_recreated_topic_is_another_one() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    connection.produce("t", 0, batch(&["old"])).await;
    let old = describe(&mut connection, by_name("t")).await.topic_id;

    let request = DeleteTopicsRequest {
        topic_names: vec!["t".into(), "none".into()],
        ..Default::default()
    };
    let deleted = connection.call(&request, 5).await.responses;
    assert_eq!(
        deleted
            .iter()
            .map(|d| ErrorCode::from(d.error_code))
            .collect::<Vec<_>>(),
        [ErrorCode::None, ErrorCode::UnknownTopicOrPartition]
    );
    broker.create_topic("t", 1).unwrap();
    let new = describe(&mut connection, by_name("t")).await.topic_id;
    assert_ne!(old, new);
    assert_eq!(
        connection.fetch("t", 0, 0).await.high_watermark,
        0,
        "nothing of the old one is left"
    );

    let by_id = |topic_id| DeleteTopicsRequest {
        topics: vec![DeleteTopicState {
            topic_id,
            ..Default::default()
        }],
        ..Default::default()
    };
    let stale = connection.call(&by_id(old), 6).await.responses.remove(0);
    assert_eq!(ErrorCode::from(stale.error_code), ErrorCode::UnknownTopicId);
    let deleted = connection.call(&by_id(new), 6).await.responses.remove(0);
    assert_eq!(
        (deleted.error_code, deleted.name.as_deref()),
        (0, Some("t"))
    );
}

#[tokio::test]
async fn topics_are_created_in_process_with_errors_that_name_them() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    for (name, partitions, expected) in [
        ("t", 1, ErrorCode::TopicAlreadyExists),
        ("u", 0, ErrorCode::InvalidPartitions),
    ] {
        match broker.create_topic(name, partitions) {
            Err(BrokerError::CreateTopic { topic, error, .. }) => {
                assert_eq!((&*topic, error), (name, expected))
            }
            other => panic!("{other:?}"),
        }
    }
}
