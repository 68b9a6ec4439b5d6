//! Members of a group of the consumer protocol (KIP-848).

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_client::admin::Admin;
use kafka_client::consumer::{Consumer, OffsetAndMetadata};
use kafka_client::producer::{Producer, Record};
use kafka_client::{Error, ErrorCode, TopicPartition};

use crate::fixture::*;
use crate::groups::{Log, poll_both};

fn numbers(consumer: &Consumer) -> Vec<i32> {
    let assignment = consumer.assignment();
    assignment.iter().map(|own| own.partition).collect()
}

fn sizes(one: &Consumer, two: &Consumer) -> [usize; 2] {
    [one.assignment().len(), two.assignment().len()]
}

async fn committed(consumer: &Consumer, number: i32) -> Option<i64> {
    let found = consumer.committed(&[partition(number)]).await.unwrap();
    found[&partition(number)].as_ref().map(|it| it.offset)
}

/// The first error that polls tell of.
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

#[tokio::test]
async fn members_come_and_go_and_nothing_is_lost_or_repeated() {
    let fixture = Fixture::start(4).await;
    fixture.write(4, 0, 50).await;
    let logs = [Log::default(), Log::default()];
    let start = |log: &Log| fixture.new_member().rebalance_listener(log.clone()).build();
    let (one, two) = (
        start(&logs[0]).await.unwrap(),
        start(&logs[1]).await.unwrap(),
    );
    one.subscribe(["t"]).unwrap();
    let mut seen = poll_until(&one, "all records", |seen| seen.len() >= 200).await;
    two.subscribe(["t"]).unwrap();
    poll_both(&one, &two, "halves", &mut seen, |_| {
        sizes(&one, &two) == [2, 2]
    })
    .await;
    let (kept, moved) = (numbers(&one), numbers(&two));
    fixture.write(4, 50, 50).await;
    poll_both(&one, &two, "records for both", &mut seen, |seen| {
        seen.len() >= 400
    })
    .await;
    one.close(LIMIT).await.unwrap();
    fixture.write(4, 100, 50).await;
    seen.extend(poll_until(&two, "what the other had", |seen| seen.len() >= 200).await);
    assert_whole(&seen, 4, 150);
    let expected = [
        "assigned [0, 1, 2, 3]".to_owned(),
        format!("revoked {moved:?}"),
        format!("revoked {kept:?}"),
    ];
    assert_eq!(logs[0].entries(), expected, "what stayed was never revoked");
    let expected = [format!("assigned {moved:?}"), format!("assigned {kept:?}")];
    assert_eq!(logs[1].entries(), expected);
}

#[tokio::test]
async fn what_is_given_up_is_committed_before_another_reads_it() {
    let fixture = Fixture::start(2).await;
    fixture.write(2, 0, 100).await;
    let never = Duration::from_secs(3600);
    let builder = fixture.new_member().auto_commit_interval(never);
    let one = builder.clone().build().await.unwrap();
    one.subscribe(["t"]).unwrap();
    let mut seen = poll_until(&one, "all records", |seen| seen.len() >= 200).await;
    let two = builder.build().await.unwrap();
    two.subscribe(["t"]).unwrap();
    poll_both(&one, &two, "halves", &mut seen, |_| {
        sizes(&one, &two) == [1, 1]
    })
    .await;
    let moved = numbers(&two)[0];
    assert_eq!(committed(&two, moved).await, Some(100));
    fixture.write(2, 100, 10).await;
    poll_both(&one, &two, "the rest", &mut seen, |seen| seen.len() >= 220).await;
    assert_whole(&seen, 2, 110);
}

