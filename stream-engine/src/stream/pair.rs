use std::sync::Arc;

use super::DStream;
use crate::rdd::Combiner;
use crate::{Data, HashPartitioner, Key, Operator};

/// Operators on pairs, batch by batch. Each wide one has a `_with_partitions` form that sets the number of partitions; the short
/// form takes one per thread. See the same methods of [`Rdd`](crate::Rdd).
impl<K: Key, V: Data> DStream<(K, V)> {
    /// The values of each key combined by an associative and commutative function; combined per partition before the shuffle.
    #[track_caller]
    pub fn reduce_by_key(&self, f: impl Fn(V, V) -> V + Send + Sync + 'static) -> DStream<(K, V)> {
        self.reduce_by_key_at(Operator::here("reduce_by_key"), None, Arc::new(f))
    }

    /// As [`DStream::reduce_by_key`], into `partitions` partitions.
    #[track_caller]
    pub fn reduce_by_key_with_partitions(
        &self,
        partitions: usize,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
    ) -> DStream<(K, V)> {
        self.reduce_by_key_at(
            Operator::here("reduce_by_key"),
            Some(partitions),
            Arc::new(f),
        )
    }

    pub(crate) fn reduce_by_key_at(
        &self,
        operator: Operator,
        partitions: Option<usize>,
        f: Arc<impl Fn(V, V) -> V + Send + Sync + 'static>,
    ) -> DStream<(K, V)> {
        self.map_rdd(operator, move |rdd| {
            let f = f.clone();
            rdd.reduce_by_key_at(operator, partitions, move |a, b| f(a, b))
        })
    }

    /// All values of each key.
    #[track_caller]
    pub fn group_by_key(&self) -> DStream<(K, Vec<V>)> {
        self.group_by_key_at(Operator::here("group_by_key"), None)
    }

    /// As [`DStream::group_by_key`], into `partitions` partitions.
    #[track_caller]
    pub fn group_by_key_with_partitions(&self, partitions: usize) -> DStream<(K, Vec<V>)> {
        self.group_by_key_at(Operator::here("group_by_key"), Some(partitions))
    }

    pub(crate) fn group_by_key_at(
        &self,
        operator: Operator,
        partitions: Option<usize>,
    ) -> DStream<(K, Vec<V>)> {
        self.map_rdd(operator, move |rdd| {
            rdd.group_by_key_at(operator, partitions)
        })
    }

    /// The values of each key combined into an accumulator of another type, which the merging closures change in place.
    #[track_caller]
    pub fn combine_by_key<C: Data>(
        &self,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(&mut C, V) + Send + Sync + 'static,
        merge_combiners: impl Fn(&mut C, C) + Send + Sync + 'static,
    ) -> DStream<(K, C)> {
        self.combine_by_key_at(
            Operator::here("combine_by_key"),
            None,
            create,
            merge_value,
            merge_combiners,
        )
    }

    /// As [`DStream::combine_by_key`], into `partitions` partitions.
    #[track_caller]
    pub fn combine_by_key_with_partitions<C: Data>(
        &self,
        partitions: usize,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(&mut C, V) + Send + Sync + 'static,
        merge_combiners: impl Fn(&mut C, C) + Send + Sync + 'static,
    ) -> DStream<(K, C)> {
        self.combine_by_key_at(
            Operator::here("combine_by_key"),
            Some(partitions),
            create,
            merge_value,
            merge_combiners,
        )
    }

    fn combine_by_key_at<C: Data>(
        &self,
        operator: Operator,
        partitions: Option<usize>,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(&mut C, V) + Send + Sync + 'static,
        merge_combiners: impl Fn(&mut C, C) + Send + Sync + 'static,
    ) -> DStream<(K, C)> {
        let combiner = Arc::new(Combiner::in_place(create, merge_value, merge_combiners));
        self.map_rdd(operator, move |rdd| {
            let partitioner = rdd.partitioner_or_default(partitions);
            rdd.combine(operator, partitioner, combiner.clone())
        })
    }

