//! Records that are gone before they were read.

use kafka_client::TopicPartition;
use kafka_client::admin::{NewTopic, RecordsToDelete};
use stream_engine::LossReason;
use stream_engine::kafka::{OutOfRange, StartingOffsets};
use tests::kafka::unique;

use crate::program::{admin, at, create, refused, run, source, write};

async fn delete_before(servers: &str, partition: &TopicPartition, offset: i64) {
    let deleted = [(partition.clone(), RecordsToDelete::Before(offset))];
    for (_, result) in admin(servers).await.delete_records(deleted).await.unwrap() {
        assert_eq!(result.unwrap(), offset);
    }
}

pub(crate) async fn what_retention_took_before_the_start_is_told(servers: &str) {
    let topic = unique("gone");
    let partition = at(&topic, 0);
    create(servers, NewTopic::new(&topic).partitions(1)).await;
    write(servers, &topic, 0, &["a", "b", "c", "d", "e"]).await;
    delete_before(servers, &partition, 3).await;
    let from_1 = || {
        let explicit = StartingOffsets::explicit([(partition.clone(), 1)], StartingOffsets::Latest);
        source(servers, &topic, &unique("group")).starting_offsets(explicit)
    };
    let error = refused(from_1());
    let expected =
        format!("offset 1 of {topic}-0 is gone, and 2 offsets are lost (the log has 3..5)");
    assert!(error.contains(&expected), "{error}");

    let cases = [
        (OutOfRange::Earliest, &["d", "e", "f"][..]),
        (OutOfRange::Latest, &["f"]),
    ];
    for (end, (policy, expected)) in (5..).zip(cases) {
        let mut program = run(from_1().on_out_of_range(policy));
        write(servers, &topic, 0, &["f"]).await;
        let seen = program.records(expected.len()).await;
        assert_eq!(seen.values(), expected, "{policy:?}");
        let [lost] = &seen.lost[..] else {
            panic!("{:?}", seen.lost)
        };
        let resumed = if policy == OutOfRange::Latest { end } else { 3 };
        assert_eq!(
            (&lost.partition, lost.reason),
            (&partition, LossReason::OutOfRange)
        );
        assert_eq!((lost.wanted, lost.resumed_at), (1, resumed));
        assert_eq!(lost.count(), resumed as u64 - 1);
        assert_eq!((lost.log_start, lost.log_end), (3, end));
        program.stop().await;
    }
}

pub(crate) async fn what_retention_takes_from_a_reader_is_told(servers: &str) {
    for policy in [OutOfRange::Fail, OutOfRange::Earliest] {
        let topic = unique("overtaken");
        let partition = at(&topic, 0);
        create(servers, NewTopic::new(&topic).partitions(1)).await;
        let value = "x".repeat(100_000);
        let many: Vec<&str> = (0..60).map(|_| value.as_str()).collect();
        let end = write(servers, &topic, 0, &many).await;
        // A slow reader: what is read ahead are a few of the records, and batches take one every so often.
        let slow = source(servers, &topic, &unique("group"))
            .max_batch_bytes(1)
            .max_rate_per_partition(10)
            .property("max.partition.fetch.bytes", "100000")
            .property("fetch.max.bytes", "100000")
            .on_out_of_range(policy);
        let mut program = run(slow);
        program.records(2).await;
        delete_before(servers, &partition, end).await;
        write(servers, &topic, 0, &["last"]).await;
        if policy == OutOfRange::Fail {
            let error = program.failure().await;
            let what = format!("of {topic}-0 is gone, and ");
            let log = format!("offsets are lost (the log has {end}..");
            assert!(error.contains(&what) && error.contains(&log), "{error}");
            continue;
        }
        let seen = program
            .until("last record", |seen| {
                seen.records.iter().any(|(_, _, value)| value == "last")
            })
            .await;
        let [lost] = &seen.lost[..] else {
            panic!("{:?}", seen.lost)
        };
        assert_eq!(
            (&lost.partition, lost.log_start, lost.resumed_at),
            (&partition, end, end)
        );
        // Everything before the loss was read, nothing twice, and no range has the loss in it.
        let offsets: Vec<i64> = seen.records.iter().map(|(_, offset, _)| *offset).collect();
        let expected: Vec<i64> = (0..lost.wanted).chain([end]).collect();
        assert_eq!(offsets, expected);
        assert_eq!(lost.count(), (end - lost.wanted) as u64);
        let offsets: u64 = seen
            .batches
            .iter()
            .flat_map(|(ranges, _)| ranges.iter())
            .map(|range| range.count())
            .sum();
        assert_eq!(offsets, expected.len() as u64);
        program.stop().await;
    }
}
