//! The client's admin on the embedded broker.

use std::collections::BTreeMap;

use kafka_broker::Broker;
use kafka_client::admin::*;
use kafka_client::producer::{Producer, Record};
use kafka_client::{Error, ErrorCode, TopicPartition};
use tests::kafka::WAIT;

/// Waits for something, and says what it was if it does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {WAIT:?}"))
}

async fn cluster(nodes: usize) -> (Broker, Admin) {
    let broker = Broker::builder().nodes(nodes).start().await.unwrap();
    let builder = Admin::builder().bootstrap_servers(broker.bootstrap_servers());
    let admin = within("an admin client", builder.build()).await.unwrap();
    (broker, admin)
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

fn partition(index: i32) -> TopicPartition {
    TopicPartition::new("t", index)
}

#[tokio::test]
async fn settings_are_altered_one_by_one() {
    let (broker, admin) = cluster(1).await;
    broker.create_topic("t", 1).unwrap();
    let resource = ConfigResource::Topic("t".to_owned());
    let alter = async |change: AlterConfig| {
        let altered = admin.incremental_alter_configs([(resource.clone(), vec![change])]);
        only(within("altering", altered).await.unwrap())
    };
    let value = async |resource: &ConfigResource, name: &str| {
        let described = admin.describe_configs([resource.clone()]);
        let entries = only(within("describing", described).await.unwrap()).unwrap();
        let entry = entries.into_iter().find(|entry| entry.name == name);
        let entry = entry.unwrap_or_else(|| panic!("no {name}"));
        (entry.value.unwrap_or_default(), entry.source)
    };
    let policy = || "cleanup.policy".to_owned();
    alter(AlterConfig::Append(policy(), "compact".to_owned()))
        .await
        .unwrap();
    let both = ("delete,compact".to_owned(), ConfigSource::Topic);
    assert_eq!(value(&resource, "cleanup.policy").await, both);
    alter(AlterConfig::Subtract(policy(), "delete".to_owned()))
        .await
        .unwrap();
    assert_eq!(value(&resource, "cleanup.policy").await.0, "compact");
    alter(AlterConfig::Delete(policy())).await.unwrap();
    let default = ("delete".to_owned(), ConfigSource::Default);
    assert_eq!(value(&resource, "cleanup.policy").await, default);
    let refused = alter(AlterConfig::Set("nope".to_owned(), "1".to_owned())).await;
    assert_eq!(code(&refused), ErrorCode::InvalidConfig);
    assert!(refused.unwrap_err().to_string().contains("nope"));

    let defaults = ConfigResource::BrokerDefaults;
    let set = AlterConfig::Set("log.retention.ms".to_owned(), "5000".to_owned());
    let altered = admin.incremental_alter_configs([(defaults.clone(), vec![set])]);
    only(within("altering", altered).await.unwrap()).unwrap();
    let of_all = ("5000".to_owned(), ConfigSource::BrokerDefaults);
    assert_eq!(value(&defaults, "log.retention.ms").await, of_all);
    assert_eq!(value(&resource, "retention.ms").await, of_all);
    let listed = within("listing", admin.list_config_resources()).await;
    assert!(listed.unwrap().contains(&resource));
}

#[tokio::test]
async fn deleted_records_are_gone() {
    let (broker, admin) = cluster(3).await;
    broker.create_topic("t", 3).unwrap();
    let producer = Producer::builder().bootstrap_servers(broker.bootstrap_servers());
    let producer = within("a producer", producer.build()).await.unwrap();
    let records = (0..30).map(|n| Record::to("t").partition(n % 3).value(b"value"));
    within("sending", producer.send_all(records)).await.unwrap();
    within("the flush", producer.flush()).await.unwrap();
    let deleted = admin.delete_records([
        (partition(0), RecordsToDelete::Before(4)),
        (partition(1), RecordsToDelete::All),
        (partition(2), RecordsToDelete::Before(11)),
    ]);
    let mut deleted = within("deleting", deleted).await.unwrap();
    deleted.sort_by_key(|(at, _)| at.partition);
    assert_eq!(deleted[0].1.as_ref().unwrap(), &4);
    assert_eq!(deleted[1].1.as_ref().unwrap(), &10);
    assert_eq!(code(&deleted[2].1), ErrorCode::OffsetOutOfRange);
    let wanted = (0..3).map(|index| (partition(index), OffsetSpec::Earliest));
    let earliest = within("offsets", admin.list_offsets(wanted)).await.unwrap();
    let earliest = earliest.into_iter().map(|(_, found)| {
        let found = found.unwrap();
        found.map(|found| found.offset)
    });
    assert_eq!(earliest.collect::<Vec<_>>(), [Some(4), Some(10), Some(0)]);
    let dirs = within("log directories", admin.describe_log_dirs([2])).await;
    let dirs = only(dirs.unwrap()).unwrap();
    assert_eq!(dirs[0].replicas.as_ref().unwrap().len(), 3);
}

#[tokio::test]
async fn partitions_are_reassigned_and_led_by_who_is_preferred() {
    let (broker, admin) = cluster(3).await;
    broker.create_topic("t", 1).unwrap();
    let reassign = async |replicas: &[i32]| {
        let moves = [(partition(0), Some(replicas.to_vec()))];
        let moved = admin.alter_partition_reassignments(moves);
        only(within("reassigning", moved).await.unwrap())
    };
    reassign(&[1, 3]).await.unwrap();
    assert_eq!(broker.leader("t", 0).unwrap().0, 1, "who leads goes on");
    reassign(&[2, 1]).await.unwrap();
    let elect = async || {
        let elected = admin.elect_leaders(ElectionType::Preferred, [partition(0)]);
        only(within("electing", elected).await.unwrap())
    };
    elect().await.unwrap();
    assert_eq!(broker.leader("t", 0).unwrap().0, 2);
    let refused = reassign(&[9]).await;
    assert_eq!(code(&refused), ErrorCode::InvalidReplicaAssignment);
    let under_way = within("listing", admin.list_partition_reassignments(None)).await;
    assert!(under_way.unwrap().is_empty());
    let cluster = within("describing", admin.describe_cluster()).await;
    assert_eq!(cluster.unwrap().brokers.len(), 3);
    let quorum = within("describing", admin.describe_metadata_quorum()).await;
    let quorum = quorum.unwrap();
    assert_eq!(
        (
            quorum.leader_id,
            quorum.voters.len(),
            quorum.observers.len()
        ),
        (1, 1, 2)
    );
}

#[tokio::test]
async fn quotas_slow_a_producer_down() {
    let (broker, admin) = cluster(1).await;
    broker.create_topic("t", 1).unwrap();
    let entity = QuotaEntity::client_id("slow");
    let change = |value| {
        let values = BTreeMap::from([("producer_byte_rate".to_owned(), value)]);
        [(entity.clone(), values)]
    };
    let altered = admin.alter_client_quotas(change(Some(100_000.0)));
    only(within("altering", altered).await.unwrap()).unwrap();
    let filter = QuotaFilter::default();
    let told = within("describing", admin.describe_client_quotas(&filter)).await;
    assert_eq!(told.unwrap()[&entity]["producer_byte_rate"], 100_000.0);

    let producer = Producer::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .client_id("slow");
    let producer = within("a producer", producer.build()).await.unwrap();
    let start = std::time::Instant::now();
    // The windows have room for a megabyte; what is beyond it has to wait for a second and more.
    let value = vec![b'v'; 400_000];
    for _ in 0..4 {
        let record = Record::to("t").value(&value);
        within("sending", producer.send(record)).await.unwrap();
        within("the flush", producer.flush()).await.unwrap();
    }
    let waited = start.elapsed();
    assert!((1500..10_000).contains(&waited.as_millis()), "{waited:?}");
    let altered = admin.alter_client_quotas(change(None));
    only(within("altering", altered).await.unwrap()).unwrap();
    let told = within("describing", admin.describe_client_quotas(&filter)).await;
    assert!(told.unwrap().is_empty());
}
