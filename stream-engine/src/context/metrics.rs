use std::time::Duration;

use crate::{BatchInfo, Operator, Time};

/// What a context has done since it was started; a copy, see
/// [`StreamingContext::metrics`](crate::StreamingContext::metrics). Counters never go back.
///
/// ```
/// use stream_engine::StreamingContext;
/// use stream_engine::testkit::{Stepper, TestKit, secs};
///
/// let clock = stream_engine::ManualClock::default();
/// let ssc = StreamingContext::builder("test").batch_duration(secs(1)).clock(clock.clone()).build()?;
/// TestKit::default().input(&ssc, &[vec![1, 2], vec![3]])?.print();
/// let mut stepper = Stepper::start(&ssc, &clock)?;
/// stepper.step()?;
/// stepper.step()?;
/// let metrics = ssc.metrics();
/// assert_eq!((metrics.batches, metrics.records), (2, 3));
/// # Ok::<_, stream_engine::EngineError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StreamingMetrics {
    /// Batches that are committed.
    pub batches: u64,
    /// Batches that failed or were cancelled: at most one, which stopped the context.
    pub failed_batches: u64,
    /// Intervals that had no batch of their own, because batches before took too long or the process was paused.
    pub missed_intervals: u64,
    /// Records of all inputs in committed batches.
    pub records: u64,
    /// Bytes of all inputs in committed batches, as far as sources know them.
    pub bytes: u64,
    /// The last committed batch.
    pub last_batch_time: Option<Time>,
    /// The records of the last committed batch.
    pub last_records: u64,
    /// How long the last committed batch waited for those before it.
    pub last_scheduling_delay: Option<Duration>,
    /// How long the last committed batch took.
    pub last_processing_delay: Option<Duration>,
    /// The longest that a batch took from being due to being committed.
    pub max_total_delay: Duration,
    /// The input streams, in the order of registration.
    pub inputs: Vec<InputMetrics>,
}

/// One input stream in [`StreamingMetrics`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InputMetrics {
    /// The input stream.
    pub operator: Operator,
    /// Its records in committed batches.
    pub records: u64,
    /// Records a second that back-pressure allows it from now on; `None` without a bound.
    pub rate_limit: Option<f64>,
}

impl StreamingMetrics {
    pub(super) fn new(inputs: impl Iterator<Item = Operator>) -> Self {
        let input = |operator| InputMetrics {
            operator,
            records: 0,
            rate_limit: None,
        };
        StreamingMetrics {
            inputs: inputs.map(input).collect(),
            ..StreamingMetrics::default()
        }
    }

    pub(super) fn completed(&mut self, batch: &BatchInfo) {
        self.batches += 1;
        self.missed_intervals += batch.intervals.saturating_sub(1);
        self.last_records = batch.num_records();
        self.records += self.last_records;
        self.bytes += batch.num_bytes();
        self.last_batch_time = Some(batch.batch_time);
        self.last_scheduling_delay = batch.scheduling_delay();
        self.last_processing_delay = batch.processing_delay;
        self.max_total_delay = self
            .max_total_delay
            .max(batch.total_delay().unwrap_or_default());
        for input in &batch.inputs {
            if let Some(metrics) = self.inputs.get_mut(input.id) {
                metrics.records += input.records;
            }
        }
    }

    /// How long the last committed batch took from being due to being committed.
    pub fn last_total_delay(&self) -> Option<Duration> {
        Some(self.last_scheduling_delay? + self.last_processing_delay?)
    }
}
