//! One decision at a time, on a clock that stands still unless told otherwise.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;
use crate::producer::delivery::Delivery;
use crate::producer::record::{Record, RecordMetadata};

mod compression;
mod spreading;
mod transactions;

const MS: Duration = Duration::from_millis(1);
const LINGER: Duration = Duration::from_millis(5);

struct Bench {
    accumulator: Accumulator,
    now: Instant,
    leader: i32,
}

impl Bench {
    fn new(configure: impl FnOnce(&mut ProducerConfig)) -> Self {
        let mut config = ProducerConfig {
            linger: LINGER,
            idempotence: false,
            ..ProducerConfig::default()
        };
        configure(&mut config);
        let idempotence = config.idempotence;
        let mut accumulator = Accumulator::new(config, None);
        accumulator.set_partitions(&Arc::from("t"), NonZeroU32::new(2).expect("not zero"));
        if idempotence {
            accumulator.set_identity(Identity { id: 1, epoch: 0 });
        }
        Self {
            accumulator,
            now: Instant::now(),
            leader: 1,
        }
    }

    fn append(&mut self, partition: i32, value: &[u8]) -> std::result::Result<Delivery, Refusal> {
        let record = Record {
            value: Some(value),
            ..Record::to("t").partition(partition).timestamp(0)
        };
        self.accumulator
            .append(&record, || self.now)
            .map(|appended| appended.delivery)
    }

    fn drain(&mut self) -> Drained {
        let leader = self.leader;
        let drained = self
            .accumulator
            .drain(self.now, |_| (leader >= 0).then_some(leader));
        self.tell();
        drained
    }

    fn tell(&mut self) {
        self.accumulator
            .take_settled()
            .into_iter()
            .for_each(Settled::tell);
    }

    /// The next request; there has to be one.
    fn request(&mut self) -> Request {
        self.drain().requests.pop().expect("something can be sent")
    }

    /// The broker's answer to all batches of a request.
    fn answer(
        &mut self,
        request: Request,
        answer: impl Fn() -> std::result::Result<Written, Failure>,
    ) {
        self.accumulator
            .request_ended(request.broker, false, self.now);
        for batch in request.batches {
            self.accumulator.returned(batch, answer(), self.now);
        }
        self.tell();
    }
}

fn written() -> std::result::Result<Written, Failure> {
    Ok(Written {
        base_offset: Some(0),
        log_append_time: None,
    })
}

fn refused(code: ErrorCode) -> impl Fn() -> std::result::Result<Written, Failure> {
    move || {
        Err(Failure {
            error: Error::broker(code, "partition t-0"),
            maybe_written: false,
        })
    }
}

fn poll(delivery: &mut Delivery) -> Poll<Result<RecordMetadata>> {
    Pin::new(delivery).poll(&mut Context::from_waker(Waker::noop()))
}

fn failure(delivery: &mut Delivery) -> Error {
    match poll(delivery) {
        Poll::Ready(Err(error)) => error,
        other => panic!("did not fail: {other:?}"),
    }
}

#[test]
fn a_batch_waits_for_its_linger_and_no_longer() {
    let mut bench = Bench::new(|_| {});
    bench.append(0, b"v").unwrap();
    let begun = bench.now;
    bench.now += LINGER - MS;
    let drained = bench.drain();
    assert!(drained.requests.is_empty());
    assert_eq!(drained.next, Some(begun + LINGER));
    bench.now += MS;
    assert_eq!(bench.request().batches.len(), 1);
}

#[test]
fn a_full_batch_goes_out_at_once_and_the_rest_waits() {
    let mut bench = Bench::new(|config| config.batch_size = 300);
    for _ in 0..4 {
        bench.append(0, &[0; 100]).unwrap();
    }
    let request = bench.request();
    assert_eq!(
        request.batches[0].records, 2,
        "of 100 bytes each, in 300 with the header"
    );
    assert!(
        bench.drain().requests.is_empty(),
        "the second batch may still get more"
    );
}

