//! Spans that are documented are there, with their fields.
//!
//! In a process of its own: a span that another test begins for the first time, while this one says what it wants to see,
//! may stay unseen for good.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::consumer::{Consumer, OffsetReset};
use kafka_client::producer::{Producer, Record};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};

/// No wait of a test is longer.
const LIMIT: Duration = Duration::from_secs(20);

/// The spans that were begun: by target and name, the fields with their latest values.
type Spans = Arc<Mutex<BTreeMap<(String, String), BTreeMap<String, String>>>>;

/// Notes spans.
struct Notes {
    spans: Spans,
    next: AtomicU64,
    level: Level,
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
            && *metadata.level() <= self.level
            && metadata.target().starts_with("kafka_client")
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let metadata = attributes.metadata();
        let key = (metadata.target().to_owned(), metadata.name().to_owned());
        let mut spans = self.spans.lock().unwrap();
        attributes.record(&mut Fields(spans.entry(key).or_default()));
        Id::from_u64(self.next.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

/// What is begun while a transaction is written and read by a member of a group.
fn begun(level: Level) -> BTreeMap<(String, String), BTreeMap<String, String>> {
    let spans = Spans::default();
    let notes = Notes {
        spans: spans.clone(),
        next: AtomicU64::new(0),
        level,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tracing::subscriber::with_default(notes, || {
        let conversation = async { tokio::time::timeout(LIMIT, converse()).await };
        let in_time = runtime.block_on(conversation);
        in_time.unwrap_or_else(|_| panic!("a record written and read: not within {LIMIT:?}"));
    });
    let spans = spans.lock().unwrap();
    spans.clone()
}

async fn converse() {
    let builder = Broker::builder().group_min_session_timeout(Duration::ZERO);
    let broker = builder.start().await.unwrap();
    broker.create_topic("t", 1).unwrap();
    let servers = broker.bootstrap_servers();
    let producer = Producer::builder()
        .bootstrap_servers(&servers)
        .transactional_id("x");
    let producer = producer.build().await.unwrap();
    producer.init_transactions().await.unwrap();
    producer.begin_transaction().await.unwrap();
    producer.send(Record::to("t").value("v")).await.unwrap();
    producer.commit_transaction().await.unwrap();
    let consumer = Consumer::builder()
        .bootstrap_servers(&servers)
        .auto_offset_reset(OffsetReset::Earliest)
        .group_id("g");
    let consumer = consumer.build().await.unwrap();
    consumer.subscribe(["t"]).unwrap();
    while consumer.poll(LIMIT).await.unwrap().is_empty() {}
    consumer.commit_sync().await.unwrap();
    consumer.close(LIMIT).await.unwrap();
}

#[test]
fn the_documented_spans_are_there_with_their_fields_and_quiet_by_default() {
    let spans = begun(Level::DEBUG);
    for (target, name, fields) in [
        ("connection", "connect", &["broker"][..]),
        ("request", "request", &["api", "broker", "version"]),
        ("produce", "produce", &["batches", "broker"]),
        ("fetch", "fetch", &["broker", "partitions"]),
        ("poll", "poll", &[]),
        ("commit", "commit_until", &["generation", "partitions"]),
        ("rebalance", "carry_out", &["group"]),
        ("transaction", "init_transactions", &[]),
        ("transaction", "begin_transaction", &[]),
        ("transaction", "end_transaction", &["commit"]),
    ] {
        let key = (format!("kafka_client::{target}"), name.to_owned());
        let found = spans
            .get(&key)
            .unwrap_or_else(|| panic!("no {key:?} in {spans:?}"));
        let names: BTreeSet<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, fields.iter().copied().collect(), "{key:?}");
    }
    let request = &spans[&("kafka_client::request".to_owned(), "request".to_owned())];
    assert!(request["broker"].contains("127.0.0.1:"), "{request:?}");
    assert_eq!(begun(Level::INFO), BTreeMap::new());
}
