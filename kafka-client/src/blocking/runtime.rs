use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread, ThreadId};

use tokio::runtime::{Builder, Handle};
use tokio::task::coop::unconstrained;

use crate::error::{Error, Result};

/// The thread that does what goes on beside the calls.
#[derive(Debug)]
pub(super) struct Background {
    runtime: Handle,
    thread: ThreadId,
}

/// Starts it, if that has not been done.
pub(super) fn background() -> Result<&'static Background> {
    static BACKGROUND: OnceLock<Option<Background>> = OnceLock::new();
    let background = BACKGROUND.get_or_init(|| start().ok());
    background.as_ref().ok_or(Error::IllegalState {
        reason: "the background thread of the blocking clients could not be started: the system has no thread or no file descriptor left",
    })
}

fn start() -> std::io::Result<Background> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let thread = thread::Builder::new()
        .name("kafka-client".to_owned())
        .spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(Background {
        runtime: handle,
        thread: thread.thread().id(),
    })
}

impl Background {
    /// Does something beside the calls.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }
}

/// Waits for anything that the async clients do, on the thread that calls.
///
/// ```no_run
/// use kafka_client::blocking::{Producer, wait};
///
/// # fn main() -> kafka_client::Result<()> {
/// let producer = Producer::builder().bootstrap_servers("localhost:9092").build_blocking()?;
/// let partitions = wait(producer.as_async().partition_count("orders"))?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::IllegalState`] on the background thread itself, as in callbacks; those of what is waited for.
pub fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let background = background()?;
    if thread::current().id() == background.thread {
        return Err(Error::IllegalState {
            reason: "a blocking client was called on its own background thread, as by a callback: it would wait for itself; hand the work to another thread",
        });
    }
    let _entered = background.runtime.enter();
    // Within a task of another runtime, that task's budget would never be filled up again.
    park_on(unconstrained(future))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

fn park_on<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static WAKER: Waker = Waker::from(Arc::new(Unpark(thread::current())));
    }
    let mut future = pin!(future);
    let waker = WAKER
        .try_with(Waker::clone)
        .unwrap_or_else(|_| Waker::from(Arc::new(Unpark(thread::current()))));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            // An unpark that came in between makes it return at once.
            Poll::Pending => thread::park(),
        }
    }
}
