//! Brokers that are gone, fall silent or hang up, and runtimes that end.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kafka_client::producer::{Producer, Record};
use kafka_client::{Compression, Error};
use tokio::net::TcpListener;

use crate::fixture::*;
use crate::wire::*;

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
async fn an_old_broker_is_written_to_in_the_versions_that_it_knows() {
    let (broker, wire) = wired(Wire::to_an_old_broker()).await;
    let producer = wire.producer(|builder| builder).await;
    for n in 0..10 {
        let delivery = within(
            "sending",
            producer.send(Record::to("t").partition(0).value("v")),
        )
        .await
        .unwrap();
        assert_eq!(
            within("a delivery", delivery).await.unwrap().offset,
            Some(n)
        );
    }
    assert_eq!(read(&broker, "t", 1, 10).await.len(), 10);
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

async fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
