//! Tables of compacted topics.

use std::time::{Duration, SystemTime};

use kafka_client::producer::{Producer, Record};
use stream_engine::BoxError;
use stream_engine::kafka::KafkaTable;
use stream_engine::serialization::{Context, Deserializer, Plain};
use tests::kafka::unique;

use super::{
    collected, context, number, read, run, source, stop_after, terminated, topic, write, write_at,
};

fn customers(servers: &str, topic: &str) -> KafkaTable {
    KafkaTable::topic(topic).bootstrap_servers(servers)
}

pub(super) async fn a_table_is_loaded_before_the_first_batch_and_follows_its_topic(servers: &str) {
    let orders = topic(servers, "orders", &[]).await;
    let compacted = [("cleanup.policy", "compact")];
    let table = topic(servers, "customers", &compacted).await;
    let names: Vec<(String, String)> = (0..5000)
        .map(|n| (format!("c{n}"), format!("name {n}")))
        .collect();
    let records: Vec<(&str, Option<&str>)> =
        names.iter().map(|(k, v)| (&k[..], Some(&v[..]))).collect();
    write(
        servers,
        &table,
        &[("c1", Some("first name of all")), ("gone", Some("x"))],
    )
    .await;
    write(servers, &table, &records).await;
    write(servers, &table, &[("gone", None)]).await;

    let ssc = context();
    let lines = source(&ssc, servers, &orders, &unique("group"));
    let named = ssc
        .kafka_table_of::<String, String, _, _>(customers(servers, &table), Plain, Plain)
        .unwrap();
    let keyed = lines.deserialize_pairs::<String, i64, _, _>(Plain, NumberText);
    let joined = collected(&keyed.left_join_table(&named));
    let inner = collected(&keyed.join_table(&named).map(|(_, (n, _))| n));
    stop_after(&ssc, &lines, 60);
    tokio::task::block_in_place(|| ssc.start().map(drop)).unwrap();
    assert_eq!((named.len(), named.get(&"gone".to_owned())), (5000, None));
    // What was written to the table before a record was, is seen by that record: however close together.
    for n in 0..20 {
        let name = format!("changed {n}");
        write(servers, &table, &[("c1", Some(&name)), ("c2", None)]).await;
        let number = n.to_string();
        let three: Vec<(&str, Option<&str>)> = ["c1", "c2", "c3"]
            .iter()
            .map(|key| (*key, Some(&number[..])))
            .collect();
        write(servers, &orders, &three).await;
        write(servers, &table, &[("c2", Some("is back"))]).await;
    }
    terminated(&ssc).await.unwrap();
    let joined = joined.lock().unwrap();
    assert_eq!(joined.len(), 60);
    for (key, (n, name)) in joined.iter() {
        match (&key[..], name.as_deref()) {
            ("c1", Some(name)) => {
                let changed = name.strip_prefix("changed ").map(str::parse::<i64>);
                assert!(changed.unwrap().unwrap() >= *n, "order {n} saw {name:?}");
            }
            ("c2", name) => assert!(matches!(name, None | Some("is back")), "{name:?}"),
            ("c3", name) => assert_eq!(name, Some("name 3")),
            other => panic!("{other:?}"),
        }
    }
    assert!(inner.lock().unwrap().len() >= 40);
}

/// Numbers as text.
struct NumberText;

impl Deserializer<'_, i64> for NumberText {
    fn deserialize(&self, _: &Context<'_>, bytes: Option<&[u8]>) -> Result<i64, BoxError> {
        Ok(std::str::from_utf8(bytes.ok_or("it is null")?)?.parse()?)
    }
}

