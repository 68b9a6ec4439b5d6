use bytes::{Bytes, BytesMut};
use kafka_broker::Broker;
use kafka_proto::compression::Compression;
use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::create_topics::{CreatableTopic, CreatableTopicConfig};
use kafka_proto::messages::metadata::MetadataRequestTopic;
use kafka_proto::messages::*;
use kafka_proto::records::{RecordBatch, Seal, TimestampType};

use crate::connection::{
    Connection, batch, batch_at, broker, numbered, produce_request, records, sequenced,
};

#[tokio::test]
async fn acked_means_readable_at_the_offset_that_was_told() {
    let broker = broker().await;
    broker.create_topic("t", 2).unwrap();
    let mut connection = Connection::open(&broker).await;
    for (values, expected) in [(["a", "b"], 0), (["c", "d"], 2)] {
        let produced = connection.produce("t", 1, batch(&values)).await;
        assert_eq!(
            (
                produced.error_code,
                produced.base_offset,
                produced.log_append_time_ms
            ),
            (0, expected, -1)
        );
    }
    let fetched = connection.fetch("t", 1, 0).await;
    assert_eq!(records(&fetched), numbered(&["a", "b", "c", "d"], 0));
    assert_eq!(
        (
            fetched.high_watermark,
            fetched.last_stable_offset,
            fetched.log_start_offset
        ),
        (4, 4, 0)
    );
    assert_eq!(records(&connection.fetch("t", 0, 0).await), []);
}

#[tokio::test]
async fn every_compression_comes_back_as_it_went_in() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    for (compression, offset) in Compression::ALL.into_iter().zip(0..) {
        let seal = Seal {
            codec: compression.into(),
            ..Seal::default()
        };
        let produced = connection
            .produce("t", 0, batch_at(&[(compression.name(), 1)], &seal))
            .await;
        assert_eq!(
            (produced.error_code, produced.base_offset),
            (0, offset),
            "{compression}"
        );
    }
    let names: Vec<_> = Compression::ALL.iter().map(|c| c.name()).collect();
    assert_eq!(
        records(&connection.fetch("t", 0, 0).await),
        numbered(&names, 0)
    );
}

#[tokio::test]
async fn topics_are_named_by_id_in_new_versions() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let topic = MetadataRequestTopic {
        name: Some("t".into()),
        ..Default::default()
    };
    let metadata = MetadataRequest {
        topics: Some(vec![topic]),
        ..Default::default()
    };
    let id = connection.call(&metadata, 12).await.topics[0].topic_id;
    let mut request = produce_request("", 0, batch(&["a"]));
    request.topic_data[0].topic_id = id;
    let produced = connection.call(&request, 13).await.responses.remove(0);
    assert_eq!(
        (
            produced.topic_id,
            produced.partition_responses[0].error_code
        ),
        (id, 0)
    );
    request.topic_data[0].topic_id.0[0] ^= 1;
    let produced = connection.call(&request, 13).await.responses.remove(0);
    assert_eq!(
        ErrorCode::from(produced.partition_responses[0].error_code),
        ErrorCode::UnknownTopicId
    );
}

fn changed(at: usize, byte: u8) -> Bytes {
    let mut bytes = BytesMut::from(&batch(&["a"])[..]);
    bytes[at] = byte;
    bytes.freeze()
}

fn twice(bytes: &[u8]) -> Bytes {
    [bytes, bytes].concat().into()
}

#[tokio::test]
async fn what_is_no_proper_batch_is_refused_and_not_appended() {
    let broker = Broker::builder()
        .max_message_bytes(200)
        .start()
        .await
        .unwrap();
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let good = batch(&["a"]);
    let cut_off = good.slice(..good.len() - 1);
    let old_format = {
        let mut message = vec![0; 8];
        message.extend(14i32.to_be_bytes());
        message.extend([0; 4]); // checksum
        message.push(0); // magic
        message.extend([0; 9]);
        Bytes::from(message)
    };
    let transactional = batch_at(
        &[("a", 1)],
        &Seal {
            transactional: true,
            ..Seal::default()
        },
    );
    let control = batch_at(
        &[("a", 1)],
        &Seal {
            control: true,
            ..Seal::default()
        },
    );
    let future = batch_at(&[("a", 1_000_000_000_000_000)], &Seal::default());
    let long = batch(&["x".repeat(200).as_str()]);
    for (what, topic, partition, bytes, error) in [
        (
            "no such topic",
            "none",
            0,
            good.clone(),
            ErrorCode::UnknownTopicOrPartition,
        ),
        (
            "no such partition",
            "t",
            1,
            good.clone(),
            ErrorCode::UnknownTopicOrPartition,
        ),
        (
            "negative partition",
            "t",
            -1,
            good.clone(),
            ErrorCode::UnknownTopicOrPartition,
        ),
        (
            "checksum",
            "t",
            0,
            changed(good.len() - 1, b'!'),
            ErrorCode::CorruptMessage,
        ),
        (
            "unknown magic",
            "t",
            0,
            changed(16, 9),
            ErrorCode::CorruptMessage,
        ),
        ("old magic", "t", 0, old_format, ErrorCode::InvalidRecord),
        ("cut off", "t", 0, cut_off, ErrorCode::InvalidRecord),
        (
            "two batches",
            "t",
            0,
            twice(&good),
            ErrorCode::InvalidRecord,
        ),
        ("nothing", "t", 0, Bytes::new(), ErrorCode::InvalidRecord),
        ("no records", "t", 0, batch(&[]), ErrorCode::InvalidRecord),
        (
            "base offset",
            "t",
            0,
            changed(7, 1),
            ErrorCode::InvalidRecord,
        ),
        (
            "transaction without a producer",
            "t",
            0,
            transactional,
            ErrorCode::InvalidRecord,
        ),
        ("control", "t", 0, control, ErrorCode::InvalidRecord),
        ("in the future", "t", 0, future, ErrorCode::InvalidTimestamp),
        ("too large", "t", 0, long, ErrorCode::MessageTooLarge),
    ] {
        let refused = connection.produce(topic, partition, bytes).await;
        assert_eq!(
            (ErrorCode::from(refused.error_code), refused.base_offset),
            (error, -1),
            "{what}"
        );
    }
    assert_eq!(connection.fetch("t", 0, 0).await.high_watermark, 0);

    let zstd = batch_at(
        &[("a", 1)],
        &Seal {
            codec: Compression::Zstd.into(),
            ..Seal::default()
        },
    );
    let refused = connection.call(&produce_request("t", 0, zstd), 6).await;
    let error = refused.responses[0].partition_responses[0].error_code;
    assert_eq!(
        ErrorCode::from(error),
        ErrorCode::UnsupportedCompressionType,
        "version 6 has no zstd"
    );

    let mut acks = produce_request("t", 0, good);
    acks.acks = 2;
    let refused = connection.call(&acks, 9).await;
    let error = refused.responses[0].partition_responses[0].error_code;
    assert_eq!(ErrorCode::from(error), ErrorCode::InvalidRequiredAcks);
}

