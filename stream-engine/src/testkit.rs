//! Tests of streaming programs without threads to wait for, sleeps or a Kafka.
//!
//! [`check`] runs an operation over given input batches on a manual clock, with the production scheduler, and compares what
//! comes out batch by batch. Inputs are spread over two partitions, so that an operation that only works on one is found out.
//!
//! ```
//! use stream_engine::testkit::{check, secs};
//!
//! check(&[vec![1, 2], vec![3]], |s| s.map(|x| x + 1), &[vec![2, 3], vec![4]]);
//! check(&[vec![1], vec![2], vec![3]], |s| s.window(secs(2), secs(1)), &[vec![1], vec![1, 2], vec![2, 3]]);
//! ```

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::context::{Scheduler, Step};
use crate::source::{BatchInput, InputSource, SourceContext};
use crate::{
    BoxError, Clock, DStream, Data, EngineError, Key, ManualClock, MapWithStateDStream, RddContext,
    StreamingContext, Time,
};

/// `n` seconds.
pub const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What an operation under test may return: a stream, or a `Result` of one.
pub trait IntoStream {
    /// The stream's records.
    type Item: Data;
    /// The stream, or why there is none.
    fn into_stream(self) -> Result<DStream<Self::Item>, EngineError>;
}

impl<T: Data> IntoStream for DStream<T> {
    type Item = T;
    fn into_stream(self) -> Result<DStream<T>, EngineError> {
        Ok(self)
    }
}

impl<T: Data> IntoStream for Result<DStream<T>, EngineError> {
    type Item = T;
    fn into_stream(self) -> Result<DStream<T>, EngineError> {
        self
    }
}

impl<K: Key, S: Data, M: Data> IntoStream for MapWithStateDStream<K, S, M> {
    type Item = M;
    fn into_stream(self) -> Result<DStream<M>, EngineError> {
        Ok(self.stream().clone())
    }
}

/// Runs operations over input batches, one second each unless told otherwise, starting at time 0.
#[derive(Clone, Copy, Debug)]
pub struct TestKit {
    partitions: usize,
    threads: usize,
    batch_duration: Duration,
}

impl Default for TestKit {
    fn default() -> Self {
        TestKit {
            partitions: 2,
            threads: 2,
            batch_duration: secs(1),
        }
    }
}

impl TestKit {
    /// The number of partitions of the inputs' RDDs; by default 2.
    pub fn partitions(mut self, partitions: usize) -> Self {
        self.partitions = partitions;
        self
    }

    /// The number of worker threads; by default 2.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The batch interval; by default 1 s.
    pub fn batch_duration(mut self, interval: Duration) -> Self {
        self.batch_duration = interval;
        self
    }

    /// What the operation gives in each batch in which it has an RDD, over as many batches as `input` has.
    ///
    /// # Errors
    /// The operation's own, or the one that failed a batch.
    pub fn run<T: Data, R: IntoStream>(
        &self,
        input: &[Vec<T>],
        operation: impl FnOnce(&DStream<T>) -> R,
    ) -> Result<Vec<Vec<R::Item>>, EngineError> {
        self.run_graph(input.len(), |ssc| {
            operation(&self.input(ssc, input)?).into_stream()
        })
    }

    /// As [`TestKit::run`], for an operation on two streams.
    ///
    /// # Errors
    /// As there.
    pub fn run2<T: Data, U: Data, R: IntoStream>(
        &self,
        left: &[Vec<T>],
        right: &[Vec<U>],
        operation: impl FnOnce(&DStream<T>, &DStream<U>) -> R,
    ) -> Result<Vec<Vec<R::Item>>, EngineError> {
        self.run_graph(left.len().max(right.len()), |ssc| {
            operation(&self.input(ssc, left)?, &self.input(ssc, right)?).into_stream()
        })
    }

