//! Very many things in one call.

use crate::*;

/// Groups that keep positions, on however many coordinators.
const GROUPS: usize = 100;

pub(crate) async fn a_hundred_groups_are_asked_about_at_once_and_one_that_is_missing_hides_none(
    kafka: &Kafka,
) {
    let admin = kafka.admin().await;
    let name = topic(&admin, 1).await;
    let at = TopicPartition::new(&*name, 0);
    let prefix = unique("many");
    let groups: Vec<String> = (0..GROUPS).map(|n| format!("{prefix}-{n}")).collect();
    for (n, group) in groups.iter().enumerate() {
        let offset = OffsetAndMetadata::new(n as i64);
        let altered = admin.alter_group_offsets(group, [(at.clone(), offset)]);
        only(within("altering", altered).await.unwrap()).unwrap();
    }
    // One that has not heard of any coordinator yet.
    let admin = kafka.admin().await;
    let mut asked = groups.clone();
    asked.insert(7, "admin-missing".to_owned());
    let described = within("describing", admin.describe_groups(asked.clone()));
    let described = described.await.unwrap();
    let named: Vec<&String> = described.iter().map(|(group, _)| group).collect();
    assert_eq!(named, asked.iter().collect::<Vec<_>>());
    for (group, description) in &described {
        if group == "admin-missing" {
            assert_eq!(code(description), ErrorCode::GroupIdNotFound);
            continue;
        }
        let description = description.as_ref().unwrap();
        assert!(description.is_simple() && description.coordinator.is_some());
        assert_eq!(description.state, GroupState::Empty);
    }
    let wanted = asked.iter().map(|group| (group, None));
    let listed = within("listing", admin.list_offsets_of_groups(wanted));
    let listed = listed.await.unwrap();
    assert_eq!(listed.len(), GROUPS + 1);
    let mut expected = 0;
    for (group, offsets) in listed {
        let offsets = offsets.unwrap();
        if group == "admin-missing" {
            assert_eq!(offsets, []);
            continue;
        }
        let offset = only(offsets).unwrap().unwrap();
        assert_eq!(offset.offset, expected, "{group}");
        expected += 1;
    }
    let last = format!("group-offsets {}", groups[GROUPS - 1]);
    kafka.java_sees(&[(&last, &format!("{{{name}-0={}}}", GROUPS - 1))]);
    let deleted = within("deleting", admin.delete_groups(asked));
    for (group, deleted) in deleted.await.unwrap() {
        assert_eq!(deleted.is_ok(), group != "admin-missing", "{group}");
    }
}
