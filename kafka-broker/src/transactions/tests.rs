//! The state machine on a clock of its own.

use std::time::Duration;

use kafka_proto::error_code::ErrorCode;

use super::coordinator::{Coordinator, InitProducerId};
use super::transaction::{End, Marker, State, TopicPartition, TransactionResult};
use super::version::TransactionVersion;
use crate::clock::{Clock, Moment};
use crate::producers::{ProducerIdAndEpoch, ProducerIds};
use crate::settings::Settings;

const TIMEOUT_MS: i32 = 60_000;
const TIMEOUT: Duration = Duration::from_secs(60);

/// A coordinator, the moment, and where producer ids come from.
struct Bench {
    coordinator: Coordinator,
    ids: ProducerIds,
    now: Moment,
}

type Told = Result<ProducerIdAndEpoch, ErrorCode>;

fn partition(partition: i32) -> TopicPartition {
    TopicPartition {
        topic: "t".into(),
        partition,
    }
}

fn producer(id: i64, epoch: i16) -> ProducerIdAndEpoch {
    ProducerIdAndEpoch { id, epoch }
}

impl Bench {
    fn new(version: TransactionVersion, marker_delay: Duration) -> Self {
        let settings = Settings {
            transaction_version: version,
            transaction_marker_delay: marker_delay,
            ..Settings::default()
        };
        Self {
            coordinator: Coordinator::new(&settings),
            ids: ProducerIds::default(),
            now: Clock::new(None).now(),
        }
    }

    fn pass(&mut self, time: Duration) -> Vec<Marker> {
        self.now.instant += time;
        self.now.unix_millis += time.as_millis() as i64;
        self.coordinator.on_timeout(&self.ids, self.now);
        self.coordinator.take_markers()
    }

    fn init(&mut self, expected: Option<ProducerIdAndEpoch>) -> Told {
        let init = InitProducerId {
            expected,
            timeout_ms: TIMEOUT_MS,
        };
        self.coordinator
            .init_producer_id("id", init, &self.ids, self.now)
    }

    fn add(&mut self, producer: ProducerIdAndEpoch) -> Result<(), ErrorCode> {
        self.coordinator
            .add_partitions("id", producer, [partition(0)], self.now)
    }

    fn end(
        &mut self,
        version: TransactionVersion,
        producer: ProducerIdAndEpoch,
        result: TransactionResult,
    ) -> Told {
        let end = End {
            producer,
            result,
            version,
        };
        self.coordinator.end("id", end, &self.ids, self.now)
    }

    fn state(&self) -> State {
        self.coordinator.get("id").expect("the id").state
    }
}

#[test]
fn a_transaction_is_aborted_when_its_time_is_over_and_not_before() {
    for version in [TransactionVersion::V1, TransactionVersion::V2] {
        let mut bench = Bench::new(version, Duration::ZERO);
        let p = bench.init(None).unwrap();
        assert_eq!(bench.pass(TIMEOUT * 5), [], "there is no transaction");
        assert_eq!(bench.coordinator.next_deadline(), None);
        bench.add(p).unwrap();
        let deadline = bench.now.instant + TIMEOUT;
        assert_eq!(bench.coordinator.next_deadline(), Some(deadline));
        assert_eq!(bench.pass(TIMEOUT - Duration::from_millis(1)), []);
        // More partitions give no more time.
        bench.add(p).unwrap();
        let markers = bench.pass(Duration::from_millis(1));
        let expected = Marker {
            producer: producer(p.id, 1),
            result: TransactionResult::Abort,
            partitions: [partition(0)].into(),
        };
        assert_eq!(markers, [expected], "{version:?}");
        assert_eq!(bench.coordinator.next_deadline(), None);
        assert_eq!(bench.add(p), Err(ErrorCode::ProducerFenced));
        // Where each transaction has an epoch of its own its producer goes on; else only a new one may.
        let goes_on = bench.init(Some(p));
        match version {
            TransactionVersion::V2 => assert_eq!(goes_on, Ok(producer(p.id, 1))),
            _ => assert_eq!(goes_on, Err(ErrorCode::ProducerFenced)),
        }
        assert_eq!(bench.init(None), Ok(producer(p.id, 2)));
    }
}

