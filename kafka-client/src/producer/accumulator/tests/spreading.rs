//! Where records without a key go, while brokers are quick, slow or gone.

use super::*;

/// Two partitions at different brokers, of which each answers a request after a time of its own; never, without one.
struct Brokers {
    bench: Bench,
    latency: [Option<Duration>; 2],
    on_their_way: Vec<(Instant, Request)>,
    /// How many records each partition was given, written or not.
    given: [usize; 2],
}

const LEADERS: [i32; 2] = [0, 1];

fn leader(broker: i32) -> PartitionLeader {
    PartitionLeader {
        broker: Some(broker),
        is_near: false,
    }
}

impl Brokers {
    fn new(latency: [Option<Duration>; 2], configure: impl FnOnce(&mut ProducerConfig)) -> Self {
        let mut bench = Bench::new(|config| {
            (config.batch_size, config.linger) = (1000, Duration::ZERO);
            config.delivery_timeout = Duration::from_secs(3600);
            configure(config);
        });
        bench
            .accumulator
            .set_leaders("t", LEADERS.map(leader), bench.now);
        Self {
            bench,
            latency,
            on_their_way: Vec::new(),
            given: [0; 2],
        }
    }

    fn drain(&mut self) {
        loop {
            let drained = self
                .bench
                .accumulator
                .drain(self.bench.now, |at| Some(at.partition));
            if drained.requests.is_empty() {
                return;
            }
            for request in drained.requests {
                let latency = self.latency[request.broker as usize];
                let at = latency.map(|latency| self.bench.now + latency);
                let never = self.bench.now + Duration::from_secs(1_000_000);
                self.on_their_way.push((at.unwrap_or(never), request));
            }
        }
    }

    /// A millisecond in which `records` records of 100 bytes come.
    fn step(&mut self, records: usize, record: Record<'_>) {
        for _ in 0..records {
            let record = Record {
                value: Some(&[0; 85]),
                ..record.timestamp(0)
            };
            let appended = self
                .bench
                .accumulator
                .append(&record, || self.bench.now)
                .expect("room");
            self.given[appended.delivery.partition().partition as usize] += 1;
            self.drain();
        }
        self.bench.now += MS;
        let now = self.bench.now;
        let due = |(at, _): &mut (Instant, Request)| *at <= now;
        let answered: Vec<_> = self.on_their_way.extract_if(.., due).collect();
        for (_, request) in answered {
            self.bench.answer(request, written);
        }
        self.drain();
    }
}

#[test]
fn a_slow_broker_gets_fewer_records_than_a_quick_one() {
    fastrand::seed(11);
    let latency = [Some(MS), Some(MS * 40)];
    let shares = |adaptive| {
        let mut brokers = Brokers::new(latency, |config| {
            (config.max_in_flight, config.partitioner_adaptive) = (1, adaptive);
        });
        // A batch of ten a millisecond: the quick one could take them all.
        for _ in 0..2000 {
            brokers.step(10, Record::to("t"));
        }
        brokers.given
    };
    let [quick, slow] = shares(true);
    assert!(quick > 2 * slow, "adaptive: {quick} and {slow}");
    let [quick, slow] = shares(false);
    assert!(
        quick < 2 * slow,
        "uniform, as far as the slow one has got: {quick} and {slow}"
    );
}

#[test]
fn a_broker_that_says_nothing_is_passed_over_until_it_answers() {
    fastrand::seed(12);
    let limit = MS * 50;
    let mut brokers = Brokers::new([Some(MS), None], |config| {
        config.partitioner_availability_timeout = limit;
    });
    let given_until = |brokers: &mut Brokers, steps| {
        for _ in 0..steps {
            brokers.step(10, Record::to("t"));
        }
        brokers.given
    };
    let [_, at_first] = given_until(&mut brokers, 100);
    let [quick, later] = given_until(&mut brokers, 1000);
    assert_eq!(at_first, later, "after the time nothing more goes there");
    assert!(quick > 10_000, "{quick}");
    // It is back.
    brokers.latency[1] = Some(MS);
    for (at, _) in &mut brokers.on_their_way {
        *at = brokers.bench.now;
    }
    let [_, recovered] = given_until(&mut brokers, 200);
    assert!(recovered > later + 500, "{later}, then {recovered}");
}

