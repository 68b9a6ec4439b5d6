use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka_client::TopicPartition;

use super::setting::whole_millis;
use crate::context::BatchState;
use crate::{Data, EngineError, Operator, Rdd, Time, WatermarkInfo};

/// How far event time has come, judged by the records of each partition.
///
/// ```
/// use stream_engine::event_time::Watermarks;
/// use stream_engine::testkit::secs;
///
/// let watermarks = Watermarks::bounded_out_of_orderness(secs(5)).idle_timeout(secs(30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    bound: Duration,
    idle_timeout: Option<Duration>,
}

impl Watermarks {
    /// Records come at most `bound` later, in event time, than the latest record of their partition before them; zero if they come
    /// in order. A partition's watermark is the latest time seen in it minus `bound`.
    pub const fn bounded_out_of_orderness(bound: Duration) -> Self {
        Watermarks {
            bound,
            idle_timeout: Some(Duration::from_secs(60)),
        }
    }

    /// A partition that had no record for so long, by batch time, no longer holds back the stream's watermark; by default one
    /// minute. Longer than partitions are silent in good order, or their next records will be late.
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// A partition without records holds the stream's watermark for ever: nothing is late because a partition was silent, and
    /// nothing fires while one is.
    pub const fn without_idle_timeout(mut self) -> Self {
        self.idle_timeout = None;
        self
    }

    fn check(&self, operator: Operator) -> Result<Settings, EngineError> {
        let bound = whole_millis(operator, "bound of out-of-orderness", self.bound)?;
        let idle = self
            .idle_timeout
            .map(|timeout| whole_millis(operator, "idle time-out", timeout))
            .transpose()?;
        if idle == Some(0) {
            let problem = "the idle time-out is zero, so that every partition would be idle at once: set a longer one, or use without_idle_timeout".to_owned();
            return Err(EngineError::Graph { operator, problem });
        }
        Ok(Settings {
            bound: Duration::from_millis(bound.unsigned_abs()),
            idle: self.idle_timeout,
        })
    }
}

struct Settings {
    bound: Duration,
    idle: Option<Duration>,
}

/// What a partition of a batch's RDD is the continuation of: its Kafka partition if it has one, else its number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PartitionId {
    Kafka(TopicPartition),
    Number(usize),
}

/// The latest event times of a batch's partitions, filled while the batch's records are read. Reading them again changes nothing.
pub(super) struct Observed {
    ids: Vec<PartitionId>,
    /// One more than the latest time; 0 before the first record.
    latest: Vec<AtomicU64>,
}

impl Observed {
    /// A chunk of a partition has been read whose latest record is of this time.
    pub(super) fn saw(&self, partition: usize, latest: Time) {
        self.latest[partition].fetch_max(latest.as_millis().saturating_add(1), Ordering::Relaxed);
    }

    fn partitions(&self) -> impl Iterator<Item = (&PartitionId, Option<Time>)> {
        let latest = self.latest.iter().map(|latest| {
            let latest = latest.load(Ordering::Relaxed).checked_sub(1)?;
            Some(Time::from_millis(latest))
        });
        self.ids.iter().zip(latest)
    }
}

/// A partition's part of the watermark.
#[derive(Clone, Debug)]
struct PartitionClock {
    /// The latest time seen; nothing before the first record.
    latest: Option<Time>,
    /// The batch with its last record, or the first batch that had the partition.
    active: Time,
}

#[derive(Clone, Debug, Default)]
struct Clocks {
    partitions: BTreeMap<PartitionId, PartitionClock>,
    /// The epoch before there is one.
    watermark: Time,
    idle: usize,
}

impl Clocks {
    /// The clocks after the batch `batch` with these records.
    fn advance<'a>(
        &self,
        settings: &Settings,
        batch: Time,
        observed: impl Iterator<Item = (&'a PartitionId, Option<Time>)>,
    ) -> Clocks {
        let mut clocks = self.clone();
        for (id, latest) in observed {
            let clock = clocks
                .partitions
                .entry(id.clone())
                .or_insert(PartitionClock {
                    latest: None,
                    active: batch,
                });
            if latest.is_some() {
                clock.latest = clock.latest.max(latest);
                clock.active = batch;
            }
        }
        let idle = |clock: &&PartitionClock| {
            settings
                .idle
                .is_some_and(|timeout| batch.since(clock.active) >= timeout)
        };
        clocks.idle = clocks.partitions.values().filter(idle).count();
        let mut active = clocks
            .partitions
            .values()
            .filter(|clock| !idle(clock))
            .peekable();
        let latest = match active.peek() {
            // A partition without any record is behind all others.
            Some(_) => active.map(|clock| clock.latest).min().flatten(),
            // What has been seen is all there is, whichever partition fell silent last.
            None => clocks.partitions.values().filter_map(|c| c.latest).max(),
        };
        if let Some(latest) = latest {
            clocks.watermark = clocks.watermark.max(latest - settings.bound);
        }
        clocks
    }
}