    /// The pairs distributed over `partitions` partitions by the hash of their key.
    #[track_caller]
    pub fn partition_by(&self, partitions: usize) -> DStream<(K, V)> {
        let operator = Operator::here("partition_by");
        self.map_rdd(operator, move |rdd| {
            rdd.partition_by_at(operator, HashPartitioner::new(partitions))
        })
    }

    /// As [`Rdd::partition_by_fn`](crate::Rdd::partition_by_fn), batch by batch.
    #[track_caller]
    pub fn partition_by_fn(
        &self,
        partitions: usize,
        partition: impl Fn(&K) -> usize + Send + Sync + 'static,
    ) -> DStream<(K, V)> {
        let (operator, partition) = (Operator::here("partition_by_fn"), Arc::new(partition));
        self.map_rdd(operator, move |rdd| {
            rdd.partition_by_fn_at(operator, partitions, partition.clone())
        })
    }

    /// Each value turned into another. Keeps the partitioner.
    #[track_caller]
    pub fn map_values<U: Data>(
        &self,
        f: impl Fn(V) -> U + Send + Sync + 'static,
    ) -> DStream<(K, U)> {
        let (operator, f) = (Operator::here("map_values"), Arc::new(f));
        self.map_rdd(operator, move |rdd| {
            let f = f.clone();
            rdd.map_values_at(operator, move |value| f(value))
        })
    }

    /// Each value turned into any number of others, which keep its key. Keeps the partitioner.
    #[track_caller]
    pub fn flat_map_values<U: Data, I: IntoIterator<Item = U>>(
        &self,
        f: impl Fn(V) -> I + Send + Sync + 'static,
    ) -> DStream<(K, U)> {
        let (operator, f) = (Operator::here("flat_map_values"), Arc::new(f));
        self.map_rdd(operator, move |rdd| {
            let f = f.clone();
            rdd.flat_map_values_at(operator, move |value| f(value))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::testkit::{check, check_unordered};

    #[test]
    fn keys_are_combined_within_a_batch_only() {
        let input = [vec![("a", 1), ("b", 2), ("a", 3)], vec![], vec![("a", 5)]];
        let sums = [vec![("a", 4), ("b", 2)], vec![], vec![("a", 5)]];
        check_unordered(&input, |s| s.reduce_by_key(|a, b| a + b), &sums);
        check_unordered(
            &input,
            |s| s.reduce_by_key_with_partitions(3, |a, b| a + b),
            &sums,
        );
        let groups = [
            vec![("a", vec![1, 3]), ("b", vec![2])],
            vec![],
            vec![("a", vec![5])],
        ];
        check_unordered(&input, |s| s.group_by_key(), &groups);
        check_unordered(&input, |s| s.group_by_key_with_partitions(1), &groups);
        check_unordered(
            &input,
            |s| s.combine_by_key(|v| vec![v], Vec::push, |a, b| a.extend(b)),
            &groups,
        );
        check_unordered(
            &input,
            |s| s.combine_by_key_with_partitions(4, |v| vec![v], Vec::push, |a, b| a.extend(b)),
            &groups,
        );
        check_unordered(&input, |s| s.partition_by(3), &input);
        check(
            &[vec![(1, 'a'), (2, 'b'), (3, 'c')]],
            |s| s.partition_by_fn(2, |key| *key).glom(),
            &[vec![vec![(2, 'b')], vec![(1, 'a'), (3, 'c')]]],
        );
    }

    #[test]
    fn values_change_and_keys_stay() {
        let input = [vec![("a", 1), ("b", 2)], vec![]];
        check(
            &input,
            |s| s.map_values(|v| v * 10),
            &[vec![("a", 10), ("b", 20)], vec![]],
        );
        check(
            &input,
            |s| s.flat_map_values(|v| 0..v),
            &[vec![("a", 0), ("b", 0), ("b", 1)], vec![]],
        );
    }
}
