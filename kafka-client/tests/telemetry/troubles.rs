//! Events of groups in which something goes wrong.

use std::time::Duration;

use kafka_client::consumer::{Consumer, ConsumerBuilder};
use kafka_client::events::Event;
use kafka_client::{Error, ErrorCode};

use crate::fixture::*;

fn member(builder: ConsumerBuilder) -> ConsumerBuilder {
    builder
        .group_id("g")
        .heartbeat_interval(Duration::from_millis(20))
}

/// Polls in the background, until the consumer is closed.
fn polls(consumer: &Consumer) -> tokio::task::JoinHandle<()> {
    let consumer = consumer.clone();
    tokio::spawn(async move {
        loop {
            if let Err(Error::Closed { .. }) = consumer.poll(Duration::from_millis(10)).await {
                return;
            }
        }
    })
}

async fn until_assigned(consumer: &Consumer, count: usize) {
    within("the assignment", async {
        while consumer.assignment().len() != count {
            let _ = consumer.poll(Duration::from_millis(10)).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_group_that_cannot_be_joined_is_told_of_with_the_error() {
    let long = Duration::from_secs(60);
    let broker = start(1, |broker| broker.group_min_session_timeout(long)).await;
    let consumer = consumer(&broker.bootstrap_servers(), member).await;
    let mut events = consumer.events();
    consumer.subscribe(["t"]).unwrap();
    let polls = polls(&consumer);
    let (group, error) = next(&mut events, "the failure", |event| match event {
        Event::RebalanceFailed { group, error } => Some((group.clone(), error.clone())),
        _ => None,
    })
    .await;
    assert_eq!(&*group, "g");
    let is_refused = matches!(
        &error,
        Error::Broker {
            code: ErrorCode::InvalidSessionTimeout,
            ..
        }
    );
    assert!(is_refused, "{error}");
    let shown = Event::RebalanceFailed { group, error }.to_string();
    assert!(
        shown.contains("\"g\"") && shown.contains("session timeout"),
        "{shown}"
    );
    let failures = consumer.metrics().get(
        "consumer-coordinator-metrics",
        "failed-rebalance-total",
        &[],
    );
    assert!(failures >= Some(1.0));
    polls.abort();
}

#[tokio::test]
async fn an_automatic_commit_that_fails_is_told_of_with_the_error() {
    let broker = start(1, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let producer = producer(&servers, |builder| builder).await;
    write(&producer, 0, 3).await;
    let owner = consumer(&servers, member).await;
    owner.subscribe(["t"]).unwrap();
    until_assigned(&owner, 1).await;
    // Only members commit in a group that has some.
    let set = |builder| member(builder).auto_commit_interval(Duration::from_millis(20));
    let stranger = consumer(&servers, set).await;
    let mut events = stranger.events();
    stranger.assign([partition(0)]).unwrap();
    let polls = polls(&stranger);
    let error = next(&mut events, "the failure", |event| match event {
        Event::AutoCommitFailed { group, error } => {
            assert_eq!(&**group, "g");
            Some(error.clone())
        }
        _ => None,
    })
    .await;
    let is_unknown = matches!(
        &error,
        Error::Broker {
            code: ErrorCode::UnknownMemberId,
            ..
        }
    );
    assert!(is_unknown, "{error}");
    polls.abort();
}

#[tokio::test]
async fn partitions_that_went_to_somebody_else_are_told_of_as_lost() {
    let broker = start(2, |broker| broker).await;
    let servers = broker.bootstrap_servers();
    let set = |builder| member(builder).max_poll_interval(Duration::from_millis(200));
    let slow = consumer(&servers, set).await;
    slow.subscribe(["t"]).unwrap();
    until_assigned(&slow, 2).await;
    let mut events = slow.events();
    // It does not poll, until the other one has everything.
    let other = consumer(&servers, member).await;
    other.subscribe(["t"]).unwrap();
    until_assigned(&other, 2).await;
    other.close(LIMIT).await.unwrap();
    let polls = polls(&slow);
    let (assigned, revoked, lost) = next(&mut events, "the end", |event| match event {
        Event::RebalanceEnded {
            assigned,
            revoked,
            lost,
            ..
        } => Some((assigned.clone(), revoked.clone(), lost.clone())),
        _ => None,
    })
    .await;
    let both = [partition(0), partition(1)];
    assert_eq!(
        (&assigned[..], &revoked[..], &lost[..]),
        (&both[..], &[][..], &both[..])
    );
    let latency = slow.metrics().get(
        "consumer-coordinator-metrics",
        "partition-lost-latency-max",
        &[],
    );
    assert!(latency >= Some(0.0), "the listener was told");
    polls.abort();
}
