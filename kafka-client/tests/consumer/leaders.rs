//! Several brokers: leaders that change, logs that lose records, replicas that are closer, topics that are made anew.

use std::time::Duration;

use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{Consumer, ConsumerBuilder, OffsetReset};
use kafka_client::{Error, TopicPartition};

use crate::fixture::*;

/// The API of which requests are counted.
const FETCH: i16 = 1;
/// Longer than any test waits: who goes by this wait does not go by what it was told.
const TOO_LONG: &str = "60000";

async fn three(partitions: i32) -> Fixture {
    Fixture::start_with(partitions, |broker| broker.nodes(3)).await
}

/// Reads partition 0 from its beginning.
async fn reading(builder: ConsumerBuilder) -> Consumer {
    let consumer = builder.build().await.unwrap();
    consumer.assign_at([(partition(0), 0)]).unwrap();
    consumer
}

#[tokio::test]
async fn a_consumer_goes_to_the_leader_that_the_old_one_names_without_waiting() {
    let fixture = three(1).await;
    fixture.write(1, 0, 10).await;
    let patient = [
        ("retry.backoff.ms", TOO_LONG),
        ("retry.backoff.max.ms", TOO_LONG),
    ];
    let consumer = reading(fixture.consumer().properties(patient).unwrap()).await;
    let mut seen = poll_until(&consumer, "the first records", |seen| seen.len() == 10).await;
    for (round, leader) in [2, 3, 1, 2].into_iter().enumerate() {
        fixture.broker.move_leader("t", 0, leader).unwrap();
        fixture.write(1, 10 * (round as i64 + 1), 10).await;
        let what = "records of the new leader";
        seen.extend(poll_until(&consumer, what, |seen| seen.len() == 10).await);
    }
    assert_whole(&seen, 1, 50);
}

#[tokio::test]
async fn what_a_killed_broker_led_is_read_on_from_the_others_and_from_itself_when_it_is_back() {
    let fixture = three(6).await;
    fixture.write(6, 0, 20).await;
    let consumer = fixture.consumer().build().await.unwrap();
    consumer.assign(partitions(6)).unwrap();
    let mut seen = poll_until(&consumer, "the first records", |seen| seen.len() == 120).await;
    for (round, node) in [2, 3].into_iter().enumerate() {
        fixture.broker.stop_node(node).await.unwrap();
        fixture.write(6, 20 * (round as i64 + 1), 20).await;
        let what = "records written without a broker";
        seen.extend(poll_until(&consumer, what, |seen| seen.len() == 120).await);
        fixture.broker.start_node(node).await.unwrap();
        for number in 0..6 {
            fixture.broker.move_leader("t", number, node).unwrap();
        }
    }
    fixture.write(6, 60, 20).await;
    let what = "records of the broker that is back";
    seen.extend(poll_until(&consumer, what, |seen| seen.len() == 120).await);
    assert_whole(&seen, 6, 80);
}

#[tokio::test]
async fn records_that_were_read_and_lost_are_told_of_with_both_offsets() {
    let fixture = three(1).await;
    for n in 0..10 {
        fixture.write(1, n, 1).await;
    }
    let builder = fixture.consumer().auto_offset_reset(OffsetReset::None);
    let consumer = reading(builder).await;
    poll_until(&consumer, "all records", |seen| seen.len() == 10).await;

    fixture.broker.lose_records("t", 0, 6).unwrap();
    fixture.write(1, 100, 8).await;
    let told = within("the truncation", async {
        loop {
            if let Err(error) = consumer.poll(Duration::from_millis(100)).await {
                return error;
            }
        }
    })
    .await;
    let expected = Error::LogTruncation {
        partition: partition(0),
        offset: 10,
        diverging_offset: 6,
    };
    assert_eq!(told, expected);
    consumer.seek(&partition(0), 6).unwrap();
    let seen = poll_until(&consumer, "what took their place", |seen| seen.len() == 8).await;
    assert_eq!(offsets(&seen), (6..14).collect::<Vec<_>>());
    assert_eq!(seen[0].value, "100");
}

#[tokio::test]
async fn records_that_were_read_and_lost_are_replaced_by_those_in_their_place() {
    let fixture = three(1).await;
    for n in 0..10 {
        fixture.write(1, n, 1).await;
    }
    let consumer = reading(fixture.consumer()).await;
    poll_until(&consumer, "all records", |seen| seen.len() == 10).await;
    // The new leader's log is the longer one: by its offset alone the position would be taken for good.
    fixture.broker.lose_records("t", 0, 6).unwrap();
    fixture.write(1, 100, 8).await;
    let seen = poll_until(&consumer, "what took their place", |seen| seen.len() == 8).await;
    assert_eq!(offsets(&seen), (6..14).collect::<Vec<_>>());
    assert_eq!(seen[0].value, "100");
}

