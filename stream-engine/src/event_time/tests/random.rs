use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::plain::{Cut, Rules, outcomes, windows_of};
use super::program::{Event, Outcome, Partitions, bound, grouped, millis};
use crate::event_time::{Watermarks, Window, Windows};

fn cuts() -> impl Strategy<Value = Cut> {
    let aligned = (1u64..60, 1u64..40, 0u64..40).prop_map(|(size, slide, offset)| Cut::Aligned {
        size,
        slide,
        offset: offset % slide,
    });
    let tumbling = (1u64..60).prop_map(|size| Cut::Aligned {
        size,
        slide: size,
        offset: 0,
    });
    prop_oneof![
        aligned,
        tumbling,
        (1u64..40).prop_map(|gap| Cut::Session { gap })
    ]
}

/// Batches whose times go on from batch to batch, with up to four partitions, some of them empty or missing.
fn batches(spread: u64) -> impl Strategy<Value = Vec<Partitions>> {
    let partition = prop::collection::vec((0..spread, 0u8..3), 0..6);
    let batch = prop::collection::vec(partition, 0..5);
    prop::collection::vec(batch, 1..12).prop_map(|batches| {
        let mut number = 0;
        let mut event = |n: usize, (time, key): (u64, u8)| {
            number += 1;
            (n as u64 * 15 + time, key, number)
        };
        let batches = batches.into_iter().enumerate().map(|(n, partitions)| {
            let partitions = partitions.into_iter().map(|events| {
                events
                    .into_iter()
                    .map(|time_and_key| event(n, time_and_key))
                    .collect()
            });
            partitions.collect()
        });
        batches.collect()
    })
}

fn settings(rules: Rules) -> (Watermarks, Windows) {
    let windows = match rules.cut {
        Cut::Aligned {
            size,
            slide,
            offset,
        } => Windows::sliding(millis(size), millis(slide)).offset(millis(offset)),
        Cut::Session { gap } => Windows::session(millis(gap)),
    };
    let watermarks = match rules.idle {
        Some(idle) => bound(rules.bound).idle_timeout(millis(idle)),
        None => bound(rules.bound).without_idle_timeout(),
    };
    (watermarks, windows.allowed_lateness(millis(rules.lateness)))
}

/// A batch with a record of its own key far ahead in every partition: everything before it fires.
fn flush() -> Partitions {
    (0..5)
        .map(|n| vec![(1_000_000, 200, 1_000_000 + n)])
        .collect()
}

