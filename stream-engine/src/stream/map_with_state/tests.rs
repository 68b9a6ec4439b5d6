use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::testkit::{Stepper, TestKit, check, check_unordered, secs};
use crate::{ManualClock, RddContext, State, StreamingContext};

type Pair = (&'static str, i64);

/// Adds up; emits the key with the sum, and "end" with the last sum when the key times out. Zero reads without updating,
/// negative values remove.
fn sums() -> StateSpec<&'static str, i64, i64, Pair> {
    StateSpec::function(|key: &&'static str, value, state: &mut State<i64>| {
        if state.is_timing_out() {
            assert!(value.is_none() && state.exists());
            return ("end", *state.get().unwrap());
        }
        let sum = state.get().copied().unwrap_or(0) + value.unwrap();
        match value {
            Some(0) => {}
            Some(negative) if negative < 0 => state.remove(),
            _ => state.update(sum),
        }
        (*key, sum)
    })
}

#[test]
fn the_function_is_called_once_per_record_in_the_order_of_a_keys_records() {
    check_unordered(
        &[
            vec![("a", 1), ("b", 10), ("a", 2), ("a", 3)],
            vec![],
            vec![("a", 4)],
        ],
        |s| s.map_with_state(sums()),
        &[
            vec![("a", 1), ("a", 3), ("a", 6), ("b", 10)],
            vec![],
            vec![("a", 10)],
        ],
    );
    check(
        &[
            vec![("a", 1), ("b", 10), ("a", 2)],
            vec![("b", 1), ("a", 3)],
        ],
        |s| s.map_with_state(sums().num_partitions(1)),
        &[
            vec![("a", 1), ("b", 10), ("a", 3)],
            vec![("b", 11), ("a", 6)],
        ],
    );
}

#[test]
fn a_removed_key_starts_anew_also_within_a_batch() {
    let input = [
        vec![("a", 1), ("a", -5), ("a", 2)],
        vec![("a", -1), ("b", -1)],
        vec![("a", 7)],
    ];
    check_unordered(
        &input,
        |s| s.map_with_state(sums()),
        &[
            vec![("a", 1), ("a", -4), ("a", 2)],
            vec![("a", 1), ("b", -1)],
            vec![("a", 7)],
        ],
    );
    check_unordered(
        &input,
        |s| s.map_with_state(sums()).state_snapshots(),
        &[vec![("a", 2)], vec![], vec![("a", 7)]],
    );
}

#[test]
fn the_form_with_time_may_emit_nothing() {
    let evens = || {
        StateSpec::function_with_time(
            |time, key: &&str, value: Option<i64>, state: &mut State<u64>| {
                state.update(time.as_millis());
                value
                    .filter(|n| n % 2 == 0)
                    .map(|n| format!("{key}{n}@{}", time.as_millis()))
            },
        )
    };
    let input = [vec![("a", 1), ("a", 2)], vec![("b", 4)]];
    check_unordered(
        &input,
        |s| s.map_with_state(evens()),
        &[vec!["a2@1000".to_owned()], vec!["b4@2000".to_owned()]],
    );
    check_unordered(
        &input,
        |s| s.map_with_state(evens()).state_snapshots(),
        &[vec![("a", 1000)], vec![("a", 1000), ("b", 2000)]],
    );
}

#[test]
fn a_timeout_comes_in_the_first_batch_after_more_than_the_idle_time() {
    // Touched at 1 s; idle for exactly 2 s at 3 s, which is not more; for 3 s at 4 s.
    let input = [vec![("a", 1)], vec![], vec![], vec![], vec![("a", 5)]];
    let with_timeout = || sums().timeout(secs(2));
    check_unordered(
        &input,
        |s| s.map_with_state(with_timeout()),
        &[
            vec![("a", 1)],
            vec![],
            vec![],
            vec![("end", 1)],
            vec![("a", 5)],
        ],
    );
    check_unordered(
        &input,
        |s| s.map_with_state(with_timeout()).state_snapshots(),
        &[
            vec![("a", 1)],
            vec![("a", 1)],
            vec![("a", 1)],
            vec![],
            vec![("a", 5)],
        ],
    );
}

