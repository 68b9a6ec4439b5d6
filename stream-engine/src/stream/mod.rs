//! Discretized streams: what becomes an RDD in every batch.

mod count;
mod deduplicate;
mod fallible;
mod inverse_window;
mod join;
mod map;
mod map_with_state;
mod output;
mod pair;
mod pair_window;
mod poison;
mod print;
mod reduce;
mod save;
mod slice;
#[cfg(test)]
mod tests;
mod transform;
mod union;
mod update_state;
mod window;

pub use fallible::Fallible;
pub(crate) use fallible::pushing;
pub use map_with_state::MapWithStateDStream;
pub(crate) use output::AnyOutput;
pub(crate) use poison::Found;
pub use poison::{PoisonCause, PoisonPolicy, Poisoned, RecordPlace};
pub use update_state::StateOptions;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::context::Shared;
use crate::{Data, EngineError, Operator, Rdd, Time};

/// The batch for which RDDs are asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    pub(crate) time: Time,
    /// The batch before it; the context's zero time for the first.
    pub(crate) previous: Time,
    /// The time from which slides are counted: one interval before the first batch.
    pub(crate) zero: Time,
    pub(crate) interval: Duration,
}

impl Batch {
    /// Whether a stream with this slide has an RDD in this batch: always if it slides with the batches, else if a multiple of
    /// its slide has passed since the batch before. On the grid that is Spark's rule; when batches were coalesced, a slide
    /// that fell into the gap comes late instead of never.
    pub(crate) fn fires(&self, slide: Duration) -> bool {
        slide <= self.interval
            || self.time.floor_from(slide, self.zero) > self.previous.floor_from(slide, self.zero)
    }
}

type Compute<T> =
    Box<dyn Fn(&StreamNode<T>, &Batch) -> Result<Option<Rdd<T>>, EngineError> + Send + Sync>;

/// A node of the graph of streams. Its RDDs are computed once per batch and forgotten when nobody needs them any more.
pub(crate) struct StreamNode<T> {
    operator: Operator,
    slide: Duration,
    compute: Compute<T>,
    computed: Mutex<Vec<(Time, Option<Rdd<T>>)>>,
    /// For how many milliseconds after its time an RDD is needed by windows; 0 if only in its own batch.
    remember: AtomicU64,
}

impl<T: Data> StreamNode<T> {
    /// The RDD of this batch, if the stream has one.
    pub(crate) fn rdd(&self, batch: &Batch) -> Result<Option<Rdd<T>>, EngineError> {
        if !batch.fires(self.slide) {
            return Ok(None);
        }
        if let Some((_, rdd)) = self
            .computed()
            .iter()
            .rev()
            .find(|(time, _)| *time == batch.time)
        {
            return Ok(rdd.clone());
        }
        let rdd = (self.compute)(self, batch)?;
        self.set(batch.time, rdd.clone());
        Ok(rdd)
    }

    /// The remembered RDDs of the batches after `after` and up to `until`, in order.
    pub(crate) fn rdds_between(&self, after: Time, until: Time) -> Vec<Rdd<T>> {
        let computed = self.computed();
        computed
            .iter()
            .filter(|(time, _)| after < *time && *time <= until)
            .filter_map(|(_, rdd)| rdd.clone())
            .collect()
    }

    /// The remembered RDDs of the batches from `from` to `to`, both included.
    pub(crate) fn rdds_from_to(&self, from: Time, to: Time) -> Vec<Rdd<T>> {
        let computed = self.computed();
        computed
            .iter()
            .filter(|(time, _)| from <= *time && *time <= to)
            .filter_map(|(_, rdd)| rdd.clone())
            .collect()
    }

    /// The newest remembered RDD before `time`.
    pub(crate) fn last_before(&self, time: Time) -> Option<(Time, Rdd<T>)> {
        let computed = self.computed();
        computed.iter().rev().find_map(|(at, rdd)| {
            (*at < time)
                .then(|| rdd.clone().map(|rdd| (*at, rdd)))
                .flatten()
        })
    }

    /// Fixes the RDD of a batch from outside; for inputs.
    pub(crate) fn set(&self, time: Time, rdd: Option<Rdd<T>>) {
        self.computed().push((time, rdd));
    }

    /// RDDs will be needed for `duration` after their batch.
    pub(crate) fn remember(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.remember.fetch_max(millis, Ordering::Relaxed);
    }

    pub(crate) fn operator(&self) -> Operator {
        self.operator
    }

