//! Topics and offsets.

use std::collections::HashMap;

use kafka_client::admin::{Admin, NewTopic, OffsetSpec};
use kafka_client::producer::{Producer, Record};
use kafka_client::{ErrorCode, TopicPartition};

use crate::{code, only, start, within};

#[tokio::test]
async fn topics_are_created_each_with_its_own_outcome() {
    let (_broker, admin) = start().await;
    let topics = [
        NewTopic::new("two").partitions(2).replication_factor(1),
        NewTopic::new("default"),
        NewTopic::new("bad name"),
        NewTopic::new("compacted")
            .partitions(1)
            .config("cleanup.policy", "compact"),
        NewTopic::new("wrong")
            .partitions(1)
            .config("cleanup.policy", "shred"),
    ];
    let created: HashMap<_, _> = within("creating", admin.create_topics(topics))
        .await
        .unwrap()
        .into_iter()
        .collect();
    let codes = |name: &str| code(&created[name]);
    for name in ["two", "default", "compacted"] {
        assert_eq!(codes(name), ErrorCode::None, "{name}");
    }
    assert_eq!(codes("bad name"), ErrorCode::InvalidTopicException);
    assert_eq!(codes("wrong"), ErrorCode::InvalidConfig);
    assert!(
        created["wrong"]
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("topic \"wrong\"")
    );

    let again = within(
        "creating again",
        admin.create_topics([NewTopic::new("two")]),
    )
    .await
    .unwrap();
    assert_eq!(code(&again[0].1), ErrorCode::TopicAlreadyExists);

    let described = within(
        "describing",
        admin.describe_topics(["two", "default", "missing"]),
    )
    .await
    .unwrap();
    let described: HashMap<_, _> = described.into_iter().collect();
    assert_eq!(described["two"].as_ref().unwrap().partitions.len(), 2);
    assert_eq!(described["default"].as_ref().unwrap().partitions.len(), 5);
    assert_eq!(
        code(&described["missing"]),
        ErrorCode::UnknownTopicOrPartition
    );
    let partition = &described["two"].as_ref().unwrap().partitions[1];
    assert_eq!(
        (partition.partition, partition.leader),
        (1, Some(admin.brokers().await.unwrap()[0].id))
    );
}

#[tokio::test]
async fn topics_are_listed_by_name_and_gone_once_they_are_deleted() {
    let (broker, admin) = start().await;
    for name in ["b", "a", "c"] {
        broker.create_topic(name, 1).unwrap();
    }
    let names = async || -> Vec<String> {
        let topics = within("listing", admin.list_topics()).await.unwrap();
        topics
            .into_iter()
            .filter(|topic| !topic.is_internal)
            .map(|topic| topic.name)
            .collect()
    };
    assert_eq!(names().await, ["a", "b", "c"]);
    let deleted = within("deleting", admin.delete_topics(["b", "missing"]))
        .await
        .unwrap();
    let deleted: HashMap<_, _> = deleted.into_iter().collect();
    assert_eq!(code(&deleted["b"]), ErrorCode::None);
    assert_eq!(
        code(&deleted["missing"]),
        ErrorCode::UnknownTopicOrPartition
    );
    assert_eq!(names().await, ["a", "c"]);
}

#[tokio::test]
async fn offsets_are_found_at_both_ends_and_by_time() {
    let (broker, admin) = start().await;
    broker.create_topic("t", 2).unwrap();
    let producer = Producer::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .build()
        .await
        .unwrap();
    let records = (0..10).map(|n| Record::to("t").partition(0).timestamp(1000 + n * 10));
    within("sending", producer.send_all(records)).await.unwrap();
    within("the flush", producer.flush()).await.unwrap();
    let (full, empty) = (TopicPartition::new("t", 0), TopicPartition::new("t", 1));
    for (partition, spec, expected) in [
        (&full, OffsetSpec::Earliest, Some(0)),
        (&full, OffsetSpec::Latest, Some(10)),
        (&full, OffsetSpec::Timestamp(1041), Some(5)),
        (&full, OffsetSpec::Timestamp(1091), None),
        (&empty, OffsetSpec::Earliest, Some(0)),
        (&empty, OffsetSpec::Latest, Some(0)),
        (&empty, OffsetSpec::Timestamp(0), None),
    ] {
        let found = within("an offset", admin.list_offsets([(partition.clone(), spec)]))
            .await
            .unwrap();
        assert_eq!(
            only(found).unwrap().map(|found| found.offset),
            expected,
            "{partition} {spec:?}"
        );
    }
    let both = within(
        "offsets",
        admin.list_offsets([(full, OffsetSpec::Latest), (empty, OffsetSpec::Latest)]),
    )
    .await;
    assert_eq!(both.unwrap().len(), 2);
}

#[tokio::test]
async fn asking_for_offsets_creates_no_topic_and_names_what_is_missing() {
    let (broker, admin) = start().await;
    let asked =
        |topic: &str, partition| [(TopicPartition::new(topic, partition), OffsetSpec::Latest)];
    let refused = within("the refusal", admin.list_offsets(asked("nowhere", 0)));
    let error = only(refused.await.unwrap()).unwrap_err();
    assert!(
        error.to_string().contains("UNKNOWN_TOPIC_OR_PARTITION"),
        "{error}"
    );
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert_eq!(within("listing", admin.list_topics()).await.unwrap(), []);

    broker.create_topic("t", 2).unwrap();
    let refused = within("the refusal", admin.list_offsets(asked("t", 2)));
    let error = only(refused.await.unwrap()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("topic \"t\" has no partition 2 (it has 0..=1)"),
        "{error}"
    );

    // One that is made anew with more partitions is seen as it is now.
    within("deleting", admin.delete_topics(["t"]))
        .await
        .unwrap();
    broker.create_topic("t", 3).unwrap();
    let found = within("an offset", admin.list_offsets(asked("t", 2)))
        .await
        .unwrap();
    assert_eq!(only(found).unwrap().unwrap().offset, 0);
}

#[tokio::test]
async fn a_broker_that_is_gone_is_told_within_the_api_timeout() {
    let (broker, admin) = start().await;
    within("listing", admin.list_topics()).await.unwrap();
    broker.shutdown().await;
    let error = within("the failure", admin.list_topics())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("describing topics did not happen within 1s (last: connection to"),
        "{error}"
    );
}

#[tokio::test]
async fn unknown_settings_are_refused_by_name() {
    let error = Admin::builder()
        .properties([("bootstrap.server", "localhost:9092")])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "setting \"bootstrap.server\" = \"localhost:9092\": there is no such setting"
    );
    let error = Admin::builder().build().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("\"bootstrap.servers\" = \"\": expected HOST:PORT"),
        "{error}"
    );
}
