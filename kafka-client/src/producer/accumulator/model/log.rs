//! A partition as its leader has it.

use std::collections::VecDeque;

use kafka_proto::error_code::ErrorCode;
use kafka_proto::records::{RecordBatch, increment_sequence};

/// Batches by their first and last sequence number and their offset.
type Sequenced = VecDeque<(i32, i32, i64)>;

/// What a partition's leader has, and every replica with it.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) records: Vec<u64>,
    /// The producer that wrote last: id, epoch, its last five batches with their first offsets.
    producer: Option<(i64, i16, Sequenced)>,
}

impl Log {
    /// Kafka's rules for a producer's batches, with what the broker answers.
    pub(super) fn append(&mut self, batch: &RecordBatch) -> std::result::Result<i64, ErrorCode> {
        let base_offset = self.records.len() as i64;
        let (id, epoch, first) = (
            batch.producer_id(),
            batch.producer_epoch(),
            batch.base_sequence(),
        );
        if id >= 0 {
            let same_id = self.producer.as_ref().filter(|(known, ..)| *known == id);
            if let Some((_, known, batches)) = same_id {
                if epoch < *known {
                    return Err(ErrorCode::InvalidProducerEpoch);
                }
                let same = |(known_first, last, _): &&(i32, i32, i64)| {
                    epoch == *known && (*known_first, *last) == (first, batch.last_sequence())
                };
                if let Some((.., offset)) = batches.iter().find(same) {
                    return Ok(*offset);
                }
                let last = batches.back().map_or(-1, |(_, last, _)| *last);
                let expected = if epoch > *known {
                    0
                } else {
                    increment_sequence(last, 1)
                };
                if first != expected {
                    return Err(ErrorCode::OutOfOrderSequenceNumber);
                }
            }
            let mut batches = match self.producer.take() {
                Some((known_id, known_epoch, batches))
                    if (known_id, known_epoch) == (id, epoch) =>
                {
                    batches
                }
                _ => VecDeque::new(),
            };
            batches.push_back((first, batch.last_sequence(), base_offset));
            if batches.len() > 5 {
                batches.pop_front();
            }
            self.producer = Some((id, epoch, batches));
        }
        let block = batch
            .decompressed(1 << 20)
            .expect("a batch that was just made");
        for record in &block {
            let value = record
                .expect("a record that was just made")
                .value()
                .expect("every record has a value");
            self.records.push(u64::from_be_bytes(
                value.try_into().expect("values have eight bytes"),
            ));
        }
        Ok(base_offset)
    }
}