#[test]
fn until_the_markers_are_due_everybody_has_to_wait() {
    let delay = Duration::from_millis(10);
    let mut bench = Bench::new(TransactionVersion::V2, delay);
    let p = bench.init(None).unwrap();
    bench.add(p).unwrap();
    let q = bench
        .end(TransactionVersion::V2, p, TransactionResult::Commit)
        .unwrap();
    assert_eq!(bench.coordinator.take_markers(), []);
    assert_eq!(bench.state().name(), "PrepareCommit");
    let wait = ErrorCode::ConcurrentTransactions;
    assert_eq!(bench.add(q), Err(wait));
    assert_eq!(
        bench.coordinator.verify_partition("id", q, &partition(0)),
        Err(wait)
    );
    assert_eq!(bench.init(None), Err(wait));
    assert_eq!(
        bench.end(TransactionVersion::V2, p, TransactionResult::Commit),
        Err(wait)
    );
    assert_eq!(
        bench.end(TransactionVersion::V2, p, TransactionResult::Abort),
        Err(ErrorCode::InvalidTxnState)
    );
    assert_eq!(bench.pass(delay / 2), []);
    let markers = bench.pass(delay / 2);
    assert_eq!(markers.len(), 1);
    assert_eq!(markers[0].producer, q);
    assert_eq!(bench.state(), State::Complete(TransactionResult::Commit));
    assert_eq!(bench.add(q), Ok(()));
}

/// With which epoch an end is asked for.
#[derive(Debug, Clone, Copy)]
enum Epoch {
    /// The one that the transaction had: the answer was lost.
    Old,
    /// The one that its end has brought: for a transaction that has not begun.
    New,
    /// One that nobody was given.
    After,
}

#[test]
fn an_end_that_is_asked_for_is_answered_by_state_and_epoch() {
    use Epoch::{After, New, Old};
    use ErrorCode::{ConcurrentTransactions, InvalidTxnState, None as Ends, ProducerFenced};
    use TransactionResult::{Abort, Commit};
    // How the transaction was ended; who asks; what a commit and an abort are answered while the markers are due, and
    // once they are written.
    let table = [
        (
            Commit,
            Old,
            [ConcurrentTransactions, InvalidTxnState],
            [Ends, InvalidTxnState],
        ),
        (
            Commit,
            New,
            [ProducerFenced, ProducerFenced],
            [InvalidTxnState, Ends],
        ),
        (
            Commit,
            After,
            [ProducerFenced, ProducerFenced],
            [ProducerFenced, ProducerFenced],
        ),
        (
            Abort,
            Old,
            [InvalidTxnState, ConcurrentTransactions],
            [InvalidTxnState, Ends],
        ),
        (
            Abort,
            New,
            [ProducerFenced, ProducerFenced],
            [InvalidTxnState, Ends],
        ),
        (
            Abort,
            After,
            [ProducerFenced, ProducerFenced],
            [ProducerFenced, ProducerFenced],
        ),
    ];
    let delay = Duration::from_millis(10);
    for (ended, epoch, while_due, once_written) in table {
        for (is_written, expected) in [(false, while_due), (true, once_written)] {
            for (asked, expected) in [Commit, Abort].into_iter().zip(expected) {
                let mut bench = Bench::new(TransactionVersion::V2, delay);
                let old = bench.init(None).unwrap();
                bench.add(old).unwrap();
                let new = bench.end(TransactionVersion::V2, old, ended).unwrap();
                if is_written {
                    assert_eq!(bench.pass(delay).len(), 1);
                }
                let who = match epoch {
                    Old => old,
                    New => new,
                    After => producer(new.id, new.epoch + 1),
                };
                let told = bench.end(TransactionVersion::V2, who, asked);
                let told = told.err().unwrap_or(Ends);
                let case =
                    format!("{ended:?}, written: {is_written}; {asked:?} by epoch {epoch:?}");
                assert_eq!(told, expected, "{case}");
            }
        }
    }
}

