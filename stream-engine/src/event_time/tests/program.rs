//! A program with one window operator, run batch by batch.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::event_time::{
    LateRecord, Watermarks, WindowMetrics, WindowResult, WindowResults, WindowedStream, Windows,
};
use crate::testkit::Stepper;
use crate::{Data, EngineError, Key, ManualClock, RddQueue, StreamingContext};

/// An event time, a key and a number that no other record has.
pub(super) type Event = (u64, u8, u32);
/// A batch's records, by partition.
pub(super) type Partitions = Vec<Vec<Event>>;
pub(super) type Grouped = WindowResult<u8, Vec<u32>>;
pub(super) type LateEvent = LateRecord<(u8, u32)>;

pub(super) const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) const fn bound(n: u64) -> Watermarks {
    Watermarks::bounded_out_of_orderness(millis(n))
}

/// A batch's results and late records, in order of window and key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome<K = u8, R = Vec<u32>> {
    pub(super) results: Vec<WindowResult<K, R>>,
    pub(super) late: Vec<LateEvent>,
}

pub(super) struct Program<K, R> {
    queue: RddQueue<Event>,
    ssc: StreamingContext,
    stepper: Stepper,
    outcome: Arc<Mutex<Outcome<K, R>>>,
    windows: WindowResults<K, R, (u8, u32)>,
}

impl<K: Key + Ord, R: Data + Ord> Program<K, R> {
    /// A program whose batches are a second, by the clock.
    pub(super) fn start(
        threads: usize,
        watermarks: Watermarks,
        windows: Windows,
        operation: impl FnOnce(&WindowedStream<(u8, u32)>) -> WindowResults<K, R, (u8, u32)>,
    ) -> Result<Self, EngineError> {
        let clock = ManualClock::default();
        let ssc = StreamingContext::builder("windows")
            .batch_duration(Duration::from_secs(1))
            .threads(threads)
            .clock(clock.clone())
            .build()?;
        let queue = RddQueue::new();
        let events = ssc
            .queue_stream(&queue)?
            .with_event_time(
                |event: &Event| crate::Time::from_millis(event.0),
                watermarks,
            )?
            .map(|(_, key, number)| (key, number));
        let windows = operation(&events.window(windows)?.partitions(threads));
        let outcome = Arc::new(Mutex::new(Outcome {
            results: Vec::new(),
            late: Vec::new(),
        }));
        let (results, late) = (outcome.clone(), outcome.clone());
        windows.results().foreach_rdd(move |rdd| {
            results.lock().unwrap().results = rdd.collect()?;
            Ok::<_, EngineError>(())
        });
        windows.late_records().foreach_rdd(move |rdd| {
            late.lock().unwrap().late = rdd.collect()?;
            Ok::<_, EngineError>(())
        });
        let stepper = Stepper::start(&ssc, &clock)?;
        Ok(Program {
            queue,
            ssc,
            stepper,
            outcome,
            windows,
        })
    }

    pub(super) fn batch(&mut self, partitions: &[Vec<Event>]) -> Outcome<K, R> {
        let rdd = self.ssc.rdd_context();
        self.queue
            .push(rdd.parallelize_partitions(partitions.iter().cloned()));
        self.stepper.step().unwrap();
        let mut outcome = std::mem::replace(
            &mut *self.outcome.lock().unwrap(),
            Outcome {
                results: Vec::new(),
                late: Vec::new(),
            },
        );
        outcome.results.sort();
        outcome.late.sort();
        outcome
    }

    pub(super) fn metrics(&self) -> WindowMetrics {
        self.windows.metrics()
    }
}

/// Runs a program that groups, with the groups in order.
pub(super) fn grouped(
    threads: usize,
    watermarks: Watermarks,
    windows: Windows,
    batches: &[Partitions],
) -> Vec<Outcome> {
    let mut program = Program::start(threads, watermarks, windows, |s| s.group_by_key()).unwrap();
    let outcomes = batches.iter().map(|partitions| {
        let mut outcome = program.batch(partitions);
        for result in &mut outcome.results {
            result.value.sort();
        }
        outcome
    });
    outcomes.collect()
}

/// Batches of one partition with one key, given by their times, and the results expected of each: start, end, times, updated.
pub(super) type Expected = &'static [(
    &'static [u64],
    &'static [(u64, u64, &'static [u32], bool)],
    &'static [u32],
)];

/// Checks results and late records (by their times) batch by batch; the key is always 0 and a record's number is its time.
#[track_caller]
pub(super) fn check_times(rule: &str, watermarks: Watermarks, windows: Windows, batches: Expected) {
    let input: Vec<Partitions> = batches
        .iter()
        .map(|(times, ..)| vec![times.iter().map(|time| (*time, 0, *time as u32)).collect()])
        .collect();
    let outcomes = grouped(2, watermarks, windows, &input);
    for (n, (outcome, (times, results, late))) in outcomes.iter().zip(batches).enumerate() {
        let found: Vec<_> = outcome
            .results
            .iter()
            .map(|r| {
                (
                    r.window.start.as_millis(),
                    r.window.end.as_millis(),
                    &*r.value,
                    r.is_update(),
                )
            })
            .collect();
        assert_eq!(found, *results, "{rule}: results of batch {n}, {times:?}");
        let found: Vec<u32> = outcome.late.iter().map(|late| late.record.1).collect();
        assert_eq!(found, *late, "{rule}: late records of batch {n}, {times:?}");
    }
}