/// The results that no later one replaces, without the flush's own.
fn final_results(outcomes: &[Outcome]) -> Vec<(u64, u64, u8, Vec<u32>)> {
    let mut last: Vec<(u64, u64, u8, Vec<u32>)> = Vec::new();
    for result in outcomes.iter().flat_map(|outcome| &outcome.results) {
        let place = |window: &Window| (window.start.as_millis(), window.end.as_millis());
        for window in &result.replaces {
            let before = last.len();
            last.retain(|(start, end, key, _)| {
                (*start, *end) != place(window) || *key != result.key
            });
            assert!(
                last.len() == before - 1,
                "{result:?} replaces what was not there"
            );
        }
        let (start, end) = place(&result.window);
        if result.key < 200 {
            last.push((start, end, result.key, result.value.clone()));
        }
    }
    last.sort();
    last
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_batch_is_as_the_rules_say(
        cut in cuts(), lateness in prop_oneof![Just(0u64), 1u64..80], bound in 0u64..40,
        idle in prop_oneof![Just(None), (1u64..5).prop_map(|n| Some(n * 1000))],
        batches in batches(60), threads in 1usize..4,
    ) {
        let rules = Rules { cut, lateness, bound, idle };
        let (watermarks, windows) = settings(rules);
        let found = grouped(threads, watermarks, windows, &batches);
        for (n, (found, expected)) in found.iter().zip(outcomes(rules, &batches)).enumerate() {
            prop_assert_eq!(found, &expected, "batch {} of {:?}", n, rules);
        }
    }

    #[test]
    fn each_record_is_in_each_of_its_windows_once_or_late(
        cut in cuts(), lateness in prop_oneof![Just(0u64), 1u64..60], bound in 0u64..30, mut batches in batches(80),
    ) {
        let rules = Rules { cut, lateness, bound, idle: Some(1000) };
        let (watermarks, windows) = settings(rules);
        let events: BTreeMap<u32, Event> = batches.iter().flatten().flatten().map(|e| (e.2, *e)).collect();
        batches.push(flush());
        let outcomes = grouped(2, watermarks, windows, &batches);
        let finals = final_results(&outcomes);
        let late = || outcomes.iter().flat_map(|outcome| &outcome.late);
        match cut {
            Cut::Aligned { size, slide, offset } => {
                let mut left: BTreeSet<(u32, u64)> = events.values()
                    .flat_map(|e| windows_of(e.0, size, slide, offset).into_iter().map(|(_, end)| (e.2, end as u64)))
                    .collect();
                for (_, end, _, members) in &finals {
                    for member in members {
                        prop_assert!(left.remove(&(*member, *end)), "{member} twice in the window until {end}");
                    }
                }
                for late in late() {
                    for window in &late.windows {
                        prop_assert!(left.remove(&(late.record.1, window.end.as_millis())), "{late:?} but counted");
                    }
                }
                prop_assert!(left.is_empty(), "lost: {left:?}");
            }
            Cut::Session { .. } => {
                let mut left: BTreeSet<u32> = events.keys().copied().collect();
                for (_, _, _, members) in &finals {
                    for member in members {
                        prop_assert!(left.remove(member), "{member} twice");
                    }
                }
                for late in late() {
                    prop_assert!(left.remove(&late.record.1), "{late:?} but counted");
                }
                prop_assert!(left.is_empty(), "lost: {left:?}");
            }
        }
    }

    #[test]
    fn without_late_records_neither_batches_nor_partitions_nor_threads_matter(
        cut in cuts(), batches in batches(60), partitions in 1usize..5, per_batch in 1usize..20, threads in 1usize..4,
    ) {
        // The bound is larger than the span of all times.
        let rules = Rules { cut, lateness: 0, bound: 400, idle: Some(1000) };
        let (watermarks, windows) = settings(rules);
        let all: Vec<Event> = batches.iter().flatten().flatten().copied().collect();
        let mut recut: Vec<Partitions> = all
            .chunks(per_batch)
            .map(|events| events.chunks(events.len().div_ceil(partitions)).map(<[Event]>::to_vec).collect())
            .collect();
        recut.push(flush());
        let outcomes = grouped(threads, watermarks, windows, &recut);
        prop_assert!(outcomes.iter().all(|outcome| outcome.late.is_empty()));
        prop_assert!(outcomes.iter().flat_map(|o| &o.results).all(|result| !result.is_update()));

        let mut expected: Vec<(u64, u64, u8, Vec<u32>)> = Vec::new();
        match cut {
            Cut::Aligned { size, slide, offset } => {
                let mut members: BTreeMap<(i64, i64, u8), Vec<u32>> = BTreeMap::new();
                for (time, key, number) in &all {
                    for (start, end) in windows_of(*time, size, slide, offset) {
                        members.entry((start, end, *key)).or_default().push(*number);
                    }
                }
                expected.extend(members.into_iter().map(|((start, end, key), mut members)| {
                    members.sort();
                    (start.max(0) as u64, end as u64, key, members)
                }));
            }
            Cut::Session { gap } => {
                let mut sorted = all.clone();
                sorted.sort();
                for key in 0..3u8 {
                    let of_key = expected.len();
                    for (time, _, number) in sorted.iter().filter(|event| event.1 == key) {
                        match expected[of_key..].last_mut() {
                            Some((_, end, _, members)) if time < end => {
                                members.push(*number);
                                *end = time + gap;
                            }
                            _ => expected.push((*time, time + gap, key, vec![*number])),
                        }
                    }
                }
                expected.iter_mut().for_each(|session| session.3.sort());
            }
        }
        expected.sort();
        prop_assert_eq!(final_results(&outcomes), expected);
    }
}
