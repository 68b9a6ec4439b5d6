//! Writes the inputs that fuzzing starts from, made of the golden vectors, into `corpus/`.

use std::fs;
use std::path::{Path, PathBuf};

use fuzz::messages;
use fuzz::payloads::{self, Payload};
use kafka_proto::codec::Message;
use kafka_proto::compression::Compression;
use kafka_proto::payloads::StickyAssignorUserData;
use kafka_proto::payloads::sticky_assignor::TopicAssignment;
use kafka_proto::records::{Batches, ControlRecord, ControlType};
use serde_json::Value as Json;
use tests::golden;

/// Longer inputs teach a fuzzer nothing that shorter ones do not, and each run of them takes long.
const LARGEST: usize = 4096;

fn main() {
    let mut corpora = Corpora {
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"),
        written: 0,
        left_out: 0,
    };
    messages(&mut corpora);
    batches(&mut corpora);
    payloads(&mut corpora);
    assignors(&mut corpora);
    println!(
        "{} seeds, {} vectors of more than {LARGEST} bytes left out",
        corpora.written, corpora.left_out
    );
}

struct Corpora {
    folder: PathBuf,
    written: usize,
    left_out: usize,
}

impl Corpora {
    fn add(&mut self, target: &str, name: &str, input: &[u8]) {
        if input.len() > LARGEST {
            self.left_out += 1;
            return;
        }
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(folder.join(name), input))
            .expect("a folder to write to");
        self.written += 1;
    }

    /// A message that is neither request nor response.
    fn data(&mut self, message: &str, version: i16, name: &str, bytes: &[u8]) {
        let version = version.to_be_bytes();
        let behind_version = [&version, bytes].concat();
        let (payload, bytes) = match message {
            "ConsumerProtocolSubscription" => (Payload::Subscription, behind_version),
            "ConsumerProtocolAssignment" => (Payload::Assignment, behind_version),
            "DefaultPrincipalData" => (Payload::Principal, behind_version),
            "EndTxnMarker" => control(ControlType::Commit, &behind_version),
            // These begin with a field for their version, which vectors have any number in.
            "LeaderChangeMessage" => {
                control(ControlType::LeaderChange, &in_version(version, bytes))
            }
            "SnapshotHeaderRecord" => {
                control(ControlType::SnapshotHeader, &in_version(version, bytes))
            }
            "SnapshotFooterRecord" => {
                control(ControlType::SnapshotFooter, &in_version(version, bytes))
            }
            "KRaftVersionRecord" => control(ControlType::KRaftVersion, &in_version(version, bytes)),
            "VotersRecord" => control(ControlType::KRaftVoters, &in_version(version, bytes)),
            // The key of the others.
            "ControlRecordTypeSchema" => return,
            other => panic!("{other} is read by no target"),
        };
        self.add("payloads", name, &payloads::input(payload, &bytes));
    }
}

fn control(kind: ControlType, value: &[u8]) -> (Payload, Vec<u8>) {
    let key = ControlRecord { version: 0, kind }.key();
    (Payload::ControlRecord, payloads::record(&key, Some(value)))
}

fn in_version(version: [u8; 2], bytes: &[u8]) -> Vec<u8> {
    [&version, &bytes[2..]].concat()
}

fn text<'a>(line: &'a Json, field: &str) -> &'a str {
    line[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field}: {line}"))
}

fn messages(corpora: &mut Corpora) {
    for line in golden::lines("messages") {
        let bytes = golden::unhex(text(&line, "hex"));
        let version = line["version"].as_i64().expect("a version") as i16;
        let name = format!(
            "{}-{version}-{}",
            text(&line, "api"),
            text(&line, "variant")
        );
        let target = match text(&line, "kind") {
            "request" => "requests",
            "response" => "responses",
            _ => {
                corpora.data(text(&line, "api"), version, &name, &bytes);
                continue;
            }
        };
        let key = line["key"].as_i64().expect("a key") as i16;
        let prefix = messages::prefix(key, version).expect("an API");
        corpora.add(target, &name, &[&prefix, &bytes[..]].concat());
        if text(&line, "variant") == "random0" {
            let frame = [&golden::unhex(text(&line, "header"))[..], &bytes].concat();
            corpora.add(
                "frames",
                &format!("{target}-{name}"),
                &[&[15], &frame[..]].concat(),
            );
        }
    }
}

