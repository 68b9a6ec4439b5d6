use std::time::Duration;

use kafka_broker::Broker;
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::consumer_group_heartbeat::{Assignment, TopicPartitions};
use kafka_proto::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_proto::messages::offset_fetch::OffsetFetchRequestGroup;
use kafka_proto::messages::*;

use crate::connection::{Connection, broker};

/// A member of group "g", and what it knows.
struct Member {
    connection: Connection,
    id: String,
    epoch: i32,
    owned: Vec<TopicPartitions>,
}

impl Member {
    async fn join(broker: &Broker, id: &str) -> Self {
        let mut member = Self {
            connection: Connection::open(broker).await,
            id: id.to_owned(),
            epoch: 0,
            owned: Vec::new(),
        };
        let request = ConsumerGroupHeartbeatRequest {
            rebalance_timeout_ms: 60_000,
            subscribed_topic_names: Some(vec!["orders".into()]),
            topic_partitions: Some(Vec::new()),
            ..member.heartbeat()
        };
        member.send(request).await;
        member
    }

    fn heartbeat(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: "g".into(),
            member_id: self.id.as_str().into(),
            member_epoch: self.epoch,
            ..Default::default()
        }
    }

    async fn send(&mut self, request: ConsumerGroupHeartbeatRequest) -> Option<Assignment> {
        let answer = self.connection.call(&request, 1).await;
        assert_eq!(answer.error_code, 0, "{answer:?}");
        assert_eq!(answer.member_id.as_deref(), Some(&*self.id));
        self.epoch = answer.member_epoch;
        if let Some(assignment) = &answer.assignment {
            self.owned.clone_from(&assignment.topic_partitions);
        }
        answer.assignment
    }

    /// Says what it has, and does as it is told.
    async fn beat(&mut self) {
        let request = ConsumerGroupHeartbeatRequest {
            topic_partitions: Some(self.owned.clone()),
            ..self.heartbeat()
        };
        self.send(request).await;
    }

    fn partitions(&self) -> Vec<i32> {
        let mut partitions: Vec<_> = self
            .owned
            .iter()
            .flat_map(|topic| topic.partitions.clone())
            .collect();
        partitions.sort_unstable();
        partitions
    }
}

