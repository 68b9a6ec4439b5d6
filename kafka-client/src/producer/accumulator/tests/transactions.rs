//! What a transaction changes.

use super::*;
use crate::producer::transaction::SOON;

const FIRST: Identity = Identity { id: 7, epoch: 0 };

fn bench(transaction_version: i16) -> Bench {
    let mut bench = Bench::new(|config| {
        config.idempotence = true;
        config.transactional_id = Some("tx".to_owned());
    });
    renew(&mut bench, FIRST);
    begin(&mut bench, transaction_version);
    bench
}

fn renew(bench: &mut Bench, identity: Identity) {
    bench.accumulator.transaction().unwrap().renewed(identity);
    bench.accumulator.renew();
}

fn begin(bench: &mut Bench, transaction_version: i16) {
    let transaction = bench.accumulator.transaction().unwrap();
    transaction.begin(transaction_version).unwrap();
    transaction.check_open().expect("nothing is in the way");
}

/// Ends the transaction, as its coordinator does.
fn end(bench: &mut Bench, commit: bool, next: Option<Identity>) {
    bench.accumulator.begin_end(commit).unwrap();
    bench.tell();
    assert!(bench.accumulator.is_quiet(), "nothing is on its way");
    bench.accumulator.transaction().unwrap().ended(next);
    bench.accumulator.renew();
}

fn sequences(request: &Request) -> Vec<(i64, i16, i32)> {
    let sequence = |batch: &Batch| {
        let sequence = batch.sequence.expect("a place in the sequence");
        (
            sequence.producer_id,
            sequence.producer_epoch,
            sequence.base_sequence,
        )
    };
    request.batches.iter().map(sequence).collect()
}

