use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::key_table::AHEAD;
use super::snapshot::Snapshot;
use super::version::{Change, Overlay, Version};
use crate::context::BatchState;
use crate::rdd::{Data, Entry, Key};
use crate::{EngineError, HashPartitioner, Rdd, RddContext, Time};

/// The state of keys, in memory, partitioned by the keys' hash.
///
/// A batch's changes stay apart from the state that holds, one overlay per partition, until the batch [commits](BatchState)
/// or aborts. Every cost follows the keys that a batch touches, never the number of keys: changing, committing, aborting and
/// taking a [`snapshot`](StateTable::snapshot). Only whoever reads a snapshot pays for what it reads.
///
/// Committed overlays are merged into the state in place at the next change, if nobody holds a snapshot any more. While
/// snapshots are held (by a window, or by a program that keeps an RDD), overlays add up to a chain whose length grows with
/// the logarithm of what changed; when they have become as large as the state, it is copied once.
///
/// ```text
/// let table = StateTable::new(HashPartitioner::new(2));
/// shared.graph().add_state(operator, table.clone());
/// // in each batch, in a task per partition:
/// table.change(partition, |state| {
///     let count = state.get(hash, &key).copied().unwrap_or(0);
///     state.upsert(hash, key, count + 1);
///     Ok(())
/// })?;
/// let all = table.snapshot(&rdds); // the state as of this batch, its changes included
/// ```
pub(crate) struct StateTable<K, S> {
    partitioner: HashPartitioner,
    partitions: Vec<Mutex<Partition<K, S>>>,
}

pub(super) struct Partition<K, S> {
    /// What holds.
    committed: Version<K, S>,
    /// What holds if the batch succeeds; nothing if it has changed nothing yet.
    changed: Option<Version<K, S>>,
}

impl<K: Key, S: Data> StateTable<K, S> {
    pub(crate) fn new(partitioner: HashPartitioner) -> Self {
        let partition = || Partition {
            committed: Version::default(),
            changed: None,
        };
        StateTable {
            partitioner,
            partitions: (0..partitioner.partitions())
                .map(|_| Mutex::new(partition()))
                .collect(),
        }
    }

    #[cfg(test)]
    pub(crate) fn partitioner(&self) -> HashPartitioner {
        self.partitioner
    }

    /// The number of keys that have a state, the current batch's changes included.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        (0..self.partitions.len())
            .map(|partition| self.lock(partition).current().len)
            .sum()
    }

    /// Changes one partition on behalf of the current batch. The partition is locked meanwhile: one task, one call. What
    /// several calls of a batch change adds up; the changes of a call that fails are dropped.
    pub(crate) fn change<R>(
        &self,
        partition: usize,
        change: impl FnOnce(&mut PartitionState<'_, K, S>) -> Result<R, EngineError>,
    ) -> Result<R, EngineError> {
        let mut partition = self.lock(partition);
        if partition.changed.is_none() {
            partition.committed.settle();
        }
        let held = partition.current();
        let mut state = PartitionState {
            held,
            overlay: Overlay::default(),
            len: held.len,
        };
        let result = change(&mut state)?;
        let PartitionState { overlay, len, .. } = state;
        if !overlay.is_empty() {
            let mut changed = partition.current().clone();
            changed.overlays.push(Arc::new(overlay));
            changed.len = len;
            partition.changed = Some(changed);
        }
        Ok(result)
    }

    /// Gives keys a state for good, whatever becomes of the current batch; before the first change.
    pub(crate) fn load(&self, partition: usize, states: impl Iterator<Item = (u64, K, S)>) {
        let mut partition = self.lock(partition);
        let committed = &mut partition.committed;
        let base = Arc::make_mut(&mut committed.base);
        states.for_each(|(hash, key, state)| base.set(None, hash, key, state));
        committed.len = base.len();
    }

    /// The state as it is now, the current batch's changes included, as an RDD that is read when somebody reads it. It stays
    /// what it is whatever happens to the state later.
    pub(crate) fn snapshot(&self, context: &RddContext) -> Rdd<(K, S)> {
        self.snapshot_of(context, S::clone)
    }

    /// As [`StateTable::snapshot`], with what `show` makes of each state.
    pub(crate) fn snapshot_of<U: Data>(
        &self,
        context: &RddContext,
        show: impl Fn(&S) -> U + Clone + Send + Sync + 'static,
    ) -> Rdd<(K, U)> {
        let partitions = (0..self.partitions.len())
            .map(|partition| self.lock(partition).current().clone())
            .collect();
        Rdd::new(context, Snapshot::new(partitions, show)).with_partitioner(Some(self.partitioner))
    }

    pub(super) fn lock(&self, partition: usize) -> MutexGuard<'_, Partition<K, S>> {
        // A panic while changing leaves only an overlay behind that nobody sees.
        self.partitions[partition]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key, S: Data> BatchState for StateTable<K, S> {
    fn commit(&self, _time: Time) {
        for partition in 0..self.partitions.len() {
            let mut partition = self.lock(partition);
            if let Some(changed) = partition.changed.take() {
                partition.committed = changed;
            }
        }
    }

    fn abort(&self, _time: Time) {
        for partition in 0..self.partitions.len() {
            self.lock(partition).changed = None;
        }
    }
}

impl<K, S> Partition<K, S> {
    pub(super) fn current(&self) -> &Version<K, S> {
        self.changed.as_ref().unwrap_or(&self.committed)
    }
}

/// One partition of a [`StateTable`], as a task of the current batch sees and changes it. Its own changes are seen at once.
pub(crate) struct PartitionState<'a, K, S> {
    held: &'a Version<K, S>,
    overlay: Overlay<K, S>,
    len: usize,
}

