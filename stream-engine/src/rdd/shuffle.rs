//! The in-memory hash shuffle: combine per input partition, split by the key's hash, merge per output partition.

use std::sync::Arc;

use super::actions::for_each_chunk;
use super::chunks::{BoxChunks, VecChunks};
use super::{CombineTable, Data, Entry, Key, Materialized, Node, Rdd};
use crate::hash::key_hash;
use crate::operator::guard;
use crate::pool::Pool;
use crate::stage::Counts;
use crate::{EngineError, HashPartitioner, Operator};

/// Runs `split` for each partition of `parent` and `merge` for what all of them made for each output partition.
fn exchange<T, B, U>(
    parent: &dyn Node<T>,
    pool: &Pool,
    operator: Operator,
    partitions: usize,
    split: impl Fn(usize, &mut Counts) -> Result<Vec<Vec<B>>, EngineError> + Sync,
    merge: impl Fn(Vec<Vec<B>>) -> Result<Vec<U>, EngineError> + Sync,
) -> Result<Vec<Vec<U>>, EngineError>
where
    B: Send,
    U: Send,
{
    parent.prepare(pool)?;
    let mut blocks: Vec<Vec<Vec<B>>> = (0..partitions).map(|_| Vec::new()).collect();
    let inputs = (0..parent.partitions()).collect();
    let split = |input, counts: &mut Counts| {
        let made = split(input, counts)?;
        counts.made = Some(made.iter().map(|block| block.len() as u64).sum());
        Ok(made)
    };
    for made in pool.run_reading(parent, operator, inputs, split)? {
        for (partition, block) in made.into_iter().enumerate() {
            if !block.is_empty() {
                blocks[partition].push(block);
            }
        }
    }
    // Waking the pool costs more than all else in a batch without records.
    if blocks.iter().all(Vec::is_empty) {
        return Ok((0..partitions).map(|_| Vec::new()).collect());
    }
    pool.run_counted(operator, blocks, |blocks, counts| {
        counts.read = blocks.iter().map(|block| block.len() as u64).sum();
        let merged = merge(blocks)?;
        counts.made = Some(merged.len() as u64);
        Ok(merged)
    })
}

/// The entries of an output partition, by the input partition they come from.
pub(crate) type Blocks<K, V> = Vec<Vec<Entry<K, V>>>;

/// How values of a key are combined, one chunk or block at a time, so that the loops over records know all types.
pub(crate) struct Combiner<K, V, C> {
    /// Adds the values of a chunk to the table.
    pub(crate) fold: FoldChunk<K, V, C>,
    /// Adds another table's entries to the table.
    pub(crate) merge: MergeBlock<K, C>,
}

type FoldChunk<K, V, C> = Box<dyn Fn(&mut CombineTable<K, C>, &mut Vec<(K, V)>) + Send + Sync>;
type MergeBlock<K, C> = Box<dyn Fn(&mut CombineTable<K, C>, Vec<Entry<K, C>>) + Send + Sync>;

impl<K: Key, V: Data> Combiner<K, V, V> {
    /// Combines by a function that takes two values.
    pub(crate) fn reduce(f: impl Fn(V, V) -> V + Send + Sync + 'static) -> Self {
        let f = Arc::new(f);
        let g = f.clone();
        Combiner {
            fold: Box::new(move |table, chunk| {
                for (key, value) in chunk.drain(..) {
                    table.reduce(key_hash(&key), key, value, &*f);
                }
            }),
            merge: Box::new(move |table, block| {
                for entry in block {
                    table.reduce(entry.hash, entry.key, entry.value, &*g);
                }
            }),
        }
    }
}

impl<K: Key, V: Data> Combiner<K, V, Vec<V>> {
    /// Collects all values.
    pub(crate) fn groups() -> Self {
        Combiner::in_place(|value| vec![value], Vec::push, |all, more| all.extend(more))
    }
}

impl<K: Key, V: Data, C: Data> Combiner<K, V, C> {
    /// Combines into an accumulator in place.
    pub(crate) fn in_place(
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(&mut C, V) + Send + Sync + 'static,
        merge_combiners: impl Fn(&mut C, C) + Send + Sync + 'static,
    ) -> Self {
        Combiner {
            fold: Box::new(move |table, chunk| {
                for (key, value) in chunk.drain(..) {
                    table.upsert(key_hash(&key), key, value, &create, &merge_value);
                }
            }),
            merge: Box::new(move |table, block| {
                for entry in block {
                    table.upsert(
                        entry.hash,
                        entry.key,
                        entry.value,
                        |value| value,
                        &merge_combiners,
                    );
                }
            }),
        }
    }

