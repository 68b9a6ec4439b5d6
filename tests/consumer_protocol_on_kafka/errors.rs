//! What the coordinator refuses.

use std::time::Duration;

use kafka_client::consumer::{Consumer, GroupProtocol};
use kafka_client::{Error, ErrorCode};
use tests::kafka::unique;

use crate::fixture::*;

/// The first error that a poll tells.
async fn error_of(consumer: &Consumer) -> Error {
    within("an error", async {
        loop {
            if let Err(error) = consumer.poll(Duration::from_millis(100)).await {
                return error;
            }
        }
    })
    .await
}

#[track_caller]
fn assert_refused(error: &Error, expected: ErrorCode) {
    match error {
        Error::Broker {
            code,
            message: Some(_),
            ..
        } if *code == expected => {}
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn what_the_coordinator_refuses_is_told_with_its_own_words() {
    let topic = topic(1).await;
    let unknown = start(member(&unique("group")).group_remote_assignor("stickiest")).await;
    unknown.subscribe([&*topic]).unwrap();
    assert_refused(&error_of(&unknown).await, ErrorCode::UnsupportedAssignor);

    let invalid = start(member(&unique("group"))).await;
    invalid.subscribe_regex("orders-(").unwrap();
    assert_refused(
        &error_of(&invalid).await,
        ErrorCode::InvalidRegularExpression,
    );
    invalid.subscribe([&*topic]).unwrap();
    let mut seen = Seen::default();
    poll_until(&[&invalid], &mut seen, "another subscription helps", |_| {
        shares(&[&invalid]) == [1]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_static_member_does_not_take_the_place_of_one_that_lives() {
    let (topic, group) = (topic(1).await, unique("group"));
    let named = || member(&group).group_instance_id("one");
    let one = start(named()).await;
    one.subscribe([&*topic]).unwrap();
    let mut seen = Seen::default();
    poll_until(&[&one], &mut seen, "everything", |_| shares(&[&one]) == [1]).await;
    let two = start(named()).await;
    two.subscribe([&*topic]).unwrap();
    assert_refused(&error_of(&two).await, ErrorCode::UnreleasedInstanceId);
    one.poll(Duration::from_millis(100)).await.unwrap();
    assert_eq!(shares(&[&one]), [1]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn brokers_match_only_for_the_consumer_protocol() {
    let classic = member(&unique("group")).group_protocol(GroupProtocol::Classic);
    let classic = start(classic).await;
    let error = classic.subscribe_regex("orders-.*").unwrap_err();
    assert!(
        matches!(&error, Error::Config { key, .. } if key == "group.protocol"),
        "{error}"
    );
    // Nothing is half done.
    classic.subscribe_pattern("nothing-like-this").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn brokers_that_are_too_old_are_told_of_as_such() {
    let is_old = std::env::var("KAFKA_VERSION").is_ok_and(|version| version.starts_with("3."));
    if !is_old {
        println!("passed over: it takes a Kafka before 4.0 (kafka.sh start --version 3.9.1)");
        return;
    }
    let topic = topic(1).await;
    let one = start(member(&unique("group"))).await;
    one.subscribe([&*topic]).unwrap();
    let error = error_of(&one).await;
    assert!(
        matches!(error, Error::GroupProtocolUnsupported { .. }) && error.is_fatal(),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.contains("4.0") && text.contains("group.protocol=classic"),
        "{text}"
    );
    println!("{text}");
}
