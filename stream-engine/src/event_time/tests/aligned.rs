use super::program::{Program, bound, check_times, millis};
use crate::event_time::{Watermarks, Windows};

const EXACT: Watermarks = bound(0);

#[test]
fn windows_fire_once_when_the_watermark_passes_their_end() {
    let tumbling = Windows::tumbling(millis(10));
    check_times(
        "the batch that passes the end is the one that fires, its records included",
        EXACT,
        tumbling,
        &[
            (&[1, 9], &[], &[]),
            (&[5, 10], &[(0, 10, &[1, 5, 9], false)], &[]),
            (&[], &[], &[]),
            (&[19], &[], &[]),
            (&[20], &[(10, 20, &[10, 19], false)], &[]),
        ],
    );
    check_times(
        "the bound is waited for",
        bound(5),
        tumbling,
        &[
            (&[9, 14], &[], &[]),
            (&[3, 15], &[(0, 10, &[3, 9], false)], &[]),
        ],
    );
    check_times(
        "several at once, in order, and none for those without records, however far the watermark jumps",
        EXACT,
        tumbling,
        &[(
            &[1, 12, 35, 9_000_000_000_000_000],
            &[
                (0, 10, &[1], false),
                (10, 20, &[12], false),
                (30, 40, &[35], false),
            ],
            &[],
        )],
    );
    check_times(
        "sliding windows overlap",
        EXACT,
        Windows::sliding(millis(10), millis(5)),
        &[
            (&[2, 7], &[(0, 5, &[2], false)], &[]),
            (&[12], &[(0, 10, &[2, 7], false)], &[]),
            (
                &[20],
                &[(5, 15, &[7, 12], false), (10, 20, &[12], false)],
                &[],
            ),
        ],
    );
    check_times(
        "windows with gaps leave records out, which are not late",
        EXACT,
        Windows::sliding(millis(2), millis(10)),
        &[
            (&[1, 2, 5, 11], &[(0, 2, &[1], false)], &[]),
            (&[6, 12], &[(10, 12, &[11], false)], &[]),
        ],
    );
    check_times(
        "windows with an offset",
        EXACT,
        tumbling.offset(millis(3)),
        &[
            (&[2, 3, 12], &[(0, 3, &[2], false)], &[]),
            (&[13], &[(3, 13, &[3, 12], false)], &[]),
        ],
    );
}

#[test]
fn late_records_are_updates_as_long_as_allowed_and_side_output_then() {
    check_times(
        "nothing allowed",
        EXACT,
        Windows::tumbling(millis(10)),
        &[
            (&[1, 10], &[(0, 10, &[1], false)], &[]),
            (&[9], &[], &[9]),
            // Judged by the watermark before the batch, wherever in the batch it is.
            (&[30, 11], &[(10, 20, &[10, 11], false)], &[]),
        ],
    );
    check_times(
        "late by less than is allowed",
        EXACT,
        Windows::tumbling(millis(10)).allowed_lateness(millis(5)),
        &[
            (&[1, 10], &[(0, 10, &[1], false)], &[]),
            (&[2, 3], &[(0, 10, &[1, 2, 3], true)], &[]),
            (&[14], &[], &[]),
            (&[4, 15], &[(0, 10, &[1, 2, 3, 4], true)], &[]), // at 14 before the batch
            (&[5], &[], &[5]),
        ],
    );
    check_times(
        "the first record of a window that is over replaces nothing",
        EXACT,
        Windows::tumbling(millis(10)).allowed_lateness(millis(50)),
        &[
            (&[25], &[], &[]),
            (
                &[5, 15],
                &[(0, 10, &[5], false), (10, 20, &[15], false)],
                &[],
            ),
            (&[6], &[(0, 10, &[5, 6], true)], &[]),
        ],
    );
    check_times(
        "too late for the first of its windows, in time for the next",
        EXACT,
        Windows::sliding(millis(10), millis(5)),
        &[
            (&[11], &[], &[]),
            (&[8], &[], &[8]),
            (&[15], &[(5, 15, &[8, 11], false)], &[]),
        ],
    );
}

#[test]
fn late_records_are_counted_and_say_what_they_missed() {
    let windows = Windows::tumbling(millis(10));
    let mut program = Program::start(2, EXACT, windows, |s| s.count_by_key()).unwrap();
    program.batch(&[vec![(25, 0, 1)]]);
    let late = program
        .batch(&[vec![(3, 1, 2), (14, 2, 3), (26, 0, 4)]])
        .late;
    assert_eq!(program.metrics().late_records, 2);
    let found: Vec<_> = late
        .iter()
        .map(|late| {
            (
                late.record,
                late.time.as_millis(),
                late.watermark.as_millis(),
                late.windows[0].to_string(),
            )
        })
        .collect();
    let expected = [
        ((1, 2), 3, 25, "[0, 10 ms)".to_owned()),
        ((2, 3), 14, 25, "[10, 20 ms)".to_owned()),
    ];
    assert_eq!(found, expected);
}

#[test]
fn every_operation_gives_what_its_name_says() {
    let windows = Windows::sliding(millis(10), millis(5));
    let input: [&[(u64, u8, u32)]; 3] = [
        &[(1, 1, 10), (2, 2, 5)],
        &[(3, 1, 7), (6, 1, 1)],
        &[(10, 3, 0)],
    ];
    macro_rules! run {
        ($operation:expr) => {{
            let mut program = Program::start(2, EXACT, windows, $operation).unwrap();
            let outcomes = input.iter().map(|events| program.batch(&[events.to_vec()]));
            let results = outcomes.flat_map(|outcome| outcome.results);
            let results = results.map(|r| (r.window.end.as_millis(), r.key, r.value));
            results.collect::<Vec<_>>()
        }};
    }
    assert_eq!(
        run!(|s| s.count_by_key()),
        [(5, 1, 2), (5, 2, 1), (10, 1, 3), (10, 2, 1)]
    );
    assert_eq!(
        run!(|s| s.reduce_by_key(|a, b| a + b)),
        [(5, 1, 17), (5, 2, 5), (10, 1, 18), (10, 2, 5)]
    );
    assert_eq!(
        run!(|s| s.group_by_key()),
        [
            (5, 1, vec![10, 7]),
            (5, 2, vec![5]),
            (10, 1, vec![10, 7, 1]),
            (10, 2, vec![5])
        ]
    );
    assert_eq!(
        run!(|s| s.combine_by_key(
            |v| (v, 1),
            |acc, v| {
                acc.0 += v;
                acc.1 += 1
            },
            |acc, more| {
                acc.0 += more.0;
                acc.1 += more.1
            }
        )),
        [
            (5, 1, (17, 2)),
            (5, 2, (5, 1)),
            (10, 1, (18, 3)),
            (10, 2, (5, 1))
        ]
    );
    assert_eq!(run!(|s| s.count()), [(5, (), 3), (10, (), 4)]);
    assert_eq!(
        run!(|s| s.reduce(|a, b| a.max(b))),
        [(5, (), (2, 5)), (10, (), (2, 5))]
    );
    assert_eq!(
        run!(|s| s.aggregate(
            |(_, v)| v,
            |sum, (_, v)| *sum += v,
            |sum, more| *sum += more
        )),
        [(5, (), 22), (10, (), 23)]
    );
}