#[test]
fn records_are_taken_within_a_transaction_only() {
    let mut bench = bench(2);
    bench.append(0, b"v").unwrap();
    let request = {
        bench.now += LINGER;
        bench.request()
    };
    bench.answer(request, written);
    end(&mut bench, true, Some(Identity { epoch: 1, ..FIRST }));
    match bench.append(0, b"v") {
        Err(Refusal::Invalid(Error::IllegalState { reason })) => {
            assert!(reason.contains("begin_transaction"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn in_the_first_protocol_partitions_are_added_at_once_before_they_are_written_to() {
    let mut bench = bench(1);
    bench.append(0, b"v").unwrap();
    bench.append(0, b"v").unwrap();
    bench.now += LINGER - MS;
    // Its time has not come, and it goes along all the same.
    bench.append(1, b"v").unwrap();
    bench.now += MS;
    let drained = bench.drain();
    assert!(drained.requests.is_empty());
    let partitions = [TopicPartition::new("t", 0), TopicPartition::new("t", 1)];
    assert_eq!(drained.to_add, partitions);
    bench.now += LINGER;
    let drained = bench.drain();
    assert!(
        drained.requests.is_empty() && drained.to_add.is_empty(),
        "it is asked once"
    );
    bench.accumulator.added(partitions.to_vec(), Ok(()));
    let request = bench.request();
    assert_eq!(request.batches.len(), 2);
    assert_eq!(request.transaction, Some(Protocol::One));
    bench.answer(request, written);
    bench.append(0, b"v").unwrap();
    bench.now += LINGER;
    assert!(bench.drain().to_add.is_empty(), "they are part of it now");
}

#[test]
fn in_the_second_protocol_nothing_has_to_be_added() {
    let mut bench = bench(2);
    bench.append(0, b"v").unwrap();
    bench.now += LINGER;
    let drained = bench.drain();
    assert!(drained.to_add.is_empty());
    assert_eq!(drained.requests[0].transaction, Some(Protocol::Two));
}

#[test]
fn sequences_go_on_under_the_same_epoch_and_start_over_under_another() {
    let mut bench = bench(1);
    let partition = vec![TopicPartition::new("t", 0)];
    let write = |bench: &mut Bench| {
        bench.accumulator.added(partition.clone(), Ok(()));
        bench.append(0, b"v").unwrap();
        bench.now += LINGER;
        let request = bench.request();
        let sequences = sequences(&request);
        bench.answer(request, written);
        sequences
    };
    assert_eq!(write(&mut bench), [(7, 0, 0)]);
    end(&mut bench, true, None);
    begin(&mut bench, 1);
    assert_eq!(write(&mut bench), [(7, 0, 1)]);
    end(&mut bench, false, None);
    renew(&mut bench, Identity { id: 7, epoch: 1 });
    begin(&mut bench, 2);
    assert_eq!(write(&mut bench), [(7, 1, 0)]);
    // The epochs of the id are used up: the coordinator gives another.
    end(&mut bench, true, Some(Identity { id: 8, epoch: 0 }));
    begin(&mut bench, 2);
    assert_eq!(write(&mut bench), [(8, 0, 0)]);
}

#[test]
fn one_batch_that_fails_takes_everything_that_was_not_sent_along() {
    for code in [
        ErrorCode::OutOfOrderSequenceNumber,
        ErrorCode::UnknownProducerId,
        ErrorCode::MessageTooLarge,
        ErrorCode::TransactionAbortable,
    ] {
        let mut bench = bench(2);
        let mut first = bench.append(0, b"v").unwrap();
        bench.now += LINGER;
        let request = bench.request();
        let mut other = bench.append(1, b"v").unwrap();
        bench.now += LINGER;
        let in_flight = bench.request();
        let mut unsent = bench.append(1, b"v").unwrap();
        bench.answer(request, refused(code));
        let error = failure(&mut first);
        assert!(error.requires_abort(), "{error}");
        assert!(error.to_string().contains(code.name()), "{error}");
        assert_eq!(failure(&mut unsent), error);
        assert!(matches!(bench.append(0, b"v"), Err(Refusal::Invalid(again)) if again == error));
        assert_eq!(bench.accumulator.begin_end(true), Err(error.clone()));
        // What would be sent again is not, any more.
        bench.answer(in_flight, refused(ErrorCode::NotLeaderOrFollower));
        assert_eq!(failure(&mut other), error);
        bench.now += LINGER * 1000;
        assert!(bench.drain().requests.is_empty());
        end(&mut bench, false, Some(Identity { epoch: 1, ..FIRST }));
        begin(&mut bench, 2);
        bench.append(0, b"v").unwrap();
        bench.now += LINGER;
        assert_eq!(sequences(&bench.request()), [(7, 1, 0)], "{code}");
    }
}

#[test]
fn what_is_out_of_order_only_because_of_one_before_it_is_sent_again() {
    let mut bench = bench(2);
    bench.append(0, b"v").unwrap();
    bench.now += LINGER;
    let request = bench.request();
    bench.answer(request, written);
    let mut deliveries = Vec::new();
    let mut requests = Vec::new();
    for _ in 0..2 {
        deliveries.push(bench.append(0, b"v").unwrap());
        bench.now += LINGER;
        requests.push(bench.request());
    }
    let second = requests.pop().unwrap();
    let first = requests.pop().unwrap();
    bench.answer(second, refused(ErrorCode::OutOfOrderSequenceNumber));
    bench.answer(first, refused(ErrorCode::NotEnoughReplicas));
    bench.now += LINGER * 1000;
    for delivery in &mut deliveries {
        let request = bench.request();
        bench.answer(request, written);
        assert!(matches!(poll(delivery), Poll::Ready(Ok(_))));
    }
}

#[test]
fn fenced_is_told_as_such_and_ends_everything() {
    for code in [ErrorCode::InvalidProducerEpoch, ErrorCode::ProducerFenced] {
        let mut bench = bench(2);
        let mut delivery = bench.append(0, b"v").unwrap();
        bench.now += LINGER;
        let request = bench.request();
        bench.answer(request, refused(code));
        let error = failure(&mut delivery);
        assert!(
            matches!(error, Error::Fenced { .. }) && error.is_fatal(),
            "{error}"
        );
        for commit in [true, false] {
            assert_eq!(bench.accumulator.begin_end(commit), Err(error.clone()));
        }
    }
}

#[test]
fn while_the_transaction_before_is_finished_a_batch_waits_for_a_moment_only() {
    let mut bench = bench(2);
    bench.append(0, b"v").unwrap();
    bench.now += LINGER;
    for _ in 0..5 {
        let request = bench.request();
        bench.answer(request, refused(ErrorCode::ConcurrentTransactions));
        let drained = bench.drain();
        assert!(drained.requests.is_empty());
        assert_eq!(drained.next, Some(bench.now + SOON));
        bench.now += SOON;
    }
    let request = bench.request();
    bench.answer(request, written);
}

#[test]
fn an_abort_gives_up_what_is_not_sent_and_waits_for_what_is() {
    let mut bench = bench(2);
    let mut sent = bench.append(0, b"v").unwrap();
    bench.now += LINGER;
    let request = bench.request();
    let mut unsent = bench.append(1, b"v").unwrap();
    bench.accumulator.begin_end(false).unwrap();
    bench.tell();
    assert!(matches!(
        failure(&mut unsent),
        Error::TransactionAborted { .. }
    ));
    assert!(!bench.accumulator.is_quiet(), "a batch is on its way");
    bench.answer(request, refused(ErrorCode::NotEnoughReplicas));
    assert!(matches!(
        failure(&mut sent),
        Error::TransactionAborted { .. }
    ));
    assert!(bench.accumulator.is_quiet());
}

#[test]
fn a_commit_sends_what_waits_at_once() {
    let mut bench = bench(2);
    bench.append(0, b"v").unwrap();
    assert!(bench.drain().requests.is_empty());
    bench.accumulator.begin_end(true).unwrap();
    assert!(!bench.accumulator.is_quiet());
    let request = bench.request();
    bench.answer(request, written);
    assert!(bench.accumulator.is_quiet());
}

#[test]
fn partitions_that_cannot_be_added_end_the_transaction() {
    let mut bench = bench(1);
    let mut delivery = bench.append(0, b"v").unwrap();
    bench.now += LINGER;
    let to_add = bench.drain().to_add;
    let refused = Error::broker(ErrorCode::TopicAuthorizationFailed, "partition t-0");
    bench.accumulator.added(to_add, Err(refused));
    bench.tell();
    let error = failure(&mut delivery);
    assert!(error.requires_abort(), "{error}");
    assert_eq!(bench.accumulator.begin_end(true), Err(error));
}
