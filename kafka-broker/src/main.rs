//! A dev broker: `cargo run -p kafka-broker -- --port 9092 --partitions 4`.

use std::process::ExitCode;

use clap::Parser;
use kafka_broker::{Broker, BrokerError};
use tracing_subscriber::EnvFilter;

#[cfg(feature = "fast-allocator")]
#[global_allocator]
static ALLOCATOR: rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;

/// A Kafka-compatible broker for development: everything is in memory, and gone when it stops.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The host name or address to listen on. There is no authentication: beware of anything but loopback.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 9092)]
    port: u16,
    /// The host that clients are told to connect to, if it is not the one that is listened on.
    #[arg(long, value_name = "HOST")]
    advertised_host: Option<String>,
    /// Partitions of a topic that is created without saying how many.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,
    /// A topic to create at the start; may be given several times.
    #[arg(long = "topic", value_name = "NAME[:PARTITIONS]")]
    topics: Vec<String>,
    /// Do not create topics just because a client asks for them.
    #[arg(long)]
    no_auto_create_topics: bool,
    /// How many bytes a partition keeps at least before its oldest records go; all if it is not given.
    #[arg(long, value_name = "BYTES")]
    retention_bytes: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kafka-broker: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), BrokerError> {
    let mut builder = Broker::builder()
        .host(options.host)
        .port(options.port)
        .default_partitions(options.partitions)
        .auto_create_topics(!options.no_auto_create_topics);
    if let Some(host) = options.advertised_host {
        builder = builder.advertised_host(host);
    }
    if let Some(bytes) = options.retention_bytes {
        builder = builder.retention_bytes(bytes);
    }
    let broker = builder.start().await?;
    for topic in &options.topics {
        // What is not a number belongs to the name, which is then refused by its colon.
        let named = topic
            .rsplit_once(':')
            .and_then(|(name, count)| Some((name, count.parse().ok()?)));
        let (name, partitions) = named.unwrap_or((topic, options.partitions));
        broker.create_topic(name, partitions)?;
    }
    println!("listening on {}", broker.bootstrap_servers());
    if let Err(error) = told_to_stop().await {
        tracing::warn!(%error, "cannot wait for a signal: stopping");
    }
    broker.shutdown().await;
    Ok(())
}

/// Waits for Ctrl-C or, where there is such a thing, for the signal that a supervisor sends.
async fn told_to_stop() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
