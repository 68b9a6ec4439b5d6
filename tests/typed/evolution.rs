//! Schemas that change between writing and reading, and schemas that refer to others.

use kafka_client::producer::{TypedProducer, TypedRecord};
use kafka_client::schema_registry::{AvroDeserializer, AvroSchema, AvroSerializer, Schema};
use kafka_client::serialization::Plain;
use serde::{Deserialize, Serialize};
use tests::registry::Registry;

use crate::{Cluster, client, within};

fn order(fields: &str) -> AvroSchema {
    let text = format!(r#"{{"type":"record","name":"Order","fields":[{fields}]}}"#);
    AvroSchema::parse(&text).unwrap()
}

const OLD: &str = r#"{"name":"customer","type":"string"},{"name":"apples","type":"int"}"#;
/// A wider number, and a field that is new.
const NEW: &str = r#"{"name":"customer","type":"string"},{"name":"apples","type":"long"},
    {"name":"paid","type":"boolean","default":true}"#;

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Old {
    customer: String,
    apples: i32,
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct New {
    customer: String,
    apples: i64,
    paid: bool,
}

#[tokio::test]
async fn old_and_new_records_are_read_in_the_readers_schema() {
    let (cluster, registry) = (Cluster::embedded().await, Registry::start().await);
    let topic = cluster.topic("evolution").await;
    let producer = cluster.producer().await;
    let old = AvroSerializer::new(client(&registry), order(OLD));
    let old: TypedProducer<str, Old, _, _> = TypedProducer::with(producer.clone(), Plain, old);
    let new = AvroSerializer::new(client(&registry), order(NEW));
    let new: TypedProducer<str, New, _, _> = TypedProducer::with(producer.clone(), Plain, new);
    let (customer, value) = ("c".to_owned(), 3);
    let before = Old {
        customer: customer.clone(),
        apples: value,
    };
    let record = TypedRecord::to(&topic).value(&before);
    within("sending", old.send(record)).await.unwrap();
    let after = New {
        customer: customer.clone(),
        apples: 4,
        paid: false,
    };
    let record = TypedRecord::to(&topic).value(&after);
    within("sending", new.send(record)).await.unwrap();
    within("flushing", producer.flush()).await.unwrap();

    let avro = AvroDeserializer::new(client(&registry)).reader_schema(order(NEW));
    let mut read = Vec::new();
    for records in cluster.read(&topic, 2).await {
        let typed = records.typed_with_schemas::<Option<&str>, New>(&Plain, &avro);
        for record in within("schemas", typed).await.unwrap() {
            read.push(record.unwrap().value);
        }
    }
    let brought = New {
        customer,
        apples: 3,
        paid: true,
    };
    assert_eq!(read, [brought, after]);
}

#[tokio::test]
async fn the_latest_schema_is_written_with_where_that_is_wanted() {
    let (cluster, registry) = (Cluster::embedded().await, Registry::start().await);
    let topic = cluster.topic("latest").await;
    let subject = format!("{topic}-value");
    let latest = order(r#"{"name":"apples","type":"int"},{"name":"customer","type":"string"}"#);
    let id = client(&registry).register(&subject, latest.schema()).await;
    let format = AvroSerializer::new(client(&registry), order(OLD)).use_latest_version(true);
    let orders: TypedProducer<str, Old, _, _> =
        TypedProducer::with(cluster.producer().await, Plain, format);
    let value = Old {
        customer: "c".to_owned(),
        apples: 3,
    };
    let record = TypedRecord::to(&topic).value(&value);
    let sent = within("sending", orders.send(record)).await.unwrap();
    within("writing", sent).await.unwrap();
    let records = cluster.read(&topic, 1).await.remove(0);
    let bytes = records.records().next().unwrap().value().unwrap();
    assert_eq!((id, bytes), (Ok(1), &b"\0\0\0\0\x01\x06\x02c"[..]));
}

#[tokio::test]
async fn schemas_that_refer_to_others_are_read_with_them() {
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "UPPERCASE")]
    enum Currency {
        Eur,
        Usd,
    }
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Price {
        cents: i64,
        currency: Currency,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sale {
        price: Price,
        discount: Option<Price>,
        currency: Currency,
    }
    let (cluster, server) = (Cluster::embedded().await, Registry::start().await);
    let topic = cluster.topic("references").await;
    let registry = client(&server);
    let currency = r#"{"type":"enum","name":"m.Currency","symbols":["EUR","USD"]}"#;
    let currency = Schema::avro(currency);
    registry.register("currency", &currency).await.unwrap();
    let price = r#"{"type":"record","name":"m.Price","fields":[
        {"name":"cents","type":"long"},{"name":"currency","type":"m.Currency"}]}"#;
    let price = Schema::avro(price).reference("m.Currency", "currency", 1);
    registry.register("price", &price).await.unwrap();
    let sale = r#"{"type":"record","name":"Sale","fields":[
        {"name":"price","type":"m.Price"},{"name":"discount","type":["null","m.Price"]},
        {"name":"currency","type":"m.Currency"}]}"#;
    let sale = Schema::avro(sale)
        .reference("m.Price", "price", 1)
        .reference("m.Currency", "currency", 1);
    let schema = AvroSchema::resolve(&registry, &sale).await.unwrap();
    let format = AvroSerializer::new(registry, schema.clone());
    let sales: TypedProducer<str, Sale, _, _> =
        TypedProducer::with(cluster.producer().await, Plain, format);
    let price = Price {
        cents: 1250,
        currency: Currency::Eur,
    };
    let sold = Sale {
        discount: Some(price.clone()),
        price,
        currency: Currency::Usd,
    };
    let record = TypedRecord::to(&topic).value(&sold);
    let sent = within("sending", sales.send(record)).await.unwrap();
    within("writing", sent).await.unwrap();

    let records = cluster.read(&topic, 1).await.remove(0);
    let avro = AvroDeserializer::new(client(&server));
    for avro in [avro.clone(), avro.reader_schema(schema)] {
        let typed = records.typed_with_schemas::<Option<&str>, Sale>(&Plain, &avro);
        let mut typed = within("schemas", typed).await.unwrap();
        assert_eq!(typed.next().unwrap().unwrap().value, sold);
    }
}
