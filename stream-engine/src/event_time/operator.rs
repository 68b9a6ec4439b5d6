//! What runs a window operator in a batch, whichever windows it has.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::aggregate::Aggregate;
use super::result::Counters;
use super::setting::signed;
use super::watermarks::WatermarkTracker;
use super::{EventStream, LateRecord, Window, WindowResult, WindowResults};
use crate::context::BatchState;
use crate::operator::guard;
use crate::rdd::for_each_chunk;
use crate::stream::Batch;
use crate::{DStream, Data, EngineError, HashPartitioner, Key, Operator, Rdd, RddContext, Time};

/// A record with a key and its event time.
pub(super) type Timed<K, V> = (Time, (K, V));

/// One kind of windows: how it folds a batch's records, and what it keeps from batch to batch.
pub(super) trait WindowKind<K: Key, V: Data, A: Aggregate<V>>:
    Send + Sync + 'static
{
    /// What becomes of the records of one input partition in a batch.
    type Fold: Send;
    /// The part of a fold whose keys belong to one partition of the state.
    type Block: Send;
    /// One partition of the state. A batch reads what its predecessors left and puts its own changes beside it; they take effect
    /// when the next batch begins, unless they were dropped.
    type State: Default + Send;

    fn start_fold(&self) -> Self::Fold;

    /// Adds a chunk of records, judged by the watermark `before` the batch. A record that is late whatever else the batch holds
    /// goes to `late`.
    fn fold(
        &self,
        fold: &mut Self::Fold,
        chunk: &mut Vec<Timed<K, V>>,
        aggregate: &A,
        before: i64,
        late: &mut Late<K, V>,
    );

    /// The fold's parts for each partition of the state.
    fn split(&self, fold: Self::Fold, partitioner: HashPartitioner) -> Vec<Self::Block>;

    /// Makes the last batch's changes part of the state. Called when that batch has committed.
    fn apply(&self, state: &mut Self::State, aggregate: &A);

    /// Adds the batch's records to the state's changes and fires the windows whose end the watermark passes in this batch, and
    /// those with late records that were allowed.
    fn fire(
        &self,
        state: &mut Self::State,
        blocks: Vec<Self::Block>,
        aggregate: &A,
        watermarks: Passed,
        out: &mut Fired<K, V, A::Out>,
    );

    /// Drops the batch's changes.
    fn drop_changes(&self, state: &mut Self::State);

    /// The number of accumulators.
    fn open(&self, state: &Self::State) -> u64;
}

/// The watermark before and after a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    pub(super) before: i64,
    pub(super) after: i64,
}

/// Late records of a batch: counted, and kept if somebody wants them.
pub(super) struct Late<K, V> {
    wanted: bool,
    watermark: Time,
    count: u64,
    records: Vec<LateRecord<(K, V)>>,
}

impl<K, V> Late<K, V> {
    pub(super) fn new(wanted: bool, watermark: Time) -> Self {
        Late {
            wanted,
            watermark,
            count: 0,
            records: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        time: Time,
        record: impl FnOnce() -> (K, V),
        windows: impl IntoIterator<Item = Window>,
    ) {
        self.count += 1;
        if self.wanted {
            self.records.push(LateRecord {
                record: record(),
                time,
                watermark: self.watermark,
                windows: windows.into_iter().collect(),
            });
        }
    }
}

/// What a partition of the state gives to a batch.
pub(super) struct Fired<K, V, R> {
    pub(super) results: Vec<WindowResult<K, R>>,
    pub(super) late: Late<K, V>,
}

struct WindowOperator<K: Key, V: Data, A: Aggregate<V>, W: WindowKind<K, V, A>> {
    operator: Operator,
    kind: W,
    aggregate: A,
    partitioner: HashPartitioner,
    rdds: RddContext,
    tracker: Arc<WatermarkTracker>,
    state: Vec<Mutex<W::State>>,
    counters: Arc<Counters>,
    current: Mutex<Option<Current<K, V>>>,
}

/// What a batch adds if it commits.
struct Current<K, V> {
    time: Time,
    open: u64,
    late_count: u64,
    late: Rdd<LateRecord<(K, V)>>,
}

impl<K: Key, V: Data, A: Aggregate<V>, W: WindowKind<K, V, A>> WindowOperator<K, V, A, W> {
    /// Runs the batch: folds its records, partition by partition, then fires windows, by partitions of the state. In between the
    /// watermark is known, because all records have been seen.
    fn run(
        &self,
        batch: &Batch,
        records: &Rdd<Timed<K, V>>,
    ) -> Result<Rdd<WindowResult<K, A::Out>>, EngineError> {
        records.prepare()?;
        let pool = self.rdds.pool();
        let before = self.tracker.before();
        let wanted = self.counters.late_wanted.load(Ordering::Relaxed);
        let fold = |partition| {
            let (mut fold, mut late) = (self.kind.start_fold(), Late::new(wanted, before));
            for_each_chunk(&**records.node(), pool, partition, |chunk| {
                guard(self.operator, || {
                    self.kind
                        .fold(&mut fold, chunk, &self.aggregate, signed(before), &mut late);
                })?;
                Ok(true)
            })?;
            Ok((self.kind.split(fold, self.partitioner), late))
        };
        let folded = pool.run(self.operator, (0..records.num_partitions()).collect(), fold)?;

        let after = self.tracker.after(batch.time);
        let watermarks = Passed {
            before: signed(before),
            after: signed(after),
        };
        let mut late = Vec::with_capacity(folded.len() + self.state.len());
        let mut tasks: Vec<(usize, Vec<W::Block>)> =
            (0..self.state.len()).map(|p| (p, Vec::new())).collect();
        for (blocks, found) in folded {
            late.push(found);
            for (task, block) in tasks.iter_mut().zip(blocks) {
                task.1.push(block);
            }
        }
        let open = AtomicU64::new(0);
        let fired = pool.run(self.operator, tasks, |(partition, blocks)| {
            let mut state = self.state[partition].lock().map_err(|_| self.broken())?;
            let mut fired = Fired {
                results: Vec::new(),
                late: Late::new(wanted, before),
            };
            self.kind.apply(&mut state, &self.aggregate);
            open.fetch_add(self.kind.open(&state), Ordering::Relaxed);
            self.kind
                .fire(&mut state, blocks, &self.aggregate, watermarks, &mut fired);
            Ok(fired)
        })?;

        let mut results = Vec::with_capacity(fired.len());
        for fired in fired {
            results.push(fired.results);
            late.push(fired.late);
        }
        *self.current() = Some(Current {
            time: batch.time,
            open: open.into_inner(),
            late_count: late.iter().map(|late| late.count).sum(),
            late: self
                .rdds
                .parallelize_partitions(late.into_iter().map(|late| late.records)),
        });
        Ok(self.rdds.parallelize_partitions(results))
    }

