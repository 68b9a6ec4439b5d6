//! The engine's Kafka source and sink: the same promises on the embedded broker and on a real Kafka.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka_client::TopicPartition;
use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{Consumer, OffsetReset};
use kafka_client::producer::{Producer, Record};
use stream_engine::kafka::{KafkaSink, KafkaSource, OffsetRange, StartingOffsets};
use stream_engine::{DStream, EngineError, StreamingContext, Trigger};
use tests::kafka::{WAIT, unique};

/// Each promise is kept on the embedded broker, and on the Kafka that `KAFKA_BOOTSTRAP` names.
macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        mod on_the_embedded_broker {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let broker = kafka_broker::Broker::builder().start().await.unwrap();
                super::$name(&broker.bootstrap_servers()).await;
                broker.shutdown().await;
            })*
        }

        mod on_a_real_kafka {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs Kafka: tests/kafka/kafka.sh"]
            async fn $name() {
                super::$name(&tests::kafka::bootstrap()).await;
            })*
        }
    };
}

promises!(
    counts_add_up_to_the_words_that_went_in,
    a_restarted_program_goes_on_where_the_last_commit_was,
    a_batch_that_fails_is_not_committed_and_comes_again,
    a_batch_takes_no_more_than_the_rate_allows,
    ranges_of_consecutive_batches_follow_one_another,
    a_value_that_is_not_utf8_is_named_by_its_offset,
    a_topic_that_does_not_exist_is_named_at_the_start,
    a_topic_that_is_created_while_the_program_starts_is_waited_for,
);

/// A topic with these lines in each of two partitions.
async fn topic_of(servers: &str, lines: &[&str]) -> String {
    let topic = unique("lines");
    let admin = Admin::builder()
        .bootstrap_servers(servers)
        .build()
        .await
        .unwrap();
    for (_, result) in admin
        .create_topics([NewTopic::new(&topic).partitions(2)])
        .await
        .unwrap()
    {
        result.unwrap();
    }
    write(servers, &topic, lines).await;
    topic
}

async fn write(servers: &str, topic: &str, lines: &[&str]) {
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        .build()
        .await
        .unwrap();
    for partition in 0..2 {
        for line in lines {
            let record = Record::to(topic).partition(partition).value(line);
            drop(producer.send(record).await.unwrap());
        }
    }
    producer.flush().await.unwrap();
    producer.close(WAIT).await.unwrap();
}

fn context() -> StreamingContext {
    context_with(Trigger::Continuous)
}

fn context_with(trigger: Trigger) -> StreamingContext {
    let builder = StreamingContext::builder("test").batch_duration(Duration::from_millis(100));
    builder.trigger(trigger).threads(2).build().unwrap()
}

fn source(servers: &str, topic: &str, group: &str) -> KafkaSource {
    KafkaSource::subscribe([topic])
        .bootstrap_servers(servers)
        .group_id(group)
        .starting_offsets(StartingOffsets::Earliest)
}

/// Stops the context gracefully after the batch in which the stream has brought `count` records in all.
fn stop_after<T: stream_engine::Data>(ssc: &StreamingContext, stream: &DStream<T>, count: u64) {
    let (handle, mut seen) = (ssc.stop_handle(), 0);
    stream.foreach_rdd(move |rdd| {
        seen += rdd.count()?;
        if seen >= count {
            handle.stop_gracefully();
        }
        Ok::<_, EngineError>(())
    });
}

async fn terminated(ssc: &StreamingContext) -> Result<(), EngineError> {
    let ended = ssc.await_termination_or_timeout(WAIT).await?;
    assert!(ended, "the context did not stop within {WAIT:?}");
    Ok(())
}

/// Collects the values of every batch.
fn collect(stream: &DStream<stream_engine::kafka::KafkaRecord>) -> Arc<Mutex<Vec<Vec<String>>>> {
    let batches = Arc::new(Mutex::new(Vec::new()));
    let collected = batches.clone();
    stream
        .map(|record| record.value_utf8_lossy().into_owned())
        .foreach_rdd(move |rdd| {
            let values = rdd.collect()?;
            collected.lock().unwrap().push(values);
            Ok::<_, EngineError>(())
        });
    batches
}

