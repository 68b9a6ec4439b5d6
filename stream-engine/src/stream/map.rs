use std::sync::Arc;

use super::DStream;
use crate::{Data, Emitter, Operator, PartitionIter};

/// Operators that work on each record or partition alone; see the same methods of [`Rdd`](crate::Rdd).
impl<T: Data> DStream<T> {
    /// Each record turned into another.
    #[track_caller]
    pub fn map<U: Data>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> DStream<U> {
        let (operator, f) = (Operator::here("map"), Arc::new(f));
        self.map_rdd(operator, move |rdd| {
            let f = f.clone();
            rdd.map_at(operator, move |record| f(record))
        })
    }

    /// The records for which `keep` is true.
    #[track_caller]
    pub fn filter(&self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> DStream<T> {
        let (operator, keep) = (Operator::here("filter"), Arc::new(keep));
        self.map_rdd(operator, move |rdd| {
            let keep = keep.clone();
            rdd.filter_at(operator, move |record| keep(record))
        })
    }

    /// Each record turned into any number of others.
    #[track_caller]
    pub fn flat_map<U: Data, I: IntoIterator<Item = U>>(
        &self,
        f: impl Fn(T) -> I + Send + Sync + 'static,
    ) -> DStream<U> {
        let (operator, f) = (Operator::here("flat_map"), Arc::new(f));
        self.map_rdd(operator, move |rdd| {
            let f = f.clone();
            rdd.flat_map_at(operator, move |record| f(record))
        })
    }

    /// Each record turned into any number of others, which the closure pushes; nothing is allocated per record.
    #[track_caller]
    pub fn flat_map_into<U: Data>(
        &self,
        f: impl Fn(T, &mut Emitter<'_, U>) + Send + Sync + 'static,
    ) -> DStream<U> {
        let (operator, f) = (Operator::here("flat_map_into"), Arc::new(f));
        self.map_rdd(operator, move |rdd| {
            let f = f.clone();
            rdd.flat_map_into_at(operator, move |record, out| f(record, out))
        })
    }

    /// Each partition's iterator turned into another.
    #[track_caller]
    pub fn map_partitions<U: Data, I>(
        &self,
        f: impl Fn(PartitionIter<T>) -> I + Send + Sync + 'static,
    ) -> DStream<U>
    where
        I: IntoIterator<Item = U> + 'static,
    {
        let (operator, f) = (Operator::here("map_partitions"), Arc::new(f));
        self.map_rdd(operator, move |rdd| {
            let f = f.clone();
            rdd.map_partitions_at(operator, move |_, records| f(records))
        })
    }

    /// As [`DStream::map_partitions`], with the partition's number as first argument.
    #[track_caller]
    pub fn map_partitions_with_index<U: Data, I>(
        &self,
        f: impl Fn(usize, PartitionIter<T>) -> I + Send + Sync + 'static,
    ) -> DStream<U>
    where
        I: IntoIterator<Item = U> + 'static,
    {
        let (operator, f) = (Operator::here("map_partitions_with_index"), Arc::new(f));
        self.map_rdd(operator, move |rdd| {
            let f = f.clone();
            rdd.map_partitions_at(operator, move |partition, records| f(partition, records))
        })
    }

    /// One record per partition: all of its records.
    #[track_caller]
    pub fn glom(&self) -> DStream<Vec<T>> {
        let operator = Operator::here("glom");
        self.map_rdd(operator, move |rdd| rdd.glom_at(operator))
    }

    /// The records distributed evenly over `partitions` partitions, by a shuffle.
    #[track_caller]
    pub fn repartition(&self, partitions: usize) -> DStream<T> {
        let operator = Operator::here("repartition");
        self.map_rdd(operator, move |rdd| {
            rdd.repartition_at(operator, partitions)
        })
    }

    /// The same stream with each RDD kept in memory from its first use to the end of its batch, so that several output
    /// operations do not compute it again. See [`Rdd::cache`](crate::Rdd::cache).
    ///
    /// Unlike in Spark, `lines.cache();` alone changes nothing: go on with the stream that it returns.
    #[track_caller]
    #[must_use = "the stream it is called on is not cached: use the returned one"]
    pub fn cache(&self) -> DStream<T> {
        self.cache_at(Operator::here("cache"))
    }

    pub(crate) fn cache_at(&self, operator: Operator) -> DStream<T> {
        self.map_rdd(operator, move |rdd| rdd.cache_at(operator))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::testkit::{TestKit, check};

    #[test]
    fn each_operator_works_batch_by_batch() {
        let input = [vec![1, 2, 3], vec![], vec![4]];
        check(
            &input,
            |s| s.map(|x| x * 10),
            &[vec![10, 20, 30], vec![], vec![40]],
        );
        check(
            &input,
            |s| s.filter(|x| x % 2 == 1),
            &[vec![1, 3], vec![], vec![]],
        );
        check(
            &input,
            |s| s.flat_map(|x| vec![x; 2]),
            &[vec![1, 1, 2, 2, 3, 3], vec![], vec![4, 4]],
        );
        check(
            &input,
            |s| s.flat_map_into(|x, out| out.extend(1..x)),
            &[vec![1, 1, 2], vec![], vec![1, 2, 3]],
        );
    }

    #[test]
    fn partition_operators_see_every_partition_of_every_batch() {
        let input = [vec![1, 2, 3], vec![]];
        check(
            &input,
            |s| s.glom(),
            &[vec![vec![1], vec![2, 3]], vec![vec![], vec![]]],
        );
        check(
            &input,
            |s| s.map_partitions(|records| [records.sum::<i32>()]),
            &[vec![1, 5], vec![0, 0]],
        );
        check(
            &input,
            |s| s.map_partitions_with_index(|p, records| records.map(move |x| (p, x))),
            &[vec![(0, 1), (1, 2), (1, 3)], vec![]],
        );
        check(
            &input,
            |s| s.repartition(1).glom(),
            &[vec![vec![1, 2, 3]], vec![vec![]]],
        );
    }

    #[test]
    fn a_cached_stream_is_computed_once_for_all_its_users() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let outputs = TestKit::default().run(&[vec![1, 2], vec![3]], move |s| {
            let slow = s.map(move |x| {
                counted.fetch_add(1, Ordering::Relaxed);
                x
            });
            let slow = slow.cache();
            slow.union(&slow.map(|x| -x))
        });
        assert_eq!(outputs.unwrap(), [vec![1, 2, -1, -2], vec![3, -3]]);
        assert_eq!(calls.load(Ordering::Relaxed), 3);
    }
}
