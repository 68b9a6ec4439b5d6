use std::cmp::Ordering;

use super::actions::drain;
use super::{Data, Materialized, Node, Rdd};
use crate::operator::guard;
use crate::pool::Pool;
use crate::{EngineError, Operator};

/// How many records per output partition are looked at to find where one partition should end and the next begin.
const SAMPLES: usize = 32;

/// Sorted RDDs: the records of each partition are sorted, and no record of a partition comes after one of the next. Equal
/// records stay in their order. [`Rdd::coalesce`] keeps the order, [`Rdd::repartition`] does not; for the first few of many
/// records [`Rdd::take_ordered`] and [`Rdd::top`] are cheaper.
impl<T: Data> Rdd<T> {
    /// The records sorted by a key that `key` makes of each, as often as two records are compared.
    ///
    /// ```
    /// # use stream_engine::RddContext;
    /// let words = RddContext::new(2)?.parallelize(["stream", "of", "words"], 3);
    /// assert_eq!(words.sort_by(|word| word.len(), true).collect()?, ["of", "words", "stream"]);
    /// assert_eq!(words.sort_by(|word| word.len(), false).first()?, Some("stream"));
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn sort_by<K: Ord>(
        &self,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
        ascending: bool,
    ) -> Rdd<T> {
        self.sort_at(Operator::here("sort_by"), move |a, b| {
            directed(key(a).cmp(&key(b)), ascending)
        })
    }

    /// The records in the order of `compare`, which must be total: for what has no order of its own, such as
    /// [`f64::total_cmp`].
    #[track_caller]
    pub fn sort_with(
        &self,
        compare: impl Fn(&T, &T) -> Ordering + Send + Sync + 'static,
    ) -> Rdd<T> {
        self.sort_at(Operator::here("sort_with"), compare)
    }

    fn sort_at(
        &self,
        operator: Operator,
        compare: impl Fn(&T, &T) -> Ordering + Send + Sync + 'static,
    ) -> Rdd<T> {
        let parent = self.node().clone();
        let make = move |pool: &Pool| sort(&*parent, pool, operator, &compare);
        Rdd::new(
            self.context(),
            Materialized::new(self.num_partitions(), make),
        )
    }
}

impl<K: Data + Ord, V: Data> Rdd<(K, V)> {
    /// The pairs sorted by their keys.
    #[track_caller]
    pub fn sort_by_key(&self, ascending: bool) -> Rdd<(K, V)> {
        self.sort_at(Operator::here("sort_by_key"), move |a, b| {
            directed(a.0.cmp(&b.0), ascending)
        })
    }
}

fn directed(order: Ordering, ascending: bool) -> Ordering {
    if ascending { order } else { order.reverse() }
}

/// Sorts each partition, cuts all of them at the same places, and merges what belongs together.
fn sort<T: Data>(
    parent: &dyn Node<T>,
    pool: &Pool,
    operator: Operator,
    compare: &(impl Fn(&T, &T) -> Ordering + Send + Sync),
) -> Result<Vec<Vec<T>>, EngineError> {
    parent.prepare(pool)?;
    let runs = pool.run(operator, (0..parent.partitions()).collect(), |partition| {
        let mut run = drain(parent, pool, partition)?;
        run.sort_by(compare);
        Ok(run)
    })?;
    let blocks = guard(operator, || {
        let ends = ends(&runs, compare);
        let mut blocks: Vec<Vec<Vec<T>>> = runs.iter().map(|_| Vec::new()).collect();
        for mut run in runs {
            for (partition, end) in ends.iter().enumerate().rev() {
                let at = run.partition_point(|record| compare(record, end).is_le());
                blocks[partition + 1].push(run.split_off(at));
            }
            blocks[0].push(run);
        }
        blocks
    })?;
    pool.run(operator, blocks, |runs| {
        let mut records: Vec<T> = runs.into_iter().flatten().collect();
        // Finds the runs again, and merges them.
        records.sort_by(compare);
        Ok(records)
    })
}

/// The last record of each partition but the last, estimated from an even sample, so that partitions become about equally
/// large.
fn ends<T: Data>(runs: &[Vec<T>], compare: &impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let total: usize = runs.iter().map(Vec::len).sum();
    let step = (total / (runs.len().max(1) * SAMPLES)).max(1);
    let mut samples: Vec<&T> = runs
        .iter()
        .flat_map(|run| run.iter().step_by(step))
        .collect();
    samples.sort_by(|a, b| compare(a, b));
    (1..runs.len())
        .filter_map(|n| samples.get(n * samples.len() / runs.len()))
        .map(|&sample| sample.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::RddContext;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn sorting_is_stable_and_total_over_any_partitioning(
            parts in prop::collection::vec(prop::collection::vec((0u16..60, 0u32..1000), 0..150), 0..6),
            ascending: bool,
        ) {
            let rdd = RddContext::new(2).unwrap().parallelize_partitions(parts.clone());
            let mut expected: Vec<(u16, u32)> = parts.concat();
            expected.sort_by(|a, b| if ascending { a.0.cmp(&b.0) } else { b.0.cmp(&a.0) });
            prop_assert_eq!(rdd.sort_by_key(ascending).collect().unwrap(), expected.clone());
            prop_assert_eq!(rdd.sort_by(|pair| pair.0, ascending).collect().unwrap(), expected);
        }
    }

    #[test]
    fn partitions_of_a_sorted_rdd_are_about_equally_large() {
        let context = RddContext::new(2).unwrap();
        let shuffled = (0..40_000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let sizes: Vec<usize> = context
            .parallelize(shuffled, 4)
            .sort_by(|x| *x, true)
            .collect_partitions()
            .unwrap()
            .iter()
            .map(Vec::len)
            .collect();
        assert!(
            sizes.iter().all(|n| (8_000..12_000).contains(n)),
            "{sizes:?}"
        );
    }

    #[test]
    fn floats_are_sorted_by_their_total_order() {
        let rdd = RddContext::new(2)
            .unwrap()
            .parallelize([2.5, f64::NEG_INFINITY, -0.0, 1e9], 3);
        assert_eq!(
            rdd.sort_with(f64::total_cmp).collect().unwrap(),
            [f64::NEG_INFINITY, -0.0, 2.5, 1e9]
        );
    }

    #[test]
    fn a_panic_while_comparing_names_the_operator() {
        let rdd = RddContext::new(2).unwrap().parallelize(0..100, 2);
        let error = rdd
            .sort_by(|_| -> u8 { panic!("no key") }, true)
            .count()
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("sort_by at ") && error.ends_with("panicked: no key"),
            "{error}"
        );
    }
}
