//! Every golden vector of a message: what Kafka's own classes wrote is read as what they meant, and written as they did.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use kafka_proto::api::APIS;
use kafka_proto::codec::json::JsonValue;
use kafka_proto::codec::{Message, RawTaggedField, Request};
use kafka_proto::messages::*;
use serde_json::Value as Json;
use tests::golden;

/// Checks one vector of one message both ways.
fn check<M: Message + JsonValue>(vector: &Vector) {
    let version = vector.version;
    let mut message = M::decode(vector.bytes.clone(), version).expect("decodes");
    assert_eq!(
        message.to_json(version).expect("a version of ours"),
        vector.json,
        "values"
    );
    let encoded = message.encode(version).expect("encodes");
    assert_eq!(message.encoded_size(version), Ok(encoded.len));
    assert_eq!(
        hex(&encoded.into_bytes()),
        hex(&vector.bytes),
        "bytes, with unknown tagged fields kept"
    );

    // The values alone must give the bytes too, but for the tagged fields that have no name.
    let from_json = M::from_json(&vector.json, version).expect("reads JSON");
    if vector.unknown_tags.is_empty() {
        assert_eq!(from_json, message, "JSON and bytes mean the same");
        message = from_json;
        assert_eq!(
            hex(&message.encode(version).expect("encodes").into_bytes()),
            hex(&vector.bytes)
        );
    }
}

struct Vector {
    api: String,
    key: Option<i64>,
    version: i16,
    kind: String,
    json: Json,
    bytes: Bytes,
    header_version: i16,
    header_json: Json,
    header: Bytes,
    unknown_tags: Vec<RawTaggedField>,
}

impl Vector {
    fn new(line: &Json) -> Self {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let tags = line["unknown_tags"].as_array().cloned().unwrap_or_default();
        Self {
            api: text("api"),
            key: line["key"].as_i64(),
            version: line["version"].as_i64().expect("a version") as i16,
            kind: text("kind"),
            json: line["json"].clone(),
            bytes: golden::unhex(&text("hex")),
            header_version: line["header_version"].as_i64().unwrap_or(-1) as i16,
            header_json: line["header_json"].clone(),
            header: golden::unhex(&text("header")),
            unknown_tags: tags
                .iter()
                .map(|tag| RawTaggedField {
                    tag: tag["tag"].as_u64().expect("a tag") as u32,
                    data: golden::unhex(tag["hex"].as_str().expect("its bytes")),
                })
                .collect(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

type Check = fn(&Vector);

/// What checks the requests and the responses of an API key.
fn checks() -> BTreeMap<i64, (Check, Check)> {
    fn of<R>() -> (i64, (Check, Check))
    where
        R: Request + JsonValue,
        R::Response: JsonValue,
    {
        (i64::from(R::KEY), (check::<R>, check::<R::Response>))
    }
    BTreeMap::from([
        of::<ProduceRequest>(),
        of::<FetchRequest>(),
        of::<ListOffsetsRequest>(),
        of::<MetadataRequest>(),
        of::<OffsetCommitRequest>(),
        of::<OffsetFetchRequest>(),
        of::<FindCoordinatorRequest>(),
        of::<JoinGroupRequest>(),
        of::<HeartbeatRequest>(),
        of::<LeaveGroupRequest>(),
        of::<SyncGroupRequest>(),
        of::<SaslHandshakeRequest>(),
        of::<ApiVersionsRequest>(),
        of::<CreateTopicsRequest>(),
        of::<DeleteTopicsRequest>(),
        of::<InitProducerIdRequest>(),
        of::<SaslAuthenticateRequest>(),
    ])
}

fn check_header(vector: &Vector) {
    if vector.kind == "request" {
        let header =
            RequestHeader::decode(vector.header.clone(), vector.header_version).expect("a header");
        assert_eq!(
            Json::from(header.correlation_id),
            vector.header_json["correlationId"]
        );
        assert_eq!(header.request_api_version, vector.version);
        let bytes = header
            .encode(vector.header_version)
            .expect("encodes")
            .into_bytes();
        assert_eq!(hex(&bytes), hex(&vector.header));
    } else {
        let header =
            ResponseHeader::decode(vector.header.clone(), vector.header_version).expect("a header");
        assert_eq!(
            Json::from(header.correlation_id),
            vector.header_json["correlationId"]
        );
        let bytes = header
            .encode(vector.header_version)
            .expect("encodes")
            .into_bytes();
        assert_eq!(hex(&bytes), hex(&vector.header));
    }
}

#[test]
fn every_message_is_read_and_written_as_kafka_does() {
    let checks = checks();
    assert_eq!(
        checks.len(),
        APIS.len(),
        "every API that has a definition is checked"
    );
    let mut checked = 0;
    let mut without_definition = BTreeMap::new();
    let mut failures = Vec::new();
    for line in golden::lines("messages") {
        let vector = Vector::new(&line);
        let Some(&(request, response)) = vector.key.and_then(|key| checks.get(&key)) else {
            *without_definition.entry(vector.api).or_insert(0) += 1;
            continue;
        };
        let check = match vector.kind.as_str() {
            "request" => request,
            "response" => response,
            other => panic!("unknown kind {other}"),
        };
        let run = catch_unwind(AssertUnwindSafe(|| {
            check_header(&vector);
            check(&vector);
        }));
        if run.is_err() {
            failures.push(format!(
                "{} {} v{} {}",
                vector.api, vector.kind, vector.version, line["variant"]
            ));
        }
        checked += 1;
    }
    println!(
        "messages: {checked} vectors of {} APIs checked",
        checks.len()
    );
    println!(
        "messages: no definition yet for {} others",
        without_definition.len()
    );
    assert!(
        failures.is_empty(),
        "{} vectors differ: {failures:#?}",
        failures.len()
    );
    assert!(checked > 0);
}

#[test]
fn versions_and_headers_of_every_api_are_kafkas() {
    let mut checked = 0;
    for line in golden::lines("apis") {
        let Some(api) = APIS.iter().find(|api| i64::from(api.key) == line["key"]) else {
            continue;
        };
        assert_eq!(api.name, line["api"]);
        assert_eq!(i64::from(api.versions.min), line["min"], "{}", api.name);
        assert_eq!(i64::from(api.versions.max), line["max"], "{}", api.name);
        assert_eq!(
            i64::from(api.stable.max),
            line["max_stable"],
            "{}",
            api.name
        );
        for version in api.versions.min..=api.versions.max {
            let at = (version - api.versions.min) as usize;
            assert_eq!(
                i64::from((api.request_header)(version)),
                line["request_header"][at],
                "{}",
                api.name
            );
            assert_eq!(
                i64::from((api.response_header)(version)),
                line["response_header"][at],
                "{}",
                api.name
            );
        }
        checked += 1;
    }
    println!("apis: {checked} checked");
    assert_eq!(checked, APIS.len());
}
