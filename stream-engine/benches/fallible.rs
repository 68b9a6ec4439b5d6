//! What an operator costs whose closure may refuse records, beside one whose closure may not.
//!
//! To count instructions: `cargo bench -p stream-engine --bench fallible -- --exact fallible::map --sample-size 1
//! --sample-count n` under such a tool, once with a small n and once with a larger one.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use stream_engine::testkit::{Stepper, TestKit, secs};
use stream_engine::{DStream, ManualClock, PoisonPolicy, StreamingContext};

const RECORDS: u64 = 200_000;

fn main() {
    divan::main();
}

/// Counts what an operation makes of a batch of numbers.
fn count(bencher: Bencher<'_, '_>, operation: impl Fn(&DStream<u64>) -> DStream<u64> + Sync) {
    let numbers: Vec<u64> = (0..RECORDS).collect();
    bencher
        .counter(ItemsCount::new(RECORDS))
        .with_inputs(|| {
            let clock = ManualClock::default();
            let builder = StreamingContext::builder("bench").batch_duration(secs(1));
            let ssc = builder.threads(1).clock(clock.clone()).build().unwrap();
            let stream = TestKit::default().input(&ssc, std::slice::from_ref(&numbers));
            let counted = operation(&stream.unwrap());
            counted.foreach_rdd(|rdd| {
                rdd.count().map(|n| {
                    black_box(n);
                })
            });
            let stepper = Stepper::start(&ssc, &clock).unwrap();
            (ssc, stepper)
        })
        .bench_refs(|(_, stepper)| stepper.step().unwrap());
}

fn halved(n: u64) -> Result<u64, &'static str> {
    if n == u64::MAX {
        Err("too much")
    } else {
        Ok(n / 2)
    }
}

#[divan::bench]
fn map(bencher: Bencher<'_, '_>) {
    count(bencher, |numbers| numbers.map(|n| halved(n).unwrap_or(0)));
}

#[divan::bench]
fn try_map_failing(bencher: Bencher<'_, '_>) {
    count(bencher, |numbers| numbers.try_map(|n| halved(*n)));
}

#[divan::bench]
fn try_map_skipping(bencher: Bencher<'_, '_>) {
    count(bencher, |numbers| {
        numbers
            .on_poison(PoisonPolicy::Skip)
            .try_map(|n| halved(*n))
    });
}

#[divan::bench]
fn filter(bencher: Bencher<'_, '_>) {
    count(bencher, |numbers| numbers.filter(|n| n % 3 != 0));
}

#[divan::bench]
fn try_filter_skipping(bencher: Bencher<'_, '_>) {
    count(bencher, |numbers| {
        let fallible = numbers.on_poison(PoisonPolicy::Skip);
        fallible.try_filter(|n| Ok::<_, &str>(n % 3 != 0))
    });
}