async fn counts_add_up_to_the_words_that_went_in(servers: &str) {
    let topic = topic_of(servers, &["to be or not to be", "be"]).await;
    let output = unique("counts");
    let admin = Admin::builder()
        .bootstrap_servers(servers)
        .build()
        .await
        .unwrap();
    admin
        .create_topics([NewTopic::new(&output).partitions(2)])
        .await
        .unwrap();

    let ssc = context();
    let lines = ssc
        .kafka_direct_stream(source(servers, &topic, &unique("group")))
        .unwrap();
    let words = lines.flat_map_into(|line, words| {
        words.extend(
            line.value_utf8_lossy()
                .split(' ')
                .map(|word| (word.to_owned(), 1u64)),
        );
    });
    words
        .reduce_by_key(|a, b| a + b)
        .save_to_kafka(KafkaSink::topic(&output).bootstrap_servers(servers));
    stop_after(&ssc, &lines, 4);
    ssc.start().unwrap();
    terminated(&ssc).await.unwrap();

    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (key, value) in read_all(servers, &output).await {
        *counts.entry(key).or_default() += value.parse::<u64>().unwrap();
    }
    let expected =
        [("be", 6), ("not", 2), ("or", 2), ("to", 4)].map(|(word, count)| (word.to_owned(), count));
    assert_eq!(counts, BTreeMap::from(expected));
}

/// Keys and values of all that is in a topic of two partitions.
async fn read_all(servers: &str, topic: &str) -> Vec<(String, String)> {
    let consumer = Consumer::builder()
        .bootstrap_servers(servers)
        .auto_offset_reset(OffsetReset::Earliest)
        .build()
        .await
        .unwrap();
    let partitions = [TopicPartition::new(topic, 0), TopicPartition::new(topic, 1)];
    consumer.assign(partitions.clone()).unwrap();
    let end: i64 = consumer
        .end_offsets(&partitions)
        .await
        .unwrap()
        .values()
        .sum();
    let mut records = Vec::new();
    while (records.len() as i64) < end {
        let polled = consumer.poll(WAIT).await.unwrap();
        assert!(
            !polled.is_empty(),
            "no records within {WAIT:?}, {} of {end} read",
            records.len()
        );
        for record in polled.records() {
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            records.push((
                text(record.key_str().unwrap()),
                text(record.value_str().unwrap()),
            ));
        }
    }
    records
}

async fn a_restarted_program_goes_on_where_the_last_commit_was(servers: &str) {
    let topic = topic_of(servers, &["a", "b"]).await;
    let group = unique("group");
    for (expected, more) in [
        (["a", "a", "b", "b"], Some(["c", "d"])),
        (["c", "c", "d", "d"], None),
    ] {
        let ssc = context();
        let lines = ssc
            .kafka_direct_stream(source(servers, &topic, &group))
            .unwrap();
        let batches = collect(&lines);
        stop_after(&ssc, &lines, 4);
        ssc.start().unwrap();
        terminated(&ssc).await.unwrap();
        let mut values = batches.lock().unwrap().concat();
        values.sort();
        assert_eq!(values, expected);
        if let Some(more) = more {
            write(servers, &topic, &more).await;
        }
    }
}

async fn a_batch_that_fails_is_not_committed_and_comes_again(servers: &str) {
    let topic = topic_of(servers, &["a", "b"]).await;
    let group = unique("group");
    let ssc = context();
    let lines = ssc
        .kafka_direct_stream(source(servers, &topic, &group))
        .unwrap();
    let before = collect(&lines);
    lines
        .map(|record| assert_ne!(record.value(), Some(&b"b"[..]), "a defect of the program"))
        .foreach_rdd(|rdd| rdd.count().map(|_| ()));
    ssc.start().unwrap();
    let error = terminated(&ssc).await.unwrap_err().to_string();
    assert!(
        error.contains("map at") && error.contains("a defect of the program"),
        "{error}"
    );
    assert!(!before.lock().unwrap().is_empty(), "the batch had begun");

    let ssc = context();
    let lines = ssc
        .kafka_direct_stream(source(servers, &topic, &group))
        .unwrap();
    let again = collect(&lines);
    stop_after(&ssc, &lines, 4);
    ssc.start().unwrap();
    terminated(&ssc).await.unwrap();
    let mut values = again.lock().unwrap().concat();
    values.sort();
    assert_eq!(values, ["a", "a", "b", "b"]);
}

