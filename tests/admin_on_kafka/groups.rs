//! Groups of consumers.

use crate::*;

pub(crate) async fn groups_of_both_protocols_are_looked_after(kafka: &Kafka) {
    let admin = kafka.admin().await;
    let name = topic(&admin, 2).await;
    let at = |number| TopicPartition::new(&*name, number);
    let features = within("features", admin.describe_features()).await.unwrap();
    for (protocol, kind) in [
        (GroupProtocol::Classic, GroupType::Classic),
        (GroupProtocol::Consumer, GroupType::Consumer),
    ] {
        if kind == GroupType::Consumer && !features.finalized.contains_key("group.version") {
            continue;
        }
        let group = unique("admin");
        let consumer = Consumer::builder()
            .bootstrap_servers(&kafka.servers)
            .group_id(&group)
            .group_protocol(protocol)
            .auto_offset_reset(OffsetReset::Earliest);
        let consumer = within("a consumer", consumer.build()).await.unwrap();
        consumer.subscribe([&*name]).unwrap();
        within("an assignment", async {
            while consumer.assignment().len() != 2 {
                consumer.poll(Duration::from_millis(50)).await.unwrap();
            }
        })
        .await;
        let wanted = ListGroups {
            types: vec![kind.clone()],
            ..ListGroups::default()
        };
        let listed = within("listing", admin.list_groups(wanted)).await.unwrap();
        assert_eq!(
            listed
                .iter()
                .filter(|listed| listed.group_id == group)
                .count(),
            1
        );
        let described = within(
            "describing",
            admin.describe_groups([&*group, "admin-missing"]),
        );
        let described = described.await.unwrap();
        assert_eq!(code(&described[1].1), ErrorCode::GroupIdNotFound);
        let description = described[0].1.as_ref().unwrap();
        assert_eq!(description.group_type, kind);
        assert_eq!(description.state, GroupState::Stable);
        assert_eq!(description.members[0].assignment, [at(0), at(1)]);
        let refused = within("deleting", admin.delete_groups([&*group]));
        assert_eq!(
            code(&only(refused.await.unwrap())),
            ErrorCode::NonEmptyGroup
        );
        within("closing", consumer.close(WAIT)).await.unwrap();

        let offsets = [0, 1].map(|number| (at(number), OffsetAndMetadata::new(5)));
        let altered = within("altering", admin.alter_group_offsets(&group, offsets));
        for (partition, altered) in altered.await.unwrap() {
            assert!(altered.is_ok(), "{partition}: {altered:?}");
        }
        kafka.shows(
            "consumer-groups",
            &["--describe", "--group", &group, "--offsets"],
            &[(&format!(" {name} "), 2)],
        );
        let deleted = within("deleting", admin.delete_group_offsets(&group, [at(0)]));
        only(deleted.await.unwrap()).unwrap();
        let left = within("listing", admin.list_group_offsets(&group, None));
        let left = left.await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].0, at(1));
        let offset = left[0].1.as_ref().unwrap().as_ref().unwrap();
        assert_eq!(offset.offset, 5);
        let deleted = within("deleting", admin.delete_groups([&*group, "admin-missing"]));
        let deleted = deleted.await.unwrap();
        assert_eq!(code(&deleted[0].1), ErrorCode::None);
        assert_eq!(code(&deleted[1].1), ErrorCode::GroupIdNotFound);
    }
}
