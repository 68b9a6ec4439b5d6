use std::time::Duration;

use bytes::Bytes;
use kafka_broker::Broker;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::join_group::JoinGroupRequestProtocol;
use kafka_proto::messages::leave_group::MemberIdentity;
use kafka_proto::messages::sync_group::SyncGroupRequestAssignment;
use kafka_proto::messages::*;

use crate::connection::{Connection, broker};

fn join(member_id: &str) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol {
        name: "range".into(),
        metadata: Bytes::from_static(b"subscription"),
        ..Default::default()
    };
    JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        member_id: member_id.into(),
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..Default::default()
    }
}

/// Joins as a new member, with the detour over the id that it is given.
async fn join_new(connection: &mut Connection) -> i32 {
    let id_given = connection.call(&join(""), 9).await;
    assert_eq!(
        ErrorCode::from(id_given.error_code),
        ErrorCode::MemberIdRequired
    );
    assert!(
        id_given.member_id.starts_with("test-"),
        "{}",
        id_given.member_id
    );
    connection.send(&join(&id_given.member_id), 9).await
}

fn sync(joined: &JoinGroupResponse, assignments: &[(&str, &'static str)]) -> SyncGroupRequest {
    let assignments =
        assignments
            .iter()
            .map(|(member_id, assignment)| SyncGroupRequestAssignment {
                member_id: (*member_id).into(),
                assignment: Bytes::from_static(assignment.as_bytes()),
                ..Default::default()
            });
    SyncGroupRequest {
        group_id: "g".into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: assignments.collect(),
        ..Default::default()
    }
}

async fn heartbeat(connection: &mut Connection, joined: &JoinGroupResponse) -> ErrorCode {
    let request = HeartbeatRequest {
        group_id: "g".into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        ..Default::default()
    };
    connection.call(&request, 4).await.error_code.into()
}

#[tokio::test]
async fn two_members_share_and_one_inherits() {
    let broker = broker().await;
    let (mut a, mut b) = (
        Connection::open(&broker).await,
        Connection::open(&broker).await,
    );
    let id = join_new(&mut a).await;
    let alone = a.receive::<JoinGroupRequest>(id, 9).await;
    assert_eq!(
        (alone.error_code, &alone.leader, alone.members.len()),
        (0, &alone.member_id, 1)
    );
    assert_eq!(alone.protocol_name.as_deref(), Some("range"));
    let synced = a.call(&sync(&alone, &[(&alone.member_id, "all")]), 5).await;
    assert_eq!(&synced.assignment[..], b"all");
    assert_eq!(heartbeat(&mut a, &alone).await, ErrorCode::None);

    let joining = join_new(&mut b).await;
    while heartbeat(&mut a, &alone).await != ErrorCode::RebalanceInProgress {}
    let leader = a.call(&join(&alone.member_id), 9).await;
    let follower = b.receive::<JoinGroupRequest>(joining, 9).await;
    assert_eq!((leader.generation_id, follower.generation_id), (2, 2));
    assert_eq!(
        (leader.members.len(), follower.members.len()),
        (2, 0),
        "only the leader is told of the others"
    );
    assert_eq!(&leader.members[0].metadata[..], b"subscription");

    let waiting = b.send(&sync(&follower, &[]), 5).await;
    let shares = [
        (&*leader.member_id, "left"),
        (&*follower.member_id, "right"),
    ];
    assert_eq!(
        &a.call(&sync(&leader, &shares), 5).await.assignment[..],
        b"left"
    );
    assert_eq!(
        &b.receive::<SyncGroupRequest>(waiting, 5).await.assignment[..],
        b"right"
    );

    let leave = LeaveGroupRequest {
        group_id: "g".into(),
        members: vec![MemberIdentity {
            member_id: leader.member_id.clone(),
            ..Default::default()
        }],
        ..Default::default()
    };
    assert_eq!(a.call(&leave, 5).await.members[0].error_code, 0);
    assert_eq!(
        heartbeat(&mut b, &follower).await,
        ErrorCode::RebalanceInProgress
    );
    let heir = b.call(&join(&follower.member_id), 9).await;
    assert_eq!(
        (heir.generation_id, &heir.leader, heir.members.len()),
        (3, &heir.member_id, 1)
    );
    assert_eq!(heartbeat(&mut a, &leader).await, ErrorCode::UnknownMemberId);
}

#[tokio::test]
async fn a_silent_member_is_out_after_its_session() {
    let broker = Broker::builder()
        .group_min_session_timeout(Duration::ZERO)
        .start()
        .await
        .unwrap();
    let mut connection = Connection::open(&broker).await;
    // Before version 4 a member joins at once.
    let request = JoinGroupRequest {
        session_timeout_ms: 30,
        ..join("")
    };
    let joined = connection.call(&request, 3).await;
    connection.call(&sync(&joined, &[]), 3).await;
    // The next one does not have to wait for the first: it has been removed, or is as soon as its session is over.
    let next = connection
        .call(
            &JoinGroupRequest {
                session_timeout_ms: 30,
                ..join("")
            },
            3,
        )
        .await;
    assert_eq!((next.error_code, &next.leader), (0, &next.member_id));
    assert_eq!(
        heartbeat(&mut connection, &joined).await,
        ErrorCode::UnknownMemberId
    );
}

#[tokio::test]
async fn a_join_that_makes_no_sense_is_refused() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    for (request, error) in [
        (
            JoinGroupRequest {
                group_id: "".into(),
                ..join("")
            },
            ErrorCode::InvalidGroupId,
        ),
        (
            JoinGroupRequest {
                session_timeout_ms: 5_999,
                ..join("")
            },
            ErrorCode::InvalidSessionTimeout,
        ),
        (
            JoinGroupRequest {
                session_timeout_ms: 1_800_001,
                ..join("")
            },
            ErrorCode::InvalidSessionTimeout,
        ),
        (
            JoinGroupRequest {
                session_timeout_ms: -1,
                ..join("")
            },
            ErrorCode::InvalidSessionTimeout,
        ),
        (
            JoinGroupRequest {
                protocols: Vec::new(),
                ..join("")
            },
            ErrorCode::InconsistentGroupProtocol,
        ),
        (join("nobody"), ErrorCode::UnknownMemberId),
    ] {
        for version in [0, 6, 9] {
            let refused = connection.call(&request, version).await;
            assert_eq!(
                ErrorCode::from(refused.error_code),
                error,
                "version {version}"
            );
            assert_eq!((refused.generation_id, refused.members.len()), (-1, 0));
        }
    }
}

#[tokio::test]
async fn what_only_members_may_is_refused_to_others() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    let stranger = JoinGroupResponse {
        member_id: "nobody".into(),
        generation_id: 1,
        ..Default::default()
    };
    assert_eq!(
        heartbeat(&mut connection, &stranger).await,
        ErrorCode::UnknownMemberId
    );
    let refused = connection.call(&sync(&stranger, &[]), 5).await;
    assert_eq!(
        ErrorCode::from(refused.error_code),
        ErrorCode::UnknownMemberId
    );
    let leave = LeaveGroupRequest {
        group_id: "g".into(),
        member_id: "nobody".into(),
        ..Default::default()
    };
    assert_eq!(
        ErrorCode::from(connection.call(&leave, 2).await.error_code),
        ErrorCode::UnknownMemberId
    );
}
