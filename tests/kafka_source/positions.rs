//! Where partitions begin.

use kafka_client::TopicPartition;
use kafka_client::admin::{NewPartitions, NewTopic};
use kafka_client::producer::Record;
use stream_engine::Time;
use stream_engine::kafka::{KafkaSource, StartingOffsets};
use tests::kafka::{WAIT, unique};

use crate::program::{admin, at, create, producer, refused, run, settings, source, write};

pub(crate) async fn where_a_program_begins_is_where_it_was_told_to(servers: &str) {
    let topic = unique("begin");
    create(servers, NewTopic::new(&topic).partitions(2)).await;
    let producer = producer(servers).await;
    for (partition, value, time) in [
        (0, "a", 1000),
        (0, "b", 2000),
        (0, "c", 3000),
        (1, "d", 1500),
    ] {
        let record = Record::to(&topic)
            .partition(partition)
            .value(value)
            .timestamp(time);
        producer.send(record).await.unwrap().await.unwrap();
    }
    producer.close(WAIT).await.unwrap();
    let explicit =
        |offset, otherwise| StartingOffsets::explicit([(at(&topic, 0), offset)], otherwise);
    let cases: [(StartingOffsets, &[&str]); 7] = [
        (StartingOffsets::Earliest, &["a", "b", "c", "d", "e"]),
        (StartingOffsets::Latest, &["e"]),
        (
            StartingOffsets::Timestamp(Time::from_millis(1500)),
            &["b", "c", "d", "e"],
        ),
        (
            StartingOffsets::Timestamp(Time::from_millis(2500)),
            &["c", "e"],
        ),
        (explicit(2, StartingOffsets::Earliest), &["c", "d", "e"]),
        (explicit(3, StartingOffsets::Latest), &["e"]),
        (
            explicit(1, explicit(0, StartingOffsets::Latest)),
            &["b", "c", "e"],
        ),
    ];
    let mut programs: Vec<_> = cases
        .iter()
        .map(|(starting, _)| {
            let source = source(servers, &topic, &unique("group"));
            run(source.starting_offsets(starting.clone()))
        })
        .collect();
    write(servers, &topic, 1, &["e"]).await;
    for (program, (starting, expected)) in programs.iter_mut().zip(&cases) {
        let seen = program.records(expected.len()).await;
        assert_eq!(&seen.values(), expected, "{starting:?}");
    }
}

pub(crate) async fn explicit_offsets_that_cannot_be_are_refused_at_the_start(servers: &str) {
    let topic = unique("explicit");
    create(servers, NewTopic::new(&topic).partitions(1)).await;
    let end = write(servers, &topic, 0, &["a", "b"]).await;
    let refused = |partition: TopicPartition, offset| {
        let explicit = StartingOffsets::explicit([(partition, offset)], StartingOffsets::Earliest);
        let source = source(servers, &topic, &unique("group"));
        refused(source.starting_offsets(explicit))
    };
    let error = refused(at(&topic, 0), end + 1);
    let expected = format!(
        "offset {} of {topic}-0 is beyond the end (the log has 0..{end})",
        end + 1
    );
    assert!(error.contains(&expected), "{error}");
    let error = refused(at(&topic, 0), -5);
    assert!(
        error.contains("starting_offsets") && error.contains("-5"),
        "{error}"
    );
    let error = refused(at(&topic, 1), 0);
    assert!(
        error.contains(&format!("{topic}-1, which the source does not read")),
        "{error}"
    );
}

pub(crate) async fn without_committed_offsets_a_program_that_asks_for_them_does_not_start(
    servers: &str,
) {
    let (topic, group) = (unique("committed"), unique("group"));
    create(servers, NewTopic::new(&topic).partitions(1)).await;
    write(servers, &topic, 0, &["a"]).await;
    let asks = || source(servers, &topic, &group).starting_offsets(StartingOffsets::Committed);
    let error = refused(asks());
    let expected = format!("group \"{group}\" has committed no offset for {topic}-0");
    assert!(error.contains(&expected), "{error}");

    let mut first = run(source(servers, &topic, &group));
    first.records(1).await;
    first.stop().await;
    let mut second = run(asks());
    write(servers, &topic, 0, &["b"]).await;
    assert_eq!(second.records(1).await.values(), ["b"]);
    second.stop().await;
}