#[tokio::test]
async fn without_acks_there_is_no_answer_but_an_end_when_it_fails() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    let mut request = produce_request("t", 0, batch(&["a"]));
    request.acks = 0;
    connection.send(&request, 9).await;
    // The answer to the next request is the first that comes.
    assert_eq!(
        records(&connection.fetch("t", 0, 0).await),
        numbered(&["a"], 0)
    );
    request.topic_data[0].name = "none".into();
    connection.send(&request, 9).await;
    assert_eq!(
        connection.next_frame().await,
        None,
        "the connection is closed"
    );
}

#[tokio::test]
async fn a_batch_of_an_idempotent_producer_is_appended_once_and_in_order() {
    let broker = broker().await;
    broker.create_topic("t", 1).unwrap();
    let mut connection = Connection::open(&broker).await;
    use ErrorCode::{InvalidProducerEpoch, None, OutOfOrderSequenceNumber};
    // Producer, epoch, sequence, what is answered.
    for (step, (id, epoch, sequence, error, offset)) in [
        (1, 0, 0, None, 0),
        (1, 0, 2, None, 2),
        (1, 0, 0, None, 0),
        (1, 0, 2, None, 2),
        (1, 0, 6, OutOfOrderSequenceNumber, -1),
        (1, 0, 1, OutOfOrderSequenceNumber, -1),
        (1, 0, 4, None, 4),
        (2, 0, 77, None, 6),
        (2, 0, 79, None, 8),
        (1, 0, 6, None, 10),
        (1, 0, 8, None, 12),
        (1, 0, 10, None, 14),
        (1, 0, 2, None, 2),
        (1, 0, 0, OutOfOrderSequenceNumber, -1),
        (1, 1, 12, OutOfOrderSequenceNumber, -1),
        (1, 1, 0, None, 16),
        (1, 0, 12, InvalidProducerEpoch, -1),
        (1, 1, 2, None, 18),
        (3, 0, i32::MAX - 1, None, 20),
        (3, 0, 0, None, 22),
    ]
    .into_iter()
    .enumerate()
    {
        let produced = connection
            .produce("t", 0, sequenced(&["x", "y"], id, epoch, sequence))
            .await;
        assert_eq!(
            (ErrorCode::from(produced.error_code), produced.base_offset),
            (error, offset),
            "step {step}"
        );
    }
    assert_eq!(connection.fetch("t", 0, 0).await.high_watermark, 24);
}

#[tokio::test]
async fn a_topic_may_give_records_the_brokers_time_and_its_own_size_limit() {
    let broker = broker().await;
    let mut connection = Connection::open(&broker).await;
    let config = |name: &str, value: &str| CreatableTopicConfig {
        name: name.into(),
        value: Some(value.into()),
        ..Default::default()
    };
    let topic = CreatableTopic {
        name: "t".into(),
        num_partitions: 1,
        replication_factor: 1,
        configs: vec![
            config("message.timestamp.type", "LogAppendTime"),
            config("max.message.bytes", "100"),
        ],
        ..Default::default()
    };
    let request = CreateTopicsRequest {
        topics: vec![topic],
        ..Default::default()
    };
    assert_eq!(connection.call(&request, 5).await.topics[0].error_code, 0);
    let produced = connection.produce("t", 0, batch(&["a"])).await;
    assert!(
        produced.log_append_time_ms > 1_600_000_000_000,
        "{produced:?}"
    );
    let fetched = connection.fetch("t", 0, 0).await;
    let stored = RecordBatch::parse(fetched.records.unwrap()).unwrap();
    stored.verify_crc().unwrap();
    assert_eq!(stored.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(stored.max_timestamp(), produced.log_append_time_ms);
    let refused = connection
        .produce("t", 0, batch(&["x".repeat(100).as_str()]))
        .await;
    assert_eq!(
        ErrorCode::from(refused.error_code),
        ErrorCode::MessageTooLarge
    );
    assert!(refused.error_message.unwrap().contains("max.message.bytes"));
}
