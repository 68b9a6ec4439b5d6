//! Brokers that go away, and bytes that are not what was written.

use std::time::{Duration, Instant};

use kafka_client::Error;

use crate::fixture::*;

async fn over_a_wire(partitions: i32) -> (Fixture, Wire) {
    let mut fixture =
        Fixture::start_with(partitions, |broker| broker.advertised_host(ADVERTISED)).await;
    let wire = Wire::before(&mut fixture).await;
    (fixture, wire)
}

#[tokio::test]
async fn a_corrupt_batch_is_named_and_sought_past_with_nothing_lost_or_repeated() {
    let (fixture, wire) = over_a_wire(2).await;
    fixture.write(2, 0, 300).await;
    let producer = kafka_client::producer::Producer::builder()
        .bootstrap_servers(&fixture.servers)
        .build();
    let producer = producer.await.unwrap();
    let fragile = kafka_client::producer::Record::to("t")
        .partition(0)
        .value(FRAGILE);
    producer.send(fragile).await.unwrap().await.unwrap();
    fixture.write(2, 301, 300).await;

    wire.damage();
    let consumer = fixture.consumer().build().await.unwrap();
    consumer.assign(partitions(2)).unwrap();
    let (mut seen, mut told) = (Vec::new(), Vec::new());
    within("everything but the damaged record", async {
        while seen.len() < 300 + 600 || told.is_empty() {
            match consumer.poll(Duration::from_millis(100)).await {
                Ok(records) => seen.extend(
                    records
                        .records()
                        .map(|r| (r.partition().partition, r.offset())),
                ),
                Err(error) => told.push(error),
            }
        }
    })
    .await;
    assert!(
        consumer.poll(Duration::from_millis(100)).await.is_err(),
        "told again when there is nothing else"
    );
    let Error::Corrupt {
        partition: name,
        offset,
        next_offset,
        ..
    } = &told[0]
    else {
        panic!("{told:?}")
    };
    assert_eq!(
        (name, *offset, *next_offset),
        (&partition(0), 300, Some(301))
    );
    assert_eq!(consumer.position(&partition(0)).await, Ok(300));

    consumer.seek(&partition(0), 301).unwrap();
    within("what comes after it", async {
        while seen.len() < 1200 {
            let records = consumer.poll(Duration::from_millis(100)).await.unwrap();
            seen.extend(
                records
                    .records()
                    .map(|r| (r.partition().partition, r.offset())),
            );
        }
    })
    .await;
    let of = |number| {
        seen.iter()
            .filter(|(p, _)| *p == number)
            .map(|(_, offset)| *offset)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(0), (0..300).chain(301..601).collect::<Vec<_>>());
    assert_eq!(of(1), (0..600).collect::<Vec<_>>());

    // The log itself is whole: once the wire is mended, the record can be read.
    wire.mend();
    consumer.seek(&partition(0), 300).unwrap();
    let again = poll_until(&consumer, "the record itself", |seen| !seen.is_empty()).await;
    assert_eq!(again[0].value, FRAGILE);
}

#[tokio::test]
async fn without_checking_checksums_damage_goes_unnoticed() {
    let (fixture, wire) = over_a_wire(1).await;
    let producer = kafka_client::producer::Producer::builder()
        .bootstrap_servers(&fixture.servers)
        .build();
    let record = kafka_client::producer::Record::to("t")
        .partition(0)
        .value(FRAGILE);
    producer
        .await
        .unwrap()
        .send(record)
        .await
        .unwrap()
        .await
        .unwrap();
    wire.damage();
    let consumer = fixture.consumer().check_crcs(false).build().await.unwrap();
    consumer.assign(partitions(1)).unwrap();
    let seen = poll_until(&consumer, "the damaged record", |seen| !seen.is_empty()).await;
    assert_ne!(seen[0].value, FRAGILE);
}

#[tokio::test]
async fn a_broker_that_goes_away_is_told_of_in_time_and_reading_goes_on_when_it_is_back() {
    let (fixture, wire) = over_a_wire(2).await;
    fixture.write(2, 0, 100).await;
    let consumer = fixture
        .consumer()
        .request_timeout(Duration::from_millis(500))
        .build()
        .await
        .unwrap();
    consumer.assign(partitions(2)).unwrap();
    let mut seen = poll_until(&consumer, "what is there", |seen| seen.len() >= 200).await;
    wire.cut().await;
    let begin = Instant::now();
    let error = loop {
        match consumer.poll(Duration::from_millis(100)).await {
            Ok(records) => assert!(records.is_empty()),
            Err(error) => break error,
        }
        assert!(
            begin.elapsed() < LIMIT,
            "nobody tells that the broker is gone"
        );
    };
    assert!(error.is_retriable(), "{error}");
    assert!(
        begin.elapsed() >= Duration::from_millis(400),
        "a hiccup is not worth an error"
    );
    wire.mend();
    fixture.write(2, 100, 100).await;
    within("what comes after that", async {
        while seen.len() < 400 {
            let Ok(records) = consumer.poll(Duration::from_millis(100)).await else {
                continue;
            };
            seen.extend(records.records().map(|record| Seen {
                partition: record.partition().partition,
                offset: record.offset(),
                value: String::new(),
            }));
        }
    })
    .await;
    assert_whole(&seen, 2, 200);
}

#[tokio::test]
async fn a_hiccup_of_the_wire_is_nobodys_business() {
    let (fixture, wire) = over_a_wire(2).await;
    let consumer = fixture.member().build().await.unwrap();
    consumer.subscribe(["t"]).unwrap();
    let mut seen = Vec::new();
    for round in 0..5 {
        fixture.write(2, round * 100, 100).await;
        seen.extend(poll_until(&consumer, "100 more of each", |seen| seen.len() >= 200).await);
        wire.cut().await;
        wire.mend();
    }
    assert_whole(&seen, 2, 500);
    consumer.close(LIMIT).await.unwrap();
}

#[tokio::test]
async fn closing_is_bounded_in_time_and_dropping_takes_none() {
    let (fixture, wire) = over_a_wire(2).await;
    fixture.write(2, 0, 10).await;
    let (one, two) = (
        fixture.member().build().await.unwrap(),
        fixture.member().build().await.unwrap(),
    );
    one.subscribe(["t"]).unwrap();
    poll_until(&one, "records", |seen| seen.len() >= 20).await;
    two.subscribe(["t"]).unwrap();
    wire.cut().await;
    let begin = Instant::now();
    let result = one.close(Duration::from_millis(300)).await;
    assert!(matches!(&result, Err(Error::Timeout { .. })), "{result:?}");
    assert!(
        begin.elapsed() < Duration::from_millis(900),
        "{:?}",
        begin.elapsed()
    );
    let begin = Instant::now();
    drop((one, two));
    assert!(begin.elapsed() < Duration::from_millis(100));
}

#[tokio::test]
async fn a_poll_that_waits_ends_when_the_consumer_is_closed() {
    let fixture = Fixture::start(1).await;
    let consumer = fixture.member().build().await.unwrap();
    consumer.subscribe(["t"]).unwrap();
    let polling = tokio::spawn({
        let consumer = consumer.clone();
        async move {
            loop {
                if let Err(error) = consumer.poll(LIMIT).await {
                    return error;
                }
            }
        }
    });
    within("the assignment", async {
        while consumer.assignment().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    consumer.close(LIMIT).await.unwrap();
    assert!(matches!(
        within("the end of the poll", polling).await.unwrap(),
        Error::Closed { .. }
    ));
}
