use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::WindowResult;
use super::aggregate::Aggregate;
use super::operator::{Fired, Late, Passed, Timed, WindowKind};
use super::setting::signed;
use super::window::Slices;
use crate::hash::key_hash;
use crate::rdd::{CombineTable, Entry};
use crate::{Data, HashPartitioner, Key};

/// Tumbling and sliding windows. The state is a table of keys per slice, in the order of their ends; a window's result is its
/// slices' tables merged when it fires.
pub(super) struct Aligned {
    pub(super) slices: Slices,
    pub(super) lateness: i64,
}

impl Aligned {
    /// The last window with the slice that ends at `end` closes for good when the watermark gets here.
    fn closes_at(&self, end: i64) -> i64 {
        self.slices.last_end(end - 1) + self.lateness
    }
}

type Tables<K, C> = BTreeMap<i64, CombineTable<K, C>>;
type Block<K, C> = Vec<(i64, Vec<Entry<K, C>>)>;

/// A batch's records of one partition, by slice. Most records are in the slice of the record before them.
pub(super) struct SliceFold<K, C> {
    positions: BTreeMap<i64, usize>,
    tables: Vec<(i64, CombineTable<K, C>)>,
    /// The times of the current slice, and what becomes of its records.
    current: Range<i64>,
    place: Place,
}

enum Place {
    /// Some window is open: into the table at this position.
    Open(usize),
    /// As `Open`, but too late for its first windows.
    PartlyLate(usize),
    Late,
    /// In a gap between windows.
    Nowhere,
}

/// The tables of one partition, and the changes of the last batch.
pub(super) struct SliceState<K, C> {
    base: Tables<K, C>,
    changes: Option<Changes<K, C>>,
}

impl<K, C> Default for SliceState<K, C> {
    fn default() -> Self {
        SliceState {
            base: BTreeMap::new(),
            changes: None,
        }
    }
}

struct Changes<K, C> {
    tables: Tables<K, C>,
    watermark: i64,
}

impl<K: Key, V: Data, A: Aggregate<V>> WindowKind<K, V, A> for Aligned {
    type Fold = SliceFold<K, A::Acc>;
    type Block = Block<K, A::Acc>;
    type State = SliceState<K, A::Acc>;

    fn start_fold(&self) -> Self::Fold {
        SliceFold {
            positions: BTreeMap::new(),
            tables: Vec::new(),
            current: 0..0,
            place: Place::Nowhere,
        }
    }

    fn fold(
        &self,
        fold: &mut Self::Fold,
        chunk: &mut Vec<Timed<K, V>>,
        aggregate: &A,
        before: i64,
        late: &mut Late<K, V>,
    ) {
        // The windows that were closed when the batch began.
        let missed = |time: i64| {
            let closed = move |end: &i64| end + self.lateness <= before;
            let ends = self.slices.ends(time).take_while(closed);
            ends.map(|end| self.slices.window(end))
        };
        for (time, (key, value)) in chunk.drain(..) {
            let at = signed(time);
            if !fold.current.contains(&at) {
                self.turn_to(fold, at, before);
            }
            let position = match fold.place {
                Place::Open(position) => position,
                Place::PartlyLate(position) => {
                    late.add(time, || (key.clone(), value.clone()), missed(at));
                    position
                }
                Place::Late => {
                    late.add(time, || (key, value), missed(at));
                    continue;
                }
                Place::Nowhere => continue,
            };
            fold.tables[position].1.upsert(
                key_hash(&key),
                key,
                value,
                |value| aggregate.create(value),
                |acc, value| aggregate.add(acc, value),
            );
        }
    }

    fn split(&self, fold: Self::Fold, partitioner: HashPartitioner) -> Vec<Self::Block> {
        let mut blocks: Vec<Self::Block> =
            (0..partitioner.partitions()).map(|_| Vec::new()).collect();
        for (end, table) in fold.tables {
            if let [block] = blocks.as_mut_slice() {
                block.push((end, table.into_entries()));
                continue;
            }
            for entry in table.into_entries() {
                let block = &mut blocks[partitioner.partition_of_hash(entry.hash)];
                match block.last_mut() {
                    Some((last, entries)) if *last == end => entries.push(entry),
                    _ => block.push((end, vec![entry])),
                }
            }
        }
        blocks
    }

    fn apply(&self, state: &mut Self::State, aggregate: &A) {
        let Some(Changes { tables, watermark }) = state.changes.take() else {
            return;
        };
        while let Some(oldest) = state.base.first_entry()
            && self.closes_at(*oldest.key()) <= watermark
        {
            oldest.remove();
        }
        for (end, table) in tables {
            if self.closes_at(end) <= watermark {
                continue;
            }
            merge_into(&mut state.base, end, table.into_entries(), aggregate);
        }
    }

    fn fire(
        &self,
        state: &mut Self::State,
        blocks: Vec<Self::Block>,
        aggregate: &A,
        watermarks: Passed,
        out: &mut Fired<K, V, A::Out>,
    ) {
        let mut fresh = Tables::new();
        for (end, entries) in blocks.into_iter().flatten() {
            merge_into(&mut fresh, end, entries, aggregate);
        }
        self.update_late(&state.base, &fresh, aggregate, watermarks, out);
        self.fire_first(&state.base, &fresh, aggregate, watermarks, out);
        state.changes = Some(Changes {
            tables: fresh,
            watermark: watermarks.after,
        });
    }

    fn drop_changes(&self, state: &mut Self::State) {
        state.changes = None;
    }

