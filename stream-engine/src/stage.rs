//! What the stages of a batch took and moved. Counted per partition and chunk, never per record.

use std::cell::RefCell;
use std::time::Duration;

use crate::Operator;

/// What a stage of a batch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StageKind {
    /// An input fixes what the batch reads.
    Plan,
    /// One task per partition on the pool: one side of a shuffle, or an action with all narrow operators before it. Reading
    /// the input is part of the first such stage.
    Tasks,
    /// A sink waits for what it wrote to be acknowledged.
    Flush,
    /// An input makes durable that the batch's records are consumed.
    Commit,
}

/// One stage of a batch: what ran between two points where all its partitions wait for each other.
///
/// A shuffle is two stages with the same operator: the first combines within each input partition, the second merges what
/// belongs to each output partition.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StageInfo {
    /// The operator that made it a stage: a shuffle, an action, an output operation or an input.
    pub operator: Operator,
    /// What it does.
    pub kind: StageKind,
    /// The number of the output operation that needed it; nothing for planning, committing, and what windows keep.
    pub output: Option<usize>,
    /// The number of partitions it worked on, one task each.
    pub partitions: usize,
    /// The records it read, as they came out of the narrow operators before it; nothing if they were not counted.
    pub records_in: Option<u64>,
    /// The records it made: after combining for a shuffle, those of the batch for planning; nothing if they were not counted.
    pub records_out: Option<u64>,
    /// How long it took, for planning and committing by the context's clock.
    pub duration: Duration,
}

/// Records that a task has read and made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) read: u64,
    /// Nothing for actions, whose result is no RDD.
    pub(crate) made: Option<u64>,
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), |sum, more| Counts {
            read: sum.read + more.read,
            made: match (sum.made, more.made) {
                (Some(sum), Some(more)) => Some(sum + more),
                (sum, more) => sum.or(more),
            },
        })
    }
}

thread_local! {
    /// The stages of the output operation that this thread runs. Actions are called on the thread that runs the operation, so
    /// stages find their batch without a lock, and without every operator carrying it along.
    static STAGES: RefCell<Option<Vec<StageInfo>>> = const { RefCell::new(None) };
}

/// Runs something and gives the stages that this thread ran for it, in order.
pub(crate) fn collect<R>(run: impl FnOnce() -> R) -> (R, Vec<StageInfo>) {
    STAGES.set(Some(Vec::new()));
    let result = run();
    (result, STAGES.take().unwrap_or_default())
}

/// Whether anybody wants to know of this thread's stages.
pub(crate) fn is_collected() -> bool {
    STAGES.with_borrow(Option::is_some)
}

/// A stage is done.
pub(crate) fn record(stage: StageInfo) {
    STAGES.with_borrow_mut(|stages| {
        if let Some(stages) = stages {
            stages.push(stage);
        }
    });
}

impl StageInfo {
    pub(crate) fn new(operator: Operator, kind: StageKind, duration: Duration) -> Self {
        StageInfo {
            operator,
            kind,
            output: None,
            partitions: 1,
            records_in: None,
            records_out: None,
            duration,
        }
    }
}
