use std::sync::Arc;

use super::DStream;
use crate::operator::guard;
use crate::pool::Pool;
use crate::rdd::{Combiner, Entry};
use crate::state::{InitialState, PartitionState, StateTable};
use crate::{Data, EngineError, HashPartitioner, Key, Operator, Rdd, Time};

/// Settings of [`DStream::update_state_by_key_with`] and [`DStream::update_state_by_every_key_with`].
#[derive(Clone, Debug)]
pub struct StateOptions<K, S> {
    /// The number of partitions of the state; by default one per thread.
    pub partitions: Option<usize>,
    /// The states that keys have before the first batch; of several states for a key the last counts.
    pub initial_state: Option<Rdd<(K, S)>>,
}

impl<K, S> Default for StateOptions<K, S> {
    fn default() -> Self {
        StateOptions {
            partitions: None,
            initial_state: None,
        }
    }
}

/// Which keys the function is called for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    KeysWithValues,
    EveryKey,
}

/// The result, and where it is kept.
type Updated<K, S> = (DStream<(K, S)>, Arc<StateTable<K, S>>);

/// State that lives across batches (Spark's `updateStateByKey`). The function gets a key's new values and its state, if it has
/// one, and returns its new state; `None` removes the key. The result is the whole state, every batch; it is read from memory
/// when somebody reads it, so that `print` of a large state is cheap.
///
/// Two forms, where Spark has one:
///
/// - [`update_state_by_key`](DStream::update_state_by_key) calls the function for keys with new values only. A batch costs what
///   it touches, however many keys have a state. A function that returns the state unchanged when there are no values, as most
///   do, gives the same results as in Spark.
/// - [`update_state_by_every_key`](DStream::update_state_by_every_key) is exactly Spark's `updateStateByKey`: the function is
///   called for every key that has a state, also without new values, so that it can count batches or let keys expire. Every
///   batch costs time in proportion to the whole state. To let keys expire, prefer
///   [`map_with_state`](DStream::map_with_state) with a timeout.
///
/// The state belongs to the batch that changes it: if the batch fails, the state is as it was.
impl<K: Key, V: Data> DStream<(K, V)> {
    /// Updates the state of the keys that have new values; see [the two forms](#method.update_state_by_every_key).
    ///
    /// Differs from Spark's `updateStateByKey`, which calls the function for every key in every batch; that is
    /// [`update_state_by_every_key`](DStream::update_state_by_every_key).
    ///
    /// ```
    /// # use stream_engine::testkit::check_unordered;
    /// check_unordered(
    ///     &[vec![("a", 1), ("b", 1), ("a", 1)], vec![("b", 1)], vec![]],
    ///     |s| s.update_state_by_key(|new: Vec<i32>, sum: Option<i32>| Some(sum.unwrap_or(0) + new.iter().sum::<i32>())),
    ///     &[vec![("a", 2), ("b", 1)], vec![("a", 2), ("b", 2)], vec![("a", 2), ("b", 2)]],
    /// );
    /// ```
    #[track_caller]
    pub fn update_state_by_key<S: Data>(
        &self,
        f: impl Fn(Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
    ) -> DStream<(K, S)> {
        self.update_state_at(
            Operator::here("update_state_by_key"),
            StateOptions::default(),
            Calls::KeysWithValues,
            move |_, _, values, state| f(values, state),
        )
        .0
    }

    /// As [`DStream::update_state_by_key`], with the state in `partitions` partitions.
    #[track_caller]
    pub fn update_state_by_key_with_partitions<S: Data>(
        &self,
        partitions: usize,
        f: impl Fn(Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
    ) -> DStream<(K, S)> {
        let options = StateOptions {
            partitions: Some(partitions),
            ..StateOptions::default()
        };
        self.update_state_at(
            Operator::here("update_state_by_key"),
            options,
            Calls::KeysWithValues,
            move |_, _, values, state| f(values, state),
        )
        .0
    }

    /// As [`DStream::update_state_by_key`], with an initial state and other options, and a function that also gets the batch's
    /// time and the key.
    ///
    /// ```
    /// # use stream_engine::testkit::check_unordered;
    /// use stream_engine::{DStream, RddContext, StateOptions};
    ///
    /// let known = RddContext::new(1)?.parallelize([("a", 40)], 1);
    /// let options = StateOptions { initial_state: Some(known), ..StateOptions::default() };
    /// let sums = move |s: &DStream<(&'static str, i32)>| {
    ///     s.update_state_by_key_with(options, |_time, _key, new: Vec<i32>, sum| Some(sum.unwrap_or(0) + new.iter().sum::<i32>()))
    /// };
    /// check_unordered(&[vec![("a", 2)], vec![("b", 1)]], sums, &[vec![("a", 42)], vec![("a", 42), ("b", 1)]]);
    /// # Ok::<_, stream_engine::EngineError>(())
    /// ```
    #[track_caller]
    pub fn update_state_by_key_with<S: Data>(
        &self,
        options: StateOptions<K, S>,
        f: impl Fn(Time, &K, Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
    ) -> DStream<(K, S)> {
        let operator = Operator::here("update_state_by_key");
        self.update_state_at(operator, options, Calls::KeysWithValues, f)
            .0
    }

    /// Spark's `updateStateByKey` to the letter: in every batch the function is called for every key that has a state or new
    /// values, with an empty `Vec` if it has no new ones. The slow form: each batch costs time in proportion to the number of
    /// keys in the state.
    #[track_caller]
    pub fn update_state_by_every_key<S: Data>(
        &self,
        f: impl Fn(Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
    ) -> DStream<(K, S)> {
        self.update_state_at(
            Operator::here("update_state_by_every_key"),
            StateOptions::default(),
            Calls::EveryKey,
            move |_, _, values, state| f(values, state),
        )
        .0
    }

    /// As [`DStream::update_state_by_every_key`], with an initial state and other options, and a function that also gets the
    /// batch's time and the key.
    #[track_caller]
    pub fn update_state_by_every_key_with<S: Data>(
        &self,
        options: StateOptions<K, S>,
        f: impl Fn(Time, &K, Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
    ) -> DStream<(K, S)> {
        let operator = Operator::here("update_state_by_every_key");
        self.update_state_at(operator, options, Calls::EveryKey, f)
            .0
    }

    fn update_state_at<S: Data>(
        &self,
        operator: Operator,
        options: StateOptions<K, S>,
        calls: Calls,
        f: impl Fn(Time, &K, Vec<V>, Option<S>) -> Option<S> + Send + Sync + 'static,
    ) -> Updated<K, S> {
        let context = self.shared().rdds.clone();
        let partitioner =
            HashPartitioner::new(options.partitions.unwrap_or_else(|| context.threads()));
        let initial = InitialState::new(options.initial_state);
        let table = Arc::new(StateTable::new(partitioner));
        self.shared().graph().add_state(operator, table.clone());
        let (parent, state) = (self.node().clone(), table.clone());
        let groups = Combiner::groups();
        let slide = self.slide_duration();
        let stream = DStream::create(self.shared(), operator, slide, move |batch| {
            let Some(rdd) = parent.rdd(batch)? else {
                return Ok(None);
            };
            initial.load_once(operator, partitioner, |partition, states| {
                let states = states.into_iter();
                table.load(partition, states.map(|e| (e.hash, e.key, e.value)));
                Ok(())
            })?;
            let pool = context.pool();
            let groups = rdd.combine_now(operator, partitioner, &groups)?;
            let groups = groups.into_iter().enumerate().collect();
            pool.run(operator, groups, |(partition, groups)| {
                table.change(partition, |state| {
                    update(state, groups, pool, operator, |key, values, state| {
                        f(batch.time, key, values, state)
                    })?;
                    if calls == Calls::EveryKey {
                        update_others(state, operator, |key, state| {
                            f(batch.time, key, Vec::new(), Some(state))
                        })?;
                    }
                    Ok(())
                })
            })?;
            Ok(Some(table.snapshot(&context)))
        });
        // In every batch, whether an output asks for it or not: the values would be lost otherwise.
        self.shared().graph().add_panes(stream.node().clone());
        (stream, state)
    }
}

/// Updates the keys that have new values.
fn update<K: Key, V, S: Data>(
    state: &mut PartitionState<'_, K, S>,
    groups: Vec<Entry<K, Vec<V>>>,
    pool: &Pool,
    operator: Operator,
    f: impl Fn(&K, Vec<V>, Option<S>) -> Option<S>,
) -> Result<(), EngineError> {
    let mut groups = groups.into_iter();
    let mut places = Vec::new();
    loop {
        pool.check_cancelled()?;
        state.places(groups.as_slice(), &mut places);
        if places.is_empty() {
            return Ok(());
        }
        guard(operator, || {
            for (&place, group) in places.iter().zip(&mut groups) {
                let before = state.get_at(place, group.hash, &group.key).cloned();
                let after = f(&group.key, group.value, before);
                state.set_at(place, group.hash, group.key, after);
            }
        })?;
    }
}

/// Updates the keys that have a state but no new values.
fn update_others<K: Key, S: Data>(
    state: &mut PartitionState<'_, K, S>,
    operator: Operator,
    f: impl Fn(&K, S) -> Option<S>,
) -> Result<(), EngineError> {
    guard(operator, || {
        let others: Vec<(u64, K, Option<S>)> = state
            .untouched()
            .map(|(hash, key, before)| (hash, key.clone(), f(key, before.clone())))
            .collect();
        for (hash, key, after) in others {
            state.set_at(state.place(hash, &key), hash, key, after);
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;
    use crate::testkit::{Stepper, TestKit, check_unordered, secs};
    use crate::{ManualClock, RddContext, StreamingContext};

    fn sum(values: &[i64], sum: Option<i64>) -> i64 {
        sum.unwrap_or(0) + values.iter().sum::<i64>()
    }

    /// Adds up; a negative sum removes the key.
    fn positive(values: &[i64], state: Option<i64>) -> Option<i64> {
        Some(sum(values, state)).filter(|sum| *sum >= 0)
    }

    type Input = Vec<Vec<(u8, i64)>>;

    /// What the operators must give, from the whole input up to each batch.
    fn from_scratch(input: &Input, every_key: bool) -> Vec<BTreeMap<u8, i64>> {
        (1..=input.len())
            .map(|end| {
                let mut state: BTreeMap<u8, i64> = BTreeMap::from([(0, 5), (9, 7)]);
                for batch in &input[..end] {
                    for key in 0..12u8 {
                        let values: Vec<i64> =
                            batch.iter().filter(|r| r.0 == key).map(|r| r.1).collect();
                        let old = state.get(&key).copied();
                        if values.is_empty() && (!every_key || old.is_none()) {
                            continue;
                        }
                        // In the every-key form, states without new values lose one.
                        let old = old.map(|old| old - i64::from(values.is_empty()));
                        match positive(&values, old) {
                            Some(new) => state.insert(key, new),
                            None => state.remove(&key),
                        };
                    }
                }
                state
            })
            .collect()
    }

    fn as_maps(outputs: Vec<Vec<(u8, i64)>>) -> Vec<BTreeMap<u8, i64>> {
        let as_map = |batch: Vec<(u8, i64)>| {
            let (n, map) = (batch.len(), BTreeMap::from_iter(batch));
            assert_eq!(map.len(), n, "a key twice in one batch");
            map
        };
        outputs.into_iter().map(as_map).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn both_forms_equal_recomputation(
            input in prop::collection::vec(prop::collection::vec((0u8..12, -6i64..6), 0..10), 1..12),
            partitions in 1usize..4,
        ) {
            let kit = TestKit::default().partitions(partitions);
            let initial = RddContext::new(1).unwrap().parallelize([(0u8, 5i64), (9, 1), (9, 7)], 2);
            let options = StateOptions { partitions: Some(partitions), initial_state: Some(initial) };
            let touched = kit.run(&input, |s| {
                s.update_state_by_key_with(options.clone(), |_, _, values, state| positive(&values, state))
            });
            prop_assert_eq!(as_maps(touched.unwrap()), from_scratch(&input, false));
            let every = kit.run(&input, |s| {
                s.update_state_by_every_key_with(options, |_, _, values: Vec<i64>, state: Option<i64>| {
                    let state = state.map(|state| state - i64::from(values.is_empty()));
                    positive(&values, state)
                })
            });
            prop_assert_eq!(as_maps(every.unwrap()), from_scratch(&input, true));
        }
    }

    #[test]
    fn the_function_is_called_for_keys_with_values_only() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        check_unordered(
            &[vec![("a", 1), ("b", 2), ("a", 3)], vec![], vec![("a", 1)]],
            move |s| {
                s.update_state_by_key(move |values: Vec<i64>, state| {
                    counted.fetch_add(1, Ordering::Relaxed);
                    Some(sum(&values, state))
                })
            },
            &[
                vec![("a", 4), ("b", 2)],
                vec![("a", 4), ("b", 2)],
                vec![("a", 5), ("b", 2)],
            ],
        );
        assert_eq!(calls.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn the_every_key_form_is_called_with_no_values_too() {
        // Counts the batches that a key has been there for; gone after three.
        check_unordered(
            &[vec![("a", ()), ("a", ())], vec![("b", ())], vec![], vec![]],
            |s| {
                s.update_state_by_every_key(|_, batches: Option<u32>| {
                    Some(batches.unwrap_or(0) + 1).filter(|n| *n < 4)
                })
            },
            &[
                vec![("a", 1)],
                vec![("a", 2), ("b", 1)],
                vec![("a", 3), ("b", 2)],
                vec![("b", 3)],
            ],
        );
    }

    #[test]
    fn none_removes_a_key_and_it_starts_anew() {
        check_unordered(
            &[vec![("a", 1), ("b", 1)], vec![("a", -1)], vec![("a", 3)]],
            |s| {
                s.update_state_by_key_with_partitions(1, |values, state| {
                    Some(sum(&values, state)).filter(|sum| *sum != 0)
                })
            },
            &[
                vec![("a", 1), ("b", 1)],
                vec![("b", 1)],
                vec![("a", 3), ("b", 1)],
            ],
        );
    }

    #[test]
    fn initial_states_are_there_from_the_first_batch_on_and_are_seen_by_every_key() {
        let known = RddContext::new(1)
            .unwrap()
            .parallelize([("a", 10), ("z", 1)], 2);
        let options = StateOptions {
            initial_state: Some(known),
            ..StateOptions::default()
        };
        let by_key = options.clone();
        check_unordered(
            &[vec![("a", 1)], vec![]],
            |s| s.update_state_by_key_with(by_key, |_, _, new, old| Some(sum(&new, old))),
            &[vec![("a", 11), ("z", 1)], vec![("a", 11), ("z", 1)]],
        );
        check_unordered(
            &[vec![("a", 1)], vec![]],
            |s| {
                s.update_state_by_every_key_with(options, |time, key, new: Vec<i64>, old| {
                    assert!(time.as_millis() >= 1000 && (*key == "a" || new.is_empty()));
                    Some(sum(&new, old) * 2)
                })
            },
            &[vec![("a", 22), ("z", 2)], vec![("a", 44), ("z", 4)]],
        );
    }

    #[test]
    fn the_state_is_updated_also_in_batches_in_which_nobody_reads_it() {
        let clock = ManualClock::default();
        let builder = StreamingContext::builder("test").batch_duration(secs(1));
        let ssc = builder.threads(2).clock(clock.clone()).build().unwrap();
        let input: Input = (1..=4).map(|n| vec![(1, n)]).collect();
        let stream = TestKit::default().input(&ssc, &input).unwrap();
        let sums = stream.update_state_by_key(|new, old| Some(sum(&new, old)));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        // Asks for the state in every second batch only, and not at all in the others.
        sums.window(secs(1), secs(2))
            .unwrap()
            .foreach_rdd(move |rdd| sink.lock().unwrap().extend(rdd.collect().unwrap()));
        let mut stepper = Stepper::start(&ssc, &clock).unwrap();
        (0..4).for_each(|_| assert!(stepper.step().unwrap()));
        assert_eq!(*seen.lock().unwrap(), [(1, 3), (1, 10)]);
    }

    #[test]
    fn a_window_over_a_state_holds_each_batchs_own_state() {
        let input = [
            vec![("a", 1)],
            vec![("a", 1), ("b", 1)],
            vec![],
            vec![("b", -1)],
        ];
        let state = |values: Vec<i64>, old| Some(sum(&values, old)).filter(|sum| *sum > 0);
        check_unordered(
            &input,
            |s| s.update_state_by_key(state).window(secs(3), secs(1)),
            &[
                vec![("a", 1)],
                vec![("a", 1), ("a", 2), ("b", 1)],
                vec![("a", 1), ("a", 2), ("b", 1), ("a", 2), ("b", 1)],
                vec![("a", 2), ("b", 1), ("a", 2), ("b", 1), ("a", 2)],
            ],
        );
    }

    /// Runs batches until one fails; what the state is then.
    fn state_after_failure(
        input: &[Vec<(&'static str, i64)>],
        output: impl Fn(Rdd<(&'static str, i64)>) -> Result<(), EngineError> + Send + 'static,
    ) -> (Vec<(&'static str, i64)>, String) {
        let clock = ManualClock::default();
        let builder = StreamingContext::builder("test").batch_duration(secs(1));
        let ssc = builder.threads(2).clock(clock.clone()).build().unwrap();
        let stream = TestKit::default().input(&ssc, input).unwrap();
        let operator = Operator::here("update_state_by_key");
        let (sums, table) = stream.update_state_at(
            operator,
            StateOptions::default(),
            Calls::KeysWithValues,
            |_, key: &&str, values, old| {
                assert_ne!(*key, "bad", "a poisoned key");
                Some(sum(&values, old))
            },
        );
        sums.foreach_rdd(output);
        let mut stepper = Stepper::start(&ssc, &clock).unwrap();
        let error = (0..input.len()).find_map(|_| stepper.step().err());
        let mut state = table.snapshot(ssc.rdd_context()).collect().unwrap();
        state.sort_unstable();
        (state, error.expect("a batch fails").to_string())
    }

    #[test]
    fn a_failed_batch_leaves_the_state_as_it_was() {
        let good = vec![("a", 1), ("b", 2)];
        let (state, error) = state_after_failure(
            &[good.clone(), vec![("a", 5), ("c", 1), ("bad", 1)]],
            |_| Ok(()),
        );
        assert_eq!(state, good);
        assert!(error.contains("update_state_by_key at "), "{error}");
        assert!(error.contains("a poisoned key"), "{error}");
        let (state, error) = state_after_failure(&[good.clone(), vec![("a", 5)]], |rdd| {
            let sums = rdd.collect()?;
            assert!(!sums.contains(&("a", 6)), "no space left");
            Ok(())
        });
        assert_eq!(state, good);
        assert!(error.contains("no space left"), "{error}");
    }

    #[test]
    fn printing_a_large_state_reads_only_what_is_printed() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let input: Vec<(u32, i64)> = (0..20_000).map(|n| (n, 1)).collect();
        let kit = TestKit::default().threads(1);
        let firsts = kit.run(&[input], move |s| {
            let counted = counted.clone();
            let state = s.update_state_by_key(|new, old| Some(sum(&new, old)));
            let read = state.map(move |record| {
                counted.fetch_add(1, Ordering::Relaxed);
                record
            });
            read.transform(|rdd| {
                let first = rdd.take(3).unwrap();
                rdd.context().parallelize(first, 1)
            })
        });
        assert_eq!(firsts.unwrap()[0].len(), 3);
        assert!(calls.load(Ordering::Relaxed) <= crate::CHUNK);
    }
}