async fn a_batch_takes_no_more_than_the_rate_allows(servers: &str) {
    let topic = topic_of(servers, &["1", "2", "3", "4", "5", "6", "7"]).await;
    let ssc = context_with(Trigger::Interval);
    // 20 a second are 2 in a batch interval of 100 ms.
    let source = source(servers, &topic, &unique("group")).max_rate_per_partition(20);
    let lines = ssc.kafka_direct_stream(source).unwrap();
    let batches = collect(&lines);
    stop_after(&ssc, &lines, 14);
    ssc.start().unwrap();
    terminated(&ssc).await.unwrap();
    let batches = batches.lock().unwrap();
    assert!(batches.iter().all(|batch| batch.len() <= 4), "{batches:?}");
    let mut values = batches.concat();
    values.sort();
    assert_eq!(values.concat(), "11223344556677");
}

async fn ranges_of_consecutive_batches_follow_one_another(servers: &str) {
    let topic = topic_of(servers, &["1", "2", "3", "4", "5"]).await;
    let ssc = context();
    let source = source(servers, &topic, &unique("group")).max_rate_per_partition(20);
    let lines = ssc.kafka_direct_stream(source).unwrap();
    let seen: Arc<Mutex<Vec<OffsetRange>>> = Arc::default();
    let ranges = seen.clone();
    lines.filter(|_| true).foreach_rdd(move |rdd| {
        let of_batch = rdd
            .offset_ranges()
            .expect("narrow operators keep the ranges");
        assert_eq!(of_batch.len(), 2, "one range for each partition of the RDD");
        ranges.lock().unwrap().extend(of_batch.iter().cloned());
    });
    stop_after(&ssc, &lines, 10);
    ssc.start().unwrap();
    terminated(&ssc).await.unwrap();
    let seen = seen.lock().unwrap();
    for partition in 0..2 {
        let partition = TopicPartition::new(&*topic, partition);
        let mut position = 0;
        for range in seen.iter().filter(|range| range.partition == partition) {
            assert_eq!(range.from, position, "{seen:?}");
            position = range.until;
        }
        assert_eq!(position, 5);
    }
}

async fn a_value_that_is_not_utf8_is_named_by_its_offset(servers: &str) {
    let topic = topic_of(servers, &["fine"]).await;
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        .build()
        .await
        .unwrap();
    let delivery = producer
        .send(Record::to(&topic).partition(1).value(&[0xff]))
        .await
        .unwrap();
    assert_eq!(delivery.await.unwrap().offset, Some(1));

    let ssc = context();
    let lines = ssc
        .kafka_direct_stream(source(servers, &topic, &unique("group")))
        .unwrap();
    let texts = lines.try_map(|record| {
        record
            .value_str()
            .map(|text| text.unwrap_or_default().to_owned())
    });
    texts.foreach_rdd(|rdd| rdd.collect().map(|_| ()));
    ssc.start().unwrap();
    let error = terminated(&ssc).await.unwrap_err().to_string();
    assert!(
        error.contains(&format!("{topic}-1")) && error.contains("offset 1"),
        "{error}"
    );
}

async fn a_topic_that_does_not_exist_is_named_at_the_start(servers: &str) {
    let ssc = context();
    let topic = unique("nowhere");
    let lines = ssc
        .kafka_direct_stream(source(servers, &topic, "group"))
        .unwrap();
    lines.print();
    let error = ssc.start().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(&topic), "{error}");
}

async fn a_topic_that_is_created_while_the_program_starts_is_waited_for(servers: &str) {
    let topic = unique("soon");
    let ssc = Arc::new(context());
    let lines = ssc
        .kafka_direct_stream(source(servers, &topic, &unique("group")))
        .unwrap();
    lines.print();
    let starting = ssc.clone();
    let start = tokio::task::spawn_blocking(move || starting.start().map(|_| ()));
    let admin = Admin::builder()
        .bootstrap_servers(servers)
        .build()
        .await
        .unwrap();
    admin
        .create_topics([NewTopic::new(&topic).partitions(2)])
        .await
        .unwrap();
    start.await.unwrap().unwrap();
    ssc.stop();
    terminated(&ssc).await.unwrap();
}

#[tokio::test]
async fn an_address_that_nobody_listens_on_is_named_at_the_start() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let ssc = context();
    let lines = ssc
        .kafka_direct_stream(source(&free.to_string(), "lines", "group"))
        .unwrap();
    lines.print();
    let error = ssc.start().map(|_| ()).unwrap_err().to_string();
    assert!(
        error.contains(&free.to_string()) && error.contains("refused"),
        "{error}"
    );
}
