//! Headers, lengths, nulls and tagged fields.

use bytes::{Bytes, BytesMut};
use kafka_proto::codec::{
    DecodeErrorKind, EncodeErrorKind, Message, RawTaggedField, Request, UnknownTaggedFields,
};
use kafka_proto::frame;
use kafka_proto::messages::*;
use kafka_proto::payloads::transaction_log::TransactionLogValue;

use super::{check, decode, encoded};

/// Hazard 1.
#[test]
fn the_answer_to_api_versions_never_has_a_header_of_version_1() {
    let response = ApiVersionsResponse::default();
    for version in 0..=4 {
        let frame = frame::encode_response::<ApiVersionsRequest>(&response, version, 7);
        let frame = frame.expect("a version of it").into_bytes().slice(4..);
        let body = encoded(&response, version);
        assert_eq!(
            frame,
            [&7i32.to_be_bytes(), &body[..]].concat(),
            "version {version}"
        );
        let read = frame::decode_response::<ApiVersionsRequest>(frame, version);
        assert_eq!(read.as_ref(), Ok(&response));
    }
    // Others have tagged fields behind the correlation id from their first flexible version on.
    let response = HeartbeatResponse::default();
    for (version, header) in [(3, &[0, 0, 0, 7][..]), (4, &[0, 0, 0, 7, 0])] {
        let frame = frame::encode_response::<HeartbeatRequest>(&response, version, 7);
        let frame = frame.expect("a version of it").into_bytes().slice(4..);
        assert_eq!(frame, [header, &encoded(&response, version)].concat());
    }
}

/// Hazard 2.
#[test]
fn the_client_id_keeps_its_long_length_and_may_be_null() {
    let header = RequestHeader {
        request_api_key: 18,
        request_api_version: 3,
        correlation_id: 7,
        client_id: Some("me".into()),
        ..Default::default()
    };
    check(&header, 1, b"\0\x12\0\x03\0\0\0\x07\0\x02me");
    check(&header, 2, b"\0\x12\0\x03\0\0\0\x07\0\x02me\0");
    let anonymous = RequestHeader {
        client_id: None,
        ..header
    };
    check(&anonymous, 1, b"\0\x12\0\x03\0\0\0\x07\xff\xff");
    check(&anonymous, 2, b"\0\x12\0\x03\0\0\0\x07\xff\xff\0");
}

/// Hazard 3. That the answer is not taken for the broker's whole table is the client's part.
#[test]
fn a_refusal_of_the_version_of_api_versions_is_read_in_version_0() {
    // UNSUPPORTED_VERSION, and the one API: 18 in versions 0 to 3.
    let frame = b"\0\0\0\x07\0\x23\0\0\0\x01\0\x12\0\0\0\x03";
    let frame = Bytes::from_static(frame);
    let response = frame::decode_response::<ApiVersionsRequest>(frame.clone(), 0);
    let response = response.expect("version 0");
    assert_eq!(response.error_code, 35);
    let versions: Vec<_> = response
        .api_keys
        .iter()
        .map(|api| (api.api_key, api.max_version))
        .collect();
    assert_eq!(versions, [(18, 3)]);
    // What was asked for in version 4 cannot be read as version 4.
    assert!(frame::decode_response::<ApiVersionsRequest>(frame, 4).is_err());
}

/// Hazard 4. The name itself is the client's part.
#[test]
fn the_software_of_a_client_is_named_from_version_3_on() {
    let request = ApiVersionsRequest {
        client_software_name: "kafka-rust".into(),
        client_software_version: "1".into(),
        ..Default::default()
    };
    assert_eq!(encoded(&request, 2), "");
    check(&request, 3, b"\x0bkafka-rust\x021\0");
}

/// Hazard 5. What follows a handshake is the client's part.
#[test]
fn handshakes_and_deletions_of_offsets_are_never_flexible() {
    assert!(SaslHandshakeRequest::FLEXIBLE.is_empty() && OffsetDeleteRequest::FLEXIBLE.is_empty());
    let handshake = SaslHandshakeRequest {
        mechanism: "PLAIN".into(),
        ..Default::default()
    };
    for version in [0, 1] {
        check(&handshake, version, b"\0\x05PLAIN");
        assert_eq!(SaslHandshakeRequest::header_version(version), 1);
        assert_eq!(SaslHandshakeRequest::response_header_version(version), 0);
    }
    let deletion = OffsetDeleteRequest {
        group_id: "g".into(),
        ..Default::default()
    };
    check(&deletion, 0, b"\0\x01g\0\0\0\0");
    assert_eq!(OffsetDeleteRequest::header_version(0), 1);
    assert_eq!(OffsetDeleteRequest::response_header_version(0), 0);
    // Tokens are wrapped in requests of their own, whose later versions are flexible.
    let token = SaslAuthenticateRequest {
        auth_bytes: Bytes::from_static(b"t"),
        ..Default::default()
    };
    check(&token, 0, b"\0\0\0\x01t");
    check(&token, 2, b"\x02t\0");
}

