//! Batches and their records as JSON, with the names that `kafka-dump-log` has for their fields.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kafka_proto::records::{
    Header, RecordBatch, RecordBlock, RecordRef, RecordsError, TimestampType, increment_sequence,
};
use serde_json::{Map, Value as Json, json};

use super::log::placed;
use super::payload::{Payload, control, offsets, transactions};

/// How much of a batch is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// What its header says.
    Batches,
    /// Also of each record its offset, time and sizes.
    Sizes,
    /// Also what is in the records.
    Data,
    /// The same, read as records of `__consumer_offsets`.
    Offsets,
    /// The same, read as records of `__transaction_state`.
    Transactions,
}

/// What the records of a batch may take decompressed: far more than any broker lets in, and what a machine can hold.
const DECOMPRESSED_LIMIT: usize = 1 << 28;

/// A batch as it is printed.
pub(super) struct Dumped {
    pub(super) json: Json,
    /// Whether all of it is as it should be.
    pub(super) sound: bool,
}

impl Dumped {
    /// Reads a batch that stands at `position` of a log.
    pub(super) fn new(batch: &RecordBatch, position: usize, detail: Detail) -> Self {
        let mut object = header(batch, position);
        let mut sound = batch.verify_crc().is_ok();
        object.insert("isvalid".into(), sound.into());
        let read = match detail {
            Detail::Batches => batch.compression().map(|_| ()),
            _ => {
                let mut records = Vec::new();
                let read = read_records(batch, detail, &mut records);
                sound &= records.iter().all(|record| record.get("error").is_none());
                object.insert("records".into(), records.into());
                read
            }
        };
        if let Err(error) = read {
            sound = false;
            object.insert("error".into(), placed(error, position).to_string().into());
        }
        let json = Json::Object(object);
        Self { json, sound }
    }
}

/// The fields of a batch's header.
fn header(batch: &RecordBatch, position: usize) -> Map<String, Json> {
    let mut object = Map::new();
    let mut put = |name: &str, value: Json| object.insert(name.to_owned(), value);
    if batch.magic() == 2 {
        put("baseOffset", batch.base_offset().into());
        put("lastOffset", batch.last_offset().into());
        put("count", batch.record_count().into());
        put("baseSequence", batch.base_sequence().into());
        put("lastSequence", batch.last_sequence().into());
        put("producerId", batch.producer_id().into());
        put("producerEpoch", batch.producer_epoch().into());
        put(
            "partitionLeaderEpoch",
            batch.partition_leader_epoch().into(),
        );
        put("isTransactional", batch.is_transactional().into());
        put("isControl", batch.is_control().into());
        put("deleteHorizonMs", batch.delete_horizon().into());
    } else {
        // All that the old formats have; of a compressed message, the offset of the last one in it.
        put("offset", batch.last_offset().into());
    }
    put("position", position.into());
    put(time_name(batch), batch.max_timestamp().into());
    put("size", batch.bytes().len().into());
    put("magic", batch.magic().into());
    // `None` is a compression that does not exist, which is an error further on.
    let codec = batch.compression().ok();
    put("compresscodec", codec.map(|codec| codec.name()).into());
    put("crc", batch.crc().into());
    object
}

/// What the timestamps of a batch are called.
fn time_name(batch: &RecordBatch) -> &'static str {
    match batch.timestamp_type() {
        TimestampType::CreateTime => "createTime",
        TimestampType::LogAppendTime => "logAppendTime",
        TimestampType::None => "noTimestampType",
    }
}

/// Reads the records of a batch up to the first that is corrupt.
fn read_records(
    batch: &RecordBatch,
    detail: Detail,
    records: &mut Vec<Json>,
) -> Result<(), RecordsError> {
    let block = batch.decompressed(DECOMPRESSED_LIMIT)?;
    for record in &block {
        records.push(read_record(batch, &block, &record?, detail)?.into());
    }
    Ok(())
}

fn read_record(
    batch: &RecordBatch,
    block: &RecordBlock,
    record: &RecordRef<'_>,
    detail: Detail,
) -> Result<Map<String, Json>, RecordsError> {
    let mut object = Map::new();
    let mut put = |name: &str, value: Json| object.insert(name.to_owned(), value);
    put("offset", record.offset().into());
    put(time_name(batch), record.timestamp().into());
    put("keySize", size(record.key()));
    put("valueSize", size(record.value()));
    if batch.magic() == 2 {
        put("sequence", sequence(batch, record).into());
        match detail {
            Detail::Sizes => put("headerKeys", headers(record, |header| header.key.into())?),
            _ => put("headers", headers(record, with_value)?),
        };
    }
    let payload = Payload {
        key: record.key_range().map(|range| block.data().slice(range)),
        value: record.value_range().map(|range| block.data().slice(range)),
    };
    let read = match detail {
        _ if batch.is_control() => control(payload),
        Detail::Batches | Detail::Sizes => return Ok(object),
        Detail::Data => Ok(None),
        Detail::Offsets => offsets(payload),
        Detail::Transactions => transactions(payload),
    };
    match read {
        Ok(Some(fields)) => object.extend(fields),
        Ok(None) => raw(&mut object, record),
        Err(error) => {
            raw(&mut object, record);
            object.insert("error".into(), error.into());
        }
    }
    Ok(object)
}

/// The headers of a record, each as `json` gives it.
fn headers(
    record: &RecordRef<'_>,
    json: impl Fn(Header<'_>) -> Json,
) -> Result<Json, RecordsError> {
    let headers: Result<Vec<_>, _> = record.headers().map(|header| header.map(&json)).collect();
    Ok(headers?.into())
}

fn with_value(header: Header<'_>) -> Json {
    let mut object = Map::from_iter([("key".to_owned(), header.key.into())]);
    text(&mut object, "value", header.value);
    object.into()
}

/// Key and value as they are.
fn raw(object: &mut Map<String, Json>, record: &RecordRef<'_>) {
    text(object, "key", record.key());
    text(object, "value", record.value());
}

/// Bytes as text where they are that, and else in base64, under a name that says so.
fn text(object: &mut Map<String, Json>, name: &str, bytes: Option<&[u8]>) {
    let (name, value) = match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => (name.to_owned(), Json::Null),
        Some((_, Ok(text))) => (name.to_owned(), text.into()),
        Some((bytes, Err(_))) => (format!("{name}Base64"), json!(STANDARD.encode(bytes))),
    };
    object.insert(name, value);
}

/// How many bytes; −1 for null.
fn size(bytes: Option<&[u8]>) -> Json {
    bytes.map_or(Json::from(-1), |bytes| bytes.len().into())
}

/// The producer's number for the record; −1 if it does not count.
fn sequence(batch: &RecordBatch, record: &RecordRef<'_>) -> i32 {
    match batch.base_sequence() {
        ..0 => -1,
        // Offsets within a batch differ by 31 bits at most.
        base => increment_sequence(
            base,
            record.offset().wrapping_sub(batch.base_offset()) as i32,
        ),
    }
}
