//! Positions of groups.

use kafka_client::admin::OffsetAndMetadata;
use kafka_client::{ErrorCode, TopicPartition};

use crate::{LIMIT, code, joined, member, start, within};

#[tokio::test]
async fn positions_that_were_altered_are_listed_and_read_from() {
    let (broker, admin) = start().await;
    broker.create_topic("t", 2).unwrap();
    let at = |number| TopicPartition::new("t", number);
    let metadata = OffsetAndMetadata {
        offset: 7,
        leader_epoch: Some(0),
        metadata: "set by hand".to_owned(),
    };
    let altered = admin.alter_group_offsets(
        "g",
        [
            (at(0), metadata.clone()),
            (at(1), OffsetAndMetadata::new(3)),
            (at(2), OffsetAndMetadata::new(3)),
        ],
    );
    for (partition, result) in within("altering", altered).await.unwrap() {
        let expected = match partition.partition {
            2 => ErrorCode::UnknownTopicOrPartition,
            _ => ErrorCode::None,
        };
        assert_eq!(code(&result), expected, "{partition}");
    }
    let mut all = within("listing", admin.list_group_offsets("g", None))
        .await
        .unwrap();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let all: Vec<_> = all
        .into_iter()
        .map(|(partition, offset)| (partition, offset.unwrap()))
        .collect();
    assert_eq!(
        all,
        [
            (at(0), Some(metadata)),
            (at(1), Some(OffsetAndMetadata::new(3)))
        ]
    );
    let broker_says = within(
        "listing",
        admin.list_group_offsets("g", Some(&[at(1), at(2)])),
    )
    .await
    .unwrap();
    let offsets = broker_says
        .into_iter()
        .map(|(at, offset)| (at.partition, offset.unwrap().map(|offset| offset.offset)));
    assert_eq!(offsets.collect::<Vec<_>>(), [(1, Some(3)), (2, None)]);
    let nothing = within("listing", admin.list_group_offsets("missing", None));
    assert_eq!(nothing.await.unwrap(), []);
}

#[tokio::test]
async fn positions_of_a_group_at_work_are_not_altered() {
    let (broker, admin) = start().await;
    broker.create_topic("t", 1).unwrap();
    let consumer = within("a consumer", member(&broker, "g").build());
    let consumer = consumer.await.unwrap();
    consumer.subscribe(["t"]).unwrap();
    joined(&consumer, 1).await;
    let at = TopicPartition::new("t", 0);
    let altered = admin.alter_group_offsets("g", [(at, OffsetAndMetadata::new(3))]);
    let altered = within("altering", altered).await.unwrap();
    assert_eq!(code(&altered[0].1), ErrorCode::UnknownMemberId);
    let told = altered[0].1.as_ref().unwrap_err().to_string();
    assert!(
        told.starts_with("offset of group \"g\" in partition t-0: "),
        "{told}"
    );
    within("closing", consumer.close(LIMIT)).await.unwrap();
}
