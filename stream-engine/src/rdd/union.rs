use std::sync::Arc;

use super::{BoxChunks, CHUNK, Chunks, Data, NoChunks, Node, Rdd, RddContext};
use crate::EngineError;
use crate::pool::Pool;

struct Union<T> {
    parents: Vec<Arc<dyn Node<T>>>,
}

impl<T> Node<T> for Union<T> {
    fn partitions(&self) -> usize {
        self.parents.iter().map(|parent| parent.partitions()).sum()
    }

    fn prepare(&self, pool: &Pool) -> Result<(), EngineError> {
        self.parents
            .iter()
            .try_for_each(|parent| parent.prepare(pool))
    }

    fn open(&self, mut partition: usize) -> Result<BoxChunks<T>, EngineError> {
        for parent in &self.parents {
            if partition < parent.partitions() {
                return parent.open(partition);
            }
            partition -= parent.partitions();
        }
        Ok(Box::new(NoChunks))
    }

    fn is_empty(&self) -> bool {
        self.parents.iter().all(|parent| parent.is_empty())
    }
}

/// A partition of a node.
type Part<T> = (Arc<dyn Node<T>>, usize);

/// Partitions that are each a sequence of partitions of other nodes.
struct Concat<T> {
    parts: Vec<Vec<Part<T>>>,
    parents: Vec<Arc<dyn Node<T>>>,
}

struct ConcatChunks<T> {
    /// The partitions still to come, last first.
    waiting: Vec<Part<T>>,
    current: BoxChunks<T>,
}

impl<T: 'static> Node<T> for Concat<T> {
    fn partitions(&self) -> usize {
        self.parts.len()
    }

    fn prepare(&self, pool: &Pool) -> Result<(), EngineError> {
        self.parents
            .iter()
            .try_for_each(|parent| parent.prepare(pool))
    }

    fn open(&self, partition: usize) -> Result<BoxChunks<T>, EngineError> {
        let waiting = self.parts[partition].iter().rev().cloned().collect();
        Ok(Box::new(ConcatChunks {
            waiting,
            current: Box::new(NoChunks),
        }))
    }

    fn is_empty(&self) -> bool {
        self.parents.iter().all(|parent| parent.is_empty())
    }
}

impl<T> Chunks<T> for ConcatChunks<T> {
    fn next_chunk(&mut self, out: &mut Vec<T>) -> Result<bool, EngineError> {
        let before = out.len();
        while out.len() < before + CHUNK {
            if !self.current.next_chunk(out)? {
                let Some((node, partition)) = self.waiting.pop() else {
                    return Ok(false);
                };
                self.current = node.open(partition)?;
            }
        }
        Ok(true)
    }
}

impl<T: Data> Rdd<T> {
    /// The records of both; duplicates stay. Partition by partition if both have the same partitioner (which is kept, as in
    /// Spark's `PartitionerAwareUnionRDD`), one's partitions after the other's otherwise.
    pub fn union(&self, other: &Rdd<T>) -> Rdd<T> {
        self.context().union([self.clone(), other.clone()])
    }

    /// Fewer partitions without a shuffle: neighbours are read one after another. More than there are changes nothing;
    /// 0 is taken as 1.
    pub fn coalesce(&self, partitions: usize) -> Rdd<T> {
        let (have, want) = (self.num_partitions(), partitions.max(1));
        if want >= have {
            return self.clone();
        }
        let node = self.node();
        let parts = (0..want).map(|p| {
            (p * have / want..(p + 1) * have / want)
                .map(|i| (node.clone(), i))
                .collect()
        });
        Rdd::new(
            self.context(),
            Concat {
                parts: parts.collect(),
                parents: vec![node.clone()],
            },
        )
    }
}

impl RddContext {
    /// The records of all of `rdds`; see [`Rdd::union`].
    pub fn union<T: Data>(&self, rdds: impl IntoIterator<Item = Rdd<T>>) -> Rdd<T> {
        let rdds: Vec<Rdd<T>> = rdds.into_iter().collect();
        if let [only] = rdds.as_slice() {
            return only.clone();
        }
        let partitioner = rdds.first().and_then(Rdd::partitioner);
        let parents: Vec<_> = rdds.iter().map(|rdd| rdd.node().clone()).collect();
        match partitioner {
            Some(shared) if rdds.iter().all(|rdd| rdd.partitioner() == partitioner) => {
                let parts = (0..shared.partitions())
                    .map(|p| parents.iter().map(|node| (node.clone(), p)).collect());
                Rdd::new(
                    self,
                    Concat {
                        parts: parts.collect(),
                        parents,
                    },
                )
                .with_partitioner(partitioner)
            }
            _ => Rdd::new(self, Union { parents }),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::RddContext;

    #[test]
    fn union_keeps_order_and_duplicates() {
        let context = RddContext::new(2).unwrap();
        let (a, b) = (
            context.parallelize(0..1000, 2),
            context.parallelize(500..1500, 3),
        );
        let union = a.union(&b);
        assert_eq!(union.num_partitions(), 5);
        assert_eq!(
            union.collect().unwrap(),
            (0..1000).chain(500..1500).collect::<Vec<_>>()
        );
        assert_eq!(context.union::<u8>([]).count().unwrap(), 0);
    }

    #[test]
    fn union_of_equally_partitioned_rdds_needs_no_new_shuffle() {
        let context = RddContext::new(2).unwrap();
        let a = context
            .parallelize((0..100).map(|k| (k, 1)), 2)
            .partition_by(3);
        let b = context
            .parallelize((0..100).map(|k| (k, 2)), 4)
            .partition_by(3);
        let union = a.union(&b);
        assert_eq!(
            (union.num_partitions(), union.partitioner()),
            (3, a.partitioner())
        );
        let mut sums = union.reduce_by_key(|x, y| x + y).collect().unwrap();
        sums.sort();
        assert_eq!(sums, (0..100).map(|k| (k, 3)).collect::<Vec<_>>());
    }

    #[test]
    fn coalesce_joins_neighbours() {
        let rdd = RddContext::new(2).unwrap().parallelize(0..10, 5);
        assert_eq!(
            rdd.coalesce(2).glom().collect().unwrap(),
            [vec![0, 1, 2, 3], vec![4, 5, 6, 7, 8, 9]]
        );
        assert_eq!(rdd.coalesce(0).num_partitions(), 1);
        assert_eq!(rdd.coalesce(9).num_partitions(), 5);
    }
}
