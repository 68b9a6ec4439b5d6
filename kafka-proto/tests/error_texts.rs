//! What bad bytes are answered with: each text says what is wrong, in which field and at which byte, and what was expected.

use bytes::{Bytes, BytesMut};
use kafka_proto::api::api_of;
use kafka_proto::codec::{DecodeError, Message};
use kafka_proto::frame;
use kafka_proto::messages::*;
use kafka_proto::payloads::{OffsetsRecord, Versioned};

/// Decodes what is no such message, and gives the error's text.
fn text_of<M: Message>(bytes: &[u8], version: i16) -> String {
    let error = M::decode(Bytes::copy_from_slice(bytes), version);
    error.expect_err("it is no such message").to_string()
}

/// Two topics, the second with two partitions, in version 1.
fn metadata() -> Vec<u8> {
    let topic = |name: &str, partitions: usize| {
        let partition = metadata::MetadataResponsePartition {
            leader_id: 3,
            ..Default::default()
        };
        metadata::MetadataResponseTopic {
            name: Some(name.into()),
            partitions: vec![partition; partitions],
            ..Default::default()
        }
    };
    let response = MetadataResponse {
        topics: vec![topic("a", 0), topic("b", 2)],
        ..Default::default()
    };
    response.encode(1).expect("version 1").into_bytes().to_vec()
}

