//! What is written is read again by a strict reader.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::*;
use crate::metrics::Metrics;
use crate::metrics::meter::{Meter, Moment};
use crate::metrics::snapshot::Report;

/// By name and labels.
type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

fn is_name(name: &str) -> bool {
    let first = name.as_bytes().first();
    let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    first.is_some_and(|c| c.is_ascii_alphabetic() || *c == b'_') && name.bytes().all(inner)
}

/// Takes `"…"` with its escapes off the front.
fn quoted<'a>(text: &'a str, line: &str) -> (String, &'a str) {
    let mut value = String::new();
    let mut chars = text.strip_prefix('"').expect(line).chars();
    loop {
        match chars.next().expect(line) {
            '"' => return (value, chars.as_str()),
            '\\' => value.push(match chars.next() {
                Some('n') => '\n',
                Some(escaped @ ('\\' | '"')) => escaped,
                other => panic!("escape {other:?} in {line}"),
            }),
            plain => value.push(plain),
        }
    }
}

/// Reads a text as strictly as promtool: one HELP and one TYPE before the values of a name, names and labels well-formed,
/// no value twice.
fn read(text: &str, is_openmetrics: bool) -> Samples {
    let body = if is_openmetrics {
        text.strip_suffix("# EOF\n").expect("an end")
    } else {
        text
    };
    assert!(body.ends_with('\n') && !body.contains("\n\n"));
    let (mut samples, mut kinds) = (Samples::new(), BTreeMap::new());
    let (mut helped, mut current) = (BTreeSet::new(), String::new());
    for line in body.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect(line);
            assert!(is_name(name) && !help.is_empty(), "{line}");
            assert!(helped.insert(name.to_owned()), "a second {line}");
            current = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect(line);
            assert_eq!(name, current, "TYPE follows HELP");
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            kinds.insert(name.to_owned(), kind.to_owned());
        } else {
            let (name, mut rest) = line.split_once('{').expect(line);
            let kind = &kinds[&current];
            let expected = if is_openmetrics && kind == "counter" {
                format!("{current}_total")
            } else {
                current.clone()
            };
            assert_eq!(name, expected, "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            let mut labels = BTreeMap::new();
            while !rest.starts_with('}') {
                let (key, value) = rest.split_once('=').expect(line);
                assert!(is_name(key), "{line}");
                let (value, after) = quoted(value, line);
                assert!(labels.insert(key.to_owned(), value).is_none(), "{line}");
                rest = after.strip_prefix(',').unwrap_or(after);
            }
            let value = rest.strip_prefix("} ").expect(line);
            let value: f64 = value.parse().expect(line);
            assert!(kind == "gauge" || value >= 0.0, "{line}");
            let earlier = samples.insert((name.to_owned(), labels), value);
            assert!(earlier.is_none(), "a second {line}");
        }
    }
    samples
}

fn metrics(client_id: &str, topic: &str) -> Metrics {
    let mut report = Report::new(client_id, Moment::after(Duration::from_secs(10)));
    let mut meter = Meter::default();
    meter.record(5.0, report.moment());
    let names = ["records-consumed-rate", "records-consumed-total"];
    report
        .group("consumer-fetch-manager-metrics")
        .amount(names, "Records \\ handed\nout.", &meter);
    report
        .tagged(
            "consumer-fetch-manager-metrics",
            vec![("topic", topic.into())],
        )
        .amount(names, "Records handed out.", &meter);
    let tags = vec![("topic", topic.into()), ("partition", "0".into())];
    report
        .tagged("consumer-fetch-manager-metrics", tags)
        .gauge("records-lag", "Records.", 7.0)
        .gauge("records-lag-max", "Records.", f64::INFINITY);
    report
        .tagged("consumer-node-metrics", vec![("node-id", "node-1".into())])
        .spread(
            ["request-latency-avg", "request-latency-max"],
            "Milliseconds.",
            &Meter::default(),
        );
    report.finish()
}

fn value(samples: &Samples, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let labels = labels.iter();
    let labels = labels.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    samples.get(&(name.to_owned(), labels.collect())).copied()
}

const TOPIC: &str = "a \"topic\"\\with\nall";

