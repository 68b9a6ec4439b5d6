//! A transactional id: who owns it, and how far its transaction has come. A state machine that is given the time.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use kafka_proto::error_code::ErrorCode;

use super::version::TransactionVersion;
use crate::clock::Moment;
use crate::producers::{ProducerIdAndEpoch, ProducerIds};

/// No producer is given the largest epoch: it is for fencing the one that has the epoch before it.
const LAST_EPOCH_OF_A_PRODUCER: i16 = i16::MAX - 1;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TopicPartition {
    pub(crate) topic: ByteString,
    pub(crate) partition: i32,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransactionResult {
    Commit,
    Abort,
}

impl TransactionResult {
    /// The same, as the protocol has it.
    pub(crate) fn committed(committed: bool) -> Self {
        if committed { Self::Commit } else { Self::Abort }
    }
}

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The producer has not begun one.
    Empty,
    Ongoing,
    /// How it ends is decided, and the markers are to be written.
    Prepare {
        result: TransactionResult,
        markers_due: Instant,
    },
    Complete(TransactionResult),
}

impl State {
    /// All names that Kafka has for states. The last two are never seen here: no id expires, and fencing takes no time.
    pub(crate) const NAMES: [&'static str; 8] = [
        "Empty",
        "Ongoing",
        "PrepareCommit",
        "PrepareAbort",
        "CompleteCommit",
        "CompleteAbort",
        "Dead",
        "PrepareEpochFence",
    ];

    pub(crate) fn name(self) -> &'static str {
        use TransactionResult::{Abort, Commit};
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::Prepare { result: Commit, .. } => "PrepareCommit",
            Self::Prepare { result: Abort, .. } => "PrepareAbort",
            Self::Complete(Commit) => "CompleteCommit",
            Self::Complete(Abort) => "CompleteAbort",
        }
    }
}

/// What ends a transaction in its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) producer: ProducerIdAndEpoch,
    pub(crate) result: TransactionResult,
    pub(crate) partitions: BTreeSet<TopicPartition>,
}

/// How a producer wants to end its transaction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) producer: ProducerIdAndEpoch,
    pub(crate) result: TransactionResult,
    /// The protocol that the producer speaks.
    pub(crate) version: TransactionVersion,
}

/// A transactional id.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) producer: ProducerIdAndEpoch,
    pub(crate) timeout: Duration,
    pub(crate) state: State,
    pub(crate) partitions: BTreeSet<TopicPartition>,
    /// When the last transaction began; `None` if the producer has not begun one.
    pub(crate) started: Option<Moment>,
    /// The epoch before this one, if whoever has it may ask for this one again.
    last_epoch: i16,
    /// The producer id of the last but one change.
    previous_id: i64,
    /// The producer id that follows when the markers are written, as the epochs of this one are used up.
    next_id: Option<i64>,
}

impl Transaction {
    /// An id that nobody has used before. The epoch is the one before the first.
    pub(super) fn new(producer_id: i64, timeout: Duration) -> Self {
        Self {
            producer: ProducerIdAndEpoch {
                id: producer_id,
                epoch: -1,
            },
            timeout,
            state: State::Empty,
            partitions: BTreeSet::new(),
            started: None,
            last_epoch: -1,
            previous_id: -1,
            next_id: None,
        }
    }

    fn is_epoch_exhausted(&self) -> bool {
        self.producer.epoch >= LAST_EPOCH_OF_A_PRODUCER
    }