#[tokio::test]
async fn a_member_that_dies_is_replaced_when_its_session_ends() {
    let session = Duration::from_millis(300);
    let set = |broker: kafka_broker::BrokerBuilder| broker.consumer_group_session_timeout(session);
    let fixture = Fixture::start_with(4, set).await;
    let log = Log::default();
    let one = fixture.new_member().rebalance_listener(log.clone());
    let one = one.build().await.unwrap();
    let two = fixture.new_member().build().await.unwrap();
    one.subscribe(["t"]).unwrap();
    two.subscribe(["t"]).unwrap();
    let mut seen = Vec::new();
    poll_both(&one, &two, "halves", &mut seen, |_| {
        sizes(&one, &two) == [2, 2]
    })
    .await;
    let (before, gone) = (log.entries(), numbers(&two));
    drop(two);
    poll_until(&one, "everything", |_| one.assignment().len() == 4).await;
    let news = log.entries()[before.len()..].to_vec();
    assert_eq!(news, [format!("assigned {gone:?}")]);
}

#[tokio::test]
async fn a_static_member_that_restarts_finds_what_it_had() {
    let fixture = Fixture::start(4).await;
    let log = Log::default();
    let named = |id: &str| fixture.new_member().group_instance_id(id);
    let one = named("one").rebalance_listener(log.clone());
    let one = one.build().await.unwrap();
    let two = named("two").build().await.unwrap();
    one.subscribe(["t"]).unwrap();
    two.subscribe(["t"]).unwrap();
    let mut seen = Vec::new();
    poll_both(&one, &two, "halves", &mut seen, |_| {
        sizes(&one, &two) == [2, 2]
    })
    .await;
    let (before, had) = (log.entries(), numbers(&two));
    two.close(LIMIT).await.unwrap();
    fixture.write(4, 0, 10).await;
    let two = named("two").build().await.unwrap();
    two.subscribe(["t"]).unwrap();
    poll_both(&one, &two, "all records", &mut seen, |seen| {
        seen.len() >= 40
    })
    .await;
    assert_eq!(numbers(&two), had);
    assert_eq!(log.entries(), before, "the other one has not noticed");
    assert_whole(&seen, 4, 10);

    let third = named("two").build().await.unwrap();
    third.subscribe(["t"]).unwrap();
    let error = error_of(&third).await;
    let expected = ErrorCode::UnreleasedInstanceId;
    assert!(
        matches!(&error, Error::Broker { code, .. } if *code == expected),
        "{error}"
    );
}

#[tokio::test]
async fn a_group_goes_on_when_its_coordinator_moves_or_cannot_be_reached() {
    let fixture = Fixture::start_with(2, |broker| broker.nodes(3)).await;
    fixture.broker.move_coordinator("g", 1).unwrap();
    let log = Log::default();
    let one = fixture.new_member().rebalance_listener(log.clone());
    let one = one.build().await.unwrap();
    one.subscribe(["t"]).unwrap();
    let mut seen = Vec::new();
    for (round, coordinator) in [2, 3, 1].into_iter().enumerate() {
        let first = round as i64 * 10;
        fixture.write(2, first, 10).await;
        seen.extend(poll_until(&one, "a round", |seen| seen.len() >= 20).await);
        fixture.broker.move_coordinator("g", coordinator).unwrap();
        within("a commit", one.commit_sync()).await.unwrap();
    }
    assert_whole(&seen, 2, 30);
    assert_eq!(log.entries(), ["assigned [0, 1]"], "nothing was lost");
}

#[tokio::test]
async fn a_wire_that_breaks_costs_no_partitions() {
    let mut fixture = Fixture::start_with(2, |broker| broker.advertised_host(ADVERTISED)).await;
    let wire = Wire::before(&mut fixture).await;
    let log = Log::default();
    let one = fixture.new_member().rebalance_listener(log.clone());
    let one = one.build().await.unwrap();
    one.subscribe(["t"]).unwrap();
    poll_until(&one, "everything", |_| one.assignment().len() == 2).await;
    for round in 0..3 {
        wire.cut().await;
        wire.mend();
        fixture.write(2, round * 5, 5).await;
        poll_until(&one, "records after the break", |seen| seen.len() >= 10).await;
        within("a commit", one.commit_sync()).await.unwrap();
    }
    assert_eq!(log.entries(), ["assigned [0, 1]"]);
}

