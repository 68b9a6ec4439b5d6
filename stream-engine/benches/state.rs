//! Keyed state: 10,000 keys touched per batch of a state of 10,000 keys, and of 1,000,000.
//!
//! Batches are lines of text, such as `user-0000017 3`, read as from Kafka: slices of one buffer. With the large state a
//! batch is to take at most 1.3 times as long as with the small one. `bare_` ones get numbers instead of lines: there is
//! nothing then but the operator and the memory's latency.

use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use stream_engine::testkit::Stepper;
use stream_engine::{
    BatchInput, BoxError, DStream, Data, InputSource, Key, ManualClock, RddContext, ShortString,
    SourceContext, State, StateOptions, StateSpec, StreamingContext, Time,
};

const TOUCHED: u64 = 10_000;
const FEW: u64 = 10_000;
const MANY: u64 = 1_000_000;
const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

fn main() {
    divan::main();
}

/// The keys touched in a batch: different ones, spread over all. The factor has no divisor in common with the numbers of keys.
fn touched(batch: u64, keys: u64) -> impl Iterator<Item = u64> {
    (batch * TOUCHED..(batch + 1) * TOUCHED).map(move |n| n * 618_033_989 % keys)
}

/// Batches that are there already, over and over again.
struct Batches<T> {
    batches: Vec<Arc<Vec<T>>>,
    next: usize,
    rdds: Option<RddContext>,
}

impl<T: Data> InputSource<T> for Batches<T> {
    fn name(&self) -> &'static str {
        "batches"
    }

    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        self.rdds = Some(context.rdd_context().clone());
        Ok(())
    }

    fn plan(&mut self, _time: Time) -> Result<Option<BatchInput<T>>, BoxError> {
        let rdds = self.rdds.as_ref().ok_or("not started")?;
        let batch = &self.batches[self.next % self.batches.len()];
        self.next += 1;
        let records = rdds.parallelize(batch.iter().cloned(), 2);
        Ok(Some(BatchInput::new(records, TOUCHED)))
    }
}

/// The time of a batch of a program.
fn time_batches<T: Data>(
    bencher: Bencher,
    batches: impl Iterator<Item = Vec<T>>,
    program: impl FnOnce(&DStream<T>, &RddContext),
) {
    let clock = ManualClock::default();
    let builder = StreamingContext::builder("state").batch_duration(SECOND);
    let ssc = builder
        .threads(2)
        .clock(clock.clone())
        .build()
        .expect("the context is built");
    let source = Batches {
        batches: batches.map(Arc::new).collect(),
        next: 0,
        rdds: None,
    };
    let stream = ssc.input_stream(source).expect("not started yet");
    program(&stream, ssc.rdd_context());
    let mut stepper = Stepper::start(&ssc, &clock).expect("the context starts");
    for _ in 0..20 {
        stepper.step().expect("the batch succeeds");
    }
    bencher
        .counter(ItemsCount::new(TOUCHED))
        .bench_local(|| stepper.step().expect("the batch succeeds"));
}

/// As many batches as it takes to touch every key of the large state.
const BATCHES: u64 = MANY / TOUCHED;

fn user(n: u64) -> String {
    format!("user-{n:07}")
}

fn with_lines(
    bencher: Bencher,
    keys: u64,
    program: impl FnOnce(&DStream<(ShortString, u64)>, StateOptions<ShortString, u64>),
) {
    let batches = (0..BATCHES).map(|batch| {
        let mut text = String::new();
        for n in touched(batch, keys) {
            text.push_str(&format!("{} {}\n", user(n), n % 10));
        }
        let text = Bytes::from(text);
        let lines = text.split(|byte| *byte == b'\n').filter(|l| !l.is_empty());
        lines.map(|line| text.slice_ref(line)).collect()
    });
    time_batches(bencher, batches, |lines, rdds| {
        let states = (0..keys).map(|n| (ShortString::new(&user(n)), 0));
        let pairs = lines.map(|line: Bytes| {
            let line = std::str::from_utf8(&line).unwrap_or_default();
            let (user, value) = line.split_once(' ').unwrap_or((line, ""));
            (ShortString::new(user), value.parse().unwrap_or(0))
        });
        program(&pairs, options(rdds, states));
    });
}

fn with_numbers(
    bencher: Bencher,
    keys: u64,
    program: impl FnOnce(&DStream<(u64, u64)>, StateOptions<u64, u64>),
) {
    let batches = (0..BATCHES).map(|batch| touched(batch, keys).map(|n| (n, 1)).collect());
    time_batches(bencher, batches, |pairs, rdds| {
        program(pairs, options(rdds, (0..keys).map(|n| (n, 0))));
    });
}

fn options<K: Key>(
    rdds: &RddContext,
    states: impl Iterator<Item = (K, u64)>,
) -> StateOptions<K, u64> {
    StateOptions {
        partitions: Some(2),
        initial_state: Some(rdds.parallelize(states, 2)),
    }
}

fn update_sums<K: Key>(stream: &DStream<(K, u64)>, options: StateOptions<K, u64>) {
    let sums = stream.update_state_by_key_with(options, |_, _, new: Vec<u64>, sum| {
        Some(sum.unwrap_or(0) + new.iter().sum::<u64>())
    });
    sums.foreach_rdd(|rdd| rdd.take(10).map(drop));
}

fn map_sums<K: Key>(
    stream: &DStream<(K, u64)>,
    options: StateOptions<K, u64>,
    timeout: Option<std::time::Duration>,
) {
    let mut spec = StateSpec::function(|_: &K, value: Option<u64>, sum: &mut State<u64>| {
        let total = sum.get().copied().unwrap_or(0) + value.unwrap_or(0);
        if !sum.is_timing_out() {
            sum.update(total);
        }
        total
    });
    if let Some(partitions) = options.partitions {
        spec = spec.num_partitions(partitions);
    }
    if let Some(states) = options.initial_state {
        spec = spec.initial_state(states);
    }
    if let Some(timeout) = timeout {
        spec = spec.timeout(timeout);
    }
    let sums = stream.map_with_state(spec);
    sums.foreach_rdd(|rdd| rdd.count().map(drop));
}

#[divan::bench(args = [FEW, MANY], sample_count = 200, sample_size = 1)]
fn update_state_by_key(bencher: Bencher, keys: u64) {
    with_lines(bencher, keys, update_sums);
}

#[divan::bench(args = [FEW, MANY], sample_count = 200, sample_size = 1)]
fn map_with_state(bencher: Bencher, keys: u64) {
    with_lines(bencher, keys, |pairs, options| {
        map_sums(pairs, options, None)
    });
}

/// With timeouts that never come: what keeping the time of every touch costs.
#[divan::bench(args = [FEW, MANY], sample_count = 200, sample_size = 1)]
fn map_with_state_and_timeout(bencher: Bencher, keys: u64) {
    with_lines(bencher, keys, |pairs, options| {
        map_sums(pairs, options, Some(SECOND * 100_000));
    });
}

#[divan::bench(args = [FEW, MANY], sample_count = 200, sample_size = 1)]
fn bare_update_state_by_key(bencher: Bencher, keys: u64) {
    with_numbers(bencher, keys, update_sums);
}

#[divan::bench(args = [FEW, MANY], sample_count = 200, sample_size = 1)]
fn bare_map_with_state(bencher: Bencher, keys: u64) {
    with_numbers(bencher, keys, |pairs, options| {
        map_sums(pairs, options, None)
    });
}
