use bytes::Bytes;

use super::super::*;
use super::*;

#[test]
fn uncompressed_records_are_not_copied() {
    let batch = batch_of(&[b"value"], &Seal::default());
    let block = batch.decompressed(0).expect("no limit applies");
    assert!(
        batch
            .bytes()
            .as_ptr_range()
            .contains(&block.data().as_ptr())
    );
    // The same for batches of a fetch.
    let fetched = Bytes::from([&batch.bytes()[..], batch.bytes()].concat());
    let second = Batches::new(fetched.clone())
        .nth(1)
        .expect("two")
        .expect("a batch");
    assert!(fetched.as_ptr_range().contains(&second.bytes().as_ptr()));
}

#[test]
fn a_block_is_read_on_where_its_cursor_stands() {
    let block = batch_of(&[b"a", b"b", b"c"], &Seal::default())
        .decompressed(LIMIT)
        .expect("a block");
    let mut cursor = RecordCursor::default();
    for expected in [b"a", b"b", b"c"] {
        let record = block.next(&mut cursor).expect("a record").expect("valid");
        assert_eq!(record.value(), Some(&expected[..]));
    }
    assert_eq!(cursor.records_read(), 3);
    assert!(block.next(&mut cursor).is_none());
}

/// Hazard 26.
#[test]
fn timestamps_of_any_distance_come_back() {
    let times = [i64::MAX, i64::MIN, -1, 0, NOW];
    let mut builder = RecordBatchBuilder::new();
    for time in times {
        builder.append(time, None, None, &[]).expect("it fits");
    }
    let batch = RecordBatch::parse(builder.finish(&Seal::default()).expect("it compresses"))
        .expect("a batch");
    let block = batch.decompressed(LIMIT).expect("a block");
    let read: Vec<_> = block
        .iter()
        .map(|record| record.expect("valid").timestamp())
        .collect();
    assert_eq!(read, times);
}

/// Hazard 36.
#[test]
fn sequences_wrap_to_zero() {
    for (sequence, increment, expected) in [
        (0, 1, 1),
        (i32::MAX, 1, 0),
        (i32::MAX, 3, 2),
        (i32::MAX - 1, 1, i32::MAX),
    ] {
        assert_eq!(increment_sequence(sequence, increment), expected);
    }
    assert_eq!(
        batch_of(&[b"a", b"b"], &Seal::default()).last_sequence(),
        -1,
        "no producer, no sequence"
    );
}

/// Hazard 30.
#[test]
fn a_control_record_needs_four_bytes() {
    assert!(ControlRecord::parse(&[0, 0, 0]).is_err());
    let commit = ControlRecord {
        version: 0,
        kind: ControlType::Commit,
    };
    assert_eq!(ControlRecord::parse(&[0, 0, 0, 1]), Ok(commit));
    // A later version may have more in its key.
    let unknown = ControlRecord {
        version: 1,
        kind: ControlType::Unknown(7),
    };
    assert_eq!(ControlRecord::parse(&[0, 1, 0, 7, 9, 9]), Ok(unknown));
    assert_eq!(unknown.key(), [0, 1, 0, 7]);
}

/// The log cleaner keeps the time in place of the base timestamp, and counts the records' own from it.
#[test]
fn a_delete_horizon_is_told() {
    let batch = batch_of(&[b"value"], &Seal::default());
    assert_eq!(batch.delete_horizon(), None);
    let mut bytes = batch.into_bytes().to_vec();
    bytes[22] |= 1 << 6;
    let batch = RecordBatch::parse(bytes.into()).expect("a batch");
    assert_eq!(batch.delete_horizon(), Some(NOW));
    assert_eq!(batch.emptied().expect("magic 2").delete_horizon(), None);
}
