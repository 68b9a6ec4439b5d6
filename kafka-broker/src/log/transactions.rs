//! What a log knows of transactions: where the open ones begin, and where the aborted ones are.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use kafka_proto::records::{
    ControlRecord, ControlType, ProducerSequence, RecordBatch, RecordBatchBuilder, RecordsError,
    Seal,
};

use crate::producers::ProducerIdAndEpoch;
use crate::transactions::TransactionResult;

/// What a reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    ReadUncommitted,
    /// Only what is settled: nothing from the first open transaction on.
    ReadCommitted,
}

impl From<i8> for Isolation {
    fn from(level: i8) -> Self {
        if level == 1 {
            Self::ReadCommitted
        } else {
            Self::ReadUncommitted
        }
    }
}

/// What is known when a producer's transaction ends in a partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndTransaction {
    pub(crate) producer: ProducerIdAndEpoch,
    pub(crate) result: TransactionResult,
    pub(crate) coordinator_epoch: i32,
    /// Whether each transaction has an epoch of its own, so that the marker has to come with a new one (KIP-1228).
    pub(crate) needs_new_epoch: bool,
    /// The time that the marker gets, in milliseconds since 1970.
    pub(crate) unix_millis: i64,
}

impl EndTransaction {
    /// The batch that says so in a log.
    pub(super) fn batch(&self) -> Result<RecordBatch, RecordsError> {
        let kind = match self.result {
            TransactionResult::Abort => ControlType::Abort,
            TransactionResult::Commit => ControlType::Commit,
        };
        let key = ControlRecord { version: 0, kind }.key();
        let value = ControlRecord::end_transaction_value(self.coordinator_epoch);
        let mut builder = RecordBatchBuilder::new();
        builder.append(self.unix_millis, Some(&key), Some(&value), &[])?;
        let producer = ProducerSequence {
            producer_id: self.producer.id,
            producer_epoch: self.producer.epoch,
            base_sequence: -1,
        };
        RecordBatch::parse(builder.finish(&Seal {
            producer,
            transactional: true,
            control: true,
            ..Seal::default()
        })?)
    }
}

/// A producer's records that a reader of settled records has to leave out: those up to the marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AbortedTransaction {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: i64,
    /// Where the marker is.
    pub(crate) last_offset: i64,
}

/// What is read where only settled records are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) records: Bytes,
    /// The aborted transactions that reach into the records.
    pub(crate) aborted: Vec<AbortedTransaction>,
}

/// The transactions of a log.
#[derive(Debug, Default)]
pub(super) struct TransactionIndex {
    /// The first offsets of those that are open.
    open: BTreeSet<i64>,
    /// By their last offset, each with the end of what was settled when it had been aborted.
    aborted: VecDeque<(AbortedTransaction, i64)>,
}

impl TransactionIndex {
    pub(super) fn begin(&mut self, first_offset: i64) {
        self.open.insert(first_offset);
    }

    /// A transaction ends with the marker at `last_offset`.
    pub(super) fn end(&mut self, transaction: AbortedTransaction, result: TransactionResult) {
        self.open.remove(&transaction.first_offset);
        if result == TransactionResult::Abort {
            let settled = self.first_open().unwrap_or(transaction.last_offset + 1);
            self.aborted.push_back((transaction, settled));
        }
    }

    /// Where the first open transaction begins.
    pub(super) fn first_open(&self) -> Option<i64> {
        self.open.first().copied()
    }

    /// The aborted transactions with records in `from..end`.
    pub(super) fn aborted(&self, from: i64, end: i64) -> Vec<AbortedTransaction> {
        let first = self
            .aborted
            .partition_point(|(transaction, _)| transaction.last_offset < from);
        let mut found = Vec::new();
        for (transaction, settled) in self.aborted.iter().skip(first) {
            if transaction.first_offset < end {
                found.push(*transaction);
            }
            // Whatever was aborted later has begun behind this.
            if *settled >= end {
                break;
            }
        }
        found
    }

    /// Forgets what has begun, or was ended by a marker, at `end` or after it. What only its marker is lost of stays ended:
    /// nobody is left to end it.
    pub(super) fn truncate(&mut self, end: i64) {
        self.open.retain(|first_offset| *first_offset < end);
        self.aborted
            .retain(|(transaction, _)| transaction.first_offset < end);
    }

    /// The aborted transactions that are known.
    pub(super) fn all_aborted(&self) -> impl Iterator<Item = AbortedTransaction> {
        self.aborted.iter().map(|(transaction, _)| *transaction)
    }

    /// Forgets the aborted transactions whose markers were here: of their records nothing is left.
    pub(super) fn forget_markers(&mut self, offsets: &BTreeSet<i64>) {
        self.aborted
            .retain(|(transaction, _)| !offsets.contains(&transaction.last_offset));
    }

    /// Forgets what lies before `start`.
    pub(super) fn forget_before(&mut self, start: i64) {
        let gone = self
            .aborted
            .partition_point(|(transaction, _)| transaction.last_offset < start);
        self.aborted.drain(..gone);
    }
}
