//! The client's side of the comparison: produces, consumes or measures round trips, and prints one line of JSON.
//!
//! The bootstrap address is in `BOOTSTRAP`, the file of lines in `CORPUS`, and a properties file for all clients, as for TLS, in
//! `PROPERTIES`.

use std::time::{Duration, Instant};

use kafka_client::TopicPartition;
use kafka_client::consumer::{Consumer, OffsetReset};
use kafka_client::producer::{Producer, Record};

#[cfg(feature = "fast-allocator")]
#[global_allocator]
static ALLOCATOR: rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;

const USAGE: &str = "bench-client produce TOPIC RECORDS SIZE CODEC | consume TOPIC RECORDS PARTITIONS | \
                     latency TOPIC WARM_UP ROUNDS";
/// Limits that every client of the comparison is given: of a batch, of a partition's part of a fetch.
const BATCH: usize = 1_000_000;
const FETCH: usize = 1 << 20;
/// What is buffered at most: a quarter of what the others are given. More does not make it faster, and a page of memory that
/// is touched for the first time costs more than all else that is done to the records in it.
const BUFFER: usize = 16 << 20;
/// How long to wait for records that are known to be there.
const PATIENCE: Duration = Duration::from_secs(20);

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
    eprintln!("bench-client: {message}");
    std::process::ExitCode::FAILURE
}

async fn run() -> Result<String, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["produce", topic, records, size, codec] => {
            produce(topic, records.parse()?, size.parse()?, codec).await
        }
        ["consume", topic, records, partitions] => {
            consume(topic, records.parse()?, partitions.parse()?).await
        }
        ["latency", topic, warm_up, rounds] => {
            latency(topic, warm_up.parse()?, rounds.parse()?).await
        }
        _ => Err(USAGE.into()),
    }
}

fn bootstrap() -> String {
    std::env::var("BOOTSTRAP").unwrap_or_else(|_| "127.0.0.1:19092".to_owned())
}

/// Settings for all clients, from the file that `PROPERTIES` names.
fn properties() -> Result<Vec<(String, String)>, Box<dyn std::error::Error>> {
    match std::env::var_os("PROPERTIES") {
        Some(file) => Ok(kafka_client::read_properties(&std::fs::read_to_string(
            file,
        )?)?),
        None => Ok(Vec::new()),
    }
}

/// What went through, and how long that took.
struct Tally {
    start: Instant,
    setup: f64,
    first: f64,
    records: u64,
    bytes: u64,
    check: u64,
}

impl Tally {
    fn start() -> Self {
        Self {
            start: Instant::now(),
            setup: 0.0,
            first: 0.0,
            records: 0,
            bytes: 0,
            check: 0,
        }
    }

    fn elapsed(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn touch(&mut self, value: &[u8]) {
        self.records += 1;
        self.bytes += value.len() as u64;
        self.check += u64::from(value.first().copied().unwrap_or_default());
    }

    fn report(&self) -> String {
        format!(
            "{{\"n\":{},\"bytes\":{},\"check\":{},\"setup_s\":{:.6},\"first_s\":{:.6},\"wall_s\":{:.6}}}",
            self.records,
            self.bytes,
            self.check,
            self.setup,
            self.first,
            self.elapsed()
        )
    }
}

async fn produce(
    topic: &str,
    records: usize,
    size: usize,
    codec: &str,
) -> Result<String, Box<dyn std::error::Error>> {
    let corpus =
        std::fs::read(std::env::var("CORPUS").unwrap_or_else(|_| "corpus.txt".to_owned()))?;
    let mut values = corpus.chunks_exact(size).cycle().take(records);
    let mut tally = Tally::start();
    let producer = Producer::builder()
        .bootstrap_servers(bootstrap())
        .linger(Duration::from_millis(5))
        .batch_size(BATCH)
        .buffer_memory(BUFFER)
        .properties([("compression.type", codec)])?
        .properties(properties()?)?
        .build()
        .await?;
    tally.setup = tally.elapsed();
    // One by one, as programs do; the first is waited for beside them, to note when it was acknowledged.
    let start = tally.start;
    let first = match values.next() {
        Some(value) => {
            tally.touch(value);
            let first = producer.send(Record::to(topic).value(value)).await?;
            Some(tokio::spawn(async move {
                first.await.map(|_| start.elapsed().as_secs_f64())
            }))
        }
        None => None,
    };
    for value in values {
        tally.touch(value);
        drop(producer.send(Record::to(topic).value(value)).await?);
    }
    producer.flush().await?;
    if let Some(first) = first {
        tally.first = first.await??;
    }
    Ok(tally.report())
}

async fn consume(
    topic: &str,
    records: u64,
    partitions: i32,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut tally = Tally::start();
    let consumer = Consumer::builder()
        .bootstrap_servers(bootstrap())
        .auto_offset_reset(OffsetReset::Earliest)
        .properties([("max.partition.fetch.bytes", FETCH.to_string())])?
        .properties(properties()?)?
        .build()
        .await?;
    consumer.assign((0..partitions).map(|partition| TopicPartition::new(topic, partition)))?;
    tally.setup = tally.elapsed();
    while tally.records < records {
        let polled = consumer.poll(PATIENCE).await?;
        if polled.is_empty() {
            return Err(format!("no records for {PATIENCE:?} after {}", tally.records).into());
        }
        if tally.first == 0.0 {
            tally.first = tally.elapsed();
        }
        for batch in &polled {
            for record in batch {
                tally.touch(record.value().unwrap_or_default());
            }
        }
    }
    Ok(tally.report())
}

/// One record at a time: sent, acknowledged, and read again in this process.
async fn latency(
    topic: &str,
    warm_up: usize,
    rounds: usize,
) -> Result<String, Box<dyn std::error::Error>> {
    let producer = Producer::builder()
        .bootstrap_servers(bootstrap())
        .linger(Duration::ZERO)
        .properties(properties()?)?
        .build()
        .await?;
    let consumer = Consumer::builder()
        .bootstrap_servers(bootstrap())
        .auto_offset_reset(OffsetReset::Earliest)
        .properties(properties()?)?
        .build()
        .await?;
    consumer.assign([TopicPartition::new(topic, 0)])?;
    let value = [b'x'; 100];
    let mut micros = Vec::with_capacity(rounds);
    for round in 0..warm_up + rounds {
        let start = Instant::now();
        let delivery = producer
            .send(Record::to(topic).partition(0).value(&value))
            .await?;
        let mut read = 0;
        while read == 0 {
            read = consumer.poll(PATIENCE).await?.len();
        }
        delivery.await?;
        if round >= warm_up {
            micros.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    micros.sort_by(f64::total_cmp);
    let at = |share: f64| micros[((micros.len() - 1) as f64 * share).round() as usize];
    Ok(format!(
        "{{\"n\":{},\"p50_us\":{:.1},\"p90_us\":{:.1},\"p99_us\":{:.1},\"max_us\":{:.1}}}",
        micros.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    ))
}
