use std::time::{Duration, Instant};

use kafka_broker::Broker;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::fetch::{FetchPartition, FetchTopic};
use kafka_proto::messages::metadata::MetadataRequestTopic;
use kafka_proto::messages::*;

use crate::connection::{Connection, batch, broker, fetch_request, numbered, records, within};

#[tokio::test]
async fn a_long_poll_waits_for_records_and_for_nothing_else() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut consumer = Connection::open(&broker).await;
    let mut producer = Connection::open(&broker).await;
    let mut request = fetch_request("t", 0, 0);
    request.max_wait_ms = 600_000;
    let id = consumer.send(&request, 12).await;
    // Another connection is not held up.
    producer.produce("t", 0, batch(&["a"])).await;
    let response = consumer.receive::<FetchRequest>(id, 12).await;
    assert_eq!(
        records(&response.responses[0].partitions[0]),
        numbered(&["a"], 0)
    );
}

#[tokio::test]
async fn a_long_poll_waits_until_there_are_min_bytes() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut consumer = Connection::open(&broker).await;
    let mut producer = Connection::open(&broker).await;
    let len = batch(&["a"]).len() as i32;
    let mut request = fetch_request("t", 0, 0);
    (request.max_wait_ms, request.min_bytes) = (600_000, len + 1);
    let id = consumer.send(&request, 12).await;
    producer.produce("t", 0, batch(&["a"])).await;
    producer.produce("t", 0, batch(&["b"])).await;
    let response = consumer.receive::<FetchRequest>(id, 12).await;
    assert_eq!(
        records(&response.responses[0].partitions[0]),
        numbered(&["a", "b"], 0)
    );
}

#[tokio::test]
async fn a_long_poll_ends_with_nothing_after_max_wait() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let mut request = fetch_request("t", 0, 0);
    request.max_wait_ms = 50;
    let start = Instant::now();
    let response = connection.call(&request, 12).await;
    assert!(start.elapsed() >= Duration::from_millis(50));
    assert_eq!(records(&response.responses[0].partitions[0]), []);
}

#[tokio::test]
async fn a_long_poll_ends_when_its_topic_is_deleted() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut consumer = Connection::open(&broker).await;
    let mut admin = Connection::open(&broker).await;
    let mut request = fetch_request("t", 0, 0);
    request.max_wait_ms = 600_000;
    let id = consumer.send(&request, 12).await;
    let delete = DeleteTopicsRequest {
        topic_names: vec!["t".into()],
        ..Default::default()
    };
    admin.call(&delete, 5).await;
    let response = consumer.receive::<FetchRequest>(id, 12).await;
    let error = response.responses[0].partitions[0].error_code;
    assert_eq!(ErrorCode::from(error), ErrorCode::UnknownTopicOrPartition);
}

#[tokio::test]
async fn limits_hold_but_for_the_first_batch() {
    let broker = broker().await;
    broker.create_topic("t", 2).unwrap();
    let mut connection = Connection::open(&broker).await;
    let len = batch(&["a"]).len() as i32;
    for value in ["a", "b", "c"] {
        connection.produce("t", 0, batch(&[value])).await;
        connection.produce("t", 1, batch(&[value])).await;
    }
    // Limit for a partition, in all, what comes of each partition.
    for (partition_max_bytes, max_bytes, expected) in [
        (1 << 20, 1 << 20, [3, 3]),
        (len, 1 << 20, [1, 1]),
        (2 * len + 1, 1 << 20, [2, 2]),
        (1, 1 << 20, [1, 0]),
        (0, 0, [1, 0]),
        (1 << 20, 4 * len, [3, 1]),
        (1 << 20, 1, [1, 0]),
    ] {
        let partition = |partition| FetchPartition {
            partition,
            partition_max_bytes,
            ..Default::default()
        };
        let topic = FetchTopic {
            topic: "t".into(),
            partitions: vec![partition(0), partition(1)],
            ..Default::default()
        };
        let request = FetchRequest {
            max_bytes,
            topics: vec![topic],
            ..Default::default()
        };
        let fetched = connection
            .call(&request, 12)
            .await
            .responses
            .remove(0)
            .partitions;
        let counts: Vec<_> = fetched
            .iter()
            .map(|partition| records(partition).len())
            .collect();
        assert_eq!(
            counts, expected,
            "{partition_max_bytes} and {max_bytes} bytes"
        );
    }
}

#[tokio::test]
async fn a_fetch_begins_with_the_batch_that_has_the_offset() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    connection.produce("t", 0, batch(&["a", "b", "c"])).await;
    connection.produce("t", 0, batch(&["d"])).await;
    for (offset, first) in [(0, 0), (2, 0), (3, 3)] {
        assert_eq!(records(&connection.fetch("t", 0, offset).await)[0].0, first);
    }
    assert_eq!(records(&connection.fetch("t", 0, 4).await), []);
    for offset in [5, -1, i64::MAX] {
        let error = connection.fetch("t", 0, offset).await.error_code;
        assert_eq!(
            ErrorCode::from(error),
            ErrorCode::OffsetOutOfRange,
            "{offset}"
        );
    }
    let error = connection.fetch("t", 1, 0).await.error_code;
    assert_eq!(ErrorCode::from(error), ErrorCode::UnknownTopicOrPartition);
    let error = connection.fetch("none", 0, 0).await.error_code;
    assert_eq!(ErrorCode::from(error), ErrorCode::UnknownTopicOrPartition);
}

