use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use super::{Backpressure, Graph, Lifecycle, Shared, StreamingContext, Trigger};
use crate::{Clock, EngineError, RddContext, StreamingListener, SystemClock};

/// What a graceful stop waits by default however short the batches are: a batch of 10 ms may still take a second.
const LEAST_GRACE: Duration = Duration::from_secs(10);

/// Configures a [`StreamingContext`]; see [`StreamingContext::builder`].
pub struct StreamingContextBuilder {
    app_name: String,
    batch_duration: Option<Duration>,
    trigger: Trigger,
    backpressure: Backpressure,
    threads: usize,
    rdds: Option<RddContext>,
    clock: Arc<dyn Clock>,
    listeners: Vec<Arc<dyn StreamingListener>>,
    graceful_stop_timeout: Option<Duration>,
}

impl StreamingContextBuilder {
    pub(super) fn new(app_name: String) -> Self {
        StreamingContextBuilder {
            app_name,
            batch_duration: None,
            trigger: Trigger::Interval,
            backpressure: Backpressure::default(),
            threads: 0,
            rdds: None,
            clock: Arc::new(SystemClock),
            listeners: Vec::new(),
            graceful_stop_timeout: None,
        }
    }

    /// The batch interval, in whole milliseconds. With [`Trigger::Continuous`] it is only the unit of which windows are
    /// multiples, and 1 ms if not set.
    pub fn batch_duration(mut self, interval: Duration) -> Self {
        self.batch_duration = Some(interval);
        self
    }

    /// When batches take place; by default every batch interval.
    pub fn trigger(mut self, trigger: Trigger) -> Self {
        self.trigger = trigger;
        self
    }

    /// How inputs are slowed down when batches cannot keep up with their interval
    /// (`spark.streaming.backpressure.*`); by default as [`Backpressure::default`] has it.
    pub fn backpressure(mut self, settings: Backpressure) -> Self {
        self.backpressure = settings;
        self
    }

    /// The number of worker threads; by default (or 0) one per core.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Shares the threads of an existing RDD context instead of starting new ones. Stopping the streaming context without grace
    /// cancels other work on them too.
    pub fn rdd_context(mut self, context: &RddContext) -> Self {
        self.rdds = Some(context.clone());
        self
    }

    /// The clock; by default the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Adds a listener.
    pub fn listener(mut self, listener: Arc<dyn StreamingListener>) -> Self {
        self.listeners.push(listener);
        self
    }

    /// How long [`stop_gracefully`](StreamingContext::stop_gracefully) waits for the current batch before it is cancelled;
    /// by default ten batch intervals, but at least 10 s (Spark's `spark.streaming.gracefulStopTimeout`). Measured in real
    /// time, whatever the context's clock is.
    pub fn graceful_stop_timeout(mut self, timeout: Duration) -> Self {
        self.graceful_stop_timeout = Some(timeout);
        self
    }

    /// The context.
    ///
    /// # Errors
    /// [`EngineError::Setting`] if the batch duration is missing or no whole number of milliseconds, if a number of the
    /// back-pressure is impossible, or if the threads cannot be started.
    pub fn build(self) -> Result<StreamingContext, EngineError> {
        let setting = |problem: String| EngineError::Setting {
            setting: "batch_duration",
            problem,
        };
        let batch_duration = match (self.batch_duration, self.trigger) {
            (Some(duration), _)
                if duration.is_zero() || !duration.subsec_nanos().is_multiple_of(1_000_000) =>
            {
                return Err(setting(format!(
                    "{duration:?} is no whole number of milliseconds, at least 1"
                )));
            }
            (Some(duration), _) => duration,
            (None, Trigger::Continuous) => Duration::from_millis(1),
            (None, Trigger::Interval) => {
                return Err(setting("not set: call batch_duration(...)".to_owned()));
            }
        };
        self.backpressure.check()?;
        let rdds = match self.rdds {
            Some(rdds) => rdds,
            None => RddContext::new(self.threads)?,
        };
        Ok(StreamingContext::new(Arc::new(Shared {
            app_name: self.app_name,
            batch_duration,
            trigger: self.trigger,
            backpressure: self.backpressure,
            metrics: Mutex::default(),
            clock: self.clock,
            rdds,
            lifecycle: Lifecycle::default(),
            listeners: Mutex::new(self.listeners),
            graceful_stop_timeout: self
                .graceful_stop_timeout
                .unwrap_or_else(|| batch_duration.saturating_mul(10).max(LEAST_GRACE)),
            zero_time: OnceLock::new(),
            graph: Mutex::new(Graph::default()),
        })))
    }
}

impl fmt::Debug for StreamingContextBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamingContextBuilder")
            .field("app_name", &self.app_name)
            .field("batch_duration", &self.batch_duration)
            .field("trigger", &self.trigger)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_intervals_are_refused() {
        for duration in [
            None,
            Some(Duration::ZERO),
            Some(Duration::from_micros(1500)),
        ] {
            let mut builder = StreamingContext::builder("app").threads(1);
            builder.batch_duration = duration;
            let error = builder.build().unwrap_err().to_string();
            assert!(error.starts_with("setting batch_duration: "), "{error}");
        }
        let continuous = StreamingContext::builder("app")
            .trigger(Trigger::Continuous)
            .threads(1)
            .build()
            .unwrap();
        assert_eq!(continuous.batch_duration(), Duration::from_millis(1));
    }
}
