//! Records that a closure could not deal with: what is known of them, and what becomes of them.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kafka_client::TopicPartition;

use crate::context::BatchState;
use crate::kafka::KafkaRecord;
use crate::rdd::Judge;
use crate::{BoxError, Data, EngineError, Operator, PoisonInfo, Sink, Time};

/// What becomes of a poisoned record: one for which the closure of a fallible operator returns an error or panics. For
/// [`DStream::on_poison`](crate::DStream::on_poison).
pub enum PoisonPolicy<T> {
    /// The batch fails with [`EngineError::Poisoned`], which names the record. The default.
    Fail,
    /// The batch goes on without the record. [`BatchInfo::poisoned`](crate::BatchInfo::poisoned) has the count, and a warning
    /// is logged at most every ten seconds.
    Skip,
    /// As `Skip`, and the record goes to a sink, as an output operation that runs after all others; see
    /// [`PoisonPolicy::dead_letter`].
    DeadLetter(Box<dyn Sink<Poisoned<T>>>),
}

impl<T: Data> PoisonPolicy<T> {
    /// Poisoned records go to this sink, such as [`DeadLetterTopic`](crate::kafka::DeadLetterTopic).
    ///
    /// They are written after the batch's output operations have succeeded and flushed before its input is committed: at
    /// least once, and each once per batch, however often the stream is computed in it. Every record of the batch is judged,
    /// also those that no output operation reads.
    pub fn dead_letter(sink: impl Sink<Poisoned<T>>) -> Self {
        PoisonPolicy::DeadLetter(Box::new(sink))
    }
}

impl<T: 'static> fmt::Debug for PoisonPolicy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoisonPolicy::Fail => f.write_str("Fail"),
            PoisonPolicy::Skip => f.write_str("Skip"),
            PoisonPolicy::DeadLetter(sink) => write!(f, "DeadLetter({})", sink.name()),
        }
    }
}

/// A poisoned record, as dead-letter sinks and side outputs get it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Poisoned<T> {
    /// The record, as it came to the operator.
    pub record: T,
    /// The operator whose closure refused it.
    pub operator: Operator,
    /// The batch.
    pub batch_time: Time,
    /// Where the record stands.
    pub place: RecordPlace,
    /// Why it was refused.
    pub cause: PoisonCause,
}

/// Why a record is poisoned.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PoisonCause {
    /// The closure returned an error.
    Error {
        /// The error's type, or the format that refused the bytes.
        kind: &'static str,
        /// The error.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The closure panicked.
    Panic {
        /// The panic's message.
        message: String,
    },
}

impl PoisonCause {
    pub(crate) fn error(kind: &'static str, error: BoxError) -> Self {
        PoisonCause::Error {
            kind,
            source: error.into(),
        }
    }

    pub(crate) fn panic(message: String) -> Self {
        PoisonCause::Panic { message }
    }

    /// The errors behind the error, one a line.
    pub(crate) fn chain(&self) -> Option<String> {
        let PoisonCause::Error { source, .. } = self else {
            return None;
        };
        let (mut lines, mut behind) = (Vec::new(), source.source());
        while let Some(error) = behind {
            lines.push(error.to_string());
            behind = error.source();
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// The type of the error, or `panic`.
    pub fn kind(&self) -> &'static str {
        match self {
            PoisonCause::Error { kind, .. } => kind,
            PoisonCause::Panic { .. } => "panic",
        }
    }
}

impl fmt::Display for PoisonCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PoisonCause::Error { source, .. } => source.fmt(f),
            PoisonCause::Panic { message } => write!(f, "panicked: {message}"),
        }
    }
}

/// Where a poisoned record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordPlace {
    /// In a topic.
    Kafka {
        /// The partition.
        partition: TopicPartition,
        /// The offset.
        offset: i64,
    },
    /// In the batch's RDD, for records that are none of Kafka's (any more).
    Rdd {
        /// The RDD's partition.
        partition: usize,
        /// How many records of the partition come before it.
        index: u64,
    },
}

impl RecordPlace {
    pub(crate) fn of<T: 'static>(record: &T, partition: usize, index: u64) -> Self {
        match (record as &dyn Any).downcast_ref::<KafkaRecord>() {
            Some(record) => RecordPlace::Kafka {
                partition: record.partition().clone(),
                offset: record.offset(),
            },
            None => RecordPlace::Rdd { partition, index },
        }
    }
}

impl fmt::Display for RecordPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordPlace::Kafka { partition, offset } => {
                write!(f, "the record at offset {offset} of {partition}")
            }
            RecordPlace::Rdd { partition, index } => {
                write!(f, "record {index} of partition {partition}")
            }
        }
    }
}

/// Fails the action at the first poisoned record.
pub(super) struct FailFirst {
    pub(super) operator: Operator,
}

impl<T: 'static> Judge<T> for FailFirst {
    fn operator(&self) -> Operator {
        self.operator
    }

    fn refused(
        &self,
        partition: usize,
        index: u64,
        record: &T,
        cause: PoisonCause,
    ) -> Result<(), EngineError> {
        Err(EngineError::Poisoned {
            operator: self.operator,
            place: RecordPlace::of(record, partition, index),
            cause,
        })
    }
}

