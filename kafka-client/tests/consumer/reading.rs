//! Reading partitions that are assigned by hand.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_core::Stream;
use kafka_client::consumer::{Consumer, OffsetReset, PartitionBatch};
use kafka_client::producer::{Header, Producer, Record};
use kafka_client::{Compression, Error};

use crate::fixture::*;

#[tokio::test]
async fn every_record_is_handed_out_once_and_in_order() {
    let fixture = Fixture::start(4).await;
    for (n, compression) in Compression::ALL.into_iter().enumerate() {
        fixture
            .write_compressed(4, n as i64 * 500, 500, compression)
            .await;
    }
    let consumer = fixture
        .consumer()
        .max_partition_fetch_bytes(5000)
        .build()
        .await
        .unwrap();
    consumer.assign(partitions(4)).unwrap();
    let seen = poll_until(&consumer, "10000 records", |seen| seen.len() >= 10_000).await;
    assert_whole(&seen, 4, 2500);
    assert!(
        seen.iter()
            .all(|record| record.value == record.offset.to_string())
    );
    assert!(
        consumer
            .poll(Duration::from_millis(50))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_record_comes_with_everything_that_was_written() {
    let fixture = Fixture::start(1).await;
    let producer = Producer::builder()
        .bootstrap_servers(&fixture.servers)
        .build()
        .await
        .unwrap();
    let headers = [
        Header::new("a", b"1"),
        Header {
            key: "a",
            value: None,
        },
    ];
    let record = Record::to("t")
        .key("k")
        .value(&[0xff, 0xfe])
        .headers(&headers)
        .timestamp(77);
    producer.send(record).await.unwrap().await.unwrap();
    producer
        .send(Record::to("t").key("tombstone"))
        .await
        .unwrap()
        .await
        .unwrap();
    let consumer = fixture.consumer().build().await.unwrap();
    consumer.assign(partitions(1)).unwrap();
    let mut records = Vec::new();
    within("two records", async {
        while records.len() < 2 {
            let polled = consumer.poll(LIMIT).await.unwrap();
            records.extend(polled.records().map(|record| record.into_owned()));
        }
    })
    .await;
    consumer.close(LIMIT).await.unwrap();
    drop((consumer, fixture));
    assert_eq!(
        (
            records[0].topic(),
            records[0].offset(),
            records[0].timestamp()
        ),
        ("t", 0, 77)
    );
    assert_eq!(
        (records[0].key(), records[0].value()),
        (Some(&b"k"[..]), Some(&[0xff, 0xfe][..]))
    );
    assert_eq!(
        records[0].headers().map(Result::unwrap).collect::<Vec<_>>(),
        headers
    );
    assert_eq!(
        (records[1].key(), records[1].value()),
        (Some(&b"tombstone"[..]), None)
    );
    let error = records[0].as_record().unwrap().value_str().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the value of the record at offset 0 of t-0 is not UTF-8: read it as bytes"
    );
}

#[tokio::test]
async fn batches_go_to_other_threads_and_are_cut_by_offsets() {
    let fixture = Fixture::start(1).await;
    fixture.write(1, 0, 1000).await;
    let consumer = fixture.consumer().build().await.unwrap();
    consumer.assign(partitions(1)).unwrap();
    let mut batches: Vec<PartitionBatch> = Vec::new();
    within("1000 records", async {
        while batches.last().is_none_or(|last| last.next_offset() < 1000) {
            batches.extend(consumer.poll(LIMIT).await.unwrap());
        }
    })
    .await;
    assert!(
        batches
            .windows(2)
            .all(|pair| pair[0].next_offset() == pair[1].first_offset())
    );
    let kept = batches.clone();
    let sum = std::thread::spawn(move || {
        let cut = kept.iter().filter_map(|batch| batch.slice(100, 900));
        cut.flat_map(|batch| {
            batch
                .iter()
                .map(|record| record.offset())
                .collect::<Vec<_>>()
        })
        .sum::<i64>()
    });
    assert_eq!(sum.join().unwrap(), (100..900).sum::<i64>());
}

#[tokio::test]
async fn reading_goes_on_where_it_is_told_to() {
    let fixture = Fixture::start(2).await;
    fixture.write(2, 0, 100).await;
    let consumer = fixture.consumer().build().await.unwrap();
    consumer
        .assign_at([(partition(0), 90), (partition(1), 95)])
        .unwrap();
    assert_eq!(consumer.position(&partition(1)).await, Ok(95));
    let seen = poll_until(&consumer, "the last records", |seen| seen.len() >= 15).await;
    assert_eq!(seen.len(), 15);
    assert_eq!(consumer.position(&partition(0)).await, Ok(100));
    consumer.seek(&partition(0), 98).unwrap();
    let seen = poll_until(&consumer, "two records again", |seen| seen.len() >= 2).await;
    assert_eq!(offsets(&seen), [98, 99]);
    consumer.seek_to_beginning(&partitions(2)).unwrap();
    assert_eq!(consumer.position(&partition(1)).await, Ok(0));
    let seen = poll_until(&consumer, "all records", |seen| seen.len() >= 200).await;
    assert_whole(&seen, 2, 100);
    consumer.seek_to_beginning(&partitions(2)).unwrap();
    consumer.seek_to_end(&partitions(2)).unwrap();
    assert_eq!(consumer.position(&partition(0)).await, Ok(100));
    assert!(
        consumer
            .poll(Duration::from_millis(50))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(consumer.lag(&partition(0)), Ok(Some(0)));
    let error = consumer.seek(&partition(7), 0).unwrap_err();
    assert_eq!(
        error,
        Error::NotAssigned {
            partition: partition(7)
        }
    );
}

#[tokio::test]
async fn a_paused_partition_hands_out_nothing_and_loses_nothing() {
    let fixture = Fixture::start(2).await;
    fixture.write(2, 0, 100).await;
    let consumer = fixture.consumer().build().await.unwrap();
    consumer.assign(partitions(2)).unwrap();
    consumer.pause(&[partition(1)]).unwrap();
    assert_eq!(consumer.paused(), [partition(1)]);
    let first = poll_until(&consumer, "partition 0", |seen| seen.len() >= 100).await;
    assert!(first.iter().all(|record| record.partition == 0));
    assert!(
        consumer
            .poll(Duration::from_millis(50))
            .await
            .unwrap()
            .is_empty()
    );
    consumer.resume(&[partition(1)]).unwrap();
    let mut all = poll_until(&consumer, "partition 1", |seen| seen.len() >= 100).await;
    all.extend(first);
    assert_whole(&all, 2, 100);
}

#[tokio::test]
async fn where_to_begin_is_a_setting() {
    let fixture = Fixture::start(1).await;
    fixture.write(1, 0, 10).await;
    let latest = fixture
        .consumer()
        .auto_offset_reset(OffsetReset::Latest)
        .build()
        .await
        .unwrap();
    latest.assign(partitions(1)).unwrap();
    assert_eq!(latest.position(&partition(0)).await, Ok(10));
    let none = fixture
        .member()
        .auto_offset_reset(OffsetReset::None)
        .build()
        .await
        .unwrap();
    none.assign(partitions(1)).unwrap();
    let error = none.poll(LIMIT).await.unwrap_err();
    assert_eq!(
        error,
        Error::NoOffset {
            partition: partition(0)
        }
    );
    none.seek(&partition(0), 8).unwrap();
    let seen = poll_until(&none, "what was sought", |seen| seen.len() >= 2).await;
    assert_eq!(offsets(&seen), [8, 9]);
    fixture.write(1, 10, 2).await;
    let seen = poll_until(&latest, "what is new", |seen| seen.len() >= 2).await;
    assert_eq!(offsets(&seen), [10, 11]);
}

#[tokio::test]
async fn an_offset_that_is_gone_is_reset_or_told_of() {
    let fixture = Fixture::start(1).await;
    fixture.write(1, 0, 10).await;
    let earliest = fixture.consumer().build().await.unwrap();
    earliest.assign_at([(partition(0), 1200)]).unwrap();
    let seen = poll_until(&earliest, "all from the beginning", |seen| seen.len() >= 10).await;
    assert_whole(&seen, 1, 10);
    let none = fixture
        .consumer()
        .auto_offset_reset(OffsetReset::None)
        .build()
        .await
        .unwrap();
    none.assign_at([(partition(0), 1200)]).unwrap();
    let error = none.poll(LIMIT).await.unwrap_err();
    assert_eq!(
        error,
        Error::OffsetOutOfRange {
            partition: partition(0),
            offset: 1200,
            log_start: 0,
            log_end: 10
        }
    );
    none.seek(&partition(0), 9).unwrap();
    let seen = poll_until(&none, "the last record", |seen| !seen.is_empty()).await;
    assert_eq!(offsets(&seen), [9]);
}

#[tokio::test]
async fn offsets_are_looked_up_by_place_and_by_time() {
    let fixture = Fixture::start(2).await;
    fixture.write(2, 0, 10).await;
    let consumer = fixture.consumer().build().await.unwrap();
    let all = |offset: i64| HashMap::from([(partition(0), offset), (partition(1), offset)]);
    assert_eq!(consumer.beginning_offsets(&partitions(2)).await, Ok(all(0)));
    assert_eq!(consumer.end_offsets(&partitions(2)).await, Ok(all(10)));
    let times = [(partition(0), 1_000_004), (partition(1), 2_000_000)];
    let expected = HashMap::from([(partition(0), Some(4)), (partition(1), None)]);
    assert_eq!(consumer.offsets_for_times(times).await, Ok(expected));
    assert_eq!(consumer.partitions_for("t").await, Ok(partitions(2)));
    let error = consumer.end_offsets(&[partition(5)]).await.unwrap_err();
    assert_eq!(
        error,
        Error::NoSuchPartition {
            partition: partition(5),
            partitions: 2
        }
    );
}

#[tokio::test]
async fn a_stream_gives_the_same_batches() {
    let fixture = Fixture::start(2).await;
    fixture.write(2, 0, 300).await;
    let consumer = fixture.consumer().build().await.unwrap();
    consumer.assign(partitions(2)).unwrap();
    let mut stream = consumer.stream();
    let mut seen = Vec::new();
    let mut next =
        async || std::future::poll_fn(|cx| std::pin::Pin::new(&mut stream).poll_next(cx)).await;
    within("600 records", async {
        while seen.len() < 600 {
            let batch = next().await.unwrap().unwrap();
            seen.extend(batch.iter().map(|record| Seen {
                partition: record.partition().partition,
                offset: record.offset(),
                value: String::new(),
            }));
        }
    })
    .await;
    assert_whole(&seen, 2, 300);
    consumer.close(LIMIT).await.unwrap();
    assert!(within("the end of the stream", next()).await.is_none());
}

#[tokio::test]
async fn a_poll_that_is_dropped_loses_nothing() {
    let fixture = Fixture::start(2).await;
    fixture.write(2, 0, 1000).await;
    let consumer = fixture
        .consumer()
        .max_partition_fetch_bytes(2000)
        .max_poll_records(50)
        .build()
        .await
        .unwrap();
    consumer.assign(partitions(2)).unwrap();
    let mut seen = Vec::new();
    within("2000 records", async {
        let mut wait = 0;
        while seen.len() < 2000 {
            wait = (wait + 7) % 500;
            let poll = tokio::time::timeout(Duration::from_micros(wait), consumer.poll(LIMIT));
            let Ok(records) = poll.await else { continue };
            seen.extend(records.unwrap().records().map(|record| Seen {
                partition: record.partition().partition,
                offset: record.offset(),
                value: String::new(),
            }));
        }
    })
    .await;
    assert_whole(&seen, 2, 1000);
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_named_and_read_once_it_is() {
    let fixture = Fixture::start(0).await;
    let consumer = fixture.consumer().build().await.unwrap();
    consumer.assign(partitions(1)).unwrap();
    let begin = Instant::now();
    let error = consumer.poll(LIMIT).await.unwrap_err().to_string();
    assert!(
        error.starts_with("topic \"t\": UNKNOWN_TOPIC_OR_PARTITION"),
        "{error}"
    );
    assert!(begin.elapsed() < Duration::from_secs(5));
    fixture.broker.create_topic("t", 1).unwrap();
    fixture.write(1, 0, 3).await;
    let mut seen = 0;
    within("the topic's records", async {
        while seen < 3 {
            seen += consumer
                .poll(Duration::from_millis(200))
                .await
                .map_or(0, |records| records.len());
        }
    })
    .await;
}

#[tokio::test]
async fn a_partition_that_is_not_there_is_named() {
    let fixture = Fixture::start(4).await;
    let consumer = fixture.consumer().build().await.unwrap();
    consumer.assign([partition(7)]).unwrap();
    let error = consumer.poll(LIMIT).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "topic \"t\" has no partition 7 (it has 0..=3): check the assignment, or create the partition"
    );
    let of_position = consumer.position(&partition(7)).await.unwrap_err();
    assert_eq!(of_position.to_string(), error);
}

#[tokio::test]
async fn committing_needs_a_group_and_a_closed_consumer_says_so() {
    let fixture = Fixture::start(1).await;
    let consumer = fixture.consumer().build().await.unwrap();
    for error in [
        consumer.subscribe(["t"]).unwrap_err(),
        consumer.commit_sync().await.unwrap_err(),
    ] {
        assert!(
            matches!(&error, Error::Config { key, .. } if key == "group.id"),
            "{error}"
        );
    }
    consumer.close(LIMIT).await.unwrap();
    consumer.close(LIMIT).await.unwrap();
    assert_eq!(
        consumer.poll(LIMIT).await.unwrap_err().to_string(),
        "the consumer is closed"
    );
    assert!(matches!(
        consumer.assign(partitions(1)),
        Err(Error::Closed { .. })
    ));
}

#[tokio::test]
async fn addresses_that_nobody_listens_on_are_named() {
    // A port that was free a moment ago.
    let free = || {
        std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .to_string()
    };
    let (one, two) = (free(), free());
    let begin = Instant::now();
    let error = Consumer::builder()
        .bootstrap_servers(format!("{one},{two}"))
        .build()
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, Error::Connect { .. }) && text.contains(&one) && text.contains(&two),
        "{text}"
    );
    assert!(begin.elapsed() < Duration::from_secs(10));
}
