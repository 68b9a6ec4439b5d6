//! Days of simulated time, failures, triggers.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::program::{Program, bound, millis};
use crate::event_time::{WindowResult, Windows};
use crate::testkit::{Stepper, TestKit, secs};
use crate::{
    BatchInfo, EngineError, ManualClock, RddQueue, StreamingContext, StreamingListener, Time,
    Trigger,
};

#[test]
fn memory_stays_flat_over_days() {
    // A record every 10 s, by one of 10 keys, out of order by up to a minute.
    let minute = 60_000;
    let kinds = [
        ("tumbling", Windows::tumbling(millis(minute)), 60),
        (
            "sliding",
            Windows::sliding(millis(10 * minute), millis(minute)),
            200,
        ),
        ("session", Windows::session(millis(5 * minute)), 30),
        (
            "session, never ending",
            Windows::session(millis(20 * minute)),
            30,
        ),
        (
            "with lateness",
            Windows::session(millis(minute)).allowed_lateness(millis(10 * minute)),
            150,
        ),
    ];
    for (name, windows, limit) in kinds {
        let watermarks = bound(minute).without_idle_timeout();
        let mut program = Program::start(2, watermarks, windows, |s| s.count_by_key()).unwrap();
        let (mut random, mut counted, mut most) = (fastrand::Rng::with_seed(7), 0, 0);
        let (batches, per_batch) = (3 * 24 * 60, 6);
        for n in 0..batches {
            let events = (0..per_batch).map(|i| {
                let time = minute + n * minute + i * 10_000 - random.u64(0..minute);
                (time, random.u8(0..10), 0)
            });
            let outcome = program.batch(&[events.collect()]);
            counted += outcome
                .results
                .iter()
                .map(|result| result.value)
                .sum::<u64>();
            assert!(outcome.late.is_empty());
            most = most.max(program.metrics().open);
        }
        assert!((1..=limit).contains(&most), "{name}: {most} open");
        if name == "tumbling" {
            assert!(
                counted >= (batches - 3) * per_batch,
                "{name}: {counted} counted"
            );
        }
    }
}

#[test]
fn a_program_of_one_long_session_has_one_accumulator_and_one_index_entry() {
    let mut program = Program::start(1, bound(0), Windows::session(secs(10)), |s| {
        s.count_by_key()
    })
    .unwrap();
    for n in 0..5000 {
        let outcome = program.batch(&[vec![(n * 1000, 0, 0)]]);
        assert!(outcome.results.is_empty());
        assert_eq!(program.metrics().open, u64::from(n > 0));
    }
    let results = program.batch(&[vec![(9_999_000, 1, 0)]]).results;
    assert_eq!((results.len(), results[0].value), (1, 5000));
}

#[test]
fn idle_partitions_let_windows_fire_without_new_records() {
    let windows = Windows::tumbling(millis(10));
    let watermarks = bound(0).idle_timeout(secs(3));
    let mut program = Program::start(2, watermarks, windows, |s| s.count_by_key()).unwrap();
    let fired: Vec<usize> = (0..6)
        .map(|n| match n {
            0 => program.batch(&[vec![(5, 0, 0)], vec![(25, 0, 0)]]),
            _ => program.batch(&[]),
        })
        .map(|outcome| outcome.results.len())
        .collect();
    // Both are idle from the third batch after their last records on: the watermark is 25 then, and stands still.
    assert_eq!(fired, [0, 0, 0, 1, 0, 0]);
}

#[test]
fn listeners_hear_of_watermarks_and_idle_partitions() {
    type Heard = Vec<(Option<u64>, usize, usize)>;
    #[derive(Default)]
    struct Watching(Mutex<Heard>);
    impl StreamingListener for Watching {
        fn on_batch_completed(&self, batch: &BatchInfo) {
            let infos = batch.watermarks.iter().map(|info| {
                assert_eq!(info.operator.name(), "with_event_time");
                let watermark = info.watermark.map(Time::as_millis);
                (watermark, info.partitions, info.idle_partitions)
            });
            self.0.lock().unwrap().extend(infos);
        }
    }
    let clock = ManualClock::default();
    let (ssc, queue, _) = sums(Trigger::Interval, &clock);
    let watching = Arc::new(Watching::default());
    ssc.add_streaming_listener(watching.clone());
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    let rdds = ssc.rdd_context();
    for partitions in [
        vec![vec![(7, 0, 0)], vec![]],
        vec![vec![(9, 0, 0)], vec![(5, 0, 0)]],
    ] {
        queue.push(rdds.parallelize_partitions(partitions));
        stepper.step().unwrap();
    }
    stepper.advance(secs(60)).unwrap();
    let heard = watching.0.lock().unwrap();
    assert_eq!(*heard, [(None, 2, 0), (Some(5), 2, 0), (Some(9), 2, 2)]);
}

