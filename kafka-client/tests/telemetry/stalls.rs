//! A partition that makes no progress is never silent.

use std::time::Duration;

use kafka_client::consumer::{Consumer, ConsumerBuilder, Isolation, OffsetReset};
use kafka_client::events::{Event, EventStream, Stall, StallReason};
use kafka_client::producer::Record;
use kafka_client::{Error, TopicPartition};

use crate::fixture::*;
use crate::wire::*;

const AFTER: Duration = Duration::from_millis(100);

fn soon(builder: ConsumerBuilder) -> ConsumerBuilder {
    builder
        .stall_after(AFTER)
        .fetch_max_wait(Duration::from_millis(20))
}

async fn stall(events: &mut EventStream, what: &str) -> Stall {
    next(events, what, |event| match event {
        Event::PartitionStalled(stall) => Some(stall.clone()),
        _ => None,
    })
    .await
}

async fn resumed(events: &mut EventStream, what: &str) -> (TopicPartition, Duration) {
    next(events, what, |event| match event {
        Event::PartitionResumed { partition, after } => Some((partition.clone(), *after)),
        _ => None,
    })
    .await
}

/// Polls in the background, whatever it brings.
fn poll_on(consumer: &Consumer) -> tokio::task::JoinHandle<()> {
    let consumer = consumer.clone();
    tokio::spawn(async move {
        loop {
            if let Err(Error::Closed { .. }) = consumer.poll(Duration::from_millis(20)).await {
                return;
            }
        }
    })
}

fn stalled_partitions(consumer: &Consumer) -> Option<f64> {
    let metrics = consumer.metrics();
    metrics.get("consumer-fetch-manager-metrics", "stalled-partitions", &[])
}

