use std::sync::Arc;

use super::shuffle::Combiner;
use super::{Data, Key, Rdd};
use crate::{EngineError, HashPartitioner, Operator};

/// Operators on pairs of key and value. Each wide one has a `_with_partitions` form; the short form keeps the partitioner
/// that the RDD has, or takes one partition per thread.
impl<K: Key, V: Data> Rdd<(K, V)> {
    /// The partitioner for a result with `partitions` partitions, or for the default number of them.
    pub(crate) fn partitioner_or_default(&self, partitions: Option<usize>) -> HashPartitioner {
        match (partitions, self.partitioner()) {
            (Some(n), _) => HashPartitioner::new(n),
            (None, Some(partitioner)) => partitioner,
            (None, None) => HashPartitioner::new(self.context().threads()),
        }
    }

    /// The values of each key combined by an associative and commutative function; combined per partition before the shuffle.
    #[track_caller]
    pub fn reduce_by_key(&self, f: impl Fn(V, V) -> V + Send + Sync + 'static) -> Rdd<(K, V)> {
        self.reduce_by_key_at(Operator::here("reduce_by_key"), None, f)
    }

    /// As [`Rdd::reduce_by_key`], into `partitions` partitions.
    #[track_caller]
    pub fn reduce_by_key_with_partitions(
        &self,
        partitions: usize,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
    ) -> Rdd<(K, V)> {
        self.reduce_by_key_at(Operator::here("reduce_by_key"), Some(partitions), f)
    }

    pub(crate) fn reduce_by_key_at(
        &self,
        operator: Operator,
        partitions: Option<usize>,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
    ) -> Rdd<(K, V)> {
        self.combine(
            operator,
            self.partitioner_or_default(partitions),
            Combiner::reduce(f),
        )
    }

    /// The values of each key combined into an accumulator of another type: `create`d from the first value, each other
    /// value merged in, accumulators of several partitions merged.
    ///
    /// Unlike Spark's, the merging closures change the accumulator in place.
    ///
    /// ```
    /// # use stream_engine::RddContext;
    /// let scores = RddContext::new(2)?.parallelize([("a", 1.0), ("b", 5.0), ("a", 3.0)], 2);
    /// let means = scores
    ///     .combine_by_key(|x| (x, 1), |acc, x| { acc.0 += x; acc.1 += 1 }, |a, b| { a.0 += b.0; a.1 += b.1 })
    ///     .map_values(|(sum, n)| sum / f64::from(n));
    /// # let mut means = means.collect()?; means.sort_by_key(|pair| pair.0);
    /// # assert_eq!(means, [("a", 2.0), ("b", 5.0)]);
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn combine_by_key<C: Data>(
        &self,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(&mut C, V) + Send + Sync + 'static,
        merge_combiners: impl Fn(&mut C, C) + Send + Sync + 'static,
    ) -> Rdd<(K, C)> {
        let combiner = Combiner::in_place(create, merge_value, merge_combiners);
        self.combine(
            Operator::here("combine_by_key"),
            self.partitioner_or_default(None),
            combiner,
        )
    }

    /// As [`Rdd::combine_by_key`], into `partitions` partitions.
    #[track_caller]
    pub fn combine_by_key_with_partitions<C: Data>(
        &self,
        partitions: usize,
        create: impl Fn(V) -> C + Send + Sync + 'static,
        merge_value: impl Fn(&mut C, V) + Send + Sync + 'static,
        merge_combiners: impl Fn(&mut C, C) + Send + Sync + 'static,
    ) -> Rdd<(K, C)> {
        let combiner = Combiner::in_place(create, merge_value, merge_combiners);
        self.combine(
            Operator::here("combine_by_key"),
            HashPartitioner::new(partitions),
            combiner,
        )
    }

    /// The values of each key folded into an accumulator that starts from `zero` (in every partition that has the key), and
    /// the accumulators merged. As with [`Rdd::combine_by_key`] the closures change the accumulator in place.
    ///
    /// ```
    /// # use stream_engine::RddContext;
    /// let visits = RddContext::new(2)?.parallelize([("a", 3), ("b", 1), ("a", 9)], 2);
    /// let most = visits.aggregate_by_key(0, |most, n| *most = n.max(*most), |a, b| *a = b.max(*a));
    /// assert_eq!(most.lookup(&"a")?, [9]);
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn aggregate_by_key<C: Data>(
        &self,
        zero: C,
        fold: impl Fn(&mut C, V) + Send + Sync + 'static,
        merge: impl Fn(&mut C, C) + Send + Sync + 'static,
    ) -> Rdd<(K, C)> {
        let fold = Arc::new(fold);
        let first = fold.clone();
        let create = move |value| {
            let mut accumulator = zero.clone();
            first(&mut accumulator, value);
            accumulator
        };
        let combiner = Combiner::in_place(create, move |c: &mut C, v| fold(c, v), merge);
        self.combine(
            Operator::here("aggregate_by_key"),
            self.partitioner_or_default(None),
            combiner,
        )
    }

