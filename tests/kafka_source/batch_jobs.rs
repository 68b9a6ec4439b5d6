//! Ranges of offsets as RDDs, without a stream.

use kafka_client::admin::{NewTopic, RecordsToDelete};
use kafka_client::producer::{Producer, Record};
use stream_engine::kafka::{KafkaSource, OffsetRange};
use stream_engine::{RddContext, Time};
use tests::kafka::{WAIT, unique};

use crate::gaps::transactional;
use crate::program::{admin, at, create, producer, settings, source, write};

fn range(topic: &str, partition: i32, from: i64, until: i64) -> OffsetRange {
    OffsetRange {
        partition: at(topic, partition),
        from,
        until,
    }
}

/// The values of each partition.
fn read(source: &KafkaSource, ranges: Vec<OffsetRange>) -> Vec<Vec<String>> {
    let rdd = RddContext::new(2)
        .unwrap()
        .kafka_rdd(source, ranges)
        .unwrap();
    let values = rdd.map(|record| record.value_utf8_lossy().into_owned());
    values.glom().collect().unwrap()
}

pub(crate) async fn a_batch_job_reads_its_ranges_and_again_with_each_action(servers: &str) {
    let topic = unique("job");
    create(servers, NewTopic::new(&topic).partitions(3)).await;
    write(servers, &topic, 0, &["a", "b", "c", "d"]).await;
    write(servers, &topic, 1, &["e"]).await;
    let source = source(servers, &topic, &unique("group"));
    let ranges = vec![
        range(&topic, 0, 1, 3),
        range(&topic, 1, 0, 1),
        range(&topic, 2, 0, 0),
        range(&topic, 0, 2, 4),
    ];
    let context = RddContext::new(2).unwrap();
    let rdd = context.kafka_rdd(&source, ranges.clone()).unwrap();
    assert_eq!(
        (rdd.num_partitions(), &*rdd.offset_ranges().unwrap()),
        (4, &*ranges)
    );
    assert_eq!((rdd.count().unwrap(), rdd.count().unwrap()), (5, 5));
    let values = rdd.map(|record| record.value_utf8_lossy().into_owned());
    assert_eq!(
        values.glom().collect().unwrap(),
        [vec!["b", "c"], vec!["e"], vec![], vec!["c", "d"]]
    );
    assert_eq!(values.take(1).unwrap(), ["b"]);

    let all = source.offset_ranges().unwrap();
    assert_eq!(
        all,
        [
            range(&topic, 0, 0, 4),
            range(&topic, 1, 0, 1),
            range(&topic, 2, 0, 0)
        ]
    );
    assert_eq!(context.kafka_rdd(&source, all).unwrap().count().unwrap(), 5);
    assert_eq!(context.kafka_rdd(&source, []).unwrap().count().unwrap(), 0);
    let one = settings(KafkaSource::assign([at(&topic, 1)]), servers);
    assert_eq!(one.offset_ranges().unwrap(), [range(&topic, 1, 0, 1)]);
}

pub(crate) async fn ranges_by_time_have_what_was_written_then(servers: &str) {
    let topic = unique("times");
    create(servers, NewTopic::new(&topic).partitions(2)).await;
    let producer = producer(servers).await;
    for time in 1..=5 {
        let record = Record::to(&topic)
            .partition(0)
            .value("v")
            .timestamp(time * 1000);
        producer.send(record).await.unwrap().await.unwrap();
    }
    producer.close(WAIT).await.unwrap();
    let source = source(servers, &topic, &unique("group"));
    let between = |from, until| {
        let (from, until) = (Time::from_millis(from), Time::from_millis(until));
        source.offset_ranges_between(from, until)
    };
    for (from, until, first, last) in [
        (2000, 4000, 1, 3),
        (0, 1000, 0, 0),
        (2500, 9000, 2, 5),
        (6000, 9000, 5, 5),
    ] {
        let expected = [range(&topic, 0, first, last), range(&topic, 1, 0, 0)];
        assert_eq!(between(from, until).unwrap(), expected, "{from}..{until}");
    }
    let error = between(5, 4).unwrap_err().to_string();
    assert!(error.contains("from 5 ms is after until 4 ms"), "{error}");
}

