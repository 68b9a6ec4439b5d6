use std::fmt::{self, Debug};
use std::time::Duration;

use super::FailAfter;
use crate::context::{FailPoint, Scheduler, Step};
use crate::{Clock, EngineError, ManualClock, Operator, StreamingContext, Time};

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
    crash: bool,
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
            crash: false,
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
        Ok(self.try_step()? == Step::Ran)
    }

    /// As [`Stepper::step`], moving the clock to when the next batch is due; not at all if the last batch, by moving the
    /// clock in an output operation, took longer than the interval. This is how time passes in production.
    ///
    /// # Errors
    /// As [`Stepper::advance`].
    pub fn next_batch(&mut self) -> Result<bool, EngineError> {
        match self.try_step()? {
            Step::NotBefore(due) => {
                self.clock.set(due);
                Ok(self.try_step()? == Step::Ran)
            }
            step => Ok(step == Step::Ran),
        }
    }

    /// The next batch that takes place fails after this step, as if the step after it had returned an error: its sinks and
    /// state are aborted, nothing more is committed, the context stops.
    ///
    /// ```
    /// use stream_engine::testkit::{FailAfter, TestInput, TestKit};
    ///
    /// let input = TestInput::new([vec![1], vec![2]]);
    /// let test = TestKit::default().context()?;
    /// let output = test.output(&test.input(&input)?);
    /// let mut batches = test.start()?;
    /// batches.step()?;
    /// batches.fail_after(FailAfter::Output(0));
    /// let error = batches.step().unwrap_err().to_string();
    /// assert!(error.ends_with("simulated failure after Output(0)"), "{error}");
    /// // Written, but not committed: it will come again.
    /// assert_eq!((output.take(), input.committed()), (vec![vec![1], vec![2]], 1));
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn fail_after(&mut self, step: FailAfter) {
        self.fail(step, false, Operator::here("fail_after"));
    }

    /// As [`Stepper::fail_after`], as if the process were killed there: nothing is aborted and nobody is asked to stop.
    #[track_caller]
    pub fn crash_after(&mut self, step: FailAfter) {
        self.fail(step, true, Operator::here("crash_after"));
    }

    pub(super) fn fail(&mut self, after: FailAfter, crash: bool, operator: Operator) {
        self.crash = crash;
        if let Some(scheduler) = &mut self.scheduler {
            scheduler.fail_at(FailPoint {
                after,
                crash,
                operator,
            });
        }
    }

    /// The time now on the clock.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    fn try_step(&mut self) -> Result<Step, EngineError> {
        let Some(scheduler) = self.scheduler.as_mut() else {
            return Err(EngineError::Cancelled);
        };
        let step = scheduler.step();
        if let Err(error) = &step {
            self.close(Some(error.clone()));
        }
        step
    }

    fn close(&mut self, error: Option<EngineError>) {
        match (self.scheduler.take(), error) {
            (Some(scheduler), Some(error)) if self.crash => scheduler.crash(error),
            (Some(scheduler), error) => scheduler.close(error),
            (None, _) => {}
        }
    }
}

impl Drop for Stepper {
    fn drop(&mut self) {
        self.close(None);
    }
}

impl Debug for Stepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stepper")
            .field("now", &self.clock.now())
            .finish_non_exhaustive()
    }
}
