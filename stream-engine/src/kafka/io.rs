//! Where Kafka's sockets and timers run, apart from the threads that compute.

use std::sync::mpsc;

use tokio::runtime::{Builder, Runtime};

use crate::BoxError;

/// A thread that drives the connections of one source or sink.
#[derive(Debug)]
pub(crate) struct Io {
    runtime: Option<Runtime>,
}

impl Io {
    pub(crate) fn start() -> Result<Self, BoxError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("kafka-io")
            .enable_all()
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
        })
    }

    /// Runs a future there and waits for it: from any thread, also from one that belongs to another runtime.
    pub(super) fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, BoxError> {
        let (done, result) = mpsc::sync_channel(1);
        self.spawn(async move {
            let _ = done.send(future.await);
        });
        result
            .recv()
            .map_err(|_| "the Kafka I/O thread has ended".into())
    }

    /// Runs a future that borrows, on a thread that belongs to no runtime, such as those of the pool.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> Result<T, BoxError> {
        match &self.runtime {
            Some(runtime) => Ok(runtime.handle().block_on(future)),
            None => Err("the Kafka I/O thread has ended".into()),
        }
    }

    /// Runs what closes a client there and waits for it. An error is logged: nothing can be done about it any more.
    pub(super) fn close(
        &self,
        closing: impl Future<Output = kafka_client::Result<()>> + Send + 'static,
    ) {
        let closed = self.run(closing).and_then(|result| Ok(result?));
        if let Err(error) = closed {
            tracing::warn!(%error, "closing a connection to Kafka");
        }
    }

    /// Starts a future there.
    pub(super) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(future);
        }
    }
}

impl Drop for Io {
    fn drop(&mut self) {
        // Waiting for its tasks is not allowed on a thread of another runtime, and what had to be finished has been.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
