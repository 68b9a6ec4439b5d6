//! Topics and partitions that come and go while they are read.

use kafka_client::admin::{NewPartitions, NewTopic};
use stream_engine::kafka::{KafkaSource, StartingOffsets};
use stream_engine::{LossReason, Trigger};
use tests::kafka::unique;

use crate::program::{Program, admin, at, create, delete, run, settings, source, write};

pub(crate) async fn partitions_added_while_running_are_read_from_their_beginning(servers: &str) {
    let (topic, group) = (unique("grows"), unique("group"));
    create(servers, NewTopic::new(&topic).partitions(1)).await;
    let latest = source(servers, &topic, &group).starting_offsets(StartingOffsets::Latest);
    let mut program = run(latest);
    write(servers, &topic, 0, &["a"]).await;
    program.records(1).await;
    let grown = [(topic.as_str(), NewPartitions::increase_to(3))];
    for (_, result) in admin(servers).await.create_partitions(grown).await.unwrap() {
        result.unwrap();
    }
    for partition in 0..3 {
        write(servers, &topic, partition, &["b", "c"]).await;
    }
    let seen = program.records(7).await;
    assert_eq!(seen.values(), ["a", "b", "b", "b", "c", "c", "c"]);
    let mut added: Vec<_> = seen
        .changed
        .iter()
        .flat_map(|changed| changed.added.clone())
        .collect();
    added.sort();
    assert_eq!(added, [(at(&topic, 1), 0), (at(&topic, 2), 0)]);
    assert!(
        seen.changed
            .iter()
            .all(|changed| changed.removed.is_empty())
    );
    program.stop().await;
}

pub(crate) async fn a_topic_that_comes_to_match_a_pattern_is_read_from_its_beginning(
    servers: &str,
) {
    let prefix = unique("pattern");
    let matching = [format!("{prefix}-a"), format!("{prefix}-b")];
    let pattern =
        KafkaSource::subscribe_pattern(format!("{prefix}-[ab]")).group_id(unique("group"));
    // There is none at first.
    let mut program = run(settings(pattern, servers).starting_offsets(StartingOffsets::Latest));
    for topic in &matching {
        create(servers, NewTopic::new(topic).partitions(1)).await;
        write(servers, topic, 0, &["x"]).await;
    }
    create(servers, NewTopic::new(format!("{prefix}-c")).partitions(1)).await;
    write(servers, &format!("{prefix}-c"), 0, &["not wanted"]).await;
    write(servers, &matching[1], 0, &["y"]).await;
    let seen = program.records(3).await;
    assert_eq!(seen.values(), ["x", "x", "y"]);
    let added: Vec<_> = seen
        .changed
        .iter()
        .flat_map(|changed| changed.added.clone())
        .collect();
    assert_eq!(added, [(at(&matching[0], 0), 0), (at(&matching[1], 0), 0)]);
    program.stop().await;
}

pub(crate) async fn a_deleted_topic_ends_the_program_that_names_it(servers: &str) {
    let (topic, kept) = (unique("goes"), unique("stays"));
    for topic in [&topic, &kept] {
        create(servers, NewTopic::new(topic).partitions(2)).await;
        write(servers, topic, 0, &["a"]).await;
    }
    let both = KafkaSource::subscribe([&topic, &kept]).group_id(unique("group"));
    let mut program = run(settings(both, servers));
    program.records(2).await;
    delete(servers, &topic).await;
    let error = program.failure().await;
    assert!(
        error.contains(&format!("topic \"{topic}\" was deleted while it was read")),
        "{error}"
    );
}

pub(crate) async fn a_deleted_topic_is_dropped_from_a_pattern(servers: &str) {
    let prefix = unique("pattern");
    let topics = [format!("{prefix}-goes"), format!("{prefix}-stays")];
    for topic in &topics {
        create(servers, NewTopic::new(topic).partitions(2)).await;
        write(servers, topic, 1, &["a"]).await;
    }
    let pattern = KafkaSource::subscribe_pattern(format!("{prefix}-.*")).group_id(unique("group"));
    let mut program = Program::start(settings(pattern, servers), Trigger::Interval).unwrap();
    program.records(2).await;
    delete(servers, &topics[0]).await;
    let gone = [at(&topics[0], 0), at(&topics[0], 1)];
    let seen = program
        .until("event of removed partitions", |seen| {
            !seen.changed.is_empty()
        })
        .await;
    assert_eq!(seen.changed[0].removed, gone);
    assert!(seen.changed[0].added.is_empty());
    write(servers, &topics[1], 0, &["b"]).await;
    let seen = program.records(3).await;
    assert_eq!(seen.values(), ["a", "a", "b"]);
    let (last, _) = seen.batches.last().unwrap();
    assert!(
        last.iter()
            .all(|range| *range.partition.topic == *topics[1]),
        "{last:?}"
    );
    program.stop().await;
}

pub(crate) async fn a_topic_that_is_made_anew_goes_on_under_a_pattern(servers: &str) {
    let topic = unique("anew");
    create(servers, NewTopic::new(&topic).partitions(1)).await;
    write(servers, &topic, 0, &["a", "b", "c"]).await;
    let pattern = KafkaSource::subscribe_pattern(topic.clone()).group_id(unique("group"));
    let mut program = run(settings(pattern, servers));
    program.records(3).await;
    delete(servers, &topic).await;
    create_again(servers, &topic).await;
    write(servers, &topic, 0, &["d", "e"]).await;
    let seen = program.records(5).await;
    assert_eq!(seen.values(), ["a", "b", "c", "d", "e"]);
    // It was noticed as one topic in the place of another, or as one that went and one that came.
    let noticed = seen
        .lost
        .iter()
        .any(|lost| lost.reason == LossReason::Recreated && lost.wanted == 3)
        || seen
            .changed
            .iter()
            .any(|changed| changed.removed == [at(&topic, 0)]);
    assert!(noticed, "{:?} {:?}", seen.lost, seen.changed);
    assert_eq!(
        seen.records
            .iter()
            .rev()
            .map(|(_, offset, _)| *offset)
            .take(2)
            .collect::<Vec<_>>(),
        [1, 0]
    );
    program.stop().await;
}

/// Creates a topic of which the name is in use until it has been deleted everywhere.
async fn create_again(servers: &str, topic: &str) {
    let admin = admin(servers).await;
    let created = tokio::time::timeout(tests::kafka::WAIT, async {
        loop {
            let created = admin
                .create_topics([NewTopic::new(topic).partitions(1)])
                .await
                .unwrap();
            if created.iter().all(|(_, result)| result.is_ok()) {
                return;
            }
        }
    });
    created
        .await
        .expect("the name of a deleted topic to be free again");
}
