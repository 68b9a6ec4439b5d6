//! Resilient distributed data sets: immutable, partitioned, lazy.
//!
//! An [`Rdd`] is a recipe. Narrow operators (`map`, `filter`...) fuse into one loop per partition that moves chunks of
//! about [`CHUNK`] records; wide ones (`reduce_by_key`, `repartition`...) combine before they shuffle in memory. Nothing
//! runs before an action (`collect`, `count`...) asks for it.

mod actions;
mod cartesian;
mod chunks;
mod combine;
mod context;
mod fallible;
mod index;
mod join;
mod local;
mod materialized;
mod narrow;
mod ordered;
mod pair;
mod pair_actions;
#[cfg(test)]
mod properties;
mod sample;
mod save;
mod set;
mod shuffle;
mod single;
mod sort;
mod source;
mod union;
mod window_state;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

pub(crate) use actions::for_each_chunk;
pub(crate) use chunks::{BoxChunks, Chunks, NoChunks, ReaderChunks, VecChunks};
pub use chunks::{CHUNK, PartitionIter, RecordReader};
pub(crate) use combine::{CombineTable, Entry};
pub use context::RddContext;
pub(crate) use fallible::{Judge, Refusal};
pub use join::{Grouped, Outer};
pub use local::LocalIter;
pub(crate) use materialized::Materialized;
pub use narrow::Emitter;
pub(crate) use save::{IfExists, encode_line};
pub(crate) use shuffle::{Blocks, Combiner};
pub use source::RddSource;
pub(crate) use window_state::WindowStep;

use crate::pool::Pool;
use crate::{EngineError, HashPartitioner};

/// What a record must be to travel through the engine: cloned when several consumers need it, moved between threads.
pub trait Data: Clone + Send + Sync + 'static {}
impl<T: Clone + Send + Sync + 'static> Data for T {}

/// What a key must be besides [`Data`].
pub trait Key: Data + std::hash::Hash + Eq {}
impl<K: Data + std::hash::Hash + Eq> Key for K {}

/// How an RDD's partitions are made. One virtual call per partition, and one per chunk in what it opens.
pub(crate) trait Node<T>: Send + Sync {
    fn partitions(&self) -> usize;
    /// Runs what must be complete before a partition can be opened: the shuffles this node reads from. Called by the
    /// thread that runs the action, never by the pool's.
    fn prepare(&self, pool: &Pool) -> Result<(), EngineError>;
    /// Starts one partition. Called by the pool's threads.
    fn open(&self, partition: usize) -> Result<BoxChunks<T>, EngineError>;
    /// Whether the records stay in memory once made, so that caching them again would only copy them.
    fn keeps_records(&self) -> bool {
        false
    }
    /// The number of records, if it is known without computing them.
    fn known_count(&self) -> Option<u64> {
        None
    }
    /// Whether there surely is no record, as far as that can be told without computing anything.
    fn is_empty(&self) -> bool {
        self.known_count() == Some(0)
    }
    /// The bytes that will be read, if they are known without reading them.
    fn known_bytes(&self) -> Option<u64> {
        None
    }
}

/// An immutable, partitioned, lazily evaluated collection: the data of one batch, or of a batch job of its own.
///
/// Cloning is cheap and shares the recipe. Results of shuffles and of [`Rdd::cache`] are kept until the last clone is gone.
///
/// ```
/// use stream_engine::RddContext;
///
/// let context = RddContext::new(2)?;
/// let words = context.parallelize(vec!["to", "be", "or", "not", "to", "be"], 3);
/// let mut counts = words.map(|word| (word, 1u64)).reduce_by_key(|a, b| a + b).collect()?;
/// counts.sort();
/// assert_eq!(counts, [("be", 2), ("not", 1), ("or", 1), ("to", 2)]);
/// # Ok::<_, stream_engine::EngineError>(())
/// ```
pub struct Rdd<T> {
    node: Arc<dyn Node<T>>,
    context: RddContext,
    partitioner: Option<HashPartitioner>,
    metadata: Option<Arc<dyn Any + Send + Sync>>,
}

impl<T> Clone for Rdd<T> {
    fn clone(&self) -> Self {
        Rdd {
            node: self.node.clone(),
            context: self.context.clone(),
            partitioner: self.partitioner,
            metadata: self.metadata.clone(),
        }
    }
}

impl<T> fmt::Debug for Rdd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rdd")
            .field("partitions", &self.node.partitions())
            .field("partitioner", &self.partitioner)
            .finish_non_exhaustive()
    }
}

impl<T: Data> Rdd<T> {
    pub(crate) fn new(context: &RddContext, node: impl Node<T> + 'static) -> Self {
        Rdd {
            node: Arc::new(node),
            context: context.clone(),
            partitioner: None,
            metadata: None,
        }
    }

    /// The context this RDD was made by.
    pub fn context(&self) -> &RddContext {
        &self.context
    }

    /// The number of partitions.
    pub fn num_partitions(&self) -> usize {
        self.node.partitions()
    }

    /// How keys are distributed over the partitions, if a shuffle did so (Spark's `rdd.partitioner`).
    pub fn partitioner(&self) -> Option<HashPartitioner> {
        self.partitioner
    }

    /// What the source said about this RDD, such as its Kafka offset ranges.
    ///
    /// Operators that keep partitions as they are (`map`, `filter`...) keep it, others drop it.
    pub fn metadata<M: Send + Sync + 'static>(&self) -> Option<Arc<M>> {
        self.metadata.clone()?.downcast().ok()
    }

    /// The same RDD with something its source wants to say about it; see [`Rdd::metadata`].
    pub fn with_metadata<M: Send + Sync + 'static>(mut self, metadata: M) -> Self {
        self.metadata = Some(Arc::new(metadata));
        self
    }

    pub(crate) fn known_count(&self) -> Option<u64> {
        self.node.known_count()
    }

    pub(crate) fn known_bytes(&self) -> Option<u64> {
        self.node.known_bytes()
    }

    pub(crate) fn with_partitioner(mut self, partitioner: Option<HashPartitioner>) -> Self {
        self.partitioner = partitioner;
        self
    }

    pub(crate) fn node(&self) -> &Arc<dyn Node<T>> {
        &self.node
    }
}
