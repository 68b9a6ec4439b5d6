//! Several brokers in one process: who leads, who coordinates, and what each says when it is somebody else.

use kafka_broker::{Broker, BrokerError};
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::metadata::MetadataRequestTopic;
use kafka_proto::messages::offset_for_leader_epoch::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_proto::messages::*;

use crate::connection::{Connection, batch, fetch_request, numbered, produce_request, records};

async fn three() -> Broker {
    let broker = Broker::builder().nodes(3).start().await.unwrap();
    broker.create_topic("t", 3).unwrap();
    broker
}

/// The brokers that a broker lists, and the leader and its epoch of each partition of the topic.
async fn described(broker: &Broker, node: i32) -> (Vec<i32>, Vec<(i32, i32)>) {
    let wanted = MetadataRequestTopic {
        name: Some("t".into()),
        ..Default::default()
    };
    let request = MetadataRequest {
        topics: Some(vec![wanted]),
        ..Default::default()
    };
    let mut connection = Connection::open_to(broker, node).await;
    let answer = connection.call(&request, 12).await;
    let brokers = answer.brokers.iter().map(|broker| broker.node_id).collect();
    let leaders = answer.topics[0].partitions.iter();
    let leaders = leaders.map(|partition| (partition.leader_id, partition.leader_epoch));
    (brokers, leaders.collect())
}

async fn end_of_epoch(broker: &Broker, leader_epoch: i32) -> (ErrorCode, i32, i64) {
    let partition = OffsetForLeaderPartition {
        leader_epoch,
        ..Default::default()
    };
    let topic = OffsetForLeaderTopic {
        topic: "t".into(),
        partitions: vec![partition],
        ..Default::default()
    };
    let request = OffsetForLeaderEpochRequest {
        topics: vec![topic],
        ..Default::default()
    };
    let mut connection = Connection::open(broker).await;
    let end = connection.call(&request, 4).await.topics[0].partitions[0].clone();
    (
        ErrorCode::from(end.error_code),
        end.leader_epoch,
        end.end_offset,
    )
}

#[tokio::test]
async fn several_brokers_share_leaders_out_and_say_so_alike() {
    let broker = three().await;
    for node in 1..=3 {
        assert_eq!(
            described(&broker, node).await,
            (vec![1, 2, 3], vec![(1, 0), (2, 0), (3, 0)])
        );
    }
    broker.move_leader("t", 0, 3).unwrap();
    assert_eq!(broker.leader("t", 0).unwrap(), (3, 1));
    assert_eq!(described(&broker, 2).await.1, [(3, 1), (2, 0), (3, 0)]);
    assert!(matches!(
        broker.move_leader("t", 9, 1),
        Err(BrokerError::NoSuchPartition { partition: 9, .. })
    ));
    assert!(matches!(
        broker.move_leader("t", 0, 4),
        Err(BrokerError::NoSuchNode { node: 4 })
    ));
}

#[tokio::test]
async fn who_goes_to_the_wrong_broker_is_told_of_the_right_one() {
    let broker = three().await;
    let mut old = Connection::open_to(&broker, 1).await;
    old.produce("t", 0, batch(&["a"])).await;
    broker.move_leader("t", 0, 2).unwrap();

    let answer = old.call(&produce_request("t", 0, batch(&["b"])), 12).await;
    let refused = &answer.responses[0].partition_responses[0];
    assert_eq!(
        ErrorCode::from(refused.error_code),
        ErrorCode::NotLeaderOrFollower
    );
    let named = &refused.current_leader;
    assert_eq!((named.leader_id, named.leader_epoch), (2, 1));
    let port = i32::from(broker.node_addr(2).unwrap().port());
    assert_eq!(
        (
            answer.node_endpoints[0].node_id,
            answer.node_endpoints[0].port
        ),
        (2, port)
    );

    let topics = described_id(&broker).await;
    let mut request = fetch_request("t", 0, 0);
    request.topics[0].topic_id = topics;
    request.topics[0].topic = Default::default();
    request.topics[0].partitions[0].current_leader_epoch = 0;
    let answer = old.call(&request, 16).await;
    let refused = &answer.responses[0].partitions[0];
    assert_eq!(
        ErrorCode::from(refused.error_code),
        ErrorCode::FencedLeaderEpoch
    );
    let named = &refused.current_leader;
    assert_eq!((named.leader_id, named.leader_epoch), (2, 1));
    assert_eq!(answer.node_endpoints[0].port, port);

    // Followers are read from, where the client knows of that.
    assert_eq!(records(&old.fetch("t", 0, 0).await), numbered(&["a"], 0));
    let before = old.call(&fetch_request("t", 0, 0), 10).await;
    assert_eq!(
        ErrorCode::from(before.responses[0].partitions[0].error_code),
        ErrorCode::NotLeaderOrFollower
    );
}

async fn described_id(broker: &Broker) -> kafka_proto::codec::Uuid {
    let mut connection = Connection::open(broker).await;
    let request = MetadataRequest {
        topics: None,
        ..Default::default()
    };
    connection.call(&request, 12).await.topics[0].topic_id
}

