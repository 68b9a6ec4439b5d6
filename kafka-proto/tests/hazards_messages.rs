//! Traps of the message formats that some client fell into; the number is the row of the list of protocol hazards.
//!
//! What every message has in common is proven by the golden vectors; these tests say what is easily got wrong.

use bytes::{Bytes, BytesMut};
use kafka_proto::api::api_of;
use kafka_proto::codec::{
    DecodeError, DecodeErrorKind, EncodeErrorKind, Message, Request, Schema, Struct, Type,
    UnknownTaggedFields, Uuid, Versions,
};
use kafka_proto::frame;
use kafka_proto::messages::*;

fn encoded(message: &impl Message, version: i16) -> Bytes {
    let encoded = message.encode(version);
    encoded
        .unwrap_or_else(|error| panic!("{error}"))
        .into_bytes()
}

/// Makes sure that a message's bytes are these in a version, both ways.
fn check<M: Message>(message: &M, version: i16, bytes: &[u8]) {
    assert_eq!(
        encoded(message, version),
        bytes,
        "version {version} of {message:?}"
    );
    assert_eq!(
        M::decode(Bytes::copy_from_slice(bytes), version).as_ref(),
        Ok(message)
    );
}

fn decode<M: Message>(bytes: &[u8], version: i16) -> Result<M, DecodeError> {
    M::decode(Bytes::copy_from_slice(bytes), version)
}

/// The versions in which a message can be written.
fn writable(message: &impl Message, versions: Versions) -> Vec<i16> {
    let versions = versions.min..=versions.max;
    versions
        .filter(|&version| message.encode(version).is_ok())
        .collect()
}

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

/// Hazard 9. What they mean is said in the definitions, and is the client's and the broker's part.
#[test]
fn null_arrays_are_no_empty_ones() {
    let metadata = |topics| MetadataRequest {
        topics,
        ..Default::default()
    };
    check(&metadata(None), 9, b"\0\x01\0\0\0");
    check(&metadata(Some(vec![])), 9, b"\x01\x01\0\0\0");
    check(&metadata(None), 4, b"\xff\xff\xff\xff\x01");
    check(&metadata(Some(vec![])), 4, b"\0\0\0\0\x01");
    check(&metadata(Some(vec![])), 0, b"\0\0\0\0");

    let offsets = |topics| OffsetFetchRequest {
        topics,
        ..Default::default()
    };
    check(&offsets(None), 2, b"\0\0\xff\xff\xff\xff");
    check(&offsets(Some(vec![])), 2, b"\0\0\0\0\0\0");
    assert_eq!(
        offsets(None).encode(1).unwrap_err().kind,
        EncodeErrorKind::NullNotAllowed(1)
    );
    let groups = |topics| {
        let group = offset_fetch::OffsetFetchRequestGroup {
            topics,
            ..Default::default()
        };
        OffsetFetchRequest {
            groups: vec![group],
            ..Default::default()
        }
    };
    check(&groups(None), 8, b"\x02\x01\0\0\0\0");
    check(&groups(Some(vec![])), 8, b"\x02\x01\x01\0\0\0");
}

/// Hazard 10.
#[test]
fn a_null_struct_is_no_empty_one() {
    let heartbeat = |assignment| ConsumerGroupHeartbeatResponse {
        assignment,
        ..Default::default()
    };
    let start = [0; 4 + 2 + 1 + 1 + 4 + 4];
    check(&heartbeat(None), 0, &[&start[..], b"\xff\0"].concat());
    let nothing = consumer_group_heartbeat::Assignment::default();
    check(
        &heartbeat(Some(nothing)),
        0,
        &[&start[..], b"\x01\x01\0\0"].concat(),
    );

    let page = |cursor| DescribeTopicPartitionsRequest {
        cursor,
        ..Default::default()
    };
    check(&page(None), 0, b"\x01\0\0\x07\xd0\xff\0");
    let cursor = describe_topic_partitions::Cursor {
        topic_name: "t".into(),
        partition_index: 5,
        ..Default::default()
    };
    check(
        &page(Some(cursor)),
        0,
        b"\x01\0\0\x07\xd0\x01\x02t\0\0\0\x05\0\0",
    );
}

