//! Subscriptions to all topics whose names match.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_client::Error;
use kafka_client::admin::Admin;
use kafka_client::consumer::Consumer;

use crate::fixture::*;

async fn poll_for_topics(consumer: &Consumer, topics: &[&str]) {
    let expected: BTreeSet<String> = topics.iter().map(|topic| topic.to_string()).collect();
    within(&format!("the topics {topics:?}"), async {
        loop {
            let assignment = consumer.assignment();
            let read: BTreeSet<String> = assignment
                .iter()
                .map(|partition| partition.topic.to_string())
                .collect();
            if read == expected {
                return;
            }
            // A topic that is gone is told of until the subscription has noticed.
            let _ = consumer.poll(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn topics_that_match_come_and_go() {
    let fixture = Fixture::start(0).await;
    for topic in ["orders-eu", "orders-us", "old-orders-eu", "orders"] {
        fixture.broker.create_topic(topic, 2).unwrap();
    }
    let builder = fixture
        .member()
        .metadata_max_age(Duration::from_millis(100));
    let consumer = builder.build().await.unwrap();
    consumer.subscribe_pattern("orders-.+").unwrap();
    poll_for_topics(&consumer, &["orders-eu", "orders-us"]).await;
    fixture.broker.create_topic("orders-asia", 1).unwrap();
    poll_for_topics(&consumer, &["orders-asia", "orders-eu", "orders-us"]).await;
    let admin = Admin::builder().bootstrap_servers(&fixture.servers);
    let admin = admin.build().await.unwrap();
    for (_, result) in admin.delete_topics(["orders-eu"]).await.unwrap() {
        result.unwrap();
    }
    poll_for_topics(&consumer, &["orders-asia", "orders-us"]).await;
    consumer.subscribe_pattern("old-.*").unwrap();
    poll_for_topics(&consumer, &["old-orders-eu"]).await;
    consumer.subscribe(["orders"]).unwrap();
    poll_for_topics(&consumer, &["orders"]).await;
}

#[tokio::test]
async fn what_is_no_pattern_is_refused_at_once() {
    let fixture = Fixture::start(1).await;
    let consumer = fixture.member().build().await.unwrap();
    let error = consumer.subscribe_pattern("orders-(").unwrap_err();
    assert!(
        matches!(&error, Error::Pattern { pattern, .. } if pattern == "orders-("),
        "{error}"
    );
    consumer.subscribe_pattern("nothing-like-this").unwrap();
    let records = consumer.poll(Duration::from_millis(100)).await.unwrap();
    assert!(records.is_empty() && consumer.assignment().is_empty());
}