#[test]
fn a_request_has_one_batch_of_each_partition_up_to_its_size() {
    let mut bench = Bench::new(|config| (config.batch_size, config.max_request_size) = (400, 700));
    for _ in 0..2 {
        for partition in 0..2 {
            bench.append(partition, &[0; 300]).unwrap();
        }
    }
    bench.accumulator.flush();
    let partitions = |request: &Request| {
        request
            .batches
            .iter()
            .map(|b| b.partition.partition)
            .collect::<Vec<_>>()
    };
    let requests: Vec<Vec<i32>> = std::iter::from_fn(|| bench.drain().requests.pop())
        .map(|r| partitions(&r))
        .collect();
    assert_eq!(requests.concat().len(), 4);
    assert!(
        requests.iter().all(|partitions| partitions.len() == 1),
        "two of 370 bytes are too many: {requests:?}"
    );
}

#[test]
fn the_partition_that_has_waited_longest_goes_first() {
    let mut bench = Bench::new(|config| (config.batch_size, config.max_request_size) = (400, 700));
    bench.append(1, &[0; 300]).unwrap();
    bench.now += MS;
    bench.append(0, &[0; 300]).unwrap();
    bench.accumulator.flush();
    assert_eq!(bench.request().batches[0].partition.partition, 1);
}

#[test]
fn records_are_refused_while_the_buffer_is_full_and_taken_when_it_has_room() {
    let mut bench = Bench::new(|config| (config.batch_size, config.buffer_memory) = (1000, 1000));
    let mut taken = 0;
    while bench.append(0, &[0; 200]).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 4);
    let used = bench.accumulator.used;
    assert!((800..=1000).contains(&used), "{used}");
    // Nothing more can come to fill the batch: it does not wait for its linger.
    let request = bench.request();
    assert!(
        matches!(bench.append(0, &[0; 200]), Err(Refusal::Full)),
        "what is on its way still counts"
    );
    bench.answer(request, written);
    assert_eq!(bench.accumulator.used, 0);
    bench.append(0, &[0; 200]).unwrap();
}

#[test]
fn a_record_larger_than_the_buffer_goes_alone() {
    let mut bench = Bench::new(|config| config.buffer_memory = 1000);
    bench.append(0, &[0; 5000]).unwrap();
    assert!(matches!(bench.append(1, b"v"), Err(Refusal::Full)));
}

#[test]
fn a_record_larger_than_a_request_is_refused_by_name_and_nothing_else_suffers() {
    let mut bench =
        Bench::new(|config| (config.batch_size, config.max_request_size) = (1000, 1000));
    bench.append(0, b"before").unwrap();
    let Err(Refusal::Invalid(error)) = bench.append(0, &[0; 1000]) else {
        panic!("taken")
    };
    assert!(
        error
            .to_string()
            .contains("for t: the limit is 1000 (max.request.size)"),
        "{error}"
    );
    bench.append(0, b"after").unwrap();
    bench.accumulator.flush();
    assert_eq!(bench.request().batches[0].records, 2);
}

#[test]
fn a_partition_that_does_not_exist_is_refused_by_number() {
    let mut bench = Bench::new(|_| {});
    for partition in [-1, 2] {
        let Err(Refusal::UnknownPartition(error)) = bench.append(partition, b"v") else {
            panic!("taken")
        };
        assert!(
            error
                .to_string()
                .contains(&format!("no partition {partition} (it has 0..=1)")),
            "{error}"
        );
    }
    bench
        .accumulator
        .set_partitions(&Arc::from("t"), NonZeroU32::new(3).expect("not zero"));
    bench.append(2, b"v").unwrap();
}

