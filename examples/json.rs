//! Writes typed records as JSON, and reads them.
//!
//! ```sh ci
//! cargo run --example json --features json
//! ```
//!
//! starts an embedded broker; with `--bootstrap-servers` it works on a real Kafka.

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use examples::cluster::{Cluster, create_topic};
use kafka_client::TopicPartition;
use kafka_client::admin::Admin;
use kafka_client::consumer::Consumer;
use kafka_client::producer::{Producer, TypedProducer, TypedRecord};
use kafka_client::serialization::{Json, Nullable, Plain};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    customer: String,
    apples: u32,
}

/// Writes typed records as JSON, and reads them.
#[derive(Debug, Parser)]
struct Options {
    /// A Kafka to work with, HOST:PORT [default: a broker started in this process]
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: Option<String>,
    /// The topic to write and to read; created if it is not there
    #[arg(long, value_name = "TOPIC", default_value = "orders")]
    topic: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let cluster = Cluster::connect(options.bootstrap_servers).await?;
    let servers = cluster.bootstrap_servers();
    let topic = options.topic.as_str();
    let admin = Admin::builder().bootstrap_servers(servers).build().await?;
    create_topic(&admin, topic, 1).await?;

    let producer = Producer::builder().bootstrap_servers(servers);
    let orders: TypedProducer<str, Order, _, _> =
        TypedProducer::with(producer.build().await?, Plain, Json);
    let order = Order {
        customer: "c-7".to_owned(),
        apples: 3,
    };
    let sent = orders.send(TypedRecord::to(topic).key("c-7").value(&order));
    let first = sent.await?.await?;
    // A tombstone: the customer has no order any more.
    orders
        .send(TypedRecord::to(topic).key("c-7"))
        .await?
        .await?;

    let consumer = Consumer::builder().bootstrap_servers(servers);
    let consumer = consumer.build().await?;
    let partition = TopicPartition::new(topic, first.partition.partition);
    consumer.assign_at([(partition, first.offset.unwrap_or(0))])?;
    let mut read = 0;
    while read < 2 {
        let records = consumer.poll(Duration::from_secs(1)).await?;
        for record in records.typed::<&str, Option<Order>>(&Plain, &Nullable(Json)) {
            let record = record?;
            println!("{}: {:?}", record.key, record.value);
            read += 1;
        }
    }
    orders.producer().close(Duration::from_secs(10)).await?;
    consumer.close(Duration::from_secs(10)).await?;
    cluster.shutdown().await;
    Ok(())
}
