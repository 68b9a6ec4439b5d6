//! The producer against the embedded broker.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use kafka_broker::{Broker, BrokerBuilder};
use kafka_client::consumer::{Consumer, OwnedRecord};
use kafka_client::producer::{Acks, Delivery, Header, Producer, ProducerBuilder, Record};
use kafka_client::{Compression, Error, ErrorCode, TopicPartition};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// No wait of a test is longer.
const LIMIT: Duration = Duration::from_secs(30);

/// Waits for something, and says what it was if it does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

async fn start_with(set: impl FnOnce(BrokerBuilder) -> BrokerBuilder) -> Broker {
    let broker = set(Broker::builder().auto_create_topics(false))
        .start()
        .await
        .unwrap();
    broker.create_topic("t", 3).unwrap();
    broker
}

async fn start() -> Broker {
    start_with(|broker| broker).await
}

async fn producer(
    broker: &Broker,
    set: impl FnOnce(ProducerBuilder) -> ProducerBuilder,
) -> Producer {
    let builder = Producer::builder().bootstrap_servers(broker.bootstrap_servers());
    within("a producer", set(builder).build()).await.unwrap()
}

/// The first `count` records of some partitions of a topic, each partition in order.
async fn read(broker: &Broker, topic: &str, partitions: i32, count: usize) -> Vec<OwnedRecord> {
    let servers = broker.local_addr().to_string();
    let consumer = within(
        "a consumer",
        Consumer::builder().bootstrap_servers(servers).build(),
    )
    .await
    .unwrap();
    let partitions = (0..partitions).map(|partition| (TopicPartition::new(topic, partition), 0));
    consumer.assign_at(partitions).unwrap();
    let mut seen = Vec::new();
    within("what was written", async {
        while seen.len() < count {
            let records = consumer.poll(Duration::from_millis(100)).await.unwrap();
            seen.extend(records.records().map(|record| record.into_owned()));
        }
    })
    .await;
    assert_eq!(seen.len(), count, "nothing else was written");
    seen
}

async fn all_written(deliveries: Vec<Delivery>) -> Vec<kafka_client::producer::RecordMetadata> {
    let mut written = Vec::new();
    for delivery in deliveries {
        written.push(within("a delivery", delivery).await.unwrap());
    }
    written
}

#[tokio::test]
async fn acknowledged_records_are_where_they_were_said_to_be_with_any_acks() {
    let broker = start().await;
    for (acks, has_offset) in [(Acks::All, true), (Acks::Leader, true), (Acks::None, false)] {
        let topic = format!("acks-{acks:?}");
        broker.create_topic(&topic, 1).unwrap();
        let producer = producer(&broker, |builder| builder.acks(acks)).await;
        let mut deliveries = Vec::new();
        for n in 0..1000 {
            deliveries.push(
                producer
                    .send(Record::to(&topic).value(&n.to_string()))
                    .await
                    .unwrap(),
            );
        }
        for (n, written) in (0..).zip(all_written(deliveries).await) {
            assert_eq!(written.offset, has_offset.then_some(n), "{acks:?}");
        }
        producer.close(LIMIT).await.unwrap();
        let values: Vec<String> = read(&broker, &topic, 1, 1000)
            .await
            .iter()
            .map(|record| record.value_str().unwrap().unwrap().into())
            .collect();
        assert_eq!(
            values,
            (0..1000).map(|n: i32| n.to_string()).collect::<Vec<_>>(),
            "{acks:?}"
        );
    }
}

/// A record's key and value.
type Parts<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

