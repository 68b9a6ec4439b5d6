//! What becomes of records that a member has.

use super::*;
use crate::share::Progress;

#[test]
fn the_start_moves_over_what_is_done_with() {
    let mut bench = Bench::of(&[6]);
    bench.acquire("a", 10);
    bench.acknowledge("a", 2, 3, &[1]).unwrap();
    let progress = |start_offset, done_count| {
        Some(Progress {
            start_offset,
            done_count,
        })
    };
    assert_eq!(
        (bench.share.start(), bench.share.written()),
        (Some(0), progress(0, 2))
    );
    bench.acknowledge("a", 0, 1, &[3, 0]).unwrap();
    assert_eq!(
        (bench.share.start(), bench.share.written()),
        (Some(4), progress(0, 4))
    );
    bench.acknowledge("a", 4, 5, &[1]).unwrap();
    assert_eq!((bench.share.start(), &*bench.states()), (Some(6), ""));
}

#[test]
fn each_offset_may_have_a_word_of_its_own() {
    let mut bench = Bench::of(&[5]);
    bench.acquire("a", 10);
    bench.acknowledge("a", 0, 3, &[2, 1, 3, 2]).unwrap();
    assert_eq!(bench.states(), "0v1 1k1 2x1 3v1 4q1");
}

#[test]
fn acknowledgements_count_as_a_whole_or_not_at_all() {
    let mut bench = Bench::of(&[2, 2, 2]);
    bench.acquire("a", 2);
    bench.acquire("b", 2);
    for (member, first, last, error) in [
        ("b", 0, 0, ErrorCode::InvalidRecordState),
        ("a", 0, 3, ErrorCode::InvalidRecordState),
        ("a", 0, 4, ErrorCode::InvalidRequest),
        ("a", 4, 5, ErrorCode::InvalidRequest),
    ] {
        let refused = bench.acknowledge(member, first, last, &[1]);
        assert_eq!(refused, Err(error), "{member} {first}..={last}");
        assert_eq!(bench.states(), "0q1 1q1 2q1 3q1");
    }
    bench.acknowledge("a", 0, 1, &[1]).unwrap();
    assert_eq!(
        bench.acknowledge("a", 0, 1, &[1]),
        Ok(()),
        "it was lost, and said again"
    );
    bench.acknowledge("b", 3, 3, &[1]).unwrap();
    assert_eq!(
        bench.acknowledge("b", 3, 3, &[1]),
        Err(ErrorCode::InvalidRecordState),
        "behind the start it is known"
    );
}

#[test]
fn words_that_make_no_sense_are_refused() {
    for (first, last, types) in [
        (1, 0, &[1][..]),
        (0, 1, &[]),
        (0, 2, &[1, 1]),
        (0, 0, &[5]),
        (0, 0, &[-1]),
        (i64::MIN, i64::MAX, &[1, 1]),
    ] {
        let read = AcknowledgementBatch::read([(first, last, types)].into_iter(), true);
        assert_eq!(
            read,
            Err(ErrorCode::InvalidRequest),
            "{first} {last} {types:?}"
        );
    }
    let backwards = [(5, 6, &[1][..]), (0, 1, &[1])];
    let read = AcknowledgementBatch::read(backwards.into_iter(), true);
    assert_eq!(read, Err(ErrorCode::InvalidRequest));
    let twice = [(0, 0, &[1][..]), (0, 0, &[1])];
    let twice = AcknowledgementBatch::read(twice.into_iter(), true).unwrap();
    let mut bench = Bench::of(&[1]);
    bench.acquire("a", 1);
    let (rules, now) = (bench.rules, bench.now);
    let refused = bench.share.acknowledge("a", &twice, &rules, now);
    assert_eq!(
        refused.map_err(|refusal| refusal.error),
        Err(ErrorCode::InvalidRecordState)
    );
    let renewal = AcknowledgementBatch::read([(0, 0, &[4][..])].into_iter(), false);
    assert_eq!(renewal, Err(ErrorCode::InvalidRequest), "not asked for");
}

#[test]
fn a_renewed_lock_lasts_longer() {
    let mut bench = Bench::of(&[2]);
    bench.acquire("a", 10);
    bench.pass(LOCK / 2);
    bench.acknowledge("a", 0, 0, &[4]).unwrap();
    bench.pass(LOCK / 2);
    assert_eq!(bench.states(), "0q1 1v1");
    bench.pass(LOCK / 2);
    assert_eq!(bench.states(), "0v1 1v1");
    bench.acquire("a", 10);
    bench.rules.renew_acknowledge = false;
    let refused = bench.acknowledge("a", 0, 0, &[4]);
    assert_eq!(refused, Err(ErrorCode::InvalidRecordState));
}

#[test]
fn a_member_that_goes_leaves_its_records_to_others() {
    let mut bench = Bench::of(&[2, 2]);
    bench.acquire("a", 2);
    bench.acquire("b", 2);
    let rules = bench.rules;
    bench.share.release_all_of("a", &rules);
    assert_eq!(bench.states(), "0v1 1v1 2q1 3q1");
    assert_eq!(bench.acquire("b", 10), [(0, 1, 2)]);
}