#[tokio::test]
async fn topics_are_named_by_id_in_new_versions() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    connection.produce("t", 0, batch(&["a"])).await;
    let topic = MetadataRequestTopic {
        name: Some("t".into()),
        ..Default::default()
    };
    let metadata = MetadataRequest {
        topics: Some(vec![topic]),
        ..Default::default()
    };
    let id = connection.call(&metadata, 12).await.topics[0].topic_id;
    for version in 13..=18 {
        let mut request = fetch_request("", 0, 0);
        request.topics[0].topic_id = id;
        let fetched = connection.call(&request, version).await.responses.remove(0);
        assert_eq!(
            (fetched.topic_id, records(&fetched.partitions[0])),
            (id, numbered(&["a"], 0))
        );
        request.topics[0].topic_id.0[0] ^= 1;
        request.max_wait_ms = 600_000;
        let fetched = connection.call(&request, version).await.responses.remove(0);
        assert_eq!(
            ErrorCode::from(fetched.partitions[0].error_code),
            ErrorCode::UnknownTopicId
        );
    }
}

#[tokio::test]
async fn a_leader_epoch_of_another_time_is_refused() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    for (epoch, error) in [
        (-1, ErrorCode::None),
        (0, ErrorCode::None),
        (1, ErrorCode::UnknownLeaderEpoch),
        (-2, ErrorCode::None),
    ] {
        let mut request = fetch_request("t", 0, 0);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let fetched = connection.call(&request, 12).await.responses.remove(0);
        assert_eq!(
            ErrorCode::from(fetched.partitions[0].error_code),
            error,
            "{epoch}"
        );
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let mut slow = fetch_request("t", 0, 0);
    slow.max_wait_ms = 50;
    let first = connection.send(&slow, 12).await;
    let second = connection.send(&ApiVersionsRequest::default(), 0).await;
    let third = connection.send(&slow, 12).await;
    connection.receive::<FetchRequest>(first, 12).await;
    connection.receive::<ApiVersionsRequest>(second, 0).await;
    connection.receive::<FetchRequest>(third, 12).await;
}

#[tokio::test]
async fn old_segments_go_when_a_partition_is_full() {
    let broker = Broker::builder()
        .retention_bytes(1 << 20)
        .start()
        .await
        .unwrap();
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let value = "x".repeat(1_000_000);
    let mut start = 0;
    for _ in 0..12 {
        start = connection
            .produce("t", 0, batch(&[&value]))
            .await
            .log_start_offset;
    }
    assert!(start > 0, "nothing was deleted");
    assert_eq!(
        ErrorCode::from(connection.fetch("t", 0, start - 1).await.error_code),
        ErrorCode::OffsetOutOfRange
    );
    assert_eq!(records(&connection.fetch("t", 0, start).await)[0].0, start);
}

#[tokio::test]
async fn shutdown_ends_long_polls_and_frees_the_port() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let mut request = fetch_request("t", 0, 0);
    request.max_wait_ms = 600_000;
    connection.send(&request, 12).await;
    let port = broker.local_addr().port();
    within("the shutdown", broker.shutdown()).await;
    assert_eq!(connection.next_frame().await, None);
    Broker::builder().port(port).start().await.unwrap();
}

#[tokio::test]
async fn dropping_a_broker_ends_it_without_waiting() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    assert_eq!(
        connection
            .call(&ApiVersionsRequest::default(), 0)
            .await
            .error_code,
        0
    );
    drop(broker);
    assert_eq!(connection.next_frame().await, None);
}

#[tokio::test]
async fn the_first_batch_goes_out_also_behind_an_empty_partition() {
    let broker = broker().await;
    broker.create_topic("t", 2).unwrap();
    let mut connection = Connection::open(&broker).await;
    connection.produce("t", 1, batch(&["a"])).await;
    let partition = |partition| FetchPartition {
        partition,
        partition_max_bytes: 1,
        ..Default::default()
    };
    let mut request = fetch_request("t", 0, 0);
    request.topics[0].partitions = vec![partition(0), partition(1)];
    let fetched = connection
        .call(&request, 12)
        .await
        .responses
        .remove(0)
        .partitions;
    assert_eq!(records(&fetched[1]), numbered(&["a"], 0));
}

#[tokio::test]
async fn aborted_transactions_are_listed_for_those_who_read_committed() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    for (isolation_level, expected) in [(0, None), (1, Some(Vec::new()))] {
        let request = FetchRequest {
            isolation_level,
            ..fetch_request("t", 0, 0)
        };
        let fetched = connection
            .call(&request, 12)
            .await
            .responses
            .remove(0)
            .partitions;
        assert_eq!(fetched[0].aborted_transactions, expected);
    }
}
