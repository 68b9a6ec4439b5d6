use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::context::BatchState;
use crate::{EngineError, Time};

/// So few leftovers are not worth a sweep.
const FEW: usize = 256;

/// When to look after which key of a state, so that what is due is found without a scan.
///
/// A key is filed once, under the time at which it got its state, and stays there however often it is touched. When that time
/// is due, the owner looks whether the key has been touched since: if so, it is filed again under the time of the last touch.
/// That happens at most once per touch, and the queue holds one entry per key, not one per touch. The owner keeps with each
/// state under which time it is filed: an entry that says another time is a leftover of a state that was removed. Leftovers
/// are [swept](Timers::sweep) when they are more than the rest.
pub(crate) struct Timers<K> {
    partitions: Vec<Mutex<Queue<K>>>,
}

struct Queue<K> {
    filed: BTreeMap<Time, Vec<(u64, K)>>,
    /// The number of entries in `filed`.
    len: usize,
    /// What the current batch changes: entries before this time go, others come.
    due: Option<Time>,
    coming: Vec<(Time, u64, K)>,
}

impl<K: Clone> Timers<K> {
    pub(crate) fn new(partitions: usize) -> Self {
        let queue = || Queue {
            filed: BTreeMap::new(),
            len: 0,
            due: None,
            coming: Vec::new(),
        };
        Timers {
            partitions: (0..partitions).map(|_| Mutex::new(queue())).collect(),
        }
    }

    /// Files keys for good, whatever becomes of the current batch: those of an initial state.
    pub(crate) fn load(&self, partition: usize, time: Time, keys: impl Iterator<Item = (u64, K)>) {
        let mut queue = self.lock(partition);
        let Queue { filed, len, .. } = &mut *queue;
        let filed = filed.entry(time).or_default();
        *len -= filed.len();
        filed.extend(keys);
        *len += filed.len();
    }

    /// Files keys on behalf of the current batch.
    pub(crate) fn file(&self, partition: usize, time: Time, keys: impl Iterator<Item = (u64, K)>) {
        let mut queue = self.lock(partition);
        queue
            .coming
            .extend(keys.map(|(hash, key)| (time, hash, key)));
    }

    /// Drops leftovers if there are more of them than of the `live` keys. To be called before the batch changes anything, with
    /// a `filed` that says under which time a key is filed: what is a leftover then stays one even if the batch fails.
    pub(crate) fn sweep(
        &self,
        partition: usize,
        live: usize,
        filed_at: impl Fn(u64, &K) -> Option<Time>,
    ) {
        let mut queue = self.lock(partition);
        let Queue { filed, len, .. } = &mut *queue;
        if *len <= 2 * live + FEW {
            return;
        }
        filed.retain(|time, keys| {
            keys.retain(|(hash, key)| filed_at(*hash, key) == Some(*time));
            keys.shrink_to_fit();
            !keys.is_empty()
        });
        *len = filed.values().map(Vec::len).sum();
    }

    /// Takes out, on behalf of the current batch, all entries filed under times before `limit`, giving time, hash and key to
    /// `visit`. Where it returns a time, the key is filed under that.
    pub(crate) fn take_due(
        &self,
        partition: usize,
        limit: Time,
        mut visit: impl FnMut(Time, u64, &K) -> Result<Option<Time>, EngineError>,
    ) -> Result<(), EngineError> {
        let mut queue = self.lock(partition);
        let Queue {
            filed, due, coming, ..
        } = &mut *queue;
        *due = Some(limit);
        for (time, keys) in filed.range(..limit) {
            for (hash, key) in keys {
                if let Some(again) = visit(*time, *hash, key)? {
                    coming.push((again, *hash, key.clone()));
                }
            }
        }
        Ok(())
    }

    /// The number of entries.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let entries = |partition| {
            self.lock(partition)
                .filed
                .values()
                .map(Vec::len)
                .sum::<usize>()
        };
        (0..self.partitions.len()).map(entries).sum()
    }

    fn lock(&self, partition: usize) -> MutexGuard<'_, Queue<K>> {
        self.partitions[partition]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Send> BatchState for Timers<K> {
    fn commit(&self, _time: Time) {
        for partition in 0..self.partitions.len() {
            let mut queue = self.lock(partition);
            let Queue {
                filed,
                len,
                due,
                coming,
            } = &mut *queue;
            if let Some(due) = due.take() {
                let later = filed.split_off(&due);
                *len -= filed.values().map(Vec::len).sum::<usize>();
                *filed = later;
            }
            *len += coming.len();
            for (time, hash, key) in coming.drain(..) {
                filed.entry(time).or_default().push((hash, key));
            }
        }
    }

    fn abort(&self, _time: Time) {
        for partition in 0..self.partitions.len() {
            let mut queue = self.lock(partition);
            queue.due = None;
            queue.coming.clear();
        }
    }
}