    /// All values of each key, in the order of the partitions.
    #[track_caller]
    pub fn group_by_key(&self) -> Rdd<(K, Vec<V>)> {
        self.group_by_key_at(Operator::here("group_by_key"), None)
    }

    /// As [`Rdd::group_by_key`], into `partitions` partitions.
    #[track_caller]
    pub fn group_by_key_with_partitions(&self, partitions: usize) -> Rdd<(K, Vec<V>)> {
        self.group_by_key_at(Operator::here("group_by_key"), Some(partitions))
    }

    pub(crate) fn group_by_key_at(
        &self,
        operator: Operator,
        partitions: Option<usize>,
    ) -> Rdd<(K, Vec<V>)> {
        let partitioner = self.partitioner_or_default(partitions);
        self.combine(operator, partitioner, Combiner::groups())
    }

    /// The pairs distributed over `partitions` partitions by the hash of their key.
    #[track_caller]
    pub fn partition_by(&self, partitions: usize) -> Rdd<(K, V)> {
        self.partition_by_at(
            Operator::here("partition_by"),
            HashPartitioner::new(partitions),
        )
    }

    /// The pairs distributed over `partitions` partitions as `partition` says: pairs whose key gives the same number, modulo
    /// `partitions`, come together (a `Partitioner` of one's own in Spark, `partitionFunc` in pyspark).
    ///
    /// Later operators by key do not know this distribution and shuffle again; for those use [`Rdd::partition_by`].
    #[track_caller]
    pub fn partition_by_fn(
        &self,
        partitions: usize,
        partition: impl Fn(&K) -> usize + Send + Sync + 'static,
    ) -> Rdd<(K, V)> {
        self.partition_by_fn_at(
            Operator::here("partition_by_fn"),
            partitions,
            Arc::new(partition),
        )
    }

    /// Each value turned into another. Keeps the partitioner.
    #[track_caller]
    pub fn map_values<U: Data>(&self, f: impl Fn(V) -> U + Send + Sync + 'static) -> Rdd<(K, U)> {
        self.map_values_at(Operator::here("map_values"), f)
    }

    pub(crate) fn map_values_at<U: Data>(
        &self,
        operator: Operator,
        f: impl Fn(V) -> U + Send + Sync + 'static,
    ) -> Rdd<(K, U)> {
        self.map_at(operator, move |(key, value)| (key, f(value)))
            .with_partitioner(self.partitioner())
    }

    /// Each value turned into any number of others, which keep its key. Keeps the partitioner.
    #[track_caller]
    pub fn flat_map_values<U: Data, I: IntoIterator<Item = U>>(
        &self,
        f: impl Fn(V) -> I + Send + Sync + 'static,
    ) -> Rdd<(K, U)> {
        self.flat_map_values_at(Operator::here("flat_map_values"), f)
    }

    pub(crate) fn flat_map_values_at<U: Data, I: IntoIterator<Item = U>>(
        &self,
        operator: Operator,
        f: impl Fn(V) -> I + Send + Sync + 'static,
    ) -> Rdd<(K, U)> {
        let expanded = self.flat_map_into_at(operator, move |(key, value): (K, V), out| {
            out.extend(f(value).into_iter().map(|value| (key.clone(), value)));
        });
        expanded.with_partitioner(self.partitioner())
    }

    /// The keys, as often as they occur.
    #[track_caller]
    pub fn keys(&self) -> Rdd<K> {
        self.map_at(Operator::here("keys"), |(key, _)| key)
    }

    /// The values.
    #[track_caller]
    pub fn values(&self) -> Rdd<V> {
        self.map_at(Operator::here("values"), |(_, value)| value)
    }