#[tokio::test]
async fn every_part_of_a_record_arrives_with_every_codec() {
    let broker = start().await;
    let headers = [
        Header::new("a", b"1"),
        Header {
            key: "a",
            value: None,
        },
        Header::new("", b""),
    ];
    for compression in Compression::ALL {
        let topic = compression.name();
        broker.create_topic(topic, 1).unwrap();
        let producer = producer(&broker, |builder| builder.compression(compression)).await;
        let long = "a long value ".repeat(1000);
        let records = [
            Record::to(topic)
                .key("k")
                .value("v")
                .timestamp(1_700_000_000_123),
            Record::to(topic).key("gone"),
            Record::to(topic).value(""),
            Record::to(topic).key("").value(&long).headers(&headers),
        ];
        assert_eq!(within("sending", producer.send_all(records)).await, Ok(4));
        within("flushing", producer.flush()).await.unwrap();
        let seen = read(&broker, topic, 1, 4).await;
        let parts: Vec<_> = seen
            .iter()
            .map(|record| (record.key(), record.value()))
            .collect();
        let expected: [Parts<'_>; 4] = [
            (Some(b"k"), Some(b"v")),
            (Some(b"gone"), None),
            (None, Some(b"")),
            (Some(b""), Some(long.as_bytes())),
        ];
        assert_eq!(parts, expected, "{topic}");
        assert_eq!(seen[0].timestamp(), 1_700_000_000_123);
        let got: Vec<_> = seen[3].headers().map(|header| header.unwrap()).collect();
        assert_eq!(
            got.iter().map(|h| (h.key, h.value)).collect::<Vec<_>>(),
            headers.map(|h| (h.key, h.value)),
            "{topic}"
        );
    }
}

#[tokio::test]
async fn order_is_kept_while_requests_overtake_each_other_in_compression() {
    let broker = start().await;
    for idempotence in ["true", "false"] {
        let topic = format!("order-{idempotence}");
        broker.create_topic(&topic, 1).unwrap();
        let producer = producer(&broker, |builder| {
            builder
                .compression(Compression::Gzip)
                .batch_size(64 << 10)
                .linger(Duration::ZERO)
                .properties([("enable.idempotence", idempotence)])
                .unwrap()
        })
        .await;
        // Batches that take long to compress, and others that do not.
        let long = "0123456789abcdef".repeat(4000);
        for n in 0..400 {
            let value = if n % 7 == 0 {
                format!("{n}:{long}")
            } else {
                format!("{n}:")
            };
            producer
                .send(Record::to(&topic).value(&value))
                .await
                .unwrap();
            if n % 3 == 0 {
                tokio::task::yield_now().await;
            }
        }
        within("flushing", producer.flush()).await.unwrap();
        let seen = read(&broker, &topic, 1, 400).await;
        let numbers: Vec<String> = seen
            .iter()
            .map(|record| {
                record
                    .value_str()
                    .unwrap()
                    .unwrap()
                    .split(':')
                    .next()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        assert_eq!(
            numbers,
            (0..400).map(|n: i32| n.to_string()).collect::<Vec<_>>(),
            "idempotence {idempotence}"
        );
    }
}

#[tokio::test]
async fn keys_go_where_the_java_client_sends_them_and_chosen_partitions_are_kept() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder).await;
    for n in 0..50 {
        let key = format!("key-{n}");
        let written = within(
            "a record",
            producer
                .send(Record::to("t").key(&key).value("v"))
                .await
                .unwrap(),
        )
        .await
        .unwrap();
        let expected =
            kafka_proto::murmur2::partition_for_key(key.as_bytes(), 3.try_into().unwrap());
        assert_eq!(
            i64::from(written.partition.partition),
            i64::from(expected),
            "{key}"
        );
    }
    for partition in 0..3 {
        let record = Record::to("t").partition(partition).key("key-1").value("v");
        let written = within("a record", producer.send(record).await.unwrap())
            .await
            .unwrap();
        assert_eq!(written.partition, TopicPartition::new("t", partition));
    }
    assert_eq!(producer.partition_count("t").await, Ok(3));
}

