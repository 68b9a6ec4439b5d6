use std::sync::atomic::Ordering;

use super::{CHUNK, Data, Node, PartitionIter, Rdd};
use crate::operator::guard;
use crate::pool::Pool;
use crate::stage::Counts;
use crate::{EngineError, Operator, Outcome};

/// Runs one partition, handing over its chunks until `consume` says false. The chunk may be emptied or not.
pub(crate) fn for_each_chunk<T>(
    node: &dyn Node<T>,
    pool: &Pool,
    partition: usize,
    mut consume: impl FnMut(&mut Vec<T>) -> Result<bool, EngineError>,
) -> Result<(), EngineError> {
    let mut chunks = node.open(partition)?;
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        pool.check_cancelled()?;
        let more = chunks.next_chunk(&mut chunk)?;
        if !consume(&mut chunk)? || !more {
            return Ok(());
        }
        chunk.clear();
    }
}

/// All records of one partition.
pub(super) fn drain<T>(
    node: &dyn Node<T>,
    pool: &Pool,
    partition: usize,
) -> Result<Vec<T>, EngineError> {
    let mut records = Vec::new();
    let mut chunks = node.open(partition)?;
    while chunks.next_chunk(&mut records)? {
        pool.check_cancelled()?;
    }
    Ok(records)
}

/// As [`drain`], counting the records.
pub(super) fn drain_counted<T>(
    node: &dyn Node<T>,
    pool: &Pool,
    partition: usize,
    counts: &mut Counts,
) -> Result<Vec<T>, EngineError> {
    let records = drain(node, pool, partition)?;
    counts.read = records.len() as u64;
    Ok(records)
}

/// Runs everything that the node depends on.
fn prepare<T>(node: &dyn Node<T>, pool: &Pool, operator: Operator) -> Result<(), EngineError> {
    if pool.is_worker() {
        return Err(EngineError::NestedAction { operator });
    }
    node.prepare(pool)
}

/// Runs `task`, which does nothing but read, for the given partitions, after everything they depend on.
fn run<T, R: Send>(
    node: &dyn Node<T>,
    pool: &Pool,
    operator: Operator,
    partitions: std::ops::Range<usize>,
    task: impl Fn(&dyn Node<T>, &Pool, usize, &mut Counts) -> Result<R, EngineError> + Sync,
) -> Result<Vec<R>, EngineError> {
    prepare(node, pool, operator)?;
    pool.run_reading(node, operator, partitions.collect(), |partition, counts| {
        task(node, pool, partition, counts)
    })
}

/// The number of records of a node.
pub(super) fn count_partitions<T>(
    node: &dyn Node<T>,
    pool: &Pool,
    operator: Operator,
) -> Result<u64, EngineError> {
    let counts = run(
        node,
        pool,
        operator,
        0..node.partitions(),
        |node, pool, partition, counts| {
            let mut count = 0;
            for_each_chunk(node, pool, partition, |chunk| {
                count += chunk.len() as u64;
                Ok(true)
            })?;
            counts.read = count;
            Ok(count)
        },
    )?;
    Ok(counts.into_iter().sum())
}

/// All records of a node combined, per partition and then in the order of the partitions.
pub(super) fn reduce_partitions<T: Send>(
    node: &dyn Node<T>,
    pool: &Pool,
    operator: Operator,
    f: &(impl Fn(T, T) -> T + Send + Sync),
) -> Result<Option<T>, EngineError> {
    let parts = run(
        node,
        pool,
        operator,
        0..node.partitions(),
        |node, pool, partition, counts| {
            let mut total: Option<T> = None;
            for_each_chunk(node, pool, partition, |chunk| {
                counts.read += chunk.len() as u64;
                guard(operator, || {
                    total = total.take().into_iter().chain(chunk.drain(..)).reduce(f)
                })?;
                Ok(true)
            })?;
            Ok(total)
        },
    )?;
    guard(operator, || parts.into_iter().flatten().reduce(f))
}

impl<T: Data> Rdd<T> {
    pub(super) fn run<R: Send>(
        &self,
        operator: Operator,
        partitions: std::ops::Range<usize>,
        task: impl Fn(&dyn Node<T>, &Pool, usize, &mut Counts) -> Result<R, EngineError> + Sync,
    ) -> Result<Vec<R>, EngineError> {
        run(
            &**self.node(),
            self.context().pool(),
            operator,
            partitions,
            task,
        )
    }

    /// All records, in the order of the partitions.
    ///
    /// # Errors
    /// This and every other action fails with [`EngineError::Panicked`] or [`EngineError::Failed`] if an operator's closure
    /// or the source does, naming the operator.
    #[track_caller]
    pub fn collect(&self) -> Result<Vec<T>, EngineError> {
        self.collect_at(Operator::here("collect"))
    }

