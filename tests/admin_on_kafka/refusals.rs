//! What is said of things that are not there, that are there already, or that make no sense.

use kafka_proto::codec::Uuid;

use crate::*;

type Outcomes = Result<Vec<(String, Result<(), Error>)>, Error>;

fn one(outcomes: Outcomes) -> String {
    text(&only(outcomes.unwrap()))
}

pub(crate) async fn what_cannot_be_done_is_said_in_one_clear_sentence(kafka: &Kafka) {
    let admin = kafka.admin().await;
    let name = topic(&admin, 1).await;
    let at = |number| TopicPartition::new(&*name, number);
    let missing = TopicPartition::new("admin-missing", 0);
    let id = Uuid([7; 16]);
    let new = |name: &str| NewTopic::new(name).partitions(1);
    let created = within(
        "creating",
        admin.create_topics([
            new(&name),
            new("a/b"),
            new("none").partitions(0),
            new("thin").replication_factor(100),
            new("set").config("no.such.setting", "1"),
            new("twice"),
            new("twice"),
        ]),
    );
    let created = created.await.unwrap();
    let deleted = within("deleting", admin.delete_topics(["admin-missing"]));
    let deleted_by_id = within("deleting", admin.delete_topics_by_id([id]));
    let described = within(
        "describing",
        admin.describe_topics(["admin-missing", "a/b"]),
    );
    let described = described.await.unwrap();
    let by_id = within("describing", admin.describe_topics_by_id([id]));
    let fewer = [(&*name, NewPartitions::increase_to(1))];
    let grown = within("growing", admin.create_partitions(fewer));
    let asked = [
        (missing.clone(), OffsetSpec::Latest),
        (at(3), OffsetSpec::Latest),
    ];
    let offsets = within("offsets", admin.list_offsets(asked)).await.unwrap();
    let deleted_records = admin.delete_records([(at(0), RecordsToDelete::Before(5))]);
    let groups = within("deleting", admin.delete_groups(["admin-missing"]));
    let share = within("describing", admin.describe_share_groups(["admin-missing"]));
    let streams = within(
        "describing",
        admin.describe_streams_groups(["admin-missing"]),
    );
    let member = [MemberToRemove::MemberId("nobody".to_owned())];
    let removed = within("removing", admin.remove_members("admin-missing", member));
    let ids = within("describing", admin.describe_transactions(["admin-missing"]));
    let users = admin.describe_user_scram_credentials(Some(&["nobody"]));
    let voter = RaftEndpoint {
        listener: "CONTROLLER".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: 1,
    };
    let broker = admin.with_timeout(Duration::from_secs(5));
    let told = [
        (
            text(&created[0].1),
            format!("topic \"{name}\": TOPIC_ALREADY_EXISTS"),
        ),
        (
            text(&created[1].1),
            "topic \"a/b\": INVALID_TOPIC_EXCEPTION".to_owned(),
        ),
        (
            text(&created[2].1),
            "topic \"none\": INVALID_PARTITIONS".to_owned(),
        ),
        (
            text(&created[3].1),
            "topic \"thin\": INVALID_REPLICATION_FACTOR".to_owned(),
        ),
        (
            text(&created[4].1),
            "topic \"set\": INVALID_CONFIG".to_owned(),
        ),
        (
            text(&created[5].1),
            "topic \"twice\": INVALID_REQUEST".to_owned(),
        ),
        (
            one(deleted.await),
            "topic \"admin-missing\": UNKNOWN_TOPIC_OR_PARTITION".to_owned(),
        ),
        (
            text(&only(deleted_by_id.await.unwrap())),
            format!("topic with id {id}: UNKNOWN_TOPIC_ID"),
        ),
        (
            text(&described[0].1),
            "topic \"admin-missing\": UNKNOWN_TOPIC_OR_PARTITION".to_owned(),
        ),
        (
            text(&described[1].1),
            "topic \"a/b\": INVALID_TOPIC_EXCEPTION".to_owned(),
        ),
        (
            text(&only(by_id.await.unwrap())),
            format!("topic with id {id}: UNKNOWN_TOPIC_ID"),
        ),
        (
            one(grown.await),
            format!("topic \"{name}\": INVALID_PARTITIONS"),
        ),
        (
            text(&offsets[0].1),
            "partition admin-missing-0: UNKNOWN_TOPIC_OR_PARTITION".to_owned(),
        ),
        (
            text(&offsets[1].1),
            format!("topic \"{name}\" has no partition 3 (it has 0..=0)"),
        ),
        (
            text(&only(within("deleting", deleted_records).await.unwrap())),
            format!("partition {name}-0: OFFSET_OUT_OF_RANGE"),
        ),
        (
            one(groups.await),
            "group \"admin-missing\": GROUP_ID_NOT_FOUND".to_owned(),
        ),
        (
            text(&only(share.await.unwrap())),
            "share group \"admin-missing\": GROUP_ID_NOT_FOUND".to_owned(),
        ),
        (
            text(&only(streams.await.unwrap())),
            "streams group \"admin-missing\": GROUP_ID_NOT_FOUND".to_owned(),
        ),
        (
            text(&only(removed.await.unwrap())),
            "member \"nobody\" of group \"admin-missing\": UNKNOWN_MEMBER_ID".to_owned(),
        ),
        (
            text(&only(ids.await.unwrap())),
            "transactional id \"admin-missing\": TRANSACTIONAL_ID_NOT_FOUND".to_owned(),
        ),
        (
            text(&only(within("users", users).await.unwrap())),
            "SCRAM credentials of user \"nobody\": RESOURCE_NOT_FOUND".to_owned(),
        ),
        (
            text(&within("unregistering", admin.unregister_broker(4711)).await),
            "registration of broker 4711: BROKER_ID_NOT_REGISTERED".to_owned(),
        ),
        (
            text(&within("adding", broker.add_raft_voter(4711, id, [voter])).await),
            format!("voter 4711 with directory {id}: UNSUPPORTED_VERSION"),
        ),
        (
            text(&within("removing", broker.remove_raft_voter(4711, id)).await),
            format!("voter 4711 with directory {id}: UNSUPPORTED_VERSION"),
        ),
        (
            text(&within("features", admin.describe_features_of(4711)).await),
            "broker 4711: BROKER_NOT_AVAILABLE".to_owned(),
        ),
    ];
    for (number, (said, expected)) in (1..).zip(&told) {
        println!("{number}: {said}");
        assert!(
            said.contains(expected),
            "{number}: {said}\nwithout {expected}"
        );
    }
    let nobody = Admin::builder()
        .bootstrap_servers("127.0.0.1:1")
        .bootstrap_controllers("127.0.0.1:2");
    let refused = nobody.build().await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "setting \"bootstrap.controllers\" = \"127.0.0.1:2\": bootstrap.servers is set as well: set one of them"
    );
}
