use super::*;

/// A log of which each batch is a segment, with timestamps 0, 1000, 2000, and so on.
fn log(settings: LogSettings, batches: i64) -> PartitionLog {
    let mut log = PartitionLog::new(LogSettings {
        segment_bytes: 1,
        ..settings
    });
    for i in 0..batches {
        log.append(&batch(2, 50, i * 1000), 3).unwrap();
    }
    log
}

fn keeps(millis: i64) -> LogSettings {
    LogSettings {
        retention_millis: Some(millis),
        ..LogSettings::default()
    }
}

#[test]
fn what_is_older_than_is_kept_goes_by_the_brokers_clock() {
    let mut log = log(keeps(2000), 5);
    for (now, start) in [(2000, 0), (2001, 2), (5000, 6), (6000, 8)] {
        log.expire(now);
        assert_eq!((log.start_offset(), log.end_offset()), (start, 10), "{now}");
        assert_eq!(
            log.read(start, 1, true).map(|read| described(read)[0].0),
            Ok(start)
        );
        assert_eq!(log.read(start - 1, 1, true), Err(OffsetOutOfRange));
    }
    log.expire(6001);
    assert_eq!(
        (log.start_offset(), log.end_offset(), log.size()),
        (10, 10, 0)
    );
    assert_eq!(log.append(&batch(1, 1, 9000), 3).unwrap().base_offset, 10);
}

#[test]
fn nothing_goes_where_the_policy_is_not_to_delete() {
    let settings = LogSettings {
        delete: false,
        compact: true,
        retention_bytes: Some(0),
        ..keeps(0)
    };
    let mut log = log(settings, 3);
    log.expire(i64::MAX);
    assert_eq!(log.start_offset(), 0);
    log.configure(LogSettings {
        delete: true,
        ..settings
    });
    assert_eq!(log.start_offset(), 4, "by size at once");
}

#[test]
fn a_segment_ends_by_its_time() {
    let mut log = PartitionLog::new(LogSettings {
        segment_millis: 100,
        ..LogSettings::default()
    });
    for timestamp in [0, 100, 101, 150, 300] {
        log.append(&batch(1, 1, timestamp), 3).unwrap();
    }
    let bases: Vec<i64> = log.segments.iter().map(Segment::base_offset).collect();
    assert_eq!(bases, [0, 2, 4]);
}

#[test]
fn a_log_starts_where_a_client_says() {
    for segment_bytes in [1, 250, 100_000] {
        let mut log = PartitionLog::with_segments_of(segment_bytes, None);
        for i in 0..5 {
            log.append(&batch(2, 50, i), 3).unwrap();
        }
        assert_eq!(log.delete_before(11), Err(OffsetOutOfRange));
        assert_eq!(log.delete_before(-2), Err(OffsetOutOfRange));
        assert_eq!(log.delete_before(3), Ok(3));
        assert_eq!(log.delete_before(1), Ok(3), "it never goes back");
        assert_eq!(log.read(2, 1, true), Err(OffsetOutOfRange));
        assert_eq!(described(log.read(3, 1, true).unwrap()), [(2, 3)]);
        assert_eq!(log.delete_before(-1), Ok(10));
        assert_eq!(
            (log.end_offset(), log.read(10, 1, true)),
            (10, Ok(Bytes::new()))
        );
        assert_eq!(log.size(), 0);
        let appended = log.append(&batch(1, 1, 0), 3).unwrap();
        assert_eq!((appended.base_offset, appended.log_start_offset), (10, 10));
    }
}
