use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::StreamingContext;
use crate::EngineError;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future that needs no runtime in the calling thread; nothing if `timeout` passes before it is done.
pub(super) fn block_on<F: Future>(future: F, timeout: Option<Duration>) -> Option<F::Output> {
    // A deadline beyond the end of time is none.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        match deadline {
            None => thread::park(),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return None;
                }
                thread::park_timeout(left);
            }
        }
    }
}

/// For programs without async. Inside a runtime these block one of its threads: use the forms that are awaited there.
impl StreamingContext {
    /// As [`StreamingContext::await_termination`], blocking the calling thread.
    ///
    /// # Errors
    /// As there.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stream_engine::{RddQueue, StreamingContext};
    ///
    /// let ssc = StreamingContext::builder("no-async").batch_duration(Duration::from_millis(5)).threads(1).build()?;
    /// let handle = ssc.stop_handle();
    /// ssc.queue_stream(&RddQueue::<u8>::new())?.foreach_rdd(move |_| handle.stop_gracefully());
    /// ssc.start()?.await_termination_blocking()?;
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    pub fn await_termination_blocking(&self) -> Result<(), EngineError> {
        block_on(self.await_termination(), None).unwrap_or(Ok(()))
    }

    /// As [`StreamingContext::await_termination_or_timeout`], blocking the calling thread: true if the context is stopped,
    /// false if the time ran out.
    ///
    /// # Errors
    /// As [`StreamingContext::await_termination`].
    pub fn await_termination_or_timeout_blocking(
        &self,
        timeout: Duration,
    ) -> Result<bool, EngineError> {
        match block_on(self.await_termination(), Some(timeout)) {
            Some(result) => result.map(|()| true),
            None => Ok(false),
        }
    }
}
