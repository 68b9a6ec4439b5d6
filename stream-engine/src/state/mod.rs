//! State that batches keep for keys: it commits with the batch that changed it, or the batch leaves no trace.

mod initial;
mod key_state;
mod key_table;
mod snapshot;
mod spec;
mod table;
#[cfg(test)]
mod tests;
mod timers;
mod version;

pub(crate) use initial::InitialState;
pub use key_state::State;
pub use spec::StateSpec;
pub(crate) use spec::{MapTask, Mapping, Touched};
pub(crate) use table::{PartitionState, Place, StateTable};
pub(crate) use timers::Timers;
