//! What may follow what: by a table, and over random transactions with random failures.

use fastrand::Rng;

use super::*;

const FIRST: Identity = Identity { id: 7, epoch: 0 };

fn next(identity: Identity) -> Identity {
    Identity {
        epoch: identity.epoch + 1,
        ..identity
    }
}

fn refused(code: ErrorCode) -> Error {
    Error::broker(code, "it")
}

fn lost() -> Error {
    Error::Disconnected {
        broker: "it".to_owned(),
        reason: "it is a test".to_owned(),
    }
}

fn ready() -> Transaction {
    let mut state = Transaction::new("tx".to_owned());
    state.renewed(FIRST);
    state
}

fn open(transaction_version: i16) -> Transaction {
    let mut state = ready();
    assert_eq!(state.begin(transaction_version), Ok(Begin::Begun));
    state.writing();
    state
}

/// On the way to its end, with EndTxn out and not answered.
fn ending(commit: bool) -> Transaction {
    let mut state = open(2);
    state.begin_end(commit).unwrap();
    state.sending_end();
    state
}

/// What somebody may do, and whether that works.
fn possible(state: impl Fn() -> Transaction) -> [bool; 5] {
    [
        state().begin(2) == Ok(Begin::Begun),
        state().check_open().is_ok(),
        state().begin_offsets().is_ok(),
        state().begin_end(true).is_ok(),
        state().begin_end(false).is_ok(),
    ]
}

