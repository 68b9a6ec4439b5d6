//! Counts words batch by batch from one Kafka topic into another, and checks that the counts add up.
//!
//! ```sh ci
//! cargo run --release --example wordcount
//! ```
//!
//! starts an embedded broker, feeds it lines and ends when all of them are counted. With `--bootstrap-servers` it works on
//! a real Kafka. `--help` lists all options.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use examples::cluster::{Cluster, create_topic};
use examples::feed::{FeedError, Lines, feed};
use examples::progress::{Computed, Progress};
use examples::verify::{count_words, differences, ends, sum_counts};
use kafka_client::admin::Admin;
use kafka_client::consumer::Consumer;
use kafka_client::{Compression, TopicPartition};
use stream_engine::kafka::{KafkaRecord, KafkaSink, KafkaSource, StartingOffsets};
use stream_engine::{DStream, EngineError, ShortString, StreamingContext, Trigger};
use tokio::task::JoinHandle;

/// Counts words batch by batch from one Kafka topic into another, and checks that the counts add up.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// A Kafka to work with, HOST:PORT [default: a broker started in this process]
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap_servers: Option<String>,
    /// The topic to read lines from; created with 4 partitions if it is not there
    #[arg(long, value_name = "TOPIC", default_value = "lines")]
    input_topic: String,
    /// The topic to write counts to; created with 4 partitions if it is not there
    #[arg(long, value_name = "TOPIC", default_value = "counts")]
    output_topic: String,
    /// The group that the offsets are committed for: where a second run goes on
    #[arg(long, value_name = "GROUP", default_value = "wordcount")]
    group_id: String,
    /// Where to begin in partitions without a committed offset
    #[arg(long, value_enum, default_value_t = From::Earliest)]
    from: From,
    /// The batch interval in milliseconds; 0 begins a batch as soon as there is something new
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    batch_ms: u64,
    /// Stop after so many batches; 0 only stops on Ctrl-C [default: stop when everything fed is counted]
    #[arg(long, value_name = "N")]
    batches: Option<u64>,
    /// Lines to generate; 0 only counts what others write
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    lines: u64,
    /// Lines to feed a second; 0 is as fast as possible
    #[arg(long, value_name = "N", default_value_t = 0)]
    rate: u64,
    /// Feed the lines of this file instead of generated ones; - is standard input
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// How to compress what is written: none, gzip, snappy, lz4, zstd
    #[arg(long, value_name = "CODEC", default_value = "none")]
    compression: Compression,
    /// Write the summary to this file, as JSON
    #[arg(long, value_name = "PATH")]
    summary_json: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum From {
    Earliest,
    Latest,
}

/// What was done, for people and as JSON.
struct Summary {
    records: u64,
    words: u64,
    batches: u64,
    seconds: f64,
    p50_ms: Option<i64>,
    p99_ms: Option<i64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wordcount: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    // A file that cannot be read is refused before anything is created.
    let lines = match &options.file {
        Some(path) => Some(Lines::open(path).await?),
        None => Some(options.lines)
            .filter(|lines| *lines > 0)
            .map(Lines::Generated),
    };
    let cluster = Cluster::connect(options.bootstrap_servers.clone()).await?;
    let servers = cluster.bootstrap_servers().to_owned();
    let admin = Admin::builder().bootstrap_servers(&servers).build().await?;
    for topic in [&options.input_topic, &options.output_topic] {
        create_topic(&admin, topic, 4).await?;
    }
    let kind = if cluster.is_embedded() {
        "embedded broker"
    } else {
        "Kafka"
    };
    eprintln!(
        "{kind} at {servers}: {} -> {}",
        options.input_topic, options.output_topic
    );
    let probe = Consumer::builder()
        .bootstrap_servers(&servers)
        .client_id("wordcount-probe")
        .build()
        .await?;
    let output_before = ends(&probe, &options.output_topic).await?;

    let trigger = if options.batch_ms == 0 {
        Trigger::Continuous
    } else {
        Trigger::Interval
    };
    let ssc = StreamingContext::builder("wordcount")
        .batch_duration(Duration::from_millis(options.batch_ms.max(1)))
        .trigger(trigger)
        .build()?;
    let source = KafkaSource::subscribe([&options.input_topic])
        .bootstrap_servers(&servers)
        .group_id(&options.group_id)
        .starting_offsets(match options.from {
            From::Earliest => StartingOffsets::Earliest,
            From::Latest => StartingOffsets::Latest,
        });
    let sink = KafkaSink::topic(&options.output_topic)
        .bootstrap_servers(&servers)
        .property("compression.type", options.compression.name());
    let records = ssc.kafka_direct_stream(source)?;
    let progress = Arc::new(Progress::default());
    count(&records, sink, &progress);
    ssc.add_streaming_listener(progress.clone());
    let start = Instant::now();
    ssc.start()?;

    let feeding = lines.map(|lines| {
        let (servers, topic) = (servers.clone(), options.input_topic.clone());
        let (rate, compression) = (options.rate, options.compression);
        tokio::spawn(async move { feed(&servers, &topic, lines, rate, compression).await })
    });
    let result = tokio::select! {
        result = ssc.await_termination() => result.map_err(Into::into),
        result = finished(&options, &probe, feeding, &progress) => result,
        result = tokio::signal::ctrl_c() => result.map_err(Into::into),
    };
    ssc.stop_gracefully();
    ssc.await_termination().await?;
    result?;

