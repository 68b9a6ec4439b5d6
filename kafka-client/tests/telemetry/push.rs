//! Metrics that brokers ask for (KIP-714).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_broker::{Broker, BrokerBuilder, ClientMetricsSubscription, PushedMetrics};
use kafka_client::admin::Admin;
use kafka_client::producer::ProducerBuilder;
use kafka_client::share::ShareConsumer;
use kafka_client::{Compression, Error, Uuid};

use crate::fixture::*;
use crate::protobuf::{Pushed, read as decode};

const INTERVAL: Duration = Duration::from_millis(150);
const GET_TELEMETRY_SUBSCRIPTIONS: i16 = 71;
const PUSH_TELEMETRY: i16 = 72;

async fn watching(set: impl FnOnce(BrokerBuilder) -> BrokerBuilder) -> Broker {
    start(1, |broker| set(broker.client_metrics(true))).await
}

fn want(broker: &Broker, metrics: &[&str]) {
    let wanted = ClientMetricsSubscription::new(metrics.iter().copied()).interval(INTERVAL);
    broker.subscribe_client_metrics("test", wanted);
}

/// Waits for something that is seen by looking again and again.
async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    within(what, async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
}

/// The next pushes, until one is what is looked for.
async fn pushes(
    broker: &Broker,
    what: &str,
    mut look: impl FnMut(&PushedMetrics) -> bool,
) -> Vec<PushedMetrics> {
    let mut all = Vec::new();
    until(what, || {
        let pushed = broker.take_pushed_metrics();
        let found = pushed.iter().any(&mut look);
        all.extend(pushed);
        found.then_some(())
    })
    .await;
    all
}

fn value(metrics: &[Pushed], name: &str) -> Option<f64> {
    let mut metrics = metrics.iter();
    metrics
        .find(|metric| metric.name == name && metric.attributes.is_empty())
        .map(|metric| metric.value)
}

#[tokio::test]
async fn what_is_wanted_is_pushed_with_its_labels_and_sums_since_the_last_push_to_the_end() {
    let broker = watching(|broker| broker).await;
    want(
        &broker,
        &[
            "org.apache.kafka.producer.record.send",
            "org.apache.kafka.producer.topic.",
        ],
    );
    let set = |builder: ProducerBuilder| builder.client_id("p").transactional_id("x");
    let producer = producer(&broker.bootstrap_servers(), set).await;
    let id = within("the id", producer.client_instance_id(LIMIT))
        .await
        .unwrap();
    producer.init_transactions().await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        producer.begin_transaction().await.unwrap();
        write(&producer, 0, 4).await;
        producer.commit_transaction().await.unwrap();
        seen.extend(pushes(&broker, "a push", |_| true).await);
    }
    producer.close(LIMIT).await.unwrap();
    let last = pushes(&broker, "the last push", |push| push.terminating).await;
    seen.extend(last);
    let ends: Vec<bool> = seen.iter().map(|push| push.terminating).collect();
    assert_eq!(ends.iter().position(|end| *end), Some(ends.len() - 1));
    let (mut sent, mut topic, mut until) = (0.0, 0.0, None);
    let mut names = BTreeSet::new();
    for push in &seen {
        assert_eq!((push.client_instance_id, &*push.client_id), (id, "p"));
        assert_eq!(push.compression, Compression::Zstd);
        let (labels, metrics) = decode(&push.payload);
        assert_eq!(
            labels,
            BTreeMap::from([("transactional_id".to_owned(), "x".to_owned())])
        );
        names.extend(metrics.iter().map(|metric| metric.name.clone()));
        let total = metrics
            .iter()
            .find(|metric| metric.name == "org.apache.kafka.producer.record.send.total")
            .unwrap();
        assert_eq!(total.is_delta, Some(true));
        assert!(until.is_none_or(|until| until == total.start) && total.start < total.time);
        until = Some(total.time);
        sent += total.value;
        for metric in &metrics {
            if metric.name == "org.apache.kafka.producer.topic.record.send.total" {
                assert_eq!(
                    metric.attributes,
                    BTreeMap::from([("topic".to_owned(), "t".to_owned())])
                );
                topic += metric.value;
            }
        }
    }
    assert_eq!((sent, topic), (12.0, 12.0));
    let wanted = |name: &String| {
        let name = name.strip_prefix("org.apache.kafka.producer.").unwrap();
        name.starts_with("record.send.") || name.starts_with("topic.")
    };
    assert!(names.iter().all(wanted), "{names:?}");
    assert!(names.contains("org.apache.kafka.producer.record.send.rate"));
    let software = (
        "kafka-client-rust".to_owned(),
        env!("CARGO_PKG_VERSION").to_owned(),
    );
    assert_eq!(broker.client_software("p"), Some(software));
}

