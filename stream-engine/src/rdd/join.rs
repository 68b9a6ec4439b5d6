use std::sync::Arc;

use super::actions::for_each_chunk;
use super::{BoxChunks, CombineTable, Data, Key, Node, Rdd, VecChunks};
use crate::hash::key_hash;
use crate::operator::guard;
use crate::pool::Pool;
use crate::{EngineError, HashPartitioner, Operator};

/// Both sides' values of a key, as `cogroup` gives them.
pub type Grouped<V, W> = (Vec<V>, Vec<W>);

/// A value of either side, or of both, as `full_outer_join` gives it.
pub type Outer<V, W> = (Option<V>, Option<W>);

/// Groups two nodes whose keys are distributed the same way, partition by partition.
struct Cogroup<K, V, W> {
    left: Arc<dyn Node<(K, V)>>,
    right: Arc<dyn Node<(K, W)>>,
    pool: Pool,
    operator: Operator,
}

impl<K: Key, V: Data, W: Data> Node<(K, Grouped<V, W>)> for Cogroup<K, V, W> {
    fn partitions(&self) -> usize {
        self.left.partitions()
    }

    fn prepare(&self, pool: &Pool) -> Result<(), EngineError> {
        self.left.prepare(pool)?;
        self.right.prepare(pool)
    }

    fn open(&self, partition: usize) -> Result<BoxChunks<(K, Grouped<V, W>)>, EngineError> {
        let mut table: CombineTable<K, Grouped<V, W>> = CombineTable::with_capacity(0);
        for_each_chunk(&*self.left, &self.pool, partition, |chunk| {
            guard(self.operator, || {
                for (key, value) in chunk.drain(..) {
                    let hash = key_hash(&key);
                    table.upsert(
                        hash,
                        key,
                        value,
                        |value| (vec![value], Vec::new()),
                        |sides, value| sides.0.push(value),
                    );
                }
            })?;
            Ok(true)
        })?;
        for_each_chunk(&*self.right, &self.pool, partition, |chunk| {
            guard(self.operator, || {
                for (key, value) in chunk.drain(..) {
                    let hash = key_hash(&key);
                    table.upsert(
                        hash,
                        key,
                        value,
                        |value| (Vec::new(), vec![value]),
                        |sides, value| sides.1.push(value),
                    );
                }
            })?;
            Ok(true)
        })?;
        let groups = table
            .into_entries()
            .into_iter()
            .map(|entry| (entry.key, entry.value))
            .collect();
        Ok(Box::new(VecChunks::new(groups)))
    }

    fn is_empty(&self) -> bool {
        self.left.is_empty() && self.right.is_empty()
    }
}

/// Which keys a join keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    Both,
    Left,
    Right,
    Either,
}

