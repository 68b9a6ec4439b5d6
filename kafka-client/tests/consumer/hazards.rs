//! Traps that other clients fell into, and which no other file here is about.

use std::time::{Duration, Instant};

use kafka_client::consumer::Isolation;
use kafka_client::producer::{Producer, Record};

use crate::fixture::*;

#[tokio::test]
async fn a_fetch_that_waits_for_records_holds_nothing_else_up() {
    let fixture = Fixture::start(1).await;
    // Much longer than anything else takes.
    let consumer = fixture.member().fetch_max_wait(LIMIT / 2);
    let consumer = consumer.build().await.unwrap();
    consumer.assign(partitions(1)).unwrap();
    within("the position", consumer.position(&partition(0)))
        .await
        .unwrap();
    within("a fetch", async {
        while fixture.broker.requests(1, 1) == 0 {
            consumer.poll(Duration::from_millis(1)).await.unwrap();
        }
    })
    .await;
    let begun = Instant::now();
    for _ in 0..10 {
        consumer.end_offsets(&partitions(1)).await.unwrap();
        consumer.committed(&partitions(1)).await.unwrap();
        consumer.commit_sync().await.unwrap();
    }
    let waited = begun.elapsed();
    assert!(waited < LIMIT / 4, "{waited:?} behind a fetch");
}

#[tokio::test]
async fn lag_counts_what_a_reader_of_committed_records_may_read() {
    let fixture = Fixture::start(1).await;
    let producer = Producer::builder()
        .bootstrap_servers(&fixture.servers)
        .transactional_id("tx");
    let producer = producer.build().await.unwrap();
    producer.init_transactions().await.unwrap();
    fixture.write(1, 0, 3).await;
    producer.begin_transaction().await.unwrap();
    for _ in 0..5 {
        drop(producer.send(Record::to("t").value("open")).await.unwrap());
    }
    within("the open transaction", producer.flush())
        .await
        .unwrap();
    for (isolation, readable, lag) in [
        (Isolation::ReadCommitted, 3, 0),
        (Isolation::ReadUncommitted, 3, 5),
    ] {
        let consumer = fixture
            .consumer()
            .isolation_level(isolation)
            .max_poll_records(3);
        let consumer = consumer.build().await.unwrap();
        consumer.assign(partitions(1)).unwrap();
        poll_until(&consumer, "what is settled", |seen| seen.len() >= readable).await;
        assert_eq!(consumer.lag(&partition(0)), Ok(Some(lag)), "{isolation:?}");
    }
}

#[tokio::test]
async fn a_paused_partition_that_a_rebalance_leaves_stays_paused_and_one_that_comes_back_is_read() {
    let fixture = Fixture::start(2).await;
    fixture.write(2, 0, 10).await;
    let member = || {
        fixture
            .member()
            .properties([("partition.assignment.strategy", "cooperative-sticky")])
            .unwrap()
            .build()
    };
    let one = member().await.unwrap();
    one.subscribe(["t"]).unwrap();
    poll_until(&one, "all records", |seen| seen.len() >= 20).await;
    one.pause(&partitions(2)).unwrap();

    let two = member().await.unwrap();
    two.subscribe(["t"]).unwrap();
    within("an even share", async {
        while one.assignment().len() != 1 || two.assignment().len() != 1 {
            for consumer in [&one, &two] {
                consumer.poll(Duration::from_millis(10)).await.unwrap();
            }
        }
    })
    .await;
    let kept = one.assignment();
    assert_eq!(one.paused(), kept, "what it keeps");
    let moved = two.assignment();

    two.close(LIMIT).await.unwrap();
    fixture.write(2, 10, 10).await;
    // Whoever gets a partition anew reads it: nothing stands still without anybody knowing.
    let seen = poll_until(&one, "what came back", |seen| seen.len() >= 10).await;
    assert!(
        seen.iter()
            .all(|record| record.partition == moved[0].partition)
    );
    assert_eq!(one.paused(), kept);
    one.resume(&kept).unwrap();
    let seen = poll_until(&one, "what was paused", |seen| seen.len() >= 10).await;
    assert_eq!(offsets(&seen), (10..20).collect::<Vec<_>>());
}
