use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use crate::context::{BatchState, FailAfter};
use crate::stage::StageKind;
use crate::testkit::{Stepper, TestContext, TestInput, TestKit, secs};
use crate::{
    BatchInfo, BoxError, Clock, EngineError, Operator, PartitionIter, Sink, StreamingContext,
    StreamingListener, SystemClock, Time, Trigger, Wakeup,
};

type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log, entry: impl Into<String>) {
    log.lock().unwrap().push(entry.into());
}

struct State {
    name: &'static str,
    log: Log,
    input: TestInput<u32>,
}

impl BatchState for State {
    fn commit(&self, time: Time) {
        let committed = self.input.committed();
        note(
            &self.log,
            format!("{} commits {time} after {committed}", self.name),
        );
    }
    fn abort(&self, time: Time) {
        note(&self.log, format!("{} aborts {time}", self.name));
    }
}

struct Recorder {
    log: Log,
}

impl Sink<u32> for Recorder {
    fn name(&self) -> &'static str {
        "save_to_recorder"
    }
    fn write(&self, _: Time, _: usize, records: PartitionIter<u32>) -> Result<(), BoxError> {
        records.for_each(drop);
        Ok(())
    }
    fn flush(&self, time: Time) -> Result<(), BoxError> {
        note(&self.log, format!("flush {time}"));
        Ok(())
    }
    fn abort(&self, time: Time) {
        note(&self.log, format!("abort {time}"));
    }
    fn stop(&self) {
        note(&self.log, "stop");
    }
}

/// Two inputs, two states, a sink.
fn program(input: &TestInput<u32>) -> (TestContext, Log) {
    let test = TestKit::default().context().unwrap();
    let log = Log::default();
    let stream = test.input(input).unwrap();
    stream.save_to(Recorder { log: log.clone() });
    test.input(&TestInput::new([vec![1u32]])).unwrap();
    for name in ["first", "second"] {
        let state = State {
            name,
            log: log.clone(),
            input: input.clone(),
        };
        test.ssc()
            .shared()
            .graph()
            .add_state(Operator::here("state"), Arc::new(state));
    }
    (test, log)
}

#[test]
fn states_commit_once_all_inputs_are_committed() {
    let input = TestInput::new([vec![1], vec![2]]);
    let (test, log) = program(&input);
    let mut batches = test.start().unwrap();
    batches.step().unwrap();
    batches.step().unwrap();
    let expected = [
        "flush 1000 ms",
        "first commits 1000 ms after 1",
        "second commits 1000 ms after 1",
        "flush 2000 ms",
        "first commits 2000 ms after 2",
        "second commits 2000 ms after 2",
    ];
    assert_eq!(*log.lock().unwrap(), expected);
}

#[test]
fn a_failed_batch_aborts_sinks_and_states_and_commits_none() {
    for step in FailAfter::steps(2, 1) {
        let input = TestInput::new([vec![1]]);
        let (test, log) = program(&input);
        let mut batches = test.start().unwrap();
        batches.fail_after(step);
        batches.step().unwrap_err();
        let log: Vec<String> = log
            .lock()
            .unwrap()
            .iter()
            .filter(|entry| !entry.starts_with("flush"))
            .cloned()
            .collect();
        let expected = [
            "abort 1000 ms",
            "first aborts 1000 ms",
            "second aborts 1000 ms",
            "stop",
        ];
        assert_eq!(log, expected, "{step:?}");
        let metrics = test.ssc().metrics();
        assert_eq!((metrics.batches, metrics.failed_batches), (0, 1));
    }
}