#[tokio::test]
async fn members_share_what_there_is_and_inherit_what_is_left() {
    let broker = broker().await;
    broker.create_topic("orders", 4).unwrap();
    let mut a = Member::join(&broker, "a").await;
    assert_eq!((a.epoch, a.partitions()), (2, vec![0, 1, 2, 3]));
    let mut b = Member::join(&broker, "b").await;
    assert_eq!(
        (b.epoch, b.partitions()),
        (3, vec![]),
        "nothing is free yet"
    );
    a.beat().await;
    assert_eq!(
        (a.epoch, a.partitions().len()),
        (2, 2),
        "half is to be given back"
    );
    b.beat().await;
    assert_eq!(b.partitions(), [0; 0], "a may still be reading it");
    a.beat().await;
    assert_eq!(
        (a.epoch, a.partitions().len()),
        (3, 2),
        "which it has not any more"
    );
    b.beat().await;
    let mut all = [a.partitions(), b.partitions()].concat();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);

    broker.create_partitions("orders", 6).unwrap();
    a.beat().await;
    b.beat().await;
    assert_eq!((a.partitions().len(), b.partitions().len()), (3, 3));

    let leave = ConsumerGroupHeartbeatRequest {
        member_epoch: -1,
        ..a.heartbeat()
    };
    a.send(leave).await;
    b.beat().await;
    assert_eq!(b.partitions(), [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_broker_makes_ids_for_members_that_have_none() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    let request = ConsumerGroupHeartbeatRequest {
        group_id: "g".into(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec!["orders".into()]),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let refused = connection.call(&request, 1).await;
    assert_eq!(
        ErrorCode::from(refused.error_code),
        ErrorCode::InvalidRequest
    );
    let joined = connection.call(&request, 0).await;
    let id: Uuid = joined.member_id.unwrap().parse().expect("a UUID");
    assert!(!id.is_zero());
    assert_eq!(
        (
            joined.error_code,
            joined.member_epoch,
            joined.heartbeat_interval_ms
        ),
        (0, 2, 5000)
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    let join = ConsumerGroupHeartbeatRequest {
        group_id: "g".into(),
        member_id: "m".into(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(Vec::new()),
        topic_partitions: Some(Vec::new()),
        ..Default::default()
    };
    let beat = ConsumerGroupHeartbeatRequest {
        group_id: "g".into(),
        member_id: "m".into(),
        member_epoch: 1,
        ..Default::default()
    };
    let invalid = ErrorCode::InvalidRequest;
    let owned = vec![TopicPartitions::default()];
    type Request = ConsumerGroupHeartbeatRequest;
    for (request, error) in [
        (
            Request {
                member_id: "".into(),
                ..join.clone()
            },
            invalid,
        ),
        (
            Request {
                group_id: "".into(),
                ..join.clone()
            },
            invalid,
        ),
        (
            Request {
                instance_id: Some("".into()),
                ..join.clone()
            },
            invalid,
        ),
        (
            Request {
                rack_id: Some("".into()),
                ..join.clone()
            },
            invalid,
        ),
        (
            Request {
                rebalance_timeout_ms: -1,
                ..join.clone()
            },
            invalid,
        ),
        (
            Request {
                topic_partitions: None,
                ..join.clone()
            },
            invalid,
        ),
        (
            Request {
                topic_partitions: Some(owned),
                ..join.clone()
            },
            invalid,
        ),
        (
            Request {
                subscribed_topic_names: None,
                ..join.clone()
            },
            invalid,
        ),
        (
            Request {
                member_epoch: -2,
                ..beat.clone()
            },
            invalid,
        ),
        (
            Request {
                member_epoch: -3,
                ..beat.clone()
            },
            invalid,
        ),
        (
            Request {
                server_assignor: Some("sticky".into()),
                ..join.clone()
            },
            ErrorCode::UnsupportedAssignor,
        ),
        (
            Request {
                subscribed_topic_regex: Some("(".into()),
                ..join.clone()
            },
            ErrorCode::InvalidRegularExpression,
        ),
        (beat.clone(), ErrorCode::GroupIdNotFound),
        (
            Request {
                member_epoch: -1,
                ..beat.clone()
            },
            ErrorCode::GroupIdNotFound,
        ),
    ] {
        let refused = connection.call(&request, 1).await;
        assert_eq!(ErrorCode::from(refused.error_code), error, "{request:?}");
        assert!(
            refused
                .error_message
                .is_some_and(|message| !message.is_empty())
        );
        assert_eq!((refused.member_id, refused.member_epoch), (None, 0));
    }
}

#[tokio::test]
async fn positions_are_for_members_of_this_epoch() {
    let broker = broker().await;
    broker.create_topic("orders", 1).unwrap();
    let mut member = Member::join(&broker, "m").await;
    let commit = |member_id: &str, epoch| OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: epoch,
        member_id: member_id.into(),
        topics: vec![OffsetCommitRequestTopic {
            name: "orders".into(),
            partitions: vec![OffsetCommitRequestPartition {
                committed_offset: 7,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let stale = ErrorCode::StaleMemberEpoch;
    for (version, id, epoch, error) in [
        (9, "m", 2, ErrorCode::None),
        (9, "m", 3, stale),
        (9, "m", 1, stale),
        (8, "m", 2, ErrorCode::UnsupportedVersion),
        (9, "stranger", 1, ErrorCode::UnknownMemberId),
        (9, "", -1, ErrorCode::UnknownMemberId),
    ] {
        let answer = member.connection.call(&commit(id, epoch), version).await;
        let told = ErrorCode::from(answer.topics[0].partitions[0].error_code);
        assert_eq!(told, error, "{id} in {epoch} by version {version}");
    }
    for (id, epoch, error) in [
        (Some("m"), 2, ErrorCode::None),
        (Some("m"), 1, stale),
        (Some("stranger"), 1, ErrorCode::UnknownMemberId),
        (None, -1, ErrorCode::None),
    ] {
        let request = OffsetFetchRequest {
            groups: vec![OffsetFetchRequestGroup {
                group_id: "g".into(),
                member_id: id.map(Into::into),
                member_epoch: epoch,
                topics: None,
                ..Default::default()
            }],
            ..Default::default()
        };
        let answer = member.connection.call(&request, 9).await;
        assert_eq!(
            ErrorCode::from(answer.groups[0].error_code),
            error,
            "{id:?} in {epoch}"
        );
        let offsets = answer.groups[0]
            .topics
            .first()
            .map(|topic| topic.partitions[0].committed_offset);
        assert_eq!(offsets, (error == ErrorCode::None).then_some(7));
    }
}

#[tokio::test]
async fn a_silent_member_is_out_after_its_session() {
    let broker = Broker::builder()
        .consumer_group_session_timeout(Duration::from_millis(200))
        .start()
        .await
        .unwrap();
    broker.create_topic("orders", 1).unwrap();
    let mut a = Member::join(&broker, "a").await;
    assert_eq!(a.partitions(), [0]);
    let mut b = Member::join(&broker, "b").await;
    while b.partitions() != [0] {
        b.beat().await;
    }
    let late = a.connection.call(&a.heartbeat(), 1).await;
    assert_eq!(ErrorCode::from(late.error_code), ErrorCode::UnknownMemberId);
}

#[tokio::test]
async fn admins_see_groups_of_both_protocols() {
    let broker = broker().await;
    broker.create_topic("orders", 2).unwrap();
    let mut member = Member::join(&broker, "m").await;
    let connection = &mut member.connection;
    let classic = JoinGroupRequest {
        group_id: "classic".into(),
        session_timeout_ms: 10_000,
        protocol_type: "consumer".into(),
        protocols: vec![join_group::JoinGroupRequestProtocol {
            name: "range".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    assert_eq!(connection.call(&classic, 3).await.error_code, 0);

    for (states, types, expected) in [
        (&[][..], &[][..], &["classic", "g"][..]),
        (&["stable"], &[], &["g"]),
        (&["Empty"], &[], &[]),
        (&[], &["Classic"], &["classic"]),
        (&["CompletingRebalance"], &["consumer"], &[]),
    ] {
        let request = ListGroupsRequest {
            states_filter: states.iter().map(|state| (*state).into()).collect(),
            types_filter: types
                .iter()
                .map(|group_type| (*group_type).into())
                .collect(),
            ..Default::default()
        };
        let mut listed = connection.call(&request, 5).await.groups;
        listed.sort_by(|a, b| a.group_id.cmp(&b.group_id));
        assert!(listed.iter().all(|group| group.protocol_type == "consumer"));
        let ids: Vec<&str> = listed.iter().map(|group| &*group.group_id).collect();
        assert_eq!(ids, expected, "{states:?} {types:?}");
    }

    let describe = ConsumerGroupDescribeRequest {
        group_ids: vec!["g".into(), "classic".into(), "no".into(), "".into()],
        ..Default::default()
    };
    let groups = connection.call(&describe, 1).await.groups;
    let errors: Vec<_> = groups
        .iter()
        .map(|group| ErrorCode::from(group.error_code))
        .collect();
    let not_found = ErrorCode::GroupIdNotFound;
    assert_eq!(
        errors,
        [
            ErrorCode::None,
            not_found,
            not_found,
            ErrorCode::InvalidGroupId
        ]
    );
    let group = &groups[0];
    assert_eq!(
        (
            &*group.group_state,
            group.group_epoch,
            group.assignment_epoch,
            &*group.assignor_name
        ),
        ("Stable", 2, 2, "uniform")
    );
    let described = &group.members[0];
    assert_eq!(
        (
            &*described.member_id,
            described.member_epoch,
            &*described.client_id,
            &*described.client_host
        ),
        ("m", 2, "test", "/127.0.0.1")
    );
    assert_eq!(described.member_type, 1);
    let assigned = &described.assignment.topic_partitions[0];
    assert_eq!(
        (&*assigned.topic_name, &assigned.partitions[..]),
        ("orders", &[0, 1][..])
    );
    assert_eq!(described.target_assignment, described.assignment);

    let describe = DescribeGroupsRequest {
        groups: vec!["classic".into(), "g".into(), "no".into()],
        ..Default::default()
    };
    for (version, error) in [(5, ErrorCode::None), (6, not_found)] {
        let groups = connection.call(&describe, version).await.groups;
        assert_eq!(
            (&*groups[0].group_state, groups[0].members.len()),
            ("CompletingRebalance", 1)
        );
        for missing in &groups[1..] {
            assert_eq!(ErrorCode::from(missing.error_code), error);
            assert_eq!(&*missing.group_state, "Dead");
        }
    }

    let delete = DeleteGroupsRequest {
        groups_names: vec!["g".into(), "no".into()],
        ..Default::default()
    };
    let results = connection.call(&delete, 2).await.results;
    let errors: Vec<_> = results
        .iter()
        .map(|group| ErrorCode::from(group.error_code))
        .collect();
    assert_eq!(errors, [ErrorCode::NonEmptyGroup, not_found]);
    let leave = ConsumerGroupHeartbeatRequest {
        member_epoch: -1,
        ..member.heartbeat()
    };
    member.send(leave).await;
    let results = member.connection.call(&delete, 2).await.results;
    assert_eq!(results[0].error_code, 0);
}

#[tokio::test]
async fn a_member_that_waits_at_a_broker_is_told_when_another_one_coordinates() {
    let broker = Broker::builder()
        .nodes(2)
        .group_initial_rebalance_delay(Duration::from_secs(3600))
        .start()
        .await
        .unwrap();
    broker.move_coordinator("g", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let join = JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 1_800_000,
        protocol_type: "consumer".into(),
        protocols: vec![join_group::JoinGroupRequestProtocol {
            name: "range".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let waiting = connection.send(&join, 3).await;
    let mut other = Connection::open(&broker).await;
    let described = DescribeGroupsRequest {
        groups: vec!["g".into()],
        ..Default::default()
    };
    while other.call(&described, 5).await.groups[0].members.is_empty() {}
    broker.move_coordinator("g", 2).unwrap();
    let told = connection.receive::<JoinGroupRequest>(waiting, 3).await;
    assert_eq!(ErrorCode::from(told.error_code), ErrorCode::NotCoordinator);

    let mut member = Connection::open(&broker).await;
    let heartbeat = ConsumerGroupHeartbeatRequest {
        group_id: "g".into(),
        member_id: "m".into(),
        member_epoch: 1,
        ..Default::default()
    };
    let told = member.call(&heartbeat, 1).await;
    assert_eq!(ErrorCode::from(told.error_code), ErrorCode::NotCoordinator);
}
