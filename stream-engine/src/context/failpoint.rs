use crate::{EngineError, Operator};

/// A step of a batch after which a test has it fail; see [`Stepper::fail_after`](crate::testkit::Stepper::fail_after).
///
/// The steps of a batch come in this order: all inputs are planned, the output operations run one after another, windows keep
/// what later batches need, the inputs are committed one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailAfter {
    /// All inputs have fixed what the batch reads.
    Plan,
    /// The output operation with this number, counted from 0 in the order of registration, has run: what it wrote is
    /// acknowledged.
    Output(usize),
    /// All output operations have run and windows have kept what they need; nothing is committed.
    Compute,
    /// The input with this number, counted from 0 in the order of registration, is committed.
    Commit(usize),
}

impl FailAfter {
    /// Every step of a batch of a program with so many inputs and output operations, in order.
    ///
    /// ```
    /// use stream_engine::testkit::FailAfter::{self, *};
    ///
    /// let steps: Vec<_> = FailAfter::steps(1, 2).collect();
    /// assert_eq!(steps, [Plan, Output(0), Output(1), Compute, Commit(0)]);
    /// ```
    pub fn steps(inputs: usize, outputs: usize) -> impl Iterator<Item = FailAfter> {
        [FailAfter::Plan]
            .into_iter()
            .chain((0..outputs).map(FailAfter::Output))
            .chain([FailAfter::Compute])
            .chain((0..inputs).map(FailAfter::Commit))
    }
}

/// The failure that a test has asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailPoint {
    pub(crate) after: FailAfter,
    /// The process ends there: nobody is told that the batch failed.
    pub(crate) crash: bool,
    pub(crate) operator: Operator,
}

impl FailPoint {
    pub(super) fn error(&self) -> EngineError {
        let what = if self.crash { "crash" } else { "failure" };
        EngineError::failed(
            self.operator,
            format!("simulated {what} after {:?}", self.after).into(),
        )
    }
}