#[test]
fn a_crash_aborts_and_stops_nothing() {
    let input = TestInput::new([vec![1]]);
    let (test, log) = program(&input);
    let mut batches = test.start().unwrap();
    batches.crash_after(FailAfter::Compute);
    batches.step().unwrap_err();
    drop(batches);
    assert_eq!(*log.lock().unwrap(), ["flush 1000 ms"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn batches_come_in_order_one_at_a_time_and_stand_for_every_interval(
        advances in proptest::collection::vec(0u64..5000, 1..40),
    ) {
        #[derive(Default)]
        struct Batches(Mutex<Vec<(&'static str, Time, u64)>>);
        impl StreamingListener for Batches {
            fn on_batch_submitted(&self, batch: &BatchInfo) {
                self.0.lock().unwrap().push(("submitted", batch.batch_time, batch.intervals));
            }
            fn on_batch_completed(&self, batch: &BatchInfo) {
                self.0.lock().unwrap().push(("completed", batch.batch_time, batch.intervals));
            }
        }
        let test = TestKit::default().context().unwrap();
        let batches = Arc::new(Batches::default());
        test.ssc().add_streaming_listener(batches.clone());
        test.output(&test.input(&TestInput::<u32>::new([])).unwrap());
        let mut stepper = test.start().unwrap();
        for millis in advances {
            stepper.advance(Duration::from_millis(millis)).unwrap();
        }
        let mut last = 0;
        for pair in batches.0.lock().unwrap().chunks(2) {
            let [(first, submitted, intervals), (second, completed, _)] = pair else { panic!("{pair:?}") };
            prop_assert_eq!((*first, *second, submitted), ("submitted", "completed", completed));
            prop_assert_eq!(submitted.as_millis(), last + intervals * 1000);
            last = submitted.as_millis();
        }
        prop_assert_eq!(last, stepper.now().floor(secs(1)).as_millis());
    }
}

/// The system's clock, set apart by some hours while the program runs, with a count of the waits.
#[derive(Clone)]
struct Watched {
    ahead: Arc<AtomicU64>,
    waits: Arc<AtomicU64>,
}

impl Clock for Watched {
    fn now(&self) -> Time {
        SystemClock.now() + Duration::from_millis(self.ahead.load(Ordering::SeqCst))
    }
    fn wait_until(&self, deadline: Time, wakeup: &Wakeup) {
        self.waits.fetch_add(1, Ordering::SeqCst);
        let ahead = Duration::from_millis(self.ahead.load(Ordering::SeqCst));
        SystemClock.wait_until(deadline - ahead, wakeup);
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs batches of 10 ms on a thread of their own until the closure, called in each batch, says that it is enough.
fn run_for_real(clock: Watched, mut enough: impl FnMut(Time) -> bool + Send + 'static) {
    let ssc = StreamingContext::builder("test")
        .batch_duration(Duration::from_millis(10))
        .threads(1)
        .clock(clock)
        .build()
        .unwrap();
    let handle = ssc.stop_handle();
    TestKit::default()
        .input::<u32>(&ssc, &[])
        .unwrap()
        .foreach_rdd_with_time(move |_, time| {
            if enough(time) {
                handle.stop_gracefully();
            }
        });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    ssc.start().unwrap();
    let stopped = runtime.block_on(ssc.await_termination_or_timeout(PATIENCE));
    assert!(stopped.unwrap(), "not enough batches within {PATIENCE:?}");
}

fn watched() -> Watched {
    Watched {
        ahead: Arc::new(AtomicU64::new(7_200_000)),
        waits: Arc::default(),
    }
}

#[test]
fn ten_millisecond_batches_lie_on_the_grid_and_wait_without_spinning() {
    let clock = watched();
    let mut batches = 0;
    let start = clock.now();
    let end = Arc::new(Mutex::new(start));
    let last = end.clone();
    run_for_real(clock.clone(), move |time| {
        assert!(time.is_multiple_of(Duration::from_millis(10)));
        *last.lock().unwrap() = time;
        batches += 1;
        batches == 50
    });
    let intervals = end.lock().unwrap().since(start).as_millis() / 10 + 1;
    let waits = clock.waits.load(Ordering::SeqCst);
    // One for each interval, and another where a wait ended a little too early.
    assert!(
        u128::from(waits) <= intervals * 2,
        "{waits} waits in {intervals} intervals"
    );
}

#[test]
fn batches_go_on_when_the_clock_is_set_back_an_hour_or_forward_a_day() {
    for ahead in [3_600_000, 93_600_000] {
        let clock = watched();
        let (set, mut times) = (clock.clone(), Vec::new());
        run_for_real(clock, move |time| {
            if let Some(last) = times.last() {
                assert!(time > *last, "{time} after {last}");
            }
            times.push(time);
            if times.len() == 5 {
                set.ahead.store(ahead, Ordering::SeqCst);
            }
            times.len() == 10
        });
    }
}

#[test]
fn a_day_that_was_slept_through_is_one_batch_and_old_windows_are_gone() {
    let input = TestInput::new([vec![1u64], vec![2], vec![4]]);
    let test = TestKit::default().context().unwrap();
    let stream = test.input(&input).unwrap();
    let sums = |a, b| a + b;
    let windows = stream.reduce_by_window(sums, secs(10), secs(2)).unwrap();
    let inverse = stream
        .reduce_by_window_with_inverse(sums, |a, b| a - b, secs(10), secs(1))
        .unwrap();
    let (plain, inverse) = (test.output(&windows), test.output(&inverse));
    let mut batches = test.start().unwrap();
    batches.step().unwrap();
    batches.step().unwrap();
    batches.advance(secs(86_400)).unwrap();
    assert_eq!(plain.take(), [vec![3], vec![4]]);
    assert_eq!(inverse.take(), [vec![1], vec![3], vec![4]]);
    assert_eq!(test.ssc().metrics().missed_intervals, 86_399);
}

#[test]
fn every_stage_of_a_batch_is_counted() {
    #[derive(Default)]
    struct Last(Mutex<Option<BatchInfo>>);
    impl StreamingListener for Last {
        fn on_batch_completed(&self, batch: &BatchInfo) {
            *self.0.lock().unwrap() = Some(batch.clone());
        }
    }
    let test = TestKit::default().partitions(3).context().unwrap();
    let last = Arc::new(Last::default());
    test.ssc().add_streaming_listener(last.clone());
    let words = TestInput::new([vec!["a b", "b c", "b", "a", "b b"]]);
    let counts = test
        .input(&words)
        .unwrap()
        .flat_map(|line| line.split(' '))
        .map(|word| (word, 1u32))
        .reduce_by_key_with_partitions(2, |a, b| a + b);
    counts.foreach_rdd(|rdd| rdd.count().map(drop));
    counts.map(|(_, n)| n).save_to(Recorder {
        log: Log::default(),
    });
    test.start().unwrap().step().unwrap();

    let info = last.0.lock().unwrap().take().unwrap();
    let seen: Vec<_> = info
        .stages
        .iter()
        .map(|stage| {
            let counts = (stage.records_in, stage.records_out);
            (
                stage.operator.name(),
                stage.kind,
                stage.output,
                stage.partitions,
                counts,
            )
        })
        .collect();
    use StageKind::*;
    let expected = [
        ("test_stream", Plan, None, 1, (None, Some(5))),
        // "a b" | "b c", "b" | "a", "b b": combined to 2, 2 and 2 pairs.
        ("reduce_by_key", Tasks, Some(0), 3, (Some(8), Some(6))),
        ("reduce_by_key", Tasks, Some(0), 2, (Some(6), Some(3))),
        ("count", Tasks, Some(0), 2, (Some(3), None)),
        ("save_to_recorder", Tasks, Some(1), 2, (Some(3), None)),
        ("save_to_recorder", Flush, Some(1), 1, (None, None)),
        ("test_stream", Commit, None, 1, (None, None)),
    ];
    // The second output finds the shuffle done.
    assert_eq!(seen, expected);
}

#[test]
fn rates_are_not_learned_without_an_interval_or_when_switched_off() {
    use crate::{Backpressure, ManualClock};
    for (trigger, settings, expected) in [
        (Trigger::Interval, Backpressure::default(), true),
        (Trigger::Interval, Backpressure::off(), false),
        (Trigger::Continuous, Backpressure::default(), false),
    ] {
        let clock = ManualClock::default();
        let ssc = StreamingContext::builder("test")
            .batch_duration(secs(1))
            .trigger(trigger)
            .backpressure(settings)
            .clock(clock.clone())
            .threads(1)
            .build()
            .unwrap();
        let busy = clock.clone();
        TestKit::default()
            .input(&ssc, &[vec![1], vec![2]])
            .unwrap()
            .foreach_rdd(move |_| {
                busy.advance(Duration::from_millis(10));
                Ok::<_, EngineError>(())
            });
        let mut stepper = Stepper::start(&ssc, &clock).unwrap();
        stepper.step().unwrap();
        stepper.step().unwrap();
        let limit = ssc.metrics().inputs[0].rate_limit;
        assert_eq!(limit.is_some(), expected, "{trigger:?}");
    }
}
