//! Sources of one's own that push records: a thread receives them, batches take what has come.

mod rate;
mod restart;
mod source;
mod store;
#[cfg(test)]
mod tests;

pub use store::{ReceiverStopped, ReceiverStore};

use std::time::Duration;

use crate::{BoxError, DStream, Data, EngineError, Operator, StreamingContext};
use source::ReceiverSource;

/// A source of one's own that receives records from outside, such as a message queue (Spark's `Receiver`).
///
/// It runs on a thread of its own and may block. What it [stores](ReceiverStore::store) goes into the next batch; while too
/// much waits, storing blocks, and so slows down whoever sends.
///
/// For at-least-once delivery from a system that acknowledges, acknowledge what has been
/// [committed](ReceiverStore::committed) and not what has been stored: `store` says how many records that will be.
///
/// ```no_run
/// use std::sync::mpsc;
/// use std::time::Duration;
/// use stream_engine::{BoxError, Receiver, ReceiverStore, StreamingContext};
///
/// /// Receives from a channel of this process.
/// struct Channel(mpsc::Receiver<String>);
///
/// impl Receiver<String> for Channel {
///     fn run(&mut self, store: &ReceiverStore<String>) -> Result<(), BoxError> {
///         while !store.is_stopped() {
///             match self.0.recv_timeout(Duration::from_millis(100)) {
///                 Ok(line) => {
///                     store.store(line)?;
///                 }
///                 Err(mpsc::RecvTimeoutError::Timeout) => {}
///                 Err(error) => return Err(error.into()),
///             }
///         }
///         Ok(())
///     }
/// }
///
/// let (sender, receiver) = mpsc::channel();
/// let ssc = StreamingContext::builder("channel").batch_duration(Duration::from_secs(1)).build()?;
/// ssc.receiver_stream(Channel(receiver))?.print();
/// ssc.start()?;
/// sender.send("to be".to_owned())?;
/// # Ok::<_, BoxError>(())
/// ```
pub trait Receiver<T>: Send + 'static {
    /// Receives until the store [is stopped](ReceiverStore::is_stopped) or something is wrong. When it returns earlier, with
    /// an error or without, or panics, it is called again after a delay; an error is told to listeners. (Spark's `onStart`,
    /// `restart` and `reportError`.)
    ///
    /// When the context stops, `store` fails and `is_stopped` is true. A call that blocks for long elsewhere should be ended
    /// by [`ReceiverStore::interrupt_with`]; a thread that has not returned in time is left alone.
    fn run(&mut self, store: &ReceiverStore<T>) -> Result<(), BoxError>;

    /// Called once on the same thread when no further batch will come, so that the last of what has been
    /// [committed](ReceiverStore::committed) can be acknowledged (Spark's `onStop`).
    fn on_stop(&mut self, _store: &ReceiverStore<T>) -> Result<(), BoxError> {
        Ok(())
    }
}

/// How much a receiver may store, and how it is started again.
#[derive(Clone, Debug)]
pub struct ReceiverOptions {
    /// How many records may wait for their batch before storing blocks; by default 100,000. With a rate limit, no more than
    /// one batch or second of it.
    pub max_buffered: usize,
    /// How many records a second batches take at most (Spark's `spark.streaming.receiver.maxRate`); by default without limit.
    /// Back-pressure can only lower it.
    pub max_rate: Option<f64>,
    /// How long to wait before a receiver that returned is started again; by default 2 s (Spark's
    /// `spark.streaming.receiverRestartDelay`). Doubled each time until it stores something.
    pub restart_delay: Duration,
    /// The longest such wait; by default 1 minute.
    pub max_restart_delay: Duration,
    /// The number of partitions of each batch; by default (or 0) one for each thread of the context.
    pub partitions: usize,
    /// How long stopping the context waits for the receiver to return; by default 2 s.
    pub stop_timeout: Duration,
}

impl Default for ReceiverOptions {
    fn default() -> Self {
        ReceiverOptions {
            max_buffered: 100_000,
            max_rate: None,
            restart_delay: Duration::from_secs(2),
            max_restart_delay: Duration::from_secs(60),
            partitions: 0,
            stop_timeout: Duration::from_secs(2),
        }
    }
}

impl ReceiverOptions {
    fn check(&self) -> Result<(), EngineError> {
        let problem = |setting, problem: &str| {
            let problem = problem.to_owned();
            Err(EngineError::Setting { setting, problem })
        };
        match self.max_rate {
            _ if self.max_buffered == 0 => problem(
                "max_buffered",
                "with 0 records nothing could ever be stored: give at least 1",
            ),
            Some(rate) if !(rate.is_finite() && rate > 0.0) => problem(
                "max_rate",
                &format!("{rate} records a second: give more than 0, or None for no limit"),
            ),
            _ if self.restart_delay.is_zero() => problem(
                "restart_delay",
                "without a delay a receiver that fails at once would never rest: give at least 1 ms",
            ),
            _ => Ok(()),
        }
    }
}

impl StreamingContext {
    /// A stream of what `receiver` receives.
    ///
    /// A graceful stop first stops the receiver, and then has one more batch of everything stored by then: nothing that
    /// [`store`](ReceiverStore::store) took is lost. Any other end loses what waits in memory, so a receiver that must not
    /// lose it acknowledges only what is committed.
    ///
    /// # Errors
    /// [`EngineError::State`] after the context was started.
    #[track_caller]
    pub fn receiver_stream<T: Data>(
        &self,
        receiver: impl Receiver<T>,
    ) -> Result<DStream<T>, EngineError> {
        let operator = Operator::here("receiver_stream");
        self.receiver_stream_at(operator, receiver, ReceiverOptions::default())
    }

    /// As [`StreamingContext::receiver_stream`], with options.
    ///
    /// # Errors
    /// As there, and [`EngineError::Setting`] for impossible options.
    #[track_caller]
    pub fn receiver_stream_with<T: Data>(
        &self,
        receiver: impl Receiver<T>,
        options: ReceiverOptions,
    ) -> Result<DStream<T>, EngineError> {
        let operator = Operator::here("receiver_stream");
        self.receiver_stream_at(operator, receiver, options)
    }

    pub(super) fn receiver_stream_at<T: Data>(
        &self,
        operator: Operator,
        receiver: impl Receiver<T>,
        options: ReceiverOptions,
    ) -> Result<DStream<T>, EngineError> {
        options.check()?;
        self.input_stream_at(operator, ReceiverSource::new(operator, receiver, options))
    }
}
