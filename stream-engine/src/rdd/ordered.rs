use std::cmp::Ordering;
use std::iter::Sum;

use super::actions::{for_each_chunk, reduce_partitions};
use super::{CHUNK, Data, Rdd};
use crate::operator::guard;
use crate::{EngineError, Operator};

/// The first records of an order. Each partition keeps only as many as are asked for; of equal records the earlier ones.
impl<T: Data> Rdd<T> {
    /// The `n` records with the greatest keys, greatest first, such as the most frequent words:
    ///
    /// ```
    /// # use stream_engine::RddContext;
    /// let words = RddContext::new(2)?.parallelize(["to", "be", "or", "not", "to", "be", "to"], 2);
    /// let counts = words.map(|word| (word, 1)).reduce_by_key(|a, b| a + b);
    /// assert_eq!(counts.top_by(2, |(_, count)| *count)?, [("to", 3), ("be", 2)]);
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn top_by<K: Ord>(
        &self,
        n: usize,
        key: impl Fn(&T) -> K + Send + Sync,
    ) -> Result<Vec<T>, EngineError> {
        self.least_at(Operator::here("top_by"), n, |a, b| key(b).cmp(&key(a)))
    }

    /// The `n` records with the least keys, least first.
    #[track_caller]
    pub fn take_ordered_by<K: Ord>(
        &self,
        n: usize,
        key: impl Fn(&T) -> K + Send + Sync,
    ) -> Result<Vec<T>, EngineError> {
        self.least_at(Operator::here("take_ordered_by"), n, |a, b| {
            key(a).cmp(&key(b))
        })
    }

    fn least_at(
        &self,
        operator: Operator,
        n: usize,
        compare: impl Fn(&T, &T) -> Ordering + Send + Sync,
    ) -> Result<Vec<T>, EngineError> {
        let cut = |records: &mut Vec<T>| {
            guard(operator, || {
                records.sort_by(&compare);
                records.truncate(n);
            })
        };
        let parts = self.run(
            operator,
            0..self.num_partitions(),
            |node, pool, partition, counts| {
                let mut least = Vec::new();
                for_each_chunk(node, pool, partition, |chunk| {
                    counts.read += chunk.len() as u64;
                    least.append(chunk);
                    if least.len() >= n.saturating_mul(2).max(8 * CHUNK) {
                        cut(&mut least)?;
                    }
                    Ok(true)
                })?;
                cut(&mut least)?;
                Ok(least)
            },
        )?;
        let mut least = parts.into_iter().flatten().collect();
        cut(&mut least)?;
        Ok(least)
    }
}

impl<T: Data + Ord> Rdd<T> {
    /// The `n` greatest records, greatest first.
    #[track_caller]
    pub fn top(&self, n: usize) -> Result<Vec<T>, EngineError> {
        self.least_at(Operator::here("top"), n, |a, b| b.cmp(a))
    }

    /// The `n` least records, least first.
    #[track_caller]
    pub fn take_ordered(&self, n: usize) -> Result<Vec<T>, EngineError> {
        self.least_at(Operator::here("take_ordered"), n, T::cmp)
    }

    /// The least record; nothing if there is no record (Spark throws then).
    #[track_caller]
    pub fn min(&self) -> Result<Option<T>, EngineError> {
        self.reduce_to(Operator::here("min"), T::min)
    }

    /// The greatest record; nothing if there is no record (Spark throws then).
    #[track_caller]
    pub fn max(&self) -> Result<Option<T>, EngineError> {
        self.reduce_to(Operator::here("max"), T::max)
    }
}

impl<T: Data + Sum<T>> Rdd<T> {
    /// The sum of all records; zero if there is none.
    #[track_caller]
    pub fn sum(&self) -> Result<T, EngineError> {
        let total = self.reduce_to(Operator::here("sum"), |a, b| [a, b].into_iter().sum())?;
        Ok(total.into_iter().sum())
    }
}

impl<T: Data> Rdd<T> {
    fn reduce_to(
        &self,
        operator: Operator,
        f: impl Fn(T, T) -> T + Send + Sync,
    ) -> Result<Option<T>, EngineError> {
        reduce_partitions(&**self.node(), self.context().pool(), operator, &f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::RddContext;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_first_of_an_order_equal_sorting_everything(
            records in prop::collection::vec((0u8..20, any::<u8>()), 0..6000), partitions in 1usize..5, n in 0usize..40,
        ) {
            let rdd = RddContext::new(2).unwrap().parallelize(records.clone(), partitions);
            let mut sorted = records.clone();
            sorted.sort();
            prop_assert_eq!(rdd.take_ordered(n).unwrap(), sorted.iter().copied().take(n).collect::<Vec<_>>());
            prop_assert_eq!(rdd.top(n).unwrap(), sorted.iter().rev().copied().take(n).collect::<Vec<_>>());
            let mut by_key = records.clone();
            by_key.sort_by_key(|pair| pair.0);
            prop_assert_eq!(rdd.take_ordered_by(n, |pair| pair.0).unwrap(), by_key.into_iter().take(n).collect::<Vec<_>>());
            let mut by_key = records;
            by_key.sort_by_key(|pair| std::cmp::Reverse(pair.0));
            prop_assert_eq!(rdd.top_by(n, |pair| pair.0).unwrap(), by_key.into_iter().take(n).collect::<Vec<_>>());
            prop_assert_eq!(rdd.min().unwrap(), sorted.first().copied());
            prop_assert_eq!(rdd.max().unwrap(), sorted.last().copied());
        }
    }

    #[test]
    fn sums_of_nothing_are_zero() {
        let context = RddContext::new(2).unwrap();
        assert_eq!(context.parallelize(1..=100u64, 3).sum().unwrap(), 5050);
        assert_eq!(context.parallelize([0.5, 1.5], 2).sum().unwrap(), 2.0);
        assert_eq!(context.empty::<i32>().sum().unwrap(), 0);
        assert_eq!(context.empty::<i32>().max().unwrap(), None);
    }
}
