//! Every golden vector of a message: what Kafka's own classes wrote is read as what they meant, and written as they did.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use kafka_proto::api::APIS;
use kafka_proto::codec::{Message, Request, Struct};
use kafka_proto::messages::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, DefaultPrincipalData, RequestHeader,
    ResponseHeader,
};
use kafka_proto::payloads::control::{EndTxnMarker, LeaderChangeMessage};
use serde_json::Value as Json;
use tests::apis::{self, PerApi};
use tests::golden;

/// One line of `messages`.
struct Vector {
    /// The message's name: `ProduceRequest`, `DefaultPrincipalData`.
    message: String,
    version: i16,
    variant: String,
    json: Json,
    bytes: Bytes,
    has_unknown_tags: bool,
    /// What stands before a request or a response; nothing before data.
    header: Option<Header>,
}

struct Header {
    version: i16,
    json: Json,
    bytes: Bytes,
}

impl Vector {
    fn new(line: &Json) -> Self {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| line[name].as_i64().expect("a version") as i16;
        let kind = text("kind");
        let message = match kind.as_str() {
            "request" => text("api") + "Request",
            "response" => text("api") + "Response",
            "data" => text("api"),
            other => panic!("unknown kind {other:?}: {line}"),
        };
        Self {
            message,
            version: number("version"),
            variant: text("variant"),
            json: line["json"].clone(),
            bytes: golden::unhex(&text("hex")),
            has_unknown_tags: line["unknown_tags"].is_array(),
            header: (kind != "data").then(|| Header {
                version: number("header_version"),
                json: line["header_json"].clone(),
                bytes: golden::unhex(&text("header")),
            }),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a message from bytes and from JSON, and writes both, each way.
fn check_message<M: Message>(vector: &Vector) {
    let version = vector.version;
    let message = M::decode(vector.bytes.clone(), version).expect("decodes");
    let json = message.to_json(version).expect("has a JSON form");
    assert_eq!(json, vector.json, "values");
    let encoded = message.encode(version).expect("encodes");
    assert_eq!(message.encoded_size(version), Ok(encoded.len()));
    let bytes = encoded.into_bytes();
    assert_eq!(hex(&bytes), hex(&vector.bytes), "bytes");

    // The values alone mean the same, but for the tagged fields that have no name.
    let named = M::from_json(&vector.json, version).expect("reads JSON");
    assert_eq!(named == message, !vector.has_unknown_tags, "{named:?}");
    assert_eq!(named.to_json(version).as_ref(), Ok(&vector.json));
    let bytes = named.encode(version).expect("encodes").into_bytes();
    assert_eq!(M::decode(bytes, version), Ok(named));
}

fn check_header<H: Message>(vector: &Vector) {
    let header = vector.header.as_ref().expect("a header");
    let read = H::decode(header.bytes.clone(), header.version).expect("a header");
    let json = read.to_json(header.version).expect("has a JSON form");
    for (name, value) in header.json.as_object().expect("an object") {
        assert_eq!(&json[name], value, "{name} of the header");
    }
    let bytes = read.encode(header.version).expect("encodes").into_bytes();
    assert_eq!(hex(&bytes), hex(&header.bytes), "bytes of the header");
}

type Check = fn(&Vector);

/// The checks of a request and its response.
struct Checks;

impl PerApi for Checks {
    type Made = [(&'static str, Check); 2];

    fn made<R: Request>() -> Self::Made {
        let request = |vector: &Vector| {
            check_header::<RequestHeader>(vector);
            check_message::<R>(vector);
        };
        let response = |vector: &Vector| {
            check_header::<ResponseHeader>(vector);
            check_message::<R::Response>(vector);
        };
        [
            (R::NAME, request),
            (<R::Response as Struct>::NAME, response),
        ]
    }
}

/// What checks each message, by the message's name.
fn checks() -> BTreeMap<&'static str, Check> {
    fn data<M: Message>() -> (&'static str, Check) {
        (M::NAME, check_message::<M>)
    }
    let data = [
        data::<ConsumerProtocolAssignment>(),
        data::<ConsumerProtocolSubscription>(),
        data::<DefaultPrincipalData>(),
        data::<EndTxnMarker>(),
        data::<LeaderChangeMessage>(),
    ];
    let apis = apis::every::<Checks>();
    apis.into_iter().flatten().chain(data).collect()
}

#[test]
fn every_message_is_read_and_written_as_kafka_does() {
    let checks = checks();
    let mut seen = BTreeMap::from_iter(checks.keys().map(|&name| (name.to_owned(), 0)));
    let mut failures = Vec::new();
    for line in golden::lines("messages") {
        let vector = Vector::new(&line);
        let about = format!("{} v{} {}", vector.message, vector.version, vector.variant);
        match checks.get(vector.message.as_str()) {
            None => failures.push(format!("{about}: no such message here")),
            Some(check) => {
                if catch_unwind(AssertUnwindSafe(|| check(&vector))).is_err() {
                    failures.push(about);
                }
            }
        }
        *seen.entry(vector.message).or_insert(0) += 1;
    }
    let vectors: usize = seen.values().sum();
    println!("messages: {vectors} vectors of {} messages", seen.len());
    assert!(
        failures.is_empty(),
        "{} vectors differ: {failures:#?}",
        failures.len()
    );
    seen.retain(|_, vectors| *vectors == 0);
    assert!(seen.is_empty(), "messages without a vector: {seen:?}");
}

/// An API that no broker offers its clients is one among controllers, or one that is gone.
#[test]
fn versions_and_headers_of_every_api_are_kafkas() {
    let mut ours = APIS.iter();
    let mut vectors = 0;
    for line in golden::lines("apis") {
        vectors += 1;
        let listeners = line["listeners"].as_array().expect("a list");
        if !listeners.iter().any(|listener| listener == "broker") {
            continue;
        }
        let api = ours.next().expect("an API for each that brokers offer");
        assert_eq!(api.name, line["api"]);
        assert_eq!(i64::from(api.key), line["key"], "{}", api.name);
        assert_eq!(i64::from(api.versions.min), line["min"], "{}", api.name);
        assert_eq!(i64::from(api.versions.max), line["max"], "{}", api.name);
        assert_eq!(
            i64::from(api.stable.max),
            line["max_stable"],
            "{}",
            api.name
        );
        let headers = |version: fn(i16) -> i16| {
            let versions = api.versions.min..=api.versions.max;
            Json::from_iter(versions.map(version))
        };
        assert_eq!(
            headers(api.request_header),
            line["request_header"],
            "{}",
            api.name
        );
        assert_eq!(
            headers(api.response_header),
            line["response_header"],
            "{}",
            api.name
        );
    }
    println!("apis: {vectors} vectors");
    assert!(ours.next().is_none(), "an API that Kafka does not have");
}
