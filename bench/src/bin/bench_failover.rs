//! How long producing stands still when a broker fails: `bench-failover TOPIC PARTITIONS SECONDS` writes a record to each
//! partition every few milliseconds, and prints the longest time that one of them was without an acknowledgement.
//!
//! The bootstrap address is in `BOOTSTRAP`. `failover/run` runs it beside the same program in Java.

use std::time::{Duration, Instant};

use kafka_client::producer::{Delivery, Producer, Record};
use tokio::sync::mpsc;

/// Between two records of a partition.
const PAUSE: Duration = Duration::from_millis(5);

fn main() -> std::process::ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    match runtime.block_on(run()) {
        Ok(line) => {
            println!("{line}");
            std::process::ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(message: &str) -> std::process::ExitCode {
    eprintln!("bench-failover: {message}");
    std::process::ExitCode::FAILURE
}

/// What was acknowledged of a partition, and the longest time between two acknowledgements.
async fn acknowledgements(
    mut written: mpsc::UnboundedReceiver<Delivery>,
) -> kafka_client::Result<(u64, Duration)> {
    let (mut count, mut longest) = (0, Duration::ZERO);
    let mut last: Option<Instant> = None;
    // A partition's records are acknowledged in order.
    while let Some(delivery) = written.recv().await {
        delivery.await?;
        let now = Instant::now();
        longest = longest.max(last.map_or(Duration::ZERO, |last| now - last));
        last = Some(now);
        count += 1;
    }
    Ok((count, longest))
}

async fn run() -> Result<String, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [topic, partitions, seconds] = &arguments[..] else {
        return Err("bench-failover TOPIC PARTITIONS SECONDS".into());
    };
    let bootstrap = std::env::var("BOOTSTRAP")?;
    let producer = Producer::builder()
        .bootstrap_servers(bootstrap)
        .linger(Duration::ZERO)
        .build()
        .await?;
    let mut sinks = Vec::new();
    let mut readers = Vec::new();
    for _ in 0..partitions.parse()? {
        let (sink, written) = mpsc::unbounded_channel();
        sinks.push(sink);
        readers.push(tokio::spawn(acknowledgements(written)));
    }
    let end = Instant::now() + Duration::from_secs(seconds.parse()?);
    let mut ticks = tokio::time::interval(PAUSE);
    while Instant::now() < end {
        ticks.tick().await;
        for (partition, sink) in (0..).zip(&sinks) {
            let record = Record::to(topic).partition(partition).value("record");
            sink.send(producer.send(record).await?)?;
        }
    }
    drop(sinks);
    let (mut count, mut longest) = (0, Duration::ZERO);
    for reader in readers {
        let (acknowledged, gap) = reader.await??;
        count += acknowledged;
        longest = longest.max(gap);
    }
    producer.close(Duration::from_secs(30)).await?;
    Ok(format!("{count} {}", longest.as_millis()))
}
