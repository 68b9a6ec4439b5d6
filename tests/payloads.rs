//! What lies inside of Kafka, read as Kafka's own classes read it.
//!
//! `payloads/vectors.jsonl` was written by the classes of Kafka 4.3, with values for every field of every version;
//! `payloads/records.jsonl` is from the topics of a running Kafka 4.3, with what its `kafka-dump-log` says of them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafka_proto::codec::Message;
use kafka_proto::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use kafka_proto::payloads::{
    ControlRecordTypeSchema, EndTxnMarker, KRaftVersionRecord, LeaderChangeMessage, OffsetsRecord,
    SnapshotFooterRecord, SnapshotHeaderRecord, TransactionLogRecord, Versioned, VotersRecord,
};
use serde_json::{Value as Json, json};
use tests::golden::unhex;

fn lines(text: &str) -> Vec<Json> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

fn vectors() -> Vec<Json> {
    lines(include_str!("payloads/vectors.jsonl"))
}

fn text<'a>(line: &'a Json, field: &str) -> &'a str {
    line[field].as_str().expect(field)
}

/// The bytes of a vector, behind a number.
fn behind(number: &Json, line: &Json) -> Bytes {
    let number = i16::try_from(number.as_i64().expect("a number")).expect("16 bits");
    Bytes::from([&number.to_be_bytes()[..], &unhex(text(line, "hex"))].concat())
}

type ToJson = fn(Bytes, Option<Bytes>) -> Json;

fn offsets_record(key: Bytes, value: Option<Bytes>) -> Json {
    let record = OffsetsRecord::parse(key, value).expect("a record");
    record.to_json().expect("a version of ours")
}

fn transaction_log_record(key: Bytes, value: Option<Bytes>) -> Json {
    let record = TransactionLogRecord::parse(key, value).expect("a record");
    record.to_json().expect("a version of ours")
}

#[test]
fn every_record_of_the_coordinators_means_what_kafka_meant() {
    let vectors = vectors();
    let mut checked = 0;
    let mut types = BTreeSet::new();
    for key in vectors.iter().filter(|line| line["kind"] == "key") {
        // A value's name is its key's, but for the end.
        let name = text(key, "name").trim_end_matches("Key");
        let parse: ToJson = match name {
            "TransactionLog" => transaction_log_record,
            _ => offsets_record,
        };
        let record_type = key["type"].to_string();
        let bytes = behind(&key["type"], key);
        let expected_key = json!({"type": record_type, "data": key["json"]});
        assert_eq!(
            parse(bytes.clone(), None),
            json!({"key": expected_key, "value": null}),
            "{name}"
        );
        for value in vectors
            .iter()
            .filter(|line| line["name"] == format!("{name}Value"))
        {
            let version = value["version"].to_string();
            let expected = json!({"version": version, "data": value["json"]});
            assert_eq!(
                parse(bytes.clone(), Some(behind(&value["version"], value))),
                json!({"key": expected_key, "value": expected}),
                "{name} {version}"
            );
            checked += 1;
        }
        types.insert(name);
    }
    println!("{checked} values of {} types checked", types.len());
    assert_eq!(types.len(), 23, "all types of Kafka 4.3");
    let values = vectors
        .iter()
        .filter(|line| line["kind"] == "value")
        .count();
    assert_eq!(checked, values, "each value has a key");
}

/// Checks a vector both ways.
fn check<M: Message>(line: &Json) {
    let version = i16::try_from(line["version"].as_i64().expect("a version")).expect("16 bits");
    let message = M::decode(unhex(text(line, "hex")), version).expect("decodes");
    assert_eq!(
        message.to_json(version).expect("a version of ours"),
        line["json"]
    );
    assert_eq!(
        message.encode(version).expect("encodes").into_bytes(),
        unhex(text(line, "hex"))
    );
}

#[test]
fn every_payload_of_a_control_record_is_read_and_written_as_kafka_does() {
    let checks: BTreeMap<&str, fn(&Json)> = BTreeMap::from([
        (
            "ControlRecordTypeSchema",
            check::<ControlRecordTypeSchema> as _,
        ),
        ("EndTxnMarker", check::<EndTxnMarker> as _),
        ("KRaftVersionRecord", check::<KRaftVersionRecord> as _),
        ("LeaderChangeMessage", check::<LeaderChangeMessage> as _),
        ("SnapshotFooterRecord", check::<SnapshotFooterRecord> as _),
        ("SnapshotHeaderRecord", check::<SnapshotHeaderRecord> as _),
        ("VotersRecord", check::<VotersRecord> as _),
    ]);
    let mut checked = BTreeSet::new();
    for line in vectors().iter().filter(|line| line["kind"] == "data") {
        let name = text(line, "name");
        checks
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not known"))(line);
        checked.insert(name.to_owned());
    }
    assert_eq!(checked.len(), checks.len());
}

/// What `kafka-dump-log` prints for a payload of the consumer protocol.
fn consumer_protocol<M: Message>(bytes: Bytes) -> Json {
    let payload: Versioned<M> = Versioned::decode(bytes).expect("the consumer protocol");
    payload
        .message
        .to_json(payload.version)
        .expect("a version of ours")
}

/// As [`offsets_record`], with what the members of a classic group told each other.
fn offsets_record_with_members(key: Bytes, value: Option<Bytes>) -> Json {
    let mut json = offsets_record(key.clone(), value.clone());
    if let Ok(OffsetsRecord::GroupMetadata(_, Some(value))) = OffsetsRecord::parse(key, value) {
        for (at, member) in value.message.members.into_iter().enumerate() {
            let json = &mut json["value"]["data"]["members"][at];
            json["subscription"] =
                consumer_protocol::<ConsumerProtocolSubscription>(member.subscription);
            json["assignment"] = consumer_protocol::<ConsumerProtocolAssignment>(member.assignment);
        }
    }
    json
}

#[test]
fn records_of_a_running_kafka_mean_what_its_dump_says() {
    let records = lines(include_str!("payloads/records.jsonl"));
    for line in &records {
        let key = unhex(text(line, "key"));
        let value = line["value"].as_str().map(unhex);
        let ours = match text(line, "topic") {
            "__transaction_state" => transaction_log_record(key, value),
            _ => offsets_record_with_members(key, value),
        };
        assert_eq!(ours, line["json"]);
    }
    println!("{} records checked", records.len());
    assert!(!records.is_empty());
}
