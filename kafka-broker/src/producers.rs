//! Idempotent producers: their ids, and what a partition remembers of each (KIP-98).

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};

use kafka_proto::error_code::ErrorCode;
use kafka_proto::records::{RecordBatch, increment_sequence};

use crate::log::EndTransaction;
use crate::refusal::Refusal;

/// Who a producer is, and which of its lives this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProducerIdAndEpoch {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

impl ProducerIdAndEpoch {
    /// Who has written a batch.
    pub(crate) fn of(batch: &RecordBatch) -> Self {
        Self {
            id: batch.producer_id(),
            epoch: batch.producer_epoch(),
        }
    }
}

/// Gives out producer ids.
#[derive(Debug, Default)]
pub(crate) struct ProducerIds {
    next: AtomicI64,
}

impl ProducerIds {
    /// One that nobody had before.
    pub(crate) fn next(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// As many batches of a producer are remembered as it may have in flight.
const REMEMBERED: usize = 5;

/// The producers that have written to a partition.
#[derive(Debug, Default)]
pub(crate) struct ProducerStates {
    by_id: HashMap<i64, ProducerState>,
    /// The batches that came first of those that want to begin a transaction, until one has.
    beginning: HashMap<i64, Beginning>,
}

/// The lowest sequence of the batches that could begin a transaction. One with a higher sequence must not overtake it.
#[derive(Debug, Clone, Copy)]
struct Beginning {
    epoch: i16,
    sequence: i32,
}

/// What a partition remembers of a producer.
#[derive(Debug)]
pub(crate) struct ProducerState {
    pub(crate) epoch: i16,
    /// The last batches of this epoch, oldest first; none if a marker has brought it.
    batches: VecDeque<Sequenced>,
    /// Of the last batch or marker, in milliseconds since 1970.
    pub(crate) last_timestamp: i64,
    /// The epoch of the coordinator that wrote the last marker, or -1.
    pub(crate) coordinator_epoch: i32,
    /// Where its open transaction begins.
    pub(crate) transaction_start: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Sequenced {
    first: i32,
    last: i32,
    base_offset: i64,
}

/// What a batch's sequence says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SequenceCheck {
    /// It is the next one, or its producer does not number its batches.
    New,
    /// It was appended before.
    Duplicate { base_offset: i64 },
}

impl ProducerState {
    fn new(epoch: i16) -> Self {
        Self {
            epoch,
            batches: VecDeque::new(),
            last_timestamp: -1,
            coordinator_epoch: -1,
            transaction_start: None,
        }
    }

    fn enter(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }

    /// The sequence of the last record of this epoch.
    pub(crate) fn last_sequence(&self) -> Option<i32> {
        self.batches.back().map(|last| last.last)
    }
}

impl ProducerStates {
    /// The producers, by their ids.
    pub(crate) fn all(&self) -> impl Iterator<Item = (i64, &ProducerState)> {
        self.by_id.iter().map(|(id, state)| (*id, state))
    }

    fn of(&self, batch: &RecordBatch) -> Option<&ProducerState> {
        self.by_id
            .get(&batch.producer_id())
            .filter(|_| batch.producer_id() >= 0)
    }

    /// Whether a batch belongs to a transaction that is open.
    pub(crate) fn is_in_transaction(&self, batch: &RecordBatch) -> Result<bool, Refusal> {
        let Some(state) = self.of(batch) else {
            return Ok(false);
        };
        check_epoch(ProducerIdAndEpoch::of(batch), state, false)?;
        Ok(state.epoch == batch.producer_epoch() && state.transaction_start.is_some())
    }

    /// Notes that a batch may begin a transaction, as soon as the coordinator says so.
    pub(crate) fn note_beginning(&mut self, batch: &RecordBatch) {
        let new = Beginning {
            epoch: batch.producer_epoch(),
            sequence: batch.base_sequence(),
        };
        let noted = self.beginning.entry(batch.producer_id()).or_insert(new);
        if new.epoch > noted.epoch || (new.epoch == noted.epoch && new.sequence < noted.sequence) {
            *noted = new;
        }
    }

    /// Whether a batch may be the first of its producer's transaction. Where each transaction has an epoch of its own it
    /// has to be the producer's very first, if there is no trace of another.
    pub(crate) fn check_beginning(
        &self,
        batch: &RecordBatch,
        has_own_epoch: bool,
    ) -> Result<(), Refusal> {
        let has_written = self
            .of(batch)
            .is_some_and(|state| !state.batches.is_empty());
        if has_own_epoch && !has_written && batch.base_sequence() != 0 {
            return Err(out_of_order(batch, 0));
        }
        match self.beginning.get(&batch.producer_id()) {
            Some(noted) if batch.base_sequence() > noted.sequence => {
                Err(out_of_order(batch, noted.sequence))
            }
            _ => Ok(()),
        }
    }

    /// Whether a batch is the next of its producer.
    pub(crate) fn check(&self, batch: &RecordBatch) -> Result<SequenceCheck, Refusal> {
        // A producer that is not known may start anywhere: its earlier records may have been deleted.
        let Some(state) = self.of(batch) else {
            return Ok(SequenceCheck::New);
        };
        let (producer, first) = (ProducerIdAndEpoch::of(batch), batch.base_sequence());
        let same = |known: &&Sequenced| (known.first, known.last) == (first, batch.last_sequence());
        if producer.epoch == state.epoch
            && let Some(known) = state.batches.iter().find(same)
        {
            return Ok(SequenceCheck::Duplicate {
                base_offset: known.base_offset,
            });
        }
        check_epoch(producer, state, false)?;
        let last = state
            .last_sequence()
            .filter(|_| producer.epoch == state.epoch);
        let expected = last.map_or(0, |last| increment_sequence(last, 1));
        if first != expected {
            return Err(out_of_order(batch, expected));
        }
        if state.transaction_start.is_some() && !batch.is_transactional() {
            return Err(Refusal::new(
                ErrorCode::InvalidTxnState,
                format!(
                    "producer {} has a transaction open here, and the batch does not belong to it",
                    producer.id
                ),
            ));
        }
        Ok(SequenceCheck::New)
    }

    /// Notes that a batch was appended. Says whether a transaction begins with it.
    pub(crate) fn remember(&mut self, batch: &RecordBatch, base_offset: i64) -> bool {
        if batch.producer_id() < 0 {
            return false;
        }
        self.beginning.remove(&batch.producer_id());
        let epoch = batch.producer_epoch();
        let state = self
            .by_id
            .entry(batch.producer_id())
            .or_insert_with(|| ProducerState::new(epoch));
        state.enter(epoch);
        if state.batches.len() == REMEMBERED {
            state.batches.pop_front();
        }
        state.batches.push_back(Sequenced {
            first: batch.base_sequence(),
            last: batch.last_sequence(),
            base_offset,
        });
        state.last_timestamp = batch.max_timestamp();
        let begins = batch.is_transactional() && state.transaction_start.is_none();
        if begins {
            state.transaction_start = Some(base_offset);
        }
        begins
    }

    /// Ends a producer's transaction, if there is one; answers where it has begun.
    pub(crate) fn end_transaction(&mut self, end: EndTransaction) -> Result<Option<i64>, Refusal> {
        let EndTransaction { producer, .. } = end;
        if let Some(state) = self.by_id.get(&producer.id) {
            // A marker that comes twice does no harm.
            let is_retry = state.epoch == producer.epoch && state.transaction_start.is_none();
            check_epoch(producer, state, end.needs_new_epoch && !is_retry)?;
            if end.coordinator_epoch < state.coordinator_epoch {
                return Err(Refusal::new(
                    ErrorCode::TransactionCoordinatorFenced,
                    format!(
                        "a marker of coordinator epoch {} comes after one of {}",
                        end.coordinator_epoch, state.coordinator_epoch
                    ),
                ));
            }
        }
        self.beginning.remove(&producer.id);
        let state = self
            .by_id
            .entry(producer.id)
            .or_insert_with(|| ProducerState::new(producer.epoch));
        state.enter(producer.epoch);
        state.coordinator_epoch = end.coordinator_epoch;
        state.last_timestamp = end.unix_millis;
        Ok(state.transaction_start.take())
    }

    /// Forgets the batches from `offset` on, which the log has lost.
    pub(crate) fn truncate(&mut self, offset: i64) {
        self.by_id.retain(|_, state| {
            state.batches.retain(|batch| batch.base_offset < offset);
            state.transaction_start = state.transaction_start.filter(|start| *start < offset);
            !state.batches.is_empty()
        });
    }
}

fn out_of_order(batch: &RecordBatch, expected: i32) -> Refusal {
    Refusal::new(
        ErrorCode::OutOfOrderSequenceNumber,
        format!(
            "sequence {} of producer {} in epoch {} is out of order: expected {expected}",
            batch.base_sequence(),
            batch.producer_id(),
            batch.producer_epoch()
        ),
    )
}

fn check_epoch(
    producer: ProducerIdAndEpoch,
    known: &ProducerState,
    needs_new: bool,
) -> Result<(), Refusal> {
    let is_old = producer.epoch < known.epoch || (needs_new && producer.epoch == known.epoch);
    if !is_old {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::InvalidProducerEpoch,
        format!(
            "epoch {} of producer {} is too small: the last one seen is {}",
            producer.epoch, producer.id, known.epoch
        ),
    ))
}