#[test]
fn nothing_is_sent_before_the_producer_has_an_identity() {
    let mut bench = Bench::new(|config| config.idempotence = true);
    bench.accumulator.identity = None;
    bench.append(0, b"v").unwrap();
    bench.accumulator.flush();
    assert!(bench.accumulator.needs_identity());
    let drained = bench.drain();
    assert!(drained.requests.is_empty());
    assert_eq!(
        drained.next,
        Some(bench.now + bench.accumulator.config.delivery_timeout),
        "it fails in time all the same"
    );
    bench.accumulator.set_identity(Identity { id: 3, epoch: 0 });
    let sequence = bench.request().batches[0].sequence.expect("an identity");
    assert_eq!(
        (
            sequence.producer_id,
            sequence.producer_epoch,
            sequence.base_sequence
        ),
        (3, 0, 0)
    );
}

#[test]
fn used_up_epochs_take_a_new_id() {
    let mut bench = Bench::new(|config| config.idempotence = true);
    bench.accumulator.set_identity(Identity {
        id: 1,
        epoch: i16::MAX - 1,
    });
    bench.append(0, b"v").unwrap();
    bench.accumulator.flush();
    let request = bench.request();
    bench.answer(request, refused(ErrorCode::TopicAuthorizationFailed));
    bench.append(0, b"w").unwrap();
    bench.accumulator.flush();
    assert!(bench.drain().requests.is_empty());
    assert!(bench.accumulator.needs_identity());
    bench.accumulator.set_identity(Identity { id: 2, epoch: 0 });
    let sequence = bench.request().batches[0].sequence.expect("an identity");
    assert_eq!(
        (
            sequence.producer_id,
            sequence.producer_epoch,
            sequence.base_sequence
        ),
        (2, 0, 0)
    );
}

#[test]
fn a_partition_in_trouble_does_not_stop_the_others() {
    let mut bench = Bench::new(|config| config.idempotence = true);
    bench.append(0, b"v").unwrap();
    bench.accumulator.flush();
    let request = bench.request();
    let lost = || {
        Err(Failure {
            error: Error::broker(ErrorCode::RequestTimedOut, "t-0"),
            maybe_written: true,
        })
    };
    bench.answer(request, lost);
    bench.append(1, b"w").unwrap();
    bench.accumulator.flush();
    let request = bench.request();
    assert_eq!(request.batches[0].partition.partition, 1);
    bench.answer(request, refused(ErrorCode::TopicAuthorizationFailed));
    bench.append(1, b"x").unwrap();
    bench.accumulator.flush();
    let sequence = bench.request().batches[0].sequence.expect("an identity");
    assert_eq!(
        (sequence.producer_epoch, sequence.base_sequence),
        (1, 0),
        "t-1 starts over, t-0 is still unknown"
    );
}

#[test]
fn a_batch_waits_for_the_old_leader_before_the_next_goes_to_the_new_one() {
    let mut bench = Bench::new(|_| {});
    bench.append(0, b"v").unwrap();
    bench.accumulator.flush();
    let first = bench.request();
    bench.leader = 2;
    bench.append(0, b"w").unwrap();
    bench.accumulator.flush();
    assert!(
        bench.drain().requests.is_empty(),
        "it would get past the first, which the old leader may refuse"
    );
    bench.answer(first, refused(ErrorCode::NotLeaderOrFollower));
    bench.now += Duration::from_secs(1);
    let request = bench.request();
    assert_eq!((request.broker, request.batches[0].number), (2, 0));
}

#[test]
fn what_fails_together_waits_once_longer() {
    let mut bench = Bench::new(|_| {});
    let mut requests = Vec::new();
    for _ in 0..5 {
        bench.append(0, b"v").unwrap();
        bench.accumulator.flush();
        requests.push(bench.request());
    }
    for request in requests {
        bench.answer(request, refused(ErrorCode::NotEnoughReplicas));
    }
    let next = bench.drain().next.expect("it will be sent again");
    assert!(
        next <= bench.now + Duration::from_millis(120),
        "the first wait is 100 ms: {:?}",
        next - bench.now
    );
}

