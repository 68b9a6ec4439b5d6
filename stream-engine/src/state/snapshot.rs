use std::sync::Arc;

use super::version::Version;
use crate::EngineError;
use crate::pool::Pool;
use crate::rdd::{BoxChunks, CHUNK, Chunks, Data, Key, Node};

/// The whole state as of a batch. Holds it without a copy and reads it when it is asked to.
pub(super) struct Snapshot<K, S> {
    partitions: Vec<Arc<Version<K, S>>>,
}

impl<K, S> Snapshot<K, S> {
    pub(super) fn new(partitions: Vec<Version<K, S>>) -> Self {
        Snapshot {
            partitions: partitions.into_iter().map(Arc::new).collect(),
        }
    }
}

impl<K: Key, S: Data> Node<(K, S)> for Snapshot<K, S> {
    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn prepare(&self, _pool: &Pool) -> Result<(), EngineError> {
        Ok(())
    }

    fn open(&self, partition: usize) -> Result<BoxChunks<(K, S)>, EngineError> {
        Ok(Box::new(SnapshotChunks {
            version: self.partitions[partition].clone(),
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

struct SnapshotChunks<K, S> {
    version: Arc<Version<K, S>>,
    /// What is being read: 0 is the base, n the overlay n - 1.
    level: usize,
    at: usize,
}

impl<K: Key, S: Data> Chunks<(K, S)> for SnapshotChunks<K, S> {
    fn next_chunk(&mut self, out: &mut Vec<(K, S)>) -> Result<bool, EngineError> {
        let version = &*self.version;
        let is_newest = |hash, key| !version.is_changed_since(self.level, hash, key);
        let end = self.at + CHUNK;
        let entries = if self.level == 0 {
            let entries = version.base.entries();
            let chunk = entries[self.at..].iter().take(CHUNK);
            let chunk = chunk.filter(|entry| is_newest(entry.hash, &entry.key));
            out.extend(chunk.map(|entry| (entry.key.clone(), entry.value.clone())));
            entries.len()
        } else {
            let entries = version.overlays[self.level - 1].entries();
            let chunk = entries[self.at..].iter().take(CHUNK);
            let chunk = chunk.filter(|entry| is_newest(entry.hash, &entry.key));
            out.extend(
                chunk.filter_map(|entry| Some((entry.key.clone(), entry.value.state.clone()?))),
            );
            entries.len()
        };
        self.at = end;
        if end >= entries {
            (self.level, self.at) = (self.level + 1, 0);
        }
        Ok(self.level <= version.overlays.len())
    }
}
