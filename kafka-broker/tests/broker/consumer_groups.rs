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
    assert_eq!((a.epoch, a.partitions()), (1, vec![0, 1, 2, 3]));
    let mut b = Member::join(&broker, "b").await;
    assert_eq!(
        (b.epoch, b.partitions()),
        (2, vec![]),
        "nothing is free yet"
    );
    a.beat().await;
    assert_eq!(
        (a.epoch, a.partitions().len()),
        (1, 2),
        "half is to be given back"
    );
    b.beat().await;
    assert_eq!(b.partitions(), [0; 0], "a may still be reading it");
    a.beat().await;
    assert_eq!(
        (a.epoch, a.partitions().len()),
        (2, 2),
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
        (0, 1, 5000)
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
        (9, "m", 1, ErrorCode::None),
        (9, "m", 2, stale),
        (9, "m", 0, stale),
        (8, "m", 1, ErrorCode::UnsupportedVersion),
        (9, "stranger", 1, ErrorCode::UnknownMemberId),
        (9, "", -1, ErrorCode::UnknownMemberId),
    ] {
        let answer = member.connection.call(&commit(id, epoch), version).await;
        let told = ErrorCode::from(answer.topics[0].partitions[0].error_code);
        assert_eq!(told, error, "{id} in {epoch} by version {version}");
    }
    for (id, epoch, error) in [
        (Some("m"), 1, ErrorCode::None),
        (Some("m"), 0, stale),
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
        .consumer_group_session_timeout(Duration::from_millis(30))
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