    /// A producer takes the id over, or goes on after an error if it says who it was (KIP-360). Fences whoever had it.
    ///
    /// # Errors
    /// `CONCURRENT_TRANSACTIONS` where a transaction has to end before; an open one is aborted to this end.
    pub(super) fn init_producer_id(
        &mut self,
        expected: Option<ProducerIdAndEpoch>,
        timeout: Duration,
        ids: &ProducerIds,
        on_abort: Preparation,
    ) -> Result<ProducerIdAndEpoch, ErrorCode> {
        let is_known = |expected: ProducerIdAndEpoch| {
            self.producer.epoch == -1
                || expected.id == self.producer.id
                // The answer with the new producer id was lost.
                || (expected.id == self.previous_id && expected.epoch >= LAST_EPOCH_OF_A_PRODUCER)
        };
        if !expected.is_none_or(is_known) {
            return Err(ErrorCode::ProducerFenced);
        }
        match self.state {
            State::Prepare { .. } => return Err(ErrorCode::ConcurrentTransactions),
            State::Ongoing => {
                self.fence_and_abort(ids, on_abort);
                return Err(ErrorCode::ConcurrentTransactions);
            }
            State::Empty | State::Complete(_) => {}
        }
        let current = self.producer;
        let continues = expected.is_none_or(|expected| expected.epoch == current.epoch);
        let (producer, last_epoch) = if self.is_epoch_exhausted() && continues {
            let rotated = ProducerIdAndEpoch {
                id: ids.next(),
                epoch: 0,
            };
            (rotated, expected.map_or(-1, |_| current.epoch))
        } else {
            let bumped = ProducerIdAndEpoch {
                id: current.id,
                epoch: current.epoch.saturating_add(1),
            };
            match expected {
                None => (bumped, -1),
                Some(_) if current.epoch == -1 || continues => (bumped, current.epoch),
                // It asks again.
                Some(expected) if expected.epoch == self.last_epoch => (current, self.last_epoch),
                Some(_) => return Err(ErrorCode::ProducerFenced),
            }
        };
        self.previous_id = current.id;
        self.producer = producer;
        self.last_epoch = last_epoch;
        self.timeout = timeout;
        self.state = State::Empty;
        self.partitions.clear();
        self.started = None;
        Ok(producer)
    }

    /// Whether a producer may do something in its transaction now.
    fn check(&self, producer: ProducerIdAndEpoch) -> Result<(), ErrorCode> {
        if self.producer.id != producer.id {
            Err(ErrorCode::InvalidProducerIdMapping)
        } else if self.producer.epoch != producer.epoch {
            Err(ErrorCode::ProducerFenced)
        } else if matches!(self.state, State::Prepare { .. }) {
            Err(ErrorCode::ConcurrentTransactions)
        } else {
            Ok(())
        }
    }

    /// Adds partitions, and begins a transaction if there is none.
    pub(super) fn add_partitions(
        &mut self,
        producer: ProducerIdAndEpoch,
        partitions: impl IntoIterator<Item = TopicPartition>,
        now: Moment,
    ) -> Result<(), ErrorCode> {
        self.check(producer)?;
        if self.state != State::Ongoing {
            self.state = State::Ongoing;
            self.started = Some(now);
            self.previous_id = self.producer.id;
        }
        self.partitions.extend(partitions);
        Ok(())
    }

    /// Whether a partition has been added.
    pub(super) fn verify_partition(
        &self,
        producer: ProducerIdAndEpoch,
        partition: &TopicPartition,
    ) -> Result<(), ErrorCode> {
        self.check(producer)?;
        if self.partitions.contains(partition) {
            Ok(())
        } else {
            Err(ErrorCode::TransactionAbortable)
        }
    }

    /// Decides how the transaction ends, and answers with what the producer goes on with. To ask again for the same is
    /// fine.
    pub(super) fn end(
        &mut self,
        end: End,
        ids: &ProducerIds,
        preparation: Preparation,
    ) -> Result<ProducerIdAndEpoch, ErrorCode> {
        let bumps = end.version.bumps_epoch();
        let is_retry = if bumps {
            self.check_end(end.producer)?
        } else if self.producer.id != end.producer.id {
            return Err(ErrorCode::InvalidProducerIdMapping);
        } else if self.producer.epoch != end.producer.epoch {
            return Err(ErrorCode::ProducerFenced);
        } else {
            // The epoch stays, so that a retry cannot be told from a first try.
            true
        };
        match self.state {
            State::Ongoing => {}
            State::Prepare { result, .. } if result == end.result => {
                return Err(ErrorCode::ConcurrentTransactions);
            }
            State::Complete(result) if is_retry && result == end.result => {
                return Ok(self.producer);
            }
            // A producer that is not sure whether it has begun may abort.
            State::Empty | State::Complete(_)
                if bumps
                    && end.result == TransactionResult::Abort
                    && (self.state == State::Empty || !is_retry) =>
            {
                self.started = Some(preparation.now);
            }
            _ => return Err(ErrorCode::InvalidTxnState),
        }
        self.prepare(
            end.result,
            ids,
            Preparation {
                version: end.version,
                ..preparation
            },
        );
        Ok(self
            .next_id
            .map_or(self.producer, |id| ProducerIdAndEpoch { id, epoch: 0 }))
    }