#[tokio::test]
async fn a_consumer_says_who_it_is_in_its_group_and_an_admin_pushes_too() {
    let broker = watching(|broker| broker).await;
    want(&broker, &["*"]);
    let servers = broker.bootstrap_servers();
    let set = |builder: kafka_client::consumer::ConsumerBuilder| {
        builder
            .group_id("g")
            .group_instance_id("i")
            .client_rack("r")
            .client_id("c")
    };
    let consumer = consumer(&servers, set).await;
    consumer.subscribe(["t"]).unwrap();
    let producer = producer(&servers, |builder| builder).await;
    write(&producer, 0, 3).await;
    read(&consumer, 3).await;
    let member = consumer.group_metadata().unwrap().member_id().to_owned();
    let is_whole = |push: &PushedMetrics| {
        let (labels, metrics) = decode(&push.payload);
        let name = "org.apache.kafka.consumer.coordinator.assigned.partitions";
        labels.contains_key("group_member_id") && value(&metrics, name) == Some(1.0)
    };
    let pushed = pushes(&broker, "a member's push", is_whole).await;
    // The producer pushes, too.
    let whole = pushed.into_iter().rfind(is_whole).unwrap();
    let (labels, metrics) = decode(&whole.payload);
    let expected = [
        ("client_rack", "r"),
        ("group_id", "g"),
        ("group_instance_id", "i"),
        ("group_member_id", &*member),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(labels, BTreeMap::from(expected));
    let lag = metrics
        .iter()
        .find(|metric| metric.name == "org.apache.kafka.consumer.fetch.manager.records.lag")
        .unwrap();
    let partition = [("partition", "0"), ("topic", "t")];
    let partition = partition.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(
        (lag.value, &lag.attributes),
        (0.0, &BTreeMap::from(partition))
    );
    let builder = Admin::builder().bootstrap_servers(&servers).client_id("a");
    let builder = builder
        .properties([("enable.metrics.push", "true")])
        .unwrap();
    let admin = within("an admin", builder.build()).await.unwrap();
    let id = within("its id", admin.client_instance_id(LIMIT))
        .await
        .unwrap();
    assert_ne!(id, consumer.client_instance_id(LIMIT).await.unwrap());
    let pushed = pushes(&broker, "an admin's push", |push| {
        push.client_instance_id == id
    })
    .await;
    let ours = pushed.iter().find(|push| push.client_id == "a").unwrap();
    let (labels, metrics) = decode(&ours.payload);
    assert!(labels.is_empty(), "{labels:?}");
    let count = value(&metrics, "org.apache.kafka.admin.client.connection.count");
    assert!(count >= Some(1.0), "{metrics:?}");
}

#[tokio::test]
async fn a_share_consumer_pushes_too_and_a_last_time_when_it_is_closed() {
    let broker = watching(|broker| broker).await;
    want(&broker, &["org.apache.kafka.consumer.share."]);
    let builder = ShareConsumer::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .group_id("s");
    let consumer = within("a share consumer", builder.build()).await.unwrap();
    let id = within("its id", consumer.client_instance_id(LIMIT))
        .await
        .unwrap();
    within("the end", consumer.close(LIMIT)).await.unwrap();
    let last = pushes(&broker, "the last push", |push| push.terminating).await;
    let last = last.last().unwrap();
    assert_eq!(last.client_instance_id, id);
    let (labels, metrics) = decode(&last.payload);
    assert_eq!(labels["group_id"], "s");
    assert!(!labels["group_member_id"].is_empty());
    let name = "org.apache.kafka.consumer.share.fetch.manager.records.consumed.total";
    assert_eq!(value(&metrics, name), Some(0.0));
}

#[tokio::test]
async fn where_nothing_is_wanted_it_is_asked_once_and_where_it_is_not_known_never() {
    let broker = watching(|broker| broker).await;
    let quiet = producer(&broker.bootstrap_servers(), |builder| builder).await;
    within("the id", quiet.client_instance_id(LIMIT))
        .await
        .unwrap();
    write(&quiet, 0, 3).await;
    quiet.close(LIMIT).await.unwrap();
    let asked = |broker: &Broker| {
        [GET_TELEMETRY_SUBSCRIPTIONS, PUSH_TELEMETRY].map(|key| broker.requests(1, key))
    };
    assert_eq!(asked(&broker), [1, 0]);

    let plain = start(1, |broker| broker).await;
    let unknown = producer(&plain.bootstrap_servers(), |builder| builder).await;
    let error = within("a refusal", unknown.client_instance_id(LIMIT))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::UnsupportedVersion {
                api: "GetTelemetrySubscriptions",
                ..
            }
        ),
        "{error}"
    );
    unknown.close(LIMIT).await.unwrap();
    assert_eq!(asked(&plain), [0, 0]);

    want(&broker, &["*"]);
    let off = |builder: ProducerBuilder| {
        builder
            .properties([("enable.metrics.push", "false")])
            .unwrap()
    };
    let off = producer(&broker.bootstrap_servers(), off).await;
    let error = off.client_instance_id(LIMIT).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "setting \"enable.metrics.push\" = \"false\": without it the brokers give the client no instance id"
    );
    write(&off, 0, 1).await;
    off.close(LIMIT).await.unwrap();
    assert_eq!(asked(&broker), [1, 0]);
}

