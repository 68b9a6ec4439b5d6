//! Records and the log directories that they lie in.

use crate::*;

pub(crate) async fn records_that_were_deleted_are_gone_and_log_directories_tell_the_rest(
    kafka: &Kafka,
) {
    let admin = kafka.admin().await;
    let name = topic(&admin, 3).await;
    let at = |number| TopicPartition::new(&*name, number);
    let producer = Producer::builder()
        .bootstrap_servers(&kafka.servers)
        .build();
    let producer = within("a producer", producer).await.unwrap();
    let records = (0..30).map(|n| Record::to(&name).partition(n % 3).value(b"value"));
    within("sending", producer.send_all(records)).await.unwrap();
    within("the flush", producer.flush()).await.unwrap();

    let deleted = admin.delete_records([
        (at(0), RecordsToDelete::Before(4)),
        (at(1), RecordsToDelete::All),
        (at(2), RecordsToDelete::Before(11)),
        (at(3), RecordsToDelete::All),
    ]);
    for (partition, begin) in within("deleting", deleted).await.unwrap() {
        match partition.partition {
            0 => assert_eq!(begin.unwrap(), 4),
            1 => assert_eq!(begin.unwrap(), 10),
            2 => assert_eq!(code(&begin), ErrorCode::OffsetOutOfRange),
            _ => assert!(matches!(begin, Err(Error::NoSuchPartition { .. }))),
        }
    }
    let earliest = [0, 1, 2].map(|number| (at(number), OffsetSpec::Earliest));
    let earliest = within("offsets", admin.list_offsets(earliest))
        .await
        .unwrap();
    let begins: Vec<i64> = earliest
        .into_iter()
        .map(|(_, found)| found.unwrap().unwrap().offset)
        .collect();
    assert_eq!(begins, [4, 10, 0]);

    let brokers = within("brokers", admin.brokers()).await.unwrap();
    let ids = brokers.iter().map(|broker| broker.id).chain([4711]);
    let described = within("log directories", admin.describe_log_dirs(ids));
    let described = described.await.unwrap();
    assert_eq!(described.len(), brokers.len() + 1);
    let mut found = 0;
    for (broker, directories) in described {
        if broker == 4711 {
            assert_eq!(code(&directories), ErrorCode::BrokerNotAvailable);
            continue;
        }
        for directory in directories.unwrap() {
            // The embedded broker has no disk.
            assert_eq!(directory.total_bytes.is_some(), kafka.is_looked_at);
            let replicas = directory.replicas.unwrap();
            let ours = replicas
                .iter()
                .filter(|replica| *replica.partition.topic == *name);
            for replica in ours {
                // One partition has no record left.
                assert!(replica.size > 0 || replica.partition.partition == 1);
                found += 1;
            }
        }
    }
    assert!(found >= 3, "{found} replicas");
}

pub(crate) async fn offsets_of_every_kind_are_found_each_for_itself(kafka: &Kafka) {
    let admin = kafka.admin().await;
    let name = topic(&admin, 2).await;
    let at = |number| TopicPartition::new(&*name, number);
    write(kafka, &at(0), 10).await;
    let found = |outcome: &Result<Option<ListedOffset>, Error>| {
        outcome
            .as_ref()
            .unwrap()
            .map(|found| (found.offset, found.timestamp))
    };
    let asked = [
        (at(0), OffsetSpec::Earliest),
        (at(0), OffsetSpec::Latest),
        (at(9), OffsetSpec::Latest),
        (at(0), OffsetSpec::Timestamp(1041)),
        (at(0), OffsetSpec::MaxTimestamp),
        (at(1), OffsetSpec::MaxTimestamp),
        (at(0), OffsetSpec::EarliestLocal),
        (TopicPartition::new("admin-missing", 0), OffsetSpec::Latest),
    ];
    let listed = within("offsets", admin.list_offsets(asked)).await.unwrap();
    assert_eq!(found(&listed[0].1), Some((0, -1)));
    assert_eq!(found(&listed[1].1), Some((10, -1)));
    let missing = text(&listed[2].1);
    assert!(
        missing.contains("has no partition 9 (it has 0..=1)"),
        "{missing}"
    );
    assert_eq!(found(&listed[3].1), Some((5, 1050)));
    assert_eq!(found(&listed[4].1), Some((9, 1090)));
    assert_eq!(found(&listed[5].1), None);
    assert_eq!(found(&listed[6].1), Some((0, -1)));
    assert_eq!(code(&listed[7].1), ErrorCode::UnknownTopicOrPartition);
    kafka.java_sees(&[(&format!("max-timestamp {name} 0"), "9@1090")]);
    kafka.shows(
        "get-offsets",
        &["--topic", &name],
        &[(&format!("{name}:0:10"), 1)],
    );
}
