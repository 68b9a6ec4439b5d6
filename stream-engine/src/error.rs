use std::error::Error;
use std::sync::Arc;

use crate::{ContextState, Operator, PoisonCause, RecordPlace, Time};

/// Any error of a user's closure, a source or a sink.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why the engine refused something, or why a batch failed. Cheap to clone.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A setting of a builder or options struct has an impossible value.
    #[error("setting {setting}: {problem}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What is wrong, and what would be right.
        problem: String,
    },

    /// An operator cannot be part of the graph the way it was called.
    #[error("{operator}: {problem}")]
    Graph {
        /// The operator.
        operator: Operator,
        /// What is wrong, and what would be right.
        problem: String,
    },

    /// The context is not in the state that the call needs.
    #[error("cannot {action}: the context is {state}; {remedy}")]
    State {
        /// What was asked for.
        action: &'static str,
        /// The state the context is in.
        state: ContextState,
        /// What to do instead.
        remedy: &'static str,
    },

    /// `start` was called on a context that would do nothing.
    #[error(
        "no output operations registered, so nothing to execute: call print, foreach_rdd or save_to before start"
    )]
    NoOutput,

    /// A user's closure panicked.
    #[error("{operator} panicked: {message}")]
    Panicked {
        /// The operator the closure was given to.
        operator: Operator,
        /// The panic's message.
        message: String,
    },

    /// A user's closure, a source's reader or a sink's writer returned an error.
    #[error("{operator} failed: {source}")]
    Failed {
        /// The operator.
        operator: Operator,
        /// The error it returned.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// A closure refused a record or panicked on it, and the policy says that the batch fails then.
    #[error(
        "{operator}: {place} is poisoned: {cause}; to go on without such records, skip them or write them to a dead-letter topic by on_poison"
    )]
    Poisoned {
        /// The operator the closure was given to.
        operator: Operator,
        /// Where the record stands.
        place: RecordPlace,
        /// Why it was refused.
        cause: PoisonCause,
    },

    /// An action was called inside an operator's closure, which runs on the pool that the action would wait for.
    #[error(
        "{operator} was called inside another operator: collect the data first and capture the result"
    )]
    NestedAction {
        /// The action.
        operator: Operator,
    },

    /// The context was stopped (not gracefully) while the batch ran.
    #[error("the batch was cancelled because the context was stopped")]
    Cancelled,

    /// A batch failed while an output operation ran. Nothing of the batch was committed.
    #[error("batch {time}, output operation {output}: {source}")]
    Output {
        /// The batch.
        time: Time,
        /// The output operation that failed.
        output: Operator,
        /// The cause.
        source: Box<EngineError>,
    },

    /// A batch failed because an input could not say what the batch reads. Nothing of the batch was committed.
    #[error("batch {time}, planning the input of {input}: {source}")]
    Plan {
        /// The batch.
        time: Time,
        /// The input stream.
        input: Operator,
        /// The cause.
        source: Arc<dyn Error + Send + Sync>,
    },

    /// All output operations of a batch succeeded, but an input could not be committed: after a restart the batch's
    /// records may be processed again.
    #[error("batch {time}, committing the input of {input}: {source}")]
    Commit {
        /// The batch.
        time: Time,
        /// The input stream.
        input: Operator,
        /// The cause.
        source: Arc<dyn Error + Send + Sync>,
    },
}

impl EngineError {
    /// `operator` failed because of `source`; an [`EngineError`] already names its operator and stays what it is.
    pub fn failed(operator: Operator, source: BoxError) -> Self {
        match source.downcast::<EngineError>() {
            Ok(error) => *error,
            Err(source) => EngineError::Failed {
                operator,
                source: source.into(),
            },
        }
    }

    /// The error without the batch and output operation around it.
    pub fn root(&self) -> &EngineError {
        match self {
            EngineError::Output { source, .. } => source.root(),
            other => other,
        }
    }
}

/// What a user's closure may return where it may fail: nothing, or a `Result` of nothing.
///
/// ```
/// # use stream_engine::RddContext;
/// let rdd = RddContext::new(2)?.parallelize(vec!["1", "2"], 2);
/// rdd.for_each_partition(|items| println!("{}", items.count()))?;
/// rdd.for_each_partition(|items| {
///     for item in items {
///         item.parse::<u32>()?;
///     }
///     Ok::<_, std::num::ParseIntError>(())
/// })?;
/// # Ok::<_, stream_engine::EngineError>(())
/// ```
pub trait Outcome {
    /// The outcome as a result.
    fn into_result(self) -> Result<(), BoxError>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}
