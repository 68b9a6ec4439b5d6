//! Sums that are what was really sent and consumed.

use std::time::Duration;

use kafka_client::admin::Admin;
use kafka_client::consumer::{ConsumerBuilder, GroupProtocol};
use kafka_client::events::Event;
use kafka_client::metrics::Metrics;
use kafka_client::producer::{Acks, Record};
use kafka_client::{Compression, Error, TopicPartition};

use crate::fixture::*;
use crate::wire::*;

const PRODUCER: &str = "producer-metrics";
const TOPIC: &str = "producer-topic-metrics";
const FETCHES: &str = "consumer-fetch-manager-metrics";
const GROUP: &str = "consumer-coordinator-metrics";
const CONSUMER: &str = "consumer-metrics";

/// A metric that there has to be.
#[track_caller]
fn value(metrics: &Metrics, group: &str, name: &str, tags: &[(&str, &str)]) -> f64 {
    let found = metrics.get(group, name, tags);
    found.unwrap_or_else(|| panic!("no {name} of {group} {tags:?} in\n{metrics}"))
}

#[tokio::test]
async fn a_producers_sums_are_what_it_has_sent() {
    let broker = start(3, |broker| broker).await;
    broker.create_topic("u", 1).unwrap();
    let servers = broker.bootstrap_servers();
    let gzip =
        |builder: kafka_client::producer::ProducerBuilder| builder.compression(Compression::Gzip);
    let producer = producer(&servers, gzip).await;
    let text = "compressible ".repeat(20);
    for (topic, count) in [("t", 300), ("u", 50)] {
        let records = (0..count).map(|_| Record::to(topic).value(&text));
        producer.send_all(records).await.unwrap();
    }
    within("the flush", producer.flush()).await.unwrap();
    let metrics = producer.metrics();
    let all = |name| value(&metrics, PRODUCER, name, &[]);
    let of = |topic, name| value(&metrics, TOPIC, name, &[("topic", topic)]);
    assert_eq!(all("record-send-total"), 350.0);
    assert_eq!(of("t", "record-send-total"), 300.0);
    assert_eq!(of("u", "record-send-total"), 50.0);
    assert_eq!(all("record-retry-total") + all("record-error-total"), 0.0);
    let sent = of("t", "byte-total") + of("u", "byte-total");
    assert!(all("outgoing-byte-total") > sent);
    assert!(all("batch-size-max") >= all("batch-size-avg"));
    assert!(all("compression-rate-avg") < 0.5, "{metrics}");
    // The batch's header of 61 bytes, lengths, and a few bytes around them.
    let overhead = all("record-size-max") - text.len() as f64;
    assert!((61.0..81.0).contains(&overhead), "{overhead}");
    assert!(all("records-per-request-avg") >= 1.0);
    assert!(all("record-send-rate") > 0.0);
    assert!(all("request-latency-max") >= all("request-latency-avg"));
    assert_eq!(all("produce-throttle-time-max"), 0.0);
    assert_eq!(all("buffer-available-bytes"), all("buffer-total-bytes"));
    assert_eq!(all("requests-in-flight"), 0.0);
    assert_eq!(all("request-total"), all("response-total"));
    assert_eq!(all("network-io-total"), 2.0 * all("request-total"));
    assert!(all("flush-time-ns-total") > 0.0);
    assert!(all("metadata-wait-time-ns-total") > 0.0);
    assert!(all("metadata-age") >= 0.0);
    let by_node: f64 = metrics
        .iter()
        .filter(|metric| metric.group == "producer-node-metrics")
        .filter(|metric| metric.name == "outgoing-byte-total")
        .map(|metric| metric.value)
        .sum();
    assert_eq!(by_node, all("outgoing-byte-total"));
    let node = [("node-id", "node-1")];
    assert!(
        value(
            &metrics,
            "producer-node-metrics",
            "request-latency-avg",
            &node
        ) > 0.0
    );
}

