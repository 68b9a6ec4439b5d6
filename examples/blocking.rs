//! Writes records and reads them as a group, without async.
//!
//! ```sh ci
//! cargo run --example blocking
//! ```
//!
//! starts an embedded broker; with `--bootstrap-servers` it works on a real Kafka.

use std::error::Error;
use std::time::Duration;

use clap::Parser;
use examples::cluster::Cluster;
use kafka_client::admin::NewTopic;
use kafka_client::blocking::{Admin, Consumer, Producer};
use kafka_client::consumer::OffsetReset;
use kafka_client::producer::Record;

const RECORDS: usize = 1000;

/// Writes records and reads them as a group, without async.
#[derive(Debug, Parser)]
struct Options {
    /// A Kafka to work with, HOST:PORT [default: a broker started in this process]
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: Option<String>,
    /// The topic to write and to read; created if it is not there
    #[arg(long, value_name = "TOPIC", default_value = "blocking")]
    topic: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    // Only for the broker in this process, which is an async program.
    let runtime = tokio::runtime::Runtime::new()?;
    let cluster = runtime.block_on(Cluster::connect(options.bootstrap_servers))?;
    let servers = cluster.bootstrap_servers();
    let topic = options.topic;

    let admin = Admin::builder().bootstrap_servers(servers);
    let admin = admin.build_blocking()?;
    if !admin.list_topics()?.iter().any(|it| it.name == topic) {
        for (_, result) in admin.create_topics([NewTopic::new(&topic).partitions(4)])? {
            result?;
        }
    }

    let producer = Producer::builder().bootstrap_servers(servers);
    let producer = producer.build_blocking()?;
    for n in 0..RECORDS {
        let value = format!("record {n}");
        drop(producer.send(Record::to(&topic).value(&value))?);
    }
    // Says whether all of them were written.
    producer.close(Duration::from_secs(30))?;

    let consumer = Consumer::builder()
        .bootstrap_servers(servers)
        .group_id("blocking-example")
        .auto_offset_reset(OffsetReset::Earliest)
        .enable_auto_commit(false)
        .build_blocking()?;
    consumer.subscribe([topic.as_str()])?;
    let mut read = 0;
    for record in &consumer {
        let record = record?;
        read += 1;
        if read % (RECORDS / 4) == 0 {
            println!(
                "{read}: {} has {}",
                record.partition(),
                record.value_utf8_lossy()
            );
        }
        if read == RECORDS {
            break;
        }
    }
    consumer.commit_sync()?;
    consumer.close(Duration::from_secs(10))?;
    runtime.block_on(cluster.shutdown());
    Ok(())
}