/// Hazard 6.
#[test]
fn every_struct_of_a_flexible_version_ends_in_tagged_fields() {
    let topic = metadata::MetadataRequestTopic {
        name: Some("t".into()),
        ..Default::default()
    };
    let request = MetadataRequest {
        topics: Some(vec![topic; 2]),
        ..Default::default()
    };
    check(&request, 9, b"\x03\x02t\0\x02t\0\x01\0\0\0");
    check(&request, 8, b"\0\0\0\x02\0\x01t\0\x01t\x01\0\0");
}

/// Hazard 6.
#[test]
fn tagged_fields_that_nobody_knows_are_kept_at_every_level() {
    let bytes = b"\x02\x02t\x01\x2a\x03new\x01\0\0\x02\x05\x01!\x2a\0";
    let request = decode::<MetadataRequest>(bytes, 9).expect("it is one");
    let topic = &request.topics.as_ref().expect("topics")[0];
    let tags = |fields: &UnknownTaggedFields| -> Vec<(u32, Bytes)> {
        fields
            .iter()
            .map(|field| (field.tag, field.data.clone()))
            .collect()
    };
    assert_eq!(
        tags(&topic.unknown_tagged_fields),
        [(42, Bytes::from_static(b"new"))]
    );
    assert_eq!(
        tags(&request.unknown_tagged_fields),
        [(5, Bytes::from_static(b"!")), (42, Bytes::new())]
    );
    check(&request, 9, bytes);
}

/// Hazard 6. The definition has tag 3 before tag 2, and the unknown one comes from somebody newer.
#[test]
fn tags_ascend_in_whatever_order_they_are_declared() {
    let unknown = |tag| RawTaggedField {
        tag,
        data: Bytes::new(),
    };
    let value = TransactionLogValue {
        next_producer_epoch: 5,
        client_transaction_version: 2,
        unknown_tagged_fields: vec![unknown(9)].into(),
        ..Default::default()
    };
    let tags = b"\x03\x02\x02\0\x02\x03\x02\0\x05\x09\0";
    assert!(encoded(&value, 1).ends_with(tags));
    assert_eq!(
        TransactionLogValue::decode(encoded(&value, 1), 1).as_ref(),
        Ok(&value)
    );
    let request = FetchRequest {
        cluster_id: Some("c".into()),
        replica_state: fetch::ReplicaState {
            replica_epoch: 4,
            ..Default::default()
        },
        unknown_tagged_fields: vec![unknown(7), unknown(5)].into(),
        ..Default::default()
    };
    let tags = b"\x04\0\x02\x02c\x01\x0d\xff\xff\xff\xff\0\0\0\0\0\0\0\x04\0\x05\0\x07\0";
    assert!(encoded(&request, 15).ends_with(tags));
}

/// Hazard 6.
#[test]
fn tags_ascend_and_fill_their_size() {
    let out_of_order = decode::<HeartbeatResponse>(b"\0\0\0\0\0\0\x02\x05\0\x05\0", 4);
    let (tag, previous) = (5, 5);
    assert_eq!(
        out_of_order.unwrap_err().kind,
        DecodeErrorKind::TagOrder { tag, previous }
    );
    // The finalized features' epoch takes eight bytes and not nine.
    let too_long = b"\0\0\x01\0\0\0\0\x01\x01\x09\0\0\0\0\0\0\0\x01\0";
    let error = decode::<ApiVersionsResponse>(too_long, 3).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::TagSize { tag: 1, left: 1 });
    let too_short = b"\0\0\x01\0\0\0\0\x01\x01\x04\0\0\0\0";
    let error = decode::<ApiVersionsResponse>(too_short, 3).unwrap_err();
    assert_eq!(
        error.kind,
        DecodeErrorKind::Truncated { needed: 8, left: 4 }
    );
}

/// Hazard 7.
#[test]
fn a_tagged_field_is_not_sent_below_its_versions() {
    let endpoint = produce::NodeEndpoint {
        node_id: 3,
        ..Default::default()
    };
    let response = ProduceResponse {
        node_endpoints: vec![endpoint],
        ..Default::default()
    };
    let error = response.encode(9).unwrap_err();
    assert_eq!(error.path, "ProduceResponse.node_endpoints");
    assert!(matches!(
        error.kind,
        EncodeErrorKind::FieldNotInVersion { version: 9, .. }
    ));
    check(
        &response,
        10,
        b"\x01\0\0\0\0\x01\0\x0c\x02\0\0\0\x03\x01\0\0\0\0\0\0",
    );
    // What may be dropped is, and leaves no tag behind.
    let request = FetchRequest {
        cluster_id: Some("c".into()),
        ..Default::default()
    };
    assert_eq!(encoded(&request, 11), encoded(&FetchRequest::default(), 11));
    // A tag that comes nevertheless is one that the version does not know.
    let read = decode::<ProduceResponse>(b"\x01\0\0\0\0\x01\0\x01\x01", 9).expect("it is one");
    assert!(read.node_endpoints.is_empty());
    assert_eq!(read.unknown_tagged_fields.len(), 1);
}

