use std::time::Duration;

use kafka_broker::{Broker, BrokerError};
use kafka_proto::codec::Uuid;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::share_acknowledge::{
    AcknowledgePartition, AcknowledgeTopic, AcknowledgementBatch,
};
use kafka_proto::messages::share_fetch::{FetchPartition, FetchTopic, PartitionData};
use kafka_proto::messages::*;

use crate::connection::{Connection, batch};

/// Longer than anything here takes.
const WAIT_MS: i32 = 15_000;

/// A member of group "g" that reads partition 0 of topic "jobs" over its own connection.
struct Member {
    connection: Connection,
    id: String,
    topic_id: Uuid,
    session_epoch: i32,
}

impl Member {
    async fn join(broker: &Broker, node: i32, id: &str) -> Self {
        let mut connection = Connection::open_to(broker, node).await;
        let heartbeat = ShareGroupHeartbeatRequest {
            group_id: "g".into(),
            member_id: id.into(),
            subscribed_topic_names: Some(vec!["jobs".into()]),
            ..Default::default()
        };
        let coordinator = coordinator(&mut connection).await;
        let mut coordinator = Connection::open_to(broker, coordinator).await;
        let answer = coordinator.call(&heartbeat, 1).await;
        assert_eq!(answer.error_code, 0, "{answer:?}");
        let metadata = MetadataRequest {
            topics: None,
            ..Default::default()
        };
        let topics = connection.call(&metadata, 13).await.topics;
        Self {
            connection,
            id: id.to_owned(),
            topic_id: topics[0].topic_id,
            session_epoch: 0,
        }
    }

    async fn read(&mut self, max_wait_ms: i32) -> ShareFetchResponse {
        let partition = FetchPartition::default();
        let topic = FetchTopic {
            topic_id: self.topic_id,
            partitions: vec![partition],
            ..Default::default()
        };
        let request = ShareFetchRequest {
            group_id: Some("g".into()),
            member_id: Some(self.id.as_str().into()),
            share_session_epoch: self.session_epoch,
            max_wait_ms,
            min_bytes: 1,
            max_bytes: 1 << 20,
            max_records: 100,
            batch_size: 100,
            topics: vec![topic],
            ..Default::default()
        };
        let answer = self.connection.call(&request, 2).await;
        if answer.error_code == 0 {
            self.session_epoch += 1;
        }
        answer
    }

    /// What it gets, in triples of first offset, last offset and deliveries.
    async fn acquire(&mut self) -> Vec<(i64, i64, i16)> {
        let answer = self.read(WAIT_MS).await;
        assert_eq!(answer.error_code, 0, "{answer:?}");
        acquired(&answer.responses[0].partitions[0])
    }

    async fn accept(&mut self, first: i64, last: i64) -> ErrorCode {
        let batch = AcknowledgementBatch {
            first_offset: first,
            last_offset: last,
            acknowledge_types: vec![1],
            ..Default::default()
        };
        let partition = AcknowledgePartition {
            acknowledgement_batches: vec![batch],
            ..Default::default()
        };
        let topic = AcknowledgeTopic {
            topic_id: self.topic_id,
            partitions: vec![partition],
            ..Default::default()
        };
        let request = ShareAcknowledgeRequest {
            group_id: Some("g".into()),
            member_id: Some(self.id.as_str().into()),
            share_session_epoch: self.session_epoch,
            topics: vec![topic],
            ..Default::default()
        };
        let answer = self.connection.call(&request, 2).await;
        if answer.error_code != 0 {
            return ErrorCode::from(answer.error_code);
        }
        self.session_epoch += 1;
        ErrorCode::from(answer.responses[0].partitions[0].error_code)
    }
}

fn acquired(data: &PartitionData) -> Vec<(i64, i64, i16)> {
    let acquired = data.acquired_records.iter();
    acquired
        .map(|acquired| {
            (
                acquired.first_offset,
                acquired.last_offset,
                acquired.delivery_count,
            )
        })
        .collect()
}

async fn coordinator(connection: &mut Connection) -> i32 {
    let request = FindCoordinatorRequest {
        key: "g".into(),
        ..Default::default()
    };
    connection.call(&request, 2).await.node_id
}

/// Brokers with a topic "jobs", which group "g" reads from its beginning.
async fn brokers(nodes: usize, lock: Duration) -> Broker {
    let builder = Broker::builder().nodes(nodes);
    let builder = builder.share_group_record_lock_duration(lock);
    let broker = builder.start().await.unwrap();
    broker.create_topic("jobs", 1).unwrap();
    broker
        .set_share_group_config("g", "share.auto.offset.reset", Some("earliest"))
        .unwrap();
    broker
}

