use std::sync::Arc;

use super::version::Version;
use crate::EngineError;
use crate::pool::Pool;
use crate::rdd::{BoxChunks, CHUNK, Chunks, Data, Key, Node};

/// The whole state as of a batch. Holds it without a copy and reads it when it is asked to, giving what `show` makes of each
/// state.
pub(super) struct Snapshot<K, S, F> {
    partitions: Vec<Arc<Version<K, S>>>,
    show: F,
}

impl<K, S, F> Snapshot<K, S, F> {
    pub(super) fn new(partitions: Vec<Version<K, S>>, show: F) -> Self {
        Snapshot {
            partitions: partitions.into_iter().map(Arc::new).collect(),
            show,
        }
    }
}

impl<K, S, U, F> Node<(K, U)> for Snapshot<K, S, F>
where
    K: Key,
    S: Data,
    F: Fn(&S) -> U + Clone + Send + Sync + 'static,
{
    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn prepare(&self, _pool: &Pool) -> Result<(), EngineError> {
        Ok(())
    }

    fn open(&self, partition: usize) -> Result<BoxChunks<(K, U)>, EngineError> {
        Ok(Box::new(SnapshotChunks {
            version: self.partitions[partition].clone(),
            show: self.show.clone(),
            level: 0,
            at: 0,
        }))
    }

    fn keeps_records(&self) -> bool {
        true
    }

    fn known_count(&self) -> Option<u64> {
        Some(self.partitions.iter().map(|part| part.len as u64).sum())
    }
}

struct SnapshotChunks<K, S, F> {
    version: Arc<Version<K, S>>,
    show: F,
    /// What is being read: 0 is the base, n the overlay n - 1.
    level: usize,
    at: usize,
}

impl<K: Key, S: Data, U, F: Fn(&S) -> U> Chunks<(K, U)> for SnapshotChunks<K, S, F> {
    fn next_chunk(&mut self, out: &mut Vec<(K, U)>) -> Result<bool, EngineError> {
        let show = &self.show;
        let version = &*self.version;
        let is_newest = |hash, key| !version.is_changed_since(self.level, hash, key);
        let end = self.at + CHUNK;
        let entries =
            if self.level == 0 {
                let entries = version.base.entries();
                let chunk = entries[self.at..].iter().take(CHUNK);
                let chunk = chunk.filter(|entry| is_newest(entry.hash, &entry.key));
                out.extend(chunk.map(|entry| (entry.key.clone(), show(&entry.value))));
                entries.len()
            } else {
                let entries = version.overlays[self.level - 1].entries();
                let chunk = entries[self.at..].iter().take(CHUNK);
                let chunk = chunk.filter(|entry| is_newest(entry.hash, &entry.key));
                out.extend(chunk.filter_map(|entry| {
                    Some((entry.key.clone(), show(entry.value.state.as_ref()?)))
                }));
                entries.len()
            };
        self.at = end;
        if end >= entries {
            (self.level, self.at) = (self.level + 1, 0);
        }
        Ok(self.level <= version.overlays.len())
    }
}
