//! A batch on its way: gathering records, sealed, sent, perhaps sent again.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use kafka_proto::compression::{Codec, Compression};
use kafka_proto::records::{
    CompressionRatio, ProducerSequence, RecordBatch, RecordBatchBuilder, RecordsError, Seal,
    increment_sequence,
};

use super::delivery::{Delivery, Promise};
use super::interceptor::Interceptors;
use super::record::Record;
use crate::error::{Error, Result};
use crate::metrics::Shipment;
use crate::types::TopicPartition;

/// Where a batch stands in the order in which batches were begun: its number, and of a batch that was split the part's
/// first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) part: u32,
}

/// Records for one partition.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) partition: TopicPartition,
    pub(super) number: u64,
    pub(super) created: Instant,
    pub(super) records: i32,
    /// Where it stands in the producer's sequence; set when it is first sent, and kept for every retry.
    pub(super) sequence: Option<ProducerSequence>,
    /// Whether a broker may have written it although nobody said so.
    pub(super) maybe_written: bool,
    /// Whether the broker will not take it under its sequence, whatever becomes of others.
    pub(super) refused: bool,
    /// How often it was sent.
    pub(super) attempts: u32,
    /// What went wrong the last time.
    pub(super) last_error: Option<Error>,
    builder: RecordBatchBuilder,
    /// What it counts against the buffer: its size when the last record went in, however small it gets when compressed.
    counted: usize,
    /// The size of the largest record; the first has the batch's header with it.
    largest: usize,
    sealed: Option<Bytes>,
    /// Its size before it was compressed and after, until somebody learns from it.
    compressed: Option<(usize, usize)>,
    promise: Promise,
}

impl Batch {
    pub(super) fn new(
        partition: TopicPartition,
        number: u64,
        created: Instant,
        buffer: Vec<u8>,
        ratio: CompressionRatio,
        interceptors: Option<&Arc<Interceptors>>,
    ) -> Self {
        let mut builder = RecordBatchBuilder::with_buffer(buffer);
        builder.expect_ratio(ratio);
        Self {
            promise: Promise::new(partition.clone(), interceptors),
            partition,
            number,
            created,
            records: 0,
            sequence: None,
            maybe_written: false,
            refused: false,
            attempts: 0,
            last_error: None,
            builder,
            counted: 0,
            largest: 0,
            sealed: None,
            compressed: None,
        }
    }

    pub(super) fn place(&self) -> Place {
        Place {
            number: self.number,
            part: self.promise.first(),
        }
    }

    /// What the batch counts against the producer's buffer.
    pub(super) fn counted(&self) -> usize {
        self.counted
    }

    /// The batch's size: what is expected of it until it is sealed.
    pub(super) fn size(&self) -> usize {
        self.sealed
            .as_ref()
            .map_or_else(|| self.builder.estimated_len(), Bytes::len)
    }

    /// Its size before it was compressed and after, once.
    pub(super) fn take_compressed(&mut self) -> Option<(usize, usize)> {
        self.compressed.take()
    }

    pub(super) fn would_fit(&self, record: &Record<'_>, timestamp: i64, limit: usize) -> bool {
        self.builder
            .would_fit(limit, timestamp, record.key, record.value, record.headers)
    }

    pub(super) fn append(
        &mut self,
        record: &Record<'_>,
        timestamp: i64,
    ) -> Result<(), RecordsError> {
        self.builder
            .append(timestamp, record.key, record.value, record.headers)?;
        self.records += 1;
        let size = self.builder.len();
        self.largest = self.largest.max(size - self.counted);
        self.counted = size;
        Ok(())
    }

    /// The acknowledgement of the record appended last.
    pub(super) fn delivery(&self, timestamp: i64) -> Delivery {
        self.promise
            .delivery((self.records - 1).max(0) as u32, timestamp)
    }

    /// The bytes to send. They are made once: a retry sends the same ones, with another sequence at most.
    pub(super) fn seal(
        &mut self,
        codec: Codec,
        transactional: bool,
    ) -> Result<Bytes, RecordsError> {
        let producer = self.sequence.unwrap_or(ProducerSequence::NONE);
        let bytes = match self.sealed.take() {
            None => {
                let bytes = self.builder.finish(&Seal {
                    codec,
                    producer,
                    transactional,
                    ..Seal::default()
                })?;
                if codec.compression() != Compression::None {
                    self.compressed = Some((self.counted, bytes.len()));
                }
                bytes
            }
            Some(sealed) => {
                let batch = RecordBatch::parse(sealed)?;
                let is_current = batch.producer_id() == producer.producer_id
                    && batch.producer_epoch() == producer.producer_epoch
                    && batch.base_sequence() == producer.base_sequence;
                if is_current {
                    batch.into_bytes()
                } else {
                    batch.with_producer(producer)?.into_bytes()
                }
            }
        };
        self.sealed = Some(bytes.clone());
        Ok(bytes)
    }

    /// The records again, in two halves, of a batch that was sealed.
    pub(super) fn halves(&self) -> Result<[RecordBatchBuilder; 2], RecordsError> {
        let sealed = self.sealed.clone().unwrap_or_default();
        let block = RecordBatch::parse(sealed)?.decompressed(i32::MAX as usize)?;
        let [mut front, mut back] = [RecordBatchBuilder::new(), RecordBatchBuilder::new()];
        for (index, record) in (0..).zip(&block) {
            let record = record?;
            let headers = record.headers().collect::<Result<Vec<_>, _>>()?;
            let half = if index < self.records / 2 {
                &mut front
            } else {
                &mut back
            };
            half.append(record.timestamp(), record.key(), record.value(), &headers)?;
        }
        Ok([front, back])
    }

    /// What there is to say of it when it goes out.
    pub(super) fn shipment(&self, now: Instant) -> Shipment {
        Shipment {
            topic: self.partition.topic.clone(),
            records: self.records.unsigned_abs(),
            size: self.size(),
            uncompressed: self.counted,
            largest: self.largest,
            age: now.saturating_duration_since(self.created),
            is_retry: self.attempts > 1,
        }
    }

    /// Its halves as batches of their own, which follow each other in the sequence as the whole would have.
    pub(super) fn split(self, [front, back]: [RecordBatchBuilder; 2]) -> [Self; 2] {
        let skipped = front.record_count();
        let (promise, rest) = self.promise.split(skipped as u32);
        let part = |builder: RecordBatchBuilder, promise, skipped| Self {
            partition: self.partition.clone(),
            number: self.number,
            created: self.created,
            records: builder.record_count() as i32,
            sequence: self.sequence.map(|sequence| ProducerSequence {
                base_sequence: increment_sequence(sequence.base_sequence, skipped),
                ..sequence
            }),
            maybe_written: self.maybe_written,
            refused: false,
            attempts: 0,
            last_error: self.last_error.clone(),
            counted: builder.len(),
            largest: self.largest,
            builder,
            sealed: None,
            compressed: None,
            promise,
        };
        [part(front, promise, 0), part(back, rest, skipped as i32)]
    }

    /// Ends it: what is left is its promise, and the memory for the next batch.
    pub(super) fn end(self) -> (Promise, Option<Vec<u8>>) {
        // A compressed batch left the buffer in which it was built; one that was not has taken it along.
        let built = self.builder.into_buffer();
        let sealed = self
            .sealed
            .and_then(|sealed| sealed.try_into_mut().ok())
            .map(Vec::from)
            .unwrap_or_default();
        let larger = if built.capacity() > sealed.capacity() {
            built
        } else {
            sealed
        };
        (
            self.promise,
            Some(larger).filter(|buffer| buffer.capacity() > 0),
        )
    }
}