#[test]
fn each_step_is_possible_only_where_it_has_its_place() {
    type Place = (&'static str, fn() -> Transaction, [bool; 5]);
    let new = || Transaction::new("tx".to_owned());
    let doomed = || {
        let mut state = open(2);
        state.failed(Api::Produce, refused(ErrorCode::MessageTooLarge));
        state
    };
    let fenced = || {
        let mut state = open(2);
        state.failed(Api::Produce, refused(ErrorCode::ProducerFenced));
        state
    };
    let positions_open = || {
        let mut state = open(2);
        state.begin_offsets().unwrap();
        state
    };
    let flushing = || {
        let mut state = open(2);
        state.begin_end(true).unwrap();
        state
    };
    // begin, send, positions, commit, abort
    let places: [Place; 9] = [
        ("new", new, [false; 5]),
        ("ready", ready, [true, false, false, false, false]),
        ("open", || open(2), [false, true, true, true, true]),
        (
            "positions are on their way",
            positions_open,
            [false, true, true, false, true],
        ),
        ("failed", doomed, [false, false, false, false, true]),
        (
            "before the commit is sent",
            flushing,
            [false, false, false, true, true],
        ),
        (
            "commit sent",
            || ending(true),
            [false, false, false, true, false],
        ),
        (
            "abort sent",
            || ending(false),
            [false, false, false, false, true],
        ),
        ("fenced", fenced, [false; 5]),
    ];
    for (name, state, expected) in places {
        assert_eq!(possible(state), expected, "{name}");
    }
}

#[test]
fn a_commit_that_was_not_answered_is_only_ever_repeated() {
    for error in [
        lost(),
        refused(ErrorCode::UnknownServerError),
        refused(ErrorCode::RequestTimedOut),
        refused(ErrorCode::NotCoordinator),
        refused(ErrorCode::CoordinatorNotAvailable),
    ] {
        let mut state = open(2);
        state.begin_end(true).unwrap();
        let first = state.end().unwrap();
        let was_unknown = state.sending_end();
        state.end_answered(&error, was_unknown);
        // What a later attempt is answered does not say what the first has done.
        let was_unknown = state.sending_end();
        state.end_answered(&refused(ErrorCode::ConcurrentTransactions), was_unknown);
        let told = state.end_failed(Error::timeout("it", std::time::Duration::ZERO, None));
        let told = told.unwrap_err();
        assert!(
            matches!(told, Error::Indeterminate { .. }),
            "{error}: {told}"
        );
        assert!(told.is_retriable() && !told.is_fatal() && !told.requires_abort());
        assert!(state.begin_end(false).is_err(), "{error}");
        state.begin_end(true).unwrap();
        assert_eq!(state.end().unwrap(), first, "the same request again");
        state.ended(Some(next(FIRST)));
        assert_eq!(state.begin(2), Ok(Begin::Begun));
    }
}

#[test]
fn a_commit_that_the_coordinator_has_refused_may_be_aborted() {
    let mut state = open(2);
    state.begin_end(true).unwrap();
    let was_unknown = state.sending_end();
    state.end_answered(&refused(ErrorCode::CoordinatorLoadInProgress), was_unknown);
    let error = Error::timeout("it", std::time::Duration::ZERO, None);
    assert_eq!(state.end_failed(error.clone()), Err(error));
    state.begin_end(false).unwrap();
}

#[test]
fn fenced_before_an_answer_was_lost_is_fenced_and_after_it_is_not_known() {
    for (is_lost, code) in [
        (false, ErrorCode::ProducerFenced),
        (false, ErrorCode::InvalidProducerEpoch),
        (false, ErrorCode::InvalidTxnState),
        (true, ErrorCode::ProducerFenced),
    ] {
        let mut state = open(2);
        state.begin_end(true).unwrap();
        if is_lost {
            let was_unknown = state.sending_end();
            state.end_answered(&lost(), was_unknown);
        }
        let was_unknown = state.sending_end();
        state.end_answered(&refused(code), was_unknown);
        let told = state.end_failed(refused(code)).unwrap_err();
        assert!(told.is_fatal() && !told.is_retriable(), "{told}");
        match &told {
            Error::Fenced { .. } => assert!(!is_lost),
            Error::Indeterminate { cause, .. } => {
                assert!(is_lost && matches!(**cause, Error::Fenced { .. }), "{told}")
            }
            other => panic!("{other}"),
        }
        assert_eq!(state.check_open(), Err(told), "and it stays so");
    }
}

#[test]
fn a_transaction_that_nobody_knows_of_ends_without_a_request() {
    for commit in [true, false] {
        let mut state = ready();
        state.begin(2).unwrap();
        state.begin_end(commit).unwrap();
        assert_eq!(state.end(), Ok(None));
        assert_eq!(state.begin(2), Ok(Begin::Begun));
    }
}

#[test]
fn in_the_first_protocol_an_abort_of_what_has_never_arrived_is_done() {
    let mut state = ready();
    state.begin(1).unwrap();
    assert!(state.start_adding());
    assert!(state.added(vec![], Err(lost())));
    state.begin_end(false).unwrap();
    assert!(state.end().unwrap().is_some(), "it may have arrived");
    state.sending_end();
    state
        .end_failed(refused(ErrorCode::InvalidTxnState))
        .unwrap();
    assert_eq!(
        state.begin(1),
        Ok(Begin::Renew(FIRST)),
        "and cannot arrive any more"
    );
}

#[test]
fn the_feature_decides_the_protocol_at_each_begin() {
    let mut state = open(1);
    let end = |state: &mut Transaction| {
        state.begin_end(true).unwrap();
        state.end().unwrap().unwrap().protocol
    };
    assert_eq!(end(&mut state), Protocol::One);
    assert_eq!(Protocol::One.max_produce(), 11);
    assert_eq!(Protocol::One.max_end_txn(), 4);
    assert_eq!(Protocol::One.max_txn_offset_commit(), 4);
    state.ended(None);
    assert_eq!(state.begin(1), Ok(Begin::Begun), "the epoch stays");
    state.writing();
    end(&mut state);
    state.ended(None);
    assert_eq!(
        state.begin(2),
        Ok(Begin::Renew(FIRST)),
        "another epoch for the other protocol"
    );
    state.renewed(next(FIRST));
    assert_eq!(state.begin(2), Ok(Begin::Begun));
    state.writing();
    assert_eq!(end(&mut state), Protocol::Two);
    // The epochs of this id are used up.
    let other = Identity { id: 8, epoch: 0 };
    state.ended(Some(other));
    assert_eq!(
        (state.begin(1), state.identity()),
        (Ok(Begin::Begun), Some(other))
    );
    state.writing();
    assert_eq!(end(&mut state), Protocol::One, "and back");
}

#[test]
fn after_a_batch_was_given_up_the_next_transaction_has_another_epoch() {
    let mut state = open(1);
    state.lost_place();
    state.failed(Api::Produce, lost());
    state.begin_end(false).unwrap();
    state.end().unwrap();
    state.ended(None);
    assert_eq!(state.begin(1), Ok(Begin::Renew(FIRST)));
    state.renewed(next(FIRST));
    assert_eq!(state.begin(1), Ok(Begin::Begun));
}

/// What a coordinator knows of the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    Open,
    Ended { commit: bool },
}

