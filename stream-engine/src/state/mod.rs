//! State that batches keep for keys: it commits with the batch that changed it, or the batch leaves no trace.

mod key_table;
mod snapshot;
mod table;
#[cfg(test)]
mod tests;
mod version;

pub(crate) use table::{PartitionState, Place, StateTable};
