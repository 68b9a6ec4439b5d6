//! Serves the metrics of a consumer for Prometheus while it reads.
//!
//! ```sh ci
//! cargo run --release --example metrics --features metrics
//! ```
//!
//! starts an embedded broker, writes and reads records, shows what <http://localhost:PORT/metrics> says of them, and ends.
//! With `--bootstrap-servers` it works on a real Kafka; with `--stay` it goes on until Ctrl-C.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use clap::Parser;
use examples::cluster::{Cluster, create_topic};
use kafka_client::admin::Admin;
use kafka_client::consumer::{Consumer, OffsetReset};
use kafka_client::metrics::prometheus;
use kafka_client::producer::{Producer, Record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves the metrics of a consumer for Prometheus while it reads.
#[derive(Debug, Parser)]
struct Options {
    /// A Kafka to work with, HOST:PORT [default: a broker started in this process]
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: Option<String>,
    /// The topic to write and to read; created with 2 partitions if it is not there
    #[arg(long, value_name = "TOPIC", default_value = "measured")]
    topic: String,
    /// Records to write and to read
    #[arg(long, value_name = "N", default_value_t = 1000)]
    records: usize,
    /// The port that Prometheus scrapes; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Go on reading and serving until Ctrl-C
    #[arg(long)]
    stay: bool,
}

/// What the program is about: one route, which asks the client each time.
fn routes(consumer: Consumer) -> Router {
    let metrics = move || async move {
        let text = prometheus::to_prometheus([&consumer.metrics()]);
        ([(CONTENT_TYPE, prometheus::CONTENT_TYPE)], text)
    };
    Router::new().route("/metrics", get(metrics))
}

async fn write(servers: &str, options: &Options) -> kafka_client::Result<()> {
    let admin = Admin::builder().bootstrap_servers(servers).build().await?;
    create_topic(&admin, &options.topic, 2).await?;
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        .build()
        .await?;
    let values: Vec<String> = (0..options.records)
        .map(|n| format!("record {n}"))
        .collect();
    let records = values
        .iter()
        .map(|value| Record::to(&options.topic).value(value));
    producer.send_all(records).await?;
    producer.close(Duration::from_secs(10)).await
}

/// Scrapes, as Prometheus would.
async fn scrape(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let cluster = Cluster::connect(options.bootstrap_servers.clone()).await?;
    write(cluster.bootstrap_servers(), &options).await?;
    let consumer = Consumer::builder()
        .bootstrap_servers(cluster.bootstrap_servers())
        .client_id("reader")
        .group_id("metrics-example")
        .auto_offset_reset(OffsetReset::Earliest)
        .build()
        .await?;
    consumer.subscribe([&*options.topic])?;

    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    let port = listener.local_addr()?.port();
    println!("http://localhost:{port}/metrics");
    let server = tokio::spawn(axum::serve(listener, routes(consumer.clone())).into_future());

    let mut read = 0;
    while options.stay || read < options.records {
        tokio::select! {
            polled = consumer.poll(Duration::from_secs(1)) => read += polled?.records().count(),
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    let answer = scrape(port).await?;
    let shown = [
        "records_consumed_total{",
        "records_lag{",
        "assigned_partitions{",
    ];
    for line in answer.lines() {
        if shown.iter().any(|name| line.contains(name)) {
            println!("{line}");
        }
    }
    server.abort();
    consumer.close(Duration::from_secs(10)).await?;
    cluster.shutdown().await;
    Ok(())
}