/// Hazard 8.
#[test]
fn a_compact_length_is_one_more_and_zero_is_null() {
    let leave = |reason: Option<&str>| LeaveGroupRequest {
        members: vec![leave_group::MemberIdentity {
            reason: reason.map(Into::into),
            ..Default::default()
        }],
        ..Default::default()
    };
    check(&leave(None), 5, b"\x01\x02\x01\0\0\0\0");
    check(&leave(Some("")), 5, b"\x01\x02\x01\0\x01\0\0");
    let long = "r".repeat(127);
    check(
        &leave(Some(&long)),
        5,
        &[b"\x01\x02\x01\0\x80\x01", long.as_bytes(), b"\0\0"].concat(),
    );
}

/// Hazard 8.
#[test]
fn null_is_an_error_both_ways_where_the_version_has_none() {
    let all = MetadataRequest {
        topics: None,
        ..Default::default()
    };
    let error = all.encode(0).unwrap_err();
    assert_eq!(error.kind, EncodeErrorKind::NullNotAllowed(0));
    check(&all, 1, b"\xff\xff\xff\xff");
    let error = decode::<MetadataRequest>(b"\xff\xff\xff\xff", 0).unwrap_err();
    assert_eq!(
        (error.kind, error.path.as_str()),
        (DecodeErrorKind::UnexpectedNull, "MetadataRequest.topics")
    );

    // A name that may be null from version 10 on, in the compact form.
    let nameless = metadata::MetadataRequestTopic {
        name: None,
        ..Default::default()
    };
    let request = MetadataRequest {
        topics: Some(vec![nameless]),
        ..Default::default()
    };
    let error = request.encode(9).unwrap_err();
    assert_eq!(error.kind, EncodeErrorKind::NullNotAllowed(9));
    assert_eq!(error.path, "MetadataRequest.topics[0].name");
    let error = decode::<MetadataRequest>(b"\x02\0\0\x01\0\0\0", 9).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::UnexpectedNull);
    assert_eq!(error.path, "MetadataRequest.topics[0].name");
    assert_eq!(
        decode::<MetadataRequest>(&encoded(&request, 12), 12),
        Ok(request)
    );
}

/// Hazard 24, in bytes: a request is the same with and without an answer. Not to wait for one is the client's part.
#[test]
fn a_produce_request_without_acks_is_a_request_like_others() {
    let request = ProduceRequest {
        acks: 0,
        timeout_ms: 9,
        ..Default::default()
    };
    let frame = frame::encode_request(&request, 9, 7, None)
        .expect("a version of it")
        .into_bytes();
    let frame = frame::take_frame(&mut BytesMut::from(&frame[..]), 100)
        .expect("a length")
        .expect("a whole frame");
    let (header, api, body) = frame::decode_request_header(&frame).expect("a header");
    assert_eq!(
        (header.correlation_id, api.map(|api| api.name)),
        (7, Some("Produce"))
    );
    assert_eq!(ProduceRequest::decode(body, 9), Ok(request));
}

/// Hazard 33, for messages; records have theirs beside the code.
#[test]
fn a_count_beyond_the_bytes_that_are_there_is_refused() {
    let error = decode::<MetadataRequest>(b"\x7f\xff\xff\xff", 1).unwrap_err();
    let (needed, left) = (i32::MAX as usize, 0);
    assert_eq!(error.kind, DecodeErrorKind::Truncated { needed, left });
    let error = decode::<MetadataRequest>(b"\xff\xff\xff\xfe", 1).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::InvalidLength(-2));
    // The largest compact length.
    let error = decode::<MetadataRequest>(b"\xff\xff\xff\xff\x0f", 9).unwrap_err();
    let (needed, left) = (u32::MAX as usize - 1, 0);
    assert_eq!(error.kind, DecodeErrorKind::Truncated { needed, left });
    let error = decode::<MetadataRequest>(b"\xff\xff\xff\xff\xff\0", 9).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::VarintTooLong);
}

/// Hazard 60, in bytes. Which of the two is sent is the client's part.
#[test]
fn an_empty_payload_of_metrics_is_not_null() {
    let bytes = encoded(&PushTelemetryRequest::default(), 0);
    assert_eq!(
        bytes[16 + 4 + 1 + 1..],
        [1, 0],
        "an empty payload, and no tagged fields"
    );
    let null = [&bytes[..22], &[0, 0]].concat();
    assert_eq!(
        decode::<PushTelemetryRequest>(&null, 0).unwrap_err().kind,
        DecodeErrorKind::UnexpectedNull
    );
}
