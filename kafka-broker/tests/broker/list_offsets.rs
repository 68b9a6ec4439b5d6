use kafka_proto::compression::Compression;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsTopic,
};
use kafka_proto::messages::*;
use kafka_proto::records::Seal;

use crate::connection::{Connection, batch_at, broker};

async fn look_up(
    connection: &mut Connection,
    partition: ListOffsetsPartition,
    version: i16,
) -> ListOffsetsPartitionResponse {
    let topic = ListOffsetsTopic {
        name: "t".into(),
        partitions: vec![partition],
        ..Default::default()
    };
    let request = ListOffsetsRequest {
        replica_id: -1,
        topics: vec![topic],
        ..Default::default()
    };
    connection.call(&request, version).await.topics[0].partitions[0].clone()
}

fn at(timestamp: i64) -> ListOffsetsPartition {
    ListOffsetsPartition {
        timestamp,
        ..Default::default()
    }
}

#[tokio::test]
async fn offsets_are_found_by_timestamp() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    for special in [-1, -2, -4] {
        assert_eq!(
            look_up(&mut connection, at(special), 8).await.offset,
            0,
            "{special} of an empty partition"
        );
    }
    for none in [-3, 0, 100] {
        let found = look_up(&mut connection, at(none), 8).await;
        assert_eq!(
            (found.error_code, found.offset, found.timestamp),
            (0, -1, -1),
            "{none} of an empty partition"
        );
    }
    let zstd = Seal {
        codec: Compression::Zstd.into(),
        ..Seal::default()
    };
    connection
        .produce(
            "t",
            0,
            batch_at(&[("a", 100), ("b", 300), ("c", 200)], &Seal::default()),
        )
        .await;
    connection
        .produce(
            "t",
            0,
            batch_at(&[("d", 150), ("e", 400), ("f", 400)], &zstd),
        )
        .await;
    connection
        .produce("t", 0, batch_at(&[("g", 50)], &Seal::default()))
        .await;
    for (timestamp, offset, found_timestamp) in [
        (-1, 7, -1),
        (-2, 0, -1),
        (-3, 4, 400),
        (-4, 0, -1),
        (-5, -1, -1),
        (0, 0, 100),
        (100, 0, 100),
        (101, 1, 300),
        (301, 4, 400),
        (400, 4, 400),
        (401, -1, -1),
    ] {
        let found = look_up(&mut connection, at(timestamp), 9).await;
        let expected = (0, offset, found_timestamp, if offset < 0 { -1 } else { 0 });
        assert_eq!(
            (
                found.error_code,
                found.offset,
                found.timestamp,
                found.leader_epoch
            ),
            expected,
            "{timestamp}"
        );
    }
}

#[tokio::test]
async fn what_a_version_does_not_know_it_refuses() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    for (timestamp, version, known) in [
        (-3, 6, false),
        (-3, 7, true),
        (-4, 7, false),
        (-4, 8, true),
        (-5, 8, false),
        (-5, 9, true),
        (-6, 11, true),
        (-7, 11, false),
    ] {
        let error = look_up(&mut connection, at(timestamp), version)
            .await
            .error_code;
        let expected = if known {
            ErrorCode::None
        } else {
            ErrorCode::UnsupportedVersion
        };
        assert_eq!(
            ErrorCode::from(error),
            expected,
            "{timestamp} in version {version}"
        );
    }
    let stale = ListOffsetsPartition {
        current_leader_epoch: 5,
        ..at(-1)
    };
    let error = look_up(&mut connection, stale, 4).await.error_code;
    assert_eq!(ErrorCode::from(error), ErrorCode::UnknownLeaderEpoch);
    let missing = ListOffsetsPartition {
        partition_index: 1,
        ..at(-1)
    };
    let error = look_up(&mut connection, missing, 1).await.error_code;
    assert_eq!(ErrorCode::from(error), ErrorCode::UnknownTopicOrPartition);
}