fn check(samples: &Samples) {
    let all = |name| value(samples, name, &[("client_id", "c")]);
    assert_eq!(
        all("kafka_consumer_fetch_manager_records_consumed_total"),
        Some(5.0)
    );
    assert_eq!(
        all("kafka_consumer_fetch_manager_records_consumed_rate"),
        Some(0.5)
    );
    let topic = [("client_id", "c"), ("topic", TOPIC)];
    let name = "kafka_consumer_fetch_manager_topic_records_consumed_total";
    assert_eq!(value(samples, name, &topic), Some(5.0));
    let partition = [topic[0], topic[1], ("partition", "0")];
    let of_partition = |name| value(samples, name, &partition);
    assert_eq!(
        of_partition("kafka_consumer_fetch_manager_records_lag"),
        Some(7.0)
    );
    assert_eq!(
        of_partition("kafka_consumer_fetch_manager_records_lag_max"),
        Some(f64::INFINITY)
    );
    let node = [("client_id", "c"), ("node_id", "node-1")];
    let latency = value(samples, "kafka_consumer_node_request_latency_avg", &node);
    assert!(latency.unwrap().is_nan());
}

#[test]
fn both_texts_are_well_formed_and_say_the_same() {
    let metrics = metrics("c", TOPIC);
    let prometheus = to_prometheus([&metrics]);
    assert!(prometheus.contains(
        "# HELP kafka_consumer_fetch_manager_records_consumed_total Records \\\\ handed\\nout.\n\
         # TYPE kafka_consumer_fetch_manager_records_consumed_total counter\n\
         kafka_consumer_fetch_manager_records_consumed_total{client_id=\"c\"} 5\n"
    ));
    check(&read(&prometheus, false));
    let openmetrics = to_openmetrics([&metrics]);
    assert!(openmetrics.contains("# TYPE kafka_consumer_fetch_manager_records_consumed counter\n"));
    check(&read(&openmetrics, true));
    assert_eq!(
        (to_prometheus([]), &*to_openmetrics([])),
        (String::new(), "# EOF\n")
    );
}

#[test]
fn a_registry_writes_what_the_text_says() {
    let mut registry = Registry::default();
    let collector = KafkaCollector::new().with(|| metrics("c", TOPIC));
    assert_eq!(format!("{collector:?}"), "KafkaCollector { clients: 1 }");
    registry.register_collector(Box::new(collector));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    check(&read(&text, true));
}

#[test]
fn clients_of_one_name_are_told_apart_and_their_metrics_stand_together() {
    let clients = [metrics("c", "t"), metrics("c", "u"), metrics("d", "t")];
    let samples = read(&to_prometheus(&clients), false);
    let name = "kafka_consumer_fetch_manager_records_consumed_total";
    for client in ["c", "c-2", "d"] {
        assert_eq!(value(&samples, name, &[("client_id", client)]), Some(5.0));
    }
    // One is a member of a group, and the other is not.
    let mut member = Report::new("c", Moment::after(Duration::from_secs(10)));
    for group in ["consumer-coordinator-metrics", "consumer-node-metrics"] {
        member
            .group(group)
            .gauge("request-latency-avg", "Milliseconds.", 1.0);
    }
    let clients = [metrics("c", "t"), member.finish()];
    let samples = read(&to_prometheus(&clients), false);
    let name = "kafka_consumer_node_request_latency_avg";
    assert_eq!(value(&samples, name, &[("client_id", "c-2")]), Some(1.0));
}

#[tokio::test]
async fn everything_that_clients_measure_is_there_once() {
    use crate::consumer::{Consumer, OffsetReset};
    use crate::producer::{Producer, Record};

    let broker = kafka_broker::Broker::builder().start().await.unwrap();
    broker.create_topic("t", 2).unwrap();
    let servers = broker.bootstrap_servers();
    let producer = Producer::builder().bootstrap_servers(&servers);
    let producer = producer.build().await.unwrap();
    for partition in 0..2 {
        let record = Record::to("t").partition(partition).value("v");
        producer.send(record).await.unwrap().await.unwrap();
    }
    let consumer = Consumer::builder()
        .bootstrap_servers(&servers)
        .group_id("g")
        .auto_offset_reset(OffsetReset::Earliest);
    let consumer = consumer.build().await.unwrap();
    consumer.subscribe(["t"]).unwrap();
    let mut seen = 0;
    let reading = async {
        while seen < 2 {
            let records = consumer.poll(Duration::from_secs(1)).await.unwrap();
            seen += records.records().count();
        }
    };
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, reading).await.expect("records");
    let snapshots = [producer.metrics(), consumer.metrics()];
    let count: usize = snapshots.iter().map(Metrics::len).sum();
    let samples = read(&to_prometheus(&snapshots), false);
    assert_eq!(samples.len(), count);
    assert_eq!(read(&to_openmetrics(&snapshots), true).len(), count);
    let ours = [("client_id", "kafka-client")];
    assert_eq!(
        value(&samples, "kafka_producer_record_send_total", &ours),
        Some(2.0)
    );
    let mut registry = Registry::default();
    let collector = KafkaCollector::new()
        .with(move || producer.metrics())
        .with(move || consumer.metrics());
    registry.register_collector(Box::new(collector));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    assert_eq!(read(&text, true).len(), count);
}
