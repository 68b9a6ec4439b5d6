//! Share groups, and streams groups.

use kafka_proto::messages::StreamsGroupHeartbeatRequest;
use kafka_proto::messages::streams_group_heartbeat::{Subtopology, Topology};

use crate::*;

/// Whether the cluster has switched a feature on.
async fn has(admin: &Admin, feature: &str) -> bool {
    let features = within("features", admin.describe_features()).await;
    features.unwrap().finalized.contains_key(feature)
}

pub(crate) async fn where_a_share_group_begins_can_be_set_and_forgotten(kafka: &Kafka) {
    let admin = kafka.admin().await;
    if !has(&admin, "share.version").await {
        return;
    }
    let (name, group) = (topic(&admin, 2).await, unique("share"));
    let at = |number| TopicPartition::new(&*name, number);
    write(kafka, &at(0), 10).await;
    let described = within("describing", admin.describe_share_groups([&group]));
    let missing = only(described.await.unwrap());
    assert_eq!(code(&missing), ErrorCode::GroupIdNotFound);

    let set = [(at(0), 4), (at(1), 0), (at(7), 0)];
    let altered = within("altering", admin.alter_share_group_offsets(&group, set));
    for (partition, altered) in altered.await.unwrap() {
        let expected = match partition.partition {
            7 => ErrorCode::UnknownTopicOrPartition,
            _ => ErrorCode::None,
        };
        assert_eq!(code(&altered), expected, "{partition}");
    }
    let described = within(
        "describing",
        admin.describe_share_groups([&group, "admin-missing"]),
    );
    let described = described.await.unwrap();
    assert_eq!(code(&described[1].1), ErrorCode::GroupIdNotFound);
    let description = described[0].1.as_ref().unwrap();
    assert_eq!(description.state, GroupState::Empty);
    assert!(description.coordinator.is_some() && description.members.is_empty());
    let listed = admin.list_groups(ListGroups {
        types: vec![GroupType::Share],
        protocol_types: vec!["share".to_owned()],
        ..ListGroups::default()
    });
    let listed = within("listing", listed).await.unwrap();
    assert!(listed.iter().any(|listed| listed.group_id == group));

    let offsets = async |partitions: Option<Vec<TopicPartition>>| {
        let listed = admin.list_share_group_offsets([(&group, partitions)]);
        let offsets = only(within("listing", listed).await.unwrap()).unwrap();
        let offset = |(at, offset): (TopicPartition, Result<Option<ShareGroupOffset>, Error>)| {
            (
                at.partition,
                offset.unwrap().map(|offset| offset.start_offset),
            )
        };
        let mut offsets: Vec<_> = offsets.into_iter().map(offset).collect();
        offsets.sort_unstable();
        offsets
    };
    becomes(
        "the offsets",
        vec![(0, Some(4)), (1, Some(0))],
        async || offsets(None).await,
    )
    .await;
    assert_eq!(offsets(Some(vec![at(0)])).await, [(0, Some(4))]);
    let question = format!("share-offsets {group}");
    kafka.java_sees(&[
        (&question, &format!("{{{name}-0=4, {name}-1=0}}")),
        (&format!("share-group {group}"), "Empty"),
    ]);
    let arguments = ["--describe", "--group", &group, "--offsets"];
    kafka.shows("share-groups", &arguments, &[(&format!(" {name} "), 2)]);

    let topics = [&*name, "admin-missing"];
    let deleted = within("deleting", admin.delete_share_group_offsets(&group, topics));
    let deleted = deleted.await.unwrap();
    assert_eq!(code(&deleted[0].1), ErrorCode::None);
    assert_eq!(code(&deleted[1].1), ErrorCode::UnknownTopicOrPartition);
    becomes("no offsets", Vec::new(), async || offsets(None).await).await;
    kafka.java_sees(&[(&question, "{}")]);
    let deleted = within("deleting", admin.delete_groups([&*group]));
    only(deleted.await.unwrap()).unwrap();
}

pub(crate) async fn a_streams_group_is_described_with_topology_and_members(kafka: &Kafka) {
    let admin = kafka.admin().await;
    if !has(&admin, "streams.version").await {
        return;
    }
    let (name, group) = (topic(&admin, 2).await, unique("streams"));
    let described = within("describing", admin.describe_streams_groups([&group]));
    let missing = only(described.await.unwrap());
    assert_eq!(code(&missing), ErrorCode::GroupIdNotFound);

    // What a Kafka Streams application says when it joins.
    let joining = StreamsGroupHeartbeatRequest {
        group_id: group.as_str().into(),
        member_id: "member-1".into(),
        rebalance_timeout_ms: 10_000,
        process_id: Some("process-1".into()),
        topology: Some(Topology {
            subtopologies: vec![Subtopology {
                subtopology_id: "0".into(),
                source_topics: vec![name.as_str().into()],
                ..Default::default()
            }],
            ..Default::default()
        }),
        active_tasks: Some(Vec::new()),
        standby_tasks: Some(Vec::new()),
        warmup_tasks: Some(Vec::new()),
        client_tags: Some(Vec::new()),
        ..Default::default()
    };
    let position = [(TopicPartition::new(&*name, 0), OffsetAndMetadata::new(3))];
    let unknown = within("its coordinator", admin.describe_groups([&group])).await;
    assert_eq!(code(&only(unknown.unwrap())), ErrorCode::GroupIdNotFound);
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let mut joined = false;
    for broker in &brokers {
        let address = format!("{}:{}", broker.host, broker.port);
        let mut wire = within("a connection", Wire::connect(&address)).await;
        let answer = within("joining", wire.call(&joining, 0)).await;
        joined |= answer.error_code == 0;
    }
    assert!(joined, "no broker is its coordinator");
    let described = within("describing", admin.describe_streams_groups([&group]));
    let described = only(described.await.unwrap()).unwrap();
    assert_eq!(described.topology_epoch, Some(0));
    assert_eq!(described.subtopologies[0].source_topics, [&*name]);
    assert_eq!(described.members[0].process_id, "process-1");
    assert!(described.coordinator.is_some());
    let arguments = ["--describe", "--group", &group, "--members"];
    kafka.shows("streams-groups", &arguments, &[("process-1", 1)]);

    // Gone by its own will; then the group keeps positions as others do.
    let leaving = StreamsGroupHeartbeatRequest {
        member_epoch: -1,
        topology: None,
        active_tasks: None,
        standby_tasks: None,
        warmup_tasks: None,
        ..joining
    };
    for broker in &brokers {
        let address = format!("{}:{}", broker.host, broker.port);
        let mut wire = within("a connection", Wire::connect(&address)).await;
        within("leaving", wire.call(&leaving, 0)).await;
    }
    let altered = within("altering", admin.alter_group_offsets(&group, position));
    only(altered.await.unwrap()).unwrap();
    let listed = within("listing", admin.list_group_offsets(&group, None));
    let offset = only(listed.await.unwrap()).unwrap().unwrap();
    assert_eq!(offset.offset, 3);
    kafka.java_sees(&[(
        &format!("group-offsets {group}"),
        &format!("{{{name}-0=3}}"),
    )]);
    let deleted = within("deleting", admin.delete_groups([&*group]));
    only(deleted.await.unwrap()).unwrap();
}
