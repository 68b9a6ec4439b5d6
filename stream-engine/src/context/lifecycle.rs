use std::fmt;
use std::sync::Weak;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::watch;

use super::Shared;
use super::blocking::block_on;
use crate::{EngineError, Wakeup};

/// Where a streaming context is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContextState {
    /// Streams and outputs may be added.
    #[default]
    Initialized,
    /// Batches take place.
    Active,
    /// Stopped for good, by request or by an error.
    Stopped,
}

impl fmt::Display for ContextState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ContextState::Initialized => "not started",
            ContextState::Active => "active",
            ContextState::Stopped => "stopped",
        })
    }
}

/// How a context was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    No,
    Gracefully,
    Now,
}

impl From<u8> for Stop {
    fn from(value: u8) -> Self {
        match value {
            0 => Stop::No,
            1 => Stop::Gracefully,
            _ => Stop::Now,
        }
    }
}

/// Waits for a context to stop, or to be dropped.
pub(super) struct Stopped(watch::Receiver<Status>);

impl Stopped {
    pub(super) async fn wait(mut self) {
        // An error says that the sender is gone, and the context with it.
        let _ = self
            .0
            .wait_for(|status| status.state == ContextState::Stopped)
            .await;
    }
}

#[derive(Clone, Debug, Default)]
struct Status {
    state: ContextState,
    error: Option<EngineError>,
}

/// State and stop requests of a context.
pub(crate) struct Lifecycle {
    status: watch::Sender<Status>,
    stop: AtomicU8,
    /// Wakes the scheduler's thread.
    pub(crate) wakeup: Wakeup,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Lifecycle {
            status: watch::Sender::new(Status::default()),
            stop: AtomicU8::new(0),
            wakeup: Wakeup::default(),
        }
    }
}

impl Lifecycle {
    pub(crate) fn state(&self) -> ContextState {
        self.status.borrow().state
    }

    /// For what must be done before start.
    pub(crate) fn expect_initialized(&self, action: &'static str) -> Result<(), EngineError> {
        let state = self.state();
        let remedy = match state {
            ContextState::Initialized => return Ok(()),
            ContextState::Active => "do so before start",
            ContextState::Stopped => "build a new StreamingContext",
        };
        Err(EngineError::State {
            action,
            state,
            remedy,
        })
    }

    /// Whether it is the first time that the context is started.
    pub(super) fn expect_not_started(&self) -> Result<(), EngineError> {
        match self.state() {
            ContextState::Initialized => Ok(()),
            state => Err(EngineError::State {
                action: "start",
                state,
                remedy: "build a new StreamingContext",
            }),
        }
    }

    /// From Initialized to Active; fails if somebody else was faster.
    pub(super) fn activate(&self) -> Result<(), EngineError> {
        let activated = self.status.send_if_modified(|status| {
            let initialized = status.state == ContextState::Initialized;
            if initialized {
                status.state = ContextState::Active;
            }
            initialized
        });
        if activated {
            Ok(())
        } else {
            self.expect_not_started()
        }
    }

    /// To Stopped, with the error that was the cause.
    pub(crate) fn finish(&self, error: Option<EngineError>) {
        self.status.send_modify(|status| {
            *status = Status {
                state: ContextState::Stopped,
                error,
            }
        });
    }

    /// Returns what was requested before.
    fn request(&self, stop: Stop) -> Stop {
        let before = Stop::from(self.stop.fetch_max(stop as u8, Ordering::SeqCst));
        // Stopped before it was started: there is no scheduler that would do it.
        self.status.send_if_modified(|status| {
            let initialized = status.state == ContextState::Initialized;
            if initialized {
                status.state = ContextState::Stopped;
            }
            initialized
        });
        self.wakeup.notify();
        before
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.requested() != Stop::No
    }

    pub(crate) fn requested(&self) -> Stop {
        Stop::from(self.stop.load(Ordering::SeqCst))
    }

    /// To wait for the end without keeping the context alive.
    pub(super) fn stopped(&self) -> Stopped {
        Stopped(self.status.subscribe())
    }

    pub(super) async fn terminated(&self) -> Result<(), EngineError> {
        let mut status = self.status.subscribe();
        if status.borrow().state == ContextState::Initialized {
            return Err(EngineError::State {
                action: "await termination",
                state: ContextState::Initialized,
                remedy: "call start first",
            });
        }
        // The sender lives in `self`, so waiting cannot fail.
        let _ = status
            .wait_for(|status| status.state == ContextState::Stopped)
            .await;
        let error = self.status.borrow().error.clone();
        error.map_or(Ok(()), Err)
    }
}

/// Stops a streaming context from elsewhere. Cheap to clone; does not keep the context alive.
#[derive(Clone)]
pub struct StopHandle {
    shared: Weak<Shared>,
}

impl StopHandle {
    pub(super) fn new(shared: Weak<Shared>) -> Self {
        StopHandle { shared }
    }

    /// Asks the context to stop as soon as possible; see [`StreamingContext::stop`](crate::StreamingContext::stop).
    pub fn stop(&self) {
        if let Some(shared) = self.shared.upgrade() {
            let was_active = shared.lifecycle.state() == ContextState::Active;
            shared.lifecycle.request(Stop::Now);
            if was_active {
                shared.rdds.pool().cancel();
                // Stopped in between: nobody would take the cancellation back.
                if shared.lifecycle.state() == ContextState::Stopped {
                    shared.rdds.pool().resume();
                }
            }
        }
    }

    /// Asks the context to stop after its current batch; see
    /// [`StreamingContext::stop_gracefully`](crate::StreamingContext::stop_gracefully).
    pub fn stop_gracefully(&self) {
        if let Some(shared) = self.shared.upgrade() {
            let before = shared.lifecycle.request(Stop::Gracefully);
            if before == Stop::No && shared.lifecycle.state() == ContextState::Active {
                self.stop_after(&shared);
            }
        }
    }

    /// Stops the context without grace if it has not stopped by itself when its time-out has passed.
    fn stop_after(&self, shared: &Shared) {
        let (handle, timeout) = (self.clone(), shared.graceful_stop_timeout);
        let stopped = shared.lifecycle.stopped();
        let watch = move || {
            if block_on(stopped.wait(), Some(timeout)).is_none() {
                tracing::warn!(
                    ?timeout,
                    "the last batch was not finished in time after a graceful stop: cancelling it"
                );
                handle.stop();
            }
        };
        if let Err(error) = std::thread::Builder::new()
            .name("stream-stop".to_owned())
            .spawn(watch)
        {
            tracing::warn!(%error, "nobody watches the graceful stop's time-out");
        }
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StopHandle")
    }
}
