//! Polling, committing, looking up.

use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::Error;
use kafka_client::consumer::{Consumer, ConsumerBuilder, OffsetAndMetadata};
use kafka_client::producer::{Producer, Record};

use crate::dropping::*;

const RECORDS: usize = 60;

/// Writes records whose value is their number, in small batches.
async fn write(broker: &Broker) {
    let builder = Producer::builder().bootstrap_servers(broker.bootstrap_servers());
    let builder = builder.batch_size(300);
    let producer = within("a producer", builder.build()).await.unwrap();
    for n in 0..RECORDS {
        let value = n.to_string();
        within("sending", producer.send(Record::to("t").value(&value)))
            .await
            .unwrap();
    }
    within("closing", producer.close(LIMIT)).await.unwrap();
}

async fn build(builder: ConsumerBuilder) -> Consumer {
    within("a consumer", builder.build()).await.unwrap()
}

fn member(broker: &Broker) -> ConsumerBuilder {
    consumer(broker)
        .group_id("g")
        .heartbeat_interval(Duration::from_millis(30))
        .enable_auto_commit(false)
        .max_poll_records(1)
}

/// Takes all that there is, and checks that it comes once and in order.
async fn take_all(consumer: &Consumer, mut seen: Vec<String>) {
    within("all records", async {
        while seen.len() < RECORDS {
            seen.extend(texts(
                consumer.poll(Duration::from_millis(100)).await.unwrap(),
            ));
        }
    })
    .await;
    let expected: Vec<_> = (0..RECORDS).map(|n| n.to_string()).collect();
    assert_eq!(seen, expected);
}

