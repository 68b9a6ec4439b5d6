//! The example `dump`, run on what Kafka's own classes wrote and on logs made here.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use kafka_proto::compression::Compression;
use kafka_proto::records::{
    ControlRecord, ControlType, Header, ProducerSequence, RecordBatchBuilder, Seal,
};
use serde_json::{Value as Json, json};
use tests::golden::{self, unhex};

#[path = "../kafka-proto/examples/dump.rs"]
#[expect(dead_code, reason = "its main is for the process")]
mod dump;

/// What the program prints, and what it complains about at the end.
fn dump(arguments: &[&str]) -> (String, Option<String>) {
    let options = match dump::Options::try_parse_from([&["dump"], arguments].concat()) {
        Ok(options) => options,
        Err(error) => return (String::new(), Some(error.to_string())),
    };
    let mut out = Vec::new();
    let error = dump::run(options, &mut out).err();
    let out = String::from_utf8(out).expect("text");
    (out, error.map(|error| error.to_string()))
}

fn json(arguments: &[&str]) -> Json {
    let (out, error) = dump(arguments);
    assert_eq!(error, None, "{arguments:?}");
    serde_json::from_str(&out).expect("JSON")
}

/// The lines of a dump of a log, and the complaint.
fn log(name: &str, content: &[u8], how: &str) -> (Vec<Json>, Option<String>) {
    let file = written(name, content);
    let (out, error) = dump(&["log", how, path(&file)]);
    let lines = out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    (lines.collect(), error)
}

fn written(name: &str, content: &[u8]) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&file, content).expect("a writable folder of cargo's");
    file
}

fn path(file: &Path) -> &str {
    file.to_str().expect("UTF-8")
}

#[test]
fn every_golden_frame_is_printed_in_kafkas_json_form() {
    let mut checked = 0;
    for vector in golden::lines("messages").filter(|vector| vector["kind"] != "data") {
        let text = |name: &str| vector[name].as_str().expect("a text");
        let version = vector["version"].to_string();
        let frame = text("header").to_owned() + text("hex");
        // With and without its length.
        let whole = format!("{:08x}{frame}", frame.len() / 2);
        for frame in [frame, whole] {
            let printed = match text("kind") {
                "request" => json(&["request", "--hex", &frame]),
                _ => {
                    let api = ["response", "--api", text("api"), "--version", &version];
                    json(&[&api[..], &["--hex", &frame]].concat())
                }
            };
            assert_eq!(printed["api"], vector["api"]);
            assert_eq!(printed["version"], vector["version"]);
            assert_eq!(printed["body"], vector["json"]);
            for (name, value) in vector["header_json"].as_object().expect("an object") {
                assert_eq!(&printed["header"][name], value, "{name}");
            }
        }
        checked += 1;
    }
    println!("{checked} frames printed");
    assert!(checked > 0, "no vectors");
}

/// An ApiVersions request of version 0 with a client id.
const FRAME: &str = "0012 0000 0000002a 0002 6d65";

#[test]
fn a_frame_may_come_in_a_file_in_digits_or_as_it_is() {
    let expected = json(&["request", "--hex", FRAME]);
    assert_eq!(expected["header"]["clientId"], "me");
    let digits = FRAME.replace(' ', ":\n");
    let bytes = unhex(&FRAME.replace(' ', ""));
    let prefixed = format!(" 0x{FRAME}\n");
    let files: [(&str, &[u8]); 3] = [
        ("digits", digits.as_bytes()),
        ("prefixed", prefixed.as_bytes()),
        ("binary", &bytes),
    ];
    for (name, content) in files {
        let file = written(&format!("dump-frame-{name}"), content);
        assert_eq!(json(&["request", path(&file)]), expected, "{name}");
    }
}

#[test]
fn a_correlation_id_is_not_taken_for_a_length() {
    let response = ["response", "--api", "12", "--version", "1", "--hex"];
    for frame in ["00000006 00000000 001b", "0000000a 00000006 00000000 001b"] {
        let printed = json(&[&response[..], &[frame]].concat());
        assert_eq!(printed["header"]["correlationId"], 6);
        assert_eq!(printed["body"]["errorCode"], 27);
    }
}

