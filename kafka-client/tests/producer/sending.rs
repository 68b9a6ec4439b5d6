//! What is sent, and how it arrives.

use std::time::Duration;

use kafka_client::producer::{Acks, Header, Record};
use kafka_client::{Compression, Error, TopicPartition};

use crate::fixture::*;

/// A record's key and value.
type Parts<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

#[tokio::test]
async fn acknowledged_records_are_where_they_were_said_to_be_with_any_acks() {
    let broker = start().await;
    for (acks, has_offset) in [(Acks::All, true), (Acks::Leader, true), (Acks::None, false)] {
        let topic = format!("acks-{acks:?}");
        broker.create_topic(&topic, 1).unwrap();
        let producer = producer(&broker, |builder| builder.acks(acks)).await;
        let mut deliveries = Vec::new();
        for n in 0..1000 {
            deliveries.push(
                producer
                    .send(Record::to(&topic).value(&n.to_string()))
                    .await
                    .unwrap(),
            );
        }
        for (n, written) in (0..).zip(all_written(deliveries).await) {
            assert_eq!(written.offset, has_offset.then_some(n), "{acks:?}");
        }
        producer.close(LIMIT).await.unwrap();
        let values: Vec<String> = read(&broker, &topic, 1, 1000)
            .await
            .iter()
            .map(|record| record.value_str().unwrap().unwrap().into())
            .collect();
        assert_eq!(
            values,
            (0..1000).map(|n: i32| n.to_string()).collect::<Vec<_>>(),
            "{acks:?}"
        );
    }
}

#[tokio::test]
async fn every_part_of_a_record_arrives_with_every_codec() {
    let broker = start().await;
    let headers = [
        Header::new("a", b"1"),
        Header {
            key: "a",
            value: None,
        },
        Header::new("", b""),
    ];
    for compression in Compression::ALL {
        let topic = compression.name();
        broker.create_topic(topic, 1).unwrap();
        let producer = producer(&broker, |builder| builder.compression(compression)).await;
        let long = "a long value ".repeat(1000);
        let records = [
            Record::to(topic)
                .key("k")
                .value("v")
                .timestamp(1_700_000_000_123),
            Record::to(topic).key("gone"),
            Record::to(topic).value(""),
            Record::to(topic).key("").value(&long).headers(&headers),
        ];
        assert_eq!(within("sending", producer.send_all(records)).await, Ok(4));
        within("flushing", producer.flush()).await.unwrap();
        let seen = read(&broker, topic, 1, 4).await;
        let parts: Vec<_> = seen
            .iter()
            .map(|record| (record.key(), record.value()))
            .collect();
        let expected: [Parts<'_>; 4] = [
            (Some(b"k"), Some(b"v")),
            (Some(b"gone"), None),
            (None, Some(b"")),
            (Some(b""), Some(long.as_bytes())),
        ];
        assert_eq!(parts, expected, "{topic}");
        assert_eq!(seen[0].timestamp(), 1_700_000_000_123);
        let got: Vec<_> = seen[3].headers().map(|header| header.unwrap()).collect();
        assert_eq!(
            got.iter().map(|h| (h.key, h.value)).collect::<Vec<_>>(),
            headers.map(|h| (h.key, h.value)),
            "{topic}"
        );
    }
}

