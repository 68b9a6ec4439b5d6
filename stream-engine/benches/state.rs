//! Keyed state: 10,000 keys touched per batch of a state of 10,000 keys, and of 1,000,000. The second is to take at most 1.3
//! times as long as the first.

use divan::Bencher;
use divan::counter::ItemsCount;
use stream_engine::testkit::Stepper;
use stream_engine::{
    BatchInput, BoxError, DStream, InputSource, ManualClock, RddContext, SourceContext, State,
    StateOptions, StateSpec, StreamingContext, Time,
};

const TOUCHED: u64 = 10_000;
const FEW: u64 = 10_000;
const MANY: u64 = 1_000_000;
const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

fn main() {
    divan::main();
}

/// In every batch `TOUCHED` different ones of `keys` keys, spread over all of them.
struct Touches {
    keys: u64,
    batch: u64,
    rdds: Option<RddContext>,
}

impl InputSource<(u64, u64)> for Touches {
    fn name(&self) -> &'static str {
        "touches"
    }

    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        self.rdds = Some(context.rdd_context().clone());
        Ok(())
    }

    fn plan(&mut self, _time: Time) -> Result<Option<BatchInput<(u64, u64)>>, BoxError> {
        let rdds = self.rdds.as_ref().ok_or("not started")?;
        self.batch += 1;
        let (keys, first) = (self.keys, self.batch * TOUCHED);
        // The factor has no divisor in common with the numbers of keys: no key twice in a batch, and no order.
        let touches = (0..TOUCHED).map(|n| ((first + n) * 618_033_989 % keys, 1));
        Ok(Some(BatchInput::new(rdds.parallelize(touches, 2), TOUCHED)))
    }
}

/// The time of a batch in which `operator` works on a state of `keys` keys.
fn batches(
    bencher: Bencher,
    keys: u64,
    operator: impl FnOnce(&DStream<(u64, u64)>, StateOptions<u64, u64>),
) {
    let clock = ManualClock::default();
    let builder = StreamingContext::builder("state").batch_duration(SECOND);
    let ssc = builder
        .threads(2)
        .clock(clock.clone())
        .build()
        .expect("the context is built");
    let touches = Touches {
        keys,
        batch: 0,
        rdds: None,
    };
    let stream = ssc.input_stream(touches).expect("not started yet");
    let states = ssc.rdd_context().parallelize((0..keys).map(|n| (n, 0)), 2);
    operator(
        &stream,
        StateOptions {
            partitions: Some(2),
            initial_state: Some(states),
        },
    );
    let mut stepper = Stepper::start(&ssc, &clock).expect("the context starts");
    for _ in 0..20 {
        stepper.step().expect("the batch succeeds");
    }
    bencher
        .counter(ItemsCount::new(TOUCHED))
        .bench_local(|| stepper.step().expect("the batch succeeds"));
}

#[divan::bench(args = [FEW, MANY], sample_count = 200, sample_size = 1)]
fn update_state_by_key(bencher: Bencher, keys: u64) {
    batches(bencher, keys, |stream, options| {
        let sums = stream.update_state_by_key_with(options, |_, _, new: Vec<u64>, sum| {
            Some(sum.unwrap_or(0) + new.iter().sum::<u64>())
        });
        sums.foreach_rdd(|rdd| rdd.take(10).map(drop));
    });
}

fn running_sums(options: StateOptions<u64, u64>) -> StateSpec<u64, u64, u64, u64> {
    let spec = StateSpec::function(|_: &u64, value: Option<u64>, sum: &mut State<u64>| {
        let total = sum.get().copied().unwrap_or(0) + value.unwrap_or(0);
        if !sum.is_timing_out() {
            sum.update(total);
        }
        total
    });
    let spec = spec.num_partitions(options.partitions.unwrap_or(2));
    match options.initial_state {
        Some(states) => spec.initial_state(states),
        None => spec,
    }
}

#[divan::bench(args = [FEW, MANY], sample_count = 200, sample_size = 1)]
fn map_with_state(bencher: Bencher, keys: u64) {
    batches(bencher, keys, |stream, options| {
        let sums = stream.map_with_state(running_sums(options));
        sums.foreach_rdd(|rdd| rdd.count().map(drop));
    });
}

/// With timeouts that never come: what keeping the time of every touch costs.
#[divan::bench(args = [FEW, MANY], sample_count = 200, sample_size = 1)]
fn map_with_state_and_timeout(bencher: Bencher, keys: u64) {
    batches(bencher, keys, |stream, options| {
        let spec = running_sums(options).timeout(SECOND * 3600);
        stream
            .map_with_state(spec)
            .foreach_rdd(|rdd| rdd.count().map(drop));
    });
}
