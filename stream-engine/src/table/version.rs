use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::hash::key_hash;
use crate::{Data, HashPartitioner, Key};

/// How many parts a table has that are copied on their own where an older version is still held.
const PARTS: usize = 256;

/// A table as it is at one time. Clones share everything until one of them changes.
pub(crate) struct Version<K, V> {
    parts: Arc<Vec<Arc<Part<K, V>>>>,
    len: usize,
}

type Part<K, V> = HashTable<(K, V)>;

impl<K, V> Clone for Version<K, V> {
    fn clone(&self) -> Self {
        Version {
            parts: self.parts.clone(),
            len: self.len,
        }
    }
}

impl<K, V> Default for Version<K, V> {
    fn default() -> Self {
        let parts = (0..PARTS).map(|_| Arc::new(HashTable::new()));
        Version {
            parts: Arc::new(parts.collect()),
            len: 0,
        }
    }
}

fn part_of(hash: u64) -> usize {
    HashPartitioner::new(PARTS).partition_of_hash(hash)
}

impl<K: Key, V: Data> Version<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let hash = key_hash(key);
        let found = self.parts[part_of(hash)].find(hash, |(other, _)| other == key);
        found.map(|(_, value)| value)
    }

    /// Gives a key a new value, or takes it out.
    pub(crate) fn set(&mut self, key: K, value: Option<V>) {
        let hash = key_hash(&key);
        let parts = Arc::make_mut(&mut self.parts);
        let part = Arc::make_mut(&mut parts[part_of(hash)]);
        match (
            part.entry(hash, |(other, _)| *other == key, |(key, _)| key_hash(key)),
            value,
        ) {
            (Entry::Occupied(mut entry), Some(value)) => entry.get_mut().1 = value,
            (Entry::Occupied(entry), None) => {
                entry.remove();
                self.len -= 1;
            }
            (Entry::Vacant(entry), Some(value)) => {
                entry.insert((key, value));
                self.len += 1;
            }
            (Entry::Vacant(_), None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equals_a_map_and_held_versions_stay_what_they_are(
            batches in prop::collection::vec(
                prop::collection::vec((0u16..600, prop::option::weighted(0.7, any::<u32>())), 0..200), 1..8),
        ) {
            let (mut version, mut model) = (Version::default(), HashMap::new());
            let mut held = Vec::new();
            for batch in batches {
                for (key, value) in batch {
                    version.set(key, value);
                    match value {
                        Some(value) => model.insert(key, value),
                        None => model.remove(&key),
                    };
                }
                held.push((version.clone(), model.clone()));
            }
            for (version, model) in held {
                prop_assert_eq!(version.len(), model.len());
                for key in 0..600 {
                    prop_assert_eq!(version.get(&key), model.get(&key));
                }
            }
        }
    }

    #[test]
    fn nothing_is_copied_while_no_other_version_is_held() {
        let mut version = Version::default();
        (0..1000).for_each(|key| version.set(key, Some(key)));
        let place =
            |version: &Version<i32, i32>| Arc::as_ptr(&version.parts[part_of(key_hash(&7))]);
        let before = place(&version);
        version.set(7, Some(8));
        assert_eq!(place(&version), before);
        let held = version.clone();
        version.set(7, Some(9));
        assert_ne!(place(&version), before);
        assert_eq!((held.get(&7), version.get(&7)), (Some(&8), Some(&9)));
        let shared = held.parts.iter().zip(version.parts.iter());
        let copied = shared.filter(|(a, b)| !Arc::ptr_eq(a, b)).count();
        assert_eq!(copied, 1);
    }
}