    fn open(&self, state: &Self::State) -> u64 {
        let tables = state.base.values();
        tables.map(|table| table.entries().len() as u64).sum()
    }
}

impl Aligned {
    #[cold]
    fn turn_to<K: Key, C>(&self, fold: &mut SliceFold<K, C>, time: i64, before: i64) {
        let (start, end) = self.slices.slice(time);
        fold.current = start..end;
        let (first, last) = (self.slices.first_end(time), self.slices.last_end(time));
        fold.place = if first > last {
            Place::Nowhere
        } else if last + self.lateness <= before {
            Place::Late
        } else {
            let position = *fold.positions.entry(end).or_insert_with(|| {
                fold.tables.push((end, CombineTable::with_capacity(0)));
                fold.tables.len() - 1
            });
            if first + self.lateness <= before {
                Place::PartlyLate(position)
            } else {
                Place::Open(position)
            }
        };
    }

    /// The ends of the slices of the window that ends at `end`.
    fn slices_of(&self, end: i64) -> Range<i64> {
        end - self.slices.size + 1..end + 1
    }

    /// Fires the windows whose end the watermark passes: from one with records to the next, however far it jumps.
    fn fire_first<K: Key, V: Data, A: Aggregate<V>>(
        &self,
        base: &Tables<K, A::Acc>,
        fresh: &Tables<K, A::Acc>,
        aggregate: &A,
        watermarks: Passed,
        out: &mut Fired<K, V, A::Out>,
    ) {
        let mut end = self.slices.first_end(watermarks.before);
        while end <= watermarks.after {
            let from = self.slices_of(end).start..;
            let next = |tables: &Tables<K, A::Acc>| {
                tables.range(from.clone()).next().map(|(slice, _)| *slice)
            };
            let Some(slice) = next(base).into_iter().chain(next(fresh)).min() else {
                return;
            };
            if slice > end {
                end = self.slices.first_end(slice - 1);
                continue;
            }
            let tables = base.range(self.slices_of(end));
            let tables = tables.chain(fresh.range(self.slices_of(end)));
            let merged = merged(tables.map(|(_, table)| table), aggregate);
            let window = self.slices.window(end);
            out.results
                .extend(merged.into_iter().map(|entry| WindowResult {
                    window,
                    key: entry.key,
                    value: aggregate.finish(entry.value),
                    replaces: Vec::new(),
                }));
            end += self.slices.slide;
        }
    }

    /// Fires windows again that have fired before this batch, for the keys with late records.
    fn update_late<K: Key, V: Data, A: Aggregate<V>>(
        &self,
        base: &Tables<K, A::Acc>,
        fresh: &Tables<K, A::Acc>,
        aggregate: &A,
        watermarks: Passed,
        out: &mut Fired<K, V, A::Out>,
    ) {
        let fired = |end: &i64| *end <= watermarks.before;
        let open = |end: &i64| end + self.lateness > watermarks.before;
        let ends: BTreeSet<i64> = fresh
            .keys()
            .take_while(|slice| fired(slice))
            .flat_map(|slice| self.slices.ends(slice - 1).take_while(fired).filter(open))
            .collect();
        for end in ends {
            let tables = fresh.range(self.slices_of(end));
            let window = self.slices.window(end);
            for late in merged(tables.map(|(_, table)| table), aggregate) {
                let mut before: Option<A::Acc> = None;
                for (_, table) in base.range(self.slices_of(end)) {
                    match (&mut before, table.get(late.hash, &late.key)) {
                        (Some(acc), Some(more)) => aggregate.merge(acc, more.clone()),
                        (None, Some(first)) => before = Some(first.clone()),
                        (_, None) => {}
                    }
                }
                let replaces = before.iter().map(|_| window).collect();
                let value = match before {
                    Some(mut acc) => {
                        aggregate.merge(&mut acc, late.value);
                        acc
                    }
                    None => late.value,
                };
                out.results.push(WindowResult {
                    window,
                    key: late.key,
                    value: aggregate.finish(value),
                    replaces,
                });
            }
        }
    }
}

fn merge_into<K: Key, V, A: Aggregate<V>>(
    tables: &mut Tables<K, A::Acc>,
    end: i64,
    entries: Vec<Entry<K, A::Acc>>,
    aggregate: &A,
) {
    match tables.get_mut(&end) {
        Some(table) => add_all(table, entries, aggregate),
        None => {
            tables.insert(end, CombineTable::from_distinct(entries));
        }
    }
}

fn add_all<K: Key, V, A: Aggregate<V>>(
    table: &mut CombineTable<K, A::Acc>,
    entries: impl IntoIterator<Item = Entry<K, A::Acc>>,
    aggregate: &A,
) {
    for Entry { hash, key, value } in entries {
        table.upsert(
            hash,
            key,
            value,
            |value| value,
            |acc, later| aggregate.merge(acc, later),
        );
    }
}

/// The entries of several tables, merged by key.
fn merged<'a, K: Key, V, A: Aggregate<V>>(
    mut tables: impl Iterator<Item = &'a CombineTable<K, A::Acc>>,
    aggregate: &A,
) -> Vec<Entry<K, A::Acc>> {
    let Some(first) = tables.next() else {
        return Vec::new();
    };
    let entries = first.entries().to_vec();
    let Some(second) = tables.next() else {
        return entries;
    };
    let mut table = CombineTable::from_distinct(entries);
    for more in std::iter::once(second).chain(tables) {
        add_all(&mut table, more.entries().iter().cloned(), aggregate);
    }
    table.into_entries()
}
