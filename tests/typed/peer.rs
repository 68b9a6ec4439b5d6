//! Confluent's own registry client and Avro serializers (Python) beside ours, on the same registry and the same topics.

use std::path::Path;
use std::process::{Command, Output};

use kafka_client::producer::{TypedProducer, TypedRecord};
use kafka_client::schema_registry::{AvroDeserializer, AvroSchema, AvroSerializer};
use kafka_client::serialization::Plain;
use serde::{Deserialize, Serialize};
use tests::registry::Registry;

use crate::{Cluster, client, within};

const SCHEMA: &str = r#"{"type":"record","name":"shop.Order","fields":[{"name":"customer","type":"string"},{"name":"apples","type":"long"},{"name":"note","type":["null","string"],"default":null}]}"#;
const COUNT: i64 = 50;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: String,
    apples: i64,
    note: Option<String>,
}

fn orders() -> Vec<Order> {
    let order = |n| Order {
        customer: format!("Zoë {n}"),
        apples: n * 1_000_003 - 7,
        note: (n % 2 == 0).then(|| "ripe".to_owned()),
    };
    (0..COUNT).map(order).collect()
}

fn printed(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs `tests/peers/avro.py` to its end.
async fn peer(cluster: &Cluster, registry: &Registry, arguments: &[&str]) -> String {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let (servers, url) = (cluster.servers.clone(), registry.url().to_owned());
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let run = tokio::task::spawn_blocking(move || {
        let python = Command::new(peers.join("avro.sh")).output().expect("bash");
        let program = Command::new(printed(python).trim())
            .arg(peers.join("avro.py"))
            .args([servers, url])
            .args(arguments)
            .output();
        printed(program.expect("python"))
    });
    run.await.unwrap()
}

async fn each_reads_what_the_other_has_written(cluster: Cluster) {
    let registry = Registry::start().await;
    let (ours, theirs) = (cluster.topic("ours").await, cluster.topic("theirs").await);
    let expected = orders();
    let schema = AvroSchema::parse(SCHEMA).unwrap();
    let format = AvroSerializer::new(client(&registry), schema);
    let producer: TypedProducer<str, Order, _, _> =
        TypedProducer::with(cluster.producer().await, Plain, format);
    for order in &expected {
        let record = TypedRecord::to(&ours).value(order);
        within("sending", producer.send(record)).await.unwrap();
    }
    within("flushing", producer.producer().flush())
        .await
        .unwrap();
    let count = COUNT.to_string();
    let read = peer(&cluster, &registry, &["read", &ours, &count]).await;
    let read: Vec<Order> = read
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(read, expected);

    let lines = expected
        .iter()
        .map(|order| serde_json::to_string(order).unwrap());
    let lines: Vec<String> = lines.collect();
    let mut arguments = vec!["write", &theirs, SCHEMA];
    arguments.extend(lines.iter().map(String::as_str));
    peer(&cluster, &registry, &arguments).await;
    let avro = AvroDeserializer::new(client(&registry));
    let mut read = Vec::new();
    for records in cluster.read(&theirs, expected.len()).await {
        let typed = records.typed_with_schemas::<Option<&str>, Order>(&Plain, &avro);
        for record in within("schemas", typed).await.unwrap() {
            read.push(record.unwrap().value);
        }
    }
    assert_eq!(read, expected);
    // Both have registered the same schema.
    let subject = format!("{theirs}-value");
    let version = client(&registry).version(&subject, 1).await.unwrap();
    assert_eq!((version.id, version.schema.text.as_str()), (1, SCHEMA));
    // To the byte.
    let bytes = async |topic| {
        let mut values = Vec::new();
        for records in cluster.read(topic, expected.len()).await {
            values.extend(
                records
                    .records()
                    .map(|record| record.value().map(<[u8]>::to_vec)),
            );
        }
        values
    };
    assert_eq!(bytes(&ours).await, bytes(&theirs).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn confluents_client_and_we_read_each_other_on_kafka() {
    each_reads_what_the_other_has_written(Cluster::real()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn confluents_client_and_we_read_each_other_on_the_embedded_broker() {
    each_reads_what_the_other_has_written(Cluster::embedded().await).await;
}
