use std::thread::{Builder, JoinHandle};

use super::rate::RateLimit;
use super::restart::Backoff;
use super::{Receiver, ReceiverOptions, ReceiverStore};
use crate::operator::guard;
use crate::source::{BatchInput, InputSource, SourceContext};
use crate::{BoxError, Data, EngineError, Operator, Time};

/// A receiver as the source of a stream.
pub(super) struct ReceiverSource<T, R> {
    operator: Operator,
    /// Moves to its thread.
    receiver: Option<R>,
    options: ReceiverOptions,
    running: Option<Running<T>>,
}

struct Running<T> {
    store: ReceiverStore<T>,
    rate: RateLimit,
    partitions: usize,
    thread: JoinHandle<()>,
}

impl<T: Data, R: Receiver<T>> ReceiverSource<T, R> {
    pub(super) fn new(operator: Operator, receiver: R, options: ReceiverOptions) -> Self {
        ReceiverSource {
            operator,
            receiver: Some(receiver),
            options,
            running: None,
        }
    }
}

impl<T: Data, R: Receiver<T>> InputSource<T> for ReceiverSource<T, R> {
    fn name(&self) -> &'static str {
        self.operator.name()
    }

    fn start(&mut self, context: &SourceContext) -> Result<(), BoxError> {
        let mut receiver = self
            .receiver
            .take()
            .ok_or("the source was started before")?;
        let rate = RateLimit::new(self.options.max_rate, context.batch_duration());
        let capacity = rate.capacity(self.options.max_buffered);
        let store = ReceiverStore::new(self.operator, context, capacity);
        let (operator, options, used) = (self.operator, self.options.clone(), store.clone());
        let thread = Builder::new()
            .name("stream-receiver".to_owned())
            .spawn(move || {
                receive(operator, &mut receiver, &used, &options);
                // What the receiver holds is let go of before anybody hears that it has ended.
                let _ = guard(operator, || drop(receiver));
                used.thread_ended();
            })?;
        self.running = Some(Running {
            store,
            rate,
            partitions: match self.options.partitions {
                0 => context.rdd_context().threads(),
                partitions => partitions,
            },
            thread,
        });
        Ok(())
    }

    fn limit_rate(&mut self, records_per_second: f64) {
        if let Some(running) = &mut self.running {
            running.rate.limit(records_per_second);
            let capacity = running.rate.capacity(self.options.max_buffered);
            running.store.set_capacity(capacity);
        }
    }

    fn plan(&mut self, time: Time) -> Result<Option<BatchInput<T>>, BoxError> {
        let running = self.running.as_mut().ok_or("the source is not started")?;
        let records = running.store.take(running.rate.take(time));
        let count = records.len();
        if count == 0 {
            return Ok(None);
        }
        let rdds = running.store.context().rdd_context();
        Ok(Some(BatchInput {
            rdd: rdds.parallelize(records, running.partitions.min(count)),
            records: count as u64,
            description: format!("{count} records received"),
        }))
    }

    fn commit(&mut self, _time: Time) -> Result<(), BoxError> {
        if let Some(running) = &self.running {
            running.store.commit();
        }
        Ok(())
    }

    fn finish(&mut self) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.store.finish())
    }

    fn stop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        running.store.stop();
        let timeout = self.options.stop_timeout;
        if running.store.wait_thread(timeout) {
            // It catches all panics but its own.
            let _ = running.thread.join();
        } else {
            tracing::warn!(receiver = %self.operator, ?timeout, "a receiver did not stop in time: it is left to itself");
        }
    }
}

/// Runs the receiver until the context stops, and once more after each time it returned before.
fn receive<T, R: Receiver<T>>(
    operator: Operator,
    receiver: &mut R,
    store: &ReceiverStore<T>,
    options: &ReceiverOptions,
) {
    let mut backoff = Backoff::new(options.restart_delay, options.max_restart_delay);
    let mut last_error = None;
    while !store.is_stopped() {
        let info = store.info(last_error.take(), None);
        store.tell(|listener| listener.on_receiver_started(&info));
        let stored_before = store.stored();
        let result = guard(operator, || receiver.run(store))
            .and_then(|result| result.map_err(|cause| EngineError::failed(operator, cause)));
        store.clear_interrupt();
        let stopped = store.is_stopped();
        // Whatever a receiver complains of while it is stopped is no error.
        last_error = result.err().filter(|_| !stopped);
        if let Some(error) = &last_error {
            tracing::warn!(%error, "a receiver failed");
            let info = store.info(Some(error.clone()), None);
            store.tell(|listener| listener.on_receiver_error(&info));
        }
        let delay = (!stopped).then(|| backoff.after(store.stored() > stored_before));
        let info = store.info(last_error.clone(), delay);
        let clock = store.context().clock();
        let restart = delay.map(|delay| clock.now() + delay);
        store.tell(|listener| listener.on_receiver_stopped(&info));
        while let Some(restart) = restart
            && clock.now() < restart
            && !store.is_stopped()
        {
            clock.wait_until(restart, store.restart());
        }
    }
    store.wait_stopped();
    match guard(operator, || receiver.on_stop(store)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, receiver = %operator, "stopping a receiver"),
        Err(error) => tracing::warn!(%error, "stopping a receiver"),
    }
}
