use std::sync::{Mutex, PoisonError};

use crate::rdd::{Data, Entry, Key};
use crate::{EngineError, HashPartitioner, Operator, Rdd};

/// The states that keys have before the first batch, until they are loaded.
pub(crate) struct InitialState<K, S> {
    waiting: Mutex<Option<Rdd<(K, S)>>>,
}

impl<K: Key, S: Data> InitialState<K, S> {
    pub(crate) fn new(states: Option<Rdd<(K, S)>>) -> Self {
        InitialState {
            waiting: Mutex::new(states),
        }
    }

    /// Hands the states of each partition to `load`, the first time it is called.
    pub(crate) fn load_once(
        &self,
        operator: Operator,
        partitioner: HashPartitioner,
        load: impl Fn(usize, Vec<Entry<K, S>>) -> Result<(), EngineError> + Sync,
    ) -> Result<(), EngineError> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(states) = waiting.as_ref() else {
            return Ok(());
        };
        let partitions = states.partition_now(operator, partitioner)?;
        let partitions = partitions.into_iter().enumerate().collect();
        states
            .context()
            .pool()
            .run(operator, partitions, |(partition, blocks)| {
                load(partition, blocks.into_iter().flatten().collect())
            })?;
        *waiting = None;
        Ok(())
    }
}
