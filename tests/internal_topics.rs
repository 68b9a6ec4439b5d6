//! What a real Kafka, whose address is in `KAFKA_BOOTSTRAP`, writes into its own topics about what a client did.

use std::time::Duration;

use bytes::Bytes;
use kafka_client::TopicPartition;
use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{Consumer, OffsetAndMetadata, OffsetReset};
use kafka_proto::messages::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use kafka_proto::payloads::offsets_topic::{GroupMetadataValue, OffsetCommitValue};
use kafka_proto::payloads::{OffsetsRecord, Versioned};
use tests::kafka::{WAIT, bootstrap, unique};

/// A member of the group that has both partitions of the topic, and has committed an offset of the first.
async fn committed_member(topic: &str, group: &str) -> Consumer {
    let admin = Admin::builder()
        .bootstrap_servers(bootstrap())
        .build()
        .await
        .unwrap();
    let new = NewTopic::new(topic).partitions(2).replication_factor(1);
    for (_, result) in admin.create_topics([new]).await.unwrap() {
        result.unwrap();
    }
    let member = Consumer::builder()
        .bootstrap_servers(bootstrap())
        .group_id(group)
        .client_id("a reader")
        .enable_auto_commit(false)
        .build()
        .await
        .unwrap();
    member.subscribe([topic]).unwrap();
    let joining = async {
        while member.assignment().len() < 2 {
            member.poll(Duration::from_millis(50)).await.unwrap();
        }
    };
    tokio::time::timeout(WAIT, joining)
        .await
        .expect("both partitions");
    let offset = OffsetAndMetadata {
        metadata: "so far".to_owned(),
        ..OffsetAndMetadata::new(7)
    };
    let offsets = [(TopicPartition::new(topic, 0), offset)];
    member.commit_offsets(offsets).await.unwrap();
    member
}

/// Reads the topic of groups from its beginning, until the group has committed, and has a generation with members.
async fn what_kafka_wrote(group: &str) -> (OffsetCommitValue, GroupMetadataValue) {
    let reader = Consumer::builder()
        .bootstrap_servers(bootstrap())
        .auto_offset_reset(OffsetReset::Earliest)
        .build()
        .await
        .unwrap();
    let partitions = reader.partitions_for("__consumer_offsets").await.unwrap();
    reader.assign(partitions).unwrap();
    let (mut commit, mut generation) = (None, None);
    loop {
        if let (Some(commit), Some(generation)) = (&commit, &generation) {
            return (
                OffsetCommitValue::clone(commit),
                GroupMetadataValue::clone(generation),
            );
        }
        let records = reader.poll(Duration::from_millis(100)).await.unwrap();
        for record in records.records() {
            let key = Bytes::copy_from_slice(record.key().expect("a key"));
            let value = record.value().map(Bytes::copy_from_slice);
            let at = (record.partition().clone(), record.offset());
            // Other tests' records have to be readable, too.
            match OffsetsRecord::parse(key, value).unwrap_or_else(|error| panic!("{at:?}: {error}"))
            {
                OffsetsRecord::OffsetCommit(key, Some(value)) if key.group == group => {
                    assert_eq!(key.partition, 0);
                    commit = Some(value.message);
                }
                OffsetsRecord::GroupMetadata(key, Some(value)) if key.group == group => {
                    generation = Some(value.message).filter(|group| !group.members.is_empty());
                }
                OffsetsRecord::Unknown { record_type } => panic!("{at:?}: type {record_type}"),
                _ => {}
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_commit_and_a_generation_are_read_back_from_the_topic_of_groups() {
    let (topic, group) = (unique("read-by-a-group"), unique("group"));
    let member = committed_member(&topic, &group).await;
    let (commit, generation) = tokio::time::timeout(WAIT, what_kafka_wrote(&group))
        .await
        .expect("the commit and the generation in __consumer_offsets");
    assert_eq!((commit.offset, &*commit.metadata), (7, "so far"));

    assert_eq!(generation.protocol_type, "consumer");
    let [one] = &generation.members[..] else {
        panic!("one member: {:?}", generation.members);
    };
    assert_eq!(generation.leader.as_ref(), Some(&one.member_id));
    assert_eq!(one.client_id, "a reader");
    let subscription: Versioned<ConsumerProtocolSubscription> =
        Versioned::decode_lenient(one.subscription.clone()).unwrap();
    assert_eq!(subscription.message.topics, [&*topic]);
    let assignment: Versioned<ConsumerProtocolAssignment> =
        Versioned::decode_lenient(one.assignment.clone()).unwrap();
    let [assigned] = &assignment.message.assigned_partitions[..] else {
        panic!("one topic: {assignment:?}");
    };
    assert_eq!(
        (&*assigned.topic, &assigned.partitions[..]),
        (&*topic, &[0, 1][..])
    );
    member.close(WAIT).await.unwrap();
}
