//! The accumulator against a model of brokers, over random failures in a random order; every run can be repeated by its
//! seed.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fastrand::Rng;
use kafka_proto::compression::Codec;
use kafka_proto::records::RecordBatch;

use super::*;
use crate::producer::delivery::Delivery;
use crate::producer::record::Record;

mod log;

use log::Log;

const DELIVERY_TIMEOUT: Duration = Duration::from_secs(3);
const PARTITIONS: u32 = 3;
const BROKERS: i32 = 2;
/// More steps than a run can take unless something hangs.
const STEPS_TO_SETTLE: usize = 20_000;

/// A request on a connection.
#[derive(Debug)]
struct Sent {
    request: Request,
    bytes: Vec<RecordBatch>,
    answers: Option<Vec<std::result::Result<Written, Failure>>>,
}

/// How often things go wrong, in percent.
#[derive(Debug, Clone, Copy, Default)]
struct Faults {
    refused: u8,
    written_but_failed: u8,
    fatal: u8,
    connection_lost: u8,
    leader_moves: u8,
}

struct Model {
    rng: Rng,
    accumulator: Accumulator,
    now: Instant,
    faults: Faults,
    logs: Vec<Log>,
    leaders: Vec<i32>,
    /// What the producer believes.
    known_leaders: Vec<i32>,
    connections: Vec<VecDeque<Sent>>,
    max_batch_records: i32,
    next_id: u64,
    next_producer_id: i64,
    sent: Vec<(u64, usize, Delivery)>,
}

impl Model {
    fn new(seed: u64, faults: Faults, configure: impl FnOnce(&mut ProducerConfig)) -> Self {
        let mut config = ProducerConfig {
            batch_size: 200,
            linger: Duration::from_millis(5),
            delivery_timeout: DELIVERY_TIMEOUT,
            buffer_memory: 4000,
            max_request_size: 500,
            ..ProducerConfig::default()
        };
        configure(&mut config);
        let mut accumulator = Accumulator::new(config, None);
        accumulator.set_partitions(
            &Arc::from("t"),
            NonZeroU32::new(PARTITIONS).expect("not zero"),
        );
        Self {
            rng: Rng::with_seed(seed),
            accumulator,
            now: Instant::now(),
            faults,
            logs: (0..PARTITIONS).map(|_| Log::default()).collect(),
            leaders: vec![0; PARTITIONS as usize],
            known_leaders: vec![0; PARTITIONS as usize],
            connections: (0..BROKERS).map(|_| VecDeque::new()).collect(),
            max_batch_records: i32::MAX,
            next_id: 0,
            next_producer_id: 7,
            sent: Vec::new(),
        }
    }

    fn happens(&mut self, percent: u8) -> bool {
        self.rng.u8(0..100) < percent
    }

    fn append(&mut self) {
        let partition = self.rng.i32(0..PARTITIONS as i32);
        let value = self.next_id.to_be_bytes();
        let record = Record::to("t")
            .partition(partition)
            .value(&value)
            .timestamp(0);
        match self.accumulator.append(&record, || self.now) {
            Ok(appended) => {
                self.sent
                    .push((self.next_id, partition as usize, appended.delivery));
                self.next_id += 1;
            }
            Err(Refusal::Full) => {}
            Err(refusal) => panic!("not taken: {refusal:?}"),
        }
    }

    fn drain(&mut self) -> bool {
        if self.accumulator.needs_identity() && self.rng.bool() {
            // Close to the last epoch, so that it is used up now and then.
            let epoch = i16::MAX - self.rng.i16(1..6);
            self.accumulator.set_identity(Identity {
                id: self.next_producer_id,
                epoch,
            });
            self.next_producer_id += 1;
        }
        let known_leaders = self.known_leaders.clone();
        let drained = self.accumulator.drain(self.now, |at| {
            known_leaders
                .get(at.partition as usize)
                .copied()
                .filter(|leader| *leader >= 0)
        });
        let any = !drained.requests.is_empty();
        for request in &drained.requests {
            let on_their_way = self.connections[request.broker as usize].len();
            assert_eq!(
                request.follows,
                on_their_way > 0,
                "a request follows those that are on their way"
            );
            assert!(on_their_way < 5, "at most five requests are on their way");
        }
        self.send(drained.requests);
        any
    }

