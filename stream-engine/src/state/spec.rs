use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::key_state::{State, StateOutcome};
use super::{PartitionState, Place};
use crate::rdd::{Data, Entry, Key};
use crate::{Operator, Rdd, Time};

/// What [`map_with_state`](crate::DStream::map_with_state) does (Spark's `StateSpec`): the function that is called for every
/// record with the state of its key, and settings.
///
/// ```
/// use std::time::Duration;
/// use stream_engine::{State, StateSpec};
///
/// let running_count = StateSpec::function(|word: &String, one: Option<u64>, count: &mut State<u64>| {
///     let total = count.get().copied().unwrap_or(0) + one.unwrap_or(0);
///     if !count.is_timing_out() {
///         count.update(total);
///     }
///     (word.clone(), total)
/// })
/// .timeout(Duration::from_secs(3600));
/// ```
pub struct StateSpec<K, V, S, M> {
    pub(crate) mapping: Arc<dyn Mapping<K, V, S, M>>,
    pub(crate) partitions: Option<usize>,
    pub(crate) initial_state: Option<Rdd<(K, S)>>,
    pub(crate) timeout: Option<Duration>,
}

impl<K: Key, V: Data, S: Data, M: Data> StateSpec<K, V, S, M> {
    /// Calls `f` with the key, the value and the key's state, and emits what it returns. When the key times out, `f` is called
    /// with no value.
    pub fn function(
        f: impl Fn(&K, Option<V>, &mut State<'_, S>) -> M + Send + Sync + 'static,
    ) -> Self {
        Self::function_with_time(move |_, key, value, state| Some(f(key, value, state)))
    }

    /// As [`StateSpec::function`], with the batch's time as first argument; emits something only if `f` returns something.
    pub fn function_with_time(
        f: impl Fn(Time, &K, Option<V>, &mut State<'_, S>) -> Option<M> + Send + Sync + 'static,
    ) -> Self {
        StateSpec {
            mapping: Arc::new(f),
            partitions: None,
            initial_state: None,
            timeout: None,
        }
    }

    /// The states that keys have before the first batch; of several states for a key the last counts. They count as touched in
    /// the first batch.
    pub fn initial_state(mut self, states: Rdd<(K, S)>) -> Self {
        self.initial_state = Some(states);
        self
    }

    /// The number of partitions of the state and of the result; by default one per thread.
    pub fn num_partitions(mut self, partitions: usize) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// Removes the state of a key that was not touched for longer than `idle`, in whole milliseconds.
    ///
    /// Exact: in the first batch at a time `t` with `last touch < t - idle`, after the batch's records, the function is called
    /// once more for the key, with no value and [`State::is_timing_out`]; then the state is gone. Every record of a key that
    /// has a state touches it, updated or not.
    pub fn timeout(mut self, idle: Duration) -> Self {
        self.timeout = Some(idle);
        self
    }
}

impl<K, V, S, M> fmt::Debug for StateSpec<K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateSpec")
            .field("partitions", &self.partitions)
            .field("initial_state", &self.initial_state)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A key's state with what its timeout needs.
#[derive(Clone)]
pub(crate) struct Touched<S> {
    pub(crate) state: S,
    /// The last batch with a record of the key.
    pub(crate) at: Time,
    /// Under which time the key is filed in the [`Timers`](super::Timers).
    pub(crate) filed: Time,
}

/// One batch's work on one partition of the state.
pub(crate) struct MapTask<'t, 's, K, S> {
    pub(crate) operator: Operator,
    pub(crate) time: Time,
    /// Whether the time of the last touch matters.
    pub(crate) times_out: bool,
    pub(crate) state: &'t mut PartitionState<'s, K, Touched<S>>,
}

/// A user's function, called chunk by chunk, so that the loop over records knows its type.
pub(crate) trait Mapping<K, V, S, M>: Send + Sync {
    /// Maps one record per place.
    fn map_records(
        &self,
        task: &mut MapTask<'_, '_, K, S>,
        records: &mut std::vec::IntoIter<Entry<K, V>>,
        places: &[Place],
        out: &mut Vec<M>,
    );

    /// Maps the timeout of a key that has a state, and removes the state.
    fn map_timeout(&self, task: &mut MapTask<'_, '_, K, S>, hash: u64, key: &K, out: &mut Vec<M>);
}

impl<K, V, S, M, F> Mapping<K, V, S, M> for F
where
    K: Key,
    S: Data,
    F: Fn(Time, &K, Option<V>, &mut State<'_, S>) -> Option<M> + Send + Sync,
{
    fn map_records(
        &self,
        task: &mut MapTask<'_, '_, K, S>,
        records: &mut std::vec::IntoIter<Entry<K, V>>,
        places: &[Place],
        out: &mut Vec<M>,
    ) {
        let time = task.time;
        for (&place, Entry { hash, key, value }) in places.iter().zip(records) {
            let before = task.state.get_at(place, hash, &key);
            let mut state = State::new(task.operator, before.map(|touched| &touched.state), false);
            out.extend(self(time, &key, Some(value), &mut state));
            let outcome = state.into_outcome();
            let filed = before.map_or(time, |touched| touched.filed);
            let at = time;
            let after = match (outcome, before) {
                (StateOutcome::Updated(state), _) => Some(Touched { state, at, filed }),
                (StateOutcome::Removed, _) => None,
                (StateOutcome::Kept, Some(touched)) if task.times_out && touched.at < time => {
                    let state = touched.state.clone();
                    Some(Touched { state, at, filed })
                }
                (StateOutcome::Kept, _) => continue,
            };
            task.state.set_at(place, hash, key, after);
        }
    }

    fn map_timeout(&self, task: &mut MapTask<'_, '_, K, S>, hash: u64, key: &K, out: &mut Vec<M>) {
        let last = task.state.get(hash, key);
        let mut state = State::new(task.operator, last.map(|touched| &touched.state), true);
        out.extend(self(task.time, key, None, &mut state));
        task.state.remove(hash, key);
    }
}
