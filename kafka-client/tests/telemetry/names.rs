//! The names of metrics beside those of the Java client.

use std::collections::BTreeSet;

use kafka_client::admin::Admin;
use kafka_client::consumer::Consumer;
use kafka_client::metrics::{MetricKind, Metrics};
use kafka_client::producer::Record;
use kafka_client::share::ShareConsumer;

use crate::fixture::*;

/// Group, tags, name.
type Name = (String, String, String);

const JAVA: &str = include_str!("java_metrics.tsv");

/// What the Java client does not have.
const OURS_ALONE: [(&str, &str); 3] = [
    ("consumer-share-coordinator-metrics", "assigned-partitions"),
    ("consumer-fetch-manager-metrics", "stalled-partitions"),
    ("consumer-fetch-manager-metrics", "stalled-seconds"),
];

/// Beginnings of names that we do not have, and why. The documentation of `metrics` says the same.
const LEFT_OUT: [(&str, &str); 8] = [
    ("select-", "there is no network thread that selects"),
    ("io-", "the same"),
    ("time-between-network-thread-poll", "the same"),
    ("application-event", "there are no queues between threads"),
    ("background-event", "the same"),
    ("unsent-requests-queue", "the same"),
    (
        "txn-prepare-time",
        "there is no two-phase commit from outside (KIP-939)",
    ),
    ("count", "the number of metrics is that of the snapshot"),
];

/// Nothing measures these in the Java client: they are always NaN there.
const NEVER_MEASURED: (&str, &str) = ("admin-client-node-metrics", "request-latency-");

fn javas() -> BTreeSet<Name> {
    let lines = JAVA.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut fields = line.split('\t').map(str::to_owned);
            let mut field = || fields.next().expect("three fields a line");
            (field(), field(), field())
        })
        .collect()
}

fn names(metrics: &Metrics) -> BTreeSet<Name> {
    let name = |metric: &kafka_client::metrics::Metric| {
        let mut tags: Vec<&str> = metric.tags.iter().map(|(key, _)| *key).collect();
        tags.sort_unstable();
        let tags = if tags.is_empty() {
            "-".to_owned()
        } else {
            tags.join(",")
        };
        (metric.group.to_owned(), tags, metric.name.to_owned())
    };
    metrics.iter().map(name).collect()
}

fn is_left_out((group, _, name): &Name) -> bool {
    let (never_group, never_name) = NEVER_MEASURED;
    let mut left_out = LEFT_OUT.iter();
    (group == never_group && name.starts_with(never_name))
        || left_out.any(|(begin, _)| name.starts_with(begin))
}

async fn member(servers: &str) -> Consumer {
    let consumer = consumer(servers, |builder| builder.group_id("g")).await;
    consumer.subscribe(["t"]).unwrap();
    consumer
}

#[tokio::test]
async fn metrics_have_the_groups_tags_and_names_of_the_java_client() {
    let broker = start(1, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let producer = producer(&servers, |builder| builder.transactional_id("x")).await;
    producer.init_transactions().await.unwrap();
    producer.begin_transaction().await.unwrap();
    producer.send(Record::to("t").value("v")).await.unwrap();
    producer.commit_transaction().await.unwrap();
    let consumer = member(&servers).await;
    read(&consumer, 1).await;
    let builder = Admin::builder().bootstrap_servers(&servers);
    let admin = within("an admin", builder.build()).await.unwrap();
    within("brokers", admin.brokers()).await.unwrap();
    let (of_producer, of_consumer) = (producer.metrics(), consumer.metrics());
    let mut ours = names(&of_producer);
    ours.extend(names(&of_consumer));
    ours.extend(names(&admin.metrics()));
    let builder = ShareConsumer::builder().bootstrap_servers(&servers);
    let sharer = within("a share consumer", builder.group_id("s").build())
        .await
        .unwrap();
    ours.extend(names(&sharer.metrics()));
    let javas = javas();
    let unknown: Vec<&Name> = ours
        .difference(&javas)
        .filter(|(group, _, name)| !OURS_ALONE.contains(&(group, name)))
        .collect();
    assert!(unknown.is_empty(), "Kafka does not have {unknown:?}");
    let missing: Vec<&Name> = javas
        .difference(&ours)
        .filter(|name| !is_left_out(name))
        .collect();
    assert!(missing.is_empty(), "we do not have {missing:?}");
    for metric in of_producer.iter().chain(&of_consumer) {
        let is_counter = metric.kind == MetricKind::Counter;
        assert_eq!(is_counter, metric.name.ends_with("-total"), "{metric:?}");
        assert!(metric.description.ends_with('.'), "{metric:?}");
        let (group, name) = (metric.group, metric.name);
        let tags: Vec<(&str, &str)> = metric
            .tags
            .iter()
            .map(|(key, value)| (*key, &**value))
            .collect();
        let found = of_producer
            .get(group, name, &tags)
            .or(of_consumer.get(group, name, &tags));
        assert!(found.is_some(), "{metric:?} is not found by its name");
    }
}

#[tokio::test]
async fn no_metric_is_there_twice() {
    let broker = start(2, |broker| broker.nodes(2)).await;
    let servers = broker.bootstrap_servers();
    let producer = producer(&servers, |builder| builder).await;
    write(&producer, 0, 1).await;
    write(&producer, 1, 1).await;
    let consumer = member(&servers).await;
    read(&consumer, 2).await;
    for metrics in [producer.metrics(), consumer.metrics()] {
        let mut seen = BTreeSet::new();
        for metric in &metrics {
            let key = (metric.group, metric.name, metric.tags.clone());
            assert!(seen.insert(key), "{metric:?}");
        }
        assert_eq!(
            metrics.to_string().lines().count(),
            metrics.len()
                + seen
                    .iter()
                    .map(|(group, ..)| group)
                    .collect::<BTreeSet<_>>()
                    .len()
        );
    }
}
