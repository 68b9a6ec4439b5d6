//! Orders get the names of their customers, from a compacted topic kept as a table. Orders that cannot be read go to a
//! dead-letter topic, with the reason.
//!
//! ```sh
//! cargo run --release --example enrich --features json
//! ```
//!
//! starts an embedded broker, writes customers and orders, and ends when each order is in one of the two topics. With
//! `--bootstrap-servers` it works on a real Kafka. `--help` lists all options.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use examples::cluster::{Cluster, create_compacted_topic, create_topic};
use examples::orders::{Customer, Order, name, write_customers, write_orders};
use examples::progress::run_until_read;
use examples::verify::{ends, written_since};
use kafka_client::admin::Admin;
use kafka_client::consumer::Consumer;
use serde::{Deserialize, Serialize};
use stream_engine::kafka::{
    DeadLetterTopic, KafkaRecord, KafkaSink, KafkaSource, KafkaTable, StartingOffsets,
};
use stream_engine::serialization::{Json, Plain};
use stream_engine::{DStream, EngineError, PoisonPolicy, StreamingContext};

/// Orders get the names of their customers.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// A Kafka to work with, HOST:PORT [default: a broker started in this process]
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: Option<String>,
    /// How many customers there are
    #[arg(long, value_name = "N", default_value_t = 100)]
    customers: u64,
    /// How many orders to write
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    orders: u64,
}

const CUSTOMERS: &str = "customers";
const ORDERS: &str = "customer-orders";
const ENRICHED: &str = "enriched-orders";
const DEAD: &str = "dead-orders";

/// An order, as it is written with its customer's name.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct EnrichedOrder {
    customer: String,
    /// `None` if there is no such customer, or no more.
    name: Option<String>,
    apples: u64,
}

/// The streaming program.
fn program(
    ssc: &StreamingContext,
    orders: &DStream<KafkaRecord>,
    servers: &str,
) -> Result<(), EngineError> {
    let customers = KafkaTable::topic(CUSTOMERS).bootstrap_servers(servers);
    let customers = ssc.kafka_table_of::<String, Customer, _, _>(customers, Plain, Json)?;
    let dead = DeadLetterTopic::new(DEAD).bootstrap_servers(servers);
    orders
        .on_poison(PoisonPolicy::dead_letter(dead))
        .from_json::<Order>()
        .map(|order| (order.customer, order.apples))
        .left_join_table(&customers)
        .map(|(customer, (apples, found))| {
            let name = found.map(|customer| customer.name);
            (
                customer.clone(),
                EnrichedOrder {
                    customer,
                    name,
                    apples,
                },
            )
        })
        .values_to_json()
        .save_to_kafka(KafkaSink::topic(ENRICHED).bootstrap_servers(servers));
    Ok(())
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::connect(options.bootstrap_servers.clone()).await?;
    let servers = cluster.bootstrap_servers();
    let admin = Admin::builder().bootstrap_servers(servers).build().await?;
    create_compacted_topic(&admin, CUSTOMERS, 2).await?;
    for topic in [ORDERS, ENRICHED, DEAD] {
        create_topic(&admin, topic, 2).await?;
    }
    let probe = Consumer::builder()
        .bootstrap_servers(servers)
        .build()
        .await?;
    let (enriched_before, dead_before) = (ends(&probe, ENRICHED).await?, ends(&probe, DEAD).await?);
    write_customers(servers, CUSTOMERS, options.customers).await?;
    let bad = write_orders(servers, ORDERS, options.orders, options.customers).await?;

    let ssc = StreamingContext::builder("enrich")
        .batch_duration(Duration::from_millis(200))
        .build()?;
    let source = KafkaSource::subscribe([ORDERS])
        .bootstrap_servers(servers)
        .group_id("enrich")
        .starting_offsets(StartingOffsets::Earliest);
    let records = ssc.kafka_direct_stream(source)?;
    program(&ssc, &records, servers)?;
    run_until_read(&ssc, &records, &ends(&probe, ORDERS).await?).await?;

    // Each order has to be in one of the two topics, with the name that its customer had in the end.
    let enriched = written_since(servers, ENRICHED, &enriched_before).await?;
    let dead = written_since(servers, DEAD, &dead_before).await?;
    let names: BTreeMap<_, _> = (0..options.customers)
        .map(|n| (format!("c-{n}"), name(n)))
        .collect();
    let (mut named, mut wrong) = (0, 0);
    for record in &enriched {
        let order: EnrichedOrder = serde_json::from_slice(record.value().unwrap_or_default())?;
        named += usize::from(order.name.is_some());
        wrong += usize::from(names.get(&order.customer).cloned().flatten() != order.name);
    }
    println!(
        "{:>8}  orders written, {bad} of them broken",
        options.orders
    );
    println!("{named:>8}  with their customer's name, in {ENRICHED}, such as");
    for record in enriched.iter().take(2) {
        println!("          {}", record.value_utf8_lossy());
    }
    println!(
        "{:>8}  without a customer, in {ENRICHED}",
        enriched.len() - named
    );
    println!("{:>8}  dead letters, in {DEAD}, such as", dead.len());
    for record in dead.iter().take(2) {
        println!("          {}", record.value_utf8_lossy());
        for header in record
            .headers()
            .filter_map(Result::ok)
            .filter(|header| header.key.ends_with("exception.message"))
        {
            println!(
                "          {}",
                String::from_utf8_lossy(header.value.unwrap_or_default())
            );
        }
    }
    cluster.shutdown().await;
    if wrong > 0 || dead.len() != bad || (enriched.len() + dead.len()) as u64 != options.orders {
        return Err(
            format!("the counts do not add up, or {wrong} orders have the wrong name").into(),
        );
    }
    println!("checked: each order is in one of the topics, under the newest name");
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("enrich: {error}");
            ExitCode::FAILURE
        }
    }
}