/// Hazard 11.
#[test]
fn a_value_that_would_be_lost_is_an_error_unless_it_may_be() {
    let fetch = FetchRequest {
        replica_id: 3,
        ..Default::default()
    };
    assert!(fetch.encode(14).is_ok());
    let error = fetch.encode(15).unwrap_err();
    assert_eq!(error.path, "FetchRequest.replica_id");
    let versions = Versions::parse("0-14");
    assert_eq!(
        error.kind,
        EncodeErrorKind::FieldNotInVersion {
            version: 15,
            versions
        }
    );

    // In a struct within arrays, too.
    let partition = offset_commit::OffsetCommitRequestPartition {
        committed_leader_epoch: 4,
        ..Default::default()
    };
    let topic = offset_commit::OffsetCommitRequestTopic {
        partitions: vec![partition],
        ..Default::default()
    };
    let commit = OffsetCommitRequest {
        topics: vec![topic],
        ..Default::default()
    };
    assert!(
        commit.encode(5).is_ok(),
        "an epoch of a position is ignorable"
    );
    let commit = OffsetCommitRequest {
        group_instance_id: Some("i".into()),
        ..commit
    };
    assert_eq!(
        commit.encode(6).unwrap_err().path,
        "OffsetCommitRequest.group_instance_id"
    );
    assert!(commit.encode(7).is_ok());
}

/// Hazard 12.
#[test]
fn what_a_version_lacks_has_its_default_and_not_zero() {
    // A topic with a partition: index, error, high watermark and last stable offset; no transactions and no records.
    let topic = b"\0\x01t\0\0\0\x01";
    let partition = b"\0\0\0\x01\0\0\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\0";
    let response = [b"\0\0\0\0\0\0\0\x01", &topic[..], partition].concat();
    let response = decode::<FetchResponse>(&response, 4).expect("it is one");
    let partition = &response.responses[0].partitions[0];
    assert_eq!(
        (partition.log_start_offset, partition.preferred_read_replica),
        (-1, -1)
    );
    assert_eq!(
        (
            partition.current_leader.leader_id,
            partition.current_leader.leader_epoch
        ),
        (-1, -1)
    );
    assert_eq!(
        (
            partition.diverging_epoch.epoch,
            partition.diverging_epoch.end_offset
        ),
        (-1, -1)
    );
    assert_eq!(
        (
            partition.snapshot_id.epoch,
            partition.snapshot_id.end_offset
        ),
        (-1, -1)
    );

    let request = FetchRequest::default();
    assert_eq!(
        (request.replica_id, request.replica_state.replica_id),
        (-1, -1)
    );
    assert_eq!(
        (
            request.session_epoch,
            request.max_bytes,
            request.isolation_level
        ),
        (-1, i32::MAX, 0)
    );
    assert_eq!(fetch::FetchPartition::default().current_leader_epoch, -1);
    assert_eq!(OffsetForLeaderEpochRequest::default().replica_id, -2);
    assert_eq!(JoinGroupRequest::default().rebalance_timeout_ms, -1);
    let authorized = MetadataResponse::default().cluster_authorized_operations;
    assert_eq!(authorized, i32::MIN, "not known");
}

/// Hazard 13.
#[test]
fn a_coordinator_is_looked_up_by_one_key_or_by_several() {
    let one = FindCoordinatorRequest {
        key: "g".into(),
        ..Default::default()
    };
    assert_eq!(
        writable(&one, FindCoordinatorRequest::VERSIONS),
        [0, 1, 2, 3]
    );
    check(&one, 3, b"\x02g\0\0");
    let several = FindCoordinatorRequest {
        coordinator_keys: vec!["g".into(), "h".into()],
        ..Default::default()
    };
    assert_eq!(
        writable(&several, FindCoordinatorRequest::VERSIONS),
        [4, 5, 6]
    );
    check(&several, 4, b"\0\x03\x02g\x02h\0");
}

/// Hazard 13. Which version a client sends is the client's part.
#[test]
fn partitions_join_one_transaction_or_a_batch_of_them() {
    let topic = add_partitions_to_txn::AddPartitionsToTxnTopic {
        name: "t".into(),
        partitions: vec![1],
        ..Default::default()
    };
    let one = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: "x".into(),
        v3_and_below_producer_id: 7,
        v3_and_below_topics: vec![topic.clone()],
        ..Default::default()
    };
    assert_eq!(
        writable(&one, AddPartitionsToTxnRequest::VERSIONS),
        [0, 1, 2, 3]
    );
    check(
        &one,
        3,
        b"\x02x\0\0\0\0\0\0\0\x07\0\0\x02\x02t\x02\0\0\0\x01\0\0",
    );
    let transaction = add_partitions_to_txn::AddPartitionsToTxnTransaction {
        transactional_id: "x".into(),
        producer_id: 7,
        topics: vec![topic],
        ..Default::default()
    };
    let batch = AddPartitionsToTxnRequest {
        transactions: vec![transaction],
        ..Default::default()
    };
    assert_eq!(
        writable(&batch, AddPartitionsToTxnRequest::VERSIONS),
        [4, 5]
    );
    check(
        &batch,
        4,
        b"\x02\x02x\0\0\0\0\0\0\0\x07\0\0\0\x02\x02t\x02\0\0\0\x01\0\0\0",
    );
}

