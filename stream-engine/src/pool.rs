use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use crate::operator::guard;
use crate::rdd::Node;
use crate::stage::{self, Counts, StageInfo, StageKind};
use crate::{EngineError, Operator};

/// The fixed pool of threads on which the partitions of RDDs are worked.
#[derive(Clone)]
pub(crate) struct Pool {
    threads: Arc<rayon::ThreadPool>,
    cancelled: Arc<AtomicBool>,
}

impl Pool {
    pub(crate) fn new(threads: usize) -> Result<Self, EngineError> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|n| format!("stream-worker-{n}"))
            .build()
            .map_err(|error| EngineError::Setting {
                setting: "threads",
                problem: format!("{threads} threads cannot be started: {error}"),
            })?;
        Ok(Pool {
            threads: Arc::new(threads),
            cancelled: Arc::default(),
        })
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Whether the calling thread is one of the pool's: it may not wait for the pool then.
    pub(crate) fn is_worker(&self) -> bool {
        self.threads.current_thread_index().is_some()
    }

    /// Runs one task per input and waits for all of them. The error of the first failed input wins, so that a failure
    /// reads the same however the threads raced.
    pub(crate) fn run<I, R>(
        &self,
        operator: Operator,
        inputs: Vec<I>,
        task: impl Fn(I) -> Result<R, EngineError> + Sync,
    ) -> Result<Vec<R>, EngineError>
    where
        I: Send,
        R: Send,
    {
        let task = |input, _: &mut Counts| task(input);
        self.run_stage(operator, inputs, task, false, false)
    }

    /// As [`Pool::run`], for tasks that count their records.
    pub(crate) fn run_counted<I, R>(
        &self,
        operator: Operator,
        inputs: Vec<I>,
        task: impl Fn(I, &mut Counts) -> Result<R, EngineError> + Sync,
    ) -> Result<Vec<R>, EngineError>
    where
        I: Send,
        R: Send,
    {
        self.run_stage(operator, inputs, task, true, false)
    }

    /// As [`Pool::run_counted`], for tasks that do nothing but read partitions of `node`, which is prepared. If it is known to
    /// be empty, the calling thread runs them: waking the pool takes longer than that.
    pub(crate) fn run_reading<T, I, R>(
        &self,
        node: &dyn Node<T>,
        operator: Operator,
        inputs: Vec<I>,
        task: impl Fn(I, &mut Counts) -> Result<R, EngineError> + Sync,
    ) -> Result<Vec<R>, EngineError>
    where
        I: Send,
        R: Send,
    {
        self.run_stage(operator, inputs, task, true, node.is_empty())
    }

    fn run_stage<I, R>(
        &self,
        operator: Operator,
        inputs: Vec<I>,
        task: impl Fn(I, &mut Counts) -> Result<R, EngineError> + Sync,
        counted: bool,
        here: bool,
    ) -> Result<Vec<R>, EngineError>
    where
        I: Send,
        R: Send,
    {
        if self.is_worker() {
            return Err(EngineError::NestedAction { operator });
        }
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let started = stage::is_collected().then(Instant::now);
        let partitions = inputs.len();
        // Operators guard their own closures; this catches what is left, such as a panic in a record's `clone`.
        let task = |input| {
            let mut counts = Counts::default();
            guard(operator, || task(input, &mut counts))
                .and_then(|result| result)
                .map(|result| (result, counts))
        };
        let results: Vec<Result<(R, Counts), EngineError>> = if here {
            inputs.into_iter().map(task).collect()
        } else {
            let tasks = || inputs.into_par_iter().with_max_len(1).map(task).collect();
            self.threads.install(tasks)
        };
        let results: Vec<(R, Counts)> = results.into_iter().collect::<Result<_, _>>()?;
        if let Some(started) = started {
            let counts: Counts = results.iter().map(|(_, counts)| *counts).sum();
            stage::record(StageInfo {
                partitions,
                records_in: counted.then_some(counts.read),
                records_out: counts.made,
                ..StageInfo::new(operator, StageKind::Tasks, started.elapsed())
            });
        }
        Ok(results.into_iter().map(|(result, _)| result).collect())
    }

    /// Makes every running task fail at its next chunk.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Lets tasks run again.
    pub(crate) fn resume(&self) {
        self.cancelled.store(false, Ordering::Relaxed);
    }

    pub(crate) fn check_cancelled(&self) -> Result<(), EngineError> {
        if self.cancelled.load(Ordering::Relaxed) {
            Err(EngineError::Cancelled)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::rdd::Data;
    use crate::{Rdd, RddContext};

    /// Counts its clones by the threads that make them.
    #[derive(Default)]
    struct Witness {
        here: Arc<AtomicUsize>,
        on_the_pool: Arc<AtomicUsize>,
    }

    impl Witness {
        fn note(&self) {
            let name = std::thread::current().name().map(str::to_owned);
            let on_the_pool = name.is_some_and(|name| name.starts_with("stream-worker-"));
            let count = if on_the_pool {
                &self.on_the_pool
            } else {
                &self.here
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Clone for Witness {
        fn clone(&self) -> Self {
            self.note();
            Witness {
                here: self.here.clone(),
                on_the_pool: self.on_the_pool.clone(),
            }
        }
    }

    /// How many tasks of an action the caller's thread ran, and how many the pool.
    fn tasks<T: Data>(rdd: &Rdd<T>) -> (usize, usize) {
        let zero = Witness::default();
        let (here, on_the_pool) = (zero.here.clone(), zero.on_the_pool.clone());
        rdd.aggregate(zero, |zero, _| zero, |zero, _| zero).unwrap();
        (
            here.load(Ordering::Relaxed),
            on_the_pool.load(Ordering::Relaxed),
        )
    }

    #[test]
    fn the_pool_is_not_woken_for_records_known_to_be_none() {
        let context = RddContext::new(2).unwrap();
        let none = context.parallelize(Vec::<u32>::new(), 3);
        let some = context.parallelize([1], 3);
        let pairs = |rdd: &Rdd<u32>| rdd.map(|n| (n, n));
        let sums = |rdd| pairs(rdd).reduce_by_key_with_partitions(3, |a, b| a + b);
        assert_eq!(tasks(&none), (3, 0));
        assert_eq!(tasks(&none.map(|n| n).filter(|_| true)), (3, 0));
        assert_eq!(tasks(&none.flat_map(|n| [n]).cache()), (3, 0));
        assert_eq!(tasks(&sums(&none)), (3, 0));
        assert_eq!(tasks(&sums(&none).reduce_by_key(|a, b| a + b)), (3, 0));
        assert_eq!(tasks(&sums(&none).join(&sums(&none))), (3, 0));
        assert_eq!(tasks(&none.union(&none)), (6, 0));
        // Something may be there, or is made out of nothing.
        assert_eq!(tasks(&some), (0, 3));
        assert_eq!(tasks(&some.filter(|_| false)), (0, 3));
        assert_eq!(tasks(&none.union(&some)), (0, 6));
        assert_eq!(tasks(&none.map_partitions(|_| [1])), (0, 3));
        assert_eq!(none.map_partitions(|_| [1]).collect().unwrap(), [1, 1, 1]);
    }

    #[test]
    fn closures_over_partitions_run_on_the_pool_even_without_records() {
        let none = RddContext::new(2)
            .unwrap()
            .parallelize(Vec::<u32>::new(), 3);
        let witness = Arc::new(Witness::default());
        none.for_each_partition(|_| witness.note()).unwrap();
        let noted = witness.clone();
        let mapped = none.map_partitions(move |records| {
            noted.note();
            records
        });
        mapped.count().unwrap();
        assert_eq!(witness.on_the_pool.load(Ordering::Relaxed), 6);
        assert_eq!(witness.here.load(Ordering::Relaxed), 0);
    }
}
