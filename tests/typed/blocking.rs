//! The clients without async, called from threads, and from within async runtimes.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use kafka_broker::Broker;
use kafka_client::admin::{ConfigResource, ListGroups, NewPartitions, NewTopic};
use kafka_client::blocking::{Admin, Consumer, Producer, wait};
use kafka_client::consumer::{Isolation, OffsetReset};
use kafka_client::producer::{Record, TypedProducer, TypedRecord};
use kafka_client::serialization::Plain;
use kafka_client::{Error, TopicPartition};
use tests::kafka::{WAIT, bootstrap, unique};

/// A broker that lives on a runtime of its own.
fn embedded() -> (tokio::runtime::Runtime, Broker) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let broker = runtime.block_on(Broker::builder().start()).unwrap();
    (runtime, broker)
}

/// Does something on a thread of its own, which does not take longer than this.
fn bounded(servers: String, work: fn(&str)) {
    let (ended, ending) = mpsc::channel();
    let worker = thread::spawn(move || {
        work(&servers);
        let _ = ended.send(());
    });
    if let Err(mpsc::RecvTimeoutError::Timeout) = ending.recv_timeout(2 * WAIT) {
        panic!("not done within {:?}", 2 * WAIT);
    }
    worker.join().expect("no failure above");
}

fn producer(servers: &str) -> Producer {
    let builder = Producer::builder().bootstrap_servers(servers);
    builder.build_blocking().unwrap()
}

fn topic(servers: &str, name: &str) -> String {
    let admin = Admin::builder().bootstrap_servers(servers);
    let admin = admin.build_blocking().unwrap();
    let name = unique(name);
    let topic = NewTopic::new(&name).partitions(1).replication_factor(1);
    for (_, result) in admin.create_topics([topic]).unwrap() {
        result.unwrap();
    }
    name
}

fn what_is_written_is_read_by_a_group_and_committed(servers: &str) {
    let topic = topic(servers, "blocking");
    let producer = producer(servers);
    let sent = producer.send(Record::to(&topic).key("k").value("0"));
    let delivery = sent.unwrap();
    assert_eq!(
        delivery.partition(),
        &TopicPartition::new(topic.as_str(), 0)
    );
    assert_eq!(delivery.wait().unwrap().offset, Some(0));
    let values: Vec<String> = (1..100).map(|n| n.to_string()).collect();
    let records = values.iter().map(|value| Record::to(&topic).value(value));
    assert_eq!(producer.send_all(records).unwrap(), 99);
    let (told, telling) = mpsc::channel();
    let callback = move |result| told.send(result).unwrap();
    producer
        .send_with(Record::to(&topic).value("100"), callback)
        .unwrap();
    producer.flush().unwrap();
    let metadata = telling.recv_timeout(WAIT).unwrap().unwrap();
    assert_eq!(metadata.offset, Some(100));
    producer.close(WAIT).unwrap();
    let error = producer.send(Record::to(&topic)).unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");

    let group = unique("blocking");
    let consumer = Consumer::builder()
        .bootstrap_servers(servers)
        .group_id(&group)
        .enable_auto_commit(false)
        .auto_offset_reset(OffsetReset::Earliest)
        .build_blocking()
        .unwrap();
    consumer.subscribe([topic.as_str()]).unwrap();
    let mut read = Vec::new();
    for record in &consumer {
        read.push(record.unwrap().value_utf8_lossy().into_owned());
        if read.len() == 101 {
            break;
        }
    }
    let expected: Vec<String> = (0..=100).map(|n| n.to_string()).collect();
    assert_eq!(read, expected);
    let partition = TopicPartition::new(topic.as_str(), 0);
    let partitions = [partition.clone()];
    assert_eq!(consumer.assignment(), partitions);
    consumer.commit_sync().unwrap();
    let committed = consumer.committed(&partitions).unwrap();
    assert_eq!(committed[&partition].as_ref().unwrap().offset, 101);
    assert_eq!(consumer.position(&partition).unwrap(), 101);
    assert_eq!(consumer.end_offsets(&partitions).unwrap()[&partition], 101);
    assert_eq!(
        consumer.beginning_offsets(&partitions).unwrap()[&partition],
        0
    );
    consumer.seek(&partition, 100).unwrap();
    wait(consumer.commit_async().unwrap()).unwrap();
    let last = consumer.iter().next().unwrap().unwrap();
    assert_eq!(last.offset(), 100);
    consumer.pause(&partitions).unwrap();
    assert_eq!(consumer.paused(), partitions);
    consumer.close(WAIT).unwrap();
    assert!(consumer.iter().next().is_none());
}