#[tokio::test]
async fn order_is_kept_while_requests_overtake_each_other_in_compression() {
    let broker = start().await;
    for idempotence in ["true", "false"] {
        let topic = format!("order-{idempotence}");
        broker.create_topic(&topic, 1).unwrap();
        let producer = producer(&broker, |builder| {
            builder
                .compression(Compression::Gzip)
                .batch_size(64 << 10)
                .linger(Duration::ZERO)
                .properties([("enable.idempotence", idempotence)])
                .unwrap()
        })
        .await;
        // Batches that take long to compress, and others that do not.
        let long = "0123456789abcdef".repeat(4000);
        for n in 0..400 {
            let value = if n % 7 == 0 {
                format!("{n}:{long}")
            } else {
                format!("{n}:")
            };
            producer
                .send(Record::to(&topic).value(&value))
                .await
                .unwrap();
            if n % 3 == 0 {
                tokio::task::yield_now().await;
            }
        }
        within("flushing", producer.flush()).await.unwrap();
        let seen = read(&broker, &topic, 1, 400).await;
        let numbers: Vec<String> = seen
            .iter()
            .map(|record| {
                record
                    .value_str()
                    .unwrap()
                    .unwrap()
                    .split(':')
                    .next()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(
            numbers,
            (0..400).map(|n: i32| n.to_string()).collect::<Vec<_>>(),
            "idempotence {idempotence}"
        );
    }
}

#[tokio::test]
async fn keys_go_where_the_java_client_sends_them_and_chosen_partitions_are_kept() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder).await;
    for n in 0..50 {
        let key = format!("key-{n}");
        let written = within(
            "a record",
            producer
                .send(Record::to("t").key(&key).value("v"))
                .await
                .unwrap(),
        )
        .await
        .unwrap();
        let expected =
            kafka_proto::murmur2::partition_for_key(key.as_bytes(), 3.try_into().unwrap());
        assert_eq!(
            i64::from(written.partition.partition),
            i64::from(expected),
            "{key}"
        );
    }
    for partition in 0..3 {
        let record = Record::to("t").partition(partition).key("key-1").value("v");
        let written = within("a record", producer.send(record).await.unwrap())
            .await
            .unwrap();
        assert_eq!(written.partition, TopicPartition::new("t", partition));
    }
    assert_eq!(producer.partition_count("t").await, Ok(3));
}

#[tokio::test]
async fn a_topic_that_sets_its_own_timestamps_says_so() {
    let broker = start().await;
    let admin = kafka_client::admin::Admin::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .build()
        .await
        .unwrap();
    let topic = kafka_client::admin::NewTopic::new("stamped")
        .partitions(1)
        .config("message.timestamp.type", "LogAppendTime");
    admin.create_topics([topic]).await.unwrap();
    let producer = producer(&broker, |builder| builder).await;
    let written = within(
        "a record",
        producer
            .send(Record::to("stamped").timestamp(7))
            .await
            .unwrap(),
    )
    .await
    .unwrap();
    assert!(
        written.timestamp > 1_600_000_000_000,
        "{}",
        written.timestamp
    );
    let own = within(
        "a record",
        producer.send(Record::to("t").timestamp(7)).await.unwrap(),
    )
    .await
    .unwrap();
    assert_eq!(own.timestamp, 7);
}

#[tokio::test]
async fn memory_is_bounded_and_sending_waits_for_room() {
    let broker = start().await;
    let producer = producer(&broker, |builder| {
        builder.buffer_memory(10_000).batch_size(1000)
    })
    .await;
    let mut records = Vec::new();
    for n in 0..2000 {
        records.push(format!("{n:0100}"));
    }
    let records = records.iter().map(|value| Record::to("t").value(value));
    assert_eq!(
        within("sending through a small buffer", producer.send_all(records)).await,
        Ok(2000)
    );
    within("the flush", producer.flush()).await.unwrap();
    assert_eq!(read(&broker, "t", 3, 2000).await.len(), 2000);
}

#[tokio::test]
async fn closing_writes_what_is_buffered() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder.linger(Duration::from_secs(60))).await;
    let other = producer.clone();
    let delivery = producer
        .send(Record::to("t").partition(0).value("v"))
        .await
        .unwrap();
    within("closing", producer.close(LIMIT)).await.unwrap();
    within("the delivery", delivery).await.unwrap();
    assert!(matches!(
        other.send(Record::to("t")).await,
        Err(Error::Closed { .. })
    ));
    within("closing again", other.close(LIMIT)).await.unwrap();
    within("flushing what is closed", other.flush())
        .await
        .unwrap();
}

#[tokio::test]
async fn dropping_the_last_handle_writes_what_is_buffered() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder.linger(Duration::from_secs(60))).await;
    let delivery = producer
        .send(Record::to("t").partition(0).value("v"))
        .await
        .unwrap();
    drop(producer);
    within("the delivery", delivery).await.unwrap();
}

#[tokio::test]
async fn for_ever_is_a_time_like_any_other() {
    let broker = start().await;
    let forever = Duration::MAX;
    let producer = producer(&broker, |builder| {
        builder
            .max_block(forever)
            .delivery_timeout(forever)
            .request_timeout(forever)
    })
    .await;
    let delivery = within("sending", producer.send(Record::to("t")))
        .await
        .unwrap();
    within("the delivery", delivery).await.unwrap();
    within("closing", producer.close(forever)).await.unwrap();
}