#[tokio::test]
async fn another_demand_is_followed_under_the_same_id_and_so_is_another_broker() {
    let broker = watching(|broker| broker.nodes(2)).await;
    want(&broker, &["org.apache.kafka.producer.record."]);
    let set = |builder: ProducerBuilder| {
        builder
            .properties([("reconnect.backoff.ms", "10")])
            .unwrap()
    };
    let producer = producer(&broker.bootstrap_servers(), set).await;
    let first = pushes(&broker, "a push", |_| true).await;
    let id = first[0].client_instance_id;
    want(&broker, &["org.apache.kafka.producer.batch."]);
    let has_changed = |push: &PushedMetrics| {
        let (_, metrics) = decode(&push.payload);
        metrics
            .iter()
            .any(|metric| metric.name == "org.apache.kafka.producer.batch.split.total")
    };
    let changed = pushes(&broker, "a push of something else", has_changed).await;
    assert!(changed.iter().all(|push| push.client_instance_id == id));
    let pushed_to = |node| broker.requests(node, PUSH_TELEMETRY) > 0;
    assert_ne!(pushed_to(1), pushed_to(2), "one broker is chosen and kept");
    let (chosen, other) = if pushed_to(1) { (1, 2) } else { (2, 1) };
    broker.stop_node(chosen).await.unwrap();
    until("pushes to the other broker", || {
        pushed_to(other).then_some(())
    })
    .await;
    let later = pushes(&broker, "a push to it", |_| true).await;
    assert!(later.iter().all(|push| push.client_instance_id == id));
    assert_ne!(id, Uuid::ZERO);
    drop(producer);
}

#[tokio::test]
async fn a_broker_that_takes_little_gets_what_is_about_the_whole_client_or_nothing() {
    let broker = watching(|broker| broker.telemetry_max_bytes(1500)).await;
    want(&broker, &["*"]);
    let producer = producer(&broker.bootstrap_servers(), |builder| builder).await;
    for n in 0..40 {
        broker.create_topic(&format!("topic-{n}"), 1).unwrap();
        let topic = format!("topic-{n}");
        let record = kafka_client::producer::Record::to(&topic).value("v");
        within("a delivery", producer.send(record).await.unwrap())
            .await
            .unwrap();
    }
    broker.take_pushed_metrics();
    let pushed = pushes(&broker, "a push", |_| true).await;
    let (_, metrics) = decode(&pushed.last().unwrap().payload);
    let count = value(&metrics, "org.apache.kafka.producer.connection.count");
    assert!(count >= Some(1.0), "{metrics:?}");
    let topics = metrics
        .iter()
        .any(|metric| metric.attributes.contains_key("topic"));
    assert!(!topics, "{metrics:?}");
    let tiny = watching(|broker| broker.telemetry_max_bytes(10)).await;
    want(&tiny, &["*"]);
    let producer = crate::fixture::producer(&tiny.bootstrap_servers(), |builder| builder).await;
    within("the id", producer.client_instance_id(LIMIT))
        .await
        .unwrap();
    // It asks again each time instead: perhaps more is taken, or less is wanted.
    let asked = || (tiny.requests(1, GET_TELEMETRY_SUBSCRIPTIONS) >= 3).then_some(());
    until("further questions", asked).await;
    assert_eq!(tiny.requests(1, PUSH_TELEMETRY), 0);
}
