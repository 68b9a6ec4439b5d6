use super::{FailAfter, TestContext, TestKit};
use crate::{Clock, EngineError, Operator, Time};

/// Where a program fails in [`TestKit::run_with_failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The batch, counted from 1.
    pub batch: usize,
    /// The last step of it that takes place.
    pub after: FailAfter,
    /// As if the process were killed, instead of a step that returns an error; see
    /// [`Stepper::crash_after`](super::Stepper::crash_after).
    pub crash: bool,
}

impl Failure {
    /// A failure and a crash after each step of each of so many batches.
    pub fn all(batches: usize, inputs: usize, outputs: usize) -> impl Iterator<Item = Failure> {
        (1..=batches).flat_map(move |batch| {
            FailAfter::steps(inputs, outputs).flat_map(move |after| {
                [false, true].map(|crash| Failure {
                    batch,
                    after,
                    crash,
                })
            })
        })
    }
}

/// Batches after which a program that is not done is taken for one that never will be.
const PATIENCE: usize = 10_000;

impl TestKit {
    /// Runs a program until the failure, then again from what its inputs have committed until it is `done`. Inputs and
    /// outputs that live outside the closure are the same for both runs, as topics are.
    ///
    /// That each record is written at least once, whatever fails:
    ///
    /// ```
    /// use stream_engine::testkit::{Failure, TestInput, TestKit, TestOutput};
    ///
    /// for failure in Failure::all(3, 1, 1) {
    ///     let (input, output) = (TestInput::new([vec![1], vec![2, 3], vec![4]]), TestOutput::default());
    ///     let program = |test: &stream_engine::testkit::TestContext| {
    ///         test.output_to(&test.input(&input)?, &output);
    ///         Ok(())
    ///     };
    ///     TestKit::default().run_with_failure(failure, program, || input.committed() == input.len())?;
    ///     let mut written = output.take().concat();
    ///     written.sort();
    ///     written.dedup();
    ///     assert_eq!(written, [1, 2, 3, 4], "{failure:?}");
    /// }
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    ///
    /// # Errors
    /// The program's own; [`EngineError::Setting`] if the batch has no such step, or if the program is not done within 10,000
    /// batches.
    #[track_caller]
    pub fn run_with_failure(
        &self,
        failure: Failure,
        program: impl Fn(&TestContext) -> Result<(), EngineError>,
        done: impl Fn() -> bool,
    ) -> Result<(), EngineError> {
        let operator = Operator::here("run_with_failure");
        let before = self.context_at(Time::default())?;
        program(&before)?;
        let mut batches = before.start()?;
        for _ in 1..failure.batch {
            batches.step()?;
        }
        batches.fail(failure.after, failure.crash, operator);
        if batches.step().is_ok() {
            return Err(setting(
                "failure",
                format!(
                    "batch {} has no step {:?}: check the numbers of inputs and output operations",
                    failure.batch, failure.after
                ),
            ));
        }
        let after = self.context_at(before.clock().now())?;
        program(&after)?;
        let mut batches = after.start()?;
        for _ in 0..PATIENCE {
            if done() {
                return Ok(());
            }
            batches.step()?;
        }
        let problem = format!("still false after {PATIENCE} batches");
        Err(setting("done", problem))
    }
}

fn setting(setting: &'static str, problem: String) -> EngineError {
    EngineError::Setting { setting, problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{TestInput, TestOutput};

    #[test]
    fn a_failure_that_cannot_happen_is_an_error() {
        let input = TestInput::new([vec![1]]);
        let failure = Failure {
            batch: 1,
            after: FailAfter::Output(1),
            crash: false,
        };
        let error = TestKit::default()
            .run_with_failure(
                failure,
                |test| {
                    test.output(&test.input(&input)?);
                    Ok(())
                },
                || true,
            )
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "setting failure: batch 1 has no step Output(1): check the numbers of inputs and output operations"
        );
    }

    #[test]
    fn only_the_failed_batch_comes_twice_and_only_if_it_was_not_committed() {
        for failure in Failure::all(3, 1, 2) {
            let input = TestInput::new([vec!['a'], vec!['b'], vec!['c']]);
            let outputs = [TestOutput::default(), TestOutput::default()];
            let program = |test: &TestContext| {
                let stream = test.input(&input)?;
                outputs
                    .iter()
                    .for_each(|output| test.output_to(&stream, output));
                Ok(())
            };
            TestKit::default()
                .run_with_failure(failure, program, || input.committed() == 3)
                .unwrap();
            for (n, output) in outputs.iter().enumerate() {
                let again = match failure.after {
                    FailAfter::Plan | FailAfter::Commit(_) => false,
                    FailAfter::Output(failed) => n <= failed,
                    FailAfter::Compute => true,
                };
                let mut expected = vec!['a', 'b', 'c'];
                if again {
                    let failed = expected[failure.batch - 1];
                    expected.insert(failure.batch, failed);
                }
                assert_eq!(output.take().concat(), expected, "{failure:?}, output {n}");
            }
        }
    }
}