#[test]
fn groups_on_the_embedded_broker() {
    let (_runtime, broker) = embedded();
    bounded(
        broker.bootstrap_servers(),
        what_is_written_is_read_by_a_group_and_committed,
    );
}

#[test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
fn groups_on_kafka() {
    bounded(
        bootstrap(),
        what_is_written_is_read_by_a_group_and_committed,
    );
}

fn transactions_are_seen_when_they_are_committed(servers: &str) {
    let topic = topic(servers, "blocking-transactions");
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        .transactional_id(unique("blocking"));
    let producer = producer.build_blocking().unwrap();
    producer.init_transactions().unwrap();
    for (value, commits) in [("aborted", false), ("committed", true)] {
        producer.begin_transaction().unwrap();
        let sent = producer.send(Record::to(&topic).value(value)).unwrap();
        sent.wait().unwrap();
        if commits {
            producer.commit_transaction().unwrap();
        } else {
            producer.abort_transaction().unwrap();
        }
    }
    producer.close(WAIT).unwrap();
    let consumer = Consumer::builder()
        .bootstrap_servers(servers)
        .isolation_level(Isolation::ReadCommitted);
    let consumer = consumer.build_blocking().unwrap();
    let partition = TopicPartition::new(topic, 0);
    consumer.assign_at([(partition, 0)]).unwrap();
    let record = consumer.iter().next().unwrap().unwrap();
    assert_eq!(record.value(), Some(&b"committed"[..]));
}

#[test]
fn transactions_on_the_embedded_broker() {
    let (_runtime, broker) = embedded();
    bounded(
        broker.bootstrap_servers(),
        transactions_are_seen_when_they_are_committed,
    );
}

#[test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
fn transactions_on_kafka() {
    bounded(bootstrap(), transactions_are_seen_when_they_are_committed);
}

fn an_admin_does_what_it_has_methods_for_and_everything_else(servers: &str) {
    let name = topic(servers, "blocking-admin");
    let admin = Admin::builder().bootstrap_servers(servers);
    let admin = admin.build_blocking().unwrap();
    let topics = admin.list_topics().unwrap();
    assert!(topics.iter().any(|topic| topic.name == name));
    let grown = admin.create_partitions([(&name, NewPartitions::increase_to(3))]);
    grown.unwrap().remove(0).1.unwrap();
    let described = admin.describe_topics([&name]).unwrap().remove(0).1.unwrap();
    assert_eq!(described.partitions.len(), 3);
    admin.list_groups(ListGroups::default()).unwrap();
    assert!(!admin.describe_cluster().unwrap().brokers.is_empty());
    let brokers = admin.call(|admin| admin.brokers()).unwrap();
    assert!(!brokers.is_empty());
    admin.delete_topics([&name]).unwrap().remove(0).1.unwrap();
    let gone = admin.delete_topics(["not-there"]).unwrap().remove(0).1;
    assert!(matches!(gone, Err(Error::Broker { .. })), "{gone:?}");
}

#[test]
fn admin_on_the_embedded_broker() {
    let (_runtime, broker) = embedded();
    an_admin_does_what_it_has_methods_for_and_everything_else(&broker.bootstrap_servers());
}

#[test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
fn admin_on_kafka() {
    let servers = bootstrap();
    let name = topic(&servers, "blocking-configs");
    let admin = Admin::builder().bootstrap_servers(&servers);
    let admin = admin.build_blocking().unwrap();
    let configs = admin.describe_configs([ConfigResource::Topic(name)]);
    let configs = configs.unwrap().remove(0).1.unwrap();
    assert!(configs.iter().any(|config| config.name == "retention.ms"));
    an_admin_does_what_it_has_methods_for_and_everything_else(&servers);
}

/// Far more records than one turn of a task may have, in both kinds of runtime, and on a thread for blocking work.
#[test]
fn calls_from_within_an_async_runtime_work() {
    let (_runtime, broker) = embedded();
    let servers = broker.bootstrap_servers();
    let topic = topic(&servers, "blocking-nested");
    let work = move || {
        let producer = producer(&servers);
        for n in 0..1000 {
            let value = format!("{n}");
            drop(producer.send(Record::to(&topic).value(&value)).unwrap());
        }
        producer.close(WAIT).unwrap();
    };
    let (ended, ending) = mpsc::channel();
    thread::spawn(move || {
        let current = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        current.block_on(async { work() });
        let many = tokio::runtime::Builder::new_multi_thread();
        let many = { many }.worker_threads(1).build().unwrap();
        many.block_on(async {
            let work = work.clone();
            tokio::spawn(async move { work() }).await.unwrap();
        });
        many.block_on(many.spawn_blocking(work)).unwrap();
        ended.send(()).unwrap();
    });
    ending.recv_timeout(WAIT).expect("all three, in time");
}

