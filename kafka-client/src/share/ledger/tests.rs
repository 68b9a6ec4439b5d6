//! What a program says of its records, and what is sent of it.

use bytes::Bytes;
use kafka_proto::codec::Uuid;
use kafka_proto::messages::share_fetch::AcquiredRecords;
use kafka_proto::records::{RecordBatch, RecordBatchBuilder, Seal};

use super::*;
use crate::share::decode::decode;

fn t() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn source() -> Source {
    Source {
        partition: t(),
        topic_id: Uuid([1; 16]),
        broker: 1,
    }
}

/// The records with these offsets.
fn batch(first: i64, last: i64) -> ShareBatch {
    let mut builder = RecordBatchBuilder::new();
    for _ in first..=last {
        builder.append(1, None, Some(b"v"), &[]).unwrap();
    }
    let bytes = builder.finish(&Seal::default()).unwrap();
    let batch = RecordBatch::parse(bytes).unwrap().with_offset(first, 1);
    let bytes: Bytes = batch.unwrap().into_bytes();
    let acquired = AcquiredRecords {
        first_offset: first,
        last_offset: last,
        delivery_count: 1,
        ..Default::default()
    };
    let mut decoded = decode(&t(), bytes, &[acquired], true);
    decoded.batches.remove(0)
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.deliver(source(), &batch(0, 9));
    ledger
}

fn say(ledger: &mut Ledger, first: i64, last: i64, kind: AcknowledgeType) -> Result<()> {
    let partition = t();
    let delivered = Delivered {
        partition: &partition,
        first,
        last,
    };
    ledger.acknowledge(delivered, kind)
}

fn taken(ledger: &mut Ledger) -> Vec<(i64, i64, i8)> {
    let taken = ledger.take().into_iter().flat_map(|(_, acks)| acks);
    taken.map(|ack| (ack.first, ack.last, ack.kind)).collect()
}

#[test]
fn what_was_said_is_sent_once() {
    let mut ledger = ledger();
    assert_eq!(ledger.unacknowledged(), Some((t(), 0)));
    say(&mut ledger, 0, 3, AcknowledgeType::Accept).unwrap();
    say(&mut ledger, 5, 5, AcknowledgeType::Reject).unwrap();
    assert_eq!(ledger.unacknowledged(), Some((t(), 4)));
    assert_eq!(taken(&mut ledger), [(0, 3, 1), (5, 5, 3)]);
    assert_eq!(taken(&mut ledger), []);
    let again = say(&mut ledger, 3, 3, AcknowledgeType::Release);
    assert_eq!(
        again,
        Err(Error::NotAcquired {
            partition: t(),
            offset: 3
        })
    );
    let batch = say(&mut ledger, 4, 9, AcknowledgeType::Release);
    assert_eq!(
        batch,
        Err(Error::NotAcquired {
            partition: t(),
            offset: 5
        })
    );
    assert_eq!(taken(&mut ledger), [], "and nothing has changed");
    ledger.accept_all();
    assert_eq!(taken(&mut ledger), [(4, 4, 1), (6, 9, 1)]);
    assert!(!ledger.has_of(1), "it is done with");
}

#[test]
fn what_is_unknown_is_refused() {
    let mut ledger = ledger();
    for (first, last) in [(10, 10), (-1, -1), (i64::MAX, i64::MAX)] {
        let refused = say(&mut ledger, first, last, AcknowledgeType::Accept);
        assert_eq!(
            refused,
            Err(Error::NotAcquired {
                partition: t(),
                offset: first
            })
        );
    }
}

#[test]
fn a_mind_can_be_changed_until_it_is_sent() {
    let mut ledger = ledger();
    say(&mut ledger, 0, 9, AcknowledgeType::Release).unwrap();
    say(&mut ledger, 2, 2, AcknowledgeType::Accept).unwrap();
    assert_eq!(taken(&mut ledger), [(0, 1, 2), (2, 2, 1), (3, 9, 2)]);
}

#[test]
fn what_is_renewed_still_has_to_be_acknowledged_but_not_before_the_next_poll() {
    let mut ledger = ledger();
    say(&mut ledger, 0, 9, AcknowledgeType::Renew).unwrap();
    assert_eq!(taken(&mut ledger), [(0, 9, 4)]);
    assert_eq!(ledger.unacknowledged(), None);
    // The program is quicker than the broker.
    say(&mut ledger, 0, 1, AcknowledgeType::Accept).unwrap();
    ledger.renewed(&t(), Ack::new(0, 9, AcknowledgeType::Renew), true);
    ledger.accept_all();
    assert_eq!(
        taken(&mut ledger),
        [(0, 1, 1)],
        "it is the program's to say"
    );
    say(&mut ledger, 2, 2, AcknowledgeType::Renew).unwrap();
    assert_eq!(taken(&mut ledger), [(2, 2, 4)]);
    ledger.renewed(&t(), Ack::new(2, 2, AcknowledgeType::Renew), false);
    let lost = say(&mut ledger, 2, 2, AcknowledgeType::Accept);
    assert!(lost.is_err(), "its lock was lost");
    ledger.release_all();
    assert_eq!(taken(&mut ledger), [(3, 9, 2)]);
    assert!(!ledger.has_of(1));
}

#[test]
fn what_is_delivered_anew_is_acknowledged_for_the_new_delivery_alone() {
    let mut ledger = ledger();
    ledger.deliver(source(), &batch(3, 5));
    say(&mut ledger, 0, 2, AcknowledgeType::Accept).unwrap();
    say(&mut ledger, 6, 9, AcknowledgeType::Accept).unwrap();
    assert_eq!(ledger.unacknowledged(), Some((t(), 3)));
    ledger.release_all();
    let mut sent = taken(&mut ledger);
    sent.sort_unstable();
    assert_eq!(sent, [(0, 2, 1), (3, 5, 2), (6, 9, 1)]);
}
