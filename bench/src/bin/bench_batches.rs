//! What batches cost by themselves, without a Kafka: an empty one, windows of many panes, state of many keys, and how short
//! an interval may be.

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use stream_engine::testkit::Stepper;
use stream_engine::{
    BatchInfo, BatchInput, BoxError, DStream, EngineError, InputSource, ManualClock, Rdd,
    SourceContext, StateSpec, StreamingContext, StreamingListener, Time,
};

#[cfg(feature = "fast-allocator")]
#[global_allocator]
static ALLOCATOR: rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;

#[derive(Debug, Parser)]
struct Options {
    /// What is measured
    #[arg(value_enum)]
    what: What,
    /// How often; the medians are printed
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Batches without records, of programs of several sizes
    Empty,
    /// The smallest interval at which 20,000 lines a second are counted without falling behind
    Interval,
    /// A window with an inverse function, of 6, 60 and 600 panes
    Window,
    /// 10,000 keys touched by each batch, out of 10,000 and out of 1,000,000
    State,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.what {
        What::Empty => empty(options.runs),
        What::Interval => interval(),
        What::Window => window(options.runs),
        What::State => state(options.runs),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-batches: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Gives each batch what `records` makes of its number.
struct Numbered<F> {
    batch: u64,
    records: F,
    context: Option<SourceContext>,
}

impl<T, F> InputSource<T> for Numbered<F>
where
    T: stream_engine::Data,
    F: Fn(u64) -> Vec<T> + Send + 'static,
{
    fn name(&self) -> &'static str {
        "numbered"
    }

    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        self.context = Some(context.clone());
        Ok(())
    }

    fn plan(&mut self, _time: Time) -> Result<Option<BatchInput<T>>, BoxError> {
        let context = self.context.as_ref().ok_or("not started")?;
        let records = (self.records)(self.batch);
        self.batch += 1;
        let count = records.len() as u64;
        let rdd = context.rdd_context().parallelize(records, 4);
        Ok(Some(BatchInput::new(rdd, count)))
    }
}

fn numbered<T: stream_engine::Data>(
    ssc: &StreamingContext,
    records: impl Fn(u64) -> Vec<T> + Send + 'static,
) -> Result<DStream<T>, EngineError> {
    ssc.input_stream(Numbered {
        batch: 0,
        records,
        context: None,
    })
}

/// The median time of a batch of the program, after so many batches that warm it up.
fn batch_time(
    warm_up: u64,
    batches: u64,
    program: impl FnOnce(&StreamingContext) -> Result<(), EngineError>,
) -> Result<Duration, EngineError> {
    let clock = ManualClock::default();
    let ssc = StreamingContext::builder("bench")
        .batch_duration(Duration::from_secs(1))
        .clock(clock.clone())
        .build()?;
    program(&ssc)?;
    let mut stepper = Stepper::start(&ssc, &clock)?;
    for _ in 0..warm_up {
        stepper.step()?;
    }
    let mut times = Vec::new();
    for _ in 0..batches {
        let start = Instant::now();
        stepper.step()?;
        times.push(start.elapsed());
    }
    Ok(median(times))
}

fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}

fn medians(
    runs: usize,
    mut run: impl FnMut() -> Result<Duration, EngineError>,
) -> Result<Duration, EngineError> {
    let times: Result<Vec<Duration>, EngineError> = (0..runs.max(1)).map(|_| run()).collect();
    times.map(median)
}

fn print_all<T: stream_engine::Data>(stream: &DStream<T>) {
    stream.foreach_rdd(|rdd: Rdd<T>| rdd.count().map(|_| ()));
}

fn empty(runs: usize) -> Result<(), Box<dyn Error>> {
    println!("an empty batch\n  counts  batch");
    for outputs in [1, 10, 100] {
        let time = medians(runs, || {
            batch_time(20, 200, |ssc| {
                let lines = numbered(ssc, |_| Vec::<u64>::new())?;
                for _ in 0..outputs {
                    print_all(&lines.map(|n| (n % 10, 1u64)).reduce_by_key(|a, b| a + b));
                }
                Ok(())
            })
        })?;
        println!("{outputs:8}  {time:?}");
    }
    Ok(())
}

fn window(runs: usize) -> Result<(), Box<dyn Error>> {
    println!(
        "20,000 records of 1,000 keys a batch, sliding by one batch, with an inverse\n   panes  batch"
    );
    for panes in [6, 60, 600] {
        let time = medians(runs, || {
            batch_time(panes + 5, 50, |ssc| {
                let pairs = numbered(ssc, |batch| {
                    (0..20_000)
                        .map(|n| ((n * 7 + batch) % 1000, 1u64))
                        .collect()
                })?;
                let (window, slide) = (Duration::from_secs(panes), Duration::from_secs(1));
                let sums = pairs.reduce_by_key_and_window_with_inverse(
                    |a, b| a + b,
                    |a, b| a - b,
                    window,
                    slide,
                )?;
                print_all(&sums);
                Ok(())
            })
        })?;
        println!("{panes:8}  {time:?}");
    }
    Ok(())
}

/// Batches that touch 10,000 keys each: at first all `keys` one after another, then in an order in which neighbours are far
/// apart in memory.
fn touching(keys: u64) -> impl Fn(u64) -> Vec<(u64, u64)> + Send + 'static {
    // A prime, so that every key has its turn.
    const FAR: u64 = 7_368_787;
    move |batch| {
        let places = batch * 10_000..(batch + 1) * 10_000;
        let key = |place| {
            if place < keys {
                place
            } else {
                place * FAR % keys
            }
        };
        places.map(|place| (key(place), 1)).collect()
    }
}

