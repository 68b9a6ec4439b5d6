//! Topics that are not there, not yet, not as they were, or do not take everything.

use std::time::{Duration, Instant};

use kafka_client::producer::Record;
use kafka_client::{Error, ErrorCode};

use crate::fixture::*;

#[tokio::test]
async fn a_topic_that_does_not_exist_is_an_error_by_name_within_max_block() {
    let broker = start().await;
    let limit = Duration::from_millis(300);
    let producer = producer(&broker, |builder| builder.max_block(limit)).await;
    let begun = Instant::now();
    let error = within("the refusal", producer.send(Record::to("nowhere")))
        .await
        .unwrap_err();
    assert!(begun.elapsed() < limit * 3, "{:?}", begun.elapsed());
    assert!(
        error
            .to_string()
            .starts_with("sending to \"nowhere\" did not happen within 300ms"),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("topic \"nowhere\": UNKNOWN_TOPIC_OR_PARTITION"),
        "{error}"
    );
    let error = producer.send(Record::to("not/a/topic")).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Broker {
                code: ErrorCode::InvalidTopicException,
                ..
            }
        ),
        "{error}"
    );

    // Once it is there, the same producer finds it.
    broker.create_topic("nowhere", 1).unwrap();
    let delivery = within("the topic", producer.send(Record::to("nowhere")))
        .await
        .unwrap();
    within("a delivery", delivery).await.unwrap();
}

#[tokio::test]
async fn a_topic_created_while_a_record_waits_takes_it() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder).await;
    let create = async {
        tokio::task::yield_now().await;
        broker.create_topic("late", 1).unwrap();
    };
    let (delivery, ()) = tokio::join!(
        within("the topic", producer.send(Record::to("late"))),
        create
    );
    within("a delivery", delivery.unwrap()).await.unwrap();
}

#[tokio::test]
async fn try_send_asks_for_the_topic_in_the_background_and_needs_no_runtime() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder).await;
    within("the topic", async {
        loop {
            let producer = producer.clone();
            let tried = std::thread::spawn(move || producer.try_send(Record::to("t").value("v")));
            match tried.join().unwrap() {
                Ok(delivery) => return delivery.await.unwrap(),
                Err(Error::Broker {
                    code: ErrorCode::UnknownTopicOrPartition,
                    ..
                }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_record_too_large_is_refused_by_the_client_and_by_the_broker_and_nothing_else_suffers() {
    let broker = start_with(|broker| broker.max_message_bytes(10_000)).await;
    let producer = producer(&broker, |builder| builder).await;
    let before = producer
        .send(Record::to("t").partition(0).value("before"))
        .await
        .unwrap();
    let error = producer
        .send(Record::to("t").partition(0).value(&vec![0; 2 << 20]))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::RecordTooLarge { topic, .. } if topic == "t"),
        "{error}"
    );
    let refused = producer
        .send(Record::to("t").partition(0).value(&vec![0; 20_000]))
        .await
        .unwrap();
    let after = producer
        .send(Record::to("t").partition(0).value("after"))
        .await
        .unwrap();
    within("the one before", before).await.unwrap();
    let error = within("the broker's refusal", refused).await.unwrap_err();
    assert!(
        error.to_string().contains(
            "for partition t-0, more than its topic takes (max.message.bytes): MESSAGE_TOO_LARGE"
        ),
        "{error}"
    );
    within("the one after", after).await.unwrap();
    let error = within("the flush", producer.flush()).await.unwrap_err();
    assert!(
        error.to_string().contains("MESSAGE_TOO_LARGE"),
        "a flush tells what failed: {error}"
    );
    within("another flush", producer.flush()).await.unwrap();
    let seen = read(&broker, "t", 1, 2).await;
    assert_eq!(
        seen.iter().map(|r| r.value().unwrap()).collect::<Vec<_>>(),
        [&b"before"[..], b"after"]
    );
}

#[tokio::test]
async fn a_batch_too_large_for_the_broker_arrives_in_parts() {
    let broker = start_with(|broker| broker.max_message_bytes(1000)).await;
    let producer = producer(&broker, |builder| builder.linger(Duration::from_secs(10))).await;
    let mut deliveries = Vec::new();
    for n in 0..100 {
        let record = Record::to("t").partition(0);
        deliveries.push(
            producer
                .send(record.value(&format!("{n:0100}")))
                .await
                .unwrap(),
        );
    }
    within("the flush", producer.flush()).await.unwrap();
    let offsets: Vec<_> = all_written(deliveries)
        .await
        .into_iter()
        .map(|written| written.offset)
        .collect();
    assert_eq!(offsets, (0..100).map(Some).collect::<Vec<_>>());
    let seen = read(&broker, "t", 1, 100).await;
    assert!(
        (0..100)
            .zip(&seen)
            .all(|(n, record)| record.value_str().unwrap() == Some(&format!("{n:0100}")))
    );
}

#[tokio::test]
async fn a_partition_that_was_not_there_is_named() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder).await;
    let error = within("the refusal", producer.send(Record::to("t").partition(7)))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "topic \"t\" has no partition 7 (it has 0..=2): check the assignment, or create the partition"
    );
}

#[tokio::test]
async fn a_topic_made_anew_is_written_to_as_if_nothing_had_happened() {
    let broker = start().await;
    let admin = kafka_client::admin::Admin::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .build()
        .await
        .unwrap();
    let producer = producer(&broker, |builder| builder).await;
    for _ in 0..3 {
        within(
            "a record",
            producer
                .send(Record::to("t").partition(0).value("old"))
                .await
                .unwrap(),
        )
        .await
        .unwrap();
    }
    admin.delete_topics(["t"]).await.unwrap();
    broker.create_topic("t", 2).unwrap();
    for n in 0..3 {
        let delivery = within(
            "sending",
            producer.send(Record::to("t").partition(0).value("new")),
        )
        .await
        .unwrap();
        let written = within("a record of the new topic", delivery).await.unwrap();
        assert_eq!(written.offset, Some(n));
    }
    assert_eq!(read(&broker, "t", 1, 3).await.len(), 3);
}