#[test]
fn an_error_names_the_field_and_the_byte() {
    let metadata = metadata();
    assert_eq!(metadata.len(), 12 + 10 + 10 + 2 * 18);
    let cut = |len: usize| text_of::<MetadataResponse>(&metadata[..len], 1);
    let mut huge = metadata.clone();
    huge[18..22].copy_from_slice(&i32::MAX.to_be_bytes());
    let mut no_text = metadata.clone();
    no_text[16] = 0xff;
    let cases = [
        (
            cut(40),
            "MetadataResponse.topics[1].partitions[0].leader_id: the bytes end early: 4 needed, 2 left, at byte 38",
        ),
        (
            cut(3),
            "MetadataResponse.brokers: the bytes end early: 4 needed, 3 left, at byte 0",
        ),
        (
            cut(16),
            "MetadataResponse.topics[0].name: the bytes end early: 1 needed, 0 left, at byte 16",
        ),
        (
            text_of::<MetadataResponse>(&huge, 1),
            "MetadataResponse.topics[0].partitions: the bytes end early: 2147483647 needed, 46 left, at byte 22",
        ),
        (
            text_of::<MetadataResponse>(&no_text, 1),
            "MetadataResponse.topics[0].name: text that is not UTF-8, at byte 16",
        ),
        (
            text_of::<MetadataResponse>(&[&metadata[..], b"!!"].concat(), 1),
            "MetadataResponse: 2 bytes left over after the message, at byte 68",
        ),
        (
            text_of::<MetadataRequest>(b"\xff\xff\xff\xff", 0),
            "MetadataRequest.topics: null where this version allows none, at byte 0",
        ),
        (
            text_of::<MetadataRequest>(b"\0\0\0\x01\xff\xff", 1),
            "MetadataRequest.topics[0].name: null where this version allows none, at byte 4",
        ),
        (
            text_of::<MetadataRequest>(b"\x02\0\0\x01\0\0\0", 9),
            "MetadataRequest.topics[0].name: null where this version allows none, at byte 1",
        ),
        (
            text_of::<MetadataRequest>(b"\xff\xff\xff\xfe", 1),
            "MetadataRequest.topics: length -2, expected 0 or more, or -1 for null, at byte 0",
        ),
        (
            text_of::<HeartbeatRequest>(b"\x80\0", 0),
            "HeartbeatRequest.group_id: length -32768, expected 0 or more, or -1 for null, at byte 0",
        ),
        (
            text_of::<HeartbeatRequest>(b"\xff\xff\xff\xff\xff\x0f", 4),
            "HeartbeatRequest.group_id: a variable-length integer is longer than the 5 bytes that it may take, at byte 0",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(text, expected);
    }
}

#[test]
fn an_error_in_tagged_fields_names_the_tag() {
    let cases = [
        (
            text_of::<HeartbeatResponse>(b"\0\0\0\0\0\0\x02\x05\0\x05\0", 4),
            "HeartbeatResponse: tag 5 after tag 5: tags ascend, at byte 9",
        ),
        (
            text_of::<HeartbeatResponse>(b"\0\0\0\0\0\0\x01\x05\x09!", 4),
            "HeartbeatResponse: the bytes end early: 9 needed, 1 left, at byte 9",
        ),
        (
            text_of::<ApiVersionsResponse>(b"\0\0\x01\0\0\0\0\x01\x01\x09\0\0\0\0\0\0\0\x01\0", 3),
            "ApiVersionsResponse: tag 1 has 1 bytes more than its value, at byte 18",
        ),
        (
            text_of::<ApiVersionsResponse>(b"\0\0\x01\0\0\0\0\x01\x01\x04\0\0\0\0", 3),
            "ApiVersionsResponse.finalized_features_epoch: the bytes end early: 8 needed, 4 left, at byte 10",
        ),
        (
            text_of::<ProduceResponse>(b"\x01\0\0\0\0\x01\0\x06\x02\0\0\0\x03\x09", 10),
            "ProduceResponse.node_endpoints[0].host: the bytes end early: 8 needed, 0 left, at byte 14",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(text, expected);
    }
}

#[test]
fn an_unknown_version_is_answered_with_those_there_are() {
    let no_version = |version| text_of::<HeartbeatRequest>(b"", version);
    assert_eq!(
        no_version(5),
        "HeartbeatRequest has no version 5 (it has 0-4)"
    );
    assert_eq!(
        no_version(-1),
        "HeartbeatRequest has no version -1 (it has 0-4)"
    );
    let error = HeartbeatRequest::default()
        .encode(5)
        .expect_err("no such version");
    assert_eq!(
        error.to_string(),
        "HeartbeatRequest has no version 5 (it has 0-4)"
    );
    let error = api_of(12)
        .expect("an API")
        .context(5)
        .expect_err("no such version");
    assert_eq!(error.to_string(), "Heartbeat has no version 5 (it has 0-4)");

    let payload = Versioned::<ConsumerProtocolAssignment>::decode(Bytes::from_static(b"\0\x09"));
    let error = payload.expect_err("no such version").to_string();
    assert_eq!(
        error,
        "ConsumerProtocolAssignment has no version 9 (it has 0-3)"
    );
    let key = Bytes::from_static(b"\0\x01\0\x01g\0\x01t\0\0\0\x07");
    let record = OffsetsRecord::parse(key, Some(Bytes::from_static(b"\0\x09")));
    let error = record.expect_err("no such version").to_string();
    assert_eq!(error, "OffsetCommitValue has no version 9 (it has 0-4)");
}

#[test]
fn a_value_that_a_version_cannot_express_is_named() {
    let topic = metadata::MetadataRequestTopic {
        name: None,
        ..Default::default()
    };
    let request = MetadataRequest {
        topics: Some(vec![topic]),
        ..Default::default()
    };
    let cases = [
        (
            request.encode(1),
            "MetadataRequest.topics[0].name: null is not allowed in version 1",
        ),
        (
            FetchRequest {
                replica_id: 3,
                ..Default::default()
            }
            .encode(15),
            "FetchRequest.replica_id: version 15 has no such field (it is in 0-14), and its value is not the default",
        ),
        (
            HeartbeatRequest {
                member_id: "m".repeat(32_768).into(),
                ..Default::default()
            }
            .encode(0),
            "HeartbeatRequest.member_id: length 32768 is over the limit of 32767",
        ),
    ];
    for (encoded, expected) in cases {
        assert_eq!(
            encoded.expect_err("it cannot be written").to_string(),
            expected
        );
    }
}

#[test]
fn a_frame_that_is_none_is_answered_with_what_it_may_be() {
    let not_kafka = frame::take_frame(&mut BytesMut::from(&b"HTTP/1.1"[..]), 1 << 20);
    assert_eq!(
        not_kafka.expect_err("too long").to_string(),
        "a frame of 1213486160 bytes (the limit is 1048576): is the other side a Kafka listener, and without TLS?"
    );
    let header = |bytes: &'static [u8]| -> Result<_, DecodeError> {
        let (header, api, _) = frame::decode_request_header(&Bytes::from_static(bytes))?;
        Ok((header.request_api_key, api.map(|api| api.name)))
    };
    // Whoever answers has to say something to an API that is not known, so that it is no error here.
    assert_eq!(header(b"\x03\xe7\0\0\0\0\0\x07\xff\xff"), Ok((999, None)));
    assert_eq!(
        header(b"\0\x03\0\x01\0\0\0\x07\0\x05me")
            .expect_err("cut off")
            .to_string(),
        "RequestHeader.client_id: the bytes end early: 5 needed, 2 left, at byte 10"
    );
}

#[cfg(feature = "serde")]
#[test]
fn an_error_in_json_names_the_field_and_what_was_found() {
    let text_of = |json: &str| {
        let json = serde_json::from_str(json).expect("JSON");
        MetadataRequest::from_json(&json, 1)
            .expect_err("no such message")
            .to_string()
    };
    let cases = [
        (
            r#"[]"#,
            "MetadataRequest: JSON: expected MetadataRequest, found []",
        ),
        (r#"{}"#, "MetadataRequest.topics: JSON: missing"),
        (
            r#"{"topics":7}"#,
            "MetadataRequest.topics: JSON: expected an array, found 7",
        ),
        (
            r#"{"topics":[{"name":7}]}"#,
            "MetadataRequest.topics[0].name: JSON: expected a text, found 7",
        ),
        (
            r#"{"topics":[],"topic":1}"#,
            r#"MetadataRequest: JSON: MetadataRequest has no field "topic""#,
        ),
    ];
    for (json, expected) in cases {
        assert_eq!(text_of(json), expected);
    }
}
