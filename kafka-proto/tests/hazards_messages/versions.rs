//! What differs from version to version: fields, defaults, shapes.

use kafka_proto::api::api_of;
use kafka_proto::codec::{EncodeErrorKind, Message, Schema, Struct, Type, Uuid, Versions};
use kafka_proto::messages::*;

use super::{check, decode, encoded};

/// The versions in which a message can be written.
fn writable(message: &impl Message, versions: Versions) -> Vec<i16> {
    let versions = versions.min..=versions.max;
    versions
        .filter(|&version| message.encode(version).is_ok())
        .collect()
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