    let done = progress.done();
    let summary = Summary {
        records: done.records,
        words: done.words,
        batches: done.batches,
        seconds: start.elapsed().as_secs_f64(),
        p50_ms: progress.latency(0.50),
        p99_ms: progress.latency(0.99),
    };
    check(&servers, &options, &probe, &done.read, output_before).await?;
    summary.print();
    if let Some(path) = &options.summary_json {
        std::fs::write(path, summary.json())
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    cluster.shutdown().await;
    Ok(())
}

/// The streaming program.
fn count(records: &DStream<KafkaRecord>, sink: KafkaSink, progress: &Arc<Progress>) {
    let counts = records
        .flat_map_into(|record, words| {
            for word in record.value_utf8_lossy().split_whitespace() {
                words.push((ShortString::new(word), 1u64));
            }
        })
        .reduce_by_key(|a, b| a + b);
    counts.print();
    counts.save_to_kafka(sink);

    // For the summary: what each batch read, when its records were made, and how many words they had.
    let words = counts.map(|(_, count)| count).reduce(|a, b| a + b);
    let words_of_batch = Arc::new(AtomicU64::new(0));
    let words_seen = words_of_batch.clone();
    words.foreach_rdd(move |rdd| {
        words_seen.store(rdd.first()?.unwrap_or(0), Ordering::Relaxed);
        Ok::<_, EngineError>(())
    });
    let progress = progress.clone();
    records.foreach_rdd_with_time(move |rdd, time| {
        let timestamps = rdd
            .map(|record| (record.timestamp(), 1u64))
            .reduce_by_key(|a, b| a + b);
        progress.computed(
            time,
            Computed {
                ranges: rdd.offset_ranges().unwrap_or_default(),
                timestamps: timestamps.collect()?,
                words: words_of_batch.load(Ordering::Relaxed),
            },
        );
        Ok::<_, EngineError>(())
    });
}

/// Returns when there is nothing left to be done, or when feeding has failed.
async fn finished(
    options: &Options,
    probe: &Consumer,
    feeding: Option<JoinHandle<Result<u64, FeedError>>>,
    progress: &Progress,
) -> Result<(), Box<dyn Error>> {
    let feeds = feeding.is_some();
    let fed = async {
        match feeding {
            Some(feeding) => feeding.await?.map_err(Box::<dyn Error>::from).map(|_| ()),
            None => Ok(()),
        }
    };
    match options.batches {
        None => {
            fed.await?;
            let goal = if feeds {
                Some(ends(probe, &options.input_topic).await?)
            } else {
                None
            };
            progress
                .wait(|done| goal.as_ref().is_some_and(|goal| done.has_read(goal)))
                .await;
            Ok(())
        }
        Some(batches) => tokio::select! {
            Err(error) = fed => Err(error),
            () = progress.wait(|done| batches > 0 && done.batches >= batches) => Ok(()),
        },
    }
}

/// Reads both topics again: every word that went in has to be counted, once.
async fn check(
    servers: &str,
    options: &Options,
    probe: &Consumer,
    read: &BTreeMap<TopicPartition, (i64, i64)>,
    output_before: BTreeMap<TopicPartition, i64>,
) -> Result<(), Box<dyn Error>> {
    let output_after = ends(probe, &options.output_topic).await?;
    let written = output_after
        .into_iter()
        .map(|(partition, end)| {
            (
                partition.clone(),
                (output_before.get(&partition).copied().unwrap_or(0), end),
            )
        })
        .collect();
    let expected = count_words(servers, read).await?;
    let found = sum_counts(servers, &written).await?;
    let differences = differences(&expected, &found);
    if differences.is_empty() {
        let words: u64 = found.values().sum();
        println!(
            "checked: the counts of {} words add up to the {words} that went in",
            found.len()
        );
        return Ok(());
    }
    let list: Vec<String> = differences
        .iter()
        .map(|(word, expected, found)| {
            format!("\"{word}\": {expected} went in, {found} were counted")
        })
        .collect();
    Err(format!("the counts do not add up: {}", list.join("; ")).into())
}

impl Summary {
    fn records_per_second(&self) -> f64 {
        self.records as f64 / self.seconds.max(0.001)
    }

    fn print(&self) {
        let millis =
            |value: Option<i64>| value.map_or("-".to_owned(), |value| format!("{value} ms"));
        println!("{:>12}  records", self.records);
        println!("{:>12}  words", self.words);
        println!("{:>12}  batches", self.batches);
        println!("{:>12.0}  records/s", self.records_per_second());
        println!(
            "{:>12}  from a record's timestamp to its committed count, p50",
            millis(self.p50_ms)
        );
        println!("{:>12}  the same, p99", millis(self.p99_ms));
    }

    fn json(&self) -> String {
        let json = serde_json::json!({
            "records": self.records,
            "words": self.words,
            "batches": self.batches,
            "seconds": self.seconds,
            "records_per_second": self.records_per_second(),
            "latency_p50_ms": self.p50_ms,
            "latency_p99_ms": self.p99_ms,
        });
        format!("{json:#}\n")
    }
}
