//! Records that cannot be sent.

use std::time::Duration;

use kafka_broker::Broker;
use kafka_client::producer::{
    Partitioner, Partitions, Producer, Record, TypedProducer, TypedRecord,
};
use kafka_client::serialization::{Context, Field, Payload, Plain, Refused, Serializer};
use kafka_client::{Error, ErrorCode};

use crate::fixture::*;

fn is_broker(expected: ErrorCode) -> impl Fn(&Error) -> bool {
    move |error| matches!(error, Error::Broker { code, .. } if *code == expected)
}

/// A record, how it is refused, and how soon.
struct Row<'a> {
    what: &'a str,
    record: Record<'a>,
    is_expected: Box<dyn Fn(&Error) -> bool>,
    text: &'a str,
    limit: Duration,
}

#[tokio::test]
async fn records_that_cannot_be_sent_are_refused_by_name_and_others_are_not_touched() {
    let broker = start().await;
    let huge = vec![0; 2 << 20];
    let rows = [
        Row {
            what: "a topic that is not there",
            record: Record::to("nowhere"),
            is_expected: Box::new(is_broker(ErrorCode::UnknownTopicOrPartition)),
            text: "topic \"nowhere\": UNKNOWN_TOPIC_OR_PARTITION",
            limit: Duration::from_secs(4),
        },
        Row {
            what: "a name that no topic can have",
            record: Record::to("not/a/topic"),
            is_expected: Box::new(is_broker(ErrorCode::InvalidTopicException)),
            text: "topic \"not/a/topic\": INVALID_TOPIC_EXCEPTION",
            limit: AT_ONCE,
        },
        Row {
            what: "a name without a letter",
            record: Record::to(""),
            is_expected: Box::new(is_broker(ErrorCode::InvalidTopicException)),
            text: "topic \"\": INVALID_TOPIC_EXCEPTION",
            limit: AT_ONCE,
        },
        Row {
            what: "a partition that the topic does not have",
            record: Record::to("t").partition(7),
            is_expected: Box::new(|error| matches!(error, Error::NoSuchPartition { .. })),
            text: "topic \"t\" has no partition 7 (it has 0..=2)",
            limit: AT_ONCE,
        },
        Row {
            what: "a partition below zero",
            record: Record::to("t").partition(-1),
            is_expected: Box::new(|error| matches!(error, Error::NoSuchPartition { .. })),
            text: "topic \"t\" has no partition -1",
            limit: AT_ONCE,
        },
        Row {
            what: "a record larger than a request",
            record: Record::to("t").value(&huge),
            is_expected: Box::new(|error| matches!(error, Error::RecordTooLarge { .. })),
            text: "bytes for t: the limit is 1048576 (max.request.size)",
            limit: AT_ONCE,
        },
    ];
    let producer = producer(builder(&broker)).await;
    for (offset, row) in (0..).zip(rows) {
        refusal(row.what, producer.send(row.record))
            .await
            .is(row.is_expected, row.text, row.limit);
        assert_eq!(writes(&producer).await, offset, "after {}", row.what);
    }
    within("flushing", producer.flush()).await.unwrap();
    within("closing", producer.close(LIMIT)).await.unwrap();
}

#[tokio::test]
async fn a_record_larger_than_its_topic_takes_is_refused_by_name_size_and_limit() {
    let broker = start().await;
    let producer = producer(builder(&broker)).await;
    writes(&producer).await;
    let large = vec![0; 20_000];
    let record = Record::to("t").partition(0).value(&large);
    let sent = within("sending", producer.send(record)).await.unwrap();
    let text =
        "for partition t-0, more than its topic takes (max.message.bytes): MESSAGE_TOO_LARGE";
    let error = refusal("the delivery", sent).await.is(
        is_broker(ErrorCode::MessageTooLarge),
        text,
        AT_ONCE,
    );
    assert!(error.to_string().starts_with("record of 200"), "{error}");
    assert_eq!(writes(&producer).await, 1);
}

#[tokio::test]
async fn a_batch_too_large_for_its_topic_is_split_and_each_record_is_written_once() {
    let broker = start().await;
    let slow = builder(&broker)
        .linger(Duration::from_secs(60))
        .batch_size(200_000);
    let producer = producer(slow).await;
    let mut deliveries = Vec::new();
    for n in 0..40 {
        let value = format!("{n:01000}");
        let record = Record::to("t").partition(0).value(&value);
        deliveries.push(within("sending", producer.send(record)).await.unwrap());
    }
    within("flushing", producer.flush()).await.unwrap();
    for (expected, delivery) in (0..).zip(deliveries) {
        let written = within("a delivery", delivery).await.unwrap();
        assert_eq!(written.offset, Some(expected));
    }
}

/// Takes only numbers below a hundred.
struct Small;

impl Serializer<i64> for Small {
    fn serialize(
        &self,
        context: &Context<'_>,
        value: &i64,
        bytes: &mut Vec<u8>,
    ) -> Result<Payload, Refused> {
        // What was appended does not count when it is refused afterwards.
        bytes.extend_from_slice(&value.to_be_bytes());
        if *value >= 100 {
            return Err(format!("{value} is too much for a {}", context.field).into());
        }
        Ok(Payload::Bytes)
    }
}

