use kafka_broker::Broker;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::FetchRequest;

use crate::connection::{Connection, batch, broker, fetch_request};

fn in_session(session_id: i32, session_epoch: i32, request: FetchRequest) -> FetchRequest {
    FetchRequest {
        session_id,
        session_epoch,
        ..request
    }
}

fn nothing_new() -> FetchRequest {
    FetchRequest {
        max_bytes: 1 << 20,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_session_is_opened_and_answered_only_for_what_is_new() {
    let broker = broker().await;
    broker.create_topic("t", 2).unwrap();
    let mut connection = Connection::open(&broker).await;
    let mut first = in_session(0, 0, fetch_request("t", 0, 0));
    let mut second = first.topics[0].partitions[0].clone();
    second.partition = 1;
    first.topics[0].partitions.push(second);
    let opened = connection.call(&first, 12).await;
    let id = opened.session_id;
    assert!(id > 0);
    assert_eq!(opened.responses[0].partitions.len(), 2);

    connection.produce("t", 1, batch(&["a"])).await;
    let next = connection.call(&in_session(id, 1, nothing_new()), 12).await;
    let told = &next.responses[0].partitions;
    assert_eq!((told.len(), told[0].partition_index), (1, 1));
    assert_eq!(next.session_id, id);

    let stale = connection.call(&in_session(id, 1, nothing_new()), 12).await;
    assert_eq!(
        ErrorCode::from(stale.error_code),
        ErrorCode::InvalidFetchSessionEpoch
    );
    let unknown = connection
        .call(&in_session(id ^ 1, 2, nothing_new()), 12)
        .await;
    assert_eq!(
        ErrorCode::from(unknown.error_code),
        ErrorCode::FetchSessionIdNotFound
    );
}

#[tokio::test]
async fn without_room_for_a_session_all_is_answered_each_time() {
    let broker = Broker::builder()
        .fetch_session_slots(1)
        .start()
        .await
        .unwrap();
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let first = in_session(0, 0, fetch_request("t", 0, 0));
    assert!(connection.call(&first, 12).await.session_id > 0);
    for _ in 0..2 {
        let answer = connection.call(&first, 12).await;
        assert_eq!((answer.session_id, answer.responses.len()), (0, 1));
    }
}

#[tokio::test]
async fn a_request_with_the_final_epoch_opens_nothing() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let alone = in_session(0, -1, fetch_request("t", 0, 0));
    assert_eq!(connection.call(&alone, 12).await.session_id, 0);
}