/// Joins and their kin. Sides that already have the result's partitioner are not shuffled again: join what
/// `reduce_by_key` or `partition_by` made and nothing moves. `_with_partitions` forms choose the number of partitions;
/// the short forms take the partitioner of a side that has one (the larger), else one partition per thread.
impl<K: Key, V: Data> Rdd<(K, V)> {
    /// The values of both sides for each key that occurs on either.
    #[track_caller]
    pub fn cogroup<W: Data>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, Grouped<V, W>)> {
        self.cogroup_at(Operator::here("cogroup"), other, None)
    }

    /// As [`Rdd::cogroup`], into `partitions` partitions.
    #[track_caller]
    pub fn cogroup_with_partitions<W: Data>(
        &self,
        other: &Rdd<(K, W)>,
        partitions: usize,
    ) -> Rdd<(K, Grouped<V, W>)> {
        self.cogroup_at(Operator::here("cogroup"), other, Some(partitions))
    }

    pub(crate) fn cogroup_at<W: Data>(
        &self,
        operator: Operator,
        other: &Rdd<(K, W)>,
        partitions: Option<usize>,
    ) -> Rdd<(K, Grouped<V, W>)> {
        let existing = self
            .partitioner()
            .into_iter()
            .chain(other.partitioner())
            .max_by_key(HashPartitioner::partitions);
        let partitioner = match (partitions, existing) {
            (Some(n), _) => HashPartitioner::new(n),
            (None, Some(partitioner)) => partitioner,
            (None, None) => self.partitioner_or_default(None),
        };
        let (left, right) = (
            self.partition_by_at(operator, partitioner),
            other.partition_by_at(operator, partitioner),
        );
        let node = Cogroup {
            left: left.node().clone(),
            right: right.node().clone(),
            pool: self.context().pool().clone(),
            operator,
        };
        Rdd::new(self.context(), node).with_partitioner(Some(partitioner))
    }

    fn join_at<W: Data>(
        &self,
        operator: Operator,
        other: &Rdd<(K, W)>,
        partitions: Option<usize>,
        keep: Keep,
    ) -> Rdd<(K, Outer<V, W>)> {
        self.cogroup_at(operator, other, partitions)
            .flat_map_values_at(operator, move |(left, right)| {
                let absent = match keep {
                    Keep::Both => left.is_empty() || right.is_empty(),
                    Keep::Left => left.is_empty(),
                    Keep::Right => right.is_empty(),
                    Keep::Either => false,
                };
                let (left, right) = if absent {
                    (Vec::new(), Vec::new())
                } else {
                    (left, right)
                };
                pairs(left, right)
            })
    }

    /// The pairs whose key does not occur in `other`.
    #[track_caller]
    pub fn subtract_by_key<W: Data>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, V)> {
        self.subtract_by_key_at(Operator::here("subtract_by_key"), other)
    }

    pub(super) fn subtract_by_key_at<W: Data>(
        &self,
        operator: Operator,
        other: &Rdd<(K, W)>,
    ) -> Rdd<(K, V)> {
        self.cogroup_at(operator, other, None)
            .flat_map_values_at(
                operator,
                |(left, right)| {
                    if right.is_empty() { left } else { Vec::new() }
                },
            )
    }

    /// Each combination of the two sides' values, for each key that occurs on both.
    #[track_caller]
    pub fn join<W: Data>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (V, W))> {
        self.inner_join_at(Operator::here("join"), other, None)
    }

    /// As [`Rdd::join`], into `partitions` partitions.
    #[track_caller]
    pub fn join_with_partitions<W: Data>(
        &self,
        other: &Rdd<(K, W)>,
        partitions: usize,
    ) -> Rdd<(K, (V, W))> {
        self.inner_join_at(Operator::here("join"), other, Some(partitions))
    }

    pub(crate) fn inner_join_at<W: Data>(
        &self,
        operator: Operator,
        other: &Rdd<(K, W)>,
        partitions: Option<usize>,
    ) -> Rdd<(K, (V, W))> {
        self.join_at(operator, other, partitions, Keep::Both)
            .flat_map_values_at(operator, |(v, w)| v.zip(w))
    }

    /// As [`Rdd::join`], and each value of the left side without a partner, with `None`.
    #[track_caller]
    pub fn left_outer_join<W: Data>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (V, Option<W>))> {
        self.left_outer_join_at(Operator::here("left_outer_join"), other, None)
    }

    /// As [`Rdd::left_outer_join`], into `partitions` partitions.
    #[track_caller]
    pub fn left_outer_join_with_partitions<W: Data>(
        &self,
        other: &Rdd<(K, W)>,
        partitions: usize,
    ) -> Rdd<(K, (V, Option<W>))> {
        self.left_outer_join_at(Operator::here("left_outer_join"), other, Some(partitions))
    }

    pub(crate) fn left_outer_join_at<W: Data>(
        &self,
        operator: Operator,
        other: &Rdd<(K, W)>,
        partitions: Option<usize>,
    ) -> Rdd<(K, (V, Option<W>))> {
        self.join_at(operator, other, partitions, Keep::Left)
            .flat_map_values_at(operator, |(v, w)| v.map(|v| (v, w)))
    }

    /// As [`Rdd::join`], and each value of the right side without a partner, with `None`.
    #[track_caller]
    pub fn right_outer_join<W: Data>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, (Option<V>, W))> {
        self.right_outer_join_at(Operator::here("right_outer_join"), other, None)
    }

    /// As [`Rdd::right_outer_join`], into `partitions` partitions.
    #[track_caller]
    pub fn right_outer_join_with_partitions<W: Data>(
        &self,
        other: &Rdd<(K, W)>,
        partitions: usize,
    ) -> Rdd<(K, (Option<V>, W))> {
        self.right_outer_join_at(Operator::here("right_outer_join"), other, Some(partitions))
    }

    pub(crate) fn right_outer_join_at<W: Data>(
        &self,
        operator: Operator,
        other: &Rdd<(K, W)>,
        partitions: Option<usize>,
    ) -> Rdd<(K, (Option<V>, W))> {
        self.join_at(operator, other, partitions, Keep::Right)
            .flat_map_values_at(operator, |(v, w)| w.map(|w| (v, w)))
    }

    /// As [`Rdd::join`], and each value of either side without a partner, with `None`.
    #[track_caller]
    pub fn full_outer_join<W: Data>(&self, other: &Rdd<(K, W)>) -> Rdd<(K, Outer<V, W>)> {
        self.full_outer_join_at(Operator::here("full_outer_join"), other, None)
    }

    /// As [`Rdd::full_outer_join`], into `partitions` partitions.
    #[track_caller]
    pub fn full_outer_join_with_partitions<W: Data>(
        &self,
        other: &Rdd<(K, W)>,
        partitions: usize,
    ) -> Rdd<(K, Outer<V, W>)> {
        self.full_outer_join_at(Operator::here("full_outer_join"), other, Some(partitions))
    }

    pub(crate) fn full_outer_join_at<W: Data>(
        &self,
        operator: Operator,
        other: &Rdd<(K, W)>,
        partitions: Option<usize>,
    ) -> Rdd<(K, Outer<V, W>)> {
        self.join_at(operator, other, partitions, Keep::Either)
    }
}

