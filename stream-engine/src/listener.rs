use std::time::Duration;

use crate::{EngineError, Operator, Time};

/// What one input stream gave to a batch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InputInfo {
    /// The input stream.
    pub operator: Operator,
    /// The number of records, as far as the source knows it before reading. (Spark's Kafka source counts offsets.)
    pub records: u64,
    /// The extent of the input for people to read, such as its offset ranges.
    pub description: String,
}

/// One output operation of a batch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutputOperationInfo {
    /// The batch.
    pub batch_time: Time,
    /// The operation's number, in the order of registration.
    pub id: usize,
    /// The operation and where the program calls it.
    pub operator: Operator,
    /// How long it ran; nothing while it runs.
    pub duration: Option<Duration>,
    /// Why it failed, if it did.
    pub failure: Option<EngineError>,
}

/// The poisoned records that one operator has skipped or handed over as dead letters in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoisonInfo {
    /// The operator whose closure refused them.
    pub operator: Operator,
    /// How many there were.
    pub records: u64,
    /// Where one of them stands and why it was refused, for people to read.
    pub first: String,
}

/// How far the event time of a stream has come; see [`event_time`](crate::event_time).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatermarkInfo {
    /// The operator that gave the stream its event time.
    pub operator: Operator,
    /// The watermark after the batch; nothing before there is one.
    pub watermark: Option<Time>,
    /// How many partitions the stream has had so far.
    pub partitions: usize,
    /// How many of them are idle, and so do not hold the watermark.
    pub idle_partitions: usize,
}

/// A batch, as listeners see it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchInfo {
    /// The batch's time, by which it is known.
    pub batch_time: Time,
    /// What each input stream gave, in the order of registration.
    pub inputs: Vec<InputInfo>,
    /// When the batch was due: later than its predecessors' end only if nothing held it up.
    pub submission_time: Time,
    /// When its first output operation started.
    pub processing_start: Option<Time>,
    /// How long all of it took, from planning the input to committing it.
    pub processing_delay: Option<Duration>,
    /// How long committing took.
    pub commit_delay: Option<Duration>,
    /// Its output operations so far.
    pub outputs: Vec<OutputOperationInfo>,
    /// The operators that refused records, with
    /// [`Skip` or `DeadLetter`](crate::PoisonPolicy). Known when the batch has completed or failed.
    pub poisoned: Vec<PoisonInfo>,
    /// The streams with event time that have windows. Known when the batch has completed.
    pub watermarks: Vec<WatermarkInfo>,
    /// How many batch intervals it stands for: more than one if batches before it took too long or the process was paused.
    pub intervals: u64,
}

impl BatchInfo {
    /// How long the batch waited for its predecessors.
    pub fn scheduling_delay(&self) -> Option<Duration> {
        Some(self.processing_start?.since(self.submission_time))
    }

    /// Scheduling delay and processing delay together.
    pub fn total_delay(&self) -> Option<Duration> {
        Some(self.scheduling_delay()? + self.processing_delay?)
    }

    /// The records of all inputs.
    pub fn num_records(&self) -> u64 {
        self.inputs.iter().map(|input| input.records).sum()
    }
}

/// Is told what happens to batches; every method does nothing by default (Spark's `StreamingListener`).
///
/// Called on the scheduler's thread, between the steps of a batch: be quick. A panic in a listener is logged and ignored.
pub trait StreamingListener: Send + Sync {
    /// The context has started.
    fn on_streaming_started(&self, _time: Time) {}
    /// The context has stopped, with the error if there was one. No event follows.
    fn on_streaming_stopped(&self, _error: Option<&EngineError>) {}
    /// A batch's input has been fixed.
    fn on_batch_submitted(&self, _batch: &BatchInfo) {}
    /// A batch's output operations start.
    fn on_batch_started(&self, _batch: &BatchInfo) {}
    /// A batch has succeeded and its input is committed.
    fn on_batch_completed(&self, _batch: &BatchInfo) {}
    /// A batch has failed or was cancelled; nothing of it is committed. (Spark reports this as completed.)
    fn on_batch_failed(&self, _batch: &BatchInfo, _error: &EngineError) {}
    /// An output operation starts.
    fn on_output_operation_started(&self, _output: &OutputOperationInfo) {}
    /// An output operation has ended, well or with a failure.
    fn on_output_operation_completed(&self, _output: &OutputOperationInfo) {}
}