#[tokio::test]
async fn values_refused_by_a_serializer_are_not_sent_and_others_are() {
    let broker = start().await;
    let typed: TypedProducer<i64, i64, Small, Small> =
        TypedProducer::with(producer(builder(&broker)).await, Small, Small);
    for (key, value, field) in [(100, 1, Field::Key), (1, 100, Field::Value)] {
        let record = || TypedRecord::to("t").partition(0).key(&key).value(&value);
        let is_expected = |error: &Error| matches!(error, Error::Serialization { topic, field: found, .. } if topic == "t" && *found == field);
        let text = format!(
            "the {field} of a record for \"t\" was refused by its serializer: 100 is too much for a {field}"
        );
        refusal("sending", typed.send(record()))
            .await
            .is(is_expected, &text, AT_ONCE);
        refused("trying", typed.try_send(record())).is(is_expected, &text, AT_ONCE);
    }
    let sent = typed.send(TypedRecord::to("t").partition(0).key(&1).value(&99));
    let written = within("the delivery", within("sending", sent).await.unwrap()).await;
    assert_eq!(written.unwrap().offset, Some(0), "nothing was sent before");
}

#[tokio::test]
async fn records_refused_by_a_deserializer_can_be_skipped_or_read_again() {
    let broker = start().await;
    let producer = producer(builder(&broker)).await;
    for value in [&b"\0\0\0\x01"[..], b"bad", b"\0\0\0\x03"] {
        let record = Record::to("t").partition(1).value(value);
        let sent = within("sending", producer.send(record)).await.unwrap();
        within("a delivery", sent).await.unwrap();
    }
    let consumer = built(consumer(&broker)).await;
    let partition = kafka_client::TopicPartition::new("t", 1);
    consumer.assign([partition.clone()]).unwrap();
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    within("all records", async {
        while values.len() + errors.len() < 3 {
            let records = consumer.poll(LIMIT).await.unwrap();
            for record in records.typed::<Option<String>, i32>(&Plain, &Plain) {
                match record {
                    Ok(record) => values.push((record.key, record.value)),
                    Err(error) => errors.push(error),
                }
            }
        }
    })
    .await;
    assert_eq!(values, [(None, 1), (None, 3)]);
    let text = "the value of the record at offset 1 of t-1 was refused by its deserializer: it has 3 bytes, expected 4; go on with the next record, or seek to 2 to skip it";
    assert_eq!(errors[0].to_string(), text);
    let position = within("the position", consumer.position(&partition)).await;
    assert_eq!(position, Ok(3));
    let Error::Deserialization { offset, .. } = errors[0] else {
        panic!("{errors:?}")
    };
    consumer.seek(&partition, offset).unwrap();
    let again = within("the record again", consumer.poll(LIMIT))
        .await
        .unwrap();
    let first = again.records().next().unwrap();
    assert_eq!((first.offset(), first.value()), (1, Some(&b"bad"[..])));
}

#[derive(Debug)]
struct Nowhere;

impl Partitioner for Nowhere {
    fn partition(&self, record: &Record<'_>, partitions: &Partitions<'_>) -> Option<i32> {
        record.key.map(|_| partitions.count() as i32 + 1)
    }
}

#[tokio::test]
async fn a_partitioner_that_names_a_partition_that_is_not_there_is_told_so() {
    let broker = start().await;
    let producer = producer(builder(&broker).partitioner(Nowhere)).await;
    let record = Record::to("t").key("k");
    refusal("sending", producer.send(record)).await.is(
        |error| matches!(error, Error::NoSuchPartition { .. }),
        "topic \"t\" has no partition 4 (it has 0..=2)",
        AT_ONCE,
    );
    assert_eq!(writes(&producer).await, 0);
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused_before_anything_is_started() {
    let broker = start().await;
    for (key, value, text) in [
        ("acks", "2", "expected one of 0, 1, all, -1"),
        ("linger.mss", "5", "there is no such setting"),
        ("ssl.cipher.suites", "NULL", "not supported: "),
        (
            "sasl.mechanism",
            "GSSAPI",
            "GSSAPI (Kerberos) is not built in",
        ),
        (
            "security.protocol",
            "SASL",
            "expected one of PLAINTEXT, SASL_PLAINTEXT",
        ),
        ("batch.size", "-1", "expected a number of bytes"),
    ] {
        let result = builder(&broker).properties([(key, value)]).map(|_| ());
        let text = format!("setting \"{key}\" = \"{value}\": {text}");
        let is_expected = |error: &Error| matches!(error, Error::Config { .. });
        refused(key, result).is(is_expected, &text, AT_ONCE);
    }
    for (properties, text) in [
        (
            [("acks", "1"), ("enable.idempotence", "true")],
            "setting \"acks\"",
        ),
        (
            [("batch.size", "2000"), ("max.request.size", "1000")],
            "setting \"batch.size\"",
        ),
        (
            [("transactional.id", ""), ("client.id", "x")],
            "setting \"transactional.id\"",
        ),
        (
            [("bootstrap.servers", "nonsense"), ("client.id", "x")],
            "setting \"bootstrap.servers\"",
        ),
    ] {
        let build = builder(&broker).properties(properties).unwrap().build();
        let is_expected = |error: &Error| matches!(error, Error::Config { .. });
        refusal(text, build).await.is(is_expected, text, AT_ONCE);
    }
    let _: Producer = producer(builder(&broker)).await;
    let _: Broker = broker;
}
