//! Groups: list, describe, delete, remove members.

use kafka_client::admin::{GroupState, GroupType, ListGroups, MemberToRemove};
use kafka_client::consumer::GroupProtocol;
use kafka_client::{ErrorCode, TopicPartition};

use crate::{LIMIT, code, joined, member, only, start, within};

#[tokio::test]
async fn groups_of_both_protocols_are_listed_and_described() {
    let (broker, admin) = start().await;
    broker.create_topic("t", 2).unwrap();
    let classic = member(&broker, "classic").client_id("one").build();
    let classic = within("a consumer", classic).await.unwrap();
    let consumer = member(&broker, "consumer")
        .group_protocol(GroupProtocol::Consumer)
        .build();
    let consumer = within("a consumer", consumer).await.unwrap();
    for member in [&classic, &consumer] {
        member.subscribe(["t"]).unwrap();
        joined(member, 2).await;
    }

    let all = within("listing", admin.list_groups(ListGroups::default()));
    let all = all.await.unwrap();
    let types: Vec<_> = all
        .iter()
        .map(|group| (&*group.group_id, group.group_type.clone()))
        .collect();
    assert_eq!(
        types,
        [
            ("classic", GroupType::Classic),
            ("consumer", GroupType::Consumer)
        ]
    );
    let wanted = ListGroups {
        types: vec![GroupType::Consumer],
        ..ListGroups::default()
    };
    let some = within("listing", admin.list_groups(wanted)).await.unwrap();
    assert_eq!(some, all[1..]);
    let wanted = ListGroups {
        states: vec![GroupState::Dead],
        ..ListGroups::default()
    };
    assert_eq!(
        within("listing", admin.list_groups(wanted)).await.unwrap(),
        []
    );

    let names = ["missing", "consumer", "classic", "classic"];
    let described = within("describing", admin.describe_groups(names))
        .await
        .unwrap();
    assert_eq!(described.len(), 3, "each once");
    assert_eq!(described[0].0, "missing");
    assert_eq!(code(&described[0].1), ErrorCode::GroupIdNotFound);
    let partitions = [TopicPartition::new("t", 0), TopicPartition::new("t", 1)];
    let of_consumer = described[1].1.as_ref().unwrap();
    assert_eq!(of_consumer.group_type, GroupType::Consumer);
    assert_eq!(of_consumer.state, GroupState::Stable);
    assert_eq!(of_consumer.members[0].assignment, partitions);
    assert!(of_consumer.group_epoch.is_some());
    let of_classic = described[2].1.as_ref().unwrap();
    assert_eq!(of_classic.group_type, GroupType::Classic);
    assert_eq!(of_classic.state, GroupState::Stable);
    assert_eq!(of_classic.members[0].assignment, partitions);
    assert_eq!(of_classic.members[0].client_id, "one");
    for member in [classic, consumer] {
        within("closing", member.close(LIMIT)).await.unwrap();
    }
}

#[tokio::test]
async fn groups_are_deleted_once_nobody_is_in_them() {
    let (broker, admin) = start().await;
    broker.create_topic("t", 1).unwrap();
    let consumer = within("a consumer", member(&broker, "g").build());
    let consumer = consumer.await.unwrap();
    consumer.subscribe(["t"]).unwrap();
    joined(&consumer, 1).await;
    let deleted = within("deleting", admin.delete_groups(["g", "missing"]));
    let deleted = deleted.await.unwrap();
    assert_eq!(code(&deleted[0].1), ErrorCode::NonEmptyGroup);
    let told = deleted[0].1.as_ref().unwrap_err().to_string();
    assert!(told.starts_with("group \"g\": NON_EMPTY_GROUP"), "{told}");
    assert_eq!(code(&deleted[1].1), ErrorCode::GroupIdNotFound);
    within("closing", consumer.close(LIMIT)).await.unwrap();
    only(
        within("deleting", admin.delete_groups(["g"]))
            .await
            .unwrap(),
    )
    .unwrap();
    let left = within("listing", admin.list_groups(ListGroups::default()));
    assert_eq!(left.await.unwrap(), []);
}

#[tokio::test]
async fn members_are_removed_by_instance_and_by_id() {
    let (broker, admin) = start().await;
    broker.create_topic("t", 1).unwrap();
    let fixed = member(&broker, "g").group_instance_id("fixed").build();
    let fixed = within("a consumer", fixed).await.unwrap();
    fixed.subscribe(["t"]).unwrap();
    joined(&fixed, 1).await;
    // A static member that closes stays in the group.
    within("closing", fixed.close(LIMIT)).await.unwrap();
    let gone = MemberToRemove::MemberId("nobody".to_owned());
    let fixed = MemberToRemove::InstanceId("fixed".to_owned());
    let removed = admin.remove_members("g", [gone, fixed.clone()]);
    let removed = within("removing", removed).await.unwrap();
    assert_eq!(code(&removed[0].1), ErrorCode::UnknownMemberId);
    let told = removed[0].1.as_ref().unwrap_err().to_string();
    assert!(
        told.starts_with("member \"nobody\" of group \"g\": UNKNOWN_MEMBER_ID"),
        "{told}"
    );
    assert_eq!(
        (&removed[1].0, code(&removed[1].1)),
        (&fixed, ErrorCode::None)
    );
    let described = within("describing", admin.describe_groups(["g"]));
    assert_eq!(only(described.await.unwrap()).unwrap().members, []);

    let other = within("a consumer", member(&broker, "g").build());
    let other = other.await.unwrap();
    other.subscribe(["t"]).unwrap();
    joined(&other, 1).await;
    let removed = within("removing", admin.remove_all_members("g"));
    only(removed.await.unwrap()).unwrap();
    within("closing", other.close(LIMIT)).await.unwrap();
}
