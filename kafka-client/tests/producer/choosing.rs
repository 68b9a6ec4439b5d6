//! Partitioners, racks and interceptors.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka_client::Error;
use kafka_client::producer::{
    Acknowledged, Header, OutgoingHeader, OutgoingRecord, Partitioner, Partitions,
    ProducerInterceptor, Record, TypedProducer, TypedRecord,
};

use crate::fixture::*;

#[tokio::test]
async fn records_without_a_key_go_to_the_rack_where_it_is_wanted() {
    let broker = start_with(|broker| broker.nodes(3).racks(["a", "b", "c"])).await;
    let near: BTreeSet<i32> = (0..3)
        .filter(|partition| broker.leader("t", *partition).unwrap().0 == 2)
        .collect();
    assert!(!near.is_empty(), "node 2, of rack b, leads something");
    for (wanted, at) in [
        ("true", Some("b")),
        ("true", Some("d")),
        ("false", Some("b")),
    ] {
        let properties = [("partitioner.rack.aware", wanted), ("batch.size", "200")];
        let producer = producer(&broker, |builder| {
            let builder = builder.properties(properties).unwrap();
            builder
                .linger(Duration::ZERO)
                .client_rack(at.unwrap_or_default())
        })
        .await;
        let mut partitions = BTreeSet::new();
        for _ in 0..100 {
            let record = Record::to("t").value(&[0; 100]);
            let sent = within("sending", producer.send(record)).await.unwrap();
            partitions.insert(sent.partition().partition);
            within("a delivery", sent).await.unwrap();
        }
        if wanted == "true" && at == Some("b") {
            assert_eq!(partitions, near);
        } else {
            assert_eq!(partitions.len(), 3, "{wanted}, {at:?}");
        }
    }
}

/// Sends records to the partition that their value begins with.
#[derive(Debug)]
struct ByValue;

impl Partitioner for ByValue {
    fn partition(&self, record: &Record<'_>, partitions: &Partitions<'_>) -> Option<i32> {
        assert_eq!((partitions.count(), partitions.available().count()), (3, 3));
        let digit = record.value?.first()?.checked_sub(b'0')?;
        Some(i32::from(digit)).filter(|partition| partitions.leader(*partition).is_some())
    }
}

#[tokio::test]
async fn a_partitioner_of_ones_own_chooses_and_may_leave_the_choice() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder.partitioner(ByValue)).await;
    for (value, key, expected) in [
        ("2", None, Some(2)),
        ("0", Some("k"), Some(0)),
        ("x", Some("k"), None),
    ] {
        let record = Record {
            key: key.map(str::as_bytes),
            ..Record::to("t").value(value)
        };
        let sent = within("sending", producer.send(record)).await.unwrap();
        let hashed = kafka_proto::murmur2::partition_for_key(b"k", 3.try_into().unwrap());
        let expected = expected.unwrap_or(hashed as i32);
        assert_eq!(sent.partition().partition, expected, "{value}");
        within("a delivery", sent).await.unwrap();
    }
    let explicit = Record::to("t").partition(1).value("2");
    let sent = within("sending", producer.send(explicit)).await.unwrap();
    assert_eq!(sent.partition().partition, 1, "who says it is not asked");
    let all = ["0", "1", "2"].map(|value| Record::to("t").value(value));
    assert_eq!(within("sending", producer.send_all(all)).await, Ok(3));
    within("flushing", producer.flush()).await.unwrap();
    let seen = read(&broker, "t", 3, 7).await;
    let at_one = seen
        .iter()
        .filter(|record| record.partition().partition == 1);
    assert!(at_one.count() >= 2);
}

/// What interceptors were told.
type Told = Arc<Mutex<Vec<String>>>;

/// Adds its name as a header.
struct Signs(&'static str, Told);

impl ProducerInterceptor for Signs {
    fn on_send(
        &self,
        record: &mut OutgoingRecord<'_>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        record.headers.push(OutgoingHeader {
            key: Cow::Borrowed(self.0),
            value: None,
        });
        if record.value.as_deref() == Some(b"secret") {
            record.value = Some(Cow::Borrowed(b"******"));
        }
        Ok(())
    }

    fn on_acknowledgement(&self, acknowledged: &Acknowledged<'_>) {
        let what = match acknowledged.outcome {
            Ok(written) => format!("{}@{:?}", written.partition, written.offset.unwrap()),
            Err(error) => format!("{}: {error}", acknowledged.topic),
        };
        self.1.lock().unwrap().push(what);
    }
}

/// Spoils what it can, and then fails.
struct Spoils(bool);

