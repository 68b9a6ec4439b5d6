use std::sync::Arc;
use std::time::Duration;

use super::DStream;
use crate::rdd::WindowStep;
use crate::{Data, EngineError, HashPartitioner, Key, Operator};

/// Windows that are updated instead of computed anew: what enters is added, what leaves is taken away by an inverse function.
/// The cost of a slide follows the keys in the window and the batches that enter and leave, never the window's length.
///
/// Repaired, compared with Spark's `reduceByKeyAndWindow` with an inverse function:
/// - A key disappears exactly when its last value leaves the window. Spark keeps it for ever with a "zero" unless a filter
///   function recognizes that zero.
/// - There is no filter function, because it is not needed to forget keys: [`filter`](DStream::filter) the result. It sees the
///   window's values and cannot disturb its state (in Spark a filtered key that still had old values threw "Neither previous
///   window has value for key", or kept them for ever).
/// - When the last value of a key leaves, nothing is subtracted, so rounding errors of floating-point values do not outlive it.
/// - No checkpoint directory is needed.
///
/// With `None` for the slide it is the parent's. `f` must be associative and commutative, and `inverse(f(a, b), b)` must equal `a`.
impl<K: Key, V: Data> DStream<(K, V)> {
    /// The values of each key of the last `window` combined, every `slide`.
    ///
    /// # Errors
    /// [`EngineError::Graph`] if a duration is no multiple of this stream's slide, or zero.
    #[track_caller]
    pub fn reduce_by_key_and_window_with_inverse(
        &self,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        inverse: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<(K, V)>, EngineError> {
        let operator = Operator::here("reduce_by_key_and_window_with_inverse");
        self.inverse_window_at(operator, None, f, inverse, window, slide)
    }

    /// As [`DStream::reduce_by_key_and_window_with_inverse`], in `partitions` partitions.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn reduce_by_key_and_window_with_inverse_with_partitions(
        &self,
        partitions: usize,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        inverse: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<(K, V)>, EngineError> {
        let operator = Operator::here("reduce_by_key_and_window_with_inverse");
        self.inverse_window_at(operator, Some(partitions), f, inverse, window, slide)
    }

    fn inverse_window_at(
        &self,
        operator: Operator,
        partitions: Option<usize>,
        f: impl Fn(V, V) -> V + Send + Sync + 'static,
        inverse: impl Fn(V, V) -> V + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<(K, V)>, EngineError> {
        let slide = self.check_window(operator, window, slide)?;
        let context = self.shared().rdds.clone();
        let partitioner = HashPartitioner::new(partitions.unwrap_or_else(|| context.threads()));
        let (f, inverse) = (Arc::new(f), Arc::new(inverse));
        // The panes that leave at the next slide are older than the window by then, by up to a slide.
        let panes = self
            .reduce_by_key_at(operator, Some(partitioner.partitions()), f.clone())
            .panes(operator, window + slide);
        let state = DStream::create_recursive(self.shared(), operator, slide, move |own, batch| {
            panes.rdd(batch)?;
            let start = batch.time - window;
            let last = own.last_before(batch.time);
            let step = match last {
                Some((last_time, last)) => WindowStep {
                    last: Some(last),
                    leaving: panes.rdds_between(last_time - window, start.min(last_time)),
                    entering: panes.rdds_between(last_time.max(start), batch.time),
                },
                None => WindowStep {
                    last: None,
                    leaving: vec![],
                    entering: panes.rdds_between(start, batch.time),
                },
            };
            // Made now: a state that waited for an action would drag all states before it along.
            Ok(Some(
                step.slide(&context, operator, partitioner, f.clone(), inverse.clone())
                    .made()?,
            ))
        });
        state.node().remember(slide);
        self.shared().graph().add_panes(state.node().clone());
        Ok(state.map_rdd(operator, move |rdd| {
            rdd.window_values(operator, partitioner)
        }))
    }
}

impl<T: Data> DStream<T> {
    /// All records of the last `window` combined into one, every `slide`, updated with an inverse function; no record if there
    /// is none.
    ///
    /// # Errors
    /// [`EngineError::Graph`] if a duration is no multiple of this stream's slide, or zero.
    #[track_caller]
    pub fn reduce_by_window_with_inverse(
        &self,
        f: impl Fn(T, T) -> T + Send + Sync + 'static,
        inverse: impl Fn(T, T) -> T + Send + Sync + 'static,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<T>, EngineError> {
        let operator = Operator::here("reduce_by_window_with_inverse");
        let keyed = self.map_rdd(operator, move |rdd| {
            rdd.map_at(operator, |record| ((), record))
        });
        let reduced = keyed.inverse_window_at(operator, Some(1), f, inverse, window, slide)?;
        Ok(reduced.map_rdd(operator, move |rdd| {
            rdd.map_at(operator, |((), record)| record)
        }))
    }
}

impl<T: Key> DStream<T> {
    /// How often each record occurs in the last `window`, every `slide`; records that have left the window are not listed.
    ///
    /// # Errors
    /// [`EngineError::Graph`] if a duration is no multiple of this stream's slide, or zero.
    #[track_caller]
    pub fn count_by_value_and_window(
        &self,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<(T, u64)>, EngineError> {
        let operator = Operator::here("count_by_value_and_window");
        self.count_values_at(operator, None, window, slide)
    }

    /// As [`DStream::count_by_value_and_window`], in `partitions` partitions.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn count_by_value_and_window_with_partitions(
        &self,
        partitions: usize,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<(T, u64)>, EngineError> {
        let operator = Operator::here("count_by_value_and_window");
        self.count_values_at(operator, Some(partitions), window, slide)
    }

    fn count_values_at(
        &self,
        operator: Operator,
        partitions: Option<usize>,
        window: Duration,
        slide: impl Into<Option<Duration>>,
    ) -> Result<DStream<(T, u64)>, EngineError> {
        let ones = self.map_rdd(operator, move |rdd| {
            rdd.map_at(operator, |record| (record, 1u64))
        });
        let (add, subtract) = (|a, b| a + b, |a, b| a - b);
        ones.inverse_window_at(operator, partitions, add, subtract, window, slide)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use crate::testkit::{TestKit, check, check_unordered, secs};

    type Batches = Vec<Vec<(u8, i64)>>;

    fn from_scratch(input: &Batches, window: usize, slide: usize) -> Vec<BTreeMap<u8, i64>> {
        let ends = (slide..=input.len()).step_by(slide);
        ends.map(|end| {
            let mut sums = BTreeMap::new();
            for (key, value) in input[end.saturating_sub(window)..end].iter().flatten() {
                *sums.entry(*key).or_default() += value;
            }
            sums
        })
        .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn inverse_and_plain_windows_equal_recomputation(
            input in prop::collection::vec(prop::collection::vec((0u8..6, -5i64..5), 0..8), 1..14),
            window in 1u64..6, slide in 1u64..5, partitions in 1usize..4,
        ) {
            let expected = from_scratch(&input, window as usize, slide as usize);
            let (w, s) = (secs(window), secs(slide));
            let kit = TestKit::default().partitions(partitions);
            let as_maps = |outputs: Vec<Vec<(u8, i64)>>| {
                outputs.into_iter().map(|batch| {
                    let n = batch.len();
                    let map: BTreeMap<u8, i64> = batch.into_iter().collect();
                    assert_eq!(map.len(), n, "a key twice in one window");
                    map
                }).collect::<Vec<_>>()
            };
            let plain = kit.run(&input, |st| st.reduce_by_key_and_window(|a, b| a + b, w, s)).unwrap();
            prop_assert_eq!(as_maps(plain), expected.clone());
            let inverse = kit.run(&input, |st| st.reduce_by_key_and_window_with_inverse_with_partitions(partitions, |a, b| a + b, |a, b| a - b, w, s)).unwrap();
            prop_assert_eq!(as_maps(inverse), expected);
        }
    }

    #[test]
    fn a_key_leaves_with_its_last_value_even_if_its_value_was_never_zero() {
        let input = [
            vec![("k", 1), ("z", 0)],
            vec![],
            vec![("k", 2)],
            vec![],
            vec![],
        ];
        check_unordered(
            &input,
            |s| {
                s.reduce_by_key_and_window_with_inverse(
                    |a, b| a + b,
                    |a, b| a - b,
                    secs(2),
                    secs(1),
                )
            },
            &[
                vec![("k", 1), ("z", 0)],
                vec![("k", 1), ("z", 0)],
                vec![("k", 2)],
                vec![("k", 2)],
                vec![],
            ],
        );
    }

    #[test]
    fn a_filtered_result_does_not_disturb_the_window() {
        // Spark throws "Neither previous window has value" here, or forgets to subtract.
        let input = [
            vec![("k", 1)],
            vec![("k", -1)],
            vec![],
            vec![("k", 7)],
            vec![],
        ];
        check_unordered(
            &input,
            |s| {
                let sums = s.reduce_by_key_and_window_with_inverse(
                    |a, b| a + b,
                    |a, b| a - b,
                    secs(3),
                    secs(1),
                );
                sums.map(|sums| sums.filter(|(_, sum)| *sum != 0))
            },
            &[
                vec![("k", 1)],
                vec![],
                vec![],
                vec![("k", 6)],
                vec![("k", 7)],
            ],
        );
    }

    #[test]
    fn rounding_errors_leave_with_the_key() {
        let input = [
            vec![("k", 1e16)],
            vec![("k", 1.0)],
            vec![],
            vec![],
            vec![("k", 0.5)],
        ];
        let out = TestKit::default()
            .run(&input, |s| {
                s.reduce_by_key_and_window_with_inverse(
                    |a, b| a + b,
                    |a, b| a - b,
                    secs(2),
                    secs(1),
                )
            })
            .unwrap();
        assert_eq!((&out[3], &out[4]), (&vec![], &vec![("k", 0.5)]));
    }

    #[test]
    fn unkeyed_windows_with_inverse() {
        let input = [vec![1, 2], vec![3], vec![], vec![], vec![4]];
        check(
            &input,
            |s| s.reduce_by_window_with_inverse(|a, b| a + b, |a, b| a - b, secs(2), secs(1)),
            &[vec![3], vec![6], vec![3], vec![], vec![4]],
        );
        check_unordered(
            &[vec!['a', 'b'], vec!['a'], vec![], vec![]],
            |s| s.count_by_value_and_window(secs(2), secs(1)),
            &[
                vec![('a', 1), ('b', 1)],
                vec![('a', 2), ('b', 1)],
                vec![('a', 1)],
                vec![],
            ],
        );
    }

    #[test]
    fn durations_are_checked() {
        let error = TestKit::default()
            .run(&[vec![("k", 1)]], |s| {
                s.reduce_by_key_and_window_with_inverse(
                    |a, _| a,
                    |a, _| a,
                    Duration::from_millis(2500),
                    secs(1),
                )
            })
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the window of 2.5s must be a multiple"),
            "{error}"
        );
    }
}