    /// A broker deals with the next request.
    fn serve(&mut self, broker: usize) {
        let Some(at) = self.connections[broker]
            .iter()
            .position(|sent| sent.answers.is_none())
        else {
            return;
        };
        let batches = self.connections[broker][at].bytes.clone();
        let partitions: Vec<usize> = self.connections[broker][at]
            .request
            .batches
            .iter()
            .map(|batch| batch.partition.partition as usize)
            .collect();
        let answers = batches
            .iter()
            .zip(partitions)
            .map(|(batch, partition)| self.answer(broker, partition, batch));
        let answers = answers.collect();
        self.connections[broker][at].answers = Some(answers);
    }

    fn answer(
        &mut self,
        broker: usize,
        partition: usize,
        batch: &RecordBatch,
    ) -> std::result::Result<Written, Failure> {
        let faults = self.faults;
        let failure = |code, maybe_written| {
            Err(Failure {
                error: Error::broker(code, format!("partition t-{partition}")),
                maybe_written,
            })
        };
        if self.leaders[partition] != broker as i32 {
            return failure(ErrorCode::NotLeaderOrFollower, false);
        }
        if batch.record_count().expect("magic 2") > self.max_batch_records {
            return failure(ErrorCode::MessageTooLarge, false);
        }
        if self.happens(faults.fatal) {
            return failure(ErrorCode::TopicAuthorizationFailed, false);
        }
        if self.happens(faults.refused) {
            return failure(ErrorCode::NotEnoughReplicas, false);
        }
        match self.logs[partition].append(batch) {
            Err(code) => failure(code, false),
            Ok(_) if self.happens(faults.written_but_failed) => {
                failure(ErrorCode::NotEnoughReplicasAfterAppend, true)
            }
            Ok(offset) => Ok(Written {
                base_offset: Some(offset),
                log_append_time: None,
            }),
        }
    }

    /// An answer reaches the producer; answers may overtake each other on the way through its tasks.
    fn receive(&mut self, broker: usize) {
        let answered = self.connections[broker]
            .iter()
            .filter(|sent| sent.answers.is_some())
            .count();
        if answered == 0 {
            return;
        }
        let at = self.rng.usize(0..answered);
        let Some(Sent {
            request,
            answers: Some(answers),
            ..
        }) = self.connections[broker].remove(at)
        else {
            return;
        };
        self.accumulator
            .request_ended(request.broker, false, self.now);
        for (batch, outcome) in request.batches.into_iter().zip(answers) {
            self.accumulator.returned(batch, outcome, self.now);
        }
    }

    /// The connection is lost: the broker has dealt with some of what was on its way, and nobody hears of it. The producer
    /// learns of the requests one by one, in any order.
    fn lose_connection(&mut self, broker: usize) {
        for _ in 0..self.rng.usize(0..=self.connections[broker].len()) {
            self.serve(broker);
        }
        let mut lost = std::mem::take(&mut self.connections[broker]);
        self.rng.shuffle(lost.make_contiguous());
        // One whose turn had not come was not sent.
        for sent in lost {
            let maybe_written = sent.answers.is_some() || self.rng.bool();
            let reason = || Error::Disconnected {
                broker: "a broker".to_owned(),
                reason: "it is a test".to_owned(),
            };
            self.accumulator
                .request_ended(sent.request.broker, true, self.now);
            for batch in sent.request.batches {
                self.accumulator.returned(
                    batch,
                    Err(Failure {
                        error: reason(),
                        maybe_written,
                    }),
                    self.now,
                );
            }
            let drained = self.accumulator.drain(self.now, |_| Some(broker as i32));
            assert!(
                drained.requests.is_empty()
                    || self.accumulator.traffic[&(broker as i32)].requests == 1,
                "nothing is sent to a broker while requests of a lost connection are out"
            );
            self.send(drained.requests);
        }
    }

