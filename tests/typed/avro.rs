//! Avro records with a schema registry.

use std::time::Duration;

use kafka_client::Error;
use kafka_client::producer::{Record, TypedProducer, TypedRecord};
use kafka_client::schema_registry::{
    AvroDeserializer, AvroSchema, AvroSerializer, RegistryCode, SchemaRegistry, SubjectNameStrategy,
};
use kafka_client::serialization::{Nullable, Plain};
use serde::{Deserialize, Serialize};
use tests::registry::Registry;

use crate::{Cluster, client, within};

const ORDER: &str = r#"{"type":"record","name":"shop.Order","fields":[
    {"name":"customer","type":"string"},{"name":"apples","type":"int"}]}"#;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: String,
    apples: i32,
}

fn order(apples: i32) -> Order {
    Order {
        customer: format!("c-{apples}"),
        apples,
    }
}

fn serializer(registry: &Registry) -> AvroSerializer {
    AvroSerializer::new(client(registry), AvroSchema::parse(ORDER).unwrap())
}

type Orders = TypedProducer<str, Order, Plain, AvroSerializer>;

async fn records_are_read_as_they_were_written_with_one_lookup_each(cluster: Cluster) {
    let registry = Registry::start().await;
    let topic = cluster.topic("avro").await;
    let orders: Orders =
        TypedProducer::with(cluster.producer().await, Plain, serializer(&registry));
    let expected: Vec<_> = (0..100).map(order).collect();
    for order in &expected {
        let record = TypedRecord::to(&topic).key("k").value(order);
        within("sending", orders.send(record)).await.unwrap();
    }
    let tombstone = TypedRecord::to(&topic).key("k");
    within("sending", orders.send(tombstone)).await.unwrap();
    within("flushing", orders.producer().flush()).await.unwrap();
    assert_eq!(
        registry.take_asked(),
        [format!("POST /subjects/{topic}-value/versions")]
    );

    let avro = AvroDeserializer::new(client(&registry));
    let (mut read, mut tombstones) = (Vec::new(), 0);
    for records in cluster.read(&topic, 101).await {
        let avro = Nullable(avro.clone());
        let typed = records.typed_with_schemas::<&str, Option<Order>>(&Plain, &avro);
        for record in within("schemas", typed).await.unwrap() {
            match record.unwrap().value {
                Some(order) => read.push(order),
                None => tombstones += 1,
            }
        }
    }
    assert_eq!((read, tombstones), (expected, 1));
    assert_eq!(registry.take_asked(), ["GET /schemas/ids/1"]);
}