#[tokio::test]
async fn who_does_not_poll_makes_room_for_others_and_comes_back() {
    let fixture = Fixture::start(2).await;
    let log = Log::default();
    let slow = fixture.new_member().enable_auto_commit(false);
    let slow = slow.max_poll_interval(Duration::from_millis(200));
    let slow = slow.rebalance_listener(log.clone()).build().await.unwrap();
    slow.subscribe(["t"]).unwrap();
    poll_until(&slow, "everything", |_| slow.assignment().len() == 2).await;
    let other = fixture.new_member().build().await.unwrap();
    other.subscribe(["t"]).unwrap();
    poll_until(&other, "everything for the other", |_| {
        other.assignment().len() == 2
    })
    .await;
    let offset = [(partition(0), OffsetAndMetadata::new(1))];
    let error = slow.commit_offsets(offset).await.unwrap_err();
    assert!(matches!(error, Error::Broker { .. }), "{error}");
    let mut seen = Vec::new();
    poll_both(&slow, &other, "halves", &mut seen, |_| {
        sizes(&slow, &other) == [1, 1]
    })
    .await;
    assert_eq!(log.entries()[..2], ["assigned [0, 1]", "lost [0, 1]"]);
}

#[tokio::test]
async fn a_topic_that_grows_goes_and_comes_again_is_followed() {
    let fixture = Fixture::start(1).await;
    fixture.write(1, 0, 10).await;
    let log = Log::default();
    let builder = fixture.new_member().allow_auto_create_topics(false);
    let one = builder.rebalance_listener(log.clone()).build();
    let one = one.await.unwrap();
    one.subscribe(["t"]).unwrap();
    poll_until(&one, "the first partition", |seen| seen.len() >= 10).await;
    fixture.broker.create_partitions("t", 3).unwrap();
    poll_until(&one, "three partitions", |_| one.assignment().len() == 3).await;

    let admin = Admin::builder().bootstrap_servers(&fixture.servers);
    let admin = admin.build().await.unwrap();
    for (_, result) in admin.delete_topics(["t"]).await.unwrap() {
        result.unwrap();
    }
    within("the topic's end", async {
        while !one.assignment().is_empty() {
            // That it is gone is told meanwhile.
            let _ = one.poll(Duration::from_millis(20)).await;
        }
    })
    .await;
    fixture.broker.create_topic("t", 2).unwrap();
    fixture.write(2, 0, 5).await;
    let mut read = 0;
    within("the new topic", async {
        while read < 10 {
            let records = one.poll(Duration::from_millis(20)).await;
            read += records.map_or(0, |records| records.len());
        }
    })
    .await;
    assert_eq!(numbers(&one), [0, 1]);
    let expected = [
        "assigned [0]",
        "assigned [1, 2]",
        "revoked [0, 1, 2]",
        "assigned [0, 1]",
    ];
    assert_eq!(log.entries(), expected);
}

#[tokio::test]
async fn the_broker_matches_a_regular_expression() {
    let fixture = Fixture::start(0).await;
    for topic in ["orders-eu", "orders-us", "old-orders-eu", "orders"] {
        fixture.broker.create_topic(topic, 2).unwrap();
    }
    let one = fixture.new_member().build().await.unwrap();
    let read = |expected: &'static [&'static str]| {
        let one = &one;
        poll_until(one, "the topics that match", move |_| {
            let topics: BTreeSet<String> = one
                .assignment()
                .iter()
                .map(|own| own.topic.to_string())
                .collect();
            topics.iter().eq(expected)
        })
    };
    one.subscribe_regex("orders-.+").unwrap();
    read(&["orders-eu", "orders-us"]).await;
    fixture.broker.create_topic("orders-asia", 1).unwrap();
    read(&["orders-asia", "orders-eu", "orders-us"]).await;
    one.subscribe_regex("old-.*").unwrap();
    read(&["old-orders-eu"]).await;
    one.subscribe(["orders"]).unwrap();
    read(&["orders"]).await;
    one.subscribe_pattern(".*-us").unwrap();
    read(&["orders-us"]).await;
    one.subscribe_regex("orders-(").unwrap();
    let error = error_of(&one).await;
    let expected = ErrorCode::InvalidRegularExpression;
    assert!(
        matches!(&error, Error::Broker { code, .. } if *code == expected),
        "{error}"
    );
    one.subscribe(["orders"]).unwrap();
    read(&["orders"]).await;
    assert!(matches!(
        one.subscribe_regex(""),
        Err(Error::Pattern { .. })
    ));
}