pub(crate) async fn what_is_written_while_a_program_is_down_is_not_passed_over(servers: &str) {
    let (topic, group) = (unique("down"), unique("group"));
    create(servers, NewTopic::new(&topic).partitions(2)).await;
    write(servers, &topic, 1, &["old"]).await;
    let latest = || source(servers, &topic, &group).starting_offsets(StartingOffsets::Latest);
    let mut first = run(latest());
    write(servers, &topic, 0, &["a"]).await;
    assert_eq!(first.records(1).await.values(), ["a"]);
    first.stop().await;
    // Partition 1 has given no record to any batch yet.
    write(servers, &topic, 1, &["b"]).await;
    let mut second = run(latest());
    assert_eq!(second.records(1).await.values(), ["b"]);
    second.stop().await;
}

pub(crate) async fn a_partition_added_while_a_program_is_down_is_read_from_its_beginning(
    servers: &str,
) {
    let (topic, group) = (unique("grows"), unique("group"));
    create(servers, NewTopic::new(&topic).partitions(1)).await;
    let latest = || source(servers, &topic, &group).starting_offsets(StartingOffsets::Latest);
    let mut first = run(latest());
    write(servers, &topic, 0, &["a"]).await;
    first.records(1).await;
    first.stop().await;
    let grown = [(topic.as_str(), NewPartitions::increase_to(2))];
    for (_, result) in admin(servers).await.create_partitions(grown).await.unwrap() {
        result.unwrap();
    }
    write(servers, &topic, 1, &["b"]).await;
    let mut second = run(latest());
    assert_eq!(second.records(1).await.values(), ["b"]);
    second.stop().await;
}

pub(crate) async fn only_assigned_partitions_are_read(servers: &str) {
    let topic = unique("assigned");
    create(servers, NewTopic::new(&topic).partitions(3)).await;
    write(servers, &topic, 0, &["zero"]).await;
    write(servers, &topic, 2, &["two"]).await;
    write(servers, &topic, 1, &["one"]).await;
    let assigned = KafkaSource::assign([at(&topic, 1), at(&topic, 2)]);
    let mut program = run(settings(assigned, servers));
    let seen = program.records(2).await;
    assert_eq!(seen.values(), ["one", "two"]);
    let read: Vec<_> = seen.batches[0]
        .0
        .iter()
        .map(|range| range.partition.partition)
        .collect();
    assert_eq!(read, [1, 2]);
    program.stop().await;
}

pub(crate) async fn partitions_and_topics_that_are_not_there_are_named_at_the_start(servers: &str) {
    let (topic, nowhere) = (unique("there"), unique("nowhere"));
    create(servers, NewTopic::new(&topic).partitions(2)).await;
    let error = refused(settings(KafkaSource::assign([at(&topic, 2)]), servers));
    assert!(
        error.contains(&format!(
            "topic \"{topic}\" has no partition 2 (it has 0..=1)"
        )),
        "{error}"
    );
    for source in [
        KafkaSource::assign([at(&nowhere, 0)]),
        KafkaSource::subscribe([&topic, &nowhere]),
    ] {
        let error = refused(settings(source, servers));
        assert!(
            error.contains(&format!("topic \"{nowhere}\" does not exist")),
            "{error}"
        );
    }
    let error = refused(settings(KafkaSource::subscribe_pattern("a)|(b"), servers));
    assert!(
        error.contains("pattern of topics \"a)|(b\"") && error.contains("kafka_direct_stream"),
        "{error}"
    );
}