/// What was refused in one batch.
///
/// An RDD that is computed several times (by two outputs, or a `take` before a `count`) refuses the same records in the same
/// order every time. A record counts when its index is beyond those that were found before.
pub(crate) struct Found<T> {
    operator: Operator,
    time: Time,
    /// Whether the records themselves are wanted.
    keep: bool,
    partitions: Vec<Mutex<FoundInPartition<T>>>,
}

struct FoundInPartition<T> {
    /// The first index that was not looked at.
    next: u64,
    count: u64,
    /// The first of them, for people to read.
    example: String,
    records: Vec<Poisoned<T>>,
    finished: bool,
}

impl<T> Found<T> {
    fn partitions(&self) -> impl Iterator<Item = MutexGuard<'_, FoundInPartition<T>>> {
        self.partitions.iter().map(lock)
    }

    /// The partitions of which not all records were judged.
    pub(crate) fn unfinished(&self) -> Vec<usize> {
        let finished = self.partitions().map(|found| found.finished).enumerate();
        finished
            .filter_map(|(n, end)| (!end).then_some(n))
            .collect()
    }

    /// Hands out the records of each partition. They still count.
    pub(crate) fn take(&self) -> Vec<Vec<Poisoned<T>>> {
        let records = self
            .partitions()
            .map(|mut found| std::mem::take(&mut found.records));
        records.collect()
    }
}

impl<T: Data> Judge<T> for Found<T> {
    fn operator(&self) -> Operator {
        self.operator
    }

    fn refused(
        &self,
        partition: usize,
        index: u64,
        record: &T,
        cause: PoisonCause,
    ) -> Result<(), EngineError> {
        let mut found = lock(&self.partitions[partition]);
        if index >= found.next {
            let place = RecordPlace::of(record, partition, index);
            if found.count == 0 {
                found.example = format!("{place}: {cause}");
            }
            found.next = index + 1;
            found.count += 1;
            if self.keep {
                found.records.push(Poisoned {
                    record: record.clone(),
                    operator: self.operator,
                    batch_time: self.time,
                    place,
                    cause,
                });
            }
        }
        Ok(())
    }

    fn finished(&self, partition: usize) {
        lock(&self.partitions[partition]).finished = true;
    }
}

/// What one operator has refused: by batch as long as the batch runs, and since the last warning.
pub(super) struct PoisonLog<T> {
    operator: Operator,
    keep: bool,
    batches: Mutex<Vec<Arc<Found<T>>>>,
    warnings: Mutex<Warnings>,
}

/// A program may have many batches a second, and in each the same trouble.
const WARN_EVERY: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Warnings {
    last: Option<Instant>,
    untold: u64,
}

impl<T: Data> PoisonLog<T> {
    pub(super) fn new(operator: Operator, keep: bool) -> Self {
        PoisonLog {
            operator,
            keep,
            batches: Mutex::default(),
            warnings: Mutex::default(),
        }
    }

    /// Begins a batch with so many partitions.
    pub(super) fn begin(&self, time: Time, partitions: usize) -> Arc<Found<T>> {
        let partition = || FoundInPartition {
            next: 0,
            count: 0,
            example: String::new(),
            records: Vec::new(),
            finished: false,
        };
        let found = Arc::new(Found {
            operator: self.operator,
            time,
            keep: self.keep,
            partitions: (0..partitions).map(|_| Mutex::new(partition())).collect(),
        });
        lock(&self.batches).push(found.clone());
        found
    }

    /// What was begun for a batch.
    pub(super) fn found(&self, time: Time) -> Option<Arc<Found<T>>> {
        let batches = lock(&self.batches);
        batches.iter().find(|found| found.time == time).cloned()
    }

    fn warn(&self, info: &PoisonInfo) {
        let mut warnings = lock(&self.warnings);
        warnings.untold += info.records;
        if warnings
            .last
            .is_none_or(|last| last.elapsed() >= WARN_EVERY)
        {
            let records = std::mem::take(&mut warnings.untold);
            warnings.last = Some(Instant::now());
            tracing::warn!(operator = %self.operator, records, example = %info.first, "poisoned records");
        }
    }
}

impl<T: Data> BatchState for PoisonLog<T> {
    fn commit(&self, time: Time) {
        if let Some(info) = self.poisoned(time) {
            self.warn(&info);
        }
        self.abort(time);
    }

    fn abort(&self, time: Time) {
        lock(&self.batches).retain(|found| found.time > time);
    }

    fn poisoned(&self, time: Time) -> Option<PoisonInfo> {
        let found = self.found(time)?;
        let mut info = PoisonInfo {
            operator: self.operator,
            records: 0,
            first: String::new(),
        };
        for found in found.partitions() {
            if info.records == 0 {
                info.first.clone_from(&found.example);
            }
            info.records += found.count;
        }
        (info.records > 0).then_some(info)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
