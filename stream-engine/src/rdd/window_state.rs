use std::sync::Arc;

use super::actions::for_each_chunk;
use super::{CombineTable, Data, Entry, Key, Materialized, Node, Rdd, RddContext};
use crate::hash::key_hash;
use crate::operator::guard;
use crate::pool::Pool;
use crate::{EngineError, HashPartitioner, Operator};

/// What a sliding window knows of a key: its combined value and how many panes have the key.
///
/// The count says exactly when a key has left the window, so that no user's filter has to guess it from the value, and the
/// last value to leave is dropped instead of subtracted, which leaves no rounding error behind.
#[derive(Clone)]
pub(crate) struct InWindow<V> {
    value: Option<V>,
    panes: u32,
}

/// One slide of a window: the last state, the panes that leave and those that enter.
pub(crate) struct WindowStep<K, V> {
    pub(crate) last: Option<Rdd<Entry<K, InWindow<V>>>>,
    pub(crate) leaving: Vec<Rdd<(K, V)>>,
    pub(crate) entering: Vec<Rdd<(K, V)>>,
}

impl<K: Key, V: Data> WindowStep<K, V> {
    /// The state after the slide, in as many partitions as the panes have; all panes are distributed by `partitioner`.
    pub(crate) fn slide(
        self,
        context: &RddContext,
        operator: Operator,
        partitioner: HashPartitioner,
        reduce: Arc<impl Fn(V, V) -> V + Send + Sync + 'static>,
        inverse: Arc<impl Fn(V, V) -> V + Send + Sync + 'static>,
    ) -> Rdd<Entry<K, InWindow<V>>> {
        let make = move |pool: &Pool| {
            self.last.iter().try_for_each(Rdd::prepare)?;
            self.leaving
                .iter()
                .chain(&self.entering)
                .try_for_each(Rdd::prepare)?;
            pool.run(
                operator,
                (0..partitioner.partitions()).collect(),
                |partition| self.slide_partition(pool, operator, partition, &*reduce, &*inverse),
            )
        };
        Rdd::new(context, Materialized::new(partitioner.partitions(), make))
    }

    fn slide_partition(
        &self,
        pool: &Pool,
        operator: Operator,
        partition: usize,
        reduce: &impl Fn(V, V) -> V,
        inverse: &impl Fn(V, V) -> V,
    ) -> Result<Vec<Entry<K, InWindow<V>>>, EngineError> {
        let last = self
            .last
            .as_ref()
            .map(|last| super::actions::drain(&**last.node(), pool, partition))
            .transpose()?;
        let mut table = CombineTable::from_distinct(last.unwrap_or_default());
        for pane in &self.leaving {
            each_record(
                &**pane.node(),
                pool,
                operator,
                partition,
                |hash, key, old| {
                    if let Some(state) = table.get_mut(hash, &key) {
                        state.panes = state.panes.saturating_sub(1);
                        let value = state.value.take().filter(|_| state.panes > 0);
                        state.value = value.map(|value| inverse(value, old));
                    }
                },
            )?;
        }
        for pane in &self.entering {
            each_record(
                &**pane.node(),
                pool,
                operator,
                partition,
                |hash, key, new| {
                    let first = |new| InWindow {
                        value: Some(new),
                        panes: 1,
                    };
                    table.upsert(hash, key, new, first, |state, new| {
                        state.panes += 1;
                        state.value = Some(match state.value.take() {
                            Some(value) => reduce(value, new),
                            None => new,
                        });
                    });
                },
            )?;
        }
        let mut entries = table.into_entries();
        entries.retain(|entry| entry.value.panes > 0);
        Ok(entries)
    }
}

fn each_record<K: Key, V: Data>(
    pane: &dyn Node<(K, V)>,
    pool: &Pool,
    operator: Operator,
    partition: usize,
    mut visit: impl FnMut(u64, K, V),
) -> Result<(), EngineError> {
    for_each_chunk(pane, pool, partition, |chunk| {
        guard(operator, || {
            for (key, value) in chunk.drain(..) {
                visit(key_hash(&key), key, value);
            }
        })?;
        Ok(true)
    })
}

impl<K: Key, V: Data> Rdd<Entry<K, InWindow<V>>> {
    /// The keys in the window and their values.
    pub(crate) fn window_values(
        &self,
        operator: Operator,
        partitioner: HashPartitioner,
    ) -> Rdd<(K, V)> {
        let values = self.flat_map_at(operator, |entry| {
            entry.value.value.map(|value| (entry.key, value))
        });
        values.with_partitioner(Some(partitioner))
    }
}