#[tokio::test]
async fn a_paused_partition_is_told_of_and_so_is_its_end() {
    let broker = start(2, |broker| broker).await;
    let consumer = consumer(&broker.bootstrap_servers(), soon).await;
    let mut events = consumer.events();
    consumer.assign([partition(0), partition(1)]).unwrap();
    let polls = poll_on(&consumer);
    consumer.pause(&[partition(1)]).unwrap();
    let told = stall(&mut events, "the stall").await;
    assert_eq!(
        (&told.partition, &told.reason),
        (&partition(1), &StallReason::Paused)
    );
    assert!(told.lasts >= AFTER);
    assert_eq!(stalled_partitions(&consumer), Some(1.0));
    let stalled = consumer.stalled();
    assert_eq!(stalled.len(), 1);
    assert!(
        stalled[0]
            .to_string()
            .starts_with("t-1 has stood still for ")
    );
    let tags = [("topic", "t"), ("partition", "1")];
    let seconds =
        consumer
            .metrics()
            .get("consumer-fetch-manager-metrics", "stalled-seconds", &tags);
    assert!(seconds >= Some(AFTER.as_secs_f64()));
    consumer.resume(&[partition(1)]).unwrap();
    let (name, after) = resumed(&mut events, "the end of the stall").await;
    assert!(name == partition(1) && after >= AFTER);
    assert_eq!(
        (consumer.stalled(), stalled_partitions(&consumer)),
        (vec![], Some(0.0))
    );
    polls.abort();
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_named() {
    let (_broker, wire) = wired(1, |broker| broker).await;
    let consumer = consumer(&wire.servers, soon).await;
    consumer.assign([partition(0)]).unwrap();
    let polls = poll_on(&consumer);
    let producer = producer(&wire.servers, |builder| builder).await;
    write(&producer, 0, 1).await;
    let mut events = consumer.events();
    wire.set(Fault::NoFetch);
    let told = stall(&mut events, "the stall").await;
    assert_eq!(told.reason, StallReason::BrokerSilent { broker: 1 });
    polls.abort();
}

#[tokio::test]
async fn a_partition_without_a_leader_is_told_of_as_such_or_with_the_error() {
    let broker = start(1, |broker| broker.nodes(3)).await;
    let (leader, _) = broker.leader("t", 0).unwrap();
    let consumer = consumer(&broker.bootstrap_servers(), soon).await;
    let mut events = consumer.events();
    consumer.assign([partition(0)]).unwrap();
    let polls = poll_on(&consumer);
    for node in 1..=3 {
        broker.stop_node(node).await.unwrap();
    }
    let told = stall(&mut events, "the stall").await;
    let is_told = matches!(
        told.reason,
        StallReason::NoLeader | StallReason::Failed(_) | StallReason::PositionUnknown
    );
    assert!(is_told, "{told}");
    for node in 1..=3 {
        broker.start_node(node).await.unwrap();
    }
    broker.move_leader("t", 0, leader).unwrap();
    resumed(&mut events, "the end of the stall").await;
    polls.abort();
}

#[tokio::test]
async fn what_waits_for_a_seek_stays_told_of_until_it_is_sought() {
    let broker = start(1, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let producer = producer(&servers, |builder| builder).await;
    write(&producer, 0, 2).await;
    let none = |builder| soon(builder).auto_offset_reset(OffsetReset::None);
    let consumer = consumer(&servers, none).await;
    let mut events = consumer.events();
    consumer.assign([partition(0)]).unwrap();
    let polls = poll_on(&consumer);
    let expected = StallReason::Failed(Error::NoOffset {
        partition: partition(0),
    });
    assert_eq!(stall(&mut events, "the stall").await.reason, expected);
    consumer.seek(&partition(0), 0).unwrap();
    resumed(&mut events, "the end of the stall").await;
    polls.abort();
}

#[tokio::test]
async fn records_that_nobody_polls_are_told_of() {
    let broker = start(1, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let producer = producer(&servers, |builder| builder).await;
    write(&producer, 0, 2).await;
    let consumer = consumer(&servers, soon).await;
    let mut events = consumer.events();
    consumer.assign([partition(0)]).unwrap();
    let told = stall(&mut events, "the stall").await;
    assert_eq!(told.reason, StallReason::NotPolled);
    read(&consumer, 2).await;
    resumed(&mut events, "the end of the stall").await;
}

#[tokio::test]
async fn a_transaction_that_is_left_open_is_named_with_its_offset() {
    let broker = start(1, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let transactional = producer(&servers, |builder| builder.transactional_id("x")).await;
    let plain = producer(&servers, |builder| builder).await;
    write(&plain, 0, 3).await;
    transactional.init_transactions().await.unwrap();
    transactional.begin_transaction().await.unwrap();
    transactional
        .send(Record::to("t").value("open"))
        .await
        .unwrap();
    within("the flush", transactional.flush()).await.unwrap();
    write(&plain, 0, 2).await;
    let committed = |builder| soon(builder).isolation_level(Isolation::ReadCommitted);
    let consumer = consumer(&servers, committed).await;
    let mut events = consumer.events();
    consumer.assign([partition(0)]).unwrap();
    read(&consumer, 3).await;
    let told = stall(&mut events, "the stall").await;
    assert_eq!(told.reason, StallReason::OpenTransaction { offset: 3 });
    transactional.commit_transaction().await.unwrap();
    read(&consumer, 3).await;
    resumed(&mut events, "the end of the stall").await;
}

#[tokio::test]
async fn a_partition_that_has_nothing_to_read_does_not_stand_still() {
    let broker = start(1, |broker| broker).await;
    let consumer = consumer(&broker.bootstrap_servers(), soon).await;
    let mut events = consumer.events();
    consumer.assign([partition(0)]).unwrap();
    // Ten times as long as a stall takes to be told.
    let _ = consumer.poll(AFTER * 10).await.unwrap();
    consumer.close(LIMIT).await.unwrap();
    while let Some(event) = events.next().await {
        assert!(!matches!(event, Event::PartitionStalled(_)), "{event}");
    }
}