#[tokio::test]
async fn a_topic_that_sets_its_own_timestamps_says_so() {
    let broker = start().await;
    let admin = kafka_client::admin::Admin::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .build()
        .await
        .unwrap();
    let topic = kafka_client::admin::NewTopic::new("stamped")
        .partitions(1)
        .config("message.timestamp.type", "LogAppendTime");
    admin.create_topics([topic]).await.unwrap();
    let producer = producer(&broker, |builder| builder).await;
    let written = within(
        "a record",
        producer
            .send(Record::to("stamped").timestamp(7))
            .await
            .unwrap(),
    )
    .await
    .unwrap();
    assert!(
        written.timestamp > 1_600_000_000_000,
        "{}",
        written.timestamp
    );
    let own = within(
        "a record",
        producer.send(Record::to("t").timestamp(7)).await.unwrap(),
    )
    .await
    .unwrap();
    assert_eq!(own.timestamp, 7);
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_an_error_by_name_within_max_block() {
    let broker = start().await;
    let limit = Duration::from_millis(300);
    let producer = producer(&broker, |builder| builder.max_block(limit)).await;
    let begun = Instant::now();
    let error = within("the refusal", producer.send(Record::to("nowhere")))
        .await
        .unwrap_err();
    assert!(begun.elapsed() < limit * 3, "{:?}", begun.elapsed());
    assert!(
        error
            .to_string()
            .starts_with("sending to \"nowhere\" did not happen within 300ms"),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("topic \"nowhere\": UNKNOWN_TOPIC_OR_PARTITION"),
        "{error}"
    );
    let error = producer.send(Record::to("not/a/topic")).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Broker {
                code: ErrorCode::InvalidTopicException,
                ..
            }
        ),
        "{error}"
    );

    // Once it is there, the same producer finds it.
    broker.create_topic("nowhere", 1).unwrap();
    let delivery = within("the topic", producer.send(Record::to("nowhere")))
        .await
        .unwrap();
    within("a delivery", delivery).await.unwrap();
}

#[tokio::test]
async fn a_topic_created_while_a_record_waits_takes_it() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder).await;
    let create = async {
        tokio::task::yield_now().await;
        broker.create_topic("late", 1).unwrap();
    };
    let (delivery, ()) = tokio::join!(
        within("the topic", producer.send(Record::to("late"))),
        create
    );
    within("a delivery", delivery.unwrap()).await.unwrap();
}

#[tokio::test]
async fn try_send_asks_for_the_topic_in_the_background_and_needs_no_runtime() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder).await;
    within("the topic", async {
        loop {
            let producer = producer.clone();
            let tried = std::thread::spawn(move || producer.try_send(Record::to("t").value("v")));
            match tried.join().unwrap() {
                Ok(delivery) => return delivery.await.unwrap(),
                Err(Error::Broker {
                    code: ErrorCode::UnknownTopicOrPartition,
                    ..
                }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_record_too_large_is_refused_by_the_client_and_by_the_broker_and_nothing_else_suffers() {
    let broker = start_with(|broker| broker.max_message_bytes(10_000)).await;
    let producer = producer(&broker, |builder| builder).await;
    let before = producer
        .send(Record::to("t").partition(0).value("before"))
        .await
        .unwrap();
    let error = producer
        .send(Record::to("t").partition(0).value(&vec![0; 2 << 20]))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::RecordTooLarge { topic, .. } if topic == "t"),
        "{error}"
    );
    let refused = producer
        .send(Record::to("t").partition(0).value(&vec![0; 20_000]))
        .await
        .unwrap();
    let after = producer
        .send(Record::to("t").partition(0).value("after"))
        .await
        .unwrap();
    within("the one before", before).await.unwrap();
    let error = within("the broker's refusal", refused).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("partition t-0: MESSAGE_TOO_LARGE"),
        "{error}"
    );
    within("the one after", after).await.unwrap();
    let error = within("the flush", producer.flush()).await.unwrap_err();
    assert!(
        error.to_string().contains("MESSAGE_TOO_LARGE"),
        "a flush tells what failed: {error}"
    );
    within("another flush", producer.flush()).await.unwrap();
    let seen = read(&broker, "t", 1, 2).await;
    assert_eq!(
        seen.iter().map(|r| r.value().unwrap()).collect::<Vec<_>>(),
        [&b"before"[..], b"after"]
    );
}

#[tokio::test]
async fn a_batch_too_large_for_the_broker_arrives_in_parts() {
    let broker = start_with(|broker| broker.max_message_bytes(1000)).await;
    let producer = producer(&broker, |builder| builder.linger(Duration::from_secs(10))).await;
    let mut deliveries = Vec::new();
    for n in 0..100 {
        let record = Record::to("t").partition(0);
        deliveries.push(
            producer
                .send(record.value(&format!("{n:0100}")))
                .await
                .unwrap(),
        );
    }
    within("the flush", producer.flush()).await.unwrap();
    let offsets: Vec<_> = all_written(deliveries)
        .await
        .into_iter()
        .map(|written| written.offset)
        .collect();
    assert_eq!(offsets, (0..100).map(Some).collect::<Vec<_>>());
    let seen = read(&broker, "t", 1, 100).await;
    assert!(
        (0..100)
            .zip(&seen)
            .all(|(n, record)| record.value_str().unwrap() == Some(&format!("{n:0100}")))
    );
}

#[tokio::test]
async fn a_partition_that_was_not_there_is_named() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder).await;
    let error = within("the refusal", producer.send(Record::to("t").partition(7)))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "topic \"t\" has no partition 7 (it has 0..=2): check the assignment, or create the partition"
    );
}

