use std::sync::Arc;
use std::time::Duration;

use super::{Batch, DStream};
use crate::operator::guard;
use crate::pool::Pool;
use crate::rdd::Blocks;
use crate::state::{StateTable, Timers};
use crate::{Data, EngineError, HashPartitioner, Key, Operator, Time};

impl<T: Data> DStream<T> {
    /// The first record of each key within `within`: once a record has passed in a batch at time `t`, others of its key are
    /// dropped in that batch and in those before `t + within`. Dropped records do not prolong the time.
    ///
    /// Time is the batches' time. The memory is bounded by the different keys of the last `within`; keys are forgotten without
    /// a scan. Spark Streaming has no such operator (Structured Streaming's `dropDuplicatesWithinWatermark` is its kin).
    ///
    /// ```
    /// # use stream_engine::testkit::{check_unordered, secs};
    /// let orders = [vec![(7, "new"), (7, "again")], vec![(7, "again"), (8, "new")], vec![(7, "late")]];
    /// check_unordered(
    ///     &orders,
    ///     |s| s.deduplicate_by(|(id, _)| *id, secs(2)),
    ///     &[vec![(7, "new")], vec![(8, "new")], vec![(7, "late")]],
    /// );
    /// ```
    ///
    /// # Errors
    /// [`EngineError::Graph`] if `within` is shorter than a millisecond.
    #[track_caller]
    pub fn deduplicate_by<K: Key>(
        &self,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
        within: Duration,
    ) -> Result<DStream<T>, EngineError> {
        let operator = Operator::here("deduplicate_by");
        if within.as_millis() == 0 {
            let problem = format!("within {within:?} nothing can repeat: give at least 1 ms");
            return Err(EngineError::Graph { operator, problem });
        }
        Ok(self.deduplicate_at(operator, key, within).0)
    }

    fn deduplicate_at<K: Key>(
        &self,
        operator: Operator,
        key: impl Fn(&T) -> K + Send + Sync + 'static,
        within: Duration,
    ) -> (DStream<T>, Arc<Seen<K>>) {
        let context = self.shared().rdds.clone();
        let partitioner = HashPartitioner::new(context.threads());
        let seen = Arc::new(Seen {
            operator,
            within,
            passed: Arc::new(StateTable::new(partitioner)),
            timers: Arc::new(Timers::new(partitioner.partitions())),
        });
        let mut graph = self.shared().graph();
        graph.add_state(operator, seen.passed.clone());
        graph.add_state(operator, seen.timers.clone());
        drop(graph);
        let (parent, key, state) = (self.node().clone(), Arc::new(key), seen.clone());
        let slide = self.slide_duration();
        let stream = DStream::create(self.shared(), operator, slide, move |batch| {
            let Some(rdd) = parent.rdd(batch)? else {
                return Ok(None);
            };
            let key = key.clone();
            let records = rdd
                .map_at(operator, move |record| (key(&record), record))
                .partition_now(operator, partitioner)?;
            let records = records.into_iter().enumerate().collect();
            let pool = context.pool();
            let passed = pool.run(operator, records, |(partition, blocks)| {
                state.pass(pool, batch, partition, blocks)
            })?;
            Ok(Some(context.parallelize_partitions(passed)))
        });
        // In every batch, whether an output asks for it or not: what passed would be forgotten otherwise.
        self.shared().graph().add_panes(stream.node().clone());
        (stream, seen)
    }
}

/// The keys of which a record has passed, with the batch in which it did.
struct Seen<K> {
    operator: Operator,
    within: Duration,
    passed: Arc<StateTable<K, Time>>,
    timers: Arc<Timers<K>>,
}

