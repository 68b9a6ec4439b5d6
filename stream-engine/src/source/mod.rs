//! Where streams come from.

mod files;
mod queue;
mod receiver;
mod socket;

pub use files::{FileError, FileStreamOptions};
pub use queue::{QueueOptions, RddQueue};
pub use receiver::{Receiver, ReceiverOptions, ReceiverStopped, ReceiverStore};
pub use socket::SocketError;

use std::sync::Arc;
use std::time::Duration;

use crate::{BoxError, Clock, Data, Rdd, RddContext, StreamingListener, Wakeup};
use crate::{Time, Trigger, context::Shared};

/// What an input stream gives to one batch: fixed, so that reading it twice gives the same.
#[derive(Debug)]
pub struct BatchInput<T> {
    /// The records.
    pub rdd: Rdd<T>,
    /// How many there are, as far as known before reading; for listeners and rates.
    pub records: u64,
    /// The extent for people to read, such as `lines-0: 1200..1300`.
    pub description: String,
}

/// An input of a streaming program, such as the topics of a Kafka cluster.
///
/// The scheduler calls it on its own thread, one call at a time, in this order:
///
/// 1. [`start`](InputSource::start), once;
/// 2. for each batch [`plan`](InputSource::plan), which fixes what the batch reads;
/// 3. when **all** output operations of the batch have succeeded, [`commit`](InputSource::commit), before the next `plan`;
///    after a failure neither `commit` nor another `plan` follows, and what was planned counts as not consumed;
/// 4. [`finish`](InputSource::finish) when the context is asked to stop gracefully, once, before the last batch;
/// 5. [`stop`](InputSource::stop), once, if `start` has succeeded.
///
/// A panic in any of them fails the batch like an error.
pub trait InputSource<T>: Send + 'static {
    /// What errors and listeners call it, such as `kafka_direct_stream`.
    fn name(&self) -> &'static str;

    /// Connects, and finds where to begin. An error makes `StreamingContext::start` fail.
    fn start(&mut self, _context: &SourceContext) -> Result<(), BoxError> {
        Ok(())
    }

    /// From the next batch on, gives at most so many records a second, because batches take longer than their interval. Told
    /// after each batch from which a rate could be learned; a source that cannot be slowed down need not listen.
    fn limit_rate(&mut self, _records_per_second: f64) {}

    /// Fixes what the batch `time` reads: everything new, up to the source's own limits. Nothing if there is nothing new;
    /// the batch then sees an RDD without records, and with [`Trigger::Continuous`](crate::Trigger::Continuous) does not
    /// take place unless another source has something. Must return at once or within a short bounded time; reading is done
    /// by the RDD. When new data appears later, the source notifies [`SourceContext::wakeup`].
    fn plan(&mut self, time: Time) -> Result<Option<BatchInput<T>>, BoxError>;

    /// Makes it durable that everything planned up to batch `time` is consumed.
    fn commit(&mut self, _time: Time) -> Result<(), BoxError> {
        Ok(())
    }

    /// The context stops gracefully: take in nothing more from outside. True if something that was taken in before waits for
    /// a batch; one more batch takes place then, and its `plan` gets all of it.
    fn finish(&mut self) -> bool {
        false
    }

    /// Lets go of connections and threads.
    fn stop(&mut self) {}
}

/// What a source gets from the context it belongs to.
#[derive(Clone)]
pub struct SourceContext {
    shared: Arc<Shared>,
}

impl SourceContext {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        SourceContext { shared }
    }

    /// The application's name.
    pub fn app_name(&self) -> &str {
        &self.shared.app_name
    }

    /// Makes the RDDs that `plan` returns.
    pub fn rdd_context(&self) -> &RddContext {
        &self.shared.rdds
    }

    /// To be notified when new data has arrived.
    pub fn wakeup(&self) -> &Wakeup {
        &self.shared.lifecycle.wakeup
    }

    /// Whether the context was asked to stop, for what takes long in `start`.
    pub(crate) fn is_stopping(&self) -> bool {
        self.shared.lifecycle.is_stopping()
    }

    /// Tells every listener.
    pub(crate) fn tell(&self, event: impl Fn(&dyn StreamingListener)) {
        self.shared.tell(event);
    }

    /// The batch interval, for rates.
    pub fn batch_duration(&self) -> Duration {
        self.shared.batch_duration
    }

    /// When batches take place.
    pub fn trigger(&self) -> Trigger {
        self.shared.trigger
    }

    /// The context's clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }
}

impl std::fmt::Debug for SourceContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceContext")
            .field("app_name", &self.app_name())
            .finish_non_exhaustive()
    }
}

impl<T: Data> BatchInput<T> {
    /// `rdd` with `records` records, described by nothing else.
    pub fn new(rdd: Rdd<T>, records: u64) -> Self {
        BatchInput {
            rdd,
            records,
            description: String::new(),
        }
    }
}
