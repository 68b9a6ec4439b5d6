//! What a batch has to be before it is appended.

use bytes::Bytes;
use kafka_proto::compression::Compression;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::records::{Batches, RecordBatch, RecordsError};

use crate::refusal::Refusal;

/// First version of Produce that may carry zstd (KIP-110).
const FIRST_VERSION_WITH_ZSTD: i16 = 7;

/// The one batch that a partition of a produce request has. Several in one are refused since Kafka 1.0: an error could
/// not be told for a part of them.
pub(crate) fn single_batch(records: Option<Bytes>, version: i16) -> Result<RecordBatch, Refusal> {
    let records = records.filter(|records| !records.is_empty());
    let mut batches = Batches::new(records.ok_or_else(|| none_in(version))?);
    let batch = batches.next().ok_or_else(|| none_in(version))?;
    let batch =
        batch.map_err(|error| Refusal::new(ErrorCode::CorruptMessage, error.to_string()))?;
    if batch.magic() != 2 {
        return Err(invalid(format!(
            "Produce version {version} takes record batches of magic 2 only, not {}",
            batch.magic()
        )));
    }
    if batches.next().is_some() {
        return Err(invalid(format!(
            "Produce version {version} takes exactly one record batch a partition"
        )));
    }
    if version < FIRST_VERSION_WITH_ZSTD && batch.compression() == Ok(Compression::Zstd) {
        return Err(Refusal::new(
            ErrorCode::UnsupportedCompressionType,
            format!(
                "Produce version {version} cannot carry zstd: use version {FIRST_VERSION_WITH_ZSTD} or newer"
            ),
        ));
    }
    Ok(batch)
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidRecord, message)
}

fn none_in(version: i16) -> Refusal {
    invalid(format!(
        "Produce version {version} takes exactly one record batch a partition, and there is no whole one"
    ))
}

/// What a topic takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The largest batch, in bytes.
    pub(crate) max_bytes: usize,
    /// The latest timestamp, in milliseconds since 1970.
    pub(crate) max_timestamp: i64,
}

/// Checks size, checksum and header of a client's batch.
pub(crate) fn check_batch(batch: &RecordBatch, limits: Limits) -> Result<(), Refusal> {
    let len = batch.bytes().len();
    if len > limits.max_bytes {
        return Err(Refusal::new(
            ErrorCode::MessageTooLarge,
            format!(
                "the record batch has {len} bytes, the topic takes {} (max.message.bytes)",
                limits.max_bytes
            ),
        ));
    }
    batch
        .verify_crc()
        .map_err(|error| Refusal::new(ErrorCode::CorruptMessage, error.to_string()))?;
    if batch.max_timestamp() > limits.max_timestamp {
        return Err(Refusal::new(
            ErrorCode::InvalidTimestamp,
            format!(
                "a record has timestamp {}, the topic takes none after {} (message.timestamp.after.max.ms)",
                batch.max_timestamp(),
                limits.max_timestamp
            ),
        ));
    }
    check_header(batch)
}

fn check_header(batch: &RecordBatch) -> Result<(), Refusal> {
    if batch.base_offset() != 0 {
        return Err(invalid(format!(
            "the batch's base offset should be 0, but it is {}",
            batch.base_offset()
        )));
    }
    if batch.is_control() {
        return Err(invalid("clients must not write control records"));
    }
    if batch.is_transactional() && batch.producer_id() < 0 {
        return Err(invalid(
            "the batch belongs to a transaction, but names no producer",
        ));
    }
    let count = i64::from(batch.record_count().unwrap_or(0));
    let offsets = batch.next_offset() - batch.base_offset();
    if count <= 0 || offsets != count {
        return Err(invalid(format!(
            "the batch announces {count} records and {offsets} offsets"
        )));
    }
    if batch.producer_id() != -1 && (batch.base_sequence() < 0 || batch.producer_epoch() < 0) {
        return Err(invalid(format!(
            "sequence {} and epoch {} are invalid for producer {}",
            batch.base_sequence(),
            batch.producer_epoch(),
            batch.producer_id()
        )));
    }
    batch
        .compression()
        .map(drop)
        .map_err(|error: RecordsError| invalid(error.to_string()))
}
