//! What a consumer that is closed leaves behind.

use std::time::Instant;

use bytes::BytesMut;
use kafka_proto::frame::{decode_response, encode_request, take_frame};
use kafka_proto::messages::FetchRequest;
use kafka_proto::messages::fetch::{FetchPartition, FetchTopic};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fixture::*;

/// The last version in which topics go by their names.
const VERSION: i16 = 12;

/// The session that the broker opens for a reader of partition 0; 0 when it has no room for one.
async fn open_session(fixture: &Fixture) -> i32 {
    let request = FetchRequest {
        replica_id: -1,
        session_epoch: 0,
        max_bytes: 1,
        topics: vec![FetchTopic {
            topic: "t".into(),
            partitions: vec![FetchPartition {
                partition: 0,
                current_leader_epoch: -1,
                last_fetched_epoch: -1,
                partition_max_bytes: 1,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let bytes = encode_request(&request, VERSION, 1, None).unwrap();
    let call = async {
        let mut socket = TcpStream::connect(fixture.broker.local_addr()).await?;
        socket.write_all(&bytes.into_bytes()).await?;
        let mut received = BytesMut::new();
        loop {
            if let Some(frame) = take_frame(&mut received, usize::MAX).unwrap() {
                break std::io::Result::Ok(frame);
            }
            socket.read_buf(&mut received).await?;
        }
    };
    let frame = within("an answer", call).await.unwrap();
    let answer = decode_response::<FetchRequest>(frame, VERSION).unwrap();
    answer.session_id
}

#[tokio::test]
async fn closing_ends_the_fetch_sessions_at_the_brokers() {
    let fixture = Fixture::start_with(1, |broker| broker.fetch_session_slots(1)).await;
    fixture.write(1, 0, 10).await;
    let consumer = fixture.consumer().build().await.unwrap();
    consumer.assign(partitions(1)).unwrap();
    poll_until(&consumer, "records", |seen| seen.len() >= 10).await;
    assert_eq!(open_session(&fixture).await, 0, "the consumer has the room");
    consumer.close(LIMIT).await.unwrap();
    assert_ne!(open_session(&fixture).await, 0);
}

#[tokio::test]
async fn brokers_that_are_gone_do_not_hold_up_closing() {
    let mut fixture = Fixture::start_with(1, |broker| broker.advertised_host(ADVERTISED)).await;
    let wire = Wire::before(&mut fixture).await;
    fixture.write(1, 0, 10).await;
    let consumer = fixture.consumer().build().await.unwrap();
    consumer.assign(partitions(1)).unwrap();
    poll_until(&consumer, "records", |seen| seen.len() >= 10).await;
    wire.cut().await;
    let begin = Instant::now();
    consumer.close(LIMIT).await.unwrap();
    assert!(begin.elapsed() < LIMIT / 4, "{:?}", begin.elapsed());
}