#[tokio::test]
async fn a_topic_made_anew_is_written_to_as_if_nothing_had_happened() {
    let broker = start().await;
    let admin = kafka_client::admin::Admin::builder()
        .bootstrap_servers(broker.bootstrap_servers())
        .build()
        .await
        .unwrap();
    let producer = producer(&broker, |builder| builder).await;
    for _ in 0..3 {
        within(
            "a record",
            producer
                .send(Record::to("t").partition(0).value("old"))
                .await
                .unwrap(),
        )
        .await
        .unwrap();
    }
    admin.delete_topics(["t"]).await.unwrap();
    broker.create_topic("t", 2).unwrap();
    for n in 0..3 {
        let delivery = within(
            "sending",
            producer.send(Record::to("t").partition(0).value("new")),
        )
        .await
        .unwrap();
        let written = within("a record of the new topic", delivery).await.unwrap();
        assert_eq!(written.offset, Some(n));
    }
    assert_eq!(read(&broker, "t", 1, 3).await.len(), 3);
}

#[tokio::test]
async fn memory_is_bounded_and_sending_waits_for_room() {
    let broker = start().await;
    let producer = producer(&broker, |builder| {
        builder.buffer_memory(10_000).batch_size(1000)
    })
    .await;
    let mut records = Vec::new();
    for n in 0..2000 {
        records.push(format!("{n:0100}"));
    }
    let records = records.iter().map(|value| Record::to("t").value(value));
    assert_eq!(
        within("sending through a small buffer", producer.send_all(records)).await,
        Ok(2000)
    );
    within("the flush", producer.flush()).await.unwrap();
    assert_eq!(read(&broker, "t", 3, 2000).await.len(), 2000);
}

#[tokio::test]
async fn a_full_buffer_is_an_error_after_max_block() {
    let (broker, wire) = wired(Wire::silent()).await;
    let producer = within(
        "a producer",
        wire.producer(|builder| {
            builder
                .buffer_memory(1000)
                .batch_size(1000)
                .max_block(Duration::from_millis(300))
        }),
    )
    .await;
    let knows = within("the topic", producer.partition_count("t")).await;
    assert_eq!(knows, Ok(3));
    wire.after.store(0, Ordering::SeqCst);
    let error = within("the refusal", async {
        loop {
            if let Err(error) = producer.send(Record::to("t").value(&[0; 300])).await {
                break error;
            }
        }
    })
    .await;
    let expected = "sending to \"t\" did not happen within 300ms (last: the producer's buffer of 1000 bytes is full";
    assert!(error.to_string().starts_with(expected), "{error}");
    assert!(matches!(
        producer.try_send(Record::to("t").value(&[0; 300])),
        Err(Error::BufferFull { .. })
    ));
    drop(broker);
}

#[tokio::test]
async fn closing_writes_what_is_buffered() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder.linger(Duration::from_secs(60))).await;
    let other = producer.clone();
    let delivery = producer
        .send(Record::to("t").partition(0).value("v"))
        .await
        .unwrap();
    within("closing", producer.close(LIMIT)).await.unwrap();
    within("the delivery", delivery).await.unwrap();
    assert!(matches!(
        other.send(Record::to("t")).await,
        Err(Error::Closed { .. })
    ));
    within("closing again", other.close(LIMIT)).await.unwrap();
    within("flushing what is closed", other.flush())
        .await
        .unwrap();
}

#[tokio::test]
async fn dropping_the_last_handle_writes_what_is_buffered() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder.linger(Duration::from_secs(60))).await;
    let delivery = producer
        .send(Record::to("t").partition(0).value("v"))
        .await
        .unwrap();
    drop(producer);
    within("the delivery", delivery).await.unwrap();
}