type Sums = Arc<Mutex<Vec<WindowResult<u8, u32>>>>;

fn sums(
    trigger: Trigger,
    clock: &ManualClock,
) -> (StreamingContext, RddQueue<(u64, u8, u32)>, Sums) {
    let ssc = StreamingContext::builder("windows")
        .batch_duration(secs(1))
        .trigger(trigger)
        .clock(clock.clone())
        .build()
        .unwrap();
    let queue = RddQueue::new();
    let events = ssc.queue_stream(&queue).unwrap();
    let events = events
        .with_event_time(
            |event: &(u64, u8, u32)| Time::from_millis(event.0),
            bound(0),
        )
        .unwrap()
        .map(|(_, key, value)| (key, value));
    let windows = events.window(Windows::tumbling(millis(10))).unwrap();
    let results = Sums::default();
    let collected = results.clone();
    windows
        .reduce_by_key(|a, b| a + b)
        .results()
        .foreach_rdd(move |rdd| {
            collected.lock().unwrap().extend(rdd.collect()?);
            Ok::<_, EngineError>(())
        });
    (ssc, queue, results)
}

#[test]
fn continuous_batches_and_coalesced_ones_fire_the_same_windows() {
    for trigger in [Trigger::Interval, Trigger::Continuous] {
        let clock = ManualClock::default();
        let (ssc, queue, results) = sums(trigger, &clock);
        let mut stepper = Stepper::start(&ssc, &clock).unwrap();
        for (advance, event) in [
            (1000, (1, 0, 1)),
            (7300, (2, 0, 2)),
            (2000, (10, 0, 4)),
            (900_000, (20, 0, 8)),
        ] {
            queue.push(ssc.rdd_context().parallelize([event], 1));
            assert!(stepper.advance(millis(advance)).unwrap());
        }
        let results = results.lock().unwrap();
        let found: Vec<_> = results
            .iter()
            .map(|r| (r.window.end.as_millis(), r.value))
            .collect();
        assert_eq!(found, [(10, 3), (20, 4)], "{trigger:?}");
    }
}

#[test]
fn several_windows_on_one_stream_share_its_watermark() {
    let kit = TestKit::default().partitions(1);
    let input: Vec<Vec<u64>> = vec![vec![1, 4, 12], vec![21], vec![35]];
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = reads.clone();
    let ends = kit
        .run(&input, |numbers| {
            let numbers = numbers.map(move |n| {
                counted.fetch_add(1, Ordering::Relaxed);
                n
            });
            let events = numbers
                .with_event_time(|n| Time::from_millis(*n), bound(0))?
                .cache();
            // What a filter drops moves the watermark too.
            let even = events
                .filter(|n| n % 2 == 0)
                .window(Windows::tumbling(millis(10)))?
                .count();
            let all = events
                .flat_map(|n| [n, n])
                .window(Windows::tumbling(millis(20)))?
                .count();
            Ok::<_, EngineError>(
                even.results()
                    .union(&all.results())
                    .map(|r| (r.window.end.as_millis(), r.value)),
            )
        })
        .unwrap();
    assert_eq!(ends, [vec![(10, 1)], vec![(20, 1), (20, 6)], vec![]]);
    assert_eq!(reads.load(Ordering::Relaxed), 5, "each record is read once");
}

#[test]
fn what_fails_names_the_operator_and_the_way_out() {
    let reduced = |time: u64, windows: Windows, fails: bool| {
        let kit = TestKit::default().partitions(1);
        let run = kit.run(&[vec![time, time]], move |numbers| {
            let events = numbers.with_event_time(|n| Time::from_millis(*n), bound(0))?;
            let sums = events.window(windows)?.reduce(move |a, b| {
                assert!(!fails, "no sum today");
                a + b
            });
            Ok::<_, EngineError>(sums.results())
        });
        run.map(|_| ()).map_err(|error| error.root().to_string())
    };
    let window = Windows::tumbling(millis(10));
    // The latest time there is, and a missing timestamp, read as an unsigned number.
    assert_eq!(reduced(i64::MAX as u64 / 4, window, false), Ok(()));
    let cases = [
        (
            reduced(-1i64 as u64, window, false),
            "with_event_time at ",
            "a record of partition 0 has the time 18446744073709551615 ms, which is no time",
        ),
        (
            reduced(1, window, true),
            "reduce at ",
            "panicked: no sum today",
        ),
        (
            reduced(1, Windows::session(millis(10)), true),
            "reduce at ",
            "panicked: no sum today",
        ),
        (
            reduced(1, Windows::tumbling(secs(0)), false),
            "window at ",
            "the window is zero: it must be at least a millisecond",
        ),
    ];
    for (result, operator, problem) in cases {
        let error = result.unwrap_err();
        assert!(
            error.starts_with(operator) && error.contains(problem),
            "{error}"
        );
    }
}