    fn combine_partition(
        &self,
        node: &dyn Node<(K, V)>,
        pool: &Pool,
        operator: Operator,
        partition: usize,
        counts: &mut Counts,
    ) -> Result<Vec<Entry<K, C>>, EngineError> {
        let mut table = CombineTable::with_capacity(0);
        for_each_chunk(node, pool, partition, |chunk| {
            counts.read += chunk.len() as u64;
            guard(operator, || (self.fold)(&mut table, chunk))?;
            Ok(true)
        })?;
        Ok(table.into_entries())
    }

    /// Merges what the input partitions combined for one output partition. The largest block is taken as it is.
    fn merge_blocks(
        &self,
        operator: Operator,
        mut blocks: Vec<Vec<Entry<K, C>>>,
    ) -> Result<Vec<Entry<K, C>>, EngineError> {
        if blocks.len() <= 1 {
            return Ok(blocks.pop().unwrap_or_default());
        }
        let mut blocks = blocks.into_iter();
        let mut table = CombineTable::from_distinct(blocks.next().unwrap_or_default());
        guard(operator, || {
            blocks.for_each(|block| (self.merge)(&mut table, block))
        })?;
        Ok(table.into_entries())
    }
}

fn without_hashes<K, C>(entries: Vec<Entry<K, C>>) -> Vec<(K, C)> {
    entries
        .into_iter()
        .map(|entry| (entry.key, entry.value))
        .collect()
}

/// Splits entries by the output partition of their key.
fn split_entries<K, C>(
    entries: Vec<Entry<K, C>>,
    partitioner: HashPartitioner,
) -> Vec<Vec<Entry<K, C>>> {
    if partitioner.partitions() == 1 {
        return vec![entries];
    }
    let share = entries.len() / partitioner.partitions() * 9 / 8;
    let mut blocks: Vec<Vec<_>> = (0..partitioner.partitions())
        .map(|_| Vec::with_capacity(share))
        .collect();
    for entry in entries {
        blocks[partitioner.partition_of_hash(entry.hash)].push(entry);
    }
    blocks
}

/// Combines within each partition of a node whose keys are where they belong already.
struct CombineInPlace<K, V, C> {
    parent: Arc<dyn Node<(K, V)>>,
    pool: Pool,
    operator: Operator,
    combiner: Arc<Combiner<K, V, C>>,
}

impl<K: Key, V: Data, C: Data> Node<(K, C)> for CombineInPlace<K, V, C> {
    fn partitions(&self) -> usize {
        self.parent.partitions()
    }

    fn prepare(&self, pool: &Pool) -> Result<(), EngineError> {
        self.parent.prepare(pool)
    }

    fn open(&self, partition: usize) -> Result<BoxChunks<(K, C)>, EngineError> {
        let entries = self.combiner.combine_partition(
            &*self.parent,
            &self.pool,
            self.operator,
            partition,
            &mut Counts::default(),
        )?;
        Ok(Box::new(VecChunks::new(without_hashes(entries))))
    }

    fn is_empty(&self) -> bool {
        self.parent.is_empty()
    }
}

impl<K: Key, V: Data> Rdd<(K, V)> {
    /// Combines the values of each key. Shuffles only if the keys are not distributed by `partitioner` already.
    pub(crate) fn combine<C: Data>(
        &self,
        operator: Operator,
        partitioner: HashPartitioner,
        combiner: impl Into<Arc<Combiner<K, V, C>>>,
    ) -> Rdd<(K, C)> {
        let combiner = combiner.into();
        let parent = self.node().clone();
        let combined = if self.partitioner() == Some(partitioner) {
            Rdd::new(
                self.context(),
                CombineInPlace {
                    parent,
                    pool: self.context().pool().clone(),
                    operator,
                    combiner,
                },
            )
        } else {
            let make = move |pool: &Pool| {
                exchange(
                    &*parent,
                    pool,
                    operator,
                    partitioner.partitions(),
                    |p, counts| {
                        Ok(split_entries(
                            combiner.combine_partition(&*parent, pool, operator, p, counts)?,
                            partitioner,
                        ))
                    },
                    |blocks| Ok(without_hashes(combiner.merge_blocks(operator, blocks)?)),
                )
            };
            Rdd::new(
                self.context(),
                Materialized::new(partitioner.partitions(), make),
            )
        };
        combined.with_partitioner(Some(partitioner))
    }

    /// The combined values of each key with the keys' hashes, by partition, made now: for operators that keep state.
    pub(crate) fn combine_now<C: Data>(
        &self,
        operator: Operator,
        partitioner: HashPartitioner,
        combiner: &Combiner<K, V, C>,
    ) -> Result<Vec<Vec<Entry<K, C>>>, EngineError> {
        let (parent, pool) = (&**self.node(), self.context().pool());
        let combine =
            |p, counts: &mut Counts| combiner.combine_partition(parent, pool, operator, p, counts);
        if self.partitioner() == Some(partitioner) {
            parent.prepare(pool)?;
            let partitions = (0..parent.partitions()).collect();
            return pool.run_reading(parent, operator, partitions, combine);
        }
        exchange(
            parent,
            pool,
            operator,
            partitioner.partitions(),
            |p, counts| Ok(split_entries(combine(p, counts)?, partitioner)),
            |blocks| combiner.merge_blocks(operator, blocks),
        )
    }

