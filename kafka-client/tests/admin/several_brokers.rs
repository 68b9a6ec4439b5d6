//! Calls that reach several brokers, some of which have just given up what they had.

use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::admin::{
    Admin, ListGroups, ListTransactions, NewPartitions, OffsetAndMetadata, VersionRange,
};
use kafka_client::producer::Producer;
use kafka_client::{ErrorCode, TopicPartition};

use crate::{LIMIT, admin, code, only, start, within};

async fn three() -> (Broker, Admin) {
    let broker = Broker::builder().nodes(3).start().await.unwrap();
    let admin = admin(&broker, LIMIT).await;
    (broker, admin)
}

async fn commit(admin: &Admin, group: &str) {
    let offset = OffsetAndMetadata::new(1);
    let altered = admin.alter_group_offsets(group, [(TopicPartition::new("t", 0), offset)]);
    only(within("altering", altered).await.unwrap()).unwrap();
}

#[tokio::test]
async fn a_coordinator_that_moved_is_found_again() {
    let (broker, admin) = three().await;
    broker.create_topic("t", 1).unwrap();
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let groups = ["a", "b", "c", "d"];
    for group in groups {
        commit(&admin, group).await;
    }
    for to in &brokers {
        for group in groups {
            broker.move_coordinator(group, to.id).unwrap();
        }
        let described = within("describing", admin.describe_groups(groups));
        for (group, description) in described.await.unwrap() {
            assert!(description.is_ok(), "{group}: {description:?}");
        }
        let listed = within("listing", admin.list_groups(ListGroups::default()));
        let listed = listed.await.unwrap();
        assert_eq!(listed.len(), 4, "each once");
    }
    let deleted = within("deleting", admin.delete_groups(groups));
    assert!(deleted.await.unwrap().iter().all(|(_, done)| done.is_ok()));
}

#[tokio::test]
async fn what_several_brokers_name_is_listed_once_and_one_that_goes_is_not_missed() {
    let (broker, admin) = three().await;
    broker.create_topic("t", 1).unwrap();
    let producer = Producer::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .transactional_id("writer")
        .build();
    let producer = within("a producer", producer).await.unwrap();
    let identity = producer.init_transactions();
    within("its identity", identity).await.unwrap();
    let list = || {
        within(
            "listing",
            admin.list_transactions(ListTransactions::default()),
        )
    };
    assert_eq!(list().await.unwrap().len(), 1);
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    broker.stop_node(brokers[2].id).await.unwrap();
    assert_eq!(list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn leaders_that_moved_are_found_again() {
    let (broker, admin) = three().await;
    broker.create_topic("t", 3).unwrap();
    let partitions = || (0..3).map(|number| TopicPartition::new("t", number));
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    for to in &brokers {
        let described = within("producers", admin.describe_producers(partitions()));
        assert!(described.await.unwrap().iter().all(|(_, all)| all.is_ok()));
        for number in 0..3 {
            broker.move_leader("t", number, to.id).unwrap();
        }
    }
}

#[tokio::test]
async fn topics_grow_each_with_its_own_outcome() {
    let (broker, admin) = start().await;
    for topic in ["grows", "stays"] {
        broker.create_topic(topic, 2).unwrap();
    }
    let wanted = || {
        [
            ("grows", NewPartitions::increase_to(4)),
            ("stays", NewPartitions::increase_to(2)),
            ("missing", NewPartitions::increase_to(2)),
        ]
    };
    let partitions = async || {
        let described = within("describing", admin.describe_topics(["grows"]));
        only(described.await.unwrap()).unwrap().partitions.len()
    };
    let check = |outcomes: Vec<(String, Result<(), kafka_client::Error>)>| {
        for (topic, outcome) in outcomes {
            let expected = match &*topic {
                "grows" => ErrorCode::None,
                "stays" => ErrorCode::InvalidPartitions,
                _ => ErrorCode::UnknownTopicOrPartition,
            };
            assert_eq!(code(&outcome), expected, "{topic}");
        }
    };
    let validated = within("validating", admin.validate_create_partitions(wanted()));
    check(validated.await.unwrap());
    assert_eq!(partitions().await, 2);
    let grown = within("growing", admin.create_partitions(wanted()));
    check(grown.await.unwrap());
    assert_eq!(partitions().await, 4);
}

#[tokio::test]
async fn the_cluster_and_its_features_are_described() {
    let (_broker, admin) = three().await;
    let cluster = within("the cluster", admin.describe_cluster());
    let cluster = cluster.await.unwrap();
    assert_eq!(cluster.brokers.len(), 3);
    assert!(cluster.cluster_id.is_some());
    assert!(
        cluster
            .brokers
            .iter()
            .any(|broker| Some(broker.id) == cluster.controller)
    );
    let features = within("features", admin.describe_features());
    let features = features.await.unwrap();
    assert_eq!(features.finalized_epoch, Some(0));
    let supported = features.supported["transaction.version"];
    assert_eq!(supported, VersionRange { min: 0, max: 2 });
}

#[tokio::test]
async fn a_cluster_that_is_gone_is_told_within_the_api_timeout() {
    let (broker, _) = start().await;
    let admin = admin(&broker, Duration::from_millis(300)).await;
    broker.shutdown().await;
    let error = within("the failure", admin.delete_groups(["g"]));
    let error = error.await.unwrap_err().to_string();
    assert!(
        error.starts_with("deleting groups did not happen within 300ms (last: "),
        "{error}"
    );
}

#[tokio::test]
async fn calls_can_be_made_from_any_task() {
    let (_broker, admin) = three().await;
    let calls = tokio::spawn(async move {
        admin.list_groups(ListGroups::default()).await.unwrap();
        admin.describe_groups(["g"]).await.unwrap();
        admin.list_group_offsets("g", None).await.unwrap();
    });
    within("the calls", calls).await.unwrap();
}

#[tokio::test]
async fn the_coordinators_of_many_groups_are_found_by_one_request() {
    const FIND_COORDINATOR: i16 = 10;
    let (broker, admin) = three().await;
    let groups: Vec<String> = (0..500).map(|n| format!("g{n}")).collect();
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let asked = || {
        let asked = brokers.iter();
        asked
            .map(|node| broker.requests(node.id, FIND_COORDINATOR))
            .sum::<u64>()
    };
    let described = within("describing", admin.describe_groups(&groups));
    for (group, description) in described.await.unwrap() {
        assert_eq!(code(&description), ErrorCode::GroupIdNotFound, "{group}");
    }
    assert_eq!(asked(), 1);
    let listed = admin.list_offsets_of_groups(groups.iter().map(|group| (group, None)));
    let listed = within("listing", listed).await.unwrap();
    assert!(listed.iter().all(|(_, offsets)| *offsets == Ok(Vec::new())));
    assert_eq!(asked(), 1);
}