fn texts(records: kafka_client::consumer::ConsumerRecords) -> Vec<String> {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let records = records.records();
    records
        .map(|record| text(record.value_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn polls_that_were_dropped_lose_no_record_and_repeat_none() {
    let broker = start().await;
    write(&broker).await;
    let consumer = build(consumer(&broker).max_poll_records(1)).await;
    consumer.assign([partition()]).unwrap();
    let mut seen = Vec::new();
    within("all records", async {
        for waits in (0..4).cycle() {
            let poll = consumer.poll(Duration::from_millis(50));
            if let Some(records) = dropped_after(waits, poll).await {
                seen.extend(texts(records.unwrap()));
            }
            if seen.len() >= RECORDS {
                return;
            }
        }
    })
    .await;
    take_all(&consumer, seen).await;
}

#[tokio::test]
async fn polls_dropped_while_the_group_rebalances_lose_no_record_and_repeat_none() {
    let broker = start().await;
    write(&broker).await;
    let mut ended = false;
    for waits in 0..POINTS {
        let consumer = build(member(&broker).group_id(format!("g-{waits}"))).await;
        consumer.subscribe(["t"]).unwrap();
        let polled = dropped_after(waits, consumer.poll(LIMIT)).await;
        ended = polled.is_some();
        let seen = polled.map_or_else(Vec::new, |records| texts(records.unwrap()));
        take_all(&consumer, seen).await;
        within("closing", consumer.close(LIMIT)).await.unwrap();
        if ended {
            break;
        }
    }
    assert!(ended, "it got to its end at last");
}

#[tokio::test]
async fn a_commit_goes_on_by_itself_when_nobody_waits_for_it() {
    let broker = start().await;
    write(&broker).await;
    for waits in 0..POINTS {
        // Without a member's identity, so that a member is not in its way.
        let consumer = build(member(&broker).group_id(format!("c-{waits}"))).await;
        consumer.assign_at([(partition(), 7)]).unwrap();
        within("records", consumer.poll(LIMIT)).await.unwrap();
        let position = within("the position", consumer.position(&partition())).await;
        let done = dropped_after(waits, consumer.commit_sync()).await;
        expect_committed(&consumer, position.unwrap()).await;
        let offsets = [(partition(), OffsetAndMetadata::new(3))];
        let by_hand = dropped_after(waits, consumer.commit_offsets(offsets)).await;
        expect_committed(&consumer, 3).await;
        if done.is_some() && by_hand.is_some() {
            return;
        }
    }
    panic!("never committed");
}

async fn expect_committed(consumer: &Consumer, offset: i64) {
    within("the commit", async {
        loop {
            let found = consumer.committed(&[partition()]).await.unwrap();
            if found[&partition()].as_ref().map(|found| found.offset) == Some(offset) {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn looking_up_can_be_dropped_and_done_again() {
    let broker = start().await;
    write(&broker).await;
    let only = [partition()];
    let first_of = |found: std::collections::HashMap<_, i64>| found[&partition()];
    for waits in 0..POINTS {
        let new = build(member(&broker)).await;
        let mut ended = true;
        ended &= dropped_after(waits, new.committed(&only)).await.is_some();
        let found = within("committed", new.committed(&only)).await.unwrap();
        assert_eq!(found[&partition()], None);

        let new = build(member(&broker)).await;
        ended &= dropped_after(waits, new.beginning_offsets(&only))
            .await
            .is_some();
        let found = within("the beginning", new.beginning_offsets(&only)).await;
        assert_eq!(first_of(found.unwrap()), 0);

        let new = build(member(&broker)).await;
        ended &= dropped_after(waits, new.end_offsets(&only)).await.is_some();
        let found = within("the end", new.end_offsets(&only)).await;
        assert_eq!(first_of(found.unwrap()), RECORDS as i64);

        let new = build(member(&broker)).await;
        let times = || [(partition(), 1)];
        ended &= dropped_after(waits, new.offsets_for_times(times()))
            .await
            .is_some();
        let found = within("times", new.offsets_for_times(times())).await;
        assert_eq!(found.unwrap()[&partition()], Some(0));

        let new = build(member(&broker)).await;
        ended &= dropped_after(waits, new.partitions_for("t"))
            .await
            .is_some();
        let found = within("partitions", new.partitions_for("t")).await;
        assert_eq!(found.unwrap(), only);

        let new = build(member(&broker)).await;
        new.assign(only.clone()).unwrap();
        ended &= dropped_after(waits, new.position(&partition()))
            .await
            .is_some();
        let found = within("the position", new.position(&partition())).await;
        assert_eq!(found, Ok(0));
        if ended {
            return;
        }
    }
    panic!("never found");
}

#[tokio::test]
async fn unsubscribing_again_goes_on_where_it_was_dropped() {
    let broker = start().await;
    write(&broker).await;
    let mut ended = false;
    for waits in 0..POINTS {
        let group = format!("u-{waits}");
        let consumer = build(member(&broker).group_id(group).enable_auto_commit(true)).await;
        consumer.subscribe(["t"]).unwrap();
        let records = within("records", async {
            loop {
                let records = consumer.poll(LIMIT).await.unwrap();
                if !records.is_empty() {
                    return records;
                }
            }
        });
        let next = records.await.next_offsets()[&partition()].offset;
        let done = dropped_after(waits, consumer.unsubscribe()).await;
        within("again", consumer.unsubscribe()).await.unwrap();
        assert_eq!(consumer.assignment(), []);
        // What was handed out is committed, and the group goes on behind it.
        consumer.subscribe(["t"]).unwrap();
        let first = within("more records", async {
            loop {
                let records = consumer.poll(Duration::from_millis(100)).await.unwrap();
                if let Some(first) = records.records().next() {
                    return first.offset();
                }
            }
        });
        assert_eq!(first.await, next, "dropped after {waits} waits");
        within("closing", consumer.close(LIMIT)).await.unwrap();
        if done.is_some() {
            ended = true;
            break;
        }
    }
    assert!(ended);
}

#[tokio::test]
async fn a_close_that_was_dropped_has_closed_and_the_group_goes_on() {
    let broker = start().await;
    write(&broker).await;
    let mut ended = false;
    for waits in 0..POINTS {
        let group = format!("x-{waits}");
        let quick = || {
            let builder = member(&broker).group_id(&group);
            builder.session_timeout(Duration::from_millis(300))
        };
        let consumer = build(quick()).await;
        consumer.subscribe(["t"]).unwrap();
        within("records", consumer.poll(LIMIT)).await.unwrap();
        let done = dropped_after(waits, consumer.close(LIMIT)).await;
        let polled = within("a poll", consumer.poll(LIMIT)).await;
        assert!(matches!(polled, Err(Error::Closed { .. })), "{polled:?}");
        within("closing again", consumer.close(LIMIT))
            .await
            .unwrap();
        // Another member takes over, at once or when the group has noticed.
        let next = build(quick()).await;
        next.subscribe(["t"]).unwrap();
        take_all(&next, Vec::new()).await;
        within("closing", next.close(LIMIT)).await.unwrap();
        if done.is_some() {
            ended = true;
            break;
        }
    }
    assert!(ended);
}

#[tokio::test]
async fn building_leaves_nothing_behind_that_is_in_the_way_of_the_next() {
    let broker = start().await;
    let builds = async || member(&broker).build().await;
    let built = at_every_point("building", builds, async |_, _| {
        let next = build(member(&broker)).await;
        let found = within("partitions", next.partitions_for("t")).await;
        assert_eq!(found.unwrap(), [partition()]);
    });
    built.await.unwrap();
}