    /// All pairs with their keys' hashes, by partition and there in the order of the input partitions, made now.
    pub(crate) fn partition_now(
        &self,
        operator: Operator,
        partitioner: HashPartitioner,
    ) -> Result<Vec<Blocks<K, V>>, EngineError> {
        let (parent, pool) = (&**self.node(), self.context().pool());
        let entry = |(key, value)| Entry {
            hash: key_hash(&key),
            key,
            value,
        };
        if self.partitioner() == Some(partitioner) {
            parent.prepare(pool)?;
            let partitions = (0..parent.partitions()).collect();
            return pool.run_reading(parent, operator, partitions, |p, counts| {
                let mut block = Vec::new();
                for_each_chunk(parent, pool, p, |chunk| {
                    counts.read += chunk.len() as u64;
                    block.extend(chunk.drain(..).map(entry));
                    Ok(true)
                })?;
                Ok(vec![block])
            });
        }
        let split = |p, counts: &mut Counts| {
            let mut blocks: Vec<Vec<Entry<K, V>>> =
                (0..partitioner.partitions()).map(|_| Vec::new()).collect();
            for_each_chunk(parent, pool, p, |chunk| {
                counts.read += chunk.len() as u64;
                for entry in chunk.drain(..).map(entry) {
                    blocks[partitioner.partition_of_hash(entry.hash)].push(entry);
                }
                Ok(true)
            })?;
            Ok(blocks)
        };
        exchange(parent, pool, operator, partitioner.partitions(), split, Ok)
    }

    pub(crate) fn partition_by_at(
        &self,
        operator: Operator,
        partitioner: HashPartitioner,
    ) -> Rdd<(K, V)> {
        if self.partitioner() == Some(partitioner) {
            return self.clone();
        }
        self.distribute(operator, partitioner.partitions(), move |_| {
            move |record: &(K, V)| guard(operator, || partitioner.partition(&record.0))
        })
        .with_partitioner(Some(partitioner))
    }

    pub(crate) fn partition_by_fn_at(
        &self,
        operator: Operator,
        partitions: usize,
        partition: Arc<impl Fn(&K) -> usize + Send + Sync + 'static>,
    ) -> Rdd<(K, V)> {
        let partitions = partitions.max(1);
        self.distribute(operator, partitions, move |_| {
            let partition = partition.clone();
            move |record: &(K, V)| guard(operator, || partition(&record.0) % partitions)
        })
    }
}

impl<T: Data> Rdd<T> {
    /// The records distributed over `partitions` partitions as evenly as possible, by a shuffle; 0 is taken as 1.
    #[track_caller]
    pub fn repartition(&self, partitions: usize) -> Rdd<T> {
        self.repartition_at(Operator::here("repartition"), partitions)
    }

    pub(crate) fn repartition_at(&self, operator: Operator, partitions: usize) -> Rdd<T> {
        let partitions = partitions.max(1);
        // Each input partition deals its records like cards and starts at another output, so that many small partitions
        // do not all give to the first output.
        self.distribute(operator, partitions, move |input| {
            let mut next = input;
            move |_: &T| {
                next += 1;
                Ok((next - 1) % partitions)
            }
        })
    }

    /// Moves each record to the partition that a closure, made per input partition, picks for it.
    fn distribute<P>(
        &self,
        operator: Operator,
        partitions: usize,
        picker: impl Fn(usize) -> P + Send + Sync + 'static,
    ) -> Rdd<T>
    where
        P: FnMut(&T) -> Result<usize, EngineError>,
    {
        let parent = self.node().clone();
        let make = move |pool: &Pool| {
            let split = |p, counts: &mut Counts| {
                let mut blocks: Vec<Vec<T>> = (0..partitions).map(|_| Vec::new()).collect();
                let mut pick = picker(p);
                for_each_chunk(&*parent, pool, p, |chunk| {
                    counts.read += chunk.len() as u64;
                    for record in chunk.drain(..) {
                        blocks[pick(&record)?].push(record);
                    }
                    Ok(true)
                })?;
                Ok(blocks)
            };
            exchange(&*parent, pool, operator, partitions, split, |blocks| {
                Ok(blocks.into_iter().flatten().collect())
            })
        };
        Rdd::new(self.context(), Materialized::new(partitions, make))
    }
}
