//! Backlogs, and what bounds a batch.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kafka_client::admin::NewTopic;
use kafka_client::producer::{Producer, Record};
use stream_engine::{EngineError, StreamingContext, Trigger};
use tests::kafka::{WAIT, unique};

use crate::program::{create, run, source, write};

const MILLION: u64 = 1_000_000;

pub(crate) async fn a_backlog_of_a_million_is_read_within_the_limits(servers: &str) {
    let topic = unique("backlog");
    create(servers, NewTopic::new(&topic).partitions(4)).await;
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        .batch_size(256 << 10);
    let producer = producer.build().await.unwrap();
    // Two partitions have nearly all of it.
    for chunk in 0..MILLION / 1000 {
        let partition = [0, 1, 0, 1, 2, 0, 1, 0, 1, 3][chunk as usize % 10];
        let records = (0..1000).map(|_| Record::to(&topic).partition(partition).value("12345678"));
        producer.send_all(records).await.unwrap();
    }
    producer.flush().await.unwrap();
    producer.close(WAIT).await.unwrap();

    let (total, most) = (Arc::new(AtomicU64::new(0)), 30_000);
    let ssc = StreamingContext::builder("backlog")
        .batch_duration(Duration::from_millis(100))
        .trigger(Trigger::Interval)
        .threads(2)
        .build()
        .unwrap();
    // 500,000 a second are 50,000 in a batch, for each partition; the batch's own limit is lower than that of all.
    let source = source(servers, &topic, &unique("group"));
    let limited = source
        .max_rate_per_partition(500_000)
        .max_batch_records(most);
    let records = ssc.kafka_direct_stream(limited).unwrap();
    let (counted, handle) = (total.clone(), ssc.stop_handle());
    records.foreach_rdd(move |rdd| {
        let count = rdd.count()?;
        assert!(count <= most, "{count} records in a batch");
        let ranges = rdd.offset_ranges().unwrap();
        assert_eq!(ranges.iter().map(|range| range.count()).sum::<u64>(), count);
        if counted.fetch_add(count, Ordering::Relaxed) + count >= MILLION {
            handle.stop_gracefully();
        }
        Ok::<_, EngineError>(())
    });
    ssc.start().unwrap();
    let ended = ssc.await_termination_or_timeout(WAIT).await.unwrap();
    assert!(
        ended,
        "{} of {MILLION} records read within {WAIT:?}",
        total.load(Ordering::Relaxed)
    );
    assert_eq!(total.load(Ordering::Relaxed), MILLION);
}

pub(crate) async fn a_continuous_program_keeps_to_the_rate(servers: &str) {
    let topic = unique("paced");
    create(servers, NewTopic::new(&topic).partitions(1)).await;
    write(servers, &topic, 0, &["x"; 400]).await;
    let begin = Instant::now();
    let paced = source(servers, &topic, &unique("group")).max_rate_per_partition(200);
    let mut program = run(paced);
    program.records(400).await;
    // However many batches there are, and however long they are: two seconds, but for what may be saved up in one.
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(1), "400 records in {took:?}");
    program.stop().await;
}

pub(crate) async fn the_bytes_of_a_batch_are_bounded(servers: &str) {
    let topic = unique("bytes");
    create(servers, NewTopic::new(&topic).partitions(2)).await;
    let value = "x".repeat(10_000);
    for partition in 0..2 {
        write(servers, &topic, partition, &[value.as_str(); 10]).await;
    }
    // Each record is a record batch of its own; three of them fit.
    let mut program = run(source(servers, &topic, &unique("group")).max_batch_bytes(35_000));
    let seen = program.records(20).await;
    assert!(
        seen.batches.iter().all(|(_, records)| *records <= 3),
        "{:?}",
        seen.batches
    );
    program.stop().await;
    // One that is larger than a batch may be goes by itself.
    let mut program = run(source(servers, &topic, &unique("group")).max_batch_bytes(100));
    let seen = program.records(20).await;
    assert!(
        seen.batches.iter().all(|(_, records)| *records <= 1),
        "{:?}",
        seen.batches
    );
    program.stop().await;
}