/// Each combination of the sides' values; a side without any counts as one `None`.
fn pairs<V: Data, W: Data>(left: Vec<V>, right: Vec<W>) -> impl Iterator<Item = Outer<V, W>> {
    let none = left.is_empty() && right.is_empty();
    let left: Vec<Option<V>> = if left.is_empty() && !none {
        vec![None]
    } else {
        left.into_iter().map(Some).collect()
    };
    let right: Vec<Option<W>> = if right.is_empty() && !none {
        vec![None]
    } else {
        right.into_iter().map(Some).collect()
    };
    left.into_iter()
        .flat_map(move |v| right.clone().into_iter().map(move |w| (v.clone(), w)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::{Data, Rdd, RddContext};

    type Left = Rdd<(char, u8)>;
    type Right = Rdd<(char, &'static str)>;

    fn sides(context: &RddContext) -> (Left, Right) {
        let left = context.parallelize([('a', 1), ('b', 2), ('a', 3)], 2);
        let right = context.parallelize([('a', "x"), ('c', "y"), ('a', "z")], 3);
        (left, right)
    }

    fn sorted<T: Data + Ord>(rdd: Rdd<T>) -> Vec<T> {
        let mut records = rdd.collect().unwrap();
        records.sort();
        records
    }

    #[test]
    fn join_family_tables() {
        let context = RddContext::new(2).unwrap();
        let (left, right) = sides(&context);
        let both = [
            ('a', (1, "x")),
            ('a', (1, "z")),
            ('a', (3, "x")),
            ('a', (3, "z")),
        ];
        assert_eq!(sorted(left.join(&right)), both);
        let mut expected: Vec<_> = both.iter().map(|&(k, (v, w))| (k, (v, Some(w)))).collect();
        expected.push(('b', (2, None)));
        assert_eq!(sorted(left.left_outer_join(&right)), expected);
        let mut expected: Vec<_> = both.iter().map(|&(k, (v, w))| (k, (Some(v), w))).collect();
        expected.push(('c', (None, "y")));
        assert_eq!(sorted(left.right_outer_join(&right)), expected);
        let mut expected: Vec<_> = both
            .iter()
            .map(|&(k, (v, w))| (k, (Some(v), Some(w))))
            .collect();
        expected.extend([('b', (Some(2), None)), ('c', (None, Some("y")))]);
        assert_eq!(
            sorted(left.full_outer_join_with_partitions(&right, 5)),
            expected
        );
        let groups = [
            ('a', (vec![1, 3], vec!["x", "z"])),
            ('b', (vec![2], vec![])),
            ('c', (vec![], vec!["y"])),
        ];
        assert_eq!(sorted(left.cogroup(&right)), groups);
    }

    #[test]
    fn sides_with_the_same_partitioner_are_not_shuffled_again() {
        let context = RddContext::new(2).unwrap();
        let (left, right) = sides(&context);
        let (left, right) = (left.partition_by(3), right.partition_by(3));
        let moved = Arc::new(AtomicUsize::new(0));
        let counter = moved.clone();
        // A value that is cloned while the sides are joined would be counted; the shuffle's own clones happened before.
        let joined = left
            .map_values(move |v| {
                counter.fetch_add(1, Ordering::Relaxed);
                v
            })
            .join(&right);
        assert_eq!(joined.partitioner(), left.partitioner());
        assert!(!joined.node().keeps_records());
        assert_eq!(joined.take(1).unwrap().len(), 1);
        // A shuffle would have read all three records first; only the partitions up to the first result were read.
        assert!(moved.load(Ordering::Relaxed) <= 3);
        assert_eq!(joined.count().unwrap(), 4);
    }
}