#[tokio::test]
async fn avro_on_the_embedded_broker() {
    records_are_read_as_they_were_written_with_one_lookup_each(Cluster::embedded().await).await;
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn avro_on_kafka() {
    records_are_read_as_they_were_written_with_one_lookup_each(Cluster::real()).await;
}

#[tokio::test]
async fn bytes_that_are_not_of_the_schema_are_refused_and_the_others_are_read() {
    let (cluster, registry) = (Cluster::embedded().await, Registry::start().await);
    let topic = cluster.topic("avro-bad").await;
    let orders: Orders =
        TypedProducer::with(cluster.producer().await, Plain, serializer(&registry));
    let good = order(7);
    let record = TypedRecord::to(&topic).value(&good);
    within("sending", orders.send(record)).await.unwrap();
    let bad: [(&[u8], &str); 9] = [
        (b"", "it is empty, without the prefix of a schema"),
        (b"{}", "it begins with byte 123, and not with the prefix"),
        (b"\0\0\0", "it has 3 bytes, too few for the prefix"),
        (
            b"\0\0\0\0\x63x",
            "looking up schema 99: the schema registry at",
        ),
        (
            b"\0\0\0\0\x63y",
            "looking up schema 99: the schema registry at",
        ),
        (b"\0\0\0\0\x01", "it is not what schema 1 says"),
        (b"\0\0\0\0\x01\x02", "it is not what schema 1 says"),
        // A text of 2^40 bytes.
        (
            b"\0\0\0\0\x01\x80\x80\x80\x80\x80\x80\x01",
            "it is not what schema 1 says",
        ),
        (b"\0\0\0\0\x01\x02c\x02rest", "4 bytes are left over"),
    ];
    for (bytes, _) in &bad {
        let record = Record::to(&topic).value(bytes);
        within("sending", orders.producer().send(record))
            .await
            .unwrap();
    }
    let record = TypedRecord::to(&topic).value(&good);
    within("sending", orders.send(record)).await.unwrap();
    within("flushing", orders.producer().flush()).await.unwrap();

    registry.take_asked();
    let avro = AvroDeserializer::new(client(&registry));
    let mut read = Vec::new();
    for records in cluster.read(&topic, bad.len() + 2).await {
        let typed = records.typed_with_schemas::<Option<&str>, Order>(&Plain, &avro);
        for record in within("schemas", typed).await.unwrap() {
            read.push(record.map(|record| record.value));
        }
    }
    let asked = ["GET /schemas/ids/1", "GET /schemas/ids/99"];
    assert_eq!(registry.take_asked(), asked);
    assert_eq!(read.first(), Some(&Ok(good.clone())));
    assert_eq!(read.last(), Some(&Ok(good)));
    for (at, ((_, expected), read)) in bad.iter().zip(&read[1..]).enumerate() {
        let error = read.as_ref().unwrap_err();
        let place = format!("the value of the record at offset {} of {topic}-0", at + 1);
        let text = error.to_string();
        assert!(
            text.starts_with(&place) && text.contains(expected),
            "{text}"
        );
        assert!(matches!(error, Error::Deserialization { .. }));
    }
}

#[tokio::test]
async fn values_that_do_not_go_with_the_schema_are_not_sent() {
    let (cluster, registry) = (Cluster::embedded().await, Registry::start().await);
    let topic = cluster.topic("avro-refused").await;
    let numbers: TypedProducer<str, i64, _, _> =
        TypedProducer::with(cluster.producer().await, Plain, serializer(&registry));
    let record = TypedRecord::to(&topic).value(&7);
    let error = within("sending", numbers.send(record)).await.unwrap_err();
    let text = error.to_string();
    let begin = format!(
        "the value of a record for \"{topic}\" was refused by its serializer: it does not go with schema 1: "
    );
    assert!(text.starts_with(&begin), "{text}");
}

#[tokio::test]
async fn a_registry_that_is_away_is_an_error_that_may_be_tried_again() {
    let (cluster, registry) = (Cluster::embedded().await, Registry::start().await);
    let topic = cluster.topic("avro-away").await;
    let orders: Orders =
        TypedProducer::with(cluster.producer().await, Plain, serializer(&registry));
    registry.fail_next([500; 4]);
    let order = order(1);
    let send = || orders.send(TypedRecord::to(&topic).value(&order));
    let error = within("an error", send()).await.unwrap_err();
    assert!(error.is_retriable() && !error.is_fatal(), "{error}");
    let Error::SchemaRegistry(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.code(), Some(RegistryCode::Backend(500)));
    within("sending", send()).await.unwrap();
    within("flushing", orders.producer().flush()).await.unwrap();
    // The same for reading: the records are still there.
    let records = cluster.read(&topic, 1).await.remove(0);
    let avro = AvroDeserializer::new(client(&registry));
    registry.fail_next([503; 4]);
    let read = || records.typed_with_schemas::<Option<&str>, Order>(&Plain, &avro);
    let error = within("an error", read()).await.err().expect("an error");
    assert!(error.is_retriable(), "{error}");
    let mut read = within("schemas", read()).await.unwrap();
    assert_eq!(read.next().unwrap().unwrap().value, order);
}

#[tokio::test]
async fn subjects_are_named_by_topic_by_record_or_by_both() {
    let (cluster, registry) = (Cluster::embedded().await, Registry::start().await);
    let topic = cluster.topic("avro-subjects").await;
    let producer = cluster.producer().await;
    let order = order(1);
    for (strategy, expected) in [
        (SubjectNameStrategy::Topic, format!("{topic}-key")),
        (SubjectNameStrategy::Record, "shop.Order".to_owned()),
        (
            SubjectNameStrategy::TopicRecord,
            format!("{topic}-shop.Order"),
        ),
    ] {
        let format = serializer(&registry).subject_name_strategy(strategy);
        let keys: TypedProducer<Order, str, _, _> =
            TypedProducer::with(producer.clone(), format, Plain);
        let record = TypedRecord::to(&topic).key(&order);
        within("sending", keys.send(record)).await.unwrap();
        let asked = registry.take_asked();
        assert_eq!(asked, [format!("POST /subjects/{expected}/versions")]);
    }
    let nameless = AvroSchema::parse(r#""int""#).unwrap();
    let format = AvroSerializer::new(client(&registry), nameless)
        .subject_name_strategy(SubjectNameStrategy::Record);
    let numbers: TypedProducer<str, i32, _, _> = TypedProducer::with(producer, Plain, format);
    let error = numbers.send(TypedRecord::to(&topic).value(&1)).await;
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("goes by the name of a schema, and this one has none"),
        "{text}"
    );
}

#[tokio::test]
async fn schemas_are_registered_only_where_that_is_wanted() {
    let (cluster, registry) = (Cluster::embedded().await, Registry::start().await);
    let topic = cluster.topic("avro-registered").await;
    let format = serializer(&registry).auto_register_schemas(false);
    let orders: Orders = TypedProducer::with(cluster.producer().await, Plain, format);
    let order = order(1);
    let send = || orders.send(TypedRecord::to(&topic).value(&order));
    let error = within("an error", send()).await.unwrap_err();
    let Error::SchemaRegistry(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.code(), Some(RegistryCode::SubjectNotFound));
    let schema = AvroSchema::parse(ORDER).unwrap();
    let subject = format!("{topic}-value");
    let registry = client(&registry);
    let known = registry.register(&subject, schema.schema());
    known.await.unwrap();
    within("sending", send()).await.unwrap();
}

#[test]
fn what_is_no_schema_is_refused() {
    for text in ["", "{}", r#"{"type":"record"}"#, r#""Unknown""#, "null"] {
        let error = AvroSchema::parse(text).unwrap_err().to_string();
        assert!(
            error.starts_with("an Avro schema: it is no Avro schema: "),
            "{text}: {error}"
        );
    }
}

#[tokio::test]
async fn hostile_bytes_for_a_recursive_schema_are_an_error() {
    let (cluster, registry) = (Cluster::embedded().await, Registry::start().await);
    let topic = cluster.topic("avro-deep").await;
    let list =
        r#"{"type":"record","name":"List","fields":[{"name":"next","type":["null","List"]}]}"#;
    let list = AvroSchema::parse(list).unwrap();
    let registry: SchemaRegistry = client(&registry);
    registry.register("deep", list.schema()).await.unwrap();
    let mut bytes = vec![0, 0, 0, 0, 1];
    bytes.resize(500_000, 2);
    let producer = cluster.producer().await;
    let sent = producer.send(Record::to(&topic).value(&bytes)).await;
    within("writing", sent.unwrap()).await.unwrap();
    #[derive(Debug, Deserialize)]
    struct List {
        #[expect(dead_code)]
        next: Option<Box<List>>,
    }
    let records = cluster.read(&topic, 1).await.remove(0);
    for avro in [
        AvroDeserializer::new(registry.clone()),
        AvroDeserializer::new(registry).reader_schema(AvroSchema::parse(r#""int""#).unwrap()),
    ] {
        let read = records.typed_with_schemas::<Option<&str>, List>(&Plain, &avro);
        let read = tokio::time::timeout(Duration::from_secs(10), read).await;
        let error = read.unwrap().unwrap().next().unwrap().unwrap_err();
        assert!(matches!(error, Error::Deserialization { .. }), "{error}");
    }
}