#[tokio::test]
async fn without_acknowledgements_records_count_all_the_same() {
    let broker = start(1, |broker| broker).await;
    let set = [("enable.idempotence", "false")];
    let unacked = |builder: kafka_client::producer::ProducerBuilder| {
        builder.properties(set).unwrap().acks(Acks::None)
    };
    let producer = producer(&broker.bootstrap_servers(), unacked).await;
    write(&producer, 0, 5).await;
    let metrics = producer.metrics();
    assert_eq!(value(&metrics, PRODUCER, "record-send-total", &[]), 5.0);
    assert_eq!(value(&metrics, PRODUCER, "requests-in-flight", &[]), 0.0);
}

#[tokio::test]
async fn a_consumers_sums_are_what_its_polls_have_returned() {
    let broker = start(2, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let producer = producer(&servers, |builder| builder).await;
    write(&producer, 0, 30).await;
    write(&producer, 1, 10).await;
    let consumer = consumer(&servers, |builder| builder).await;
    consumer.assign([partition(0), partition(1)]).unwrap();
    read(&consumer, 40).await;
    let metrics = consumer.metrics();
    let all = |name| value(&metrics, FETCHES, name, &[]);
    assert_eq!(all("records-consumed-total"), 40.0);
    assert_eq!(
        value(
            &metrics,
            FETCHES,
            "records-consumed-total",
            &[("topic", "t")]
        ),
        40.0
    );
    assert!(all("bytes-consumed-total") > 40.0 * "a value".len() as f64);
    assert!(all("fetch-total") >= 1.0 && all("fetch-rate") > 0.0);
    assert!(all("fetch-latency-avg") > 0.0 && all("fetch-size-max") > 0.0);
    assert!(all("records-per-request-avg") > 0.0);
    assert_eq!(all("stalled-partitions"), 0.0);
    for (number, written) in [("0", 30.0), ("1", 10.0)] {
        let of = |name| {
            value(
                &metrics,
                FETCHES,
                name,
                &[("topic", "t"), ("partition", number)],
            )
        };
        assert_eq!((of("records-lag"), of("records-lead")), (0.0, written));
        assert!(of("records-lag-max") >= 0.0);
        assert_eq!(of("preferred-read-replica"), -1.0);
    }
    let of_polls = |name| value(&metrics, CONSUMER, name, &[]);
    assert!(of_polls("last-poll-seconds-ago") < 10.0);
    assert!(of_polls("connection-count") >= 1.0);
    assert!(of_polls("incoming-byte-total") > all("bytes-consumed-total") / 2.0);
    assert_eq!(
        metrics.get(GROUP, "assigned-partitions", &[]),
        None,
        "it has no group"
    );
}

#[tokio::test]
async fn lag_is_what_is_behind_the_position() {
    let broker = start(1, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let producer = producer(&servers, |builder| builder).await;
    write(&producer, 0, 10).await;
    let one_by_one = [("max.poll.records", "1")];
    let consumer = consumer(&servers, |builder| builder.properties(one_by_one).unwrap()).await;
    consumer.assign([partition(0)]).unwrap();
    read(&consumer, 4).await;
    let metrics = consumer.metrics();
    let tags = [("topic", "t"), ("partition", "0")];
    assert_eq!(value(&metrics, FETCHES, "records-lag", &tags), 6.0);
    assert_eq!(value(&metrics, FETCHES, "records-lead", &tags), 4.0);
    assert_eq!(value(&metrics, FETCHES, "records-lag-max", &tags), 9.0);
    assert_eq!(value(&metrics, FETCHES, "records-lag-avg", &tags), 7.5);
    assert_eq!(value(&metrics, FETCHES, "records-lag-max", &[]), 9.0);
    assert_eq!(value(&metrics, FETCHES, "records-lead-min", &[]), 1.0);
}

#[tokio::test]
async fn a_group_counts_its_rebalances_commits_and_heartbeats() {
    let broker = start(2, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let member = |builder: ConsumerBuilder| {
        builder
            .group_id("g")
            .heartbeat_interval(Duration::from_millis(20))
    };
    let producer = producer(&servers, |builder| builder).await;
    write(&producer, 0, 3).await;
    let consumer = consumer(&servers, member).await;
    consumer.subscribe(["t"]).unwrap();
    read(&consumer, 3).await;
    within("a commit", consumer.commit_sync()).await.unwrap();
    within("committed", consumer.committed(&[partition(0)]))
        .await
        .unwrap();
    within("a heartbeat", async {
        while value(&consumer.metrics(), GROUP, "heartbeat-total", &[]) == 0.0 {
            consumer.poll(Duration::from_millis(10)).await.unwrap();
        }
    })
    .await;
    // The time between two polls takes another one.
    consumer.poll(Duration::ZERO).await.unwrap();
    let metrics = consumer.metrics();
    let of = |name| value(&metrics, GROUP, name, &[]);
    assert_eq!(of("assigned-partitions"), 2.0);
    assert_eq!(
        (of("rebalance-total"), of("failed-rebalance-total")),
        (1.0, 0.0)
    );
    assert!(of("rebalance-latency-avg") > 0.0 && of("rebalance-rate-per-hour") > 0.0);
    assert!(of("join-total") >= 1.0 && of("sync-total") == 1.0);
    assert_eq!(of("commit-total"), 1.0);
    assert!(of("commit-latency-max") > 0.0);
    assert!(of("last-heartbeat-seconds-ago") < 10.0);
    assert!(of("last-rebalance-seconds-ago") < 10.0);
    assert!(of("partition-assigned-latency-max") >= 0.0);
    assert!(value(&metrics, CONSUMER, "commit-sync-time-ns-total", &[]) > 0.0);
    assert!(value(&metrics, CONSUMER, "committed-time-ns-total", &[]) > 0.0);
    assert!(value(&metrics, CONSUMER, "poll-idle-ratio-avg", &[]) <= 1.0);
}

#[tokio::test]
async fn records_given_up_and_room_waited_for_are_counted() {
    let broker = start(1, |broker| broker).await;
    let small = |builder: kafka_client::producer::ProducerBuilder| {
        builder
            .properties([
                ("request.timeout.ms", "100"),
                ("delivery.timeout.ms", "400"),
            ])
            .unwrap()
            .batch_size(500)
            .buffer_memory(1000)
            .max_block(Duration::from_millis(100))
    };
    let producer = producer(&broker.bootstrap_servers(), small).await;
    write(&producer, 0, 1).await;
    broker.shutdown().await;
    let mut taken = 0.0;
    let refused = within("a refusal", async {
        loop {
            match producer.send(Record::to("t").value(&[0; 400])).await {
                Ok(_) => taken += 1.0,
                Err(error) => return error,
            }
        }
    })
    .await;
    assert!(matches!(refused, Error::Timeout { .. }), "{refused}");
    let refused = producer.try_send(Record::to("t").value(&[0; 400]));
    assert!(matches!(refused, Err(Error::BufferFull { .. })));
    let metrics = producer.metrics();
    assert!(value(&metrics, PRODUCER, "buffer-available-bytes", &[]) < 600.0);
    within("the flush", producer.flush()).await.unwrap_err();
    let metrics = producer.metrics();
    let all = |name| value(&metrics, PRODUCER, name, &[]);
    assert_eq!(all("record-error-total"), taken);
    assert_eq!(
        value(&metrics, TOPIC, "record-error-total", &[("topic", "t")]),
        taken
    );
    assert_eq!(all("buffer-exhausted-total"), 2.0);
    assert!(all("bufferpool-wait-time-ns-total") >= 1e8);
    assert!(all("bufferpool-wait-ratio") > 0.0);
    assert_eq!(all("waiting-threads"), 0.0);
    assert!(all("connection-close-total") >= 1.0);
    assert_eq!(
        (all("connection-count"), all("requests-in-flight")),
        (0.0, 0.0)
    );
}

#[tokio::test]
async fn what_a_broker_throttles_is_measured() {
    let (_broker, wire) = wired(1, |broker| broker).await;
    let producer = producer(&wire.servers, |builder| builder).await;
    wire.set(Fault::Throttle(70));
    write(&producer, 0, 2).await;
    let metrics = producer.metrics();
    assert_eq!(
        value(&metrics, PRODUCER, "produce-throttle-time-max", &[]),
        70.0
    );
    assert_eq!(
        value(&metrics, PRODUCER, "produce-throttle-time-avg", &[]),
        70.0
    );
}

#[tokio::test]
async fn time_spent_in_transactions_adds_up_by_kind() {
    let broker = start(1, |broker| broker).await;
    let set = |builder: kafka_client::producer::ProducerBuilder| builder.transactional_id("x");
    let producer = producer(&broker.bootstrap_servers(), set).await;
    let spent = |name: &str| {
        value(
            &producer.metrics(),
            PRODUCER,
            &format!("txn-{name}-time-ns-total"),
            &[],
        )
    };
    assert_eq!(spent("init"), 0.0);
    producer.init_transactions().await.unwrap();
    assert!(spent("init") > 0.0 && spent("begin") == 0.0);
    producer.begin_transaction().await.unwrap();
    assert!(spent("begin") > 0.0 && spent("commit") == 0.0);
    let offsets = [(
        TopicPartition::new("t", 0),
        kafka_client::consumer::OffsetAndMetadata::new(1),
    )];
    let group = kafka_client::consumer::ConsumerGroupMetadata::new("g");
    producer
        .send_offsets_to_transaction(offsets, &group)
        .await
        .unwrap();
    producer.commit_transaction().await.unwrap();
    assert!(spent("send-offsets") > 0.0 && spent("commit") > 0.0 && spent("abort") == 0.0);
    producer.begin_transaction().await.unwrap();
    producer.abort_transaction().await.unwrap();
    assert!(spent("abort") > 0.0);
}

#[tokio::test]
async fn an_admin_client_measures_its_connections() {
    let broker = start(1, |broker| broker).await;
    let builder = Admin::builder().bootstrap_servers(broker.bootstrap_servers());
    let admin = builder.build().await.unwrap();
    admin.brokers().await.unwrap();
    let metrics = admin.metrics();
    assert!(value(&metrics, "admin-client-metrics", "request-total", &[]) >= 2.0);
    let node = [("node-id", "node--1")];
    assert!(
        value(
            &metrics,
            "admin-client-node-metrics",
            "request-total",
            &node
        ) >= 1.0
    );
    assert_eq!(metrics.client_id(), "kafka-client");
}

#[tokio::test]
async fn a_member_of_the_consumer_protocol_counts_the_same() {
    let broker = start(2, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let member = |builder: ConsumerBuilder| {
        builder
            .group_id("g")
            .group_protocol(GroupProtocol::Consumer)
    };
    let producer = producer(&servers, |builder| builder).await;
    write(&producer, 0, 3).await;
    let consumer = consumer(&servers, member).await;
    let mut events = consumer.events();
    consumer.subscribe(["t"]).unwrap();
    read(&consumer, 3).await;
    within("a commit", consumer.commit_sync()).await.unwrap();
    let metrics = consumer.metrics();
    let of = |name| value(&metrics, GROUP, name, &[]);
    assert_eq!(of("assigned-partitions"), 2.0);
    assert!(of("rebalance-total") >= 1.0 && of("heartbeat-total") >= 1.0);
    assert_eq!((of("join-total"), of("commit-total")), (0.0, 1.0));
    assert!(of("last-heartbeat-seconds-ago") < 10.0);
    let assigned = next(
        &mut events,
        "the end of the rebalance",
        |event| match event {
            Event::RebalanceEnded { assigned, .. } => Some(assigned.len()),
            _ => None,
        },
    )
    .await;
    assert_eq!(assigned, 2);
}
