//! Batches as a broker sends them, and what was acquired of them.

use kafka_proto::records::{RecordBatchBuilder, Seal};

use super::*;

fn batch(base: i64, records: usize) -> Vec<u8> {
    let mut builder = RecordBatchBuilder::new();
    for n in 0..records {
        let value = [n as u8];
        builder.append(1000, None, Some(&value), &[]).unwrap();
    }
    let bytes = builder.finish(&Seal::default()).unwrap();
    let batch = RecordBatch::parse(bytes).unwrap().with_offset(base, 1);
    batch.unwrap().into_bytes().to_vec()
}

fn acquired(ranges: &[(i64, i64, i16)]) -> Vec<AcquiredRecords> {
    let range = |&(first_offset, last_offset, delivery_count)| AcquiredRecords {
        first_offset,
        last_offset,
        delivery_count,
        ..Default::default()
    };
    ranges.iter().map(range).collect()
}

fn decoded(bytes: Vec<u8>, ranges: &[(i64, i64, i16)]) -> Decoded {
    let partition = TopicPartition::new("t", 0);
    decode(&partition, bytes.into(), &acquired(ranges), true)
}

fn batches(decoded: &Decoded) -> Vec<(i64, i64, i16)> {
    let batch = |batch: &ShareBatch| {
        let offsets: Vec<i64> = batch.iter().map(|record| record.offset()).collect();
        assert_eq!(offsets.first(), Some(&batch.first_offset()));
        assert_eq!(offsets.last(), Some(&batch.last_offset()));
        (
            offsets[0],
            offsets[offsets.len() - 1],
            batch.delivery_count(),
        )
    };
    decoded.batches.iter().map(batch).collect()
}

fn acks(decoded: &Decoded) -> Vec<(i64, i64, i8)> {
    let acks = decoded.acks.iter();
    acks.map(|ack| (ack.first, ack.last, ack.kind)).collect()
}

#[test]
fn only_what_was_acquired_is_handed_out_with_its_delivery_count() {
    let bytes = [batch(10, 5), batch(15, 5), batch(20, 5)].concat();
    let decoded = decoded(bytes, &[(10, 11, 1), (13, 16, 2), (19, 19, 3)]);
    let expected = [(10, 11, 1), (13, 14, 2), (15, 16, 2), (19, 19, 3)];
    assert_eq!(batches(&decoded), expected);
    assert_eq!(acks(&decoded), []);
    assert_eq!(decoded.error, None);
}

#[test]
fn offsets_without_a_record_are_gaps() {
    // Offsets 13 to 19 were compacted away, and so was what followed.
    let bytes = [batch(10, 3), batch(20, 2)].concat();
    let decoded = decoded(bytes, &[(9, 21, 1), (25, 30, 1)]);
    assert_eq!(batches(&decoded), [(10, 12, 1), (20, 21, 1)]);
    assert_eq!(acks(&decoded), [(9, 9, 0), (13, 19, 0), (25, 30, 0)]);
}

#[test]
fn a_corrupt_batch_is_rejected_and_the_others_are_handed_out() {
    let mut corrupt = batch(15, 5);
    let end = corrupt.len() - 1;
    corrupt[end] ^= 1;
    let bytes = [batch(10, 5), corrupt, batch(20, 5)].concat();
    let decoded = decoded(bytes, &[(12, 21, 1)]);
    assert_eq!(batches(&decoded), [(12, 14, 1), (20, 21, 1)]);
    assert_eq!(acks(&decoded), [(15, 19, 3)]);
    let error = decoded.error.unwrap().to_string();
    assert!(
        error.contains("t-0") && error.contains("15 to 19"),
        "{error}"
    );
}

#[test]
fn what_the_answer_has_no_room_for_is_not_taken_for_a_gap() {
    let mut bytes = [batch(10, 5), batch(15, 5)].concat();
    bytes.truncate(bytes.len() - 3);
    let decoded = decoded(bytes, &[(10, 19, 1)]);
    assert_eq!(batches(&decoded), [(10, 14, 1)]);
    assert_eq!(acks(&decoded), []);
    assert!(decoded.error.is_some());
}

#[test]
fn hostile_ranges_are_refused_or_cost_nothing() {
    for ranges in [
        &[(5, 4, 1)][..],
        &[(0, 9, 1), (9, 12, 1)],
        &[(5, 6, 1), (0, 1, 1)],
    ] {
        let decoded = decoded(batch(0, 20), ranges);
        assert!(decoded.error.is_some(), "{ranges:?}");
        assert_eq!(batches(&decoded), [], "{ranges:?}");
    }
    let decoded = decoded(batch(0, 2), &[(i64::MIN, i64::MAX, 1)]);
    assert_eq!(batches(&decoded), [(0, 1, 1)]);
    assert_eq!(acks(&decoded), [(i64::MIN, -1, 0), (2, i64::MAX, 0)]);
}
