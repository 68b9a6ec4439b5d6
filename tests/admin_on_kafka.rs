//! The admin client on a real Kafka, whose address is in `KAFKA_BOOTSTRAP`: one broker or three, with an authorizer or
//! without. What it changed is looked at with Kafka's own tools.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kafka_client::admin::*;
use kafka_client::consumer::{Consumer, GroupProtocol, OffsetReset};
use kafka_client::producer::{Producer, Record};
use kafka_client::{Error, ErrorCode, TopicPartition};
use tests::kafka::{WAIT, bootstrap, unique};

/// Waits for something, and says what it was if it does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {WAIT:?}"))
}

async fn admin() -> Admin {
    let builder = Admin::builder().bootstrap_servers(bootstrap());
    within("an admin client", builder.build()).await.unwrap()
}

async fn topic(admin: &Admin, partitions: i32) -> String {
    let name = unique("admin");
    let topic = NewTopic::new(&name).partitions(partitions);
    only(
        within("a topic", admin.create_topics([topic]))
            .await
            .unwrap(),
    )
    .unwrap();
    name
}

/// The outcome of the only item that was asked about.
fn only<I, T>(outcomes: Vec<(I, Result<T, Error>)>) -> Result<T, Error> {
    assert_eq!(outcomes.len(), 1);
    outcomes.into_iter().next().unwrap().1
}

fn code(result: &Result<impl Sized, Error>) -> ErrorCode {
    match result {
        Ok(_) => ErrorCode::None,
        Err(Error::Broker { code, .. }) => *code,
        Err(error) => panic!("no broker's answer: {error}"),
    }
}

