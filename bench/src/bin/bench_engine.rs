//! The engine's side of the comparison: counts words from one topic into another until it is killed.
//!
//! On standard output: `FIRST_READ <epoch ms>` at the first record, and for each batch
//! `BATCH t=<batch time ms> n=<records> sched=<scheduling delay ms> proc=<processing ms>`.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use memchr::memchr_iter;
use stream_engine::kafka::{KafkaSink, KafkaSource, StartingOffsets};
use stream_engine::{
    BatchInfo, Clock, ShortString, State, StateSpec, StreamingContext, StreamingListener,
    SystemClock, Trigger,
};

#[cfg(feature = "fast-allocator")]
#[global_allocator]
static ALLOCATOR: rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;

#[derive(Debug, Parser)]
struct Options {
    /// The topic to read lines from
    #[arg(long = "in", default_value = "eng-lines")]
    input: String,
    /// The topic to write counts to
    #[arg(long = "outTopic")]
    output: String,
    /// The group that offsets are committed for
    #[arg(long)]
    group: String,
    /// Where Kafka listens
    #[arg(long, default_value = "127.0.0.1:19092")]
    boot: String,
    /// What is counted: the words of each batch, all words since the start, or those of a window of 30 s sliding by 1 s
    #[arg(long, value_enum, default_value_t = Mode::Stateless)]
    mode: Mode,
    /// The batch interval in milliseconds; 0 begins a batch as soon as there is something new
    #[arg(long, default_value_t = 0)]
    batch: u64,
    /// The most records a second that a partition gives to a batch
    #[arg(long = "maxRate")]
    max_rate: Option<u64>,
    /// What a crash may do to the output
    #[arg(long, value_enum, default_value_t = Guarantee::AtLeastOnce)]
    guarantee: Guarantee,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    Stateless,
    State,
    Window,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Guarantee {
    #[value(name = "at_least_once")]
    AtLeastOnce,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-engine: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let Guarantee::AtLeastOnce = options.guarantee;
    let ssc = StreamingContext::builder("bench-engine")
        .batch_duration(Duration::from_millis(options.batch.max(1)))
        .trigger(if options.batch == 0 {
            Trigger::Continuous
        } else {
            Trigger::Interval
        })
        .build()?;
    let mut source = KafkaSource::subscribe([&options.input])
        .bootstrap_servers(&options.boot)
        .group_id(&options.group)
        .starting_offsets(StartingOffsets::Earliest);
    if let Some(rate) = options.max_rate {
        source = source.max_rate_per_partition(rate);
    }
    let lines = ssc.kafka_direct_stream(source)?;
    let words = lines.flat_map_into(|line, words| {
        let text = line.value_utf8_lossy();
        let mut start = 0;
        for end in memchr_iter(b' ', text.as_bytes()).chain([text.len()]) {
            if start < end {
                words.push((ShortString::new(&text[start..end]), 1u64));
            }
            start = end + 1;
        }
    });
    let counts = match options.mode {
        Mode::Stateless => words.reduce_by_key(|a, b| a + b),
        // One record for each word that a batch has, with its count so far.
        Mode::State => {
            let counts = words.reduce_by_key(|a, b| a + b);
            let running = |word: &ShortString, more: Option<u64>, state: &mut State<u64>| {
                let total = state.get().copied().unwrap_or(0) + more.unwrap_or(0);
                state.update(total);
                (word.clone(), total)
            };
            (*counts.map_with_state(StateSpec::function(running))).clone()
        }
        Mode::Window => words.reduce_by_key_and_window_with_inverse(
            |a, b| a + b,
            |a, b| a - b,
            Duration::from_secs(30),
            Duration::from_secs(1),
        )?,
    };
    counts.save_to_kafka(KafkaSink::topic(&options.output).bootstrap_servers(&options.boot));
    ssc.add_streaming_listener(Arc::new(Report::default()));
    ssc.start()?.await_termination().await?;
    Ok(())
}

/// Prints what the comparing harness reads.
#[derive(Debug, Default)]
struct Report {
    has_read: AtomicBool,
}

impl StreamingListener for Report {
    fn on_batch_submitted(&self, batch: &BatchInfo) {
        if batch.num_records() > 0 && !self.has_read.swap(true, Ordering::Relaxed) {
            println!("FIRST_READ {}", SystemClock.now().as_millis());
        }
    }

    fn on_batch_completed(&self, batch: &BatchInfo) {
        let millis = |delay: Option<Duration>| delay.map_or(0, |delay| delay.as_millis());
        println!(
            "BATCH t={} n={} sched={} proc={}",
            batch.batch_time.as_millis(),
            batch.num_records(),
            millis(batch.scheduling_delay()),
            millis(batch.processing_delay),
        );
    }
}
