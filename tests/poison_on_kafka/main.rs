//! Poisoned records and tables: the same promises on the embedded broker and on a real Kafka.

mod tables;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{Consumer, OffsetReset};
use kafka_client::producer::{Header, Producer, Record};
use kafka_client::schema_registry::{AvroDeserializer, AvroSchema, AvroSerializer, SchemaRegistry};
use serde::{Deserialize, Serialize};
use stream_engine::kafka::{DeadLetterTopic, KafkaRecord, KafkaSink, KafkaSource, StartingOffsets};
use stream_engine::serialization::{Csv, Json, Nullable, Plain};
use stream_engine::{
    BatchInfo, BoxError, DStream, Data, EngineError, PoisonPolicy, StreamingContext,
    StreamingListener, Trigger,
};
use tables::{
    a_table_is_loaded_before_the_first_batch_and_follows_its_topic,
    a_table_of_aborted_and_deleted_records_is_empty, a_table_s_poisoned_record_is_named_or_skipped,
    a_table_without_a_topic_is_named_at_the_start,
};
use tests::kafka::{WAIT, unique};
use tests::registry::Registry;

/// Each promise is kept on the embedded broker, and on the Kafka that `KAFKA_BOOTSTRAP` names.
macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        mod on_the_embedded_broker {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let broker = kafka_broker::Broker::builder().start().await.unwrap();
                super::$name(&broker.bootstrap_servers()).await;
                broker.shutdown().await;
            })*
        }

        mod on_a_real_kafka {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs Kafka: tests/kafka/kafka.sh"]
            async fn $name() {
                super::$name(&tests::kafka::bootstrap()).await;
            })*
        }
    };
}

promises!(
    a_poisoned_record_fails_the_batch_with_its_offset,
    dead_letters_are_the_records_as_they_were_with_the_cause_in_headers,
    dead_letters_come_once_though_the_stream_is_computed_twice_and_again_after_a_failed_batch,
    a_dead_letter_that_fails_again_has_the_new_cause_only,
    a_dead_letter_topic_that_cannot_be_is_named_at_the_start,
    json_csv_and_avro_values_are_read_and_written,
    a_table_is_loaded_before_the_first_batch_and_follows_its_topic,
    a_table_of_aborted_and_deleted_records_is_empty,
    a_table_s_poisoned_record_is_named_or_skipped,
    a_table_without_a_topic_is_named_at_the_start,
);

async fn admin(servers: &str) -> Admin {
    let builder = Admin::builder().bootstrap_servers(servers);
    builder.build().await.unwrap()
}

/// A new topic with two partitions.
async fn topic(servers: &str, name: &str, configs: &[(&str, &str)]) -> String {
    let topic = unique(name);
    let new = configs
        .iter()
        .fold(NewTopic::new(&topic).partitions(2), |new, (name, value)| {
            new.config(*name, *value)
        });
    for (_, result) in admin(servers).await.create_topics([new]).await.unwrap() {
        result.unwrap();
    }
    topic
}

async fn producer(servers: &str) -> Producer {
    let builder = Producer::builder().bootstrap_servers(servers);
    builder.build().await.unwrap()
}

/// Writes keys and values; `None` is a tombstone.
async fn write(servers: &str, topic: &str, records: &[(&str, Option<&str>)]) {
    write_at(servers, topic, None, records).await;
}

