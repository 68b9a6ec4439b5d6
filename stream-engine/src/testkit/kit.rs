use std::time::Duration;

use super::{IntoStream, TestContext, TestInput, secs};
use crate::{DStream, Data, EngineError, ManualClock, StreamingContext, Time};

/// Runs operations over input batches, one second each unless told otherwise, starting at time 0.
#[derive(Clone, Copy, Debug)]
pub struct TestKit {
    pub(super) partitions: usize,
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
        self.run_program(input.len(), |ssc| {
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
        self.run_program(left.len().max(right.len()), |ssc| {
            operation(&self.input(ssc, left)?, &self.input(ssc, right)?).into_stream()
        })
    }

    /// As [`TestKit::run`], for a program with any inputs, over so many batches.
    ///
    /// ```
    /// use stream_engine::testkit::TestKit;
    ///
    /// let kit = TestKit::default().partitions(3);
    /// let batches = kit.run_program(1, |ssc| {
    ///     let orders = kit.input(ssc, &[vec![("ann", 3), ("bob", 1)]])?;
    ///     let towns = kit.input(ssc, &[vec![("ann", "Rome")]])?;
    ///     let names = kit.input(ssc, &[vec!['x']])?.count();
    ///     names.print();
    ///     Ok(orders.join(&towns))
    /// })?;
    /// assert_eq!(batches, [[("ann", (3, "Rome"))]]);
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    ///
    /// # Errors
    /// The program's own, or the one that failed a batch.
    pub fn run_program<T: Data>(
        &self,
        batches: usize,
        program: impl FnOnce(&StreamingContext) -> Result<DStream<T>, EngineError>,
    ) -> Result<Vec<Vec<T>>, EngineError> {
        let test = self.context()?;
        let output = test.output(&program(test.ssc())?);
        let mut stepper = test.start()?;
        for _ in 0..batches {
            stepper.step()?;
        }
        Ok(output.take())
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
        let input = TestInput::new(batches.iter().cloned());
        ssc.input_stream(input.source(ssc.rdd_context(), self.partitions))
    }

    /// A context with these settings, on a manual clock that shows 0.
    ///
    /// # Errors
    /// [`EngineError::Setting`] as from [`StreamingContextBuilder::build`](crate::StreamingContextBuilder::build).
    pub fn context(&self) -> Result<TestContext, EngineError> {
        self.context_at(Time::default())
    }

    pub(super) fn context_at(&self, now: Time) -> Result<TestContext, EngineError> {
        let clock = ManualClock::new(now);
        let ssc = StreamingContext::builder("test")
            .batch_duration(self.batch_duration)
            .threads(self.threads)
            .clock(clock.clone())
            .build()?;
        Ok(TestContext::new(*self, ssc, clock))
    }
}