    fn run_graph<T: Data>(
        &self,
        batches: usize,
        graph: impl FnOnce(&StreamingContext) -> Result<DStream<T>, EngineError>,
    ) -> Result<Vec<Vec<T>>, EngineError> {
        let clock = ManualClock::default();
        let ssc = StreamingContext::builder("test")
            .batch_duration(self.batch_duration)
            .threads(self.threads)
            .clock(clock.clone())
            .build()?;
        let outputs = Arc::new(Mutex::new(Vec::new()));
        let collected = outputs.clone();
        graph(&ssc)?.foreach_rdd(move |rdd| {
            let records = rdd.collect()?;
            collected
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(records);
            Ok::<_, EngineError>(())
        });
        let mut stepper = Stepper::start(&ssc, &clock)?;
        for _ in 0..batches {
            stepper.step()?;
        }
        drop(stepper);
        let mut outputs = outputs.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *outputs))
    }

    /// A stream of the given batches, and of empty ones after them.
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started.
    pub fn input<T: Data>(
        &self,
        ssc: &StreamingContext,
        batches: &[Vec<T>],
    ) -> Result<DStream<T>, EngineError> {
        let batches: Vec<Vec<T>> = batches.to_vec();
        let batches = batches.into_iter();
        ssc.input_stream(TestSource {
            batches,
            partitions: self.partitions,
            rdds: ssc.rdd_context().clone(),
        })
    }
}

struct TestSource<T> {
    batches: std::vec::IntoIter<Vec<T>>,
    partitions: usize,
    rdds: RddContext,
}

impl<T: Data> InputSource<T> for TestSource<T> {
    fn name(&self) -> &'static str {
        "test_stream"
    }

    fn start(&mut self, _context: &SourceContext) -> Result<(), BoxError> {
        Ok(())
    }

    fn plan(&mut self, _time: Time) -> Result<Option<BatchInput<T>>, BoxError> {
        let batch = self.batches.next().unwrap_or_default();
        let records = batch.len() as u64;
        Ok(Some(BatchInput::new(
            self.rdds.parallelize(batch, self.partitions),
            records,
        )))
    }
}

/// Runs a context batch by batch in the calling thread, with the production scheduler.
///
/// ```
/// use stream_engine::testkit::{Stepper, TestKit, secs};
/// use stream_engine::{ManualClock, StreamingContext};
///
/// let clock = ManualClock::default();
/// let ssc = StreamingContext::builder("test").batch_duration(secs(1)).clock(clock.clone()).build()?;
/// let numbers = TestKit::default().input(&ssc, &[vec![1, 2], vec![3]])?;
/// numbers.print();
/// let mut stepper = Stepper::start(&ssc, &clock)?;
/// stepper.step()?;
/// stepper.step()?;
/// # Ok::<_, stream_engine::EngineError>(())
/// ```
pub struct Stepper {
    scheduler: Option<Scheduler>,
    clock: ManualClock,
    interval: Duration,
}

impl Stepper {
    /// Starts the context without its scheduler's thread; `clock` must be the one it was built with.
    ///
    /// # Errors
    /// As [`StreamingContext::start`].
    pub fn start(ssc: &StreamingContext, clock: &ManualClock) -> Result<Self, EngineError> {
        let scheduler = Some(ssc.start_scheduler()?);
        Ok(Stepper {
            scheduler,
            clock: clock.clone(),
            interval: ssc.batch_duration(),
        })
    }

    /// Moves the clock one batch interval on and runs the batch that is due then. True if there was one (with
    /// [`Trigger::Continuous`](crate::Trigger::Continuous): if a source had something new).
    ///
    /// # Errors
    /// The batch's; the context is stopped with it then, as in production.
    pub fn step(&mut self) -> Result<bool, EngineError> {
        let interval = self.interval;
        self.advance(interval)
    }