fn state(runs: usize) -> Result<(), Box<dyn Error>> {
    println!("10,000 keys touched a batch\n    keys  update_state_by_key  map_with_state");
    for keys in [10_000, 1_000_000] {
        let warm_up = keys / 10_000 + 20;
        let update = medians(runs, || {
            batch_time(warm_up, 50, |ssc| {
                let counts = numbered(ssc, touching(keys))?.update_state_by_key(
                    |values: Vec<u64>, count: Option<u64>| {
                        Some(count.unwrap_or(0) + values.iter().sum::<u64>())
                    },
                );
                counts.foreach_rdd(|rdd: Rdd<(u64, u64)>| rdd.take(10).map(|_| ()));
                Ok(())
            })
        })?;
        let map = medians(runs, || {
            batch_time(warm_up, 50, |ssc| {
                let spec = StateSpec::function(
                    |_: &u64, value: Option<u64>, state: &mut stream_engine::State<u64>| {
                        let count = state.get().copied().unwrap_or(0) + value.unwrap_or(0);
                        state.update(count);
                        count
                    },
                );
                print_all(&numbered(ssc, touching(keys))?.map_with_state(spec));
                Ok(())
            })
        })?;
        println!("{keys:8}  {update:19?}  {map:14?}");
    }
    Ok(())
}

/// Lines as they come in real time: 20,000 a second.
struct Feed {
    lines: Vec<Arc<str>>,
    given: u64,
    since: Instant,
    context: Option<SourceContext>,
}

const LINES_PER_SECOND: f64 = 20_000.0;

impl InputSource<Arc<str>> for Feed {
    fn name(&self) -> &'static str {
        "feed"
    }

    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        self.context = Some(context.clone());
        self.since = Instant::now();
        Ok(())
    }

    fn plan(&mut self, _time: Time) -> Result<Option<BatchInput<Arc<str>>>, BoxError> {
        let context = self.context.as_ref().ok_or("not started")?;
        let due = (self.since.elapsed().as_secs_f64() * LINES_PER_SECOND) as u64;
        let lines = self.lines.iter().cycle().skip((self.given % 1000) as usize);
        let lines: Vec<_> = lines.take((due - self.given) as usize).cloned().collect();
        let count = due - self.given;
        self.given = due;
        let rdd = context.rdd_context().parallelize(lines, 4);
        Ok(Some(BatchInput::new(rdd, count)))
    }
}

#[derive(Default)]
struct Delays(Mutex<Vec<(Duration, Duration)>>);

impl StreamingListener for Delays {
    fn on_batch_completed(&self, batch: &BatchInfo) {
        let delays = (
            batch.scheduling_delay().unwrap_or_default(),
            batch.processing_delay.unwrap_or_default(),
        );
        self.0
            .lock()
            .unwrap_or_else(|error| error.into_inner())
            .push(delays);
    }
}

/// For how long each interval is tried.
const TRIED: Duration = Duration::from_secs(5);

fn interval() -> Result<(), Box<dyn Error>> {
    println!(
        "20,000 lines/s of 15 words, for {TRIED:?}\ninterval  batches  expected  processing p50  p99        delay p99"
    );
    let mut smallest = None;
    for millis in [100, 50, 20, 10, 5, 2, 1] {
        let delays = Arc::new(Delays::default());
        let ssc = StreamingContext::builder("bench")
            .batch_duration(Duration::from_millis(millis))
            .listener(delays.clone())
            .build()?;
        let lines = (0..1000).map(|n: u64| {
            let words: Vec<String> = (0..15)
                .map(|w| format!("word{}", (n * 31 + w * 97) % 5000))
                .collect();
            Arc::from(words.join(" "))
        });
        let lines = ssc.input_stream(Feed {
            lines: lines.collect(),
            given: 0,
            since: Instant::now(),
            context: None,
        })?;
        let counts = lines
            .flat_map_into(|line: Arc<str>, words| {
                line.split(' ')
                    .for_each(|word| words.push((stream_engine::ShortString::new(word), 1u64)));
            })
            .reduce_by_key(|a, b| a + b);
        print_all(&counts);
        ssc.start()?;
        std::thread::sleep(TRIED);
        ssc.stop_gracefully();
        let delays =
            std::mem::take(&mut *delays.0.lock().unwrap_or_else(|error| error.into_inner()));
        let percentile = |mut values: Vec<Duration>, percent: usize| {
            values.sort_unstable();
            values
                .get((values.len() * percent / 100).min(values.len().saturating_sub(1)))
                .copied()
                .unwrap_or_default()
        };
        let processing: Vec<Duration> = delays.iter().map(|delay| delay.1).collect();
        let waiting: Vec<Duration> = delays.iter().map(|delay| delay.0).collect();
        let expected = TRIED.as_millis() as u64 / millis;
        println!(
            "{millis:5} ms  {:7}  {expected:8}  {:14?}  {:9?}  {:?}",
            delays.len(),
            percentile(processing.clone(), 50),
            percentile(processing, 99),
            percentile(waiting, 99),
        );
        // Batches that were missed are coalesced: hardly any may be.
        if delays.len() as u64 * 100 >= expected * 98 {
            smallest = Some(millis);
        }
    }
    match smallest {
        Some(millis) => println!("the smallest stable interval: {millis} ms"),
        None => println!("no interval was stable"),
    }
    Ok(())
}
