use super::program::{Program, bound, check_times, millis};
use crate::event_time::{Watermarks, Windows};

const EXACT: Watermarks = bound(0);

#[test]
fn a_session_ends_a_gap_after_its_last_record() {
    let sessions = Windows::session(millis(10));
    check_times(
        "it grows as long as records come, and fires once",
        EXACT,
        sessions,
        &[
            (&[1, 5], &[], &[]),
            (&[14], &[], &[]),
            (&[23], &[], &[]),
            (&[33], &[(1, 33, &[1, 5, 14, 23], false)], &[]),
            (&[50], &[(33, 43, &[33], false)], &[]),
        ],
    );
    check_times(
        "one record between two sessions makes them one",
        bound(100),
        sessions,
        &[
            (&[1, 18], &[], &[]),
            (&[10], &[], &[]),
            (&[40], &[], &[]),
            (
                &[200],
                &[(1, 28, &[1, 10, 18], false), (40, 50, &[40], false)],
                &[],
            ),
        ],
    );
    check_times(
        "a record that extends the session in the batch that would fire it",
        EXACT,
        sessions,
        &[
            (&[1], &[], &[]),
            (&[9, 12], &[], &[]),
            (&[19, 40], &[(1, 29, &[1, 9, 12, 19], false)], &[]),
        ],
    );
    check_times(
        "several sessions within one batch",
        EXACT,
        sessions,
        &[(
            &[30, 1, 12, 5, 60],
            &[(1, 22, &[1, 5, 12], false), (30, 40, &[30], false)],
            &[],
        )],
    );
}

#[test]
fn late_records_join_sessions_that_are_open_and_are_side_output_else() {
    check_times(
        "nothing allowed",
        EXACT,
        Windows::session(millis(10)),
        &[
            (&[1, 30], &[(1, 11, &[1], false)], &[]),
            (&[5], &[], &[5]),
            // Late by itself, but it continues a session that is open, by way of another late one.
            (&[14, 22], &[], &[]),
            (&[60], &[(14, 40, &[14, 22, 30], false)], &[]),
        ],
    );
    check_times(
        "allowed lateness updates what has fired",
        EXACT,
        Windows::session(millis(10)).allowed_lateness(millis(20)),
        &[
            (&[1, 12], &[(1, 11, &[1], false)], &[]),
            (&[25], &[(12, 22, &[12], false)], &[]),
            // Joins both that have fired: the watermark is at 25, so the result comes at once.
            (&[7], &[(1, 22, &[1, 7, 12], true)], &[]),
            // Extends it past the watermark: the update comes when that passes.
            (&[19], &[], &[]),
            (&[60], &[(1, 35, &[1, 7, 12, 19, 25], true)], &[]),
        ],
    );
    check_times(
        "later than allowed",
        EXACT,
        Windows::session(millis(10)).allowed_lateness(millis(20)),
        &[
            (&[1, 30], &[(1, 11, &[1], false)], &[]),
            (&[32], &[], &[]),
            (&[2], &[], &[2]),
            (&[0, 60], &[(30, 42, &[30, 32], false)], &[0]),
        ],
    );
}

#[test]
fn sessions_of_keys_are_apart() {
    let windows = Windows::session(millis(10));
    let mut program = Program::start(2, EXACT, windows, |s| s.count_by_key()).unwrap();
    let batches: [&[(u64, u8, u32)]; 3] = [
        &[(1, 1, 0), (2, 2, 0), (3, 1, 0)],
        &[(8, 2, 0)],
        &[(40, 3, 0)],
    ];
    let mut results = Vec::new();
    for events in batches {
        let outcome = program.batch(&[events.to_vec()]);
        results.extend(
            outcome
                .results
                .iter()
                .map(|r| (r.key, r.window.end.as_millis(), r.value)),
        );
    }
    assert_eq!(results, [(1, 13, 2), (2, 18, 2)]);
}