async fn produce(broker: &Broker, values: &[&str]) {
    let (leader, _) = broker.leader("jobs", 0).unwrap();
    let mut connection = Connection::open_to(broker, leader).await;
    let written = connection.produce("jobs", 0, batch(values)).await;
    assert_eq!(written.error_code, 0);
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn who_waits_gets_what_comes_and_what_comes_back() {
    let broker = brokers(1, Duration::from_millis(200)).await;
    let mut a = Member::join(&broker, 1, "a").await;
    let mut b = Member::join(&broker, 1, "b").await;
    let (got, ()) = tokio::join!(a.acquire(), produce(&broker, &["x", "y"]));
    assert_eq!(got, [(0, 1, 1)]);
    assert_eq!(a.accept(0, 0).await, ErrorCode::None);
    assert_eq!(b.acquire().await, [(1, 1, 2)], "its lock has ended");
    assert_eq!(a.accept(1, 1).await, ErrorCode::InvalidRecordState);
    assert_eq!(b.accept(1, 1).await, ErrorCode::None);
}

#[tokio::test]
async fn a_connection_that_ends_gives_back_what_its_member_has() {
    let broker = brokers(1, LONG).await;
    produce(&broker, &["x", "y"]).await;
    let mut a = Member::join(&broker, 1, "a").await;
    let mut b = Member::join(&broker, 1, "b").await;
    assert_eq!(a.acquire().await, [(0, 1, 1)]);
    assert_eq!(a.accept(0, 0).await, ErrorCode::None);
    drop(a);
    assert_eq!(b.acquire().await, [(1, 1, 2)]);
}

#[tokio::test]
async fn what_was_acknowledged_stays_so_when_brokers_go_and_come_back() {
    let broker = brokers(3, LONG).await;
    produce(&broker, &["x", "y", "z"]).await;
    let (leader, _) = broker.leader("jobs", 0).unwrap();
    let mut a = Member::join(&broker, leader, "a").await;
    assert_eq!(a.acquire().await, [(0, 2, 1)]);
    assert_eq!(a.accept(0, 1).await, ErrorCode::None);
    broker.stop_node(leader).await.unwrap();
    let (next, _) = broker.leader("jobs", 0).unwrap();
    assert_ne!(next, leader);
    let mut b = Member::join(&broker, next, "b").await;
    assert_eq!(b.acquire().await, [(2, 2, 2)], "the connection has ended");
    assert_eq!(b.accept(2, 2).await, ErrorCode::None);
    broker.start_node(leader).await.unwrap();
    broker.move_leader("jobs", 0, leader).unwrap();
    produce(&broker, &["w"]).await;
    let mut c = Member::join(&broker, leader, "c").await;
    assert_eq!(c.acquire().await, [(3, 3, 1)]);
}

#[tokio::test]
async fn who_comes_to_the_wrong_broker_is_told_of_the_right_one() {
    let broker = brokers(2, LONG).await;
    let (leader, epoch) = broker.leader("jobs", 0).unwrap();
    let other = 3 - leader;
    let mut a = Member::join(&broker, other, "a").await;
    let answer = a.read(WAIT_MS).await;
    let data = &answer.responses[0].partitions[0];
    assert_eq!(
        ErrorCode::from(data.error_code),
        ErrorCode::NotLeaderOrFollower
    );
    let told = (
        data.current_leader.leader_id,
        data.current_leader.leader_epoch,
    );
    assert_eq!(told, (leader, epoch));
    assert_eq!(answer.node_endpoints[0].node_id, leader);
    assert_eq!(a.accept(0, 0).await, ErrorCode::NotLeaderOrFollower);
    broker.move_leader("jobs", 0, other).unwrap();
    produce(&broker, &["x"]).await;
    assert_eq!(a.acquire().await, [(0, 0, 1)]);
}

#[tokio::test]
async fn a_group_that_was_deleted_begins_anew() {
    let broker = brokers(1, LONG).await;
    produce(&broker, &["x"]).await;
    let mut a = Member::join(&broker, 1, "a").await;
    assert_eq!(a.acquire().await, [(0, 0, 1)]);
    assert_eq!(a.accept(0, 0).await, ErrorCode::None);
    let leave = ShareGroupHeartbeatRequest {
        group_id: "g".into(),
        member_id: "a".into(),
        member_epoch: -1,
        ..Default::default()
    };
    assert_eq!(a.connection.call(&leave, 1).await.error_code, 0);
    let delete = DeleteGroupsRequest {
        groups_names: vec!["g".into()],
        ..Default::default()
    };
    let deleted = a.connection.call(&delete, 2).await;
    assert_eq!(deleted.results[0].error_code, 0);
    let mut b = Member::join(&broker, 1, "b").await;
    assert_eq!(b.acquire().await, [(0, 0, 1)]);
}

#[tokio::test]
async fn an_unknown_setting_of_a_share_group_is_refused_by_name() {
    let broker = brokers(1, LONG).await;
    for (name, value, told) in [
        ("share.speed", "1", "Unknown group config name: share.speed"),
        (
            "share.record.lock.duration.ms",
            "soon",
            "Not a number of type INT",
        ),
    ] {
        let refused = broker.set_share_group_config("g", name, Some(value));
        let error = refused.unwrap_err();
        assert!(matches!(error, BrokerError::ShareGroupConfig { .. }));
        let error = error.to_string();
        assert!(
            error.contains("group \"g\"") && error.contains(told),
            "{error}"
        );
    }
}