impl ProducerInterceptor for Spoils {
    fn on_send(
        &self,
        record: &mut OutgoingRecord<'_>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        (record.value, record.key) = (None, None);
        record.topic = Cow::Borrowed("nowhere");
        assert!(self.0, "a panic");
        Err("an error".into())
    }

    fn on_acknowledgement(&self, _: &Acknowledged<'_>) {
        panic!("another panic");
    }
}

#[tokio::test]
async fn interceptors_change_records_and_learn_what_became_of_them_and_lose_none_when_they_fail() {
    let broker = start().await;
    let told = Told::default();
    let producer = producer(&broker, |builder| {
        builder
            .interceptor(Signs("first", told.clone()))
            .interceptor(Spoils(true))
            .interceptor(Spoils(false))
            .interceptor(Signs("second", Told::default()))
    })
    .await;
    let own = [Header::new("own", b"1")];
    let record = |value| {
        Record::to("t")
            .partition(0)
            .key("k")
            .value(value)
            .headers(&own)
    };
    let sent = within("sending", producer.send(record("v"))).await.unwrap();
    within("a delivery", sent).await.unwrap();
    within("sending", producer.send_all([record("secret")]))
        .await
        .unwrap();
    let sent = producer.try_send(record("tried")).unwrap();
    within("a delivery", sent).await.unwrap();
    let refused = producer.send(Record::to("t").partition(9)).await;
    assert!(matches!(refused, Err(Error::NoSuchPartition { .. })));
    let seen = read(&broker, "t", 1, 3).await;
    let values: Vec<_> = seen
        .iter()
        .map(|record| record.value_str().unwrap().unwrap())
        .collect();
    assert_eq!(values, ["v", "******", "tried"]);
    for record in &seen {
        assert_eq!(record.key(), Some(&b"k"[..]));
        let headers: Vec<_> = record.headers().map(|header| header.unwrap().key).collect();
        assert_eq!(headers, ["own", "first", "second"]);
    }
    let told = told.lock().unwrap();
    assert_eq!(told[..3], ["t-0@0", "t-0@1", "t-0@2"]);
    assert_eq!(told.len(), 4);
    assert!(
        told[3].starts_with("t: topic \"t\" has no partition 9"),
        "{told:?}"
    );
}

#[tokio::test]
async fn interceptors_are_told_of_every_record_when_a_batch_fails_in_parts() {
    let broker = start_with(|broker| broker.max_message_bytes(1000)).await;
    let told = Told::default();
    let producer = producer(&broker, |builder| {
        let builder = builder.linger(Duration::from_secs(60));
        builder.interceptor(Signs("i", told.clone()))
    })
    .await;
    for size in [10, 10, 2000, 10] {
        let value = vec![0; size];
        let record = Record::to("t").partition(0).value(&value);
        drop(within("sending", producer.send(record)).await.unwrap());
    }
    let flushed = within("flushing", producer.flush()).await;
    assert!(flushed.is_err(), "one was too large");
    let told = told.lock().unwrap();
    let written: Vec<_> = told
        .iter()
        .filter(|told| told.starts_with("t-0@"))
        .collect();
    assert_eq!((written.len(), told.len()), (3, 4), "{told:?}");
    assert!(told[2].contains("MESSAGE_TOO_LARGE"), "{told:?}");
}

#[tokio::test]
async fn typed_records_arrive_as_kafkas_own_serializers_would_have_written_them() {
    let broker = start().await;
    let plain = producer(&broker, |builder| builder).await;
    let typed: TypedProducer<str, Option<i64>> = TypedProducer::new(plain);
    let sends = [("a", Some(1)), ("b", None)];
    for (key, value) in &sends {
        let record = TypedRecord::to("t")
            .partition(0)
            .key(*key)
            .value(value)
            .timestamp(7);
        let sent = within("sending", typed.send(record)).await.unwrap();
        within("a delivery", sent).await.unwrap();
    }
    let keyless = TypedRecord::to("t").partition(0).value(&Some(3));
    within("a delivery", typed.try_send(keyless).unwrap())
        .await
        .unwrap();
    let seen = read(&broker, "t", 1, 3).await;
    let parts: Vec<_> = seen
        .iter()
        .map(|record| (record.key(), record.value()))
        .collect();
    assert_eq!(
        parts,
        [
            (Some(&b"a"[..]), Some(&1i64.to_be_bytes()[..])),
            (Some(b"b"), None),
            (None, Some(&3i64.to_be_bytes())),
        ]
    );
    assert_eq!(seen[0].timestamp(), 7);
    within("flushing", typed.producer().flush()).await.unwrap();
}
