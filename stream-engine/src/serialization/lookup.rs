use std::sync::{Mutex, PoisonError};

use kafka_client::serialization::Preparing;

use crate::BoxError;
use crate::kafka::Io;
use crate::rdd::Refusal;

/// Waits for what a format looks up before it can go on, such as a schema: rarely, but then over a network.
#[derive(Default)]
pub(super) struct Lookups {
    /// Started by the first that has to wait.
    io: Mutex<Option<Io>>,
}

impl Lookups {
    /// An error here says nothing about the record: the batch fails, and comes again.
    #[cold]
    pub(super) fn wait(&self, preparing: Preparing<'_>) -> Result<(), Refusal> {
        let prepare = || -> Result<(), BoxError> {
            let mut io = self.io.lock().unwrap_or_else(PoisonError::into_inner);
            let io = match &mut *io {
                Some(io) => io,
                none => none.insert(Io::start()?),
            };
            io.block_on(preparing)??;
            Ok(())
        };
        prepare().map_err(Refusal::Batch)
    }
}