#[test]
fn touching_without_update_refreshes_a_state_that_exists() {
    // The zeros read only; that of "b" finds no state and makes none.
    let input = [
        vec![("a", 1)],
        vec![("b", 0)],
        vec![("a", 0)],
        vec![],
        vec![],
        vec![],
    ];
    check_unordered(
        &input,
        |s| s.map_with_state(sums().timeout(secs(2))),
        &[
            vec![("a", 1)],
            vec![("b", 0)],
            vec![("a", 1)],
            vec![],
            vec![],
            vec![("end", 1)],
        ],
    );
}

#[test]
fn a_record_in_the_batch_of_the_timeout_saves_the_key() {
    let input = [
        vec![("a", 1)],
        vec![],
        vec![("a", 1)],
        vec![("a", -1)],
        vec![],
        vec![],
    ];
    check_unordered(
        &input,
        |s| s.map_with_state(sums().timeout(secs(1))),
        &[
            vec![("a", 1)],
            vec![],
            vec![("a", 2)],
            vec![("a", 1)],
            vec![],
            vec![],
        ],
    );
}

#[test]
fn initial_states_count_as_touched_in_the_first_batch() {
    let known = RddContext::new(1)
        .unwrap()
        .parallelize([("a", 10), ("z", 1), ("z", 2)], 2);
    let spec = || sums().initial_state(known.clone()).timeout(secs(1));
    let input = [vec![("a", 1)], vec![("a", 1)], vec![], vec![]];
    check_unordered(
        &input,
        |s| s.map_with_state(spec()),
        &[
            vec![("a", 11)],
            vec![("a", 12)],
            vec![("end", 2)],
            vec![("end", 12)],
        ],
    );
    check_unordered(
        &input,
        |s| s.map_with_state(spec()).state_snapshots(),
        &[
            vec![("a", 11), ("z", 2)],
            vec![("a", 12), ("z", 2)],
            vec![("a", 12)],
            vec![],
        ],
    );
}