    /// As [`Stepper::step`], moving the clock by any duration.
    ///
    /// # Errors
    /// As there; and [`EngineError::Cancelled`] after a batch has failed.
    pub fn advance(&mut self, duration: Duration) -> Result<bool, EngineError> {
        self.clock.advance(duration);
        let Some(scheduler) = self.scheduler.as_mut() else {
            return Err(EngineError::Cancelled);
        };
        match scheduler.step() {
            Ok(step) => Ok(step == Step::Ran),
            Err(error) => {
                self.close(Some(error.clone()));
                Err(error)
            }
        }
    }

    /// The time now on the clock.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    fn close(&mut self, error: Option<EngineError>) {
        if let Some(scheduler) = self.scheduler.take() {
            scheduler.close(error);
        }
    }
}

impl Drop for Stepper {
    fn drop(&mut self) {
        self.close(None);
    }
}

impl Debug for Stepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stepper")
            .field("now", &self.clock.now())
            .finish_non_exhaustive()
    }
}

/// Checks that `operation` gives the `expected` batches, each in this order, for the `input` batches. An operation that has no
/// RDD in a batch (a window between two slides) has no entry in `expected`.
///
/// # Panics
/// If a batch differs or fails.
#[track_caller]
pub fn check<T: Data, R: IntoStream>(
    input: &[Vec<T>],
    operation: impl FnOnce(&DStream<T>) -> R,
    expected: &[Vec<R::Item>],
) where
    R::Item: PartialEq + Debug,
{
    compare(TestKit::default().run(input, operation), expected, true);
}

/// As [`check`], with the records of a batch in any order.
///
/// # Panics
/// As there.
#[track_caller]
pub fn check_unordered<T: Data, R: IntoStream>(
    input: &[Vec<T>],
    operation: impl FnOnce(&DStream<T>) -> R,
    expected: &[Vec<R::Item>],
) where
    R::Item: PartialEq + Debug,
{
    compare(TestKit::default().run(input, operation), expected, false);
}

/// As [`check`], for an operation on two streams.
///
/// # Panics
/// As there.
#[track_caller]
pub fn check2<T: Data, U: Data, R: IntoStream>(
    left: &[Vec<T>],
    right: &[Vec<U>],
    operation: impl FnOnce(&DStream<T>, &DStream<U>) -> R,
    expected: &[Vec<R::Item>],
) where
    R::Item: PartialEq + Debug,
{
    compare(
        TestKit::default().run2(left, right, operation),
        expected,
        true,
    );
}

/// As [`check2`], with the records of a batch in any order.
///
/// # Panics
/// As there.
#[track_caller]
pub fn check2_unordered<T: Data, U: Data, R: IntoStream>(
    left: &[Vec<T>],
    right: &[Vec<U>],
    operation: impl FnOnce(&DStream<T>, &DStream<U>) -> R,
    expected: &[Vec<R::Item>],
) where
    R::Item: PartialEq + Debug,
{
    compare(
        TestKit::default().run2(left, right, operation),
        expected,
        false,
    );
}

#[track_caller]
fn compare<T: PartialEq + Debug>(
    actual: Result<Vec<Vec<T>>, EngineError>,
    expected: &[Vec<T>],
    ordered: bool,
) {
    let actual = match actual {
        Ok(actual) => actual,
        Err(error) => panic!("the operation failed: {error}"),
    };
    for (n, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let same = if ordered {
            actual == expected
        } else {
            same_records(actual, expected)
        };
        assert!(
            same,
            "output batch {n}:\n  expected {expected:?}\n       got {actual:?}"
        );
    }
    assert!(
        actual.len() == expected.len(),
        "expected {} output batches, got {}: {actual:?}",
        expected.len(),
        actual.len()
    );
}

fn same_records<T: PartialEq>(actual: &[T], expected: &[T]) -> bool {
    let mut left: Vec<&T> = expected.iter().collect();
    actual.iter().all(
        |record| match left.iter().position(|other| *other == record) {
            Some(at) => {
                left.swap_remove(at);
                true
            }
            None => false,
        },
    ) && left.is_empty()
}