impl<K: Key> Seen<K> {
    /// The records of one partition that pass. A key is filed under the time at which its record passed.
    fn pass<T>(
        &self,
        pool: &Pool,
        batch: &Batch,
        partition: usize,
        blocks: Blocks<K, T>,
    ) -> Result<Vec<T>, EngineError> {
        let mut out = Vec::new();
        self.passed.change(partition, |state| {
            let mut places = Vec::new();
            for mut records in blocks.into_iter().map(Vec::into_iter) {
                while !records.as_slice().is_empty() {
                    pool.check_cancelled()?;
                    state.places(records.as_slice(), &mut places);
                    guard(self.operator, || {
                        for (&place, record) in places.iter().zip(&mut records) {
                            let last = state.get_at(place, record.hash, &record.key);
                            if last.is_none_or(|last| *last + self.within <= batch.time) {
                                state.set_at(place, record.hash, record.key, Some(batch.time));
                                out.push(record.value);
                            }
                        }
                    })?;
                }
            }
            let new = state.changes().map(|(hash, key, _)| (hash, key.clone()));
            self.timers.file(partition, batch.time, new);
            let limit = batch.time - self.within + Duration::from_millis(1);
            self.timers.take_due(partition, limit, |filed, hash, key| {
                if state.get(hash, key) == Some(&filed) {
                    state.remove(hash, key);
                }
                Ok(None)
            })
        })?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::testkit::{Stepper, TestKit, check, check_unordered, secs};
    use crate::{ManualClock, StreamingContext};

    #[test]
    fn the_first_record_passes_and_repetitions_do_not_prolong_the_time() {
        check(
            &[
                vec!["a1", "a2"],
                vec!["a3"],
                vec!["a4", "b1"],
                vec!["a5"],
                vec![],
                vec!["b2"],
            ],
            |s| s.deduplicate_by(|text| text.as_bytes()[0], secs(3)),
            &[
                vec!["a1"],
                vec![],
                vec!["b1"],
                vec!["a5"],
                vec![],
                vec!["b2"],
            ],
        );
    }

    #[test]
    fn shorter_than_a_batch_means_within_the_batch() {
        let input = [vec![1, 1, 2], vec![1]];
        let short = Duration::from_millis(1);
        check_unordered(
            &input,
            |s| s.deduplicate_by(|n| *n, short),
            &[vec![1, 2], vec![1]],
        );
        let error = TestKit::default()
            .run(&input, |s| s.deduplicate_by(|n| *n, Duration::ZERO))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("deduplicate_by at ") && error.ends_with("give at least 1 ms"),
            "{error}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_passes_equals_recomputation(
            input in prop::collection::vec(prop::collection::vec(0u8..8, 0..6), 1..15),
            within in 1u64..6, partitions in 1usize..4,
        ) {
            let mut passed = HashMap::new();
            let mut expected: Vec<Vec<u8>> = Vec::new();
            for (n, batch) in (1u64..).zip(&input) {
                let mut out = Vec::new();
                for key in batch {
                    if passed.get(key).is_none_or(|last| last + within <= n) {
                        passed.insert(*key, n);
                        out.push(*key);
                    }
                }
                out.sort_unstable();
                expected.push(out);
            }
            let kit = TestKit::default().partitions(partitions).threads(partitions);
            let mut got = kit.run(&input, |s| s.deduplicate_by(|key| *key, secs(within))).unwrap();
            got.iter_mut().for_each(|batch| batch.sort_unstable());
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn memory_stays_flat_over_days() {
        let clock = ManualClock::default();
        let builder = StreamingContext::builder("test").batch_duration(secs(60));
        let ssc = builder.threads(2).clock(clock.clone()).build().unwrap();
        let kit = TestKit::default();
        // Two new keys a minute and one that always comes again, for a week.
        let minutes = 7 * 24 * 60u64;
        let input: Vec<Vec<u64>> = (1..=minutes).map(|n| vec![2 * n, 2 * n + 1, 0]).collect();
        let stream = kit.input(&ssc, &input).unwrap();
        let operator = Operator::here("deduplicate_by");
        let (passed, seen) = stream.deduplicate_at(operator, |key| *key, secs(3600));
        passed.foreach_rdd(|_| ());
        let mut stepper = Stepper::start(&ssc, &clock).unwrap();
        for _ in 0..minutes {
            stepper.step().unwrap();
            assert!(seen.passed.len() <= 121, "{} keys", seen.passed.len());
            assert!(seen.timers.len() <= 121, "{} timers", seen.timers.len());
        }
        assert_eq!(seen.passed.len(), 121);
    }
}
