use proptest::prelude::*;

use super::program::{Event, Grouped};
use crate::event_time::aggregate::Group;
use crate::event_time::aligned::Aligned;
use crate::event_time::operator::{Fired, Late, Passed, WindowKind};
use crate::event_time::session::Sessions;
use crate::event_time::window::Slices;
use crate::{HashPartitioner, Time};

/// One attempt at a batch: its results and the number of accumulators before it.
fn attempt<W: WindowKind<u8, u32, Group>>(
    kind: &W,
    state: &mut W::State,
    events: &[Event],
    watermarks: Passed,
) -> (Vec<Grouped>, u64) {
    let late = || Late::new(true, Time::from_millis(watermarks.before.unsigned_abs()));
    let mut chunk = events
        .iter()
        .map(|(time, key, number)| (Time::from_millis(*time), (*key, *number)))
        .collect();
    let mut fold = kind.start_fold();
    kind.fold(
        &mut fold,
        &mut chunk,
        &Group,
        watermarks.before,
        &mut late(),
    );
    let blocks = kind.split(fold, HashPartitioner::new(1));
    let mut fired = Fired {
        results: Vec::new(),
        late: late(),
    };
    kind.apply(state, &Group);
    let open = kind.open(state);
    kind.fire(state, blocks, &Group, watermarks, &mut fired);
    fired.results.sort();
    (fired.results, open)
}

/// Runs batches, each with the watermark after it; those that are to fail are tried with other records first.
fn run<W: WindowKind<u8, u32, Group>>(
    kind: &W,
    batches: &[(Vec<Event>, i64, bool)],
    with_failures: bool,
) -> Vec<(Vec<Grouped>, u64)> {
    let (mut state, mut before) = (W::State::default(), 0);
    let mut results = Vec::new();
    for (n, (events, advance, fails)) in batches.iter().enumerate() {
        if with_failures && *fails {
            let others = &batches[batches.len() - 1 - n].0;
            let after = before + 100;
            attempt(kind, &mut state, others, Passed { before, after });
            kind.drop_changes(&mut state);
        }
        let after = before + advance;
        results.push(attempt(kind, &mut state, events, Passed { before, after }));
        before = after;
    }
    results
}

proptest! {
    #[test]
    fn a_failed_batch_leaves_no_trace_in_windows(
        batches in prop::collection::vec(
            (prop::collection::vec((0u64..200, 0u8..3, 0u32..1000), 0..10), 0i64..40, any::<bool>()), 1..10,
        ),
        size in 1i64..40, slide in 1i64..40, lateness in 0i64..50,
    ) {
        let aligned = Aligned { slices: Slices { size, slide, offset: 0 }, lateness };
        prop_assert_eq!(run(&aligned, &batches, true), run(&aligned, &batches, false));
        let sessions = Sessions { gap: size, lateness };
        prop_assert_eq!(run(&sessions, &batches, true), run(&sessions, &batches, false));
    }
}
