//! What a batch costs that has nothing to do: planning, the graph, the output operations, the commit.
//!
//! `cargo bench -p stream-engine --bench empty_batch`; with the argument `--instructions`, 10,000 batches of a graph of three
//! operators, for a tool that counts instructions.

use std::sync::Arc;

use divan::Bencher;
use stream_engine::testkit::{Stepper, TestContext, TestInput, TestKit, secs};
use stream_engine::{DStream, StreamingListener};

fn main() {
    if std::env::args().any(|argument| argument == "--instructions") {
        let (_test, mut stepper) = started(word_count);
        for _ in 0..10_000 {
            stepper.step().expect("the batch succeeds");
        }
    } else {
        divan::main();
    }
}

fn started(program: impl FnOnce(&TestContext, DStream<u64>)) -> (TestContext, Stepper) {
    let test = TestKit::default().context().expect("the context is built");
    let numbers = test
        .input(&TestInput::new([]))
        .expect("the context is not started");
    program(&test, numbers);
    let stepper = test.start().expect("the context starts");
    (test, stepper)
}

fn run(bencher: Bencher, program: impl FnOnce(&TestContext, DStream<u64>)) {
    let (_test, mut stepper) = started(program);
    bencher.bench_local(|| stepper.step().expect("the batch succeeds"));
}

fn word_count(_: &TestContext, numbers: DStream<u64>) {
    numbers
        .map(|n| (n, 1u64))
        .reduce_by_key(|a, b| a + b)
        .foreach_rdd(|rdd| rdd.collect().map(drop));
}

/// The scheduler alone.
#[divan::bench]
fn one_output(bencher: Bencher) {
    run(bencher, |_, numbers| numbers.foreach_rdd(drop));
}

#[divan::bench]
fn three_operators(bencher: Bencher) {
    run(bencher, word_count);
}

#[divan::bench]
fn three_operators_and_a_listener(bencher: Bencher) {
    struct Listener;
    impl StreamingListener for Listener {}
    run(bencher, |test, numbers| {
        test.ssc().add_streaming_listener(Arc::new(Listener));
        word_count(test, numbers);
    });
}

/// A chain of so many narrow operators, with an action.
#[divan::bench(args = [10, 100])]
fn chain(bencher: Bencher, operators: usize) {
    run(bencher, |_, numbers| {
        let chain = (0..operators).fold(numbers, |stream, _| stream.map(|n| n + 1));
        chain.foreach_rdd(|rdd| rdd.count().map(drop));
    });
}

/// So many output operations, each behind a shuffle of its own.
#[divan::bench(args = [10, 100])]
fn outputs(bencher: Bencher, outputs: usize) {
    run(bencher, |test, numbers| {
        (0..outputs).for_each(|_| word_count(test, numbers.clone()));
    });
}

/// A window of 600 panes with an inverse function.
#[divan::bench]
fn inverse_window(bencher: Bencher) {
    run(bencher, |_, numbers| {
        let sums = numbers
            .map(|n| (n % 10, n))
            .reduce_by_key_and_window_with_inverse(|a, b| a + b, |a, b| a - b, secs(600), secs(1));
        sums.expect("600 s is a multiple of 1 s")
            .foreach_rdd(|rdd| rdd.count().map(drop));
    });
}

/// A window of 600 panes that is put together anew in each batch.
#[divan::bench]
fn plain_window(bencher: Bencher) {
    run(bencher, |_, numbers| {
        let windows = numbers.window(secs(600), secs(1));
        windows
            .expect("600 s is a multiple of 1 s")
            .foreach_rdd(|rdd| rdd.count().map(drop));
    });
}
