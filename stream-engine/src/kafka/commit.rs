//! Committing offsets, for those who do it themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kafka_client::TopicPartition;
use kafka_client::consumer::{Consumer, OffsetAndMetadata};
use tokio::sync::mpsc;

use super::error::KafkaSourceError;
use super::io::Io;
use super::offsets::OffsetRange;

/// Who commits the offsets of what was read.
#[derive(Debug, Clone, Default)]
pub enum CommitMode {
    /// The engine, for each batch once all its output operations have succeeded. Nothing without a group.
    #[default]
    Auto,
    /// The program, by this handle.
    Manual(OffsetCommits),
}

/// Commits the offset ranges of a direct stream when the program says so (Spark's `CanCommitOffsets`). Cheap to clone.
///
/// What is committed is the end of each range; that the records before it are dealt with is for the program to know. A
/// batch whose ranges are not committed is read again after a restart, and so are all of its partitions' later ones.
///
/// ```no_run
/// # fn example(ssc: stream_engine::StreamingContext) -> Result<(), stream_engine::EngineError> {
/// use stream_engine::kafka::{CommitMode, KafkaSource, OffsetCommits};
///
/// let commits = OffsetCommits::new();
/// let source = KafkaSource::subscribe(["orders"])
///     .bootstrap_servers("localhost:9092")
///     .group_id("billing")
///     .commit(CommitMode::Manual(commits.clone()));
/// let orders = ssc.kafka_direct_stream(source)?;
/// orders.foreach_rdd(move |rdd| {
///     let orders = rdd.collect()?;
///     // ... write them somewhere ...
///     # drop(orders);
///     if let Some(ranges) = rdd.offset_ranges() {
///         commits.commit_async(&ranges);
///     }
///     Ok::<_, stream_engine::EngineError>(())
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct OffsetCommits {
    committer: Arc<Mutex<Option<Arc<Committer>>>>,
}

impl OffsetCommits {
    /// A handle that commits for the source that it is given to, from its start to its end.
    pub fn new() -> Self {
        Self::default()
    }

    /// Commits the ends of these ranges and returns when the group's coordinator has them. Blocks for at most
    /// `default.api.timeout.ms`: not to be called in an async task. May be called in output operations.
    ///
    /// # Errors
    /// [`KafkaSourceError::Commit`] before the start and after the end; [`KafkaSourceError::Client`] when Kafka refuses, as it
    /// does while other consumers share the group's partitions out.
    pub fn commit_sync(&self, ranges: &[OffsetRange]) -> Result<(), KafkaSourceError> {
        self.committer()?.commit(ranges)
    }

    /// Commits the ends of these ranges in the background, at once and in the order of the calls. What goes wrong is logged.
    /// A context that stops waits for it. (Spark commits when the next batch is planned, and loses what waits when it stops.)
    pub fn commit_async(&self, ranges: &[OffsetRange]) {
        self.commit_async_with(ranges, |_| {});
    }

