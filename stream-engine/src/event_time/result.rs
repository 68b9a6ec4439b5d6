use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Window;
use crate::{DStream, Data, Operator, Time};

/// What a window came to for a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowResult<K, R> {
    /// The window. A session's is from its first record to a gap after its last.
    pub window: Window,
    /// The key; `()` if the stream was not keyed.
    pub key: K,
    /// The result.
    pub value: R,
    /// The windows of the key's earlier results that this one replaces, because late records were allowed: the same window, or,
    /// for sessions, those of the sessions that it continues or joins. Empty for a first result.
    pub replaces: Vec<Window>,
}

impl<K, R> WindowResult<K, R> {
    /// Whether it replaces earlier results.
    pub fn is_update(&self) -> bool {
        !self.replaces.is_empty()
    }
}

/// A record that came too late for a window, and so is in no result of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LateRecord<T> {
    /// The record.
    pub record: T,
    /// Its time.
    pub time: Time,
    /// The watermark that it was late for.
    pub watermark: Time,
    /// The windows that it came too late for. Other sliding windows may still have taken it.
    pub windows: Vec<Window>,
}

/// What a window operator holds and what came too late for it. Changes when a batch commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowMetrics {
    /// How many accumulators there were when the last committed batch began: one per key and open session, or per key and
    /// slice of the open tumbling or sliding windows.
    pub open: u64,
    /// How many records came too late for a window so far.
    pub late_records: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) open: AtomicU64,
    pub(super) late_records: AtomicU64,
    /// Whether somebody reads the late records, so that they have to be kept for the batch.
    pub(super) late_wanted: AtomicBool,
}

/// What comes out of a window operator: the results of windows, and the records that came too late for theirs.
pub struct WindowResults<K, R, T> {
    results: DStream<WindowResult<K, R>>,
    late: DStream<LateRecord<T>>,
    counters: Arc<Counters>,
}

impl<K: Data, R: Data, T: Data> WindowResults<K, R, T> {
    pub(super) fn new(
        results: DStream<WindowResult<K, R>>,
        late: DStream<LateRecord<T>>,
        counters: Arc<Counters>,
    ) -> Self {
        WindowResults {
            results,
            late,
            counters,
        }
    }

    /// The results, each in the batch in which the watermark passed its window's end: once per window and key, and once more per
    /// batch with late records that were allowed. Windows without records have no result.
    pub fn results(&self) -> DStream<WindowResult<K, R>> {
        self.results.clone()
    }

    /// The records that came too late for a window, in the batch in which they came (Flink's side output). They are only kept if
    /// this was called, but always counted.
    pub fn late_records(&self) -> DStream<LateRecord<T>> {
        self.counters.late_wanted.store(true, Ordering::Relaxed);
        self.late.clone()
    }

    pub(super) fn map_late<U: Data>(
        self,
        operator: Operator,
        f: impl Fn(T) -> U + Copy + Send + Sync + 'static,
    ) -> WindowResults<K, R, U> {
        let late = self.late.map_rdd(operator, move |rdd| {
            rdd.map_at(operator, move |late| LateRecord {
                record: f(late.record),
                time: late.time,
                watermark: late.watermark,
                windows: late.windows,
            })
        });
        WindowResults::new(self.results, late, self.counters)
    }

    /// How much is open and how much was late.
    pub fn metrics(&self) -> WindowMetrics {
        WindowMetrics {
            open: self.counters.open.load(Ordering::Relaxed),
            late_records: self.counters.late_records.load(Ordering::Relaxed),
        }
    }
}

impl<K, R, T> Clone for WindowResults<K, R, T> {
    fn clone(&self) -> Self {
        WindowResults {
            results: self.results.clone(),
            late: self.late.clone(),
            counters: self.counters.clone(),
        }
    }
}

impl<K, R, T> fmt::Debug for WindowResults<K, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowResults")
            .field("results", &self.results)
            .finish_non_exhaustive()
    }
}