#[test]
fn misuse_of_the_state_is_an_error_that_names_the_operator() {
    type Misuse = fn(&mut State<'_, i64>);
    let update_gone: Misuse = |state| {
        state.remove();
        state.update(1);
    };
    let remove_twice: Misuse = |state| {
        state.update(1);
        state.remove();
        state.remove();
    };
    let leave: Misuse = |state| {
        if state.is_timing_out() {
            state.remove();
        } else {
            state.update(1);
        }
    };
    let revive: Misuse = |state| state.update(1);
    for (misuse, expected) in [
        (
            update_gone,
            "cannot be updated after it was removed in the same call",
        ),
        (
            remove_twice,
            "cannot be removed after it was removed in the same call",
        ),
        (leave, "timing out cannot be removed"),
        (revive, "timing out cannot be updated"),
    ] {
        let error = TestKit::default()
            .run(&[vec![("a", 1)], vec![], vec![]], |s| {
                let spec = StateSpec::function(move |_, _, state: &mut State<i64>| misuse(state));
                s.map_with_state(spec.timeout(Duration::from_millis(1)))
            })
            .unwrap_err();
        assert!(matches!(error.root(), crate::EngineError::Failed { .. }));
        let error = error.to_string();
        assert!(error.contains("map_with_state at "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_a_state_says_follows_what_was_done_to_it() {
    let spec = StateSpec::function(|_, value, state: &mut State<i64>| {
        let before = (state.exists(), state.get().copied());
        state.update(value.unwrap());
        assert_eq!((state.exists(), state.get()), (true, value.as_ref()));
        state.update(2);
        assert_eq!(state.get(), Some(&2));
        if value == Some(9) {
            state.remove();
            assert!(!state.exists() && state.get().is_none());
        }
        before
    });
    check(
        &[vec![("a", 1)], vec![("a", 9)], vec![("a", 1)]],
        |s| s.map_with_state(spec),
        &[
            vec![(false, None)],
            vec![(true, Some(2))],
            vec![(false, None)],
        ],
    );
}

/// Emits the sum after each record; the last sum, negated, on timeout. The same as `sums` for numbers as keys.
fn summing(timeout: Option<u64>) -> StateSpec<u8, i64, i64, (u8, i64)> {
    let spec = StateSpec::function(|key: &u8, value: Option<i64>, state: &mut State<i64>| {
        let last = state.get().copied().unwrap_or(0);
        match value {
            None => return (*key, -1000 - last),
            Some(0) => {}
            Some(-1) => state.remove(),
            Some(n) => state.update(last + n),
        }
        (*key, last + value.unwrap_or(0))
    });
    match timeout {
        Some(seconds) => spec.timeout(secs(seconds)),
        None => spec,
    }
}

type Outputs = Vec<Vec<(u8, i64)>>;

/// Results and states of each batch by the rules as they are written, over all keys in every batch.
fn from_scratch(input: &Outputs, timeout: Option<u64>) -> (Outputs, Outputs) {
    let (mut results, mut snapshots) = (Vec::new(), Vec::new());
    let mut states: BTreeMap<u8, (i64, u64)> = BTreeMap::from([(0, (5, 1)), (7, (2, 1))]);
    for (now, batch) in (1u64..).zip(input) {
        let mut out = Vec::new();
        for &(key, value) in batch {
            let last = states.get(&key).map(|state| state.0);
            out.push((key, last.unwrap_or(0) + value));
            match (value, last) {
                (0, None) => {}
                (-1, _) => drop(states.remove(&key)),
                _ => drop(states.insert(key, (last.unwrap_or(0) + value, now))),
            }
        }
        if let Some(timeout) = timeout {
            states.retain(|key, (state, touched)| {
                let stays = *touched + timeout >= now;
                if !stays {
                    out.push((*key, -1000 - *state));
                }
                stays
            });
        }
        out.sort_unstable();
        results.push(out);
        snapshots.push(states.iter().map(|(key, state)| (*key, state.0)).collect());
    }
    (results, snapshots)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn results_timeouts_and_snapshots_equal_recomputation(
        input in prop::collection::vec(prop::collection::vec((0u8..9, -1i64..4), 0..6), 1..25),
        timeout in prop::option::of(0u64..6),
        partitions in 1usize..4,
    ) {
        let kit = TestKit::default().partitions(partitions);
        let initial = RddContext::new(1).unwrap().parallelize([(0u8, 5i64), (7, 2)], 2);
        let spec = || summing(timeout).num_partitions(partitions).initial_state(initial.clone());
        let (results, snapshots) = from_scratch(&input, timeout);
        let sorted = |mut batches: Outputs| {
            batches.iter_mut().for_each(|batch| batch.sort_unstable());
            batches
        };
        prop_assert_eq!(sorted(kit.run(&input, |s| s.map_with_state(spec())).unwrap()), results);
        let states = kit.run(&input, |s| s.map_with_state(spec()).state_snapshots()).unwrap();
        prop_assert_eq!(sorted(states), snapshots);
    }
}

#[test]
fn memory_stays_flat_over_days_and_a_busy_key_never_times_out() {
    let clock = ManualClock::default();
    let builder = StreamingContext::builder("test").batch_duration(secs(30));
    let ssc = builder.threads(2).clock(clock.clone()).build().unwrap();
    // Three keys per batch that never come again and one that always does, for five days.
    let batches = 5 * 24 * 120u64;
    let input: Vec<Vec<(u64, ())>> = (1..=batches)
        .map(|n| vec![(3 * n, ()), (3 * n + 1, ()), (3 * n + 2, ()), (0, ())])
        .collect();
    let stream = TestKit::default().input(&ssc, &input).unwrap();
    let spec = StateSpec::function(|key: &u64, value, state: &mut State<u64>| {
        if value.is_some() {
            state.update(state.get().copied().unwrap_or(0) + 1);
            return 0;
        }
        assert_ne!(*key, 0);
        assert_eq!(state.get(), Some(&1));
        1
    });
    let operator = Operator::here("map_with_state");
    let (mapped, timers) = stream.map_with_state_at(operator, spec.timeout(secs(600)));
    let timeouts = Arc::new(Mutex::new(0u64));
    let counter = timeouts.clone();
    mapped.foreach_rdd(move |rdd| *counter.lock().unwrap() += rdd.fold(0, |a, b| a + b).unwrap());
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    for _ in 0..batches {
        stepper.step().unwrap();
        // 21 batches lie within 10 minutes, the one exactly 10 minutes ago included.
        assert!(
            mapped.table.len() <= 21 * 3 + 1,
            "{} keys",
            mapped.table.len()
        );
        assert!(timers.len() <= 21 * 3 + 1, "{} timers", timers.len());
    }
    assert_eq!(mapped.table.len(), 64);
    assert_eq!(*timeouts.lock().unwrap(), (batches - 21) * 3);
}

#[test]
fn keys_that_are_removed_leave_no_timers_behind_for_long() {
    let clock = ManualClock::default();
    let builder = StreamingContext::builder("test").batch_duration(secs(1));
    let ssc = builder.threads(2).clock(clock.clone()).build().unwrap();
    // Fifty short sessions per batch, opened and closed, and a timeout of a day.
    let input: Vec<Vec<(u64, i64)>> = (0..2_000u64)
        .map(|n| {
            let opened = (n * 50..n * 50 + 50).map(|key| (key, 1));
            opened
                .chain((n.max(1) * 50 - 50..n * 50).map(|key| (key, -1)))
                .collect()
        })
        .collect();
    let stream = TestKit::default().input(&ssc, &input).unwrap();
    let spec = StateSpec::function(
        |_: &u64, value: Option<i64>, state: &mut State<i64>| match value {
            Some(1) => state.update(1),
            _ => state.remove(),
        },
    );
    let operator = Operator::here("map_with_state");
    let (mapped, timers) = stream.map_with_state_at(operator, spec.timeout(secs(86_400)));
    mapped.foreach_rdd(|_| ());
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    for _ in &input {
        stepper.step().unwrap();
        assert!(timers.len() <= 1_000, "{} timers", timers.len());
    }
    assert_eq!(mapped.table.len(), 50);
}

#[test]
fn a_failed_batch_leaves_states_and_timers_as_they_were() {
    let clock = ManualClock::default();
    let builder = StreamingContext::builder("test").batch_duration(secs(1));
    let ssc = builder.threads(2).clock(clock.clone()).build().unwrap();
    let input = [vec![("a", 1), ("b", 1)], vec![("c", 1), ("b", -1)]];
    let stream = TestKit::default().input(&ssc, &input).unwrap();
    let operator = Operator::here("map_with_state");
    let spec = sums().timeout(Duration::from_millis(999));
    let (mapped, timers) = stream.map_with_state_at(operator, spec);
    mapped.foreach_rdd(|rdd| {
        // "a" times out in the second batch.
        assert!(
            !rdd.collect().unwrap().contains(&("end", 1)),
            "no space left"
        );
    });
    let mut stepper = Stepper::start(&ssc, &clock).unwrap();
    stepper.step().unwrap();
    assert_eq!((mapped.table.len(), timers.len()), (2, 2));
    let error = stepper.step().unwrap_err().to_string();
    assert!(error.contains("no space left"), "{error}");
    assert_eq!((mapped.table.len(), timers.len()), (2, 2));
    let states = mapped
        .table
        .snapshot_of(ssc.rdd_context(), |touched| touched.state);
    let mut states = states.collect().unwrap();
    states.sort_unstable();
    assert_eq!(states, [("a", 1), ("b", 1)]);
}

#[test]
fn a_window_over_snapshots_holds_each_batchs_own_states() {
    check_unordered(
        &[vec![("a", 1)], vec![("a", 2)], vec![("a", -1)], vec![]],
        |s| {
            s.map_with_state(sums())
                .state_snapshots()
                .window(secs(2), secs(1))
        },
        &[
            vec![("a", 1)],
            vec![("a", 1), ("a", 3)],
            vec![("a", 3)],
            vec![],
        ],
    );
}
