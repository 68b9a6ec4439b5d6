//! Consumers and groups that are used as they cannot be.

use std::time::Duration;

use kafka_client::consumer::OffsetAndMetadata;
use kafka_client::consumer::assignor::AssignmentStrategy;
use kafka_client::{Error, ErrorCode, TopicPartition};

use crate::fixture::*;

#[tokio::test]
async fn a_member_that_shares_no_assignor_with_its_group_is_refused_and_the_group_goes_on() {
    let broker = start().await;
    let writer = producer(builder(&broker)).await;
    let first = built(
        consumer(&broker)
            .group_id("g")
            .partition_assignment_strategy([AssignmentStrategy::Range]),
    )
    .await;
    first.subscribe(["t"]).unwrap();
    within("its partitions", async {
        while first.assignment().len() < 3 {
            first.poll(Duration::from_millis(50)).await.unwrap();
        }
    })
    .await;
    let other = built(
        consumer(&broker)
            .group_id("g")
            .partition_assignment_strategy([AssignmentStrategy::RoundRobin]),
    )
    .await;
    other.subscribe(["t"]).unwrap();
    let is_expected = |error: &Error| {
        let expected = ErrorCode::InconsistentGroupProtocol;
        matches!(error, Error::Broker { code, .. } if *code == expected)
    };
    refusal("joining", other.poll(LIMIT))
        .await
        .is(is_expected, "group \"g\"", AT_ONCE);
    // The other members notice nothing.
    writes(&writer).await;
    let seen = within("a record", first.poll(LIMIT)).await.unwrap();
    assert_eq!((seen.len(), first.assignment().len()), (1, 3));
    // Nor is the client of no use.
    other_still_reads(&other).await;
}

async fn other_still_reads(other: &kafka_client::consumer::Consumer) {
    within("unsubscribing", other.unsubscribe()).await.unwrap();
    other.assign([TopicPartition::new("t", 0)]).unwrap();
    let seen = within("a record", other.poll(LIMIT)).await.unwrap();
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn what_a_consumer_cannot_do_is_refused_and_it_goes_on() {
    let broker = start().await;
    let writer = producer(builder(&broker)).await;
    writes(&writer).await;
    let alone = built(consumer(&broker)).await;
    let is_config = |error: &Error| matches!(error, Error::Config { key, .. } if key == "group.id");
    let is_illegal = |error: &Error| matches!(error, Error::IllegalState { .. });
    let not_assigned = |error: &Error| matches!(error, Error::NotAssigned { .. });
    let none = "subscribing and committing need a group";
    let zero = TopicPartition::new("t", 0);
    refused("subscribing", alone.subscribe(["t"])).is(is_config, none, AT_ONCE);
    let committed = alone.committed(std::slice::from_ref(&zero));
    refusal("committed", committed)
        .await
        .is(is_config, none, AT_ONCE);
    refusal("committing", alone.commit_sync())
        .await
        .is(is_config, none, AT_ONCE);
    let offsets = [(zero.clone(), OffsetAndMetadata::new(1))];
    refusal("committing", alone.commit_offsets(offsets))
        .await
        .is(is_config, none, AT_ONCE);
    let text = "partition t-0 is not assigned to this consumer";
    refused("seeking", alone.seek(&zero, 1)).is(not_assigned, text, AT_ONCE);
    refused("pausing", alone.pause(std::slice::from_ref(&zero))).is(not_assigned, text, AT_ONCE);
    refusal("the position", alone.position(&zero))
        .await
        .is(not_assigned, text, AT_ONCE);
    alone.assign([zero.clone()]).unwrap();
    let seen = within("a record", alone.poll(LIMIT)).await.unwrap();
    assert_eq!(seen.len(), 1);

    let member = built(consumer(&broker).group_id("h")).await;
    let is_pattern = |error: &Error| matches!(error, Error::Pattern { .. });
    let result = member.subscribe_pattern("orders-(");
    refused("a pattern", result).is(is_pattern, "pattern of topics \"orders-(\"", AT_ONCE);
    member.subscribe(["t"]).unwrap();
    refused("assigning", member.assign([zero.clone()])).is(
        is_illegal,
        "unsubscribe first",
        AT_ONCE,
    );
    let seen = within("a record", member.poll(LIMIT)).await.unwrap();
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn topics_that_are_not_there_are_told_of_and_the_others_are_read() {
    let broker = start().await;
    let writer = producer(builder(&broker)).await;
    writes(&writer).await;
    for (topic, code, limit) in [
        ("nowhere", ErrorCode::UnknownTopicOrPartition, 4),
        ("not/a/topic", ErrorCode::InvalidTopicException, 1),
    ] {
        let is_expected =
            |error: &Error| matches!(error, Error::Broker { code: found, .. } if *found == code);
        let limit = Duration::from_secs(limit);
        let reader = built(consumer(&broker)).await;
        let partitions = [topic, "t"].map(|topic| TopicPartition::new(topic, 0));
        reader.assign(partitions).unwrap();
        // Whichever is there first: both come.
        let begun = std::time::Instant::now();
        let (mut seen, mut error) = (0, None);
        within("a record and the error", async {
            while seen == 0 || error.is_none() {
                match reader.poll(LIMIT).await {
                    Ok(records) => seen += records.len(),
                    Err(told) => error = Some(told),
                }
            }
        })
        .await;
        let error = error.unwrap();
        assert!(
            is_expected(&error) && error.to_string().contains(topic),
            "{error}"
        );
        assert!(
            seen == 1 && begun.elapsed() <= limit,
            "{:?}",
            begun.elapsed()
        );
        refusal(topic, reader.partitions_for(topic))
            .await
            .is(is_expected, topic, limit);
        assert_eq!(
            within("t", reader.partitions_for("t")).await.unwrap().len(),
            3
        );
    }
}