/// What one of Kafka's tools prints about the cluster.
fn tool(name: &str, arguments: &[&str]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka/kafka.sh");
    let output = Command::new(script)
        .args(["tool", name, "--bootstrap-server", &bootstrap()])
        .args(arguments)
        .output()
        .expect("bash");
    let (said, complaint) = (output.stdout, output.stderr);
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        output.status.success(),
        "{name} {arguments:?}: {said}{}",
        String::from_utf8_lossy(&complaint)
    );
    said
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn settings_that_were_altered_are_what_kafkas_tool_shows() {
    let admin = admin().await;
    let name = topic(&admin, 1).await;
    let resource = ConfigResource::Topic(name.clone());
    let set = |name: &str, value: &str| AlterConfig::Set(name.to_owned(), value.to_owned());
    let alter = async |changes: Vec<AlterConfig>| {
        let altered = admin.incremental_alter_configs([(resource.clone(), changes)]);
        only(within("altering", altered).await.unwrap())
    };
    let value = async |name: &str| {
        let described = admin.describe_configs([resource.clone()]);
        let entries = only(within("describing", described).await.unwrap()).unwrap();
        let entry = entries.into_iter().find(|entry| entry.name == name);
        let entry = entry.unwrap_or_else(|| panic!("no {name}"));
        (entry.value.unwrap_or_default(), entry.source)
    };

    let validated =
        admin.validate_alter_configs([(resource.clone(), vec![set("retention.ms", "1")])]);
    only(within("validating", validated).await.unwrap()).unwrap();
    assert_ne!(value("retention.ms").await.0, "1");
    alter(vec![
        set("retention.ms", "86400000"),
        set("cleanup.policy", "delete"),
        AlterConfig::Append("cleanup.policy".to_owned(), "compact".to_owned()),
    ])
    .await
    .unwrap_err();
    alter(vec![
        set("retention.ms", "86400000"),
        set("cleanup.policy", "delete"),
    ])
    .await
    .unwrap();
    let append = AlterConfig::Append("cleanup.policy".to_owned(), "compact".to_owned());
    alter(vec![append]).await.unwrap();
    within("the settings", async {
        while value("cleanup.policy").await.0 != "delete,compact" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(
        value("retention.ms").await,
        ("86400000".to_owned(), ConfigSource::Topic)
    );
    let shown = tool("configs", &["--describe", "--topic", &name]);
    assert!(shown.contains("retention.ms=86400000"), "{shown}");
    assert!(shown.contains("cleanup.policy=delete,compact"), "{shown}");
    alter(vec![AlterConfig::Delete("retention.ms".to_owned())])
        .await
        .unwrap();

    let refused = alter(vec![set("retention.ms", "long")]).await;
    assert_eq!(code(&refused), ErrorCode::InvalidConfig);
    let missing = ConfigResource::Topic("admin-missing".to_owned());
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let all = brokers
        .iter()
        .map(|broker| ConfigResource::Broker(broker.id));
    let described = admin.describe_configs(all.chain([missing, ConfigResource::Broker(4711)]));
    let described = within("describing", described).await.unwrap();
    for (resource, entries) in described {
        match resource {
            ConfigResource::Topic(_) => {
                assert_eq!(code(&entries), ErrorCode::UnknownTopicOrPartition);
            }
            ConfigResource::Broker(4711) => {
                assert_eq!(code(&entries), ErrorCode::BrokerNotAvailable);
            }
            ConfigResource::Broker(id) => {
                let entries = entries.unwrap();
                let own = entries.iter().find(|entry| entry.name == "node.id");
                assert_eq!(own.unwrap().value, Some(id.to_string()));
                assert!(own.unwrap().is_read_only);
            }
            other => panic!("{other:?} was not asked for"),
        }
    }
    let listed = within("listing", admin.list_config_resources()).await;
    let listed = listed.unwrap();
    // Before Kafka 4.1 only client metrics are named.
    let names_topics = listed
        .iter()
        .any(|listed| matches!(listed, ConfigResource::Topic(_)));
    assert_eq!(listed.contains(&resource), names_topics);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn records_that_were_deleted_are_gone_and_log_directories_tell_the_rest() {
    let admin = admin().await;
    let name = topic(&admin, 3).await;
    let at = |number| TopicPartition::new(&*name, number);
    let producer = Producer::builder().bootstrap_servers(bootstrap()).build();
    let producer = within("a producer", producer).await.unwrap();
    let records = (0..30).map(|n| Record::to(&name).partition(n % 3).value(b"value"));
    within("sending", producer.send_all(records)).await.unwrap();
    within("the flush", producer.flush()).await.unwrap();

    let deleted = admin.delete_records([
        (at(0), RecordsToDelete::Before(4)),
        (at(1), RecordsToDelete::All),
        (at(2), RecordsToDelete::Before(11)),
        (at(3), RecordsToDelete::All),
    ]);
    for (partition, begin) in within("deleting", deleted).await.unwrap() {
        match partition.partition {
            0 => assert_eq!(begin.unwrap(), 4),
            1 => assert_eq!(begin.unwrap(), 10),
            2 => assert_eq!(code(&begin), ErrorCode::OffsetOutOfRange),
            _ => assert!(matches!(begin, Err(Error::NoSuchPartition { .. }))),
        }
    }
    let earliest = [0, 1, 2].map(|number| (at(number), OffsetSpec::Earliest));
    let earliest = within("offsets", admin.list_offsets(earliest))
        .await
        .unwrap();
    let begins = [0, 1, 2].map(|number| earliest[&at(number)].unwrap().offset);
    assert_eq!(begins, [4, 10, 0]);

    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let ids = brokers.iter().map(|broker| broker.id).chain([4711]);
    let described = within("log directories", admin.describe_log_dirs(ids));
    let described = described.await.unwrap();
    assert_eq!(described.len(), brokers.len() + 1);
    let mut found = 0;
    for (broker, directories) in described {
        if broker == 4711 {
            assert_eq!(code(&directories), ErrorCode::BrokerNotAvailable);
            continue;
        }
        for directory in directories.unwrap() {
            assert!(directory.total_bytes.unwrap() > 0);
            let replicas = directory.replicas.unwrap();
            let ours = replicas
                .iter()
                .filter(|replica| *replica.partition.topic == *name);
            found += ours.inspect(|replica| assert!(replica.size > 0)).count();
        }
    }
    assert!(found >= 3, "{found} replicas");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn partitions_are_added_move_and_have_their_preferred_leaders() {
    let admin = admin().await;
    let name = topic(&admin, 1).await;
    let grown = admin.create_partitions([(name.clone(), NewPartitions::increase_to(2))]);
    only(within("growing", grown).await.unwrap()).unwrap();
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let ids: Vec<i32> = brokers.iter().map(|broker| broker.id).collect();
    let at = |number| TopicPartition::new(&*name, number);

    let none = admin.alter_partition_reassignments([(at(0), None), (at(7), Some(ids.clone()))]);
    for (partition, begun) in within("giving up", none).await.unwrap() {
        let expected = match partition.partition {
            0 => ErrorCode::NoReassignmentInProgress,
            _ => ErrorCode::UnknownTopicOrPartition,
        };
        assert_eq!(code(&begun), expected, "{partition}");
    }
    let to = *ids.last().unwrap();
    let moves = [0, 1].map(|number| (at(number), Some(vec![to])));
    let begun = admin.alter_partition_reassignments(moves);
    for (partition, begun) in within("moving", begun).await.unwrap() {
        assert!(begun.is_ok(), "{partition}: {begun:?}");
    }
    within("the move", async {
        loop {
            let described = admin.describe_topics([&name]).await.unwrap();
            let partitions = only(described).unwrap().partitions;
            let moved = |partition: &PartitionDescription| partition.replicas == [to];
            if partitions.len() == 2 && partitions.iter().all(moved) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        while admin
            .list_partition_reassignments(None)
            .await
            .unwrap()
            .iter()
            .any(|(at, _)| *at.topic == *name)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let shown = tool("topics", &["--describe", "--topic", &name]);
    assert_eq!(
        shown.matches(&format!("Replicas: {to}\t")).count(),
        2,
        "{shown}"
    );
    let elected = admin.elect_leaders(ElectionType::Preferred, [at(0), at(9)]);
    for (partition, elected) in within("electing", elected).await.unwrap() {
        let expected = match partition.partition {
            0 => ErrorCode::ElectionNotNeeded,
            _ => ErrorCode::UnknownTopicOrPartition,
        };
        assert_eq!(code(&elected), expected, "{partition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn the_cluster_its_quorum_and_its_features_are_described() {
    let admin = admin().await;
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let cluster = within("the cluster", admin.describe_cluster())
        .await
        .unwrap();
    assert_eq!(cluster.brokers, brokers);
    assert!(cluster.fenced_brokers.is_empty());
    assert!(cluster.cluster_id.is_some());

    let quorum = within("the quorum", admin.describe_metadata_quorum())
        .await
        .unwrap();
    assert!(
        quorum
            .voters
            .iter()
            .any(|voter| voter.id == quorum.leader_id)
    );
    assert!(quorum.high_watermark > 0);
    let status = tool("metadata-quorum", &["describe", "--status"]);
    let told = format!("LeaderEpoch:            {}", quorum.leader_epoch);
    assert!(status.contains(&told), "{status}");

    let features = within("features", admin.describe_features()).await.unwrap();
    assert!(features.finalized_epoch.is_some());
    let level = features.finalized["metadata.version"].max;
    assert!(features.supported["metadata.version"].max >= level);
    let same =
        admin.validate_update_features([("metadata.version", FeatureUpdate::Upgrade(level))]);
    within("validating", same).await.unwrap();
    let unknown = admin.update_features([("no.such.feature", FeatureUpdate::Upgrade(1))]);
    let unknown = within("the refusal", unknown)
        .await
        .unwrap_err()
        .to_string();
    assert!(unknown.contains("no.such.feature"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn groups_of_both_protocols_are_looked_after() {
    let admin = admin().await;
    let name = topic(&admin, 2).await;
    let at = |number| TopicPartition::new(&*name, number);
    let features = within("features", admin.describe_features()).await.unwrap();
    for (protocol, kind) in [
        (GroupProtocol::Classic, GroupType::Classic),
        (GroupProtocol::Consumer, GroupType::Consumer),
    ] {
        if kind == GroupType::Consumer && !features.finalized.contains_key("group.version") {
            continue;
        }
        let group = unique("admin");
        let consumer = Consumer::builder()
            .bootstrap_servers(bootstrap())
            .group_id(&group)
            .group_protocol(protocol)
            .auto_offset_reset(OffsetReset::Earliest);
        let consumer = within("a consumer", consumer.build()).await.unwrap();
        consumer.subscribe([&*name]).unwrap();
        within("an assignment", async {
            while consumer.assignment().len() != 2 {
                consumer.poll(Duration::from_millis(50)).await.unwrap();
            }
        })
        .await;
        let wanted = ListGroups {
            types: vec![kind.clone()],
            ..ListGroups::default()
        };
        let listed = within("listing", admin.list_groups(wanted)).await.unwrap();
        assert_eq!(
            listed
                .iter()
                .filter(|listed| listed.group_id == group)
                .count(),
            1
        );
        let described = within(
            "describing",
            admin.describe_groups([&*group, "admin-missing"]),
        );
        let described = described.await.unwrap();
        assert_eq!(code(&described[1].1), ErrorCode::GroupIdNotFound);
        let description = described[0].1.as_ref().unwrap();
        assert_eq!(description.group_type, kind);
        assert_eq!(description.state, GroupState::Stable);
        assert_eq!(description.members[0].assignment, [at(0), at(1)]);
        let refused = within("deleting", admin.delete_groups([&*group]));
        assert_eq!(
            code(&only(refused.await.unwrap())),
            ErrorCode::NonEmptyGroup
        );
        within("closing", consumer.close(WAIT)).await.unwrap();

        let offsets = [0, 1].map(|number| (at(number), OffsetAndMetadata::new(5)));
        let altered = within("altering", admin.alter_group_offsets(&group, offsets));
        for (partition, altered) in altered.await.unwrap() {
            assert!(altered.is_ok(), "{partition}: {altered:?}");
        }
        let shown = tool(
            "consumer-groups",
            &["--describe", "--group", &group, "--offsets"],
        );
        assert_eq!(
            shown.lines().filter(|line| line.contains(&name)).count(),
            2,
            "{shown}"
        );
        let deleted = within("deleting", admin.delete_group_offsets(&group, [at(0)]));
        only(deleted.await.unwrap()).unwrap();
        let left = within("listing", admin.list_group_offsets(&group, None));
        let left = left.await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].0, at(1));
        let offset = left[0].1.as_ref().unwrap().as_ref().unwrap();
        assert_eq!(offset.offset, 5);
        let deleted = within("deleting", admin.delete_groups([&*group, "admin-missing"]));
        let deleted = deleted.await.unwrap();
        assert_eq!(code(&deleted[0].1), ErrorCode::None);
        assert_eq!(code(&deleted[1].1), ErrorCode::GroupIdNotFound);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn transactions_are_described_and_ended_by_fencing() {
    let admin = admin().await;
    let (name, id) = (topic(&admin, 1).await, unique("admin"));
    let at = TopicPartition::new(&*name, 0);
    let producer = Producer::builder()
        .bootstrap_servers(bootstrap())
        .transactional_id(&id);
    let producer = within("a producer", producer.build()).await.unwrap();
    within("its identity", producer.init_transactions())
        .await
        .unwrap();
    within("a transaction", producer.begin_transaction())
        .await
        .unwrap();
    let record = Record::to(&name).value(b"v");
    within("sending", producer.send(record)).await.unwrap();
    within("the flush", producer.flush()).await.unwrap();
    let wanted = ListTransactions {
        states: vec![TransactionState::Ongoing],
        ..ListTransactions::default()
    };
    let listed = within("listing", admin.list_transactions(wanted)).await;
    let listed = listed.unwrap();
    assert_eq!(
        listed
            .iter()
            .filter(|listed| listed.transactional_id == id)
            .count(),
        1
    );
    let described = within(
        "describing",
        admin.describe_transactions([&*id, "admin-missing"]),
    );
    let described = described.await.unwrap();
    assert_eq!(code(&described[1].1), ErrorCode::TransactionalIdNotFound);
    let open_in = &described[0].1.as_ref().unwrap().partitions;
    assert_eq!(open_in, std::slice::from_ref(&at));
    let open = async || {
        let producers = within("producers", admin.describe_producers([at.clone()]));
        let producers = only(producers.await.unwrap()).unwrap();
        producers[0].transaction_start_offset
    };
    assert_eq!(open().await, Some(0));
    let fenced = within("fencing", admin.fence_producers([&*id]));
    only(fenced.await.unwrap()).unwrap();
    assert_eq!(open().await, None);
    let error = within("the commit", producer.commit_transaction()).await;
    assert!(matches!(error, Err(Error::Fenced { .. })), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn acls_are_created_listed_and_deleted_where_there_is_an_authorizer() {
    let admin = admin().await;
    let name = unique("admin");
    let rule = |operation| {
        let principal = "User:carol";
        AclBinding::allow(principal, operation, ResourceType::Topic, &name)
    };
    let rules = || [rule(AclOperation::Read), rule(AclOperation::Write)];
    let of_topic = AclBindingFilter {
        resource_type: ResourceType::Topic,
        resource_name: Some(name.clone()),
        ..AclBindingFilter::default()
    };
    let created = within("creating", admin.create_acls(rules()))
        .await
        .unwrap();
    if created
        .iter()
        .all(|(_, created)| code(created) == ErrorCode::SecurityDisabled)
    {
        let refused = within("describing", admin.describe_acls(&of_topic)).await;
        assert_eq!(code(&refused), ErrorCode::SecurityDisabled);
        return;
    }
    for (rule, created) in created {
        assert!(created.is_ok(), "{rule:?}: {created:?}");
    }
    let listed = async || {
        let listed = within("listing", admin.describe_acls(&of_topic)).await;
        let mut operations: Vec<_> = listed
            .unwrap()
            .iter()
            .map(|rule| rule.operation.name())
            .collect();
        operations.sort_unstable();
        operations
    };
    within("the rules", async {
        while listed().await != ["READ", "WRITE"] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let shown = tool("acls", &["--list", "--topic", &name]);
    assert_eq!(shown.matches("principal=User:carol").count(), 2, "{shown}");
    let reading = rule(AclOperation::Read);
    let deleted = admin.delete_acls([reading.clone().into(), of_topic.clone()]);
    let deleted = within("deleting", deleted).await.unwrap();
    let removed = deleted
        .iter()
        .flat_map(|(_, rules)| rules.as_ref().unwrap());
    assert!(removed.into_iter().any(|rule| *rule == reading));
    within("no rules", async {
        while !listed().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let wrong = AclBinding {
        resource_name: String::new(),
        ..reading
    };
    let refused = within("the refusal", admin.create_acls([wrong]))
        .await
        .unwrap();
    assert!(only(refused).is_err());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn quotas_that_were_set_are_what_kafkas_tool_shows() {
    let admin = admin().await;
    let user = unique("admin");
    let entity = QuotaEntity::user(&user).and("client-id", Some("reports".to_owned()));
    let set = |key: &str, value| BTreeMap::from([(key.to_owned(), value)]);
    let altered = admin.alter_client_quotas([
        (entity.clone(), set("consumer_byte_rate", Some(1024.0))),
        (QuotaEntity::user(&user), set("no_such_quota", Some(1.0))),
    ]);
    for (of, altered) in within("altering", altered).await.unwrap() {
        let expected = if of == entity {
            ErrorCode::None
        } else {
            ErrorCode::InvalidRequest
        };
        assert_eq!(code(&altered), expected, "{of:?}");
    }
    let filter = QuotaFilter {
        components: BTreeMap::from([
            ("user".to_owned(), QuotaMatch::Exact(user.clone())),
            ("client-id".to_owned(), QuotaMatch::Any),
        ]),
        is_strict: true,
    };
    let quota = async || {
        let found = within("describing", admin.describe_client_quotas(&filter)).await;
        let found = found.unwrap();
        found
            .get(&entity)
            .and_then(|quotas| quotas.get("consumer_byte_rate").copied())
    };
    let becomes = async |expected: Option<f64>| {
        within("the quota", async {
            while quota().await != expected {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    };
    becomes(Some(1024.0)).await;
    let entity_arguments = ["--entity-type", "users", "--entity-name", &user];
    let client_arguments = ["--entity-type", "clients", "--entity-name", "reports"];
    let arguments = [&["--describe"][..], &entity_arguments, &client_arguments].concat();
    let shown = tool("configs", &arguments);
    assert!(shown.contains("consumer_byte_rate=1024"), "{shown}");
    let removed = admin.alter_client_quotas([(entity.clone(), set("consumer_byte_rate", None))]);
    only(within("removing", removed).await.unwrap()).unwrap();
    becomes(None).await;
}