    fn send(&mut self, requests: Vec<Request>) {
        for mut request in requests {
            let seal = |batch: &mut Batch| {
                let bytes = batch
                    .seal(Codec::default(), false)
                    .expect("a batch that can be sealed");
                RecordBatch::parse(bytes).expect("a batch that can be read")
            };
            let bytes = request.batches.iter_mut().map(seal).collect();
            let connection = &mut self.connections[request.broker as usize];
            connection.push_back(Sent {
                request,
                bytes,
                answers: None,
            });
        }
    }

    fn step(&mut self) {
        let broker = self.rng.usize(0..BROKERS as usize);
        let faults = self.faults;
        match self.rng.u8(0..10) {
            0..=2 => self.append(),
            3 => self.now += Duration::from_millis(self.rng.u64(0..60)),
            4 | 5 => {
                self.drain();
            }
            6 | 7 => self.serve(broker),
            8 => self.receive(broker),
            _ if self.happens(faults.connection_lost) => self.lose_connection(broker),
            _ if self.happens(faults.leader_moves) => {
                let partition = self.rng.usize(0..PARTITIONS as usize);
                self.leaders[partition] = self.rng.i32(0..BROKERS);
            }
            _ => {
                let partition = self.rng.usize(0..PARTITIONS as usize);
                self.known_leaders[partition] = if self.happens(10) {
                    -1
                } else {
                    self.leaders[partition]
                };
            }
        }
    }

    /// Everything works again: all that was handed over has to be settled.
    fn settle(&mut self, seed: u64) {
        self.faults = Faults::default();
        self.known_leaders = self.leaders.clone();
        self.accumulator.flush();
        for _ in 0..STEPS_TO_SETTLE {
            if self.accumulator.is_flushed(u64::MAX) {
                break;
            }
            while self.drain() {}
            for broker in 0..BROKERS as usize {
                self.serve(broker);
                self.receive(broker);
            }
            self.now += Duration::from_millis(5);
        }
        assert!(
            self.accumulator.is_flushed(u64::MAX),
            "seed {seed}: something is never settled: {:?}",
            self.accumulator
        );
        assert_eq!(
            self.accumulator.used, 0,
            "seed {seed}: all memory is given back"
        );
        assert!(
            self.accumulator.traffic.is_empty(),
            "seed {seed}: no request is counted that is not there"
        );
    }

    /// What became of every record: its offset where it was written.
    fn outcomes(&mut self, seed: u64) -> Vec<(u64, usize, Result<Option<i64>>)> {
        self.accumulator
            .take_settled()
            .into_iter()
            .for_each(Settled::tell);
        let mut context = Context::from_waker(Waker::noop());
        let outcome =
            |(id, partition, mut delivery): (u64, usize, Delivery)| match Pin::new(&mut delivery)
                .poll(&mut context)
            {
                Poll::Ready(outcome) => (id, partition, outcome.map(|metadata| metadata.offset)),
                Poll::Pending => panic!("seed {seed}: nobody says what became of record {id}"),
            };
        std::mem::take(&mut self.sent)
            .into_iter()
            .map(outcome)
            .collect()
    }
}

fn run(
    seed: u64,
    faults: Faults,
    configure: impl FnOnce(&mut ProducerConfig),
    prepare: impl FnOnce(&mut Model),
) -> Model {
    fastrand::seed(seed);
    let mut model = Model::new(seed, faults, configure);
    prepare(&mut model);
    for _ in 0..1500 {
        model.step();
    }
    model.settle(seed);
    model
}