    pub(super) fn collect_at(&self, operator: Operator) -> Result<Vec<T>, EngineError> {
        let parts = self.collect_parts(operator)?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// The records of each partition.
    #[track_caller]
    pub fn collect_partitions(&self) -> Result<Vec<Vec<T>>, EngineError> {
        self.collect_parts(Operator::here("collect_partitions"))
    }

    fn collect_parts(&self, operator: Operator) -> Result<Vec<Vec<T>>, EngineError> {
        self.run(operator, 0..self.num_partitions(), drain_counted)
    }

    /// The number of records.
    #[track_caller]
    pub fn count(&self) -> Result<u64, EngineError> {
        count_partitions(
            &**self.node(),
            self.context().pool(),
            Operator::here("count"),
        )
    }

    /// The first `n` records in the order of the partitions. Reads one partition after the other and no further than needed.
    #[track_caller]
    pub fn take(&self, n: usize) -> Result<Vec<T>, EngineError> {
        self.take_at(Operator::here("take"), n)
    }

    pub(crate) fn take_at(&self, operator: Operator, n: usize) -> Result<Vec<T>, EngineError> {
        let mut taken: Vec<T> = Vec::new();
        for partition in 0..self.num_partitions() {
            let missing = n - taken.len();
            if missing == 0 {
                break;
            }
            let parts = self.run(
                operator,
                partition..partition + 1,
                |node, pool, partition, counts| {
                    let mut part = Vec::new();
                    for_each_chunk(node, pool, partition, |chunk| {
                        counts.read += chunk.len() as u64;
                        part.append(chunk);
                        Ok(part.len() < missing)
                    })?;
                    part.truncate(missing);
                    Ok(part)
                },
            )?;
            taken.extend(parts.into_iter().flatten());
        }
        Ok(taken)
    }

    /// The first record, if there is one.
    #[track_caller]
    pub fn first(&self) -> Result<Option<T>, EngineError> {
        Ok(self.take(1)?.pop())
    }

    /// Whether there is no record. Reads no further than to the first one.
    #[track_caller]
    pub fn is_empty(&self) -> Result<bool, EngineError> {
        Ok(self.first()?.is_none())
    }

    /// All records combined by an associative function, partition by partition and then over the partitions, in order;
    /// nothing if there is no record (Spark throws then).
    #[track_caller]
    pub fn reduce(&self, f: impl Fn(T, T) -> T + Send + Sync) -> Result<Option<T>, EngineError> {
        reduce_partitions(
            &**self.node(),
            self.context().pool(),
            Operator::here("reduce"),
            &f,
        )
    }

    /// As [`Rdd::reduce`], starting from `zero` in every partition and once more for combining the partitions.
    #[track_caller]
    pub fn fold(&self, zero: T, f: impl Fn(T, T) -> T + Send + Sync) -> Result<T, EngineError> {
        self.aggregate_at(Operator::here("fold"), zero, &f, &f)
    }

    /// Folds each partition into an accumulator that starts from `zero`, then combines the accumulators.
    #[track_caller]
    pub fn aggregate<A: Data>(
        &self,
        zero: A,
        fold: impl Fn(A, T) -> A + Send + Sync,
        combine: impl Fn(A, A) -> A,
    ) -> Result<A, EngineError> {
        self.aggregate_at(Operator::here("aggregate"), zero, fold, combine)
    }

    fn aggregate_at<A: Data>(
        &self,
        operator: Operator,
        zero: A,
        fold: impl Fn(A, T) -> A + Send + Sync,
        combine: impl Fn(A, A) -> A,
    ) -> Result<A, EngineError> {
        let parts = self.run(
            operator,
            0..self.num_partitions(),
            |node, pool, partition, counts| {
                let mut total = Some(zero.clone());
                for_each_chunk(node, pool, partition, |chunk| {
                    counts.read += chunk.len() as u64;
                    guard(operator, || {
                        total = total.take().map(|total| chunk.drain(..).fold(total, &fold))
                    })?;
                    Ok(true)
                })?;
                Ok(total)
            },
        )?;
        guard(operator, || parts.into_iter().flatten().fold(zero, combine))
    }

    /// Calls `f` with every record, on the pool's threads.
    #[track_caller]
    pub fn for_each<R: Outcome>(
        &self,
        f: impl Fn(T) -> R + Send + Sync,
    ) -> Result<(), EngineError> {
        self.for_each_partition_at(Operator::here("for_each"), |_, mut records| {
            records.try_for_each(|record| f(record).into_result())
        })
    }

    /// Calls `f` with an iterator over every partition, on the pool's threads. `f` may return a `Result`: an error fails the
    /// action, and in a stream the batch.
    #[track_caller]
    pub fn for_each_partition<R: Outcome>(
        &self,
        f: impl Fn(PartitionIter<T>) -> R + Send + Sync,
    ) -> Result<(), EngineError> {
        self.for_each_partition_at(Operator::here("for_each_partition"), |_, records| {
            f(records)
        })
    }

    /// As [`Rdd::for_each_partition`], with the partition's number as first argument.
    #[track_caller]
    pub fn for_each_partition_with_index<R: Outcome>(
        &self,
        f: impl Fn(usize, PartitionIter<T>) -> R + Send + Sync,
    ) -> Result<(), EngineError> {
        self.for_each_partition_at(Operator::here("for_each_partition_with_index"), f)
    }

    pub(crate) fn for_each_partition_at<R: Outcome>(
        &self,
        operator: Operator,
        f: impl Fn(usize, PartitionIter<T>) -> R + Send + Sync,
    ) -> Result<(), EngineError> {
        let (node, pool) = (&**self.node(), self.context().pool());
        prepare(node, pool, operator)?;
        // What `f` does takes its time even without records: always on the pool.
        let partitions = (0..node.partitions()).collect();
        pool.run_counted(operator, partitions, |partition, counts| {
            let records = PartitionIter::new(node.open(partition)?, pool);
            let (records, read) = records.counted();
            guard(operator, || f(partition, records).into_result())?
                .map_err(|cause| EngineError::failed(operator, cause))?;
            counts.read = read.load(Ordering::Relaxed);
            Ok(())
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::{EngineError, RddContext};

    #[test]
    fn actions_over_any_partitioning_give_the_same() {
        let context = RddContext::new(2).unwrap();
        for partitions in [1, 2, 7, 5000] {
            let rdd = context.parallelize(1..=3000u64, partitions);
            assert_eq!(rdd.count().unwrap(), 3000);
            assert_eq!(rdd.reduce(|a, b| a + b).unwrap(), Some(4_501_500));
            assert_eq!(rdd.fold(0, |a, b| a.max(b)).unwrap(), 3000);
            assert_eq!(
                rdd.aggregate(0u8, |n, x| n | (x % 2) as u8, |a, b| a | b)
                    .unwrap(),
                1
            );
            assert_eq!(rdd.take(2).unwrap(), [1, 2]);
            assert_eq!(rdd.take(9999).unwrap().len(), 3000);
            assert_eq!(rdd.first().unwrap(), Some(1));
            assert!(!rdd.is_empty().unwrap());
            assert_eq!(rdd.collect_partitions().unwrap().len(), partitions);
        }
        let empty = context.empty::<u64>();
        assert_eq!(
            (empty.count().unwrap(), empty.reduce(|a, b| a + b).unwrap()),
            (0, None)
        );
        assert_eq!(
            (
                empty.first().unwrap(),
                empty.is_empty().unwrap(),
                empty.take(3).unwrap().len()
            ),
            (None, true, 0)
        );
        assert_eq!(empty.fold(7, |a, b| a + b).unwrap(), 7);
    }

    #[test]
    fn take_reads_no_further_than_needed() {
        let read = Arc::new(AtomicUsize::new(0));
        let counter = read.clone();
        let rdd = RddContext::new(2)
            .unwrap()
            .parallelize(0..1_000_000, 4)
            .map(move |x| {
                counter.fetch_add(1, Ordering::Relaxed);
                x
            });
        assert_eq!(rdd.take(3).unwrap(), [0, 1, 2]);
        assert!(
            read.load(Ordering::Relaxed) <= super::CHUNK,
            "read {}",
            read.load(Ordering::Relaxed)
        );
    }

    #[test]
    fn a_failing_partition_fails_the_action_with_its_cause() {
        let rdd = RddContext::new(2)
            .unwrap()
            .parallelize(vec!["1", "x", "3"], 3);
        let error = rdd
            .for_each(|text| text.parse::<u32>().map(|_| ()))
            .unwrap_err();
        assert!(matches!(error, EngineError::Failed { .. }));
        assert!(
            error
                .to_string()
                .ends_with("failed: invalid digit found in string"),
            "{error}"
        );
        let error = rdd
            .for_each_partition(|_| -> () { panic!("no disk") })
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("for_each_partition at ") && error.ends_with("panicked: no disk"),
            "{error}"
        );
    }

    #[test]
    fn an_action_inside_an_operator_is_refused() {
        let context = RddContext::new(2).unwrap();
        let inner = context
            .parallelize(0..3, 1)
            .map(|x| (x, x))
            .reduce_by_key(|a, _| a);
        let error = context
            .parallelize(0..2, 1)
            .try_map(move |_| inner.count())
            .collect()
            .unwrap_err();
        assert!(
            matches!(error, EngineError::NestedAction { operator } if operator.name() == "count"),
            "{error}"
        );
    }
}
