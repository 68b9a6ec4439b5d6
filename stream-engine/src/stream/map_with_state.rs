use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::{Batch, DStream};
use crate::operator::guard;
use crate::pool::Pool;
use crate::rdd::{Blocks, Entry};
use crate::state::{InitialState, MapTask, Mapping, StateTable, Timers, Touched};
use crate::{Data, EngineError, HashPartitioner, Key, Operator, StateSpec, Time};

/// What [`map_with_state`](DStream::map_with_state) returns: the stream of what its function returned (it derefs to a
/// [`DStream`]), and with it the state (Spark's `MapWithStateDStream`).
pub struct MapWithStateDStream<K, S, M> {
    mapped: DStream<M>,
    table: Arc<StateTable<K, Touched<S>>>,
}

impl<K: Key, S: Data, M: Data> MapWithStateDStream<K, S, M> {
    /// All keys with their states, every batch, after the batch's changes. Read from memory when somebody reads it.
    #[track_caller]
    pub fn state_snapshots(&self) -> DStream<(K, S)> {
        let (mapped, table) = (self.mapped.node().clone(), self.table.clone());
        let context = self.mapped.shared().rdds.clone();
        let (operator, slide) = (
            Operator::here("state_snapshots"),
            self.mapped.slide_duration(),
        );
        DStream::create(self.mapped.shared(), operator, slide, move |batch| {
            let changed = mapped.rdd(batch)?;
            Ok(changed.map(|_| table.snapshot_of(&context, |touched| touched.state.clone())))
        })
    }

    /// The stream of what the function returned.
    pub fn stream(&self) -> &DStream<M> {
        &self.mapped
    }
}

impl<K, S, M> Deref for MapWithStateDStream<K, S, M> {
    type Target = DStream<M>;
    fn deref(&self) -> &DStream<M> {
        &self.mapped
    }
}

impl<K, S, M> Clone for MapWithStateDStream<K, S, M> {
    fn clone(&self) -> Self {
        MapWithStateDStream {
            mapped: self.mapped.clone(),
            table: self.table.clone(),
        }
    }
}

impl<K, S, M> fmt::Debug for MapWithStateDStream<K, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mapped.fmt(f)
    }
}

impl<K: Key, V: Data> DStream<(K, V)> {
    /// Calls the spec's function for every record, one after the other within a key, with the state of its key, and emits what
    /// it returns (Spark's `mapWithState`). Costs follow the records of the batch and the keys that time out in it, never the
    /// number of keys.
    ///
    /// Differs from Spark: timeouts are exact, where Spark looks for them every tenth batch only; see
    /// [`StateSpec::timeout`]. Nothing needs a checkpoint directory. If the batch fails, the state is as it was.
    ///
    /// ```
    /// # use stream_engine::testkit::check_unordered;
    /// use stream_engine::{State, StateSpec};
    ///
    /// // Numbers the visits of each user.
    /// check_unordered(
    ///     &[vec![("ann", "/"), ("bob", "/"), ("ann", "/buy")], vec![("bob", "/buy")]],
    ///     |visits| {
    ///         visits.map_with_state(StateSpec::function(|user: &&'static str, page: Option<&'static str>, count: &mut State<u32>| {
    ///             let n = count.get().unwrap_or(&0) + 1;
    ///             count.update(n);
    ///             (*user, n, page.unwrap_or("gone"))
    ///         }))
    ///     },
    ///     &[vec![("ann", 1, "/"), ("ann", 2, "/buy"), ("bob", 1, "/")], vec![("bob", 2, "/buy")]],
    /// );
    /// ```
    #[track_caller]
    pub fn map_with_state<S: Data, M: Data>(
        &self,
        spec: StateSpec<K, V, S, M>,
    ) -> MapWithStateDStream<K, S, M> {
        self.map_with_state_at(Operator::here("map_with_state"), spec)
            .0
    }

