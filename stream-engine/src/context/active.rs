use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::{ContextState, Owner, StreamingContext};

/// The contexts that were started, in this order; those that have stopped are dropped by the next start.
static STARTED: Mutex<Vec<Weak<Owner>>> = Mutex::new(Vec::new());

fn started() -> MutexGuard<'static, Vec<Weak<Owner>>> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn register(context: &StreamingContext) {
    let mut started = started();
    // Only the state is looked at: a handle made here could be the last one, and would stop its context at a distance.
    started.retain(|owner| owner.strong_count() > 0);
    started.push(Arc::downgrade(&context.owner));
}

/// Contexts that run already. Unlike Spark, which allows one active context per JVM, a process may run any number of them
/// side by side; the application's name tells them apart.
impl StreamingContext {
    /// The active context of the application `app_name` in this process; of several the one that was started last (Spark's
    /// `getActive`).
    ///
    /// The result is one more handle on the context, which therefore lives at least as long.
    pub fn get_active(app_name: &str) -> Option<StreamingContext> {
        let owners: Vec<_> = started().iter().rev().filter_map(Weak::upgrade).collect();
        owners
            .into_iter()
            .map(|owner| StreamingContext {
                shared: owner.shared.clone(),
                owner,
            })
            .find(|ssc| ssc.app_name() == app_name && ssc.state() == ContextState::Active)
    }

    /// The active context of the application `app_name`, or if there is none what `create` makes (Spark's
    /// `getActiveOrCreate`). `create` does not start it.
    ///
    /// # Errors
    /// Those of `create`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use stream_engine::{ContextState, EngineError, StreamingContext};
    /// fn describe() -> Result<StreamingContext, EngineError> {
    ///     let ssc = StreamingContext::builder("word-count").batch_duration(Duration::from_secs(1)).build()?;
    ///     // ... streams and outputs ...
    ///     Ok(ssc)
    /// }
    /// let ssc = StreamingContext::get_active_or_create("word-count", describe)?;
    /// assert_eq!(ssc.state(), ContextState::Initialized);
    /// # Ok::<_, EngineError>(())
    /// ```
    pub fn get_active_or_create<E>(
        app_name: &str,
        create: impl FnOnce() -> Result<StreamingContext, E>,
    ) -> Result<StreamingContext, E> {
        Self::get_active(app_name).map_or_else(create, Ok)
    }

    /// What `create` makes: the form in which Spark's users write programs that go on where they stopped (Spark's
    /// `getOrCreate`, without its path).
    ///
    /// Spark stores the program itself, closures included, in a checkpoint directory, and calls `create` only if there is
    /// none, so a changed program cannot read its own checkpoint. Here nothing of the program is stored and `create` runs at
    /// every start. What makes the new run go on is stored elsewhere, with every batch: the consumer group's offsets in
    /// Kafka say what has been processed, and the state of keys has a store of its own. Start the program again under the
    /// same `group_id`, and it continues with the first record that no committed batch has read.
    ///
    /// # Errors
    /// Those of `create`.
    pub fn get_or_create<E>(
        create: impl FnOnce() -> Result<StreamingContext, E>,
    ) -> Result<StreamingContext, E> {
        create()
    }
}