pub(crate) async fn a_batch_job_reads_past_the_marks_of_transactions(servers: &str) {
    let topic = unique("transactions");
    create(servers, NewTopic::new(&topic).partitions(1)).await;
    let (producer, open) = transactional(servers, &topic).await;
    let all = source(servers, &topic, &unique("group"));
    let committed = all.clone().property("isolation.level", "read_committed");
    assert_eq!(
        committed.offset_ranges().unwrap(),
        [range(&topic, 0, 0, open)]
    );
    assert_eq!(
        read(&committed, committed.offset_ranges().unwrap()),
        [["a", "b", "c"]]
    );
    // Of markers alone, of what was aborted, of a marker at either end.
    for (from, until, expected) in [
        (2, 3, &[][..]),
        (3, 6, &[]),
        (2, 7, &["c"]),
        (1, 6, &["b"]),
        (7, 8, &[]),
    ] {
        assert_eq!(
            read(&committed, vec![range(&topic, 0, from, until)]),
            [expected],
            "{from}..{until}"
        );
    }
    let values = [["a", "b", "x", "y", "c", "open"]];
    assert_eq!(read(&all, all.offset_ranges().unwrap()), values);
    let beyond = RddContext::new(1)
        .unwrap()
        .kafka_rdd(&committed, [range(&topic, 0, 0, open + 1)]);
    let error = beyond.unwrap_err().to_string();
    assert!(
        error.contains("ends beyond the end, the log has 0..8"),
        "{error}"
    );
    producer.abort_transaction().await.unwrap();
    producer.close(WAIT).await.unwrap();
}

pub(crate) async fn a_range_that_cannot_be_read_is_named(servers: &str) {
    let (topic, nowhere) = (unique("ranges"), unique("nowhere"));
    create(servers, NewTopic::new(&topic).partitions(1)).await;
    write(servers, &topic, 0, &["a", "b", "c", "d"]).await;
    let (source, context) = (
        source(servers, &topic, &unique("group")),
        RddContext::new(1).unwrap(),
    );
    let ranges = [range(&topic, 0, 0, 2), range(&topic, 0, 1, 4)];
    let rdd = context.kafka_rdd(&source, ranges).unwrap();
    assert_eq!(rdd.count().unwrap(), 5);
    let deleted = [(at(&topic, 0), RecordsToDelete::Before(1))];
    for (_, result) in admin(servers).await.delete_records(deleted).await.unwrap() {
        result.unwrap();
    }
    let cases = [
        (
            range(&topic, 0, 0, 2),
            "1 of its offsets are gone, the log has 1..4: begin at 1",
        ),
        (
            range(&topic, 0, 2, 5),
            "it ends beyond the end, the log has 1..4: end at 4",
        ),
        (range(&topic, 0, 3, 2), "ends before it begins"),
        (range(&topic, 0, -1, 2), "begins before 0"),
        (range(&topic, 1, 0, 2), "has no partition 1 (it has 1)"),
        (range(&nowhere, 0, 0, 2), "does not exist"),
    ];
    for (wrong, expected) in cases {
        let fine = range(&topic, 0, 1, 2);
        let error = context
            .kafka_rdd(&source, [fine, wrong.clone()])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&format!("range {wrong}: ")) && error.contains(expected),
            "{error}"
        );
    }
    // The range has gone since the RDD was made.
    let error = rdd.count().unwrap_err().to_string();
    assert!(
        error.contains(&format!("range {topic}-0: 0..2: 1 of its offsets are gone")),
        "{error}"
    );
}

pub(crate) async fn a_batch_job_reads_more_than_memory_may_have(servers: &str) {
    let topic = unique("large");
    create(servers, NewTopic::new(&topic).partitions(2)).await;
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        .build()
        .await
        .unwrap();
    let value = vec![b'x'; 10_000];
    // 40 MB, of which a partition may have 8 MB in memory.
    for n in 0..4000 {
        drop(
            producer
                .send(Record::to(&topic).partition(n % 2).value(&value))
                .await
                .unwrap(),
        );
    }
    producer.flush().await.unwrap();
    producer.close(WAIT).await.unwrap();
    let source = source(servers, &topic, &unique("group"));
    let rdd = RddContext::new(2)
        .unwrap()
        .kafka_rdd(&source, source.offset_ranges().unwrap())
        .unwrap();
    let bytes = rdd.map(|record| record.value().map_or(0, <[u8]>::len) as u64);
    assert_eq!(bytes.reduce(|a, b| a + b).unwrap(), Some(40_000_000));
    assert_eq!(rdd.count().unwrap(), 4000);
}
