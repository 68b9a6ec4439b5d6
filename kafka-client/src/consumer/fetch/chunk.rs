//! From what a fetch brought for a partition to batches that can be handed out.

use std::collections::HashSet;

use kafka_proto::messages::fetch::AbortedTransaction;
use kafka_proto::records::{Batches, ControlRecord, ControlType, RecordBatch, RecordsError};

use crate::consumer::config::Isolation;
use crate::consumer::records::{BatchHeader, PartitionBatch};
use crate::error::Error;
use crate::types::TopicPartition;

/// How batches are decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoding {
    pub(crate) check_crcs: bool,
    pub(crate) isolation: Isolation,
    /// The most that a batch may decompress to, in bytes.
    pub(crate) max_batch: usize,
}

/// What one fetch brought for one partition, and how much of it has been decoded.
#[derive(Debug)]
pub(crate) struct Chunk {
    partition: TopicPartition,
    batches: Batches,
    /// The offset that is wanted next.
    position: i64,
    aborted: AbortedTransactions,
    /// How many bytes are not decoded yet.
    left: usize,
}

/// A decoded batch.
#[derive(Debug)]
pub(crate) struct Piece {
    /// `None` where there is nothing for the user in it.
    pub(crate) batch: Option<PartitionBatch>,
    /// Where the partition goes on.
    pub(crate) next_offset: i64,
    pub(crate) leader_epoch: i32,
}

impl Piece {
    /// How much memory the records take.
    pub(crate) fn size(&self) -> usize {
        self.batch.as_ref().map_or(0, PartitionBatch::size)
    }
}

/// What can be said about fetched bytes before they are decoded.
pub(crate) struct Glance {
    /// Where the next fetch goes on.
    pub(crate) next_offset: i64,
    /// The leader's epoch of the last batch, or -1.
    pub(crate) leader_epoch: i32,
    /// How many records there are, as the batches say.
    pub(crate) records: usize,
    /// Whether there is not one whole batch, but a part of one: it is larger than what was asked for.
    pub(crate) only_part: bool,
}

/// Looks at the headers of fetched batches.
pub(crate) fn glance(mut batches: Batches, position: i64) -> Glance {
    let (mut next_offset, mut leader_epoch, mut any) = (position, -1, false);
    let mut records = 0;
    for batch in batches.by_ref() {
        any = true;
        // Bytes that are no batch are reported once it is their turn to be decoded.
        let Ok(batch) = batch else { break };
        next_offset = next_offset.max(batch.next_offset());
        leader_epoch = batch.partition_leader_epoch();
        records += batch.record_count().unwrap_or_default().max(0) as usize;
    }
    Glance {
        next_offset,
        leader_epoch,
        records,
        only_part: !any && batches.truncated_tail().is_some(),
    }
}

impl Chunk {
    pub(crate) fn new(
        partition: TopicPartition,
        batches: Batches,
        size: usize,
        position: i64,
        aborted: Vec<AbortedTransaction>,
    ) -> Self {
        Self {
            partition,
            batches,
            position,
            aborted: AbortedTransactions::new(aborted),
            left: size,
        }
    }

    /// How many bytes are not decoded yet.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// Decodes the next batch. Nothing follows an error.
    pub(crate) fn next(&mut self, decoding: &Decoding) -> Option<Result<Piece, Error>> {
        let batch = match self.batches.next() {
            Some(Ok(batch)) => batch,
            Some(Err(error)) => return Some(Err(self.corrupt(error.to_string(), None))),
            None => {
                self.left = 0;
                return None;
            }
        };
        self.left -= batch.bytes().len().min(self.left);
        let (leader_epoch, next_offset) = (batch.partition_leader_epoch(), batch.next_offset());
        Some(match self.decode(&batch, decoding) {
            Ok(records) => {
                self.position = self.position.max(next_offset);
                Ok(Piece {
                    batch: records,
                    next_offset: self.position,
                    leader_epoch,
                })
            }
            Err(reason) => Err(self.corrupt(reason, Some(next_offset))),
        })
    }

    fn decode(
        &mut self,
        batch: &RecordBatch,
        decoding: &Decoding,
    ) -> Result<Option<PartitionBatch>, String> {
        let text = |error: RecordsError| error.to_string();
        if decoding.check_crcs {
            batch.verify_crc().map_err(text)?;
        }
        let limit = decoding.max_batch;
        let committed_only = decoding.isolation == Isolation::ReadCommitted;
        if committed_only {
            self.aborted.reach(batch.last_offset());
        }
        if batch.is_control() {
            if committed_only && is_abort(batch, limit).map_err(text)? {
                self.aborted.end(batch.producer_id());
            }
            return Ok(None);
        }
        if committed_only && batch.is_transactional() && self.aborted.contains(batch.producer_id())
        {
            return Ok(None);
        }
        if batch.next_offset() <= self.position {
            return Ok(None);
        }
        let header = BatchHeader {
            partition: self.partition.clone(),
            leader_epoch: batch.partition_leader_epoch(),
            timestamp_type: batch.timestamp_type(),
            next_offset: batch.next_offset(),
        };
        PartitionBatch::new(
            header,
            batch.decompressed(limit).map_err(text)?,
            self.position,
        )
    }

    fn corrupt(&self, reason: String, next: Option<i64>) -> Error {
        let offset = self.position;
        // The header may be what is damaged, and must not lead back.
        let next_offset = next.filter(|next| *next > offset);
        Error::Corrupt {
            partition: self.partition.clone(),
            offset,
            next_offset,
            reason,
        }
    }
}

fn is_abort(batch: &RecordBatch, limit: usize) -> Result<bool, RecordsError> {
    let block = batch.decompressed(limit)?;
    let Some(marker) = block.iter().next() else {
        return Ok(false);
    };
    let Some(key) = marker?.key() else {
        return Ok(false);
    };
    Ok(ControlRecord::parse(key)?.kind == ControlType::Abort)
}

/// Which producers' transactional records are not to be seen at the present offset.
#[derive(Debug, Default)]
struct AbortedTransactions {
    /// Those that begin further on, the nearest last.
    ahead: Vec<AbortedTransaction>,
    /// The producers whose aborted transaction has begun and not ended.
    open: HashSet<i64>,
}

impl AbortedTransactions {
    /// Brokers other than Kafka's do not list them in order.
    fn new(mut aborted: Vec<AbortedTransaction>) -> Self {
        aborted.sort_by_key(|transaction| std::cmp::Reverse(transaction.first_offset));
        Self {
            ahead: aborted,
            open: HashSet::new(),
        }
    }

    fn reach(&mut self, offset: i64) {
        while self
            .ahead
            .last()
            .is_some_and(|next| next.first_offset <= offset)
        {
            self.open
                .extend(self.ahead.pop().map(|begun| begun.producer_id));
        }
    }

    fn end(&mut self, producer: i64) {
        self.open.remove(&producer);
    }

    fn contains(&self, producer: i64) -> bool {
        self.open.contains(&producer)
    }
}
