//! Who gets which records.

use super::*;

#[test]
fn whole_batches_are_given_out_even_beyond_the_limit_unless_it_is_strict() {
    let mut bench = Bench::of(&[3, 3, 3]);
    assert_eq!(bench.acquire("a", 4), [(0, 5, 1)]);
    let mut bench = Bench::of(&[3, 3, 3]);
    let strict = bench.acquire_by("a", AcquireMode::RecordLimit, 4);
    assert_eq!(triples(&strict), [(0, 3, 1)]);
    let strict = bench.acquire_by("b", AcquireMode::RecordLimit, 4);
    assert_eq!(triples(&strict), [(4, 7, 1)]);
}

#[test]
fn many_records_come_in_batches_of_about_the_size_that_was_asked_for() {
    let mut bench = Bench::of(&[60, 60, 60, 60, 10]);
    assert_eq!(
        bench.acquire("a", 1000),
        [(0, 119, 1), (120, 239, 1), (240, 249, 1)]
    );
}

#[test]
fn nobody_gets_what_somebody_has() {
    let mut bench = Bench::of(&[2, 2]);
    assert_eq!(bench.acquire("a", 2), [(0, 1, 1)]);
    assert_eq!(bench.acquire("b", 10), [(2, 3, 1)]);
    assert_eq!(bench.acquire("a", 10), []);
    bench.append(1);
    assert_eq!(bench.acquire("a", 10), [(4, 4, 1)]);
}

#[test]
fn what_was_not_acknowledged_in_time_is_given_out_again() {
    let mut bench = Bench::of(&[4]);
    bench.acquire("a", 10);
    bench.acknowledge("a", 1, 1, &[1]).unwrap();
    bench.pass(LOCK - Duration::from_millis(1));
    assert_eq!(bench.acquire("b", 10), []);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.acquire("b", 10), [(0, 0, 2), (2, 3, 2)]);
}

#[test]
fn a_record_that_fails_often_comes_in_smaller_parts_and_alone_at_last() {
    let mut bench = Bench::of(&[8]);
    let mut sizes = Vec::new();
    for _ in 0..5 {
        let acquired = bench.acquire("a", 100);
        sizes.push((acquired[0].1 - acquired[0].0 + 1, acquired[0].2));
        for (first, last, _) in acquired {
            bench.acknowledge("a", first, last, &[2]).unwrap();
        }
    }
    assert_eq!(sizes, [(8, 1), (8, 2), (8, 3), (4, 4), (1, 5)]);
    assert_eq!(bench.share.start(), Some(1), "the first one is given up");
    assert_eq!(bench.states(), "1v4 2v4 3v4 4v3 5v3 6v3 7v3");
}

#[test]
fn what_failed_often_is_not_mixed_with_anything_else() {
    let mut bench = Bench::of(&[2]);
    for _ in 0..3 {
        bench.acquire("a", 10);
        bench.acknowledge("a", 0, 1, &[2]).unwrap();
    }
    bench.append(2);
    assert_eq!(bench.acquire("a", 10), [(0, 0, 4)]);
    assert_eq!(bench.acquire("b", 10), [(1, 1, 4)]);
    assert_eq!(bench.acquire("c", 10), [(2, 3, 1)]);
}

#[test]
fn not_more_records_are_in_flight_than_may_be() {
    let mut bench = Bench::with(ShareSettings {
        partition_max_record_locks: 4,
        ..ShareSettings::default()
    });
    (0..4).for_each(|_| bench.append(2));
    assert_eq!(bench.acquire("a", 2), [(0, 1, 1)]);
    assert_eq!(bench.acquire("a", 10), [(2, 3, 1)]);
    assert_eq!(bench.acquire("a", 10), []);
    bench.acknowledge("a", 2, 3, &[1]).unwrap();
    assert_eq!(
        bench.acquire("a", 10),
        [],
        "the first ones hold up the others"
    );
    bench.acknowledge("a", 0, 0, &[2]).unwrap();
    assert_eq!(
        bench.acquire("b", 10),
        [(0, 0, 2)],
        "what comes back needs no room"
    );
    bench.acknowledge("b", 0, 0, &[1]).unwrap();
    bench.acknowledge("a", 1, 1, &[1]).unwrap();
    assert_eq!(bench.acquire("b", 10), [(4, 7, 1)]);
}

#[test]
fn aborted_records_go_to_nobody() {
    let mut bench = Bench::of(&[2, 2, 2]);
    let acquired = bench.acquire_by("a", AcquireMode::BatchOptimized, 10);
    let kept = bench.share.archive_aborted(acquired, &[span(2, 3)]);
    assert_eq!(triples(&kept), [(0, 1, 1), (4, 5, 1)]);
    assert_eq!(bench.states(), "0q1 1q1 2x1 3x1 4q1 5q1");
    bench.acknowledge("a", 0, 1, &[1]).unwrap();
    assert_eq!(bench.share.start(), Some(4));
}

#[test]
fn a_new_leader_knows_what_was_acknowledged_and_not_who_has_what() {
    let mut bench = Bench::of(&[4]);
    bench.share.follow_leader(0, 4);
    bench.acquire("a", 10);
    bench.acknowledge("a", 0, 1, &[1]).unwrap();
    bench.acknowledge("a", 3, 3, &[2]).unwrap();
    bench.share.follow_leader(1, 4);
    assert_eq!(
        bench.acknowledge("a", 2, 2, &[1]),
        Err(ErrorCode::InvalidRecordState)
    );
    assert_eq!(bench.acquire("b", 10), [(2, 2, 1), (3, 3, 2)]);
    bench.share.follow_leader(2, 3);
    assert_eq!(bench.states(), "2v0", "the log has lost the last one");
}

#[test]
fn what_the_log_has_lost_is_done_with() {
    let mut bench = Bench::of(&[2, 2]);
    bench.acquire("a", 10);
    bench.share.raise_start(3);
    assert_eq!((bench.share.start(), &*bench.states()), (Some(3), "3q1"));
    assert_eq!(bench.acknowledge("a", 0, 3, &[1]), Ok(()));
    assert_eq!(bench.share.start(), Some(4));
}