/// As [`write`], with a timestamp that is not the present.
async fn write_at(
    servers: &str,
    topic: &str,
    timestamp: Option<i64>,
    records: &[(&str, Option<&str>)],
) {
    let producer = producer(servers).await;
    for (key, value) in records {
        let record = Record {
            value: value.map(str::as_bytes),
            timestamp,
            ..Record::to(topic).key(*key)
        };
        drop(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();
    producer.close(WAIT).await.unwrap();
}

/// All records of a topic, read with `read_committed` until there are `count` of them.
async fn read(servers: &str, topic: &str, count: usize) -> Vec<KafkaRecord> {
    let builder = Consumer::builder().bootstrap_servers(servers);
    let builder = builder.auto_offset_reset(OffsetReset::Earliest);
    let consumer = builder.build().await.unwrap();
    let partitions = consumer.partitions_for(topic).await.unwrap();
    consumer.assign(partitions.clone()).unwrap();
    let mut records = Vec::new();
    let reading = async {
        let ends = consumer.end_offsets(&partitions).await.unwrap();
        let mut behind = true;
        while behind || records.len() < count {
            for batch in consumer
                .poll(Duration::from_millis(200))
                .await
                .unwrap()
                .into_batches()
            {
                records.extend(batch);
            }
            behind = false;
            for (partition, end) in &ends {
                behind |= consumer.position(partition).await.unwrap() < *end;
            }
        }
    };
    let read = tokio::time::timeout(WAIT, reading).await;
    read.unwrap_or_else(|_| panic!("{topic} has not got {count} records within {WAIT:?}"));
    consumer.close(WAIT).await.unwrap();
    records
}

fn context() -> StreamingContext {
    let builder = StreamingContext::builder("test").batch_duration(Duration::from_millis(100));
    let builder = builder.trigger(Trigger::Continuous).threads(2);
    builder.build().unwrap()
}

fn source(ssc: &StreamingContext, servers: &str, topic: &str, group: &str) -> DStream<KafkaRecord> {
    let source = KafkaSource::subscribe([topic])
        .bootstrap_servers(servers)
        .group_id(group)
        .starting_offsets(StartingOffsets::Earliest);
    ssc.kafka_direct_stream(source).unwrap()
}

/// Stops the context gracefully after the batch in which the stream has brought `count` records in all.
fn stop_after<T: Data>(ssc: &StreamingContext, stream: &DStream<T>, count: u64) {
    let (handle, mut seen) = (ssc.stop_handle(), 0);
    stream.foreach_rdd(move |rdd| {
        seen += rdd.count()?;
        if seen >= count {
            handle.stop_gracefully();
        }
        Ok::<_, EngineError>(())
    });
}

async fn run(ssc: &StreamingContext) -> Result<(), EngineError> {
    // Starting waits for Kafka, which a thread of the test's runtime must not.
    tokio::task::block_in_place(|| ssc.start().map(drop))?;
    terminated(ssc).await
}

async fn terminated(ssc: &StreamingContext) -> Result<(), EngineError> {
    let ended = ssc.await_termination_or_timeout(WAIT).await?;
    assert!(ended, "the context did not stop within {WAIT:?}");
    Ok(())
}

fn collected<T: Data>(stream: &DStream<T>) -> Arc<Mutex<Vec<T>>> {
    let all: Arc<Mutex<Vec<T>>> = Arc::default();
    let seen = all.clone();
    stream.foreach_rdd(move |rdd| {
        let records = rdd.collect()?;
        seen.lock().unwrap().extend(records);
        Ok::<_, EngineError>(())
    });
    all
}

fn sorted<T: Ord + Clone>(all: &Mutex<Vec<T>>) -> Vec<T> {
    let mut all = all.lock().unwrap().clone();
    all.sort();
    all
}

/// The number in a record's value.
fn number(record: &KafkaRecord) -> Result<i64, BoxError> {
    match record.value_str()?.ok_or("it has no value")? {
        "!" => panic!("no number at all"),
        text => Ok(text.parse()?),
    }
}

async fn a_poisoned_record_fails_the_batch_with_its_offset(servers: &str) {
    let topic = topic(servers, "numbers", &[]).await;
    let producer = producer(servers).await;
    for value in ["1", "2", "three", "4"] {
        let record = Record::to(&topic).partition(1).value(value);
        drop(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();
    let ssc = context();
    let numbers = source(&ssc, servers, &topic, &unique("group")).try_map(number);
    collected(&numbers);
    let error = run(&ssc).await.unwrap_err().to_string();
    for part in [
        "batch ",
        ", output operation foreach_rdd at ",
        ": try_map at ",
        &format!(
            ": the record at offset 2 of {topic}-1 is poisoned: invalid digit found in string; to go on without"
        ),
    ] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
}

fn headers(record: &KafkaRecord) -> Vec<(String, String)> {
    let headers = record.headers().map(|header| {
        let header = header.unwrap();
        let value = header
            .value
            .map(|value| String::from_utf8(value.to_vec()).unwrap());
        (
            header.key.to_owned(),
            value.unwrap_or_else(|| "null".to_owned()),
        )
    });
    headers.collect()
}

fn dead_letters(servers: &str, topic: &str) -> PoisonPolicy<KafkaRecord> {
    PoisonPolicy::dead_letter(DeadLetterTopic::new(topic).bootstrap_servers(servers))
}

async fn dead_letters_are_the_records_as_they_were_with_the_cause_in_headers(servers: &str) {
    let input = topic(servers, "numbers", &[]).await;
    let dead = topic(servers, "dead", &[]).await;
    let producer = producer(servers).await;
    let kept = [
        Header::new("trace", b"7"),
        Header {
            key: "empty",
            value: None,
        },
    ];
    let records = [
        Record::to(&input).partition(0).key("a").value("1"),
        Record::to(&input)
            .partition(0)
            .key("b")
            .value("x")
            .headers(&kept)
            .timestamp(1_700_000_000_123),
        Record::to(&input)
            .partition(1)
            .value("!")
            .timestamp(1_600_000_000_000),
        Record::to(&input).partition(1).key("c"),
    ];
    for record in records {
        drop(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();

    #[derive(Default)]
    struct Counts(Mutex<Vec<(u64, String)>>);
    impl StreamingListener for Counts {
        fn on_batch_completed(&self, batch: &BatchInfo) {
            let found = batch
                .poisoned
                .iter()
                .map(|info| (info.records, info.first.clone()));
            self.0.lock().unwrap().extend(found);
        }
    }
    let (ssc, counts) = (context(), Arc::new(Counts::default()));
    ssc.add_streaming_listener(counts.clone());
    let lines = source(&ssc, servers, &input, &unique("group"));
    let numbers = lines
        .on_poison(dead_letters(servers, &dead))
        .try_map(number);
    let good = collected(&numbers);
    stop_after(&ssc, &lines, 4);
    run(&ssc).await.unwrap();

    assert_eq!(*good.lock().unwrap(), [1]);
    let counted: u64 = counts.0.lock().unwrap().iter().map(|(n, _)| n).sum();
    assert_eq!(counted, 3);
    let letters = read(servers, &dead, 3).await;
    assert_eq!(letters.len(), 3);
    let letter = |value: Option<&str>| {
        let mut found = letters
            .iter()
            .filter(|l| l.value() == value.map(str::as_bytes));
        found.next().unwrap()
    };
    let x = letter(Some("x"));
    assert_eq!(
        (x.key(), x.timestamp()),
        (Some(&b"b"[..]), 1_700_000_000_123)
    );
    let of_x = headers(x);
    assert_eq!(
        of_x[..2],
        [
            ("trace".into(), "7".into()),
            ("empty".into(), "null".into())
        ]
    );
    let of = |record| headers(record).into_iter().collect::<BTreeMap<_, _>>();
    let expect = |record, expected: &[(&str, &str)]| {
        let headers = of(record);
        for (name, value) in expected {
            assert_eq!(
                headers[&format!("__stream.errors.{name}")],
                *value,
                "{headers:?}"
            );
        }
    };
    expect(
        x,
        &[
            ("topic", input.as_str()),
            ("partition", "0"),
            ("offset", "1"),
            ("stage", "try_map"),
            ("exception.message", "invalid digit found in string"),
        ],
    );
    assert!(of(x)["__stream.errors.class.name"].contains("poison_on_kafka/main.rs:"));
    assert!(of(x)["__stream.errors.exception.class.name"].contains("Error"));
    assert!(of(x)["__stream.errors.batch.time"].parse::<u64>().unwrap() > 1_700_000_000_000);
    let panicked = letter(Some("!"));
    assert_eq!(
        (panicked.key(), panicked.timestamp()),
        (None, 1_600_000_000_000)
    );
    expect(
        panicked,
        &[
            ("partition", "1"),
            ("offset", "0"),
            ("exception.class.name", "panic"),
            ("exception.message", "panicked: no number at all"),
        ],
    );
    let tombstone = letter(None);
    assert_eq!(tombstone.key(), Some(&b"c"[..]));
    expect(
        tombstone,
        &[("offset", "1"), ("exception.message", "it has no value")],
    );
}

async fn dead_letters_come_once_though_the_stream_is_computed_twice_and_again_after_a_failed_batch(
    servers: &str,
) {
    let input = topic(servers, "numbers", &[]).await;
    let dead = topic(servers, "dead", &[]).await;
    let values: Vec<String> = (0..2000)
        .map(|n| {
            if n % 10 == 3 {
                format!("bad {n}")
            } else {
                n.to_string()
            }
        })
        .collect();
    let records: Vec<(&str, Option<&str>)> =
        values.iter().map(|v| (&v[..], Some(&v[..]))).collect();
    write(servers, &input, &records).await;
    let group = unique("group");
    let program = |fails: bool| {
        let ssc = context();
        let lines = source(&ssc, servers, &input, &group);
        let numbers = lines
            .on_poison(dead_letters(servers, &dead))
            .try_map(number);
        numbers.foreach_rdd(|rdd| rdd.take(1).map(drop));
        let good = collected(&numbers);
        collected(&numbers.map(|n| n / 2));
        numbers.foreach_rdd(move |_| if fails { Err("no space left") } else { Ok(()) });
        stop_after(&ssc, &lines, 2000);
        (ssc, good)
    };
    let (ssc, _) = program(true);
    let error = run(&ssc).await.unwrap_err().to_string();
    assert!(error.ends_with("failed: no space left"), "{error}");
    assert_eq!(
        read(servers, &dead, 0).await.len(),
        0,
        "dead letters of a batch that failed"
    );
    let (ssc, good) = program(false);
    run(&ssc).await.unwrap();
    assert_eq!(good.lock().unwrap().len(), 1800);
    let letters = read(servers, &dead, 200).await;
    let mut found: Vec<String> = letters
        .iter()
        .map(|l| l.value_utf8_lossy().into_owned())
        .collect();
    found.sort();
    let mut expected: Vec<String> = values
        .into_iter()
        .filter(|v| v.starts_with("bad"))
        .collect();
    expected.sort();
    assert_eq!(found, expected);
}

async fn a_dead_letter_that_fails_again_has_the_new_cause_only(servers: &str) {
    let input = topic(servers, "numbers", &[]).await;
    let (dead, deader) = (
        topic(servers, "dead", &[]).await,
        topic(servers, "deader", &[]).await,
    );
    write(servers, &input, &[("k", Some("x"))]).await;
    for (from, to) in [(&input, &dead), (&dead, &deader)] {
        let ssc = context();
        let lines = source(&ssc, servers, from, &unique("group"));
        collected(&lines.on_poison(dead_letters(servers, to)).try_map(number));
        stop_after(&ssc, &lines, 1);
        run(&ssc).await.unwrap();
    }
    let letter = &read(servers, &deader, 1).await[0];
    let of_topic = |(name, _): &(String, String)| name == "__stream.errors.topic";
    let topics: Vec<_> = headers(letter).into_iter().filter(of_topic).collect();
    assert_eq!(topics, [("__stream.errors.topic".to_owned(), dead)]);
}

async fn a_dead_letter_topic_that_cannot_be_is_named_at_the_start(servers: &str) {
    let input = topic(servers, "numbers", &[]).await;
    let ssc = context();
    let lines = source(&ssc, servers, &input, &unique("group"));
    let policy =
        PoisonPolicy::dead_letter(DeadLetterTopic::new("bad name!").bootstrap_servers(servers));
    collected(&lines.on_poison(policy).try_map(number));
    let error = run(&ssc).await.unwrap_err().to_string();
    assert!(
        error.contains("try_map at ") && error.contains("bad name!"),
        "{error}"
    );
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Order {
    customer: String,
    apples: i32,
}

fn order(customer: &str, apples: i32) -> Order {
    let customer = customer.to_owned();
    Order { customer, apples }
}

async fn json_csv_and_avro_values_are_read_and_written(servers: &str) {
    let input = topic(servers, "csv", &[]).await;
    let json = topic(servers, "json", &[]).await;
    let avro = topic(servers, "avro", &[]).await;
    let server = Registry::start().await;
    let registry = SchemaRegistry::builder(server.url()).build().unwrap();
    let schema = AvroSchema::parse(
        r#"{"type": "record", "name": "Order", "fields": [
            {"name": "customer", "type": "string"}, {"name": "apples", "type": "int"}]}"#,
    )
    .unwrap();
    write(
        servers,
        &input,
        &[
            ("a", Some("ann;3")),
            ("b", Some("bob;-4")),
            ("c", Some("carl")),
        ],
    )
    .await;

    let ssc = context();
    let lines = source(&ssc, servers, &input, &unique("group"));
    let csv = Csv::with_columns(["customer", "apples"]).delimiter(b';');
    let orders = lines.on_poison(PoisonPolicy::Skip).from_csv::<Order>(csv);
    let pairs = orders.map(|order| (order.customer.clone(), order));
    let to = |topic: &str| KafkaSink::topic(topic).bootstrap_servers(servers);
    pairs.values_to_json().save_to_kafka(to(&json));
    let serializer = AvroSerializer::new(registry.clone(), schema);
    pairs
        .serialize_values(&avro, serializer)
        .save_to_kafka(to(&avro));
    stop_after(&ssc, &lines, 3);
    run(&ssc).await.unwrap();
    write(
        servers,
        &json,
        &[("d", None), ("e", Some("{\"customer\": \"eve\"}"))],
    )
    .await;
    write(servers, &avro, &[("d", None), ("e", Some("not Avro"))]).await;

    let ssc = context();
    let both = |topic: &str| source(&ssc, servers, topic, &unique("group"));
    let (jsons, avros) = (both(&json), both(&avro));
    let skip = || PoisonPolicy::Skip;
    let keyed = jsons
        .on_poison(skip())
        .deserialize_pairs::<String, Option<Order>, _, _>(Plain, Nullable(Json));
    let from_json = collected(&keyed);
    let tombstones_are_poisoned = collected(&jsons.on_poison(skip()).from_json::<Order>());
    let format = AvroDeserializer::new(registry);
    let from_avro = collected(
        &avros
            .on_poison(skip())
            .deserialize::<Option<Order>, _>(Nullable(format)),
    );
    stop_after(&ssc, &jsons.union(&avros), 8);
    run(&ssc).await.unwrap();
    let (ann, bob) = (order("ann", 3), order("bob", -4));
    assert_eq!(
        sorted(&from_json),
        [
            ("ann".to_owned(), Some(ann.clone())),
            ("bob".to_owned(), Some(bob.clone())),
            ("d".to_owned(), None)
        ]
    );
    assert_eq!(sorted(&tombstones_are_poisoned), [ann.clone(), bob.clone()]);
    assert_eq!(sorted(&from_avro), [None, Some(ann), Some(bob)]);
}
