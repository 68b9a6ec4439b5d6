//! Commits of members, with the epochs that they are in.

use std::time::Duration;

use kafka_client::consumer::{Consumer, OffsetAndMetadata};
use kafka_client::producer::{Producer, Record};
use kafka_client::{Error, ErrorCode, TopicPartition};
use tests::kafka::{bootstrap, unique};

use crate::fixture::*;

async fn committed(consumer: &Consumer, partition: &TopicPartition) -> Option<i64> {
    let asked = consumer.committed(std::slice::from_ref(partition));
    let mut found = within("committed offsets", asked).await.unwrap();
    found.remove(partition).flatten().map(|it| it.offset)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn members_commit_throughout_rebalances() {
    let (topic, group) = (topic(4).await, unique("group"));
    let mut seen = Seen::default();
    let one = start(member(&group).enable_auto_commit(false)).await;
    one.subscribe([&*topic]).unwrap();
    write(&topic, 4, 20).await;
    poll_until(&[&one], &mut seen, "all records", |seen| seen.len() == 80).await;
    let stays = TopicPartition::new(&*topic, 0);
    let mut at = 0;
    for _ in 0..3 {
        let other = start(member(&group).enable_auto_commit(false)).await;
        other.subscribe([&*topic]).unwrap();
        let settled = || shares(&[&one, &other]) == [2, 2];
        within("halves, while one commits", async {
            while !settled() {
                for member in [&one, &other] {
                    member.poll(Duration::from_millis(20)).await.unwrap();
                }
                // Each of these epochs takes what is owned throughout.
                let kept = one.assignment().first().cloned();
                if let Some(kept) = kept.filter(|kept| *kept == stays) {
                    at += 1;
                    let offset = OffsetAndMetadata::new(at);
                    one.commit_offsets([(kept, offset)]).await.unwrap();
                }
            }
        })
        .await;
        other.close(LIMIT).await.unwrap();
        poll_until(&[&one], &mut seen, "everything again", |_| {
            shares(&[&one]) == [4]
        })
        .await;
    }
    assert!(at > 0);
    assert_eq!(committed(&one, &stays).await, Some(at));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_member_that_was_away_cannot_commit_over_the_others() {
    let (topic, group) = (topic(1).await, unique("group"));
    let first = TopicPartition::new(&*topic, 0);
    let mut seen = Seen::default();
    let slow = member(&group)
        .enable_auto_commit(false)
        .max_poll_interval(Duration::from_secs(2));
    let slow = start(slow).await;
    slow.subscribe([&*topic]).unwrap();
    write(&topic, 1, 10).await;
    poll_until(&[&slow], &mut seen, "all records", |seen| seen.len() == 10).await;
    let place = slow.group_metadata().unwrap();
    assert!(place.generation_id() > 0);
    let other = start(member(&group).enable_auto_commit(false)).await;
    other.subscribe([&*topic]).unwrap();
    poll_until(&[&other], &mut seen, "everything for the other", |_| {
        shares(&[&other]) == [1]
    })
    .await;
    let error = within("a refusal", slow.commit_sync()).await.unwrap_err();
    assert!(matches!(error, Error::Broker { .. }), "{error}");
    other
        .commit_offsets([(first.clone(), OffsetAndMetadata::new(7))])
        .await
        .unwrap();
    assert_eq!(committed(&other, &first).await, Some(7));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_transaction_commits_for_a_member_and_not_for_one_that_is_gone() {
    let (topic, group) = (topic(1).await, unique("group"));
    let first = TopicPartition::new(&*topic, 0);
    let mut seen = Seen::default();
    let reader = start(member(&group).enable_auto_commit(false)).await;
    reader.subscribe([&*topic]).unwrap();
    write(&topic, 1, 10).await;
    poll_until(&[&reader], &mut seen, "all records", |seen| {
        seen.len() == 10
    })
    .await;
    let producer = Producer::builder()
        .bootstrap_servers(bootstrap())
        .transactional_id(unique("txn"));
    let producer = within("a producer", producer.build()).await.unwrap();
    within("its id", producer.init_transactions())
        .await
        .unwrap();
    let place = reader.group_metadata().unwrap();
    assert!(place.generation_id() > 0 && !place.member_id().is_empty());
    let write_and_commit = async |offset: i64| -> kafka_client::Result<()> {
        producer.begin_transaction().await?;
        let record = Record::to(&topic).partition(0).value("out");
        drop(producer.send(record).await?);
        let offsets = [(first.clone(), OffsetAndMetadata::new(offset))];
        producer
            .send_offsets_to_transaction(offsets, &place)
            .await?;
        producer.commit_transaction().await
    };
    within("a transaction", write_and_commit(4)).await.unwrap();
    assert_eq!(committed(&reader, &first).await, Some(4));
    reader.close(LIMIT).await.unwrap();
    let error = within("a refusal", write_and_commit(9)).await.unwrap_err();
    within("an abort", producer.abort_transaction())
        .await
        .unwrap();
    assert!(error.requires_abort(), "{error}");
    let other = start(member(&group)).await;
    assert_eq!(committed(&other, &first).await, Some(4));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn who_is_no_member_commits_only_while_there_are_none() {
    let (topic, group) = (topic(1).await, unique("group"));
    let first = TopicPartition::new(&*topic, 0);
    let mut seen = Seen::default();
    let reader = start(member(&group)).await;
    reader.subscribe([&*topic]).unwrap();
    poll_until(&[&reader], &mut seen, "everything", |_| {
        shares(&[&reader]) == [1]
    })
    .await;
    let by_hand = start(member(&group).enable_auto_commit(false)).await;
    by_hand.assign([first.clone()]).unwrap();
    let commit = || by_hand.commit_offsets([(first.clone(), OffsetAndMetadata::new(3))]);
    let error = within("a refusal", commit()).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Broker {
                code: ErrorCode::UnknownMemberId,
                ..
            }
        ),
        "{error}"
    );
    reader.close(LIMIT).await.unwrap();
    within("a commit", commit()).await.unwrap();
    assert_eq!(committed(&by_hand, &first).await, Some(3));
}