pub(super) async fn a_table_of_aborted_and_deleted_records_is_empty(servers: &str) {
    let table = topic(servers, "customers", &[("cleanup.policy", "compact")]).await;
    write(servers, &table, &[("a", Some("x")), ("a", None)]).await;
    let builder = Producer::builder().bootstrap_servers(servers);
    let builder = builder.transactional_id(unique("aborting"));
    let producer = builder.build().await.unwrap();
    producer.init_transactions().await.unwrap();
    producer.begin_transaction().await.unwrap();
    for partition in 0..2 {
        let record = Record::to(&table).partition(partition).key("b").value("y");
        drop(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();
    producer.abort_transaction().await.unwrap();
    // Each partition ends with a marker now, which no poll gives out.
    let ssc = context();
    let names = ssc
        .kafka_table_of::<String, String, _, _>(customers(servers, &table), Plain, Plain)
        .unwrap();
    let input = topic(servers, "orders", &[]).await;
    write(servers, &input, &[("a", Some("1"))]).await;
    let lines = source(&ssc, servers, &input, &unique("group"));
    let joined = collected(&lines.map(|_| ("a".to_owned(), 1)).left_join_table(&names));
    stop_after(&ssc, &lines, 1);
    run(&ssc).await.unwrap();
    assert!(names.is_empty());
    assert_eq!(*joined.lock().unwrap(), [("a".to_owned(), (1, None))]);
}

pub(super) async fn a_table_s_poisoned_record_is_named_or_skipped(servers: &str) {
    let input = topic(servers, "orders", &[]).await;
    let table = topic(servers, "stock", &[("cleanup.policy", "compact")]).await;
    write(
        servers,
        &table,
        &[("a", Some("1")), ("b", Some("one")), ("c", Some("!"))],
    )
    .await;
    let program = |skip: bool| {
        let ssc = context();
        let lines = source(&ssc, servers, &input, &unique("group"));
        let stock = ssc.kafka_table(customers(servers, &table).skip_poisoned(skip), |record| {
            let key = record.key_str()?.ok_or("it has no key")?.to_owned();
            Ok::<_, BoxError>((key, Some(number(record)?)))
        });
        let stock = stock.unwrap();
        let keyed = lines.map(|_| (String::new(), ()));
        collected(&keyed.join_table(&stock));
        (ssc, stock)
    };
    let (ssc, _) = program(false);
    let error = run(&ssc).await.unwrap_err().to_string();
    assert!(error.starts_with("kafka_table at "), "{error}");
    assert!(
        error.contains(&format!(" of {table}-")) && error.contains(" is poisoned: "),
        "{error}"
    );
    let (ssc, stock) = program(true);
    tokio::task::block_in_place(|| ssc.start().map(drop)).unwrap();
    assert_eq!((stock.len(), stock.get(&"a".to_owned())), (1, Some(1)));
    ssc.stop();
    terminated(&ssc).await.unwrap();
}

pub(super) async fn a_table_without_a_topic_is_named_at_the_start(servers: &str) {
    let input = topic(servers, "orders", &[]).await;
    let nowhere = unique("nowhere");
    let ssc = context();
    let lines = source(&ssc, servers, &input, &unique("group"));
    let table = ssc
        .kafka_table_of::<String, String, _, _>(customers(servers, &nowhere), Plain, Plain)
        .unwrap();
    collected(&lines.map(|_| (String::new(), ())).join_table(&table));
    let error = run(&ssc).await.unwrap_err().to_string();
    assert!(
        error.starts_with("kafka_table at ") && error.contains(&nowhere),
        "{error}"
    );
}

/// The table's topic is really compacted: old values and deleted keys are gone from the log, and offsets have gaps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_table_of_a_compacted_log_has_the_newest_values() {
    let servers = tests::kafka::bootstrap();
    let configs = [
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.0"),
        ("segment.ms", "100"),
        ("delete.retention.ms", "0"),
        ("min.compaction.lag.ms", "0"),
        ("max.compaction.lag.ms", "100"),
    ];
    let table = topic(&servers, "compacted", &configs).await;
    let keys: Vec<String> = (0..40).map(|n| format!("k{n}")).collect();
    // A segment ends where a record is more than `segment.ms` younger than the segment's first: by the records' own times.
    let minutes_ago = |minutes: u64| {
        let time = SystemTime::now() - Duration::from_secs(60 * minutes);
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        i64::try_from(since.as_millis()).unwrap()
    };
    for round in 0..5 {
        let time = Some(minutes_ago(10 - round));
        let value = format!("v{round}");
        let records: Vec<(&str, Option<&str>)> = keys
            .iter()
            .map(|key| (&key[..], Some(&value[..])))
            .collect();
        write_at(&servers, &table, time, &records).await;
        write_at(&servers, &table, time, &[("k7", None)]).await;
    }
    let compacted = async {
        loop {
            let records = read(&servers, &table, 0).await;
            let mut first = records.iter().filter(|r| r.partition().partition == 0);
            if records.len() < 150 && first.next().is_none_or(|record| record.offset() > 0) {
                return records;
            }
            // What is written rolls the segment that is open.
            write(&servers, &table, &[("k0", Some("v4")), ("k1", Some("v4"))]).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let limit = Duration::from_secs(90);
    let records = tokio::time::timeout(limit, compacted).await;
    let records = records.unwrap_or_else(|_| panic!("the log was not compacted within {limit:?}"));
    println!("compacted to {} records", records.len());

    let ssc = context();
    let input = topic(&servers, "orders", &[]).await;
    let lines = source(&ssc, &servers, &input, &unique("group"));
    let names = ssc
        .kafka_table_of::<String, String, _, _>(customers(&servers, &table), Plain, Plain)
        .unwrap();
    collected(&lines.map(|_| (String::new(), ())).join_table(&names));
    tokio::task::block_in_place(|| ssc.start().map(drop)).unwrap();
    for (n, key) in keys.iter().enumerate() {
        let expected = (n != 7).then(|| "v4".to_owned());
        assert_eq!(names.get(key), expected, "{key}");
    }
    ssc.stop();
    terminated(&ssc).await.unwrap();
}