#[test]
fn a_broker_that_cannot_be_connected_to_is_tried_again_when_nothing_waits_for_it() {
    let mut bench = Bench::new(|config| {
        (config.batch_size, config.linger) = (1000, Duration::ZERO);
        config.partitioner_availability_timeout = MS * 50;
        config.delivery_timeout = MS * 200;
        config.client.retry_backoff = MS;
        config.client.retry_backoff_max = MS;
    });
    bench.leader = 1;
    bench
        .accumulator
        .set_leaders("t", [1, 1].map(leader), bench.now);
    bench.append(0, b"v").unwrap();
    for _ in 0..100 {
        let drained = bench.drain();
        for request in drained.requests {
            bench
                .accumulator
                .request_ended(request.broker, true, bench.now);
            for batch in request.batches {
                let failure = Failure {
                    error: Error::Disconnected {
                        broker: "broker 1".into(),
                        reason: "refused".into(),
                    },
                    maybe_written: false,
                };
                bench.accumulator.returned(batch, Err(failure), bench.now);
            }
            bench.tell();
        }
        bench.now += MS;
    }
    let silent = |bench: &Bench| bench.accumulator.silence.lasts(1, MS * 50, bench.now);
    assert!(silent(&bench), "it does not answer");
    bench.now += MS * 200;
    bench.drain();
    bench.drain();
    assert!(!silent(&bench), "nothing is wanted from it any more");
}

#[test]
fn partitions_without_a_leader_get_no_records_without_a_key() {
    fastrand::seed(13);
    let mut brokers = Brokers::new([Some(MS), Some(MS)], |_| {});
    let nobody = PartitionLeader {
        broker: None,
        is_near: false,
    };
    let now = brokers.bench.now;
    let accumulator = &mut brokers.bench.accumulator;
    accumulator.set_leaders("t", [leader(0), nobody], now);
    for _ in 0..100 {
        brokers.step(10, Record::to("t"));
    }
    assert_eq!(brokers.given, [1000, 0], "not even the first");
}

#[test]
fn keys_keep_their_partition_whatever_the_brokers_do() {
    let mut brokers = Brokers::new([Some(MS), Some(MS * 40)], |config| {
        config.partitioner_availability_timeout = MS * 10;
        config.max_in_flight = 1;
    });
    let two = NonZeroU32::new(2).expect("not zero");
    let key = (0..100u32)
        .map(u32::to_be_bytes)
        .find(|key| crate::producer::partitioner::partition_of_key(key, two) == 1)
        .expect("a key of the slow one");
    for _ in 0..200 {
        brokers.step(1, Record::to("t").key(&key));
    }
    for _ in 0..200 {
        brokers.step(0, Record::to("t"));
    }
    assert_eq!(brokers.given, [0, 200]);
}

#[test]
fn keys_that_are_to_be_ignored_do_not_choose_a_partition() {
    fastrand::seed(14);
    let mut brokers = Brokers::new([Some(MS), Some(MS)], |config| {
        config.partitioner_ignore_keys = true;
    });
    for _ in 0..200 {
        brokers.step(10, Record::to("t").key("always the same"));
    }
    let given = brokers.given;
    assert!(given.iter().all(|given| *given > 500), "{given:?}");
}

#[test]
fn a_partition_is_left_when_its_batch_is_full_and_leaves_nothing_that_waits() {
    fastrand::seed(15);
    let mut bench = Bench::new(|config| {
        (config.batch_size, config.linger) = (1000, Duration::from_secs(60));
    });
    for _ in 0..100 {
        let record = Record {
            value: Some(&[0; 85]),
            ..Record::to("t").timestamp(0)
        };
        bench.accumulator.append(&record, || bench.now).unwrap();
    }
    let mut sizes = Vec::new();
    while let Some(request) = bench.drain().requests.pop() {
        sizes.extend(request.batches.iter().map(|batch| batch.records));
        bench.answer(request, written);
    }
    // 61 bytes of header, and 94 for each record.
    assert!(sizes.iter().all(|records| *records >= 9), "{sizes:?}");
    assert!(sizes.len() >= 9, "{sizes:?}");
}
