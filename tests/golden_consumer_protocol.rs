//! Every golden vector of what members of a group tell each other, both ways: alone, and behind its version.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_proto::codec::Message;
use kafka_proto::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use serde_json::Value as Json;
use tests::golden;

fn bytes_of(line: &Json) -> Bytes {
    golden::unhex(line["hex"].as_str().expect("hexadecimal digits"))
}

fn check<M: Message>(line: &Json) {
    let version = line["version"].as_i64().expect("a version") as i16;
    let message = M::decode(bytes_of(line), version).expect("decodes");
    assert_eq!(
        message.to_json(version).expect("a version of ours"),
        line["json"]
    );
    assert_eq!(
        message.encode(version).expect("encodes").into_bytes(),
        bytes_of(line)
    );
    assert_eq!(
        M::from_json(&line["json"], version).expect("reads JSON"),
        message
    );
}

#[test]
fn every_message_of_the_consumer_protocol_is_read_and_written_as_kafka_does() {
    let mut checked = 0;
    for line in golden::lines("messages") {
        match line["api"].as_str() {
            Some("ConsumerProtocolSubscription") => check::<ConsumerProtocolSubscription>(&line),
            Some("ConsumerProtocolAssignment") => check::<ConsumerProtocolAssignment>(&line),
            _ => continue,
        }
        checked += 1;
    }
    println!("messages: {checked} vectors of the consumer protocol checked");
    assert!(checked > 0);
}

/// Reads what is behind the version, writes it again, and gives the message.
fn both_ways<M: Message>(line: &Json) -> M {
    let mut bytes = bytes_of(line);
    let version = bytes.get_i16();
    assert_eq!(Json::from(version), line["version"]);
    let message = M::decode(bytes, version).expect("decodes");
    let mut written = BytesMut::new();
    written.put_i16(version);
    written.put(message.encode(version).expect("encodes").into_bytes());
    assert_eq!(written.freeze(), bytes_of(line));
    message
}

fn pairs<'a>(topics: impl Iterator<Item = (&'a str, &'a [i32])>) -> Json {
    topics
        .flat_map(|(topic, numbers)| {
            numbers
                .iter()
                .map(move |number| serde_json::json!([topic, number]))
        })
        .collect()
}

fn check_user_data(line: &Json, user_data: Option<Bytes>) {
    let expected = line["user_data"].as_str().map(golden::unhex);
    assert_eq!(user_data, expected);
}

#[test]
fn every_subscription_and_assignment_means_what_kafka_meant() {
    let mut checked = 0;
    for line in golden::lines("consumer_protocol") {
        match line["kind"].as_str() {
            Some("subscription") => {
                golden::check_fields(
                    &line,
                    &[
                        "kind",
                        "version",
                        "hex",
                        "topics",
                        "user_data",
                        "owned",
                        "generation",
                        "rack",
                    ],
                );
                let message: ConsumerProtocolSubscription = both_ways(&line);
                let topics: Json = message
                    .topics
                    .iter()
                    .map(|topic| Json::from(&**topic))
                    .collect();
                assert_eq!(topics, line["topics"]);
                check_user_data(&line, message.user_data.clone());
                if let Some(owned) = line.get("owned") {
                    let ours = message
                        .owned_partitions
                        .iter()
                        .map(|topic| (&*topic.topic, &topic.partitions[..]));
                    assert_eq!(pairs(ours), *owned);
                }
                if let Some(generation) = line.get("generation") {
                    assert_eq!(Json::from(message.generation_id), *generation);
                }
                if let Some(rack) = line.get("rack") {
                    assert_eq!(message.rack_id.as_deref(), rack.as_str());
                }
            }
            Some("assignment") => {
                golden::check_fields(
                    &line,
                    &["kind", "version", "hex", "partitions", "user_data"],
                );
                let message: ConsumerProtocolAssignment = both_ways(&line);
                let ours = message
                    .assigned_partitions
                    .iter()
                    .map(|topic| (&*topic.topic, &topic.partitions[..]));
                assert_eq!(pairs(ours), line["partitions"]);
                check_user_data(&line, message.user_data.clone());
            }
            other => panic!("unknown kind {other:?}"),
        }
        checked += 1;
    }
    println!("consumer_protocol: {checked} vectors checked");
    assert!(checked > 0);
}