#[test]
fn a_batch_fails_when_its_time_is_over_and_says_why_it_was_not_written() {
    let mut bench = Bench::new(|_| {});
    let mut delivery = bench.append(0, b"v").unwrap();
    bench.accumulator.flush();
    let request = bench.request();
    bench.answer(request, refused(ErrorCode::NotEnoughReplicas));
    bench.now += bench.accumulator.config.delivery_timeout;
    bench.drain();
    let error = failure(&mut delivery).to_string();
    assert!(
        error.starts_with(
            "delivery to t-0 did not happen within 120s (last: partition t-0: NOT_ENOUGH"
        ),
        "{error}"
    );
    assert_eq!(bench.accumulator.used, 0);
    assert!(bench.accumulator.is_flushed(u64::MAX));
}

#[test]
fn a_partition_without_a_leader_is_told_and_fails_in_time() {
    let mut bench = Bench::new(|_| {});
    bench.leader = -1;
    let mut delivery = bench.append(0, b"v").unwrap();
    bench.accumulator.flush();
    assert!(bench.drain().leader_unknown);
    bench.now += bench.accumulator.config.delivery_timeout;
    bench.drain();
    assert!(
        failure(&mut delivery)
            .to_string()
            .contains("delivery to t-0")
    );
}

#[test]
fn a_single_record_too_large_for_the_broker_fails_by_its_partition_its_size_and_the_limit() {
    let mut bench = Bench::new(|_| {});
    let mut delivery = bench.append(0, b"v").unwrap();
    bench.accumulator.flush();
    let request = bench.request();
    bench.answer(request, refused(ErrorCode::MessageTooLarge));
    let error = failure(&mut delivery).to_string();
    let expected = "record of 69 bytes for partition t-0, more than its topic takes (max.message.bytes): MESSAGE_TOO_LARGE";
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn a_flush_covers_what_was_handed_over_before_it() {
    let mut bench = Bench::new(|config| config.linger = Duration::from_secs(100));
    bench.append(0, b"before").unwrap();
    let below = bench.accumulator.flush();
    let request = bench.request();
    bench.append(0, b"after").unwrap();
    assert!(!bench.accumulator.is_flushed(below));
    bench.answer(request, refused(ErrorCode::TopicAuthorizationFailed));
    assert!(
        bench.accumulator.is_flushed(below),
        "the second batch is not waited for"
    );
    assert!(
        bench.drain().requests.is_empty(),
        "nor sent before its time"
    );
    assert!(bench.accumulator.take_first_error().is_some());
    assert!(
        bench.accumulator.take_first_error().is_none(),
        "an error is told once"
    );
}

#[test]
fn closing_takes_no_more_and_sends_what_there_is() {
    let mut bench = Bench::new(|config| config.linger = Duration::from_secs(100));
    bench.append(0, b"v").unwrap();
    bench.accumulator.close(Error::Closed {
        what: "the producer",
    });
    assert!(matches!(
        bench.append(0, b"w"),
        Err(Refusal::Invalid(Error::Closed { .. }))
    ));
    assert!(!bench.accumulator.is_over());
    let request = bench.request();
    bench.answer(request, written);
    assert!(bench.accumulator.is_over());
}

#[test]
fn what_is_abandoned_fails_and_leaves_nothing_behind() {
    let mut bench = Bench::new(|config| config.idempotence = true);
    let mut on_its_way = bench.append(0, b"v").unwrap();
    bench.accumulator.flush();
    let request = bench.request();
    let mut waiting = bench.append(0, b"w").unwrap();
    bench
        .accumulator
        .abandon(Error::Closed { what: "the test" });
    bench.tell();
    assert!(matches!(
        failure(&mut waiting),
        Error::Closed { what: "the test" }
    ));
    assert!(poll(&mut on_its_way).is_pending(), "its task has it still");
    drop(request);
    assert!(matches!(failure(&mut on_its_way), Error::Closed { .. }));
    assert!(bench.accumulator.is_over() && bench.accumulator.used == 0);
}
