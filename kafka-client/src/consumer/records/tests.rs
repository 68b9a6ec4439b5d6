//! Records as they come out of a batch.

use super::*;
use crate::types::TopicPartition;
use kafka_proto::records::{Header, RecordBatch, RecordBatchBuilder, Seal};

fn batch(from: i64) -> Option<PartitionBatch> {
    let mut builder = RecordBatchBuilder::new();
    for n in 0..10 {
        let key = format!("k{n}");
        let headers = [Header::new("h", b"v")];
        builder
            .append(
                1000 + n,
                Some(key.as_bytes()),
                (n % 2 == 0).then_some(&[0xff, n as u8][..]),
                &headers,
            )
            .unwrap();
    }
    let bytes = builder.finish(&Seal::default()).unwrap();
    let raw = RecordBatch::parse(bytes)
        .unwrap()
        .with_offset(100, 4)
        .unwrap();
    let header = BatchHeader {
        partition: TopicPartition::new("t", 1),
        leader_epoch: 4,
        timestamp_type: raw.timestamp_type(),
        next_offset: raw.next_offset(),
    };
    PartitionBatch::new(header, raw.decompressed(1000).unwrap(), from).unwrap()
}

fn offsets(batch: &PartitionBatch) -> Vec<i64> {
    batch.iter().map(|record| record.offset()).collect()
}

#[test]
fn records_before_the_position_are_passed_over() {
    let batch = batch(107).unwrap();
    assert_eq!(
        (batch.len(), batch.first_offset(), batch.next_offset()),
        (3, 107, 110)
    );
    assert_eq!(offsets(&batch), [107, 108, 109]);
    assert!(super::tests::batch(110).is_none());
}

#[test]
fn a_slice_has_the_records_of_its_offsets() {
    let batch = batch(102).unwrap();
    let slice = batch.slice(0, 105).unwrap();
    assert_eq!(
        (slice.len(), slice.first_offset(), slice.next_offset()),
        (3, 102, 105)
    );
    assert_eq!(offsets(&slice), [102, 103, 104]);
    assert_eq!(offsets(&slice.slice(104, 200).unwrap()), [104]);
    assert!(slice.slice(105, 200).is_none());
}

#[test]
fn a_split_batch_has_all_records_in_two_parts() {
    let whole = batch(102).unwrap();
    for at in 0..=whole.len() + 1 {
        let (first, rest) = whole.clone().split_at(at);
        let parts: Vec<_> = first.iter().chain(&rest).collect();
        let lengths = (
            first.as_ref().map(PartitionBatch::len),
            rest.as_ref().map(PartitionBatch::len),
        );
        let len = whole.len();
        let expected = match at {
            0 => (None, Some(len)),
            at if at >= len => (Some(len), None),
            at => (Some(at), Some(len - at)),
        };
        assert_eq!(lengths, expected);
        assert_eq!(
            parts
                .iter()
                .flat_map(|part| offsets(part))
                .collect::<Vec<_>>(),
            offsets(&whole)
        );
        assert!(
            parts
                .windows(2)
                .all(|two| two[0].next_offset() == two[1].first_offset())
        );
        assert_eq!(parts[0].first_offset(), 102);
        assert_eq!(parts[parts.len() - 1].next_offset(), whole.next_offset());
    }
}

#[test]
fn an_owned_record_is_the_record() {
    let owned: Vec<OwnedRecord> = batch(100)
        .unwrap()
        .iter()
        .map(ConsumerRecord::into_owned)
        .collect();
    for (n, record) in owned.iter().enumerate() {
        assert_eq!((record.topic(), record.partition().partition), ("t", 1));
        assert_eq!(
            (record.offset(), record.timestamp()),
            (100 + n as i64, 1000 + n as i64)
        );
        assert_eq!(record.key(), Some(format!("k{n}").as_bytes()));
        assert_eq!(record.value(), (n % 2 == 0).then_some(&[0xff, n as u8][..]));
        assert_eq!(
            record.headers().map(Result::unwrap).collect::<Vec<_>>(),
            [Header::new("h", b"v")]
        );
    }
}

#[test]
fn a_value_that_is_no_text_is_named() {
    let batch = batch(104).unwrap();
    let record = batch.iter().next().unwrap();
    assert_eq!(record.key_str(), Ok(Some("k4")));
    let error = record.value_str().unwrap_err().to_string();
    assert_eq!(
        error,
        "the value of the record at offset 104 of t-1 is not UTF-8: read it as bytes"
    );
}