/// Batches as they are, what they decompress to, and what was compressed.
fn batches(corpora: &mut Corpora) {
    let lines = golden::lines("batches").map(|line| (text(&line, "name").to_owned(), line));
    let levels = golden::own_lines("levels").enumerate();
    let levels = levels.map(|(at, line)| (format!("level-{}-{at}", text(&line, "codec")), line));
    for (name, line) in lines.chain(levels) {
        let log = golden::unhex(text(&line, "hex"));
        let is_legacy = log[16] < 2;
        let target = if is_legacy {
            "legacy_records"
        } else {
            "record_batches"
        };
        corpora.add(target, &name, &[&[0], &log[..]].concat());
        for batch in Batches::new(log).flatten() {
            let (Ok(compression), Ok(block)) = (batch.compression(), batch.decompressed(1 << 20))
            else {
                continue;
            };
            // The batch with its records as they are, for the target to compress.
            let codec = compression.id();
            let header = &batch.bytes()[..if is_legacy { 0 } else { 61 }];
            let form = if is_legacy {
                codec | batch.magic() << 3
            } else {
                codec
            };
            if compression != Compression::None {
                corpora.add(
                    target,
                    &format!("{name}-plain"),
                    &[&[form], header, block.data()].concat(),
                );
            }
            if !is_legacy {
                let section = &batch.bytes()[61..];
                corpora.add("compression", &name, &[&[codec, 255], section].concat());
                corpora.add(
                    "compression",
                    &format!("{name}-plain"),
                    &[&[codec | 2 << 3, 255], &block.data()[..]].concat(),
                );
            }
        }
    }
}

/// Records of Kafka's own topics.
fn payloads(corpora: &mut Corpora) {
    let lines = |text: &str| -> Vec<Json> {
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    };
    let vectors = lines(include_str!("../../tests/payloads/vectors.jsonl"));
    for (at, line) in vectors.iter().enumerate() {
        let name = format!("{}-{at}", text(line, "name"));
        let bytes = golden::unhex(text(line, "hex"));
        let version = line["version"].as_i64().expect("a version") as i16;
        if text(line, "kind") == "data" {
            corpora.data(text(line, "name"), version, &name, &bytes);
            continue;
        }
        let key = vectors
            .iter()
            .find(|key| key["kind"] == "key" && key["type"] == line["type"] && is_about(key, line));
        let key = key.expect("a key for each value");
        let record_type = key["type"].as_i64().expect("a type") as i16;
        let key = [
            &record_type.to_be_bytes(),
            &golden::unhex(text(key, "hex"))[..],
        ]
        .concat();
        let value = [&version.to_be_bytes(), &bytes[..]].concat();
        let value = (text(line, "kind") == "value").then_some(&value[..]);
        corpora.add(
            "payloads",
            &name,
            &payloads::input(topic(line), &payloads::record(&key, value)),
        );
    }
    for (at, line) in lines(include_str!("../../tests/payloads/records.jsonl"))
        .iter()
        .enumerate()
    {
        let key = golden::unhex(text(line, "key"));
        let value = line["value"].as_str().map(golden::unhex);
        let payload = match text(line, "topic") {
            "__transaction_state" => Payload::TransactionLogRecord,
            _ => Payload::OffsetsRecord,
        };
        let record = payloads::record(&key, value.as_deref());
        corpora.add(
            "payloads",
            &format!("record-{at}"),
            &payloads::input(payload, &record),
        );
    }
    for (at, line) in golden::lines("consumer_protocol").enumerate() {
        let payload = match text(&line, "kind") {
            "subscription" => Payload::Subscription,
            _ => Payload::Assignment,
        };
        let input = payloads::input(payload, &golden::unhex(text(&line, "hex")));
        corpora.add("payloads", &format!("consumer-protocol-{at}"), &input);
    }
}

/// Whether the key and the value are of the same topic: the types of each begin at 0.
fn is_about(key: &Json, line: &Json) -> bool {
    topic(key) as u8 == topic(line) as u8
}

fn topic(line: &Json) -> Payload {
    match text(line, "name").starts_with("TransactionLog") {
        true => Payload::TransactionLogRecord,
        false => Payload::OffsetsRecord,
    }
}

/// What the sticky assignors say: no vector has it, so it is made here.
fn assignors(corpora: &mut Corpora) {
    let topic = TopicAssignment {
        topic: "orders".into(),
        partitions: vec![0, 2],
        ..Default::default()
    };
    for version in [0, 1] {
        let had = StickyAssignorUserData {
            previous_assignment: vec![topic.clone(); 2],
            generation: 7,
            ..Default::default()
        };
        let bytes = had.encode(version).expect("a version of it").into_bytes();
        corpora.add(
            "payloads",
            &format!("sticky-{version}"),
            &payloads::input(Payload::StickyAssignor, &bytes),
        );
    }
    corpora.add(
        "payloads",
        "cooperative-sticky",
        &payloads::input(Payload::CooperativeStickyAssignor, &[0, 0, 0, 7]),
    );
}