#[test]
fn what_cannot_be_read_is_said_with_its_place_and_the_way_out() {
    let response = ["response", "--version", "0", "--hex", "00", "--api"];
    for (arguments, expected) in [
        (
            &["--hex", "00 0g"][..],
            "'g' (character 5) is no hexadecimal digit",
        ),
        (&["--hex", "00120"], "5 hexadecimal digits: a byte has two"),
        (&["--hex", ""], "0 bytes are no request"),
        (&["--hex", "7fff 0000"], "API key 32767 is not known"),
        (&["--hex", "7fff 0000"], "3 = Metadata 0-13"),
        (
            &["--hex", "0012 0009"],
            "ApiVersions has no version 9 (it has 0-4)",
        ),
        (&["--hex", "00000004 0003 0009"], "at byte 8 of the input"),
        // A length that does not fit may be why.
        (
            &["--hex", "00000009 0003 0009"],
            "would say 9, and 4 follow",
        ),
        (&["--hex", FRAME, "and-a-file"], "cannot be used with"),
        (&["no-such-file"], "no-such-file: "),
    ] {
        let (out, error) = dump(&[&["request"], arguments].concat());
        let error = error.unwrap_or_else(|| panic!("{arguments:?} is printed: {out}"));
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    for api in ["Foo", "32767"] {
        let (_, error) = dump(&[&response[..], &[api]].concat());
        assert!(error.is_some_and(|error| error.contains("3 = Metadata 0-13")));
    }
}

/// A transaction of one batch with two records, and its end.
fn transaction() -> [Vec<u8>; 2] {
    let mut builder = RecordBatchBuilder::new();
    let headers = [
        Header::new("a", b"text"),
        Header {
            key: "a",
            value: None,
        },
        Header::new("b", b"\xff"),
    ];
    builder
        .append(1_000, Some(b"key"), Some(b"value"), &headers)
        .unwrap();
    builder.append(1_001, Some(b"\xff\xfe"), None, &[]).unwrap();
    let producer = ProducerSequence {
        producer_id: 7,
        producer_epoch: 1,
        base_sequence: i32::MAX,
    };
    let data = Seal {
        codec: Compression::Lz4.into(),
        producer,
        transactional: true,
        base_offset: 40,
        partition_leader_epoch: 3,
        ..Seal::default()
    };
    let batch = builder.finish(&data).unwrap().to_vec();
    let commit = ControlRecord {
        version: 0,
        kind: ControlType::Commit,
    };
    let epoch = ControlRecord::end_transaction_value(5);
    builder
        .append(1_002, Some(&commit.key()), Some(&epoch), &[])
        .unwrap();
    let end = Seal {
        codec: Compression::None.into(),
        producer: ProducerSequence {
            base_sequence: -1,
            ..producer
        },
        control: true,
        base_offset: 42,
        ..data
    };
    [batch, builder.finish(&end).unwrap().to_vec()]
}

#[test]
fn a_log_is_printed_batch_by_batch_with_the_fields_of_kafkas_tool() {
    let [batch, end] = transaction();
    let crc = |batch: &[u8]| u32::from_be_bytes(batch[17..21].try_into().unwrap());
    let (lines, error) = log("dump.log", &[&batch[..], &end].concat(), "--print-data-log");
    assert_eq!(error, None);
    let expected = [
        json!({
            "baseOffset": 40, "lastOffset": 41, "count": 2, "baseSequence": i32::MAX, "lastSequence": 0,
            "producerId": 7, "producerEpoch": 1, "partitionLeaderEpoch": 3, "isTransactional": true,
            "isControl": false, "deleteHorizonMs": null, "position": 0, "createTime": 1001, "size": batch.len(),
            "magic": 2, "compresscodec": "lz4", "crc": crc(&batch), "isvalid": true,
            "records": [
                {
                    "offset": 40, "createTime": 1000, "keySize": 3, "valueSize": 5, "sequence": i32::MAX,
                    "headers": [
                        {"key": "a", "value": "text"}, {"key": "a", "value": null}, {"key": "b", "valueBase64": "/w=="},
                    ],
                    "key": "key", "value": "value",
                },
                {
                    "offset": 41, "createTime": 1001, "keySize": 2, "valueSize": -1, "sequence": 0, "headers": [],
                    "keyBase64": "//4=", "value": null,
                },
            ],
        }),
        json!({
            "baseOffset": 42, "lastOffset": 42, "count": 1, "baseSequence": -1, "lastSequence": -1,
            "producerId": 7, "producerEpoch": 1, "partitionLeaderEpoch": 3, "isTransactional": true,
            "isControl": true, "deleteHorizonMs": null, "position": batch.len(), "createTime": 1002,
            "size": end.len(), "magic": 2, "compresscodec": "none", "crc": crc(&end), "isvalid": true,
            "records": [{
                "offset": 42, "createTime": 1002, "keySize": 4, "valueSize": 6, "sequence": -1, "headers": [],
                "control": {"version": 0, "type": "COMMIT", "value": {"coordinatorEpoch": 5}},
            }],
        }),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_damaged_batch_is_marked_and_those_after_it_are_printed() {
    let [mut batch, end] = transaction();
    *batch.last_mut().unwrap() ^= 1;
    let whole = [&end[..], &batch, &end].concat();
    let (lines, error) = log("dump-damaged.log", &whole, "--deep");
    let valid: Vec<_> = lines.iter().map(|line| &line["isvalid"]).collect();
    assert_eq!(valid, [true, false, true]);
    let error_at = format!("record batch at offset 40 (byte {})", end.len());
    let of_batch = lines[1]["error"].as_str().expect("lz4 notices, too");
    assert!(of_batch.starts_with(&error_at), "{of_batch}");
    let error = error.expect("a complaint");
    assert!(error.contains("1 of 3 batches"), "{error}");
}

#[test]
fn a_log_that_is_cut_off_is_printed_up_to_there() {
    let [batch, end] = transaction();
    let whole = [&batch[..], &end].concat();
    for len in batch.len() + 1..whole.len() {
        let (lines, error) = log("dump-cut.log", &whole[..len], "--offsets");
        assert_eq!(lines.len(), 1);
        let error = error.expect("a complaint");
        let place = format!("at byte {} is cut off", batch.len());
        assert!(error.contains(&place), "{len}: {error}");
    }
    // What is there is no batch at all: a file that was given its size in advance.
    let padded = [&batch[..], &[0; 100]].concat();
    let (lines, error) = log("dump-padded.log", &padded, "--deep");
    assert_eq!(lines.len(), 1);
    let place = format!("(byte {}): length 0", batch.len());
    assert!(error.is_some_and(|error| error.contains(&place)));
}

/// `records.jsonl` is from the topics of a running Kafka, with what its `kafka-dump-log` says of them.
#[test]
fn the_coordinators_records_are_printed_as_kafkas_tool_does() {
    let vectors = include_str!("payloads/records.jsonl").lines();
    let vectors: Vec<Json> = vectors
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let mut checked = 0;
    for (topic, how) in [
        ("__consumer_offsets", "--offsets"),
        ("__transaction_state", "--transactions"),
    ] {
        let of_topic: Vec<_> = vectors
            .iter()
            .filter(|line| line["topic"] == topic)
            .collect();
        let mut builder = RecordBatchBuilder::new();
        for vector in &of_topic {
            let bytes = |field: &str| vector[field].as_str().map(unhex);
            let (key, value) = (bytes("key"), bytes("value"));
            builder
                .append(0, key.as_deref(), value.as_deref(), &[])
                .unwrap();
        }
        let batch = builder.finish(&Seal::default()).unwrap();
        let (lines, error) = log(&format!("dump{topic}.log"), &batch, how);
        assert_eq!(error, None);
        let records = lines[0]["records"].as_array().expect("records");
        assert_eq!(records.len(), of_topic.len());
        for (record, vector) in records.iter().zip(of_topic) {
            assert_eq!(record["key"], vector["json"]["key"]);
            assert_eq!(record["value"], vector["json"]["value"]);
            checked += 1;
        }
    }
    assert!(checked > 0, "no records");
}

#[test]
fn a_record_that_is_none_of_the_topic_is_printed_as_it_is() {
    let [batch, _] = transaction();
    let (lines, error) = log("dump-other.log", &batch, "--transactions");
    let record = &lines[0]["records"][0];
    assert_eq!(
        (&record["key"], &record["value"]),
        (&json!("key"), &json!("value"))
    );
    assert!(record["error"].is_string(), "{record}");
    assert!(error.is_some());
}
