//! Topics and their partitions.

use crate::*;

pub(crate) async fn partitions_are_added_move_and_have_their_preferred_leaders(kafka: &Kafka) {
    let admin = kafka.admin().await;
    let name = topic(&admin, 1).await;
    let grown = admin.create_partitions([(name.clone(), NewPartitions::increase_to(2))]);
    only(within("growing", grown).await.unwrap()).unwrap();
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let ids: Vec<i32> = brokers.iter().map(|broker| broker.id).collect();
    let at = |number| TopicPartition::new(&*name, number);

    let none = admin.alter_partition_reassignments([(at(0), None), (at(7), Some(ids.clone()))]);
    for (partition, begun) in within("giving up", none).await.unwrap() {
        let expected = match partition.partition {
            0 => ErrorCode::NoReassignmentInProgress,
            _ => ErrorCode::UnknownTopicOrPartition,
        };
        assert_eq!(code(&begun), expected, "{partition}");
    }
    let to = *ids.last().unwrap();
    let moves = [0, 1].map(|number| (at(number), Some(vec![to])));
    let begun = admin.alter_partition_reassignments(moves);
    for (partition, begun) in within("moving", begun).await.unwrap() {
        assert!(begun.is_ok(), "{partition}: {begun:?}");
    }
    within("the move", async {
        loop {
            let described = admin.describe_topics([&name]).await.unwrap();
            let partitions = only(described).unwrap().partitions;
            let moved = |partition: &PartitionDescription| partition.replicas == [to];
            if partitions.len() == 2 && partitions.iter().all(moved) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        while admin
            .list_partition_reassignments(None)
            .await
            .unwrap()
            .iter()
            .any(|(at, _)| *at.topic == *name)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let moved = format!("Replicas: {to}\t");
    let arguments = ["--describe", "--topic", &name];
    kafka.shows("topics", &arguments, &[(&moved, 2)]);
    let elected = admin.elect_leaders(ElectionType::Preferred, [at(0), at(9)]);
    for (partition, elected) in within("electing", elected).await.unwrap() {
        let expected = match partition.partition {
            0 => ErrorCode::ElectionNotNeeded,
            _ => ErrorCode::UnknownTopicOrPartition,
        };
        assert_eq!(code(&elected), expected, "{partition}");
    }
}

pub(crate) async fn a_created_topic_is_told_as_java_sees_it_and_is_known_by_its_id(kafka: &Kafka) {
    let admin = kafka.admin().await;
    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let first = brokers[0].id;
    let name = unique("admin");
    let new = || {
        let new = NewTopic::new(&name).assignments(vec![vec![first], vec![first]]);
        new.config("retention.ms", "86400000")
    };
    let validated = within("validating", admin.validate_create_topics([new()]));
    let validated = only(validated.await.unwrap()).unwrap();
    assert_eq!(validated.partitions, Some(2));
    let before = within("describing", admin.describe_topics([&name]));
    let before = only(before.await.unwrap());
    assert_eq!(code(&before), ErrorCode::UnknownTopicOrPartition);

    let created = within("creating", admin.create_topics([new()]));
    let created = only(created.await.unwrap()).unwrap();
    let size = (created.partitions, created.replication_factor);
    assert_eq!(size, (Some(2), Some(1)));
    let configs = created.configs.unwrap();
    let retention = configs.iter().find(|entry| entry.name == "retention.ms");
    assert_eq!(retention.unwrap().value.as_deref(), Some("86400000"));

    let id = created.id;
    let eligible = admin.with_eligible_leaders().with_authorized_operations();
    known_everywhere(&admin, &name).await;
    let by_name = within("describing", eligible.describe_topics([&name]));
    let by_name = only(by_name.await.unwrap()).unwrap();
    let operations = by_name.authorized_operations.as_ref().unwrap();
    assert!(operations.contains(&AclOperation::Delete), "{operations:?}");
    let by_id = within("describing", admin.describe_topics_by_id([id]));
    let by_id = only(by_id.await.unwrap()).unwrap();
    assert_eq!((by_id.id, &by_id.name), (id, &name));
    for (one, other) in by_id.partitions.iter().zip(&by_name.partitions) {
        assert_eq!(one.eligible_leaders, None);
        let without = PartitionDescription {
            eligible_leaders: None,
            last_known_eligible_leaders: None,
            ..other.clone()
        };
        assert_eq!(*one, without);
    }
    // The feature eligible.leader.replicas.version may be switched off: nobody is eligible then.
    let elr = match &by_name.partitions[0].eligible_leaders {
        Some(eligible) => eligible.len().to_string(),
        None => "-1".to_owned(),
    };
    let seen = format!("{name} {id} [0@{first}[{first}]elr{elr}, 1@{first}[{first}]elr{elr}]");
    let by_id = seen.replace(&format!("elr{elr}"), "elr-1");
    let questions = (format!("topic {name}"), format!("topic-id {id}"));
    kafka.java_sees(&[(&questions.0, &seen), (&questions.1, &by_id)]);

    let deleted = within("deleting", admin.delete_topics_by_id([id]));
    only(deleted.await.unwrap()).unwrap();
    let deleted = within("deleting", admin.delete_topics_by_id([id]));
    let refused = only(deleted.await.unwrap());
    assert_eq!(code(&refused), ErrorCode::UnknownTopicId);
    becomes("no topic", ErrorCode::UnknownTopicId, async || {
        let described = within("describing", admin.describe_topics_by_id([id]));
        code(&only(described.await.unwrap()))
    })
    .await;
}

pub(crate) async fn many_topics_are_described_page_by_page_as_in_one_go(kafka: &Kafka) {
    let admin = kafka.admin().await;
    let prefix = unique("pages");
    let names: Vec<String> = (0..3).map(|n| format!("{prefix}-{n}")).collect();
    let new = names.iter().map(|name| NewTopic::new(name).partitions(900));
    let created = within("creating", admin.create_topics(new)).await.unwrap();
    for (topic, created) in created {
        assert!(created.is_ok(), "{topic}: {created:?}");
    }
    let asked = [&names[2], &prefix, &names[0], &names[1]];
    let partitions = |described: Vec<(String, Result<TopicDescription, Error>)>| {
        let count = |(name, topic): (String, Result<TopicDescription, Error>)| {
            (name, topic.ok().map(|topic| topic.partitions.len()))
        };
        described.into_iter().map(count).collect::<Vec<_>>()
    };
    let expected: Vec<_> = asked
        .iter()
        .map(|name| ((*name).clone(), (*name != &prefix).then_some(900)))
        .collect();
    for admin in [admin.clone(), admin.with_eligible_leaders()] {
        becomes("the descriptions", expected.clone(), async || {
            let described = within("describing", admin.describe_topics(asked));
            partitions(described.await.unwrap())
        })
        .await;
    }
    let deleted = within("deleting", admin.delete_topics(&names)).await;
    assert!(deleted.unwrap().iter().all(|(_, deleted)| deleted.is_ok()));
}