    fn map_with_state_at<S: Data, M: Data>(
        &self,
        operator: Operator,
        spec: StateSpec<K, V, S, M>,
    ) -> (MapWithStateDStream<K, S, M>, Arc<Timers<K>>) {
        let StateSpec {
            mapping,
            partitions,
            initial_state,
            timeout,
        } = spec;
        let context = self.shared().rdds.clone();
        let partitioner = HashPartitioner::new(partitions.unwrap_or_else(|| context.threads()));
        let initial = InitialState::new(initial_state);
        let table = Arc::new(StateTable::new(partitioner));
        let timers = Arc::new(Timers::new(partitioner.partitions()));
        self.shared().graph().add_state(operator, table.clone());
        self.shared().graph().add_state(operator, timers.clone());
        let work = Work {
            operator,
            mapping,
            timeout,
            table: table.clone(),
            timers: timers.clone(),
        };
        let (parent, slide) = (self.node().clone(), self.slide_duration());
        let mapped = DStream::create(self.shared(), operator, slide, move |batch| {
            let Some(rdd) = parent.rdd(batch)? else {
                return Ok(None);
            };
            initial.load_once(operator, partitioner, |partition, states| {
                work.load(partition, batch, states);
                Ok(())
            })?;
            let records = rdd.partition_now(operator, partitioner)?;
            let records = records.into_iter().enumerate().collect();
            let pool = context.pool();
            let mapped = pool.run(operator, records, |(partition, blocks)| {
                work.partition(pool, batch, partition, blocks)
            })?;
            Ok(Some(context.parallelize_partitions(mapped)))
        });
        // In every batch, whether an output asks for it or not: the records would be lost otherwise.
        self.shared().graph().add_panes(mapped.node().clone());
        (MapWithStateDStream { mapped, table }, timers)
    }
}

/// What one operator does in every batch.
struct Work<K, V, S, M> {
    operator: Operator,
    mapping: Arc<dyn Mapping<K, V, S, M>>,
    timeout: Option<Duration>,
    table: Arc<StateTable<K, Touched<S>>>,
    timers: Arc<Timers<K>>,
}

impl<K: Key, V: Data, S: Data, M: Data> Work<K, V, S, M> {
    fn load(&self, partition: usize, batch: &Batch, states: Vec<Entry<K, S>>) {
        let (at, filed) = (batch.time, batch.time);
        if self.timeout.is_some() {
            let keys = states.iter().map(|entry| (entry.hash, entry.key.clone()));
            self.timers.load(partition, filed, keys);
        }
        let states = states.into_iter().map(|entry| {
            let state = entry.value;
            (entry.hash, entry.key, Touched { state, at, filed })
        });
        self.table.load(partition, states);
    }

    /// Maps the batch's records of one partition, and then the keys that time out.
    fn partition(
        &self,
        pool: &Pool,
        batch: &Batch,
        partition: usize,
        blocks: Blocks<K, V>,
    ) -> Result<Vec<M>, EngineError> {
        let mut out = Vec::with_capacity(blocks.iter().map(Vec::len).sum());
        self.table.change(partition, |state| {
            if self.timeout.is_some() {
                self.timers.sweep(partition, state.len(), |hash, key| {
                    state.get(hash, key).map(|touched| touched.filed)
                });
            }
            let mut task = MapTask {
                operator: self.operator,
                time: batch.time,
                times_out: self.timeout.is_some(),
                state,
            };
            let mut places = Vec::new();
            for mut records in blocks.into_iter().map(Vec::into_iter) {
                while !records.as_slice().is_empty() {
                    pool.check_cancelled()?;
                    task.state.places(records.as_slice(), &mut places);
                    guard(self.operator, || {
                        self.mapping
                            .map_records(&mut task, &mut records, &places, &mut out);
                    })?;
                }
            }
            match self.timeout {
                Some(idle) => self.expire(
                    pool,
                    batch,
                    partition,
                    &mut task,
                    batch.time - idle,
                    &mut out,
                ),
                None => Ok(()),
            }
        })?;
        Ok(out)
    }

    /// Lets the keys that were last touched before `limit` time out, and files the others that were due, and the new ones.
    fn expire(
        &self,
        pool: &Pool,
        batch: &Batch,
        partition: usize,
        task: &mut MapTask<'_, '_, K, S>,
        limit: Time,
        out: &mut Vec<M>,
    ) -> Result<(), EngineError> {
        self.timers.take_due(partition, limit, |filed, hash, key| {
            let place = task.state.place(hash, key);
            let touched = task.state.get_at(place, hash, key);
            let Some(touched) = touched.filter(|touched| touched.filed == filed) else {
                return Ok(None);
            };
            if touched.at >= limit {
                let again = Touched {
                    filed: touched.at,
                    ..touched.clone()
                };
                let at = again.at;
                task.state.set_at(place, hash, key.clone(), Some(again));
                // Those of this batch are filed below, with the new ones.
                return Ok((at < batch.time).then_some(at));
            }
            pool.check_cancelled()?;
            guard(self.operator, || {
                self.mapping.map_timeout(task, hash, key, out);
            })?;
            Ok(None)
        })?;
        let changes = task.state.changes();
        let new = changes
            .filter(|(_, _, touched)| touched.is_some_and(|touched| touched.filed == batch.time))
            .map(|(hash, key, _)| (hash, key.clone()));
        self.timers.file(partition, batch.time, new);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
