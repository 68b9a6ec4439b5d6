use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use crate::operator::guard;
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
        self.run_stage(operator, inputs, |input, _| task(input), false)
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
        self.run_stage(operator, inputs, task, true)
    }

    fn run_stage<I, R>(
        &self,
        operator: Operator,
        inputs: Vec<I>,
        task: impl Fn(I, &mut Counts) -> Result<R, EngineError> + Sync,
        counted: bool,
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
        let results: Vec<Result<(R, Counts), EngineError>> = self
            .threads
            .install(|| inputs.into_par_iter().with_max_len(1).map(task).collect());
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