    /// The same, and tells how it went, on a thread that must not be blocked (Spark's `OffsetCommitCallback`).
    pub fn commit_async_with(
        &self,
        ranges: &[OffsetRange],
        done: impl FnOnce(Result<(), KafkaSourceError>) + Send + 'static,
    ) {
        match self.committer() {
            Ok(committer) => committer.commit_async(ranges, done),
            Err(error) => {
                tracing::warn!(%error, "committing");
                done(Err(error));
            }
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Arc<Committer>>> {
        self.committer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn committer(&self) -> Result<Arc<Committer>, KafkaSourceError> {
        self.slot().clone().ok_or(KafkaSourceError::Commit {
            problem: "the source is not running: give the handle to a source, and commit between start and stop",
        })
    }

    /// Commits for this source from now on.
    pub(super) fn attach(&self, committer: &Arc<Committer>) -> Result<(), KafkaSourceError> {
        let mut slot = self.slot();
        if slot.is_some() {
            return Err(KafkaSourceError::Commit {
                problem: "the handle belongs to another source that is running: each needs its own",
            });
        }
        *slot = Some(committer.clone());
        Ok(())
    }

    pub(super) fn detach(&self) {
        *self.slot() = None;
    }
}

impl fmt::Debug for OffsetCommits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OffsetCommits")
            .field("is_running", &self.slot().is_some())
            .finish()
    }
}

/// Commits for a group.
pub(super) struct Committer {
    io: Arc<Io>,
    consumer: Arc<Consumer>,
    /// Where reading began in partitions for which nothing was ever committed. Goes with the next commit.
    begun: Mutex<BTreeMap<TopicPartition, i64>>,
    /// Held by each commit under way, so that its end can be waited for.
    under_way: Mutex<Option<mpsc::Sender<()>>>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Committer {
    pub(super) fn new(io: Arc<Io>, consumer: Arc<Consumer>) -> Self {
        let (under_way, ended) = mpsc::channel(1);
        Self {
            io,
            consumer,
            begun: Mutex::default(),
            under_way: Mutex::new(Some(under_way)),
            ended: Mutex::new(ended),
        }
    }

    fn begun(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, i64>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers where a partition begins for which the group has committed nothing.
    pub(super) fn begins(&self, partition: TopicPartition, offset: i64) {
        self.begun().insert(partition, offset);
    }

    /// These partitions are not there any more.
    pub(super) fn forget(&self, partitions: &[TopicPartition]) {
        let mut begun = self.begun();
        for partition in partitions {
            begun.remove(partition);
        }
    }

    /// Topics but these are not there any more.
    pub(super) fn keep_topics(&self, topics: &BTreeSet<Arc<str>>) {
        self.begun()
            .retain(|partition, _| topics.contains(&partition.topic));
    }

    fn offsets(&self, ranges: &[OffsetRange]) -> BTreeMap<TopicPartition, i64> {
        let mut offsets = std::mem::take(&mut *self.begun());
        let mut ends = BTreeMap::new();
        for range in ranges {
            let end = ends.entry(range.partition.clone()).or_insert(range.until);
            *end = range.until.max(*end);
        }
        offsets.extend(ends);
        offsets
    }

    /// Commits the ends of the ranges and waits for it.
    pub(super) fn commit(&self, ranges: &[OffsetRange]) -> Result<(), KafkaSourceError> {
        let offsets = self.offsets(ranges);
        if offsets.is_empty() {
            return Ok(());
        }
        let pending = self.consumer.commit_offsets_async(as_metadata(&offsets))?;
        let waited = self.io.run(pending).map_err(|_| KafkaSourceError::Commit {
            problem: "the source has ended",
        })?;
        if waited.is_err() {
            self.again(offsets, ranges);
        }
        Ok(waited?)
    }

    fn commit_async(
        self: Arc<Self>,
        ranges: &[OffsetRange],
        done: impl FnOnce(Result<(), KafkaSourceError>) + Send + 'static,
    ) {
        let offsets = self.offsets(ranges);
        let pending = match self.consumer.commit_offsets_async(as_metadata(&offsets)) {
            Ok(pending) => pending,
            Err(error) => return done(Err(error.into())),
        };
        let under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (committer, ranges) = (self.clone(), ranges.to_vec());
        self.io.spawn(async move {
            let result = pending.await;
            if let Err(error) = &result {
                tracing::warn!(%error, "committing");
                committer.again(offsets, &ranges);
            }
            done(result.map_err(KafkaSourceError::from));
            drop(under_way);
        });
    }

    /// A commit has failed: where partitions begin is still to be committed.
    fn again(&self, offsets: BTreeMap<TopicPartition, i64>, ranges: &[OffsetRange]) {
        let of_ranges =
            |partition: &TopicPartition| ranges.iter().any(|range| range.partition == *partition);
        let mut begun = self.begun();
        for (partition, offset) in offsets {
            if !of_ranges(&partition) {
                begun.entry(partition).or_insert(offset);
            }
        }
    }

    /// Waits until no commit is under way any more.
    pub(super) async fn finish(&self) {
        drop(
            self.under_way
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        std::future::poll_fn(|context| {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.poll_recv(context).map(|_| ())
        })
        .await;
    }
}

fn as_metadata(
    offsets: &BTreeMap<TopicPartition, i64>,
) -> impl Iterator<Item = (TopicPartition, OffsetAndMetadata)> {
    offsets
        .iter()
        .map(|(partition, offset)| (partition.clone(), OffsetAndMetadata::new(*offset)))
}
