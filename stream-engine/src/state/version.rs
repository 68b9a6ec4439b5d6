use std::sync::Arc;

use super::key_table::{AHEAD, KeyTable};
use crate::rdd::{Data, Key};

/// What a batch makes of a key's state.
#[derive(Clone)]
pub(super) struct Change<S> {
    /// The new state; nothing if it was removed.
    pub(super) state: Option<S>,
    /// Where the key is in the base below the batch, so that it need not be looked for again.
    pub(super) place: Option<u32>,
}

/// The keys that a batch touched, with what became of them.
pub(super) type Overlay<K, S> = KeyTable<K, Change<S>>;

/// The state of one partition's keys as of a batch: a base and the changes since, oldest first. Immutable and cheap to clone:
/// whoever holds one sees the same however the state goes on.
#[derive(Clone)]
pub(super) struct Version<K, S> {
    pub(super) base: Arc<KeyTable<K, S>>,
    pub(super) overlays: Vec<Arc<Overlay<K, S>>>,
    /// The number of keys that have a state.
    pub(super) len: usize,
}

impl<K, S> Default for Version<K, S> {
    fn default() -> Self {
        Version {
            base: Arc::default(),
            overlays: Vec::new(),
            len: 0,
        }
    }
}

impl<K: Key, S: Data> Version<K, S> {
    /// The state of a key that is at `place` in the base, or not there.
    #[inline]
    pub(super) fn get_at(&self, place: Option<u32>, hash: u64, key: &K) -> Option<&S> {
        for overlay in self.overlays.iter().rev() {
            if let Some(at) = overlay.find(hash, key) {
                return overlay.value(at).state.as_ref();
            }
        }
        place.map(|at| self.base.value(at))
    }

    /// Whether an overlay from the `from`th on says something newer about the key.
    #[inline]
    pub(super) fn is_changed_since(&self, from: usize, hash: u64, key: &K) -> bool {
        self.overlays[from..]
            .iter()
            .any(|overlay| overlay.find(hash, key).is_some())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &K, &S)> {
        let base = self.base.entries().iter();
        let base = base
            .filter(|entry| !self.is_changed_since(0, entry.hash, &entry.key))
            .map(|entry| (entry.hash, &entry.key, &entry.value));
        let overlays = self
            .overlays
            .iter()
            .enumerate()
            .flat_map(move |(n, overlay)| {
                overlay
                    .entries()
                    .iter()
                    .filter_map(|entry| Some((entry.hash, &entry.key, entry.value.state.as_ref()?)))
                    .filter(move |(hash, key, _)| !self.is_changed_since(n + 1, *hash, key))
            });
        base.chain(overlays)
    }

    /// Merges the overlays into the base if nobody else holds it. Otherwise bounds their number: each is more than twice as
    /// large as the next newer one, and together they are smaller than the base, or a new base is made.
    pub(super) fn settle(&mut self) {
        if self.overlays.is_empty() {
            return;
        }
        if Arc::get_mut(&mut self.base).is_none() {
            while let [.., older, newer] = self.overlays.as_slice()
                && older.len() <= newer.len() * 2
            {
                let merged = Arc::new(merge_overlays(older, newer));
                self.overlays.truncate(self.overlays.len() - 2);
                self.overlays.push(merged);
            }
            let changed: usize = self.overlays.iter().map(|overlay| overlay.len()).sum();
            if changed < self.base.len() {
                return;
            }
        }
        // Copies the base only if it is held.
        let base = Arc::make_mut(&mut self.base);
        for overlay in self.overlays.drain(..) {
            let overlay = Arc::try_unwrap(overlay).unwrap_or_else(|held| (*held).clone());
            let mut changes = overlay.into_entries().into_iter();
            while !changes.as_slice().is_empty() {
                let ahead = changes.as_slice().iter().take(AHEAD);
                base.touch(ahead.filter_map(|change| change.value.place));
                for change in changes.by_ref().take(AHEAD) {
                    let (hash, key) = (change.hash, change.key);
                    match change.value.state {
                        Some(state) => base.set(change.value.place, hash, key, state),
                        None => drop(base.remove(hash, &key)),
                    }
                }
            }
        }
    }
}

fn merge_overlays<K: Key, S: Data>(older: &Overlay<K, S>, newer: &Overlay<K, S>) -> Overlay<K, S> {
    let mut merged = older.clone();
    for entry in newer.entries() {
        merged.set(None, entry.hash, entry.key.clone(), entry.value.clone());
    }
    merged
}
