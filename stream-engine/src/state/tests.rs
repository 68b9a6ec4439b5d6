use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::StateTable;
use crate::context::BatchState;
use crate::hash::key_hash;
use crate::{EngineError, HashPartitioner, Operator, Rdd, RddContext, Time};

type Model = HashMap<u16, u32>;

/// One batch: what to set or remove, and whether it commits; how many older snapshots are held on.
#[derive(Clone, Debug)]
struct Step {
    changes: Vec<(u16, Option<u32>)>,
    commits: bool,
    holds: usize,
}

fn steps(keys: u16) -> impl Strategy<Value = Vec<Step>> {
    let changes = prop::collection::vec((0..keys, prop::option::weighted(0.7, 0u32..1000)), 0..40);
    let step = (changes, prop::bool::weighted(0.8), 0usize..4);
    prop::collection::vec(
        step.prop_map(|(changes, commits, holds)| Step {
            changes,
            commits,
            holds,
        }),
        1..40,
    )
}

fn apply(table: &StateTable<u16, u32>, model: &mut Model, changes: &[(u16, Option<u32>)]) {
    for partition in 0..table.partitioner().partitions() {
        table
            .change(partition, |state| {
                for (key, value) in changes {
                    let hash = key_hash(key);
                    if table.partitioner().partition(key) != partition {
                        continue;
                    }
                    assert_eq!(state.get(hash, key), model.get(key));
                    match value {
                        Some(value) => {
                            state.upsert(hash, *key, *value);
                            model.insert(*key, *value);
                        }
                        None => {
                            let had = model.remove(key).is_some();
                            assert_eq!(state.remove(hash, key), had);
                        }
                    }
                    assert_eq!(state.get(hash, key), model.get(key));
                }
                let all: Model = state.iter().map(|(_, k, v)| (*k, *v)).collect();
                assert_eq!(all.len(), state.iter().count());
                assert_eq!(all.len(), state.len());
                Ok(())
            })
            .unwrap();
    }
}

fn check_reads(rdd: &Rdd<(u16, u32)>, model: &Model) {
    let read = rdd.collect().unwrap();
    assert_eq!(read.len(), model.len());
    assert_eq!(rdd.known_count(), Some(model.len() as u64));
    assert_eq!(&read.into_iter().collect::<Model>(), model);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_table_equals_a_plain_map_with_aborts_and_held_snapshots(
        steps in prop_oneof![steps(8), steps(300)],
        partitions in 1usize..4,
    ) {
        let context = RddContext::new(1).unwrap();
        let table = StateTable::new(HashPartitioner::new(partitions));
        let mut model = Model::new();
        let mut held: Vec<(Rdd<(u16, u32)>, Model)> = Vec::new();
        for (n, step) in steps.into_iter().enumerate() {
            let time = Time::from_millis(n as u64);
            let before = model.clone();
            // In two calls: what a batch changes adds up.
            let (first, second) = step.changes.split_at(step.changes.len() / 2);
            apply(&table, &mut model, first);
            apply(&table, &mut model, second);
            held.push((table.snapshot(&context), model.clone()));
            if step.commits {
                table.commit(time);
            } else {
                table.abort(time);
                model = before;
            }
            prop_assert_eq!(table.len(), model.len());
            check_reads(&table.snapshot(&context), &model);
            for (snapshot, model) in &held {
                check_reads(snapshot, model);
            }
            held.drain(..held.len().saturating_sub(step.holds));
        }
    }
}

fn batch(table: &StateTable<u64, u64>, keys: impl Iterator<Item = u64>, value: u64) {
    let keys: Vec<u64> = keys.collect();
    for partition in 0..table.partitioner().partitions() {
        table
            .change(partition, |state| {
                for key in &keys {
                    let hash = key_hash(key);
                    if table.partitioner().partition(key) == partition {
                        state.upsert(hash, *key, value);
                    }
                }
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn a_failed_change_leaves_no_trace() {
    let table = StateTable::new(HashPartitioner::new(1));
    batch(&table, 0..3, 1);
    table.commit(Time::from_millis(1));
    let failed = table.change(0, |state| {
        state.upsert(key_hash(&7), 7, 7);
        Err::<(), _>(EngineError::failed(Operator::here("test"), "no".into()))
    });
    failed.unwrap_err();
    assert_eq!(table.len(), 3);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        table.change(0, |state| -> Result<(), EngineError> {
            state.remove(key_hash(&0), &0);
            panic!("no")
        })
    }));
    panicked.unwrap_err();
    assert_eq!(table.len(), 3);
}

#[test]
fn overlays_are_merged_in_place_unless_somebody_holds_a_snapshot() {
    let context = RddContext::new(1).unwrap();
    let table = StateTable::new(HashPartitioner::new(1));
    let shape = || {
        let partition = table.lock(0);
        let version = partition.current();
        (Arc::as_ptr(&version.base), version.overlays.len())
    };
    batch(&table, 0..10_000, 0);
    table.commit(Time::from_millis(0));
    batch(&table, 0..1, 0);
    table.commit(Time::from_millis(0));
    let (base, overlays) = shape();
    assert_eq!(overlays, 1);
    for n in 1..50 {
        batch(&table, n..n + 10, n);
        table.commit(Time::from_millis(n));
        // A snapshot that is gone before the next batch costs nothing.
        table.snapshot(&context).take(1).unwrap();
        assert_eq!(shape(), (base, 1));
    }
    let mut held = table.snapshot(&context);
    let mut bases = std::collections::HashSet::new();
    for n in 0..2_000u64 {
        batch(&table, n * 10..n * 10 + 10, n);
        table.commit(Time::from_millis(n));
        held = table.snapshot(&context);
        let (base, overlays) = shape();
        bases.insert(base);
        assert!(overlays <= 12, "{overlays} overlays");
    }
    assert_eq!(held.count().unwrap(), 20_000);
    assert!(bases.len() <= 4, "{} copies of the base", bases.len());
    drop(held);
    batch(&table, 0..1, 0);
    assert_eq!(shape().1, 1);
}

#[test]
fn removed_keys_give_their_memory_back() {
    let table = StateTable::new(HashPartitioner::new(1));
    for round in 0..20u64 {
        batch(&table, round * 10_000..(round + 1) * 10_000, round);
        table.commit(Time::from_millis(round));
        table
            .change(0, |state| {
                for key in round * 10_000..(round + 1) * 10_000 {
                    state.remove(key_hash(&key), &key);
                }
                Ok(())
            })
            .unwrap();
        table.commit(Time::from_millis(round));
        assert_eq!(table.len(), 0);
    }
    batch(&table, 0..1, 0);
    let partition = table.lock(0);
    assert!(partition.current().base.capacity() <= 64);
}
