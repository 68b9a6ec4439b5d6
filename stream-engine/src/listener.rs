use std::time::Duration;

use crate::{EngineError, Operator, StageInfo, Time};
use kafka_client::TopicPartition;

/// What one input stream gave to a batch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InputInfo {
    /// The input stream's number, in the order of registration (Spark's stream id).
    pub id: usize,
    /// The input stream.
    pub operator: Operator,
    /// The number of records, as far as the source knows it before reading. (Spark's Kafka source counts offsets.)
    pub records: u64,
    /// The bytes of these records, if the source knows them before reading.
    pub bytes: Option<u64>,
    /// Records a second that back-pressure allowed it when the batch was planned; nothing without a bound.
    pub rate_limit: Option<f64>,
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
    /// Its stages so far, in the order in which they ended: planning, the tasks of each output operation, committing.
    pub stages: Vec<StageInfo>,
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

    /// The bytes of all inputs whose source knows them.
    pub fn num_bytes(&self) -> u64 {
        self.inputs.iter().filter_map(|input| input.bytes).sum()
    }
}

/// Records that a Kafka source was to read and that are not there any more, so that it went on elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffsetsLost {
    /// The partition.
    pub partition: TopicPartition,
    /// Why they are gone.
    pub reason: LossReason,
    /// The offset that was to be read next.
    pub wanted: i64,
    /// The first offset that is there.
    pub log_start: i64,
    /// The offset of the next record to be written.
    pub log_end: i64,
    /// Where reading goes on.
    pub resumed_at: i64,
}

impl OffsetsLost {
    /// How many offsets are passed over. 0 where reading goes back, to records that took the place of others.
    pub fn count(&self) -> u64 {
        u64::try_from(self.resumed_at.saturating_sub(self.wanted)).unwrap_or(0)
    }
}

/// Why records are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LossReason {
    /// The log has no such offset (any more): retention, mostly.
    OutOfRange,
    /// The log was truncated, and has other records from some offset on: a replica was elected that was behind.
    Truncated,
    /// The topic was deleted and made anew.
    Recreated,
}

/// Partitions that a Kafka source reads from now on, or no longer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionsChanged {
    /// Those that were added, each with the offset that it is read from.
    pub added: Vec<(TopicPartition, i64)>,
    /// Those whose topic was deleted. What had been read of them is still in batches.
    pub removed: Vec<TopicPartition>,
}

/// A receiver of a stream, as listeners see it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceiverInfo {
    /// The stream.
    pub operator: Operator,
    /// How many records it has stored since the context started.
    pub stored: u64,
    /// Why it stopped the last time, or what it reports; nothing if it has had no error.
    pub last_error: Option<EngineError>,
    /// After which time it will be started again; nothing while it runs and after it stopped for good.
    pub restart_in: Option<Duration>,
}

/// Is told what happens to batches; every method does nothing by default (Spark's `StreamingListener`).
///
/// Called on the scheduler's thread, between the steps of a batch, unless said otherwise: be quick. A panic in a listener is logged and ignored.
pub trait StreamingListener: Send + Sync {
    /// The context has started.
    fn on_streaming_started(&self, _time: Time) {}
    /// The context has stopped, with the error if there was one. No event follows.
    fn on_streaming_stopped(&self, _error: Option<&EngineError>) {}
    /// A receiver starts, for the first time or again. This and the other events of receivers come on the receiver's thread.
    fn on_receiver_started(&self, _receiver: &ReceiverInfo) {}
    /// A receiver failed, or reports an error after which it goes on.
    fn on_receiver_error(&self, _receiver: &ReceiverInfo) {}
    /// A receiver has stopped: for good, or until it is started again.
    fn on_receiver_stopped(&self, _receiver: &ReceiverInfo) {}
    /// A batch's input has been fixed.
    fn on_batch_submitted(&self, _batch: &BatchInfo) {}
    /// A batch's output operations start.
    fn on_batch_started(&self, _batch: &BatchInfo) {}
    /// A batch has succeeded and its input is committed.
    fn on_batch_completed(&self, _batch: &BatchInfo) {}
    /// A batch has failed or was cancelled; nothing of it is committed. (Spark reports this as completed.)
    fn on_batch_failed(&self, _batch: &BatchInfo, _error: &EngineError) {}
    /// A Kafka source goes on elsewhere, because records are gone that it was to read.
    fn on_offsets_lost(&self, _lost: &OffsetsLost) {}
    /// A Kafka source reads other partitions than before.
    fn on_partitions_changed(&self, _changed: &PartitionsChanged) {}
    /// An output operation starts.
    fn on_output_operation_started(&self, _output: &OutputOperationInfo) {}
    /// An output operation has ended, well or with a failure.
    fn on_output_operation_completed(&self, _output: &OutputOperationInfo) {}
}