    /// Whether a producer may end the transaction where each has an epoch of its own, and whether it asks again.
    fn check_end(&self, producer: ProducerIdAndEpoch) -> Result<bool, ErrorCode> {
        let is_current = producer.epoch == self.producer.epoch;
        let was_bumped = i32::from(self.producer.epoch) == i32::from(producer.epoch) + 1;
        let was_rotated = self.previous_id == producer.id
            && producer.epoch == LAST_EPOCH_OF_A_PRODUCER
            && self.producer.epoch == 0;
        if self.producer.id != producer.id && !was_rotated {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        let is_valid = match self.state {
            State::Empty | State::Ongoing => is_current,
            State::Prepare { .. } => was_bumped,
            State::Complete(_) => is_current || was_bumped || was_rotated,
        };
        if is_valid {
            Ok(was_bumped || was_rotated)
        } else {
            Err(ErrorCode::ProducerFenced)
        }
    }

    /// Aborts an open transaction against its producer, which is fenced by the next epoch. Nobody is given that one,
    /// unless each transaction has an epoch of its own: then its producer may ask for it and go on.
    fn fence_and_abort(&mut self, ids: &ProducerIds, preparation: Preparation) {
        if !preparation.version.bumps_epoch() {
            self.producer.epoch = self.producer.epoch.saturating_add(1);
            self.last_epoch = -1;
        }
        self.prepare(TransactionResult::Abort, ids, preparation);
    }

    fn prepare(&mut self, result: TransactionResult, ids: &ProducerIds, preparation: Preparation) {
        if preparation.version.bumps_epoch() {
            if self.is_epoch_exhausted() {
                self.next_id = Some(ids.next());
            }
            self.last_epoch = self.producer.epoch;
            self.producer.epoch = self.producer.epoch.saturating_add(1);
        }
        self.previous_id = self.producer.id;
        self.state = State::Prepare {
            result,
            markers_due: preparation.now.instant + preparation.marker_delay,
        };
    }

    /// When [`on_timeout`](Self::on_timeout) wants to be called next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match self.state {
            State::Ongoing => self.started.map(|started| started.instant + self.timeout),
            State::Prepare { markers_due, .. } => Some(markers_due),
            State::Empty | State::Complete(_) => None,
        }
    }

    /// Does what time has brought: aborts a transaction that takes too long, and completes one whose markers are due,
    /// which are returned.
    pub(super) fn on_timeout(
        &mut self,
        ids: &ProducerIds,
        on_abort: Preparation,
    ) -> Option<Marker> {
        if self.next_deadline()? > on_abort.now.instant {
            return None;
        }
        if self.state == State::Ongoing {
            self.fence_and_abort(ids, on_abort);
        }
        self.complete(on_abort.now.instant)
    }

    /// Completes the transaction if its markers are due, which are returned.
    pub(super) fn complete(&mut self, now: Instant) -> Option<Marker> {
        let State::Prepare {
            result,
            markers_due,
        } = self.state
        else {
            return None;
        };
        if markers_due > now {
            return None;
        }
        let marker = Marker {
            producer: self.producer,
            result,
            partitions: std::mem::take(&mut self.partitions),
        };
        self.state = State::Complete(result);
        self.previous_id = self.producer.id;
        if let Some(id) = self.next_id.take() {
            self.producer = ProducerIdAndEpoch { id, epoch: 0 };
        }
        Some(marker)
    }
}

/// How the end of a transaction is prepared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Preparation {
    /// The protocol that decides about epochs: the producer's, and the broker's where that acts on its own.
    pub(super) version: TransactionVersion,
    /// How long the markers take.
    pub(super) marker_delay: Duration,
    pub(super) now: Moment,
}