#[tokio::test]
async fn a_reader_that_has_what_the_log_lost_is_told_where_they_part() {
    let broker = three().await;
    let mut connection = Connection::open(&broker).await;
    for value in ["a", "b", "c"] {
        connection.produce("t", 0, batch(&[value])).await;
    }
    assert_eq!(end_of_epoch(&broker, 0).await, (ErrorCode::None, 0, 3));
    broker.lose_records("t", 0, 1).unwrap();
    connection.produce("t", 0, batch(&["d"])).await;
    assert_eq!(end_of_epoch(&broker, 0).await, (ErrorCode::None, 0, 1));
    assert_eq!(end_of_epoch(&broker, 1).await, (ErrorCode::None, 1, 2));
    assert_eq!(end_of_epoch(&broker, 2).await, (ErrorCode::None, -1, -1));

    for (last_fetched_epoch, offset, diverging) in [
        (0, 3, Some((0, 1))),
        (0, 2, Some((0, 1))),
        (0, 1, None),
        (1, 2, None),
        (-1, 2, None),
    ] {
        let mut request = fetch_request("t", 0, offset);
        request.topics[0].partitions[0].last_fetched_epoch = last_fetched_epoch;
        let answer = connection.call(&request, 12).await;
        let data = &answer.responses[0].partitions[0];
        assert_eq!(data.error_code, 0, "{last_fetched_epoch}, {offset}");
        let told = &data.diverging_epoch;
        assert_eq!(
            (told.epoch, told.end_offset),
            diverging.unwrap_or((-1, -1)),
            "{last_fetched_epoch}, {offset}"
        );
    }
    let all = records(&connection.fetch("t", 0, 0).await);
    assert_eq!(all, [(0, "a".to_owned()), (1, "d".to_owned())]);
}

#[tokio::test]
async fn a_reader_is_sent_to_the_replica_in_its_rack() {
    let broker = Broker::builder().racks(["a", "b"]).start().await.unwrap();
    broker.create_topic("t", 1).unwrap();
    let mut leader = Connection::open_to(&broker, 1).await;
    leader.produce("t", 0, batch(&["x"])).await;
    let request = |rack: &str| FetchRequest {
        rack_id: rack.into(),
        ..fetch_request("t", 0, 0)
    };
    for (rack, replica, count) in [("b", 2, 0), ("a", -1, 1), ("", -1, 1), ("z", -1, 1)] {
        let answer = leader.call(&request(rack), 12).await;
        let data = &answer.responses[0].partitions[0];
        assert_eq!(
            (data.preferred_read_replica, records(data).len()),
            (replica, count),
            "{rack}"
        );
    }
    let mut closer = Connection::open_to(&broker, 2).await;
    let answer = closer.call(&request("b"), 12).await;
    assert_eq!(records(&answer.responses[0].partitions[0]).len(), 1);
}

#[tokio::test]
async fn a_group_has_one_coordinator_which_may_change() {
    let broker = three().await;
    let find = async |node| {
        let request = FindCoordinatorRequest {
            coordinator_keys: vec!["g".into()],
            ..Default::default()
        };
        let mut connection = Connection::open_to(&broker, node).await;
        connection.call(&request, 6).await.coordinators[0].node_id
    };
    let heartbeat = async |node| {
        let request = HeartbeatRequest {
            group_id: "g".into(),
            ..Default::default()
        };
        let mut connection = Connection::open_to(&broker, node).await;
        ErrorCode::from(connection.call(&request, 4).await.error_code)
    };
    for coordinator in 1..=3 {
        broker.move_coordinator("g", coordinator).unwrap();
        for node in 1..=3 {
            assert_eq!(find(node).await, coordinator);
            let expected = if node == coordinator {
                ErrorCode::UnknownMemberId
            } else {
                ErrorCode::NotCoordinator
            };
            assert_eq!(heartbeat(node).await, expected);
        }
    }
}

#[tokio::test]
async fn what_a_broker_led_is_led_by_another_while_it_is_down() {
    let broker = three().await;
    let mut connection = Connection::open_to(&broker, 2).await;
    connection.produce("t", 1, batch(&["a"])).await;
    broker.stop_node(2).await.unwrap();
    assert_eq!(connection.next_frame().await, None);
    assert_eq!(
        described(&broker, 1).await,
        (vec![1, 3], vec![(1, 0), (3, 1), (3, 0)])
    );
    assert!(matches!(
        broker.stop_node(2).await,
        Err(BrokerError::NoSuchNode { node: 2 })
    ));
    broker.start_node(2).await.unwrap();
    broker.move_leader("t", 1, 2).unwrap();
    assert_eq!(
        described(&broker, 3).await,
        (vec![1, 2, 3], vec![(1, 0), (2, 2), (3, 0)])
    );
    let mut connection = Connection::open_to(&broker, 2).await;
    assert_eq!(
        records(&connection.fetch("t", 1, 0).await),
        numbered(&["a"], 0)
    );
}

#[tokio::test]
async fn clients_are_sent_back_to_their_bootstrap_addresses_when_a_test_says_so() {
    let broker = three().await;
    let mut connection = Connection::open(&broker).await;
    for (required, version, expected) in [
        (true, 13, ErrorCode::RebootstrapRequired),
        (true, 12, ErrorCode::None),
        (false, 13, ErrorCode::None),
    ] {
        broker.require_rebootstrap(required);
        let answer = connection.call(&MetadataRequest::default(), version).await;
        assert_eq!(ErrorCode::from(answer.error_code), expected);
    }
}
