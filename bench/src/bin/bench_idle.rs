//! What clients take while nothing happens: one consumer of very many partitions, or very many producers in one process.
//!
//! The bootstrap address is in `BOOTSTRAP`. Prints one line of JSON: CPU in percent of one core, memory in KB. Linux only, as
//! it reads its own figures from `/proc`.

use std::time::{Duration, Instant};

use kafka_client::TopicPartition;
use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{Consumer, OffsetReset};
use kafka_client::producer::{Producer, Record};

#[cfg(feature = "fast-allocator")]
#[global_allocator]
static ALLOCATOR: rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;

const USAGE: &str =
    "bench-idle consumer TOPICS PARTITIONS_OF_EACH SECONDS | producers COUNT SECONDS";
const PATIENCE: Duration = Duration::from_secs(30);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    match run().await {
        Ok(line) => {
            println!("{line}");
            std::process::ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench-idle: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome<String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["consumer", topics, partitions, seconds] => {
            consumer(
                topics.parse()?,
                partitions.parse()?,
                Duration::from_secs(seconds.parse()?),
            )
            .await
        }
        ["producers", count, seconds] => {
            producers(count.parse()?, Duration::from_secs(seconds.parse()?)).await
        }
        _ => Err(USAGE.into()),
    }
}

fn bootstrap() -> String {
    std::env::var("BOOTSTRAP").unwrap_or_else(|_| "127.0.0.1:19092".to_owned())
}

/// Topics of this run's own.
async fn create(topics: usize, partitions: i32) -> Outcome<Vec<String>> {
    let admin = Admin::builder()
        .bootstrap_servers(bootstrap())
        .build()
        .await?;
    let names: Vec<String> = (0..topics)
        .map(|n| format!("idle-{}-{n}", std::process::id()))
        .collect();
    let new = names
        .iter()
        .map(|name| NewTopic::new(name).partitions(partitions));
    for (_, created) in admin.create_topics(new).await? {
        created?;
    }
    Ok(names)
}

async fn consumer(topics: usize, partitions: i32, time: Duration) -> Outcome<String> {
    let names = create(topics, partitions).await?;
    let before = Figures::now()?;
    let consumer = Consumer::builder()
        .bootstrap_servers(bootstrap())
        .auto_offset_reset(OffsetReset::Earliest)
        .build()
        .await?;
    let all: Vec<TopicPartition> = names
        .iter()
        .flat_map(|name| (0..partitions).map(move |p| TopicPartition::new(name.as_str(), p)))
        .collect();
    consumer.assign(all.iter().cloned())?;
    let start = Instant::now();
    for partition in &all {
        tokio::time::timeout(PATIENCE, consumer.position(partition)).await??;
    }
    let ready = start.elapsed();
    // The first round of fetches is part of starting, not of being idle.
    consumer.poll(Duration::from_secs(2)).await?;
    let idle = Figures::now()?;
    let start = Instant::now();
    while start.elapsed() < time {
        consumer.poll(Duration::from_millis(500)).await?;
    }
    let after = Figures::now()?;
    // A consumer that has fallen silent is cheap as well.
    let producer = Producer::builder()
        .bootstrap_servers(bootstrap())
        .build()
        .await?;
    let last = all.last().ok_or("no partitions")?;
    let record = Record::to(&last.topic)
        .partition(last.partition)
        .value(b"awake?");
    producer.send(record).await?.await?;
    if consumer.poll(PATIENCE).await?.is_empty() {
        return Err(
            "the consumer did not get a record that was written to one of its partitions".into(),
        );
    }
    Ok(format!(
        "{{\"partitions\":{},\"ready_s\":{:.3},\"cpu_percent\":{:.3},\"rss_kb\":{},\"rss_before_kb\":{}}}",
        all.len(),
        ready.as_secs_f64(),
        after.cpu_percent_since(&idle),
        after.rss_kb,
        before.rss_kb,
    ))
}

async fn producers(count: usize, time: Duration) -> Outcome<String> {
    let names = create(1, 4).await?;
    let topic = names[0].as_str();
    let before = Figures::now()?;
    let mut producers = Vec::new();
    for _ in 0..count {
        let producer = Producer::builder()
            .bootstrap_servers(bootstrap())
            .build()
            .await?;
        // With an identity, a connection and a batch behind it, as one that is in use.
        producer
            .send(Record::to(topic).value(b"hello"))
            .await?
            .await?;
        producers.push(producer);
    }
    let idle = Figures::now()?;
    tokio::time::sleep(time).await;
    let after = Figures::now()?;
    for producer in &producers {
        producer
            .send(Record::to(topic).value(b"awake?"))
            .await?
            .await?;
    }
    Ok(format!(
        "{{\"producers\":{count},\"cpu_percent\":{:.3},\"rss_kb_each\":{:.1},\"rss_kb\":{}}}",
        after.cpu_percent_since(&idle),
        (after.rss_kb - before.rss_kb) as f64 / count as f64,
        after.rss_kb,
    ))
}

/// What this process has used.
struct Figures {
    at: Instant,
    cpu_s: f64,
    rss_kb: i64,
}

impl Figures {
    fn now() -> Outcome<Self> {
        /// What `/proc` counts in is a hundredth of a second on every Linux that matters.
        const TICKS_A_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        // The name before may hold spaces, and ends with a parenthesis.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks: f64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum();
        let status = std::fs::read_to_string("/proc/self/status")?;
        let rss = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .ok_or("no VmRSS in /proc/self/status")?;
        Ok(Self {
            at: Instant::now(),
            cpu_s: ticks / TICKS_A_SECOND,
            rss_kb: rss.parse()?,
        })
    }

    fn cpu_percent_since(&self, start: &Self) -> f64 {
        let wall = self.at.duration_since(start.at).as_secs_f64();
        (self.cpu_s - start.cpu_s) / wall * 100.0
    }
}
