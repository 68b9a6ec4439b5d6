use std::fmt;
use std::sync::Arc;

use super::materialized::{Materialized, Shared};
use super::{Data, Rdd, RddSource, source};
use crate::pool::Pool;
use crate::{EngineError, Operator};

/// Makes RDDs and owns the threads that work on them. Cheap to clone; usable without any streaming.
#[derive(Clone)]
pub struct RddContext {
    pool: Pool,
}

impl RddContext {
    /// A context with its own pool of `threads` threads; 0 takes one per core.
    ///
    /// # Errors
    /// [`EngineError::Setting`] if the operating system refuses the threads.
    pub fn new(threads: usize) -> Result<Self, EngineError> {
        Ok(RddContext {
            pool: Pool::new(threads)?,
        })
    }

    /// The number of threads, which is also the number of partitions where none is given (Spark's `defaultParallelism`).
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Distributes `items` over `partitions` partitions (0 is taken as 1), in order and as evenly as possible.
    pub fn parallelize<T: Data>(
        &self,
        items: impl IntoIterator<Item = T>,
        partitions: usize,
    ) -> Rdd<T> {
        let items: Vec<T> = items.into_iter().collect();
        let (total, partitions) = (items.len(), partitions.max(1));
        let mut items = items.into_iter();
        let slices = (0..partitions).map(|p| {
            items
                .by_ref()
                .take((p + 1) * total / partitions - p * total / partitions)
                .collect()
        });
        self.parallelize_partitions(slices)
    }

    /// An RDD with exactly these partitions.
    pub fn parallelize_partitions<T: Data>(
        &self,
        partitions: impl IntoIterator<Item = Vec<T>>,
    ) -> Rdd<T> {
        let partitions: Shared<T> = partitions.into_iter().map(Arc::new).collect();
        Rdd::new(self, Materialized::ready(partitions))
    }

    /// An RDD without records and partitions.
    pub fn empty<T: Data>(&self) -> Rdd<T> {
        self.parallelize_partitions([])
    }

    /// An RDD that reads from outside, one reader per partition and run.
    #[track_caller]
    pub fn read<T: Data>(&self, source: impl RddSource<T>) -> Rdd<T> {
        self.read_at(Operator::here(source.name()), source)
    }

    pub(crate) fn read_at<T: Data>(&self, operator: Operator, source: impl RddSource<T>) -> Rdd<T> {
        Rdd::new(self, source::SourceNode { operator, source })
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }
}

impl fmt::Debug for RddContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RddContext")
            .field("threads", &self.threads())
            .finish()
    }
}
