use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;

/// A key with its hash, computed once where the record entered the shuffle, and what was combined for it so far.
#[derive(Clone)]
pub(crate) struct Entry<K, C> {
    pub(crate) hash: u64,
    pub(crate) key: K,
    pub(crate) value: C,
}

/// Combines values by key. Entries stay in the order in which their keys were first seen.
///
/// The hash table holds positions in a dense vector: growing moves four bytes a key and never hashes again, frequent keys
/// (seen first) lie close together, and reading the result is a walk over a vector.
pub(crate) struct CombineTable<K, C> {
    index: HashTable<u32>,
    entries: Vec<Entry<K, C>>,
    /// Stands in for a value while the user's function holds it; see [`CombineTable::reduce`].
    spare: Option<C>,
}

impl<K: Eq, C> CombineTable<K, C> {
    pub(crate) fn with_capacity(keys: usize) -> Self {
        CombineTable {
            index: HashTable::with_capacity(keys),
            entries: Vec::with_capacity(keys),
            spare: None,
        }
    }

    /// A table over entries whose keys are known to differ.
    pub(crate) fn from_distinct(entries: Vec<Entry<K, C>>) -> Self {
        let mut index = HashTable::with_capacity(entries.len());
        for (position, entry) in entries.iter().enumerate() {
            index.insert_unique(entry.hash, position_u32(position), |&at| {
                entries[at as usize].hash
            });
        }
        CombineTable {
            index,
            entries,
            spare: None,
        }
    }

    /// The entry of `key`: `merge`d with `value` if it is there, `create`d from it otherwise.
    #[inline]
    pub(crate) fn upsert<V>(
        &mut self,
        hash: u64,
        key: K,
        value: V,
        create: impl FnOnce(V) -> C,
        merge: impl FnOnce(&mut C, V),
    ) {
        let entries = &mut self.entries;
        let found = self.index.entry(
            hash,
            |&at| {
                let entry = &entries[at as usize];
                entry.hash == hash && entry.key == key
            },
            |&at| entries[at as usize].hash,
        );
        match found {
            Slot::Occupied(slot) => merge(&mut entries[*slot.get() as usize].value, value),
            Slot::Vacant(slot) => {
                slot.insert(position_u32(entries.len()));
                entries.push(Entry {
                    hash,
                    key,
                    value: create(value),
                });
            }
        }
    }

    /// The value of `key`, if it is there.
    pub(crate) fn get_mut(&mut self, hash: u64, key: &K) -> Option<&mut C> {
        let entries = &mut self.entries;
        let at = *self.index.find(hash, |&at| {
            let entry = &entries[at as usize];
            entry.hash == hash && entry.key == *key
        })?;
        Some(&mut entries[at as usize].value)
    }

    /// As [`CombineTable::upsert`], with a function that takes both values and returns their combination.
    ///
    /// Such a function needs the value out of its slot for a moment. A spare value fills the slot meanwhile; it costs one
    /// clone per table, where a clone (or an `Option`) per record or entry would be needed otherwise.
    #[inline]
    pub(crate) fn reduce(&mut self, hash: u64, key: K, value: C, f: impl FnOnce(C, C) -> C)
    where
        C: Clone,
    {
        if !std::mem::needs_drop::<C>() {
            return self.upsert(
                hash,
                key,
                value,
                |value| value,
                |slot, value| *slot = f(slot.clone(), value),
            );
        }
        let mut spare = self.spare.take();
        self.upsert(
            hash,
            key,
            value,
            |value| value,
            |slot, value| {
                let filler = spare.take().unwrap_or_else(|| value.clone());
                let old = std::mem::replace(slot, filler);
                spare = Some(std::mem::replace(slot, f(old, value)));
            },
        );
        self.spare = spare;
    }

    /// The value of `key`, if it is there, to be read.
    pub(crate) fn get(&self, hash: u64, key: &K) -> Option<&C> {
        let at = *self.index.find(hash, |&at| {
            let entry = &self.entries[at as usize];
            entry.hash == hash && entry.key == *key
        })?;
        Some(&self.entries[at as usize].value)
    }

    pub(crate) fn entries(&self) -> &[Entry<K, C>] {
        &self.entries
    }

    pub(crate) fn into_entries(self) -> Vec<Entry<K, C>> {
        self.entries
    }
}

fn position_u32(position: usize) -> u32 {
    u32::try_from(position)
        .expect("a partition holds at most 4 billion distinct keys: use more partitions")
}