/// Acknowledged means written once, where it was said; nothing is written twice, nor before what came before it.
fn check(model: &mut Model, seed: u64) -> (usize, usize) {
    let (mut written, mut failed) = (0, 0);
    for (id, partition, outcome) in model.outcomes(seed) {
        let log = &model.logs[partition].records;
        let count = log.iter().filter(|other| **other == id).count();
        assert!(
            count <= 1,
            "seed {seed}: record {id} was written {count} times"
        );
        match outcome {
            Ok(offset) => {
                assert_eq!(
                    count, 1,
                    "seed {seed}: record {id} was acknowledged and is not there"
                );
                if let Some(offset) = offset {
                    assert_eq!(
                        log.get(offset as usize),
                        Some(&id),
                        "seed {seed}: record {id} is elsewhere"
                    );
                }
                written += 1;
            }
            Err(_) => failed += 1,
        }
    }
    for (partition, log) in model.logs.iter().enumerate() {
        let in_order = log.records.is_sorted();
        assert!(
            in_order,
            "seed {seed}: partition {partition} is out of order: {:?}",
            log.records
        );
    }
    (written, failed)
}

const FAULTS: Faults = Faults {
    refused: 8,
    written_but_failed: 8,
    fatal: 0,
    connection_lost: 40,
    leader_moves: 30,
};

#[test]
fn acked_means_written_once_and_in_order_whatever_fails() {
    let (mut written, mut failed) = (0, 0);
    for seed in 0..200 {
        let mut model = run(seed, FAULTS, |_| {}, |_| {});
        let (more, lost) = check(&mut model, seed);
        written += more;
        failed += lost;
    }
    assert!(
        written > 25_000 && failed > 0,
        "{written} written, {failed} failed"
    );
}

#[test]
fn batches_that_fail_for_good_leave_no_gap_and_no_duplicate() {
    for seed in 0..200 {
        let faults = Faults { fatal: 5, ..FAULTS };
        let mut model = run(
            seed,
            faults,
            |config| config.delivery_timeout = Duration::from_millis(900),
            |_| {},
        );
        let (_, failed) = check(&mut model, seed);
        assert!(failed > 0, "seed {seed}");
    }
}

#[test]
fn nothing_fails_but_what_failed_for_good_and_no_time_is_lost_over_it() {
    for seed in 0..200 {
        let faults = Faults { fatal: 5, ..FAULTS };
        let mut model = run(
            seed,
            faults,
            |config| config.delivery_timeout = Duration::from_secs(3600),
            |_| {},
        );
        for (id, _, outcome) in model.outcomes(seed) {
            let is_fatal = |error: &Error| {
                matches!(
                    error,
                    Error::Broker {
                        code: ErrorCode::TopicAuthorizationFailed,
                        ..
                    }
                )
            };
            assert!(
                outcome.as_ref().err().is_none_or(is_fatal),
                "seed {seed}: record {id}: {outcome:?}"
            );
        }
    }
}

#[test]
fn a_sequence_goes_on_with_zero_after_the_largest_number() {
    for seed in 0..100 {
        let mut model = run(
            seed,
            FAULTS,
            |_| {},
            |model| {
                for queue in model
                    .accumulator
                    .topics
                    .values_mut()
                    .flat_map(|topic| &mut topic.queues)
                {
                    queue.sequence =
                        crate::producer::sequence::Sequence::starting_at(i32::MAX - 20);
                }
            },
        );
        check(&mut model, seed);
    }
}

#[test]
fn batches_too_large_for_the_broker_are_sent_in_parts() {
    for seed in 0..200 {
        let mut model = run(seed, FAULTS, |_| {}, |model| model.max_batch_records = 2);
        let (written, _) = check(&mut model, seed);
        assert!(written > 0, "seed {seed}");
    }
}

#[test]
fn without_idempotence_acked_means_written_at_least_once() {
    for seed in 0..200 {
        let mut model = run(seed, FAULTS, |config| config.idempotence = false, |_| {});
        for (id, partition, outcome) in model.outcomes(seed) {
            let is_there = model.logs[partition].records.contains(&id);
            assert!(
                outcome.is_err() || is_there,
                "seed {seed}: record {id} was acknowledged and is not there"
            );
        }
    }
}

#[test]
fn without_failures_nothing_is_repeated_or_reordered_even_without_idempotence() {
    for seed in 0..50 {
        let mut model = run(
            seed,
            Faults::default(),
            |config| config.idempotence = false,
            |_| {},
        );
        let (_, failed) = check(&mut model, seed);
        assert_eq!(failed, 0, "seed {seed}");
    }
}