    /// The late records of a batch that was run.
    fn late(&self, time: Time) -> Rdd<LateRecord<(K, V)>> {
        match &*self.current() {
            Some(current) if current.time == time => current.late.clone(),
            _ => self.rdds.empty(),
        }
    }

    fn broken(&self) -> EngineError {
        EngineError::Panicked {
            operator: self.operator,
            message: "in an earlier batch, in the middle of changing the state of windows: start the program again".to_owned(),
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Current<K, V>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key, V: Data, A: Aggregate<V>, W: WindowKind<K, V, A>> BatchState
    for WindowOperator<K, V, A, W>
{
    fn commit(&self, time: Time) {
        if let Some(current) = self.current().take()
            && current.time == time
        {
            self.counters.open.store(current.open, Ordering::Relaxed);
            self.counters
                .late_records
                .fetch_add(current.late_count, Ordering::Relaxed);
        }
    }

    fn abort(&self, _time: Time) {
        *self.current() = None;
        for state in &self.state {
            if let Ok(mut state) = state.lock() {
                self.kind.drop_changes(&mut state);
            }
        }
    }
}

/// Adds a window operator to the graph.
pub(super) fn create<K: Key, V: Data, A: Aggregate<V>>(
    operator: Operator,
    records: &DStream<Timed<K, V>>,
    tracker: &Arc<WatermarkTracker>,
    partitions: usize,
    kind: impl WindowKind<K, V, A>,
    aggregate: A,
) -> WindowResults<K, A::Out, (K, V)> {
    let shared = records.shared();
    let partitioner = HashPartitioner::new(partitions);
    let counters = Arc::new(Counters::default());
    let windows = Arc::new(WindowOperator {
        operator,
        kind,
        aggregate,
        partitioner,
        rdds: shared.rdds.clone(),
        tracker: tracker.clone(),
        state: (0..partitioner.partitions())
            .map(|_| Mutex::default())
            .collect(),
        counters: counters.clone(),
        current: Mutex::new(None),
    });
    shared.graph().add_state(operator, windows.clone());
    let (parent, runner, slide) = (
        records.node().clone(),
        windows.clone(),
        records.slide_duration(),
    );
    let results = DStream::create(shared, operator, slide, move |batch| {
        match parent.rdd(batch)? {
            Some(records) => Ok(Some(runner.run(batch, &records)?)),
            None => Ok(None),
        }
    });
    // Windows take in every batch, whether or not an output operation asks for their results in it.
    shared.graph().add_panes(results.node().clone());
    let ran = results.node().clone();
    let late = DStream::create(shared, operator, slide, move |batch| {
        Ok(ran.rdd(batch)?.map(|_| windows.late(batch.time)))
    });
    WindowResults::new(results, late, counters)
}

/// As [`create`], for all records of a stream as if they had one key.
pub(super) fn create_unkeyed<T: Data, A: Aggregate<T>>(
    operator: Operator,
    events: &EventStream<T>,
    kind: impl WindowKind<(), T, A>,
    aggregate: A,
) -> WindowResults<(), A::Out, T> {
    let records = events.with_times().map_rdd(operator, move |rdd| {
        rdd.map_at(operator, |(time, record)| (time, ((), record)))
    });
    let keyed = create(operator, &records, events.tracker(), 1, kind, aggregate);
    keyed.map_late(operator, |((), record)| record)
}