#[tokio::test]
async fn closing_is_bounded_when_the_broker_is_gone_and_everybody_is_told() {
    let broker = start().await;
    let producer = producer(&broker, |builder| builder).await;
    within(
        "a first record",
        producer.send(Record::to("t").value("v")).await.unwrap(),
    )
    .await
    .unwrap();
    broker.shutdown().await;
    let delivery = producer.send(Record::to("t").value("v")).await.unwrap();
    let flush = tokio::spawn({
        let producer = producer.clone();
        async move { producer.flush().await }
    });
    let begun = Instant::now();
    let limit = Duration::from_millis(300);
    let error = within("closing", producer.close(limit)).await.unwrap_err();
    assert!(begun.elapsed() < limit * 3, "{:?}", begun.elapsed());
    assert!(
        error
            .to_string()
            .starts_with("closing the producer did not happen within 300ms"),
        "{error}"
    );
    assert!(within("the delivery", delivery).await.is_err());
    let _ = within("the flush", flush).await.unwrap();
    assert!(matches!(
        producer.send(Record::to("t")).await,
        Err(Error::Closed { .. })
    ));
}

#[test]
fn nobody_waits_for_a_producer_whose_runtime_is_gone() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (broker, producer, delivery) = runtime.block_on(async {
        let broker = start().await;
        let producer = producer(&broker, |builder| builder.linger(Duration::from_secs(60))).await;
        let delivery = producer.send(Record::to("t").value("v")).await.unwrap();
        (broker, producer, delivery)
    });
    drop(broker);
    runtime.shutdown_background();
    let other = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    other.block_on(async {
        assert!(matches!(
            within("the delivery", delivery).await,
            Err(Error::Closed { .. })
        ));
        assert!(within("the flush", producer.flush()).await.is_err());
        within("closing", producer.close(LIMIT)).await.unwrap();
    });
}

#[tokio::test]
async fn nobody_listening_is_told_with_each_address_and_the_reason() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (one, two) = (silent.local_addr().unwrap().port(), free_port().await);
    let begun = Instant::now();
    let servers = format!("127.0.0.1:{one},localhost:{two},nowhere.invalid:9092");
    let limit = [("socket.connection.setup.timeout.ms", "500")];
    let build = Producer::builder()
        .bootstrap_servers(servers)
        .properties(limit)
        .unwrap()
        .build();
    let Error::Connect { tried } = within("the refusal", build).await.unwrap_err() else {
        panic!("another error")
    };
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    let tried: HashMap<_, _> = tried.into_iter().collect();
    assert_eq!(
        tried[&format!("127.0.0.1:{one}")],
        "ApiVersions was not answered within 500ms"
    );
    assert!(
        tried[&format!("localhost:{two}")].contains("refused"),
        "{tried:?}"
    );
    assert!(
        tried["nowhere.invalid:9092"].contains("lookup"),
        "{tried:?}"
    );
    drop(silent);
}

#[tokio::test]
async fn for_ever_is_a_time_like_any_other() {
    let broker = start().await;
    let forever = Duration::MAX;
    let producer = producer(&broker, |builder| {
        builder
            .max_block(forever)
            .delivery_timeout(forever)
            .request_timeout(forever)
    })
    .await;
    let delivery = within("sending", producer.send(Record::to("t")))
        .await
        .unwrap();
    within("the delivery", delivery).await.unwrap();
    within("closing", producer.close(forever)).await.unwrap();
}

async fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Where a wire listens. Another loopback address than the broker's, so that both can have the same port.
const ADVERTISED: &str = "127.0.0.2";

/// A wire between clients and a broker, on which connections break: after so many more answers, over and over.
#[derive(Clone)]
struct Wire {
    address: SocketAddr,
    /// Answers that still come through; what comes after them is lost, with its connection unless the wire is silent.
    after: Arc<AtomicI64>,
    is_silent: bool,
}

impl Wire {
    fn silent() -> Self {
        Self {
            is_silent: true,
            ..Self::breaking()
        }
    }

    fn breaking() -> Self {
        let address = SocketAddr::from(([127, 0, 0, 2], 0));
        Self {
            address,
            after: Arc::new(AtomicI64::new(i64::MAX)),
            is_silent: false,
        }
    }

    async fn producer(&self, set: impl FnOnce(ProducerBuilder) -> ProducerBuilder) -> Producer {
        set(Producer::builder().bootstrap_servers(self.address.to_string()))
            .build()
            .await
            .unwrap()
    }