#[tokio::test]
async fn the_coordinator_shares_as_it_is_told_or_says_that_it_cannot() {
    for (assignor, expected) in [("uniform", [3, 3]), ("range", [2, 4])] {
        let fixture = Fixture::start(3).await;
        fixture.broker.create_topic("u", 3).unwrap();
        let builder = fixture.new_member().group_remote_assignor(assignor);
        let one = builder.clone().build().await.unwrap();
        let two = builder.build().await.unwrap();
        one.subscribe(["t", "u"]).unwrap();
        two.subscribe(["t", "u"]).unwrap();
        poll_both(&one, &two, assignor, &mut Vec::new(), |_| {
            let mut sizes = sizes(&one, &two);
            sizes.sort_unstable();
            sizes == expected
        })
        .await;
    }
    let fixture = Fixture::start(1).await;
    let unknown = fixture.new_member().group_remote_assignor("stickiest");
    let unknown = unknown.build().await.unwrap();
    unknown.subscribe(["t"]).unwrap();
    let error = error_of(&unknown).await;
    let expected = ErrorCode::UnsupportedAssignor;
    assert!(
        matches!(&error, Error::Broker { code, .. } if *code == expected),
        "{error}"
    );
}

#[tokio::test]
async fn a_transaction_commits_for_a_member_and_not_for_one_that_is_gone() {
    let fixture = Fixture::start(1).await;
    fixture.write(1, 0, 10).await;
    let reader = fixture.new_member().enable_auto_commit(false);
    let reader = reader.build().await.unwrap();
    reader.subscribe(["t"]).unwrap();
    poll_until(&reader, "records", |seen| seen.len() >= 10).await;
    let producer = Producer::builder().bootstrap_servers(&fixture.servers);
    let producer = producer.transactional_id("txn").build().await.unwrap();
    within("its id", producer.init_transactions())
        .await
        .unwrap();
    let place = reader.group_metadata().unwrap();
    assert!(place.generation_id() > 0 && !place.member_id().is_empty());
    let write_and_commit = async |offset: i64| -> kafka_client::Result<()> {
        producer.begin_transaction().await?;
        drop(producer.send(Record::to("t").value("out")).await?);
        let offsets = [(partition(0), OffsetAndMetadata::new(offset))];
        let offsets = producer.send_offsets_to_transaction(offsets, &place);
        offsets.await?;
        producer.commit_transaction().await
    };
    within("a transaction", write_and_commit(4)).await.unwrap();
    assert_eq!(committed(&reader, 0).await, Some(4));
    reader.close(LIMIT).await.unwrap();
    let error = within("a refusal", write_and_commit(9)).await.unwrap_err();
    assert!(error.requires_abort(), "{error}");
    within("an abort", producer.abort_transaction())
        .await
        .unwrap();
    let other = fixture.new_member().build().await.unwrap();
    assert_eq!(committed(&other, 0).await, Some(4));
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_named_and_taken_up_once_it_is() {
    let fixture = Fixture::start(1).await;
    let builder = fixture.new_member().allow_auto_create_topics(false);
    let one = builder.build().await.unwrap();
    one.subscribe(["t", "later"]).unwrap();
    let error = error_of(&one).await;
    assert!(error.to_string().contains("\"later\""), "{error}");
    assert_eq!(one.assignment(), partitions(1), "others go on");
    fixture.broker.create_topic("later", 1).unwrap();
    within("the new topic", async {
        while one.assignment().len() < 2 {
            let _ = one.poll(Duration::from_millis(50)).await;
        }
    })
    .await;
    let later = TopicPartition::new("later", 0);
    assert!(one.assignment().contains(&later));
}
