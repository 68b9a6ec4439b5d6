//! Idempotent producers: their ids, and what a partition remembers of each (KIP-98).

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};

use kafka_proto::error_code::ErrorCode;
use kafka_proto::records::RecordBatch;

use crate::refusal::Refusal;

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
}

#[derive(Debug)]
struct ProducerState {
    epoch: i16,
    /// The last batches of this epoch, oldest first; never empty.
    batches: VecDeque<Sequenced>,
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

impl ProducerStates {
    /// Whether a batch is the next of its producer.
    pub(crate) fn check(&self, batch: &RecordBatch) -> Result<SequenceCheck, Refusal> {
        // A producer that is not known may start anywhere: its earlier records may have been deleted.
        let Some(state) = self
            .by_id
            .get(&batch.producer_id())
            .filter(|_| batch.producer_id() >= 0)
        else {
            return Ok(SequenceCheck::New);
        };
        let (id, epoch, first) = (
            batch.producer_id(),
            batch.producer_epoch(),
            batch.base_sequence(),
        );
        if epoch < state.epoch {
            return Err(Refusal::new(
                ErrorCode::InvalidProducerEpoch,
                format!(
                    "epoch {epoch} of producer {id} is smaller than the last one seen, {}",
                    state.epoch
                ),
            ));
        }
        let out_of_order = |expected: i32| {
            let message = format!(
                "sequence {first} of producer {id} in epoch {epoch} is out of order: expected {expected}"
            );
            Err(Refusal::new(ErrorCode::OutOfOrderSequenceNumber, message))
        };
        if epoch > state.epoch {
            return if first == 0 {
                Ok(SequenceCheck::New)
            } else {
                out_of_order(0)
            };
        }
        let same = |known: &&Sequenced| (known.first, known.last) == (first, batch.last_sequence());
        if let Some(known) = state.batches.iter().find(same) {
            return Ok(SequenceCheck::Duplicate {
                base_offset: known.base_offset,
            });
        }
        match state.batches.back().map(|last| {
            if last.last == i32::MAX {
                0
            } else {
                last.last + 1
            }
        }) {
            Some(expected) if expected != first => out_of_order(expected),
            _ => Ok(SequenceCheck::New),
        }
    }

    /// Notes that a batch was appended.
    pub(crate) fn remember(&mut self, batch: &RecordBatch, base_offset: i64) {
        if batch.producer_id() < 0 {
            return;
        }
        let epoch = batch.producer_epoch();
        let state = self
            .by_id
            .entry(batch.producer_id())
            .or_insert_with(|| ProducerState {
                epoch,
                batches: VecDeque::with_capacity(REMEMBERED),
            });
        if state.epoch != epoch {
            state.epoch = epoch;
            state.batches.clear();
        }
        if state.batches.len() == REMEMBERED {
            state.batches.pop_front();
        }
        state.batches.push_back(Sequenced {
            first: batch.base_sequence(),
            last: batch.last_sequence(),
            base_offset,
        });
    }

    /// Forgets the batches from `offset` on, which the log has lost.
    pub(crate) fn truncate(&mut self, offset: i64) {
        self.by_id.retain(|_, state| {
            state.batches.retain(|batch| batch.base_offset < offset);
            !state.batches.is_empty()
        });
    }
}
