//! The streaming context: it owns the graph of streams, runs its batches and can be stopped.

mod active;
mod backpressure;
mod blocking;
mod builder;
mod failpoint;
mod graph;
mod input;
mod lifecycle;
mod metrics;
mod scheduler;
mod signals;
#[cfg(test)]
mod tests;
mod timeline;
mod trigger;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub use backpressure::Backpressure;
pub use builder::StreamingContextBuilder;
pub use failpoint::FailAfter;
pub(crate) use failpoint::FailPoint;
pub(crate) use graph::{BatchState, Graph};
pub(crate) use lifecycle::Lifecycle;
pub use lifecycle::{ContextState, StopHandle};
pub use metrics::{InputMetrics, StreamingMetrics};
pub(crate) use scheduler::{Scheduler, Step};
pub use trigger::Trigger;

use crate::operator::guard;
use crate::source::InputSource;
use crate::{Clock, DStream, Data, EngineError, Operator, RddContext, StreamingListener, Time};

/// What the context, its streams, its scheduler and its stop handles share.
pub(crate) struct Shared {
    pub(crate) app_name: String,
    pub(crate) batch_duration: Duration,
    pub(crate) trigger: Trigger,
    pub(crate) backpressure: Backpressure,
    metrics: Mutex<StreamingMetrics>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rdds: RddContext,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) listeners: Mutex<Vec<Arc<dyn StreamingListener>>>,
    /// How long a graceful stop waits for the current batch.
    pub(crate) graceful_stop_timeout: Duration,
    /// The time from which slides are counted; known from the start on.
    pub(crate) zero_time: OnceLock<Time>,
    graph: Mutex<Graph>,
}

impl Shared {
    pub(crate) fn graph(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn metrics(&self) -> MutexGuard<'_, StreamingMetrics> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells every listener; one that panics does not harm the batch.
    pub(crate) fn tell(&self, event: impl Fn(&dyn StreamingListener)) {
        let listeners = self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for listener in listeners {
            if let Err(error) = guard(Operator::here("listener"), || event(&*listener)) {
                tracing::warn!(%error, "a streaming listener panicked");
            }
        }
    }
}

/// A streaming program: describe streams, register output operations, start.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// use std::time::Duration;
/// use stream_engine::{RddQueue, StreamingContext};
///
/// let ssc = StreamingContext::builder("word-count").batch_duration(Duration::from_millis(10)).build()?;
/// let queue = RddQueue::new();
/// queue.push(ssc.rdd_context().parallelize(["to be or not to be"], 1));
///
/// let lines = ssc.queue_stream(&queue)?;
/// let counts = lines.flat_map(|line| line.split(' ')).map(|word| (word, 1u64)).reduce_by_key(|a, b| a + b);
/// counts.print();
/// let handle = ssc.stop_handle();
/// counts.foreach_rdd(move |_| handle.stop_gracefully()); // after the first batch; or on Ctrl-C
///
/// ssc.start()?.await_termination().await?;
/// # Ok::<_, stream_engine::EngineError>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// A context goes from [`Initialized`](ContextState::Initialized) to [`Active`](ContextState::Active) to
/// [`Stopped`](ContextState::Stopped) and is not started again. Clones are handles on the same context; when the last one is
/// dropped, it is stopped without waiting. So closures of the program should not capture it: give them a
/// [`StopHandle`] or an [`RddContext`] instead.
#[derive(Clone)]
pub struct StreamingContext {
    shared: Arc<Shared>,
    owner: Arc<Owner>,
}

/// Stops the context when nobody has a handle on it any more.
struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        StopHandle::new(Arc::downgrade(&self.shared)).stop();
    }
}

impl StreamingContext {
    /// Starts to configure a context for the application `app_name`.
    pub fn builder(app_name: impl Into<String>) -> StreamingContextBuilder {
        StreamingContextBuilder::new(app_name.into())
    }

    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let owner = Arc::new(Owner {
            shared: shared.clone(),
        });
        StreamingContext { shared, owner }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The application's name.
    pub fn app_name(&self) -> &str {
        &self.shared.app_name
    }

    /// The batch interval.
    pub fn batch_duration(&self) -> Duration {
        self.shared.batch_duration
    }

    /// Makes RDDs on this context's threads, for queues and joins (Spark's `sparkContext`).
    pub fn rdd_context(&self) -> &RddContext {
        &self.shared.rdds
    }

    /// Where the context is in its life (Spark's `getState`).
    pub fn state(&self) -> ContextState {
        self.shared.lifecycle.state()
    }

    /// What the context has done so far: counters, the last delays and rates.
    pub fn metrics(&self) -> StreamingMetrics {
        self.shared.metrics().clone()
    }

    /// Adds a listener. It hears events from then on.
    pub fn add_streaming_listener(&self, listener: Arc<dyn StreamingListener>) {
        self.shared
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(listener);
    }