/// A user and a coordinator, and a wire between them that loses requests and answers.
struct Model {
    rng: Rng,
    state: Transaction,
    known: Known,
    version: i16,
    /// What the user was told of the present transaction.
    told: Option<bool>,
}

impl Model {
    /// EndTxn as the coordinator takes it.
    fn end_at_coordinator(&mut self, end: End) -> Result<Option<Identity>> {
        match self.known {
            Known::Open => self.known = Known::Ended { commit: end.commit },
            Known::Ended { commit } => assert_eq!(
                commit, end.commit,
                "what has ended one way is never asked to end the other way"
            ),
            Known::Nothing if end.protocol == Protocol::One => {
                return Err(refused(ErrorCode::InvalidTxnState));
            }
            Known::Nothing => assert!(!end.commit, "nothing cannot be committed"),
        }
        Ok((end.protocol == Protocol::Two).then(|| next(end.identity)))
    }

    fn end_once(&mut self, commit: bool) {
        if self.state.begin_end(commit).is_err() {
            return;
        }
        let Ok(end) = self.state.end() else { return };
        let Some(end) = end else {
            assert_ne!(
                self.known,
                Known::Open,
                "an open transaction is not forgotten"
            );
            self.told = Some(commit);
            return;
        };
        for _ in 0..self.rng.usize(1..4) {
            let was_unknown = self.state.sending_end();
            let answer = match self.rng.u8(0..6) {
                0 => Err(lost()),
                1 => Err(refused(ErrorCode::ConcurrentTransactions)),
                2 => {
                    // It arrives, and the answer does not.
                    let _ = self.end_at_coordinator(end);
                    Err(lost())
                }
                3 => return, // dropped
                4 => {
                    let _ = self.end_at_coordinator(end);
                    return;
                }
                _ => self.end_at_coordinator(end),
            };
            match answer {
                Ok(identity) => {
                    self.state.ended(identity);
                    self.told = Some(commit);
                    return;
                }
                Err(error) => {
                    self.state.end_answered(&error, was_unknown);
                    let is_over = remedy(Api::EndTxn, &error) == Remedy::Fenced || self.rng.bool();
                    if is_over {
                        if self.state.end_failed(error).is_ok() {
                            self.told = Some(commit);
                        }
                        return;
                    }
                }
            }
        }
    }

    fn step(&mut self) {
        match self.rng.u8(0..8) {
            0 => match self.state.begin(self.version) {
                Ok(Begin::Begun) => {
                    if let (Some(told), Known::Ended { commit }) = (self.told, self.known) {
                        assert_eq!(told, commit, "what was told is what has happened");
                    }
                    (self.known, self.told) = (Known::Nothing, None);
                }
                Ok(Begin::Renew(present)) => self.state.renewed(next(present)),
                Err(_) => {}
            },
            1 | 2 if self.state.check_open().is_ok() => {
                self.state.start_adding();
                let arrives = self.rng.u8(0..4) > 0;
                if arrives {
                    self.known = Known::Open;
                }
                let answered = arrives && self.rng.u8(0..4) > 0;
                let result = if answered { Ok(()) } else { Err(lost()) };
                self.state.added(vec![], result);
            }
            3 if self.state.check_open().is_ok() && self.rng.u8(0..4) == 0 => {
                let error = refused(ErrorCode::OutOfOrderSequenceNumber);
                self.state.failed(Api::Produce, error);
            }
            4 if self.rng.u8(0..8) == 0 => self.version = 3 - self.version,
            5 => self.end_once(false),
            6 | 7 => self.end_once(true),
            _ => {}
        }
    }
}

#[test]
fn whatever_is_lost_what_was_told_is_what_has_happened() {
    let (mut committed, mut aborted) = (0, 0);
    for seed in 0..2000 {
        let mut model = Model {
            rng: Rng::with_seed(seed),
            state: ready(),
            known: Known::Nothing,
            version: 1 + (seed % 2) as i16,
            told: None,
        };
        for _ in 0..60 {
            model.step();
            match model.told {
                Some(true) => committed += 1,
                Some(false) => aborted += 1,
                None => {}
            }
            if let (Some(told), Known::Ended { commit }) = (model.told, model.known) {
                assert_eq!(told, commit, "seed {seed}");
            }
        }
    }
    assert!(committed > 1000 && aborted > 1000, "{committed} {aborted}");
}
