use crate::operator::throw;
use crate::{EngineError, Operator};

/// The state of one key, as the function of a [`StateSpec`](crate::StateSpec) sees and changes it (Spark's `State`).
///
/// What cannot be done (update after remove, any change while the key is timing out) ends the function and fails the batch
/// with an [`EngineError::Failed`] that names the operator.
#[derive(Debug)]
pub struct State<'a, S> {
    operator: Operator,
    before: Option<&'a S>,
    outcome: StateOutcome<S>,
    timing_out: bool,
}

/// What a call made of a state.
#[derive(Debug)]
pub(crate) enum StateOutcome<S> {
    Kept,
    Updated(S),
    Removed,
}

#[derive(Debug, thiserror::Error)]
enum StateMisuse {
    #[error(
        "the state of a key cannot be {0} after it was removed in the same call: decide between update and remove first"
    )]
    Gone(&'static str),
    #[error(
        "the state of a key that is timing out cannot be {0}, it is removed anyway: ask is_timing_out first"
    )]
    TimingOut(&'static str),
}

impl<'a, S> State<'a, S> {
    pub(crate) fn new(operator: Operator, before: Option<&'a S>, timing_out: bool) -> Self {
        State {
            operator,
            before,
            outcome: StateOutcome::Kept,
            timing_out,
        }
    }

    /// Whether the key has a state; after [`remove`](State::remove) it has none.
    pub fn exists(&self) -> bool {
        self.get().is_some()
    }

    /// The key's state, if it has one (Spark's `getOption`; Spark's `get` throws without one).
    pub fn get(&self) -> Option<&S> {
        match &self.outcome {
            StateOutcome::Kept => self.before,
            StateOutcome::Updated(state) => Some(state),
            StateOutcome::Removed => None,
        }
    }

    /// Sets the key's state. Fails the batch if the state was removed in this call or if the key is timing out.
    pub fn update(&mut self, state: S) {
        self.check("updated");
        self.outcome = StateOutcome::Updated(state);
    }

    /// Removes the key's state, if it has one. Fails the batch if it was removed in this call already or if the key is timing
    /// out.
    pub fn remove(&mut self) {
        self.check("removed");
        self.outcome = StateOutcome::Removed;
    }

    /// Whether this is the last call for a key because it was idle for too long; see
    /// [`StateSpec::timeout`](crate::StateSpec::timeout). The state is removed after the call.
    pub fn is_timing_out(&self) -> bool {
        self.timing_out
    }

    pub(crate) fn into_outcome(self) -> StateOutcome<S> {
        self.outcome
    }

    fn check(&self, what: &'static str) {
        let misuse = if self.timing_out {
            StateMisuse::TimingOut(what)
        } else if matches!(self.outcome, StateOutcome::Removed) {
            StateMisuse::Gone(what)
        } else {
            return;
        };
        throw(EngineError::failed(self.operator, misuse.into()));
    }
}