    async fn carry(self, client: TcpStream, broker: SocketAddr) -> std::io::Result<()> {
        let broker = TcpStream::connect(broker).await?;
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_broker, mut to_broker) = broker.into_split();
        let answers = async {
            loop {
                let length = from_broker.read_u32().await?;
                let mut answer = vec![0; length as usize];
                from_broker.read_exact(&mut answer).await?;
                if self.after.fetch_sub(1, Ordering::SeqCst) > 0 {
                    to_client.write_all(&length.to_be_bytes()).await?;
                    to_client.write_all(&answer).await?;
                } else if !self.is_silent {
                    self.after.store(7, Ordering::SeqCst);
                    break;
                }
            }
            std::io::Result::Ok(())
        };
        tokio::select! {
            result = copy(&mut from_client, &mut to_broker) => result.map(drop),
            result = answers => result,
        }
    }
}

async fn wired(wire: Wire) -> (Broker, Wire) {
    let broker = start_with(|broker| broker.advertised_host(ADVERTISED)).await;
    let address = broker.local_addr();
    let listener = TcpListener::bind((ADVERTISED, address.port()))
        .await
        .unwrap();
    let wire = Wire {
        address: listener.local_addr().unwrap(),
        ..wire
    };
    let carrier = wire.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carrier.clone().carry(client, address));
        }
    });
    (broker, wire)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acked_means_written_once_and_in_order_over_connections_that_keep_breaking() {
    for compression in [Compression::None, Compression::Lz4] {
        let (broker, wire) = wired(Wire::breaking()).await;
        let producer = wire
            .producer(|builder| {
                let builder = builder
                    .batch_size(500)
                    .linger(Duration::ZERO)
                    .compression(compression);
                builder
                    .properties([("retry.backoff.ms", "1"), ("retry.backoff.max.ms", "10")])
                    .unwrap()
            })
            .await;
        wire.after.store(7, Ordering::SeqCst);
        let mut deliveries = Vec::new();
        for n in 0..3000 {
            let value = n.to_string();
            let record = Record::to("t").partition(n % 3).value(&value);
            deliveries.push(within("sending", producer.send(record)).await.unwrap());
            if n % 10 == 0 {
                tokio::task::yield_now().await;
            }
        }
        for delivery in deliveries {
            within("a delivery", delivery).await.unwrap();
        }
        within("closing", producer.close(LIMIT)).await.unwrap();
        let mut next = [0, 1, 2];
        for record in read(&broker, "t", 3, 3000).await {
            let next = &mut next[record.partition().partition as usize];
            assert_eq!(
                record.value_str().unwrap(),
                Some(&*next.to_string()),
                "{}",
                record.partition()
            );
            *next += 3;
        }
    }
}

#[tokio::test]
async fn a_broker_that_falls_silent_fails_deliveries_within_their_time() {
    let (_broker, wire) = wired(Wire::silent()).await;
    let producer = wire
        .producer(|builder| {
            let builder = builder
                .linger(Duration::ZERO)
                .request_timeout(Duration::from_millis(100));
            builder.delivery_timeout(Duration::from_millis(400))
        })
        .await;
    within(
        "a first record",
        producer.send(Record::to("t").value("v")).await.unwrap(),
    )
    .await
    .unwrap();
    wire.after.store(0, Ordering::SeqCst);
    let begun = Instant::now();
    let delivery = producer.send(Record::to("t").value("v")).await.unwrap();
    let error = within("the failure", delivery).await.unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    assert!(error.to_string().starts_with("delivery to t-"), "{error}");
    assert!(
        error.to_string().contains("(last: connection to broker 1"),
        "{error}"
    );
}

#[tokio::test]
async fn connections_that_ended_are_made_again() {
    let (broker, wire) = wired(Wire::breaking()).await;
    let producer = wire
        .producer(|builder| builder.linger(Duration::ZERO))
        .await;
    within(
        "a first record",
        producer.send(Record::to("t").value("v")).await.unwrap(),
    )
    .await
    .unwrap();
    // Every connection ends now, as a broker ends those that are idle.
    wire.after.store(0, Ordering::SeqCst);
    let delivery = within("sending", producer.send(Record::to("t").value("w")))
        .await
        .unwrap();
    within("a record over a new connection", delivery)
        .await
        .unwrap();
    drop(broker);
}
