//! Tables beside streams: the newest value of each key of a changelog, looked up by every partition of a stream.

mod join;
mod version;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use version::Version;

use crate::context::Shared;
use crate::operator::guard;
use crate::source::SourceContext;
use crate::{BoxError, Data, EngineError, Key, Operator, Time};

/// The newest value of each key of a compacted topic, in memory; made by
/// [`StreamingContext::kafka_table`](crate::StreamingContext::kafka_table). A cheap handle.
///
/// # Which version a batch sees
///
/// A batch sees everything that its table's topic held when the batch was planned, after its sources were asked: what was
/// written to the topic before a record of the stream was, is seen by that record. All operators of a batch see the same
/// version, however often an RDD is computed, and an RDD that is kept (by a window) goes on seeing the version of its own
/// batch. After a restart a batch is planned anew, and so is the version of the table.
///
/// # How it is kept
///
/// All partitions of a stream look up in one table, so that the stream is not shuffled; a lookup takes no lock. Changes are
/// made in place between two batches. Where an older version is still held (by a window whose RDDs are not computed yet),
/// those parts of the table are copied first in which something changes, of 256.
pub struct Table<K, V> {
    operator: Operator,
    context: Arc<Shared>,
    current: Arc<Mutex<Version<K, V>>>,
}

impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        Table {
            operator: self.operator,
            context: self.context.clone(),
            current: self.current.clone(),
        }
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({})", self.operator)
    }
}

impl<K: Key, V: Data> Table<K, V> {
    /// A table that `source` fills before the first batch and changes before each.
    pub(crate) fn create(
        context: &Arc<Shared>,
        operator: Operator,
        source: impl TableSource<K, V>,
    ) -> Result<Self, EngineError> {
        context.lifecycle.expect_initialized("add a table")?;
        let table = Table {
            operator,
            context: context.clone(),
            current: Arc::default(),
        };
        context.graph().add_table(Loaded {
            operator,
            source,
            current: table.current.clone(),
        });
        Ok(table)
    }

    /// The value of a key in the version of the last batch that was planned.
    pub fn get(&self, key: &K) -> Option<V> {
        self.version().get(key).cloned()
    }

    /// How many keys the version of the last batch has.
    pub fn len(&self) -> usize {
        self.version().len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it holds now, whatever changes later.
    pub(crate) fn version(&self) -> Version<K, V> {
        lock(&self.current).clone()
    }
}

/// Where a table's content comes from. Called by the scheduler, one call at a time.
pub(crate) trait TableSource<K, V>: Send + 'static {
    /// Connects and brings everything there is.
    fn start(
        &mut self,
        context: &SourceContext,
        changes: &mut Changes<'_, K, V>,
    ) -> Result<(), BoxError>;
    /// Brings what is new, up to what is there at the time of the call.
    fn catch_up(&mut self, changes: &mut Changes<'_, K, V>) -> Result<(), BoxError>;
    /// Lets go of connections.
    fn stop(&mut self) {}
}

/// Where a source puts what has changed.
pub(crate) struct Changes<'a, K, V> {
    current: &'a Mutex<Version<K, V>>,
}

impl<K: Key, V: Data> Changes<'_, K, V> {
    /// Gives keys new values; `None` deletes.
    pub(crate) fn apply(&mut self, changes: impl IntoIterator<Item = (K, Option<V>)>) {
        let mut current = lock(self.current);
        for (key, value) in changes {
            current.set(key, value);
        }
    }
}

/// A table, as the scheduler sees it.
pub(crate) trait AnyTable: Send {
    fn operator(&self) -> Operator;
    fn start(&mut self, context: &SourceContext) -> Result<(), EngineError>;
    /// Brings the table to the version that the batch `time` sees.
    fn catch_up(&mut self, time: Time) -> Result<(), EngineError>;
    fn stop(&mut self);
}

struct Loaded<K, V, S> {
    operator: Operator,
    source: S,
    current: Arc<Mutex<Version<K, V>>>,
}

impl<K: Key, V: Data, S: TableSource<K, V>> AnyTable for Loaded<K, V, S> {
    fn operator(&self) -> Operator {
        self.operator
    }

    fn start(&mut self, context: &SourceContext) -> Result<(), EngineError> {
        let mut changes = Changes {
            current: &self.current,
        };
        guard(self.operator, || self.source.start(context, &mut changes))?
            .map_err(|cause| EngineError::failed(self.operator, cause))
    }

    fn catch_up(&mut self, time: Time) -> Result<(), EngineError> {
        let mut changes = Changes {
            current: &self.current,
        };
        guard(self.operator, || self.source.catch_up(&mut changes))?.map_err(|cause| {
            EngineError::Plan {
                time,
                input: self.operator,
                source: cause.into(),
            }
        })
    }

    fn stop(&mut self) {
        if let Err(error) = guard(self.operator, || self.source.stop()) {
            tracing::warn!(%error, "stopping a table");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