/// The watermark of a stream, batch by batch. A batch's change holds when the batch has committed.
pub(super) struct WatermarkTracker {
    operator: Operator,
    settings: Settings,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    committed: Clocks,
    current: Option<CurrentBatch>,
}

struct CurrentBatch {
    time: Time,
    observed: Arc<Observed>,
    after: Option<Clocks>,
}

impl WatermarkTracker {
    pub(super) fn new(watermarks: Watermarks, operator: Operator) -> Result<Self, EngineError> {
        Ok(WatermarkTracker {
            operator,
            settings: watermarks.check(operator)?,
            inner: Mutex::default(),
        })
    }

    /// A batch begins, which will read `rdd`.
    pub(super) fn observe<T: Data>(&self, time: Time, rdd: &Rdd<T>) -> Arc<Observed> {
        let ranges = rdd.offset_ranges();
        let id = |partition: usize| match ranges.as_ref().and_then(|ranges| ranges.get(partition)) {
            Some(range) => PartitionId::Kafka(range.partition.clone()),
            None => PartitionId::Number(partition),
        };
        self.begin(time, (0..rdd.num_partitions()).map(id).collect())
    }

    fn begin(&self, time: Time, ids: Vec<PartitionId>) -> Arc<Observed> {
        let latest = ids.iter().map(|_| AtomicU64::new(0)).collect();
        let observed = Arc::new(Observed { ids, latest });
        self.inner().current = Some(CurrentBatch {
            time,
            observed: observed.clone(),
            after: None,
        });
        observed
    }

    /// The watermark as of the end of the last committed batch, by which records are judged.
    pub(super) fn before(&self) -> Time {
        self.inner().committed.watermark
    }

