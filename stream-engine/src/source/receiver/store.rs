use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::source::SourceContext;
use crate::{BoxError, EngineError, Operator, ReceiverInfo, StreamingListener, Wakeup};

/// The context is stopping: nothing more is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the context is stopping: nothing more is stored, return from run")]
pub struct ReceiverStopped;

/// Where a [`Receiver`](crate::Receiver) puts what it receives. Clones are the same store, for other threads of the receiver.
pub struct ReceiverStore<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    /// A batch has taken records, or the phase has changed.
    room: Condvar,
    /// Something was committed, a call of `store` or the thread has ended, or the phase has changed.
    progress: Condvar,
    /// Ends the wait for a restart.
    restart: Wakeup,
    operator: Operator,
    context: SourceContext,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Receiving,
    /// Calls in progress are let in, others are refused.
    Finishing,
    /// Nothing is let in; no further batch comes.
    Stopped,
    /// Nobody waits for the thread any more: it tells listeners nothing.
    Abandoned,
}

struct State<T> {
    waiting: VecDeque<T>,
    capacity: usize,
    phase: Phase,
    /// How many calls of `store` wait for room.
    blocked: usize,
    stored: u64,
    /// How many of the records stored belong to a batch, and how many to one that is committed.
    planned: u64,
    committed: u64,
    interrupt: Option<Box<dyn FnOnce() + Send>>,
    thread_ended: bool,
}

impl<T> Clone for ReceiverStore<T> {
    fn clone(&self) -> Self {
        ReceiverStore {
            shared: self.shared.clone(),
        }
    }
}

impl<T> fmt::Debug for ReceiverStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("ReceiverStore")
            .field("operator", &self.shared.operator)
            .field("stored", &state.stored)
            .field("committed", &state.committed)
            .finish_non_exhaustive()
    }
}

/// For receivers.
impl<T> ReceiverStore<T> {
    /// Stores a record. Blocks while as many wait as may, so that whoever sends is slowed down.
    ///
    /// Returns how many records have been stored since the context started. When [`ReceiverStore::committed`] has reached
    /// that number, this record belongs to a committed batch.
    ///
    /// # Errors
    /// [`ReceiverStopped`] if the context is stopping; the record is not stored. A call that waits for room when the context
    /// begins to stop gracefully stores its record.
    pub fn store(&self, record: T) -> Result<u64, ReceiverStopped> {
        self.push(self.state(), &mut Some(record))
    }

    /// As [`ReceiverStore::store`] for many records at once, which is faster; takes them out of `records`.
    ///
    /// # Errors
    /// As there; the records that are not stored are left in `records`.
    pub fn store_all(&self, records: &mut Vec<T>) -> Result<u64, ReceiverStopped> {
        self.push(self.state(), records)
    }

    fn push<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<T>>,
        records: &mut impl Source<T>,
    ) -> Result<u64, ReceiverStopped> {
        if state.phase != Phase::Receiving {
            return Err(ReceiverStopped);
        }
        loop {
            let room = match state.phase {
                Phase::Receiving => state.capacity.saturating_sub(state.waiting.len()),
                Phase::Finishing => usize::MAX,
                Phase::Stopped | Phase::Abandoned => return Err(ReceiverStopped),
            };
            let before = state.waiting.len();
            records.give(room, &mut state.waiting);
            state.stored += (state.waiting.len() - before) as u64;
            if before == 0 && !state.waiting.is_empty() {
                self.shared.context.wakeup().notify();
            }
            if records.is_empty() {
                return Ok(state.stored);
            }
            state.blocked += 1;
            state = self
                .shared
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.blocked -= 1;
            if state.phase != Phase::Receiving {
                self.shared.progress.notify_all();
            }
        }
    }

    /// Whether the context is stopping and [`Receiver::run`](crate::Receiver::run) should return.
    pub fn is_stopped(&self) -> bool {
        self.state().phase != Phase::Receiving
    }

    /// How many records have been stored since the context started, also before a restart of the receiver.
    pub fn stored(&self) -> u64 {
        self.state().stored
    }

    /// How many of the records stored, from the first on, belong to batches that are committed: these may be acknowledged.
    pub fn committed(&self) -> u64 {
        self.state().committed
    }

    /// Waits until the first `count` records stored belong to committed batches, at most for `timeout`. False if they do
    /// not by then, or if no further batch will come.
    pub fn wait_committed(&self, count: u64, timeout: Duration) -> bool {
        let state = self.wait_progress(timeout, |state| {
            state.committed >= count || state.phase >= Phase::Stopped
        });
        state.committed >= count
    }

    /// Has `interrupt` called from another thread when the context begins to stop, to end a call that blocks, such as by
    /// shutting a socket down; at once if it stops already. Replaces the one before, and holds until `run` returns.
    pub fn interrupt_with(&self, interrupt: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if state.phase == Phase::Receiving {
            state.interrupt = Some(Box::new(interrupt));
        } else {
            drop(state);
            interrupt();
        }
    }

    /// Tells listeners of an error after which receiving goes on (Spark's `reportError`).
    pub fn report_error(&self, error: impl Into<BoxError>) {
        let error = EngineError::failed(self.shared.operator, error.into());
        let info = self.info(Some(error), None);
        self.tell(|listener| listener.on_receiver_error(&info));
    }
}

