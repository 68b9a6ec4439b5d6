//! What Kafka's own records say.

use bytes::Bytes;
use kafka_proto::codec::{EncodeError, Message};
use kafka_proto::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use kafka_proto::payloads::{
    ControlValue, EndTxnMarker, OffsetsRecord, TransactionLogRecord, Versioned,
};
use kafka_proto::records::{ControlRecord, ControlType};
use serde_json::{Map, Value as Json, json};

/// The key and value of a record.
pub(super) struct Payload {
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
}

/// What a record says instead of its key and value, if it can be read at all; or why not.
type Fields = Result<Option<Map<String, Json>>, String>;

/// A record of a control batch.
pub(super) fn control(payload: Payload) -> Fields {
    let key = payload.key.unwrap_or_default();
    let record = ControlRecord::parse(&key).map_err(because)?;
    let name = match record.kind {
        ControlType::Abort => "ABORT".to_owned(),
        ControlType::Commit => "COMMIT".to_owned(),
        ControlType::LeaderChange => "LEADER_CHANGE".to_owned(),
        ControlType::SnapshotHeader => "SNAPSHOT_HEADER".to_owned(),
        ControlType::SnapshotFooter => "SNAPSHOT_FOOTER".to_owned(),
        ControlType::KRaftVersion => "KRAFT_VERSION".to_owned(),
        ControlType::KRaftVoters => "KRAFT_VOTERS".to_owned(),
        // Its value stays as it is.
        ControlType::Unknown(_) => return Ok(None),
    };
    let value =
        ControlValue::decode(record.kind, payload.value.unwrap_or_default()).map_err(because)?;
    let value = control_value(&value).map_err(because)?;
    let control = json!({"version": record.version, "type": name, "value": value});
    Ok(Some(Map::from_iter([("control".to_owned(), control)])))
}

/// In the version in which it came: most of the values state it themselves, and of the others there is only one.
fn control_value(value: &ControlValue) -> Result<Json, EncodeError> {
    match value {
        ControlValue::EndTransaction(value) => value.to_json(EndTxnMarker::VERSIONS.max),
        ControlValue::LeaderChange(value) => value.to_json(value.version),
        ControlValue::SnapshotHeader(value) => value.to_json(value.version),
        ControlValue::SnapshotFooter(value) => value.to_json(value.version),
        ControlValue::KRaftVersion(value) => value.to_json(value.version),
        ControlValue::KRaftVoters(value) => value.to_json(value.version),
        _ => Ok(Json::Null),
    }
}

/// A record of `__consumer_offsets`.
pub(super) fn offsets(payload: Payload) -> Fields {
    let record = OffsetsRecord::parse(key(&payload)?, payload.value).map_err(because)?;
    if let OffsetsRecord::Unknown { record_type } = record {
        return Err(unknown(record_type));
    }
    let mut json = record.to_json().map_err(because)?;
    if let OffsetsRecord::GroupMetadata(_, Some(group)) = &record
        // Of other groups than consumers', what the members say is known to them alone.
        && group.message.protocol_type == "consumer"
        && let Some(members) = json.pointer_mut("/value/data/members")
    {
        for (index, member) in group.message.members.iter().enumerate() {
            let json = &mut members[index];
            expand::<ConsumerProtocolSubscription>(&mut json["subscription"], &member.subscription);
            expand::<ConsumerProtocolAssignment>(&mut json["assignment"], &member.assignment);
        }
    }
    Ok(fields(json))
}

/// A record of `__transaction_state`.
pub(super) fn transactions(payload: Payload) -> Fields {
    let record = TransactionLogRecord::parse(key(&payload)?, payload.value).map_err(because)?;
    match record {
        TransactionLogRecord::Unknown { record_type } => Err(unknown(record_type)),
        record => Ok(fields(record.to_json().map_err(because)?)),
    }
}

fn unknown(record_type: i16) -> String {
    format!(
        "record type {record_type} is not known: is it this topic, and not written by a newer Kafka?"
    )
}

fn key(payload: &Payload) -> Result<Bytes, String> {
    let no_key = "no key, which every record of a coordinator has: is it this topic?";
    payload.key.clone().ok_or_else(|| no_key.to_owned())
}

/// What a member told the others, in place of its base64. Bytes that are none of it stay that.
fn expand<M: Message>(json: &mut Json, bytes: &Bytes) {
    if let Ok(told) = Versioned::<M>::decode_lenient(bytes.clone())
        && let Ok(told) = told.message.to_json(told.version)
    {
        *json = told;
    }
}

fn fields(json: Json) -> Option<Map<String, Json>> {
    match json {
        Json::Object(fields) => Some(fields),
        _ => None,
    }
}

fn because(error: impl std::error::Error) -> String {
    error.to_string()
}
