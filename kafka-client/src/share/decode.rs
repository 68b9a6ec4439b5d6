//! From what a fetch brought for a partition to batches that can be handed out.

use bytes::Bytes;
use kafka_proto::messages::share_fetch::AcquiredRecords;
use kafka_proto::records::{Batches, RecordBatch};

use super::acknowledge::AcknowledgeType;
use super::parcel::Ack;
use super::records::ShareBatch;
use crate::consumer::{BatchHeader, PartitionBatch};
use crate::error::Error;
use crate::types::TopicPartition;

/// The most that a batch may decompress to, in bytes.
const MAX_BATCH: usize = 256 << 20;

/// What a fetch brought for a partition.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// The records that were acquired.
    pub(super) batches: Vec<ShareBatch>,
    /// Acquired offsets that nobody will see: those without a record, and those of batches that cannot be read.
    pub(super) acks: Vec<Ack>,
    /// What is wrong with a batch, or with the answer.
    pub(super) error: Option<Error>,
}

/// Decodes the records that were acquired; a batch is sent whole, even if only a part of it is.
pub(super) fn decode(
    partition: &TopicPartition,
    records: Bytes,
    acquired: &[AcquiredRecords],
    check_crcs: bool,
) -> Decoded {
    let mut decoded = Decoded::default();
    let is_ascending = acquired
        .iter()
        .all(|range| range.first_offset <= range.last_offset)
        && acquired
            .windows(2)
            .all(|pair| pair[0].last_offset < pair[1].first_offset);
    if !is_ascending {
        decoded.error = Some(Error::Protocol {
            what: format!("acquired records of {partition}"),
            reason: "their offsets do not ascend".to_owned(),
        });
        return decoded;
    }
    if acquired.is_empty() {
        return decoded;
    }
    let mut batches = Batches::new(records);
    for batch in batches.by_ref() {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                // What follows cannot be found: its locks run out, and it comes again.
                decoded.error = Some(unreadable(partition, &error.to_string()));
                return decoded;
            }
        };
        if batch.is_control() {
            continue;
        }
        let (first, last) = (batch.base_offset(), batch.last_offset());
        let parts = acquired.iter().filter_map(|range| {
            let part = (range.first_offset.max(first), range.last_offset.min(last));
            (part.0 <= part.1).then_some((part, range.delivery_count))
        });
        let parts: Vec<((i64, i64), i16)> = parts.collect();
        if parts.is_empty() {
            continue;
        }
        match read(partition, &batch, check_crcs) {
            Ok(None) => {}
            Ok(Some(whole)) => {
                let slices = parts.iter().filter_map(|((from, until), count)| {
                    let is_whole = (*from, *until) == (first, last);
                    let slice = if is_whole {
                        Some(whole.clone())
                    } else {
                        whole.slice(*from, until.saturating_add(1))
                    };
                    Some(ShareBatch::new(slice?, *count))
                });
                decoded.batches.extend(slices);
            }
            Err(reason) => {
                let rejected = parts
                    .iter()
                    .map(|((from, until), _)| Ack::new(*from, *until, AcknowledgeType::Reject));
                decoded.acks.extend(rejected);
                let reason = format!(
                    "the batch of offsets {first} to {last} is corrupt: {reason}; its records were rejected, so that nobody gets them again"
                );
                decoded.error = Some(unreadable(partition, &reason));
            }
        }
    }
    if batches.truncated_tail().is_some() {
        // What is missing there may be records.
        decoded.error = Some(unreadable(partition, "the answer ends within a batch"));
        return decoded;
    }
    add_gaps(&mut decoded, acquired);
    decoded
}

fn unreadable(partition: &TopicPartition, reason: &str) -> Error {
    Error::Protocol {
        what: format!("records of {partition}"),
        reason: reason.to_owned(),
    }
}

fn read(
    partition: &TopicPartition,
    batch: &RecordBatch,
    check_crcs: bool,
) -> Result<Option<PartitionBatch>, String> {
    if check_crcs {
        batch.verify_crc().map_err(|error| error.to_string())?;
    }
    let header = BatchHeader {
        partition: partition.clone(),
        leader_epoch: batch.partition_leader_epoch(),
        timestamp_type: batch.timestamp_type(),
        next_offset: batch.next_offset(),
    };
    let records = batch.decompressed(MAX_BATCH);
    let records = records.map_err(|error| error.to_string())?;
    PartitionBatch::new(header, records, batch.base_offset())
}

/// Adds the acquired offsets at which there is no record: brokers wait for an answer to them, too.
fn add_gaps(decoded: &mut Decoded, acquired: &[AcquiredRecords]) {
    let mut seen: Vec<(i64, i64)> = decoded
        .acks
        .iter()
        .map(|ack| (ack.first, ack.last))
        .collect();
    for batch in &decoded.batches {
        let (first, last) = (batch.first_offset(), batch.last_offset());
        if last - first + 1 == batch.len() as i64 {
            seen.push((first, last));
        } else {
            seen.extend(
                batch
                    .iter()
                    .map(|record| (record.offset(), record.offset())),
            );
        }
    }
    seen.sort_unstable();
    let mut seen = seen.into_iter().peekable();
    for range in acquired {
        let mut next = range.first_offset;
        while let Some((first, last)) = seen.next_if(|(first, _)| *first <= range.last_offset) {
            if first > next {
                decoded.acks.push(Ack::gap(next, first - 1));
            }
            next = next.max(last.saturating_add(1));
        }
        if next <= range.last_offset {
            decoded.acks.push(Ack::gap(next, range.last_offset));
        }
    }
    decoded.acks.sort_unstable_by_key(|ack| ack.first);
}

#[cfg(test)]
mod tests;