/// Hazard 13.
#[test]
fn offsets_are_fetched_for_one_group_or_for_several() {
    let one = OffsetFetchRequest {
        group_id: "g".into(),
        ..Default::default()
    };
    assert_eq!(
        writable(&one, OffsetFetchRequest::VERSIONS),
        [1, 2, 3, 4, 5, 6, 7]
    );
    check(&one, 6, b"\x02g\x01\0");
    let group = offset_fetch::OffsetFetchRequestGroup {
        group_id: "g".into(),
        ..Default::default()
    };
    let several = OffsetFetchRequest {
        groups: vec![group],
        ..Default::default()
    };
    assert_eq!(writable(&several, OffsetFetchRequest::VERSIONS), [8, 9, 10]);
    check(&several, 8, b"\x02\x02g\x01\0\0\0");
}

/// Hazard 13.
#[test]
fn one_member_leaves_or_several_do() {
    let one = LeaveGroupRequest {
        group_id: "g".into(),
        member_id: "m".into(),
        ..Default::default()
    };
    assert_eq!(writable(&one, LeaveGroupRequest::VERSIONS), [0, 1, 2]);
    check(&one, 2, b"\0\x01g\0\x01m");
    let member = leave_group::MemberIdentity {
        member_id: "m".into(),
        ..Default::default()
    };
    let several = LeaveGroupRequest {
        group_id: "g".into(),
        members: vec![member],
        ..Default::default()
    };
    assert_eq!(writable(&several, LeaveGroupRequest::VERSIONS), [3, 4, 5]);
    check(&several, 3, b"\0\x01g\0\0\0\x01\0\x01m\xff\xff");
}

/// Hazards 13 and 14. Name and id are both ignorable: in the other version neither is an error, so that whoever has no
/// id must not send a version that has nothing else. That choice is the client's part.
#[test]
fn from_some_version_on_a_topic_is_its_id_and_has_no_name() {
    /// A struct that is a topic, and the first version in which it has an id instead of a name.
    struct Topic(&'static Schema, &'static str, i16);
    let topics = [
        Topic(produce::TopicProduceData::SCHEMA, "name", 13),
        Topic(produce::TopicProduceResponse::SCHEMA, "name", 13),
        Topic(fetch::FetchTopic::SCHEMA, "topic", 13),
        Topic(fetch::ForgottenTopic::SCHEMA, "topic", 13),
        Topic(fetch::FetchableTopicResponse::SCHEMA, "topic", 13),
        Topic(offset_commit::OffsetCommitRequestTopic::SCHEMA, "name", 10),
        Topic(offset_commit::OffsetCommitResponseTopic::SCHEMA, "name", 10),
        Topic(offset_fetch::OffsetFetchRequestTopics::SCHEMA, "name", 10),
        Topic(offset_fetch::OffsetFetchResponseTopics::SCHEMA, "name", 10),
    ];
    for Topic(schema, name, first) in topics {
        let field = |name: &str| {
            let field = schema.fields.iter().find(|field| field.name == name);
            field.unwrap_or_else(|| panic!("{} has no {name}", schema.name))
        };
        let (name, id) = (field(name), field("topic_id"));
        assert!(
            matches!((name.ty, id.ty), (Type::String, Type::Uuid)),
            "{}",
            schema.name
        );
        for version in [first - 1, first] {
            let is_id = version == first;
            assert_eq!(
                name.versions.contains(version),
                !is_id,
                "{} v{version}",
                schema.name
            );
            assert_eq!(
                id.versions.contains(version),
                is_id,
                "{} v{version}",
                schema.name
            );
        }
    }

    let topic = produce::TopicProduceData {
        name: "t".into(),
        topic_id: Uuid([7; 16]),
        ..Default::default()
    };
    let request = ProduceRequest {
        topic_data: vec![topic],
        ..Default::default()
    };
    let start = b"\0\0\0\0\0\0\0\x02";
    assert_eq!(
        encoded(&request, 12),
        [&start[..], b"\x02t\x01\0\0"].concat()
    );
    assert_eq!(
        encoded(&request, 13),
        [&start[..], &[7; 16], b"\x01\0\0"].concat()
    );
}

/// Hazard 14.
#[test]
fn the_newest_versions_without_ids_are_there_to_be_pinned() {
    for (key, newest) in [(0, 12), (1, 12), (8, 9), (9, 9)] {
        let api = api_of(key).expect("an API");
        assert!(
            api.versions.contains(newest) && api.versions.contains(newest + 1),
            "{}",
            api.name
        );
    }
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