    fn computed(&self) -> std::sync::MutexGuard<'_, Vec<(Time, Option<Rdd<T>>)>> {
        self.computed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the scheduler does with nodes, whatever their records are.
pub(crate) trait AnyNode: Send + Sync {
    /// Forgets the RDDs that no batch after `time` needs.
    fn forget(&self, time: Time);
    /// Keeps RDDs for `duration` after their batch, at least.
    fn remember(&self, duration: Duration);
    /// Computes the batch's RDD and its records even if no output operation asked for them, because later windows will.
    fn keep(&self, batch: &Batch) -> Result<(), EngineError>;
    fn operator(&self) -> Operator;
}

impl<T: Data> AnyNode for StreamNode<T> {
    fn forget(&self, time: Time) {
        let limit = time - Duration::from_millis(self.remember.load(Ordering::Relaxed));
        self.computed().retain(|(at, _)| *at > limit);
    }

    fn remember(&self, duration: Duration) {
        StreamNode::remember(self, duration);
    }

    fn keep(&self, batch: &Batch) -> Result<(), EngineError> {
        match self.rdd(batch)? {
            Some(rdd) => rdd.prepare(),
            None => Ok(()),
        }
    }

    fn operator(&self) -> Operator {
        StreamNode::operator(self)
    }
}

/// A stream that is an RDD in every batch: a cheap handle on a node of the program's graph.
///
/// Operators describe new streams; nothing runs before an output operation ([`print`](DStream::print),
/// [`foreach_rdd`](DStream::foreach_rdd), [`save_to`](DStream::save_to)) is registered and the context is started.
///
/// Mistakes that an operator cannot return (streams of two contexts in one `union`, an operator added after start) are kept by
/// the context: `start` returns the first of them, a running context stops with it.
pub struct DStream<T> {
    node: Arc<StreamNode<T>>,
    context: Arc<Shared>,
}

impl<T> Clone for DStream<T> {
    fn clone(&self) -> Self {
        DStream {
            node: self.node.clone(),
            context: self.context.clone(),
        }
    }
}

impl<T> fmt::Debug for DStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DStream({})", self.node.operator)
    }
}

impl<T: Data> DStream<T> {
    /// The time between two RDDs of this stream: the batch interval, or the slide of a window.
    pub fn slide_duration(&self) -> Duration {
        self.node.slide
    }

    /// A new node of the graph.
    pub(crate) fn create(
        context: &Arc<Shared>,
        operator: Operator,
        slide: Duration,
        compute: impl Fn(&Batch) -> Result<Option<Rdd<T>>, EngineError> + Send + Sync + 'static,
    ) -> DStream<T> {
        Self::create_recursive(context, operator, slide, move |_, batch| compute(batch))
    }

    /// A new node that computes its RDD from its own earlier ones.
    pub(crate) fn create_recursive(
        context: &Arc<Shared>,
        operator: Operator,
        slide: Duration,
        compute: impl Fn(&StreamNode<T>, &Batch) -> Result<Option<Rdd<T>>, EngineError>
        + Send
        + Sync
        + 'static,
    ) -> DStream<T> {
        let node = Arc::new(StreamNode {
            operator,
            slide,
            compute: Box::new(compute),
            computed: Mutex::default(),
            remember: AtomicU64::new(0),
        });
        context.graph().add_node(operator, node.clone());
        DStream {
            node,
            context: context.clone(),
        }
    }

    /// The stream of what `f` makes of each RDD of this one.
    pub(crate) fn map_rdd<U: Data>(
        &self,
        operator: Operator,
        f: impl Fn(Rdd<T>) -> Rdd<U> + Send + Sync + 'static,
    ) -> DStream<U> {
        let parent = self.node.clone();
        DStream::create(&self.context, operator, self.node.slide, move |batch| {
            Ok(parent.rdd(batch)?.map(&f))
        })
    }

    pub(crate) fn node(&self) -> &Arc<StreamNode<T>> {
        &self.node
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.context
    }

    /// Records a mistake if this stream is not one of `context`'s.
    pub(crate) fn check_belongs(&self, operator: Operator, context: &Arc<Shared>) {
        if !Arc::ptr_eq(&self.context, context) {
            let problem =
                "a stream belongs to another streaming context: make all from this one".to_owned();
            context
                .graph()
                .add_problem(EngineError::Graph { operator, problem });
        }
    }

    /// Records a mistake if `other` cannot be combined with this stream in one operator.
    pub(crate) fn check_combines<U: Data>(&self, operator: Operator, other: &DStream<U>) {
        let problem = if !Arc::ptr_eq(&self.context, &other.context) {
            "the streams belong to different streaming contexts: make both from one".to_owned()
        } else if self.node.slide != other.node.slide {
            format!(
                "the streams slide by {:?} and {:?}: give both the same slide, by a window on the faster one",
                self.node.slide, other.node.slide
            )
        } else {
            return;
        };
        self.context
            .graph()
            .add_problem(EngineError::Graph { operator, problem });
    }
}
