//! How far the batches have come, and how long it took from a record's timestamp to its committed result.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kafka_client::TopicPartition;
use stream_engine::kafka::{KafkaRecord, OffsetRange};
use stream_engine::{
    BatchInfo, Clock, DStream, EngineError, StreamingContext, StreamingListener, SystemClock, Time,
};
use tokio::sync::Notify;

/// Listens to the batches of one Kafka stream.
#[derive(Debug, Default)]
pub struct Progress {
    seen: Mutex<Seen>,
    committed: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    /// Batches that are computed and not committed yet.
    computed: HashMap<Time, Computed>,
    /// How many records took so many milliseconds.
    latencies: BTreeMap<i64, u64>,
    /// What was read of each partition.
    read: BTreeMap<TopicPartition, (i64, i64)>,
    batches: u64,
    records: u64,
    words: u64,
}

/// What is known of a batch.
#[derive(Debug, Clone, Default)]
pub struct Computed {
    /// What it read.
    pub ranges: Arc<[OffsetRange]>,
    /// When its records were made, in milliseconds since 1970, and how many at that time.
    pub timestamps: Vec<(i64, u64)>,
    /// How many words it counted.
    pub words: u64,
}

/// What was done so far.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// Batches, those without records included.
    pub batches: u64,
    /// Records read.
    pub records: u64,
    /// Words counted.
    pub words: u64,
    /// The offsets read of each partition: from, until.
    pub read: BTreeMap<TopicPartition, (i64, i64)>,
}

impl Done {
    /// Whether every partition was read up to its end.
    pub fn has_read(&self, ends: &BTreeMap<TopicPartition, i64>) -> bool {
        let read_until = |partition| self.read.get(partition).map_or(0, |(_, until)| *until);
        ends.iter()
            .all(|(partition, end)| read_until(partition) >= *end)
    }
}

impl Progress {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a batch is about to commit.
    pub fn computed(&self, time: Time, batch: Computed) {
        self.seen().computed.insert(time, batch);
    }

    /// What is committed.
    pub fn done(&self) -> Done {
        let seen = self.seen();
        Done {
            batches: seen.batches,
            records: seen.records,
            words: seen.words,
            read: seen.read.clone(),
        }
    }

    /// Waits until enough is committed.
    pub async fn wait(&self, is_enough: impl Fn(&Done) -> bool) {
        while !is_enough(&self.done()) {
            self.committed.notified().await;
        }
    }

    /// The time within which this share of the records (0.99) was committed, in milliseconds.
    pub fn latency(&self, share: f64) -> Option<i64> {
        let seen = self.seen();
        let total: u64 = seen.latencies.values().sum();
        let wanted = (total as f64 * share).ceil() as u64;
        let mut sum = 0;
        seen.latencies
            .iter()
            .find(|(_, count)| {
                sum += **count;
                sum >= wanted
            })
            .map(|(millis, _)| *millis)
    }
}

/// Starts a program, and stops it when all that it has read of `records` up to these ends is committed.
///
/// # Errors
/// What stopped it before.
pub async fn run_until_read(
    ssc: &StreamingContext,
    records: &DStream<KafkaRecord>,
    ends: &BTreeMap<TopicPartition, i64>,
) -> Result<Done, EngineError> {
    let progress = Arc::new(Progress::default());
    let computing = progress.clone();
    records.foreach_rdd_with_time(move |rdd, time| {
        let ranges = rdd.offset_ranges().unwrap_or_default();
        let batch = Computed {
            ranges,
            ..Computed::default()
        };
        computing.computed(time, batch);
    });
    ssc.add_streaming_listener(progress.clone());
    ssc.start()?;
    tokio::select! {
        result = ssc.await_termination() => result?,
        () = progress.wait(|done| done.has_read(ends)) => {}
    }
    ssc.stop_gracefully();
    ssc.await_termination().await?;
    Ok(progress.done())
}

impl StreamingListener for Progress {
    fn on_batch_completed(&self, batch: &BatchInfo) {
        let now = i64::try_from(SystemClock.now().as_millis()).unwrap_or(i64::MAX);
        let mut seen = self.seen();
        seen.batches += 1;
        seen.records += batch.num_records();
        let batch_done = seen.computed.remove(&batch.batch_time).unwrap_or_default();
        seen.words += batch_done.words;
        for (timestamp, count) in batch_done.timestamps {
            *seen.latencies.entry((now - timestamp).max(0)).or_default() += count;
        }
        for range in batch_done.ranges.iter() {
            let read = seen
                .read
                .entry(range.partition.clone())
                .or_insert((range.from, range.until));
            read.1 = range.until;
        }
        drop(seen);
        self.committed.notify_one();
    }
}