    /// The values of one key. Reads only the key's partition if the RDD has a partitioner.
    #[track_caller]
    pub fn lookup(&self, key: &K) -> Result<Vec<V>, EngineError> {
        let wanted = Arc::new(key.clone());
        let operator = Operator::here("lookup");
        let home = self
            .partitioner()
            .map(|partitioner| partitioner.partition(key));
        let found = self.filter_at(operator, move |(key, _)| *key == *wanted);
        let found = match home {
            Some(home) => found.map_partitions_at(operator, move |p, records| {
                (p == home).then_some(records).into_iter().flatten()
            }),
            None => found,
        };
        Ok(found
            .collect()?
            .into_iter()
            .map(|(_, value)| value)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use crate::{Rdd, RddContext};

    fn sorted<T: crate::Data + Ord>(rdd: &Rdd<T>) -> Vec<T> {
        let mut records = rdd.collect().unwrap();
        records.sort();
        records
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn wide_operators_equal_a_plain_fold(
            parts in prop::collection::vec(prop::collection::vec((0u16..50, 0u64..1000), 0..200), 0..6),
            partitions in 1usize..6,
        ) {
            let context = RddContext::new(2).unwrap();
            let mut groups: BTreeMap<String, Vec<u64>> = BTreeMap::new();
            for (key, value) in parts.iter().flatten() {
                groups.entry(key.to_string()).or_default().push(*value);
            }
            let rdd = context.parallelize_partitions(parts).map(|(k, v)| (k.to_string(), v));
            let sums: Vec<_> = groups.iter().map(|(k, vs)| (k.clone(), vs.iter().sum::<u64>())).collect();
            prop_assert_eq!(sorted(&rdd.reduce_by_key_with_partitions(partitions, |a, b| a + b)), sums);
            // Values that own memory take the path with the spare value.
            let texts = rdd.map_values(|v| v.to_string()).reduce_by_key(|a, b| a + "," + &b);
            let joined: Vec<_> = groups.iter().map(|(k, vs)| (k.clone(), vs.iter().map(u64::to_string).collect::<Vec<_>>().join(","))).collect();
            prop_assert_eq!(sorted(&texts), joined);
            let all: Vec<_> = groups.into_iter().collect();
            prop_assert_eq!(sorted(&rdd.group_by_key_with_partitions(partitions)), all.clone());
            prop_assert_eq!(sorted(&rdd.partition_by(partitions).group_by_key()), all.clone());
            let combined = rdd.combine_by_key_with_partitions(partitions, |v| vec![v], |c, v| c.push(v), |c, d| c.extend(d));
            prop_assert_eq!(sorted(&combined), all);
        }
    }

    #[test]
    fn each_key_lives_in_one_partition_and_is_found_there() {
        let context = RddContext::new(2).unwrap();
        let rdd = context
            .parallelize((0..500).map(|x| (x % 100, x)), 7)
            .partition_by(4);
        let partitioner = rdd.partitioner().unwrap();
        for (p, records) in rdd.collect_partitions().unwrap().into_iter().enumerate() {
            assert!(
                records
                    .iter()
                    .all(|(key, _)| partitioner.partition(key) == p)
            );
        }
        assert_eq!(rdd.lookup(&42).unwrap(), [42, 142, 242, 342, 442]);
        assert!(rdd.lookup(&100).unwrap().is_empty());
    }

    #[test]
    fn a_partitioning_of_one_s_own_is_taken_modulo() {
        let rdd = RddContext::new(2)
            .unwrap()
            .parallelize((0..10).map(|x| (x, ())), 3)
            .partition_by_fn(4, |key| key / 2);
        assert_eq!(rdd.partitioner(), None);
        assert_eq!(
            rdd.keys().glom().collect().unwrap(),
            [vec![0, 1, 8, 9], vec![2, 3], vec![4, 5], vec![6, 7]]
        );
    }

    #[test]
    fn accumulators_start_from_zero_in_each_partition() {
        let pairs = [("a", 1), ("a", 2), ("b", 3), ("a", 4)];
        let rdd = RddContext::new(2).unwrap().parallelize(pairs, 2);
        let counted = rdd.aggregate_by_key(
            (100, 0),
            |c, v| *c = (c.0, c.1 + v),
            |c, d| *c = (c.0 + d.0, c.1 + d.1),
        );
        assert_eq!(sorted(&counted), [("a", (200, 7)), ("b", (100, 3))]);
    }

    #[test]
    fn the_partitioner_is_kept_where_keys_stay() {
        let rdd = RddContext::new(2)
            .unwrap()
            .parallelize([(1, 2)], 1)
            .partition_by(3);
        let kept = rdd.partitioner();
        assert!(kept.is_some());
        assert_eq!(
            rdd.map_values(|v| v)
                .filter(|_| true)
                .flat_map_values(|v| [v])
                .cache()
                .partitioner(),
            kept
        );
        assert_eq!(rdd.reduce_by_key(|a, _| a).partitioner(), kept);
        assert_eq!(rdd.map(|pair| pair).partitioner(), None);
        assert_eq!(rdd.repartition(3).partitioner(), None);
    }

    #[test]
    fn a_shuffle_runs_once_for_two_actions() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let rdd = RddContext::new(2)
            .unwrap()
            .parallelize(0..100, 2)
            .map(move |x| {
                counted.fetch_add(1, Ordering::Relaxed);
                (x % 7, 1)
            });
        let sums = rdd.reduce_by_key(|a, b| a + b);
        assert_eq!(sums.count().unwrap(), 7);
        assert_eq!(sums.map(|(_, n)| n).fold(0, |a, b| a + b).unwrap(), 100);
        assert_eq!(calls.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn a_panic_while_combining_names_the_operator() {
        let rdd = RddContext::new(2)
            .unwrap()
            .parallelize(vec![("k", 1), ("k", 2)], 2);
        let error = rdd
            .reduce_by_key(|_, _| panic!("overflow"))
            .count()
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("reduce_by_key at ") && error.ends_with("panicked: overflow"),
            "{error}"
        );
    }

    #[test]
    fn repartition_spreads_evenly() {
        let rdd = RddContext::new(2)
            .unwrap()
            .parallelize(0..100, 3)
            .repartition(4);
        let sizes: Vec<_> = rdd
            .collect_partitions()
            .unwrap()
            .iter()
            .map(Vec::len)
            .collect();
        assert!(sizes.iter().all(|n| (24..=26).contains(n)), "{sizes:?}");
        assert_eq!(sorted(&rdd), (0..100).collect::<Vec<_>>());
    }
}
