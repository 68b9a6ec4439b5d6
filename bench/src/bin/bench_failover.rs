//! How long producing stands still when a broker fails: `bench-failover TOPIC PARTITIONS` writes a record to each partition
//! every few milliseconds. It prints `ready` when each of them has acknowledged one; when its input ends it waits for what is
//! on its way, and prints how many were acknowledged, and the longest time in milliseconds that a partition was without an
//! acknowledgement.
//!
//! The bootstrap address is in `BOOTSTRAP`. `failover/run` runs it beside the same program in Java.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kafka_client::producer::{Delivery, Producer, Record};
use tokio::sync::{mpsc, oneshot};

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
    first: oneshot::Sender<()>,
) -> kafka_client::Result<(u64, Duration)> {
    let mut first = Some(first);
    let (mut count, mut longest) = (0, Duration::ZERO);
    let mut last: Option<Instant> = None;
    // A partition's records are acknowledged in order.
    while let Some(delivery) = written.recv().await {
        delivery.await?;
        if let Some(first) = first.take() {
            let _ = first.send(());
        }
        let now = Instant::now();
        longest = longest.max(last.map_or(Duration::ZERO, |last| now - last));
        last = Some(now);
        count += 1;
    }
    Ok((count, longest))
}

async fn run() -> Result<String, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [topic, partitions] = &arguments[..] else {
        return Err("bench-failover TOPIC PARTITIONS".into());
    };
    let bootstrap = std::env::var("BOOTSTRAP")?;
    let producer = Producer::builder()
        .bootstrap_servers(bootstrap)
        .linger(Duration::ZERO)
        .build()
        .await?;
    let (mut sinks, mut readers, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..partitions.parse()? {
        let (sink, written) = mpsc::unbounded_channel();
        let (first, is_first) = oneshot::channel();
        sinks.push(sink);
        firsts.push(is_first);
        readers.push(tokio::spawn(acknowledgements(written, first)));
    }
    tokio::spawn(async move {
        for first in firsts {
            // Where none comes, its reader says why.
            if first.await.is_err() {
                return;
            }
        }
        println!("ready");
    });
    let is_over = Arc::<AtomicBool>::default();
    let told = is_over.clone();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        told.store(true, Ordering::Relaxed);
    });
    let mut ticks = tokio::time::interval(PAUSE);
    while !is_over.load(Ordering::Relaxed) {
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
