use hashbrown::HashTable;

use crate::rdd::Entry;

/// Values by key, for tables that live long: entries can be removed, and the table gives back memory it no longer needs.
///
/// Entries lie in a dense vector, so that reading all of them is a walk and a reader can stop and go on at a position; the
/// hash table holds positions only. Whoever brings a key brings its hash.
#[derive(Clone)]
pub(super) struct KeyTable<K, V> {
    index: HashTable<u32>,
    entries: Vec<Entry<K, V>>,
}

impl<K, V> Default for KeyTable<K, V> {
    fn default() -> Self {
        KeyTable {
            index: HashTable::new(),
            entries: Vec::new(),
        }
    }
}

impl<K: Eq, V> KeyTable<K, V> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries, in the order of their positions.
    pub(super) fn entries(&self) -> &[Entry<K, V>] {
        &self.entries
    }

    pub(super) fn into_entries(self) -> Vec<Entry<K, V>> {
        self.entries
    }

    /// The position of a key, good until an entry is removed.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &K) -> Option<u32> {
        self.index
            .find(hash, |&at| self.is_at(at, hash, key))
            .copied()
    }

    #[inline]
    pub(super) fn is_at(&self, at: u32, hash: u64, key: &K) -> bool {
        self.entries
            .get(at as usize)
            .is_some_and(|entry| entry.hash == hash && entry.key == *key)
    }

    #[inline]
    pub(super) fn value(&self, at: u32) -> &V {
        &self.entries[at as usize].value
    }

    #[inline]
    pub(super) fn value_mut(&mut self, at: u32) -> &mut V {
        &mut self.entries[at as usize].value
    }

    /// Adds a key that is known to be absent.
    #[inline]
    pub(super) fn add(&mut self, hash: u64, key: K, value: V) {
        let entries = &self.entries;
        let at = u32::try_from(entries.len())
            .expect("a partition of a state holds at most 4 billion keys: use more partitions");
        self.index
            .insert_unique(hash, at, |&at| entries[at as usize].hash);
        self.entries.push(Entry { hash, key, value });
    }

    /// Sets a key's value. `hint` is where the key may be: if it is there, the hash table is not asked.
    #[inline]
    pub(super) fn set(&mut self, hint: Option<u32>, hash: u64, key: K, value: V) {
        let at = hint.filter(|&at| self.is_at(at, hash, &key));
        match at.or_else(|| self.find(hash, &key)) {
            Some(at) => *self.value_mut(at) = value,
            None => self.add(hash, key, value),
        }
    }

    /// Removes a key; the last entry takes its position.
    pub(super) fn remove(&mut self, hash: u64, key: &K) -> Option<V> {
        let entries = &self.entries;
        let slot = self.index.find_entry(hash, |&at| {
            let entry = &entries[at as usize];
            entry.hash == hash && entry.key == *key
        });
        let (at, _) = slot.ok()?.remove();
        let last = (self.entries.len() - 1) as u32;
        if at != last {
            let hash = self.entries[last as usize].hash;
            if let Some(moved) = self.index.find_mut(hash, |&position| position == last) {
                *moved = at;
            }
        }
        let removed = self.entries.swap_remove(at as usize);
        // A quarter full: growing to here and shrinking again costs no more than the removals that led to it.
        if self.entries.len() < self.entries.capacity() / 4 && self.entries.capacity() > 64 {
            let entries = &self.entries;
            self.index
                .shrink_to(entries.len() * 2, |&at| entries[at as usize].hash);
            self.entries.shrink_to(self.entries.len() * 2);
        }
        Some(removed.value)
    }
}