    /// Removes a listener; false if it was not there. It hears no event that begins after the call.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use stream_engine::{StatsReportListener, StreamingContext, StreamingListener};
    /// # let ssc = StreamingContext::builder("app").batch_duration(Duration::from_secs(1)).threads(1).build()?;
    /// let listener: Arc<dyn StreamingListener> = Arc::new(StatsReportListener::new(10));
    /// ssc.add_streaming_listener(listener.clone());
    /// assert!(ssc.remove_streaming_listener(&listener));
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    pub fn remove_streaming_listener(&self, listener: &Arc<dyn StreamingListener>) -> bool {
        let mut listeners = self
            .shared
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = listeners.len();
        // By address alone: two pointers to one listener may differ in their tables of methods.
        listeners.retain(|known| !std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(listener)));
        listeners.len() < before
    }

    /// From now on every stream keeps its RDDs for at least `duration` after their batch, for
    /// [`DStream::slice`]; streams under windows keep theirs as long as the windows need them anyway. Of several calls the
    /// longest duration counts (Spark refuses a second one).
    ///
    /// What is kept: the RDD as a recipe, and the records of those that are in memory ([`DStream::cache`], results of
    /// shuffles, what a Kafka stream has fetched). So the memory it takes is that of so many batches.
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started.
    pub fn remember(&self, duration: Duration) -> Result<(), EngineError> {
        self.shared
            .lifecycle
            .expect_initialized("remember RDDs longer")?;
        self.shared.graph().remember(duration);
        Ok(())
    }

    /// The name under which Spark's `saveAs...Files` puts a batch: `prefix-<milliseconds>.suffix`, without the parts that
    /// are empty.
    ///
    /// ```
    /// # use stream_engine::{StreamingContext, Time};
    /// let time = Time::from_millis(1_000);
    /// assert_eq!(StreamingContext::rdd_to_file_name("counts", "txt", time), "counts-1000.txt");
    /// assert_eq!(StreamingContext::rdd_to_file_name("counts", "", time), "counts-1000");
    /// assert_eq!(StreamingContext::rdd_to_file_name("", "", time), "1000");
    /// ```
    pub fn rdd_to_file_name(prefix: &str, suffix: &str, time: Time) -> String {
        let mut name = time.as_millis().to_string();
        if !prefix.is_empty() {
            name = format!("{prefix}-{name}");
        }
        if !suffix.is_empty() {
            name = format!("{name}.{suffix}");
        }
        name
    }

    /// A stream from a source of one's own.
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started.
    #[track_caller]
    pub fn input_stream<T: Data>(
        &self,
        source: impl InputSource<T>,
    ) -> Result<DStream<T>, EngineError> {
        self.input_stream_at(Operator::here(source.name()), source)
    }

    pub(crate) fn input_stream_at<T: Data>(
        &self,
        operator: Operator,
        source: impl InputSource<T>,
    ) -> Result<DStream<T>, EngineError> {
        self.shared
            .lifecycle
            .expect_initialized("add an input stream")?;
        let stream = DStream::create(&self.shared, operator, self.shared.batch_duration, |_| {
            Ok(None)
        });
        self.shared
            .graph()
            .add_input(input::Input::new(operator, source, stream.node().clone()));
        Ok(stream)
    }

    /// Starts the sources and sinks, and then the batches, on a thread of their own.
    ///
    /// # Errors
    /// [`EngineError::NoOutput`] without an output operation, [`EngineError::Graph`] for a mistake in the graph,
    /// [`EngineError::State`] if the context was started before, and whatever a source or sink fails to start with; after
    /// that the context is stopped.
    #[track_caller]
    pub fn start(&self) -> Result<&Self, EngineError> {
        let operator = Operator::here("start");
        let scheduler = self.start_scheduler()?;
        let shared = self.shared.clone();
        let run = move || scheduler.run(operator);
        if let Err(error) = std::thread::Builder::new()
            .name("stream-scheduler".to_owned())
            .spawn(run)
        {
            let error = EngineError::failed(operator, error.into());
            shared.lifecycle.finish(Some(error.clone()));
            return Err(error);
        }
        Ok(self)
    }

    /// All of `start` but the thread.
    pub(crate) fn start_scheduler(&self) -> Result<Scheduler, EngineError> {
        let graph = {
            self.shared.lifecycle.expect_not_started()?;
            let mut graph = self.shared.graph();
            graph.check()?;
            self.shared.lifecycle.activate()?;
            graph.take_for_running()
        };
        let scheduler = Scheduler::start(self.shared.clone(), graph)?;
        active::register(self);
        Ok(scheduler)
    }

    /// Asks the context to stop as soon as possible: running work is cancelled at its next chunk of records, and the batch it
    /// belonged to is not committed. Returns at once; see [`StreamingContext::await_termination`]. Idempotent.
    pub fn stop(&self) {
        self.stop_handle().stop();
    }

    /// Asks the context to stop once the current batch is finished and committed. Returns at once. Idempotent.
    /// What [receivers](crate::Receiver) have stored by then is one more batch, at the next interval.
    ///
    /// A batch that is not finished within
    /// [`graceful_stop_timeout`](StreamingContextBuilder::graceful_stop_timeout) is cancelled as by
    /// [`stop`](StreamingContext::stop): nothing of it is committed, and its records are read again by the next run.
    pub fn stop_gracefully(&self) {
        self.stop_handle().stop_gracefully();
    }

    /// A handle to stop the context from elsewhere, such as a Ctrl-C task or an output operation.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle::new(Arc::downgrade(&self.shared))
    }

    /// Waits until the context is stopped. Cancel-safe; needs no particular runtime.
    ///
    /// # Errors
    /// The error that stopped the context, if one did; [`EngineError::State`] if it was never started.
    pub async fn await_termination(&self) -> Result<(), EngineError> {
        self.shared.lifecycle.terminated().await
    }

    /// As [`StreamingContext::await_termination`], at most for `timeout`: true if the context is stopped, false if the time ran
    /// out. Must be called inside a tokio runtime with time enabled. Cancel-safe.
    ///
    /// # Errors
    /// As [`StreamingContext::await_termination`].
    pub async fn await_termination_or_timeout(
        &self,
        timeout: Duration,
    ) -> Result<bool, EngineError> {
        match tokio::time::timeout(timeout, self.await_termination()).await {
            Ok(result) => result.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// The time now on the context's clock.
    pub fn now(&self) -> Time {
        self.shared.clock.now()
    }
}

impl fmt::Debug for StreamingContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingContext")
            .field("app_name", &self.app_name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
