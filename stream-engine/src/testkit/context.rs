use super::{Stepper, TestInput, TestKit, TestOutput};
use crate::{DStream, Data, EngineError, ManualClock, Operator, StreamingContext};

/// A streaming context under test: on a manual clock, with inputs to fill and outputs to look at.
///
/// ```
/// use stream_engine::testkit::{TestInput, TestKit};
///
/// let (words, limits) = (TestInput::new([vec!["a", "b", "a"]]), TestInput::new([vec![1u64]]));
/// let test = TestKit::default().context()?;
/// let counts = test.input(&words)?.count_by_value();
/// let frequent = counts.transform_with(&test.input(&limits)?, |counts, limits| {
///     let limit = limits.first().ok().flatten().unwrap_or(0);
///     counts.filter(move |(_, count)| *count > limit)
/// });
/// let (all, frequent) = (test.output(&counts), test.output(&frequent));
///
/// let mut batches = test.start()?;
/// batches.step()?;
/// assert_eq!((all.take()[0].len(), frequent.take()), (2, vec![vec![("a", 2)]]));
///
/// words.push(vec!["c", "c", "c"]);
/// batches.step()?;
/// assert_eq!(frequent.take(), [[("c", 3)]]);
/// # Ok::<_, stream_engine::EngineError>(())
/// ```
#[derive(Debug)]
pub struct TestContext {
    kit: TestKit,
    ssc: StreamingContext,
    clock: ManualClock,
}

impl TestContext {
    pub(super) fn new(kit: TestKit, ssc: StreamingContext, clock: ManualClock) -> Self {
        TestContext { kit, ssc, clock }
    }

    /// The context.
    pub fn ssc(&self) -> &StreamingContext {
        &self.ssc
    }

    /// Its clock.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// A stream of an input's batches, from the first that is not committed.
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started.
    pub fn input<T: Data>(&self, input: &TestInput<T>) -> Result<DStream<T>, EngineError> {
        self.ssc
            .input_stream(input.source(self.ssc.rdd_context(), self.kit.partitions))
    }

    /// Collects what a stream gives in each batch, by an output operation.
    #[track_caller]
    pub fn output<T: Data>(&self, stream: &DStream<T>) -> TestOutput<T> {
        let output = TestOutput::default();
        self.output_to(stream, &output);
        output
    }

    /// As [`TestContext::output`], into an output that outlives this context, as a topic does.
    #[track_caller]
    pub fn output_to<T: Data>(&self, stream: &DStream<T>, output: &TestOutput<T>) {
        let output = output.clone();
        stream.foreach_rdd_at(Operator::here("foreach_rdd"), move |rdd, time| {
            output.push(time, rdd.collect()?);
            Ok::<_, EngineError>(())
        });
    }

    /// Starts the context without its scheduler's thread.
    ///
    /// # Errors
    /// As [`StreamingContext::start`].
    pub fn start(&self) -> Result<Stepper, EngineError> {
        Stepper::start(&self.ssc, &self.clock)
    }
}