/// Where a key is in memory; good for the call of [`StateTable::change`] that found it.
#[derive(Clone, Copy)]
pub(crate) struct Place(Option<u32>);

impl<K: Key, S: Data> PartitionState<'_, K, S> {
    /// The number of keys that have a state.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The state of a key.
    #[inline]
    pub(crate) fn get(&self, hash: u64, key: &K) -> Option<&S> {
        self.get_at(self.place(hash, key), hash, key)
    }

    /// Sets the state of a key.
    #[cfg(test)]
    #[inline]
    pub(crate) fn upsert(&mut self, hash: u64, key: K, state: S) {
        self.set_at(self.place(hash, &key), hash, key, Some(state));
    }

    /// Removes the state of a key; whether it had one.
    pub(crate) fn remove(&mut self, hash: u64, key: &K) -> bool {
        let before = self.len;
        self.set_at(self.place(hash, key), hash, key.clone(), None);
        self.len < before
    }

    /// Finds where a key is.
    #[inline]
    pub(crate) fn place(&self, hash: u64, key: &K) -> Place {
        Place(self.held.base.find(hash, key))
    }

    /// As [`get`](PartitionState::get), for a key whose place is known.
    #[inline]
    pub(crate) fn get_at(&self, place: Place, hash: u64, key: &K) -> Option<&S> {
        match self.overlay.find(hash, key) {
            Some(at) => self.overlay.value(at).state.as_ref(),
            None => self.held.get_at(place.0, hash, key),
        }
    }

    /// Sets or removes the state of a key whose place is known.
    #[inline]
    pub(crate) fn set_at(&mut self, place: Place, hash: u64, key: K, state: Option<S>) {
        let is = state.is_some();
        let was = match self.overlay.find(hash, &key) {
            Some(at) => {
                let old = std::mem::replace(&mut self.overlay.value_mut(at).state, state);
                old.is_some()
            }
            None => {
                let was = self.held.get_at(place.0, hash, &key).is_some();
                if was || is {
                    let place = place.0;
                    self.overlay.add(hash, key, Change { state, place });
                }
                was
            }
        };
        self.len = self.len + usize::from(is) - usize::from(was);
    }

    /// Finds where the keys of the next records are, of at most as many as one looks ahead, and brings their states into the
    /// caches. One key after the other, the processor would wait for the memory twice per key, and with millions of keys that
    /// is most of the time; this way it waits for many of them at once.
    pub(crate) fn places<V>(&self, records: &[Entry<K, V>], places: &mut Vec<Place>) {
        let (base, ahead) = (&self.held.base, records.iter().take(AHEAD));
        places.clear();
        base.touch_slots(ahead.clone().map(|record| record.hash));
        places.extend(ahead.clone().map(|record| Place(base.guess(record.hash))));
        base.touch(places.iter().filter_map(|place| place.0));
        for (place, record) in places.iter_mut().zip(ahead) {
            let (hash, key) = (record.hash, &record.key);
            if place.0.is_some_and(|at| !base.is_at(at, hash, key)) {
                *place = self.place(hash, key);
            }
        }
    }

    /// All keys, with their hashes and states.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &K, &S)> {
        let changed = self.changes();
        self.untouched()
            .chain(changed.filter_map(|(hash, key, state)| Some((hash, key, state?))))
    }

    /// The keys that this call has not touched, with their hashes and states.
    pub(crate) fn untouched(&self) -> impl Iterator<Item = (u64, &K, &S)> {
        let held = self.held.iter();
        held.filter(|(hash, key, _)| self.overlay.find(*hash, key).is_none())
    }

    /// The keys that this call has touched, with their hashes and what became of their states.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (u64, &K, Option<&S>)> {
        let changed = self.overlay.entries().iter();
        changed.map(|entry| (entry.hash, &entry.key, entry.value.state.as_ref()))
    }
}