    /// The watermark after this batch, all of whose records have been read.
    pub(super) fn after(&self, time: Time) -> Time {
        let mut inner = self.inner();
        let Inner { committed, current } = &mut *inner;
        match current {
            Some(current) if current.time == time => {
                let observed = &current.observed;
                let after = current.after.get_or_insert_with(|| {
                    committed.advance(&self.settings, time, observed.partitions())
                });
                after.watermark
            }
            _ => committed.watermark,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BatchState for WatermarkTracker {
    fn commit(&self, time: Time) {
        let mut inner = self.inner();
        if let Some(CurrentBatch {
            time: of,
            after: Some(after),
            ..
        }) = inner.current.take()
            && of == time
        {
            inner.committed = after;
        }
    }

    fn abort(&self, _time: Time) {
        self.inner().current = None;
    }

    fn watermark(&self, time: Time) -> Option<WatermarkInfo> {
        let inner = self.inner();
        let current = inner
            .current
            .as_ref()
            .filter(|current| current.time == time)?;
        let after = current.after.as_ref()?;
        Some(WatermarkInfo {
            operator: self.operator,
            watermark: Some(after.watermark).filter(|watermark| *watermark > Time::default()),
            partitions: after.partitions.len(),
            idle_partitions: after.idle,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::secs;

    fn tracker(bound: u64, idle: Option<u64>) -> WatermarkTracker {
        let watermarks = Watermarks::bounded_out_of_orderness(Duration::from_millis(bound));
        let watermarks = match idle {
            Some(idle) => watermarks.idle_timeout(Duration::from_millis(idle)),
            None => watermarks.without_idle_timeout(),
        };
        WatermarkTracker::new(watermarks, Operator::here("with_event_time")).unwrap()
    }

    /// A batch whose partitions have these latest times; the watermark after it.
    fn batch(tracker: &WatermarkTracker, time: u64, latest: &[Option<u64>]) -> u64 {
        let time = Time::from_millis(time);
        let ids = (0..latest.len()).map(PartitionId::Number).collect();
        let observed = tracker.begin(time, ids);
        for (partition, latest) in latest.iter().enumerate() {
            if let Some(latest) = latest {
                observed.saw(partition, Time::from_millis(*latest));
                observed.saw(partition, Time::from_millis(latest / 2));
            }
        }
        let after = tracker.after(time);
        tracker.commit(time);
        assert_eq!(tracker.before(), after);
        after.as_millis()
    }

    /// Batches by time and latest times per partition, and the watermark expected after each.
    type Batches = &'static [(u64, &'static [Option<u64>], u64)];

    #[test]
    fn the_watermark_is_the_least_of_the_partitions_that_are_not_idle() {
        let cases: [(&str, Option<u64>, Batches); 8] = [
            (
                "minus the bound, never back",
                None,
                &[
                    (1, &[Some(100)], 90),
                    (2, &[Some(50)], 90),
                    (3, &[Some(101)], 91),
                ],
            ),
            ("no earlier than the epoch", None, &[(1, &[Some(3)], 0)]),
            (
                "the least of all partitions",
                None,
                &[(1, &[Some(100), Some(60)], 50), (2, &[None, Some(300)], 90)],
            ),
            (
                "nothing new, nothing moves",
                None,
                &[(1, &[Some(100)], 90), (1000, &[None], 90), (9999, &[], 90)],
            ),
            (
                "a partition without records holds it until it is idle",
                Some(1000),
                &[
                    (1000, &[Some(500), None], 0),
                    (1999, &[Some(600), None], 0),
                    (2000, &[Some(700), None], 690),
                ],
            ),
            (
                "a new partition holds it where it is",
                Some(1000),
                &[
                    (1000, &[Some(500)], 490),
                    (1500, &[Some(800), Some(300)], 490),
                    (1600, &[Some(900), Some(850)], 840),
                ],
            ),
            (
                "all idle: the latest of all",
                Some(1000),
                &[
                    (1000, &[Some(500), Some(200)], 190),
                    (1900, &[None, None], 190),
                    (2000, &[None, None], 490),
                    (9000, &[], 490),
                ],
            ),
            (
                "one that wakes up holds it where it is until it has caught up",
                Some(1000),
                &[
                    (1000, &[Some(500), Some(200)], 190),
                    (2000, &[Some(900), None], 890),
                    (2100, &[Some(1200), Some(300)], 890),
                    (2200, &[Some(1300), Some(1250)], 1240),
                ],
            ),
        ];
        for (rule, idle, batches) in cases {
            let tracker = tracker(10, idle);
            for (time, latest, expected) in batches {
                assert_eq!(
                    batch(&tracker, *time, latest),
                    *expected,
                    "{rule}, batch {time}"
                );
            }
        }
    }

    #[test]
    fn a_failed_batch_does_not_move_the_watermark() {
        let tracker = tracker(0, None);
        batch(&tracker, 1, &[Some(100)]);
        let time = Time::from_millis(2);
        tracker
            .begin(time, vec![PartitionId::Number(0)])
            .saw(0, Time::from_millis(900));
        assert_eq!(tracker.after(time), Time::from_millis(900));
        tracker.abort(time);
        assert_eq!(tracker.before(), Time::from_millis(100));
        assert_eq!(batch(&tracker, 2, &[Some(150)]), 150);
    }

    #[test]
    fn partitions_of_kafka_are_known_by_name_wherever_they_stand() {
        let tracker = tracker(0, None);
        let kafka = |n| PartitionId::Kafka(TopicPartition::new("orders", n));
        for (time, ids, latest, expected) in [
            (1, vec![kafka(0), kafka(1)], vec![100, 200], 100),
            (
                2,
                vec![kafka(1), kafka(2), kafka(0)],
                vec![300, 400, 150],
                150,
            ),
        ] {
            let time = Time::from_millis(time);
            let observed = tracker.begin(time, ids);
            for (partition, latest) in latest.into_iter().enumerate() {
                observed.saw(partition, Time::from_millis(latest));
            }
            assert_eq!(tracker.after(time), Time::from_millis(expected));
            tracker.commit(time);
        }
    }

    #[test]
    fn impossible_settings_are_refused_with_the_reason() {
        let bounded = Watermarks::bounded_out_of_orderness;
        for (watermarks, expected) in [
            (
                bounded(Duration::from_nanos(1)),
                "the bound of out-of-orderness of 1ns is no whole number of milliseconds",
            ),
            (
                bounded(secs(u64::MAX)),
                "is longer than the engine can count",
            ),
            (
                bounded(secs(1)).idle_timeout(Duration::ZERO),
                "the idle time-out is zero",
            ),
            (
                bounded(secs(1)).idle_timeout(Duration::from_micros(7)),
                "the idle time-out of 7µs",
            ),
        ] {
            let error = WatermarkTracker::new(watermarks, Operator::here("with_event_time"));
            let error = error
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert!(
                error.starts_with("with_event_time at ") && error.contains(expected),
                "{error}"
            );
        }
    }
}