/// A producer id has no epoch after the last but one: that one is for fencing.
#[test]
fn when_epochs_run_out_there_is_a_new_producer_id() {
    const LAST: i16 = i16::MAX - 1;
    let mut bench = Bench::new(TransactionVersion::V1, Duration::ZERO);
    let first = bench.init(None).unwrap();
    for epoch in 1..=LAST {
        assert_eq!(bench.init(None), Ok(producer(first.id, epoch)));
    }
    let last = producer(first.id, LAST);
    // Asked by the producer itself, and asked again, as the answer was lost.
    let rotated = bench.init(Some(last)).unwrap();
    assert_eq!(rotated, producer(first.id + 1, 0));
    assert_eq!(bench.init(Some(last)), Ok(rotated));
    assert_eq!(bench.add(last), Err(ErrorCode::InvalidProducerIdMapping));
}

#[test]
fn an_open_transaction_of_the_last_epoch_can_still_be_fenced() {
    const LAST: i16 = i16::MAX - 1;
    // Where each transaction has an epoch of its own, the abort has taken the first one of the new id.
    for (version, epoch) in [(TransactionVersion::V1, 0), (TransactionVersion::V2, 1)] {
        let mut bench = Bench::new(version, Duration::ZERO);
        let first = bench.init(None).unwrap();
        for _ in 0..LAST {
            bench.init(None).unwrap();
        }
        bench.add(producer(first.id, LAST)).unwrap();
        assert_eq!(bench.init(None), Err(ErrorCode::ConcurrentTransactions));
        let markers = bench.coordinator.take_markers();
        assert_eq!(markers[0].producer, producer(first.id, i16::MAX));
        let next = bench.init(None).unwrap();
        assert_eq!(next, producer(first.id + 1, epoch), "{version:?}");
    }
}

#[test]
fn a_transaction_of_the_last_epoch_ends_and_brings_a_new_producer_id() {
    const LAST: i16 = i16::MAX - 1;
    let mut bench = Bench::new(TransactionVersion::V2, Duration::ZERO);
    let first = bench.init(None).unwrap();
    for _ in 0..LAST {
        bench.init(None).unwrap();
    }
    let last = producer(first.id, LAST);
    bench.add(last).unwrap();
    let commit = TransactionResult::Commit;
    let next = bench.end(TransactionVersion::V2, last, commit).unwrap();
    assert_eq!(next, producer(first.id + 1, 0));
    let markers = bench.coordinator.take_markers();
    assert_eq!(markers[0].producer, producer(first.id, i16::MAX));
    assert_eq!(
        bench.end(TransactionVersion::V2, last, commit),
        Ok(next),
        "the answer was lost"
    );
    assert_eq!(
        bench.end(TransactionVersion::V2, last, TransactionResult::Abort),
        Err(ErrorCode::InvalidTxnState)
    );
    assert_eq!(bench.add(next), Ok(()));
}

#[test]
fn transactional_ids_have_nothing_to_do_with_each_other() {
    let mut bench = Bench::new(TransactionVersion::V2, Duration::ZERO);
    let one = bench.init(None).unwrap();
    let init = InitProducerId {
        expected: None,
        timeout_ms: TIMEOUT_MS,
    };
    let coordinator = &mut bench.coordinator;
    let other = coordinator
        .init_producer_id("other", init, &bench.ids, bench.now)
        .unwrap();
    assert_ne!(one.id, other.id);
    assert_eq!(
        coordinator.add_partitions("other", one, [partition(0)], bench.now),
        Err(ErrorCode::InvalidProducerIdMapping)
    );
    coordinator
        .add_partitions("other", other, [partition(0)], bench.now)
        .unwrap();
    assert_eq!(bench.state(), State::Empty);
}