#[tokio::test]
async fn a_consumer_reads_from_the_replica_in_its_rack_and_from_the_leader_while_that_is_down() {
    let fixture = Fixture::start_with(1, |broker| broker.racks(["a", "b"])).await;
    assert_eq!(fixture.broker.leader("t", 0).unwrap().0, 1);
    fixture.write(1, 0, 10).await;
    let in_b = fixture.consumer().properties([("client.rack", "b")]);
    let consumer = reading(in_b.unwrap()).await;
    let mut seen = poll_until(&consumer, "the first records", |seen| seen.len() == 10).await;
    assert_eq!(consumer.preferred_read_replica(&partition(0)), Ok(Some(2)));
    assert!(fixture.broker.requests(2, FETCH) > 0);
    let sent_to_leader = fixture.broker.requests(1, FETCH);
    for n in 1..5 {
        fixture.write(1, 10 * n, 10).await;
        seen.extend(poll_until(&consumer, "more", |seen| seen.len() == 10).await);
    }
    assert_eq!(
        fixture.broker.requests(1, FETCH),
        sent_to_leader,
        "the leader is left alone"
    );

    fixture.broker.stop_node(2).await.unwrap();
    fixture.write(1, 50, 10).await;
    seen.extend(poll_until(&consumer, "the leader's", |seen| seen.len() == 10).await);
    fixture.broker.start_node(2).await.unwrap();
    fixture.write(1, 60, 10).await;
    seen.extend(poll_until(&consumer, "more", |seen| seen.len() == 10).await);
    assert_whole(&seen, 1, 70);
}

#[tokio::test]
async fn a_topic_made_anew_is_read_whole() {
    let fixture = three(1).await;
    fixture.write(1, 0, 10).await;
    let consumer = reading(fixture.consumer()).await;
    poll_until(&consumer, "the old records", |seen| seen.len() == 10).await;
    let admin = Admin::builder()
        .bootstrap_servers(&fixture.servers)
        .build()
        .await
        .unwrap();
    for (_, deleted) in admin.delete_topics(["t"]).await.unwrap() {
        deleted.unwrap();
    }
    let anew = NewTopic::new("t").partitions(1);
    for (_, created) in admin.create_topics([anew]).await.unwrap() {
        created.unwrap();
    }
    fixture.write(1, 0, 30).await;
    let mut seen = Vec::new();
    within("the new records", async {
        while seen.len() < 30 {
            // For a moment there is no such topic.
            if let Ok(records) = consumer.poll(Duration::from_millis(100)).await {
                seen.extend(records.records().map(|record| record.offset()));
            }
        }
    })
    .await;
    assert_eq!(seen, (0..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_session_that_a_broker_forgot_costs_no_record() {
    for slots in [0, 1] {
        let fixture = Fixture::start_with(3, |broker| broker.fetch_session_slots(slots)).await;
        let other = reading(fixture.consumer()).await;
        let consumer = fixture.consumer().build().await.unwrap();
        consumer.assign(partitions(3)).unwrap();
        let mut seen = Vec::new();
        for round in 0..4 {
            fixture.write(3, 10 * round, 10).await;
            seen.extend(poll_until(&consumer, "a round", |seen| seen.len() == 30).await);
            poll_until(&other, "the other's round", |seen| seen.len() == 10).await;
            fixture.broker.stop_node(1).await.unwrap();
            fixture.broker.start_node(1).await.unwrap();
        }
        assert_whole(&seen, 3, 40);
    }
}

#[tokio::test]
async fn a_group_goes_on_when_its_coordinator_moves() {
    let fixture = three(2).await;
    fixture.broker.move_coordinator("g", 1).unwrap();
    let consumer = fixture.member().build().await.unwrap();
    consumer.subscribe(["t"]).unwrap();
    let mut seen = Vec::new();
    for (round, coordinator) in [2, 3, 1].into_iter().enumerate() {
        fixture.write(2, 10 * round as i64, 10).await;
        seen.extend(poll_until(&consumer, "a round", |seen| seen.len() == 20).await);
        fixture.broker.move_coordinator("g", coordinator).unwrap();
        within("a commit", consumer.commit_sync()).await.unwrap();
        let committed = consumer.committed(&partitions(2)).await.unwrap();
        let offset = |number: i32| {
            let name = TopicPartition::new("t", number);
            committed[&name].as_ref().map(|committed| committed.offset)
        };
        let expected = Some(10 * (round as i64 + 1));
        assert_eq!([offset(0), offset(1)], [expected, expected]);
    }
    assert_whole(&seen, 2, 30);
}