#[test]
fn callbacks_that_call_back_are_told_so() {
    let (_runtime, broker) = embedded();
    let servers = broker.bootstrap_servers();
    let topic = topic(&servers, "blocking-callback");
    let producer = producer(&servers);
    let (told, telling) = mpsc::channel();
    let (again, to) = (producer.clone(), topic.clone());
    let callback = move |_| told.send(again.send(Record::to(&to)).map(drop)).unwrap();
    producer.send_with(Record::to(&topic), callback).unwrap();
    let error = telling.recv_timeout(WAIT).unwrap().unwrap_err();
    assert!(matches!(error, Error::IllegalState { .. }), "{error}");
    // And the thread goes on.
    producer.flush().unwrap();
}

#[test]
fn a_consumer_is_ended_by_another_thread() {
    let (_runtime, broker) = embedded();
    let servers = broker.bootstrap_servers();
    let topic = topic(&servers, "blocking-closing");
    let consumer = Consumer::builder().bootstrap_servers(&servers);
    let consumer = consumer.build_blocking().unwrap();
    let partition = TopicPartition::new(topic, 0);
    consumer.assign_at([(partition, 0)]).unwrap();
    let (ended, ending) = mpsc::channel();
    let reader = consumer.clone();
    thread::spawn(move || ended.send(reader.iter().count()));
    consumer.close(WAIT).unwrap();
    assert_eq!(ending.recv_timeout(WAIT), Ok(0));
}

#[test]
fn dropping_never_waits_and_what_was_buffered_is_still_sent() {
    let (runtime, broker) = embedded();
    let servers = broker.bootstrap_servers();
    let topic = topic(&servers, "blocking-dropped");
    let builder = Producer::builder().bootstrap_servers(&servers);
    let producer = builder.linger(Duration::from_millis(50)).build_blocking();
    let producer = producer.unwrap();
    drop(producer.send(Record::to(&topic).value("v")).unwrap());
    let begin = Instant::now();
    drop(producer);
    assert!(begin.elapsed() < Duration::from_millis(50));
    let consumer = Consumer::builder().bootstrap_servers(&servers);
    let consumer = consumer.build_blocking().unwrap();
    let partition = TopicPartition::new(topic, 0);
    consumer.assign_at([(partition, 0)]).unwrap();
    assert_eq!(consumer.poll(WAIT).unwrap().len(), 1);
    // With the broker gone as well.
    drop((broker, runtime));
    let begin = Instant::now();
    drop(consumer);
    assert!(begin.elapsed() < Duration::from_millis(50));
}

#[test]
fn errors_are_those_of_the_async_clients() {
    let error = Producer::builder().build_blocking().unwrap_err();
    assert!(matches!(error, Error::Config { .. }), "{error}");
    let nobody = Admin::builder().bootstrap_servers("127.0.0.1:1");
    let error = nobody
        .api_timeout(Duration::from_millis(100))
        .build_blocking();
    let error = error.unwrap_err();
    assert!(error.is_retriable(), "{error}");
}

#[test]
fn typed_records_are_sent_by_waiting_for_the_async_producer() {
    let (_runtime, broker) = embedded();
    let servers = broker.bootstrap_servers();
    let topic = topic(&servers, "blocking-typed");
    let producer = producer(&servers);
    let counts: TypedProducer<str, i64> = TypedProducer::new(producer.as_async().clone());
    let record = TypedRecord::to(&topic).key("apples").value(&3);
    let delivery = wait(counts.send(record)).unwrap();
    assert_eq!(wait(delivery).unwrap().offset, Some(0));
    let consumer = Consumer::builder().bootstrap_servers(&servers);
    let consumer = consumer.build_blocking().unwrap();
    let partition = TopicPartition::new(topic, 0);
    consumer.assign_at([(partition, 0)]).unwrap();
    let records = consumer.poll(WAIT).unwrap();
    let mut typed = records.typed::<&str, i64>(&Plain, &Plain);
    assert_eq!(typed.next().unwrap().unwrap().value, 3);
}
