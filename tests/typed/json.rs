//! JSON, by itself and with a schema.

use kafka_client::producer::{TypedProducer, TypedRecord};
use kafka_client::schema_registry::{
    JsonSchemaDeserializer, JsonSchemaSerializer, Schema, SubjectNameStrategy,
};
use kafka_client::serialization::{Json, Nullable, Plain};
use serde::{Deserialize, Serialize};
use tests::registry::Registry;

use crate::{Cluster, client, within};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: String,
    apples: u32,
}

fn order(apples: u32) -> Order {
    Order {
        customer: format!("c-{apples}"),
        apples,
    }
}

async fn json_is_read_as_it_was_written_and_errors_name_the_record(cluster: Cluster) {
    let topic = cluster.topic("json").await;
    let orders: TypedProducer<str, Order, _, _> =
        TypedProducer::with(cluster.producer().await, Plain, Json);
    for apples in 0..3 {
        let order = order(apples);
        let record = TypedRecord::to(&topic).key("k").value(&order);
        within("sending", orders.send(record)).await.unwrap();
    }
    let tombstone = TypedRecord::to(&topic).key("k");
    within("sending", orders.send(tombstone)).await.unwrap();
    within("flushing", orders.producer().flush()).await.unwrap();

    let (mut read, mut errors) = (Vec::new(), Vec::new());
    for records in cluster.read(&topic, 4).await {
        for record in records.typed::<&str, Option<Order>>(&Plain, &Nullable(Json)) {
            read.push(record.unwrap().value);
        }
        errors.extend(
            records
                .typed::<&str, Order>(&Plain, &Json)
                .filter_map(Result::err),
        );
    }
    let expected: Vec<_> = (0..3).map(order).map(Some).chain([None]).collect();
    assert_eq!(read, expected);
    assert_eq!(
        errors[0].to_string(),
        format!(
            "the value of the record at offset 3 of {topic}-0 was refused by its deserializer: it is null: read it by Nullable(Json), as an Option; go on with the next record, or seek to 4 to skip it"
        )
    );
}

#[tokio::test]
async fn json_on_the_embedded_broker() {
    json_is_read_as_it_was_written_and_errors_name_the_record(Cluster::embedded().await).await;
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn json_on_kafka() {
    json_is_read_as_it_was_written_and_errors_name_the_record(Cluster::real()).await;
}

#[tokio::test]
async fn json_with_a_schema_is_json_behind_its_id() {
    let (cluster, registry) = (Cluster::embedded().await, Registry::start().await);
    let topic = cluster.topic("json-schema").await;
    let schema = Schema::json(r#"{"title":"Order","type":"object"}"#);
    let format = JsonSchemaSerializer::new(client(&registry), schema)
        .unwrap()
        .subject_name_strategy(SubjectNameStrategy::TopicRecord);
    let orders: TypedProducer<str, Order, _, _> =
        TypedProducer::with(cluster.producer().await, Plain, format);
    let order = order(3);
    let record = || TypedRecord::to(&topic).value(&order);
    // There was nothing to wait for.
    let error = orders.try_send(record()).unwrap_err().to_string();
    assert!(error.contains("was not looked up yet"), "{error}");
    for _ in 0..2 {
        within("sending", orders.send(record())).await.unwrap();
    }
    within("flushing", orders.producer().flush()).await.unwrap();
    assert_eq!(
        registry.take_asked(),
        [format!("POST /subjects/{topic}-Order/versions")]
    );
    for records in cluster.read(&topic, 2).await {
        for record in records.records() {
            let expected = b"\0\0\0\0\x01{\"customer\":\"c-3\",\"apples\":3}";
            assert_eq!(record.value(), Some(&expected[..]));
        }
        let typed = records.typed::<Option<&str>, Order>(&Plain, &JsonSchemaDeserializer);
        for record in typed {
            assert_eq!(record.unwrap().value, order);
        }
    }
}
