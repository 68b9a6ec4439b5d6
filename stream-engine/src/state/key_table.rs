use crate::rdd::Entry;

/// How many keys are looked for ahead of their use: enough to hide the memory's latency, few enough that what was found is
/// still in the caches when it is used.
pub(super) const AHEAD: usize = 256;

/// Values by key, for tables that live long and grow large: entries can be removed, memory that is no longer needed is given
/// back, and a key's place can be found without looking at its entry.
///
/// Entries lie in a dense vector, so that reading all of them is a walk and a reader can stop and go on at a position. The
/// index is a table with linear probing, of a position and 32 bits of the hash in 64 bits. The same bits say where in the
/// table a slot would like to be, so growing and removing need not look at entries either. That matters for tables that no
/// cache holds: to find many keys, one first touches all their [slots](KeyTable::touch_slots), then asks the index for all
/// their [places](KeyTable::guess), then [touches](KeyTable::touch) all their entries, and the processor waits for many cache
/// lines at once in each loop.
///
/// Whoever brings a key brings its hash.
#[derive(Clone)]
pub(super) struct KeyTable<K, V> {
    /// A power of two of slots, or none.
    index: Vec<Slot>,
    entries: Vec<Entry<K, V>>,
}

/// A position and the low 32 bits of its key's hash.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slot(u64);

impl Slot {
    const EMPTY: Slot = Slot(u64::MAX);

    fn new(hash: u64, at: u32) -> Self {
        Slot(hash << 32 | u64::from(at))
    }

    fn at(self) -> u32 {
        self.0 as u32
    }

    fn hash(self) -> u64 {
        self.0 >> 32
    }
}

/// The largest position; the next one would make a slot look empty.
const MAX_LEN: usize = u32::MAX as usize;

impl<K, V> Default for KeyTable<K, V> {
    fn default() -> Self {
        KeyTable {
            index: Vec::new(),
            entries: Vec::new(),
        }
    }
}

impl<K: Eq, V> KeyTable<K, V> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity().max(self.index.len())
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
        self.slots_of(hash)
            .map(|(_, at)| at)
            .find(|&at| self.is_at(at, hash, key))
    }

    /// Where a key is if it is there: right but for one in some hundreds of cases. Reads the index only.
    #[inline]
    pub(super) fn guess(&self, hash: u64) -> Option<u32> {
        self.slots_of(hash).map(|(_, at)| at).next()
    }

    /// Brings the slots where keys would like to be into the caches. To be done before looking into them: whether a slot is the
    /// right one cannot be predicted, and a processor that predicts it wrongly has run ahead for nothing, and waits for one
    /// slot after the other.
    pub(super) fn touch_slots(&self, hashes: impl Iterator<Item = u64>) {
        let mask = self.index.len().wrapping_sub(1);
        let slot = |hash: u64| {
            self.index
                .get(hash as usize & mask)
                .map_or(0, |slot| slot.0)
        };
        std::hint::black_box(hashes.map(slot).fold(0, |all, slot| all ^ slot));
    }

    /// Brings entries into the caches. An entry may lie across two cache lines; where it ends, the next one starts.
    pub(super) fn touch(&self, positions: impl Iterator<Item = u32>) {
        let hash = |at: usize| self.entries.get(at).map_or(0, |entry| entry.hash);
        let both = positions.map(|at| hash(at as usize) ^ hash(at as usize + 1));
        std::hint::black_box(both.fold(0, |all, hash| all ^ hash));
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
        let at = self.entries.len();
        assert!(
            at < MAX_LEN,
            "a partition of a state holds at most 4 billion keys: use more partitions"
        );
        // At most five eighths full: most keys are at home or in the next slots, in the same cache line.
        if (at + 1) * 8 > self.index.len() * 5 {
            self.resize((self.index.len() * 2).max(8));
        }
        place(&mut self.index, Slot::new(hash, at as u32));
        self.entries.push(Entry { hash, key, value });
    }

    /// Sets a key's value. `hint` is where the key may be: if it is there, the index is not asked.
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
        let (slot, at) = self
            .slots_of(hash)
            .find(|&(_, at)| self.is_at(at, hash, key))?;
        self.vacate(slot);
        let last = (self.entries.len() - 1) as u32;
        if at != last {
            let hash = self.entries[last as usize].hash;
            let moved = self.slots_of(hash).find(|&(_, at)| at == last);
            if let Some((slot, _)) = moved {
                self.index[slot] = Slot::new(hash, at);
            }
        }
        let removed = self.entries.swap_remove(at as usize);
        // Filling and emptying it again takes as many steps as shrinking does.
        if self.index.len() > 64 && self.entries.len() * 8 < self.index.len() {
            self.resize(self.index.len() / 4);
            self.entries.shrink_to(self.index.len());
        }
        Some(removed.value)
    }

    /// The slots that have these 32 bits of the hash, with their positions.
    #[inline]
    fn slots_of(&self, hash: u64) -> impl Iterator<Item = (usize, u32)> {
        let mask = self.index.len().wrapping_sub(1);
        let low = hash & u64::from(u32::MAX);
        let mut slot = low as usize & mask;
        std::iter::from_fn(move || {
            loop {
                let found = *self.index.get(slot)?;
                if found == Slot::EMPTY {
                    return None;
                }
                let here = slot;
                slot = (slot + 1) & mask;
                if found.hash() == low {
                    return Some((here, found.at()));
                }
            }
        })
    }

    /// Empties a slot and closes the gap: those behind it that would like to be there, or before it, move up.
    fn vacate(&mut self, mut gap: usize) {
        let mask = self.index.len() - 1;
        let mut next = (gap + 1) & mask;
        while self.index[next] != Slot::EMPTY {
            let home = self.index[next].hash() as usize & mask;
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(gap) & mask {
                self.index[gap] = self.index[next];
                gap = next;
            }
            next = (next + 1) & mask;
        }
        self.index[gap] = Slot::EMPTY;
    }

    fn resize(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.index, vec![Slot::EMPTY; slots]);
        for slot in old.into_iter().filter(|slot| *slot != Slot::EMPTY) {
            place(&mut self.index, slot);
        }
    }
}

/// Puts a slot where it would like to be, or behind. There is room.
#[inline]
fn place(index: &mut [Slot], slot: Slot) {
    let mask = index.len() - 1;
    let mut at = slot.hash() as usize & mask;
    while index[at] != Slot::EMPTY {
        at = (at + 1) & mask;
    }
    index[at] = slot;
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::KeyTable;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_table_equals_a_plain_map_even_with_poor_hashes(
            steps in prop::collection::vec((0u32..200, prop::option::weighted(0.6, 0u32..9)), 0..600),
            bits in prop_oneof![Just(0u32), Just(3), Just(32)],
        ) {
            // Few bits of the hash differ, and some only in the high half, which the index does not have.
            let hash = |key: u32| {
                let mixed = u64::from(key).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                mixed >> 32 << 32 | mixed & ((1 << bits) - 1)
            };
            let (mut table, mut model) = (KeyTable::default(), HashMap::new());
            for (key, value) in steps {
                match value {
                    Some(value) => {
                        table.set(Some(key % 7), hash(key), key, value);
                        model.insert(key, value);
                    }
                    None => prop_assert_eq!(table.remove(hash(key), &key), model.remove(&key)),
                }
                prop_assert_eq!(table.len(), model.len());
            }
            for key in 0..200 {
                let found = table.find(hash(key), &key).map(|at| *table.value(at));
                prop_assert_eq!(found, model.get(&key).copied());
                prop_assert!(found.is_none() || table.guess(hash(key)).is_some());
            }
        }
    }
}