/// For the source and its thread.
impl<T> ReceiverStore<T> {
    pub(super) fn new(operator: Operator, context: &SourceContext, capacity: usize) -> Self {
        ReceiverStore {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    waiting: VecDeque::new(),
                    capacity,
                    phase: Phase::Receiving,
                    blocked: 0,
                    stored: 0,
                    planned: 0,
                    committed: 0,
                    interrupt: None,
                    thread_ended: false,
                }),
                room: Condvar::new(),
                progress: Condvar::new(),
                restart: Wakeup::default(),
                operator,
                context: context.clone(),
            }),
        }
    }

    pub(super) fn context(&self) -> &SourceContext {
        &self.shared.context
    }

    pub(super) fn restart(&self) -> &Wakeup {
        &self.shared.restart
    }

    pub(super) fn set_capacity(&self, capacity: usize) {
        self.state().capacity = capacity;
        self.shared.room.notify_all();
    }

    /// Takes at most `limit` records for a batch; all of them if it is the last one.
    pub(super) fn take(&self, limit: usize) -> Vec<T> {
        let mut state = self.state();
        let taken: Vec<T> = if state.phase != Phase::Receiving || limit >= state.waiting.len() {
            std::mem::take(&mut state.waiting).into()
        } else {
            state.waiting.drain(..limit).collect()
        };
        state.planned += taken.len() as u64;
        self.shared.room.notify_all();
        taken
    }

    pub(super) fn commit(&self) {
        let mut state = self.state();
        state.committed = state.planned;
        self.shared.progress.notify_all();
    }

    /// Lets calls in progress in, refuses others; true if records wait for a batch.
    pub(super) fn finish(&self) -> bool {
        self.enter(Phase::Finishing);
        let mut state = self.state();
        while state.blocked > 0 {
            state = self
                .shared
                .progress
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        !state.waiting.is_empty()
    }

    /// Refuses everything.
    pub(super) fn stop(&self) {
        self.enter(Phase::Stopped);
    }

    fn enter(&self, phase: Phase) {
        let mut state = self.state();
        state.phase = state.phase.max(phase);
        let interrupt = state.interrupt.take();
        self.shared.room.notify_all();
        self.shared.progress.notify_all();
        drop(state);
        self.shared.restart.notify();
        if let Some(interrupt) = interrupt
            && let Err(error) = crate::operator::guard(self.shared.operator, interrupt)
        {
            tracing::warn!(%error, "interrupting a receiver");
        }
    }

    /// A run has ended: there is nothing to interrupt any more.
    pub(super) fn clear_interrupt(&self) {
        self.state().interrupt = None;
    }

    /// Waits until no further batch will come.
    pub(super) fn wait_stopped(&self) {
        let mut state = self.state();
        while state.phase < Phase::Stopped {
            state = self
                .shared
                .progress
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn thread_ended(&self) {
        self.state().thread_ended = true;
        self.shared.progress.notify_all();
    }

    /// Waits for the thread's end; if that takes longer than `timeout`, nothing is heard of it any more. True if it ended.
    pub(super) fn wait_thread(&self, timeout: Duration) -> bool {
        let mut state = self.wait_progress(timeout, |state| state.thread_ended);
        if !state.thread_ended {
            state.phase = Phase::Abandoned;
        }
        state.thread_ended
    }

    pub(super) fn info(
        &self,
        last_error: Option<EngineError>,
        restart_in: Option<Duration>,
    ) -> ReceiverInfo {
        ReceiverInfo {
            operator: self.shared.operator,
            stored: self.stored(),
            last_error,
            restart_in,
        }
    }

    pub(super) fn tell(&self, event: impl Fn(&dyn StreamingListener)) {
        if self.state().phase != Phase::Abandoned {
            self.shared.context.shared.tell(event);
        }
    }

    fn wait_progress(
        &self,
        timeout: Duration,
        done: impl Fn(&State<T>) -> bool,
    ) -> MutexGuard<'_, State<T>> {
        let started = Instant::now();
        let mut state = self.state();
        while !done(&state) {
            let Some(left) = timeout
                .checked_sub(started.elapsed())
                .filter(|d| !d.is_zero())
            else {
                break;
            };
            state = self
                .shared
                .progress
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        state
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn blocked(&self) -> usize {
        self.state().blocked
    }
}

/// What is to be stored: one record without a `Vec` around it, or many.
trait Source<T> {
    fn give(&mut self, room: usize, waiting: &mut VecDeque<T>);
    fn is_empty(&self) -> bool;
}

impl<T> Source<T> for Option<T> {
    fn give(&mut self, room: usize, waiting: &mut VecDeque<T>) {
        if room > 0 {
            waiting.extend(self.take());
        }
    }

    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

impl<T> Source<T> for Vec<T> {
    fn give(&mut self, room: usize, waiting: &mut VecDeque<T>) {
        let count = room.min(self.len());
        waiting.extend(self.drain(..count));
    }

    fn is_empty(&self) -> bool {
        Vec::is_empty(self)
    }
}
