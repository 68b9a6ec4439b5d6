//! Transactions against a real Kafka, whose address is in `KAFKA_BOOTSTRAP`. Which protocol they are spoken of with is the
//! cluster's feature `transaction.version`: each test holds under both. A new cluster has the second; this gives it the
//! first: `kafka.sh tool features --bootstrap-server "$KAFKA_BOOTSTRAP" downgrade --feature transaction.version=1`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_client::admin::{Admin, NewTopic};
use kafka_client::consumer::{
    Consumer, ConsumerBuilder, ConsumerGroupMetadata, Isolation, OffsetAndMetadata, OffsetReset,
};
use kafka_client::producer::{Producer, ProducerBuilder, Record};
use kafka_client::{Error, TopicPartition};
use tests::kafka::{WAIT, bootstrap, unique};

/// Waits for something, and says what it was if it does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {WAIT:?}"))
}

async fn topic(name: &str, partitions: i32) -> String {
    let name = unique(name);
    let admin = Admin::builder().bootstrap_servers(bootstrap()).build();
    let admin = within("an admin client", admin).await.unwrap();
    let topic = NewTopic::new(&name).partitions(partitions);
    for (name, result) in within("a topic", admin.create_topics([topic]))
        .await
        .unwrap()
    {
        result.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    name
}

async fn producer(id: &str, set: impl FnOnce(ProducerBuilder) -> ProducerBuilder) -> Producer {
    let builder = Producer::builder()
        .bootstrap_servers(bootstrap())
        .transactional_id(id);
    let producer = within("a producer", set(builder).build()).await.unwrap();
    within("its id", producer.init_transactions())
        .await
        .unwrap();
    producer
}

async fn consumer(set: impl FnOnce(ConsumerBuilder) -> ConsumerBuilder) -> Consumer {
    let builder = Consumer::builder()
        .bootstrap_servers(bootstrap())
        .auto_offset_reset(OffsetReset::Earliest);
    within("a consumer", set(builder).build()).await.unwrap()
}

/// All values of a topic that a reader of this isolation gets to see up to the present end, sorted.
async fn read(topic: &str, partitions: i32, isolation: Isolation) -> Vec<String> {
    let consumer = consumer(|builder| builder.isolation_level(isolation)).await;
    let partitions: Vec<_> = (0..partitions)
        .map(|partition| TopicPartition::new(topic, partition))
        .collect();
    let ends = within("the ends", consumer.end_offsets(&partitions))
        .await
        .unwrap();
    consumer
        .assign_at(partitions.iter().map(|partition| (partition.clone(), 0)))
        .unwrap();
    let mut seen = Vec::new();
    within("what is there", async {
        loop {
            let mut is_over = true;
            for partition in &partitions {
                is_over &= consumer.position(partition).await.unwrap() >= ends[partition];
            }
            if is_over {
                break;
            }
            let records = consumer.poll(Duration::from_millis(50)).await.unwrap();
            for record in records.records() {
                seen.push(record.value_str().unwrap().unwrap_or_default().to_owned());
            }
        }
    })
    .await;
    seen.sort();
    seen
}

async fn send_all(producer: &Producer, topic: &str, values: &[String]) {
    let records = values.iter().map(|value| Record::to(topic).value(value));
    within("sending", producer.send_all(records)).await.unwrap();
}

fn values(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n:05}")).collect()
}

async fn begin(producer: &Producer) {
    within("a transaction", producer.begin_transaction())
        .await
        .unwrap();
}

async fn commit(producer: &Producer) {
    within("the commit", producer.commit_transaction())
        .await
        .unwrap();
}

async fn abort(producer: &Producer) {
    within("the abort", producer.abort_transaction())
        .await
        .unwrap();
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn committed_is_seen_and_aborted_is_not() {
    let topic = topic("committed", 3).await;
    let producer = producer(&unique("tx"), |builder| builder.batch_size(2000)).await;
    let mut committed = Vec::new();
    let mut all = Vec::new();
    // Batches that are on their way, batches that are not sent yet, and transactions without any.
    for round in 0..12 {
        begin(&producer).await;
        let written = values(&format!("{round:02}-"), [500, 0, 1][round % 3]);
        send_all(&producer, &topic, &written).await;
        if round % 2 == 0 {
            commit(&producer).await;
            committed.extend(written.clone());
        } else {
            if round % 4 == 1 {
                within("what is aborted then", producer.flush())
                    .await
                    .unwrap();
                all.extend(written);
            }
            abort(&producer).await;
        }
    }
    committed.sort();
    assert_eq!(read(&topic, 3, Isolation::ReadCommitted).await, committed);
    let uncommitted = read(&topic, 3, Isolation::ReadUncommitted).await;
    all.extend(committed);
    for value in &all {
        assert!(uncommitted.binary_search(value).is_ok(), "{value} is there");
    }
    within("closing", producer.close(WAIT)).await.unwrap();
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn transactions_of_several_producers_in_one_partition_are_told_apart() {
    let topic = topic("interleaved", 1).await;
    let mut producers = Vec::new();
    for _ in 0..3 {
        producers.push(producer(&unique("tx"), |builder| builder).await);
    }
    let mut expected = Vec::new();
    // Each writes in two parts and ends at another time, so that their transactions overlap.
    for step in 0..60 {
        let (who, part) = (step % 3, step / 3 % 2);
        let producer = &producers[who];
        if part == 0 {
            begin(producer).await;
        }
        let written = values(&format!("{step:02}-{who}-"), 3);
        send_all(producer, &topic, &written).await;
        within("flushing", producer.flush()).await.unwrap();
        let is_committed = (step / 6 + who) % 2 == 0;
        if is_committed {
            expected.extend(written);
        }
        match (part, is_committed) {
            (0, _) => {}
            (_, true) => commit(producer).await,
            (_, false) => abort(producer).await,
        }
    }
    expected.sort();
    within("the last markers", async {
        while read(&topic, 1, Isolation::ReadCommitted).await.len() < expected.len() {}
    })
    .await;
    assert_eq!(read(&topic, 1, Isolation::ReadCommitted).await, expected);
    assert_eq!(
        read(&topic, 1, Isolation::ReadUncommitted).await.len(),
        60 * 3
    );
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn nothing_of_an_open_transaction_is_seen_by_those_who_read_committed() {
    let topic = topic("open", 1).await;
    let producer = producer(&unique("tx"), |builder| builder).await;
    begin(&producer).await;
    let written = values("v", 10);
    send_all(&producer, &topic, &written).await;
    within("flushing", producer.flush()).await.unwrap();
    assert!(read(&topic, 1, Isolation::ReadCommitted).await.is_empty());
    assert_eq!(read(&topic, 1, Isolation::ReadUncommitted).await, written);
    commit(&producer).await;
    within("the commit's marker", async {
        while read(&topic, 1, Isolation::ReadCommitted).await != written {}
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn positions_are_committed_with_the_transaction_or_not_at_all() {
    let topic = topic("positions", 2).await;
    let group = unique("group");
    let consumer = consumer(|builder| builder.group_id(&group)).await;
    let producer = producer(&unique("tx"), |builder| builder).await;
    let partitions = [
        TopicPartition::new(&*topic, 0),
        TopicPartition::new(&*topic, 1),
    ];
    let positions = |offset| {
        let each = partitions.iter().cloned();
        each.map(move |partition| (partition, OffsetAndMetadata::new(offset)))
    };
    let metadata = ConsumerGroupMetadata::new(&group);
    for (offset, is_committed, expected) in
        [(5, true, Some(5)), (9, false, Some(5)), (7, true, Some(7))]
    {
        begin(&producer).await;
        within(
            "sending positions",
            producer.send_offsets_to_transaction(positions(offset), &metadata),
        )
        .await
        .unwrap();
        // Whoever asks now has to wait, instead of reading what may be about to change.
        let asked = tokio::spawn({
            let (consumer, partitions) = (consumer.clone(), partitions.clone());
            async move { consumer.committed(&partitions).await }
        });
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(!asked.is_finished(), "the position is not settled yet");
        if is_committed {
            commit(&producer).await;
        } else {
            abort(&producer).await;
        }
        let found = within("the positions", asked).await.unwrap().unwrap();
        for partition in &partitions {
            let found = found[partition].as_ref().map(|found| found.offset);
            assert_eq!(found, expected, "{partition}");
        }
    }
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn the_older_of_two_producers_with_one_id_is_fenced_at_once() {
    let topic = topic("fenced", 1).await;
    let id = unique("tx");
    let older = producer(&id, |builder| builder).await;
    begin(&older).await;
    send_all(&older, &topic, &values("older", 3)).await;
    within("flushing", older.flush()).await.unwrap();
    let begun = Instant::now();
    let newer = producer(&id, |builder| builder).await;
    let delivery = older.send(Record::to(&topic).value("late")).await.unwrap();
    let error = within("the delivery", delivery).await.unwrap_err();
    assert!(
        matches!(error, Error::Fenced { .. }) && error.is_fatal(),
        "{error}"
    );
    assert!(error.to_string().contains(&id), "{error}");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    for result in [
        within("the commit", older.commit_transaction()).await,
        within("the abort", older.abort_transaction()).await,
        within("another transaction", older.begin_transaction()).await,
        older.try_send(Record::to(&topic).value("late")).map(drop),
    ] {
        assert_eq!(result, Err(error.clone()));
    }
    begin(&newer).await;
    send_all(&newer, &topic, &values("newer", 3)).await;
    commit(&newer).await;
    within("the commit's marker", async {
        while read(&topic, 1, Isolation::ReadCommitted).await != values("newer", 3) {}
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_producer_that_was_fenced_learns_it_when_it_commits() {
    let topic = topic("fenced-commit", 1).await;
    let id = unique("tx");
    let older = producer(&id, |builder| builder).await;
    begin(&older).await;
    send_all(&older, &topic, &values("older", 3)).await;
    within("flushing", older.flush()).await.unwrap();
    let _newer = producer(&id, |builder| builder).await;
    let error = within("the commit", older.commit_transaction())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
    assert!(read(&topic, 1, Isolation::ReadCommitted).await.is_empty());
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
    let topic = topic("timeout", 1).await;
    let id = unique("tx");
    let timeout = Duration::from_millis(500);
    let slow = producer(&id, |builder| builder.transaction_timeout(timeout)).await;
    begin(&slow).await;
    send_all(&slow, &topic, &values("slow", 3)).await;
    within("flushing", slow.flush()).await.unwrap();
    // The broker looks for such transactions every 10 seconds.
    within("the cluster's abort", async {
        let partition = [TopicPartition::new(&*topic, 0)];
        let consumer = consumer(|builder| builder.isolation_level(Isolation::ReadCommitted)).await;
        while consumer.end_offsets(&partition).await.unwrap()[&partition[0]] == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let error = within("the commit", slow.commit_transaction())
        .await
        .unwrap_err();
    assert!(error.is_fatal() && !error.is_retriable(), "{error}");
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
    assert!(
        error.to_string().contains("transaction.timeout.ms"),
        "{error}"
    );
    let again = producer(&id, |builder| builder).await;
    begin(&again).await;
    send_all(&again, &topic, &values("again", 3)).await;
    commit(&again).await;
    within("the commit's marker", async {
        while read(&topic, 1, Isolation::ReadCommitted).await != values("again", 3) {}
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn positions_of_a_member_that_has_left_are_refused() {
    let topic = topic("left", 1).await;
    let group = unique("group");
    let member = consumer(|builder| builder.group_id(&group)).await;
    member.subscribe([&*topic]).unwrap();
    within("the assignment", async {
        while member.assignment().is_empty() {
            member.poll(Duration::from_millis(50)).await.unwrap();
        }
    })
    .await;
    let metadata = member.group_metadata().unwrap();
    assert!(metadata.generation_id() >= 0 && !metadata.member_id().is_empty());
    let producer = producer(&unique("tx"), |builder| builder).await;
    let offsets = || [(TopicPartition::new(&*topic, 0), OffsetAndMetadata::new(1))];
    begin(&producer).await;
    let sending = producer.send_offsets_to_transaction(offsets(), &metadata);
    within("sending positions", sending).await.unwrap();
    commit(&producer).await;
    within("leaving", member.close(WAIT)).await.unwrap();
    // Another member, so that the group has a generation that the first is not in.
    let other = consumer(|builder| builder.group_id(&group)).await;
    other.subscribe([&*topic]).unwrap();
    within("the assignment", async {
        while other.assignment().is_empty() {
            other.poll(Duration::from_millis(50)).await.unwrap();
        }
    })
    .await;
    begin(&producer).await;
    let sending = producer.send_offsets_to_transaction(offsets(), &metadata);
    let error = within("sending positions", sending).await.unwrap_err();
    assert!(error.requires_abort() && !error.is_fatal(), "{error}");
    let committing = within("the commit", producer.commit_transaction()).await;
    assert_eq!(committing, Err(error));
    abort(&producer).await;
    begin(&producer).await;
    commit(&producer).await;
}

/// Copies `from` to `to` until `count` records are through, one transaction for each poll. Every `dies_every` transactions
/// the producer and the consumer are dropped in the middle of one, and others take over.
async fn copy(from: &str, to: &str, count: usize, dies_every: usize) -> usize {
    let (group, id) = (unique("copier"), unique("copier"));
    let (mut through, mut lives) = (0, 0);
    while through < count {
        lives += 1;
        let producer = producer(&id, |builder| builder.batch_size(500)).await;
        let consumer = consumer(|builder| {
            let builder = builder.group_id(&group).enable_auto_commit(false);
            builder
                .isolation_level(Isolation::ReadCommitted)
                .max_poll_records(40)
        })
        .await;
        let partitions: Vec<_> = (0..2).map(|n| TopicPartition::new(from, n)).collect();
        consumer.assign(partitions).unwrap();
        for transaction in 1.. {
            let records = within("records", async {
                loop {
                    let records = consumer.poll(Duration::from_millis(100)).await.unwrap();
                    if !records.is_empty() {
                        break records;
                    }
                }
            })
            .await;
            begin(&producer).await;
            for record in records.records() {
                let value = record.value().unwrap_or_default();
                producer.send(Record::to(to).value(value)).await.unwrap();
            }
            if transaction % dies_every == 0 {
                // Some of it is written already.
                within("flushing", producer.flush()).await.unwrap();
                break;
            }
            let metadata = consumer.group_metadata().unwrap();
            let sending = producer.send_offsets_to_transaction(records.next_offsets(), &metadata);
            within("sending positions", sending).await.unwrap();
            if transaction % dies_every == dies_every - 1 && lives % 2 == 0 {
                // Here it dies with its positions sent.
                break;
            }
            commit(&producer).await;
            through += records.len();
            if through >= count {
                break;
            }
        }
    }
    lives
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn what_is_consumed_is_produced_once_whoever_dies_in_between() {
    const COUNT: usize = 600;
    let (from, to) = (topic("from", 2).await, topic("to", 3).await);
    let source = producer(&unique("source"), |builder| builder.batch_size(500)).await;
    let expected = values("v", COUNT);
    for chunk in expected.chunks(100) {
        begin(&source).await;
        send_all(&source, &from, &values("aborted", 30)).await;
        within("flushing", source.flush()).await.unwrap();
        abort(&source).await;
        begin(&source).await;
        send_all(&source, &from, chunk).await;
        commit(&source).await;
    }
    let lives = copy(&from, &to, COUNT, 5).await;
    assert!(lives > 2, "it died {lives} times");
    within("the last commit's marker", async {
        while read(&to, 3, Isolation::ReadCommitted).await.len() < COUNT {}
    })
    .await;
    assert_eq!(read(&to, 3, Isolation::ReadCommitted).await, expected);
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_commit_that_was_dropped_goes_on_where_it_was() {
    let topic = topic("dropped", 1).await;
    let producer = producer(&unique("tx"), |builder| builder).await;
    let mut expected = Vec::new();
    for micros in (0..40).map(|n| n * 150) {
        begin(&producer).await;
        let written = values(&format!("{micros:05}-"), 5);
        send_all(&producer, &topic, &written).await;
        let limit = Duration::from_micros(micros);
        if tokio::time::timeout(limit, producer.commit_transaction())
            .await
            .is_err()
        {
            commit(&producer).await;
        }
        expected.extend(written);
    }
    within("the last commit's marker", async {
        while read(&topic, 1, Isolation::ReadCommitted).await.len() < expected.len() {}
    })
    .await;
    assert_eq!(read(&topic, 1, Isolation::ReadCommitted).await, expected);
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn a_transaction_that_failed_is_aborted_and_the_next_one_works() {
    let topic = topic("failed", 1).await;
    let producer = producer(&unique("tx"), |builder| {
        builder.batch_size(4 << 20).linger(Duration::from_secs(5))
    })
    .await;
    begin(&producer).await;
    send_all(&producer, &topic, &values("lost", 10)).await;
    within("flushing", producer.flush()).await.unwrap();
    // More than the broker takes in a batch (message.max.bytes), in one record.
    let large = vec![b'x'; 2 << 20];
    let delivery = producer
        .send(Record::to(&topic).value(&large))
        .await
        .unwrap();
    let error = within("the commit", producer.commit_transaction())
        .await
        .unwrap_err();
    assert!(
        error.requires_abort() && !error.is_fatal() && !error.is_retriable(),
        "{error}"
    );
    assert!(error.to_string().contains("MESSAGE_TOO_LARGE"), "{error}");
    assert_eq!(within("the delivery", delivery).await.unwrap_err(), error);
    assert_eq!(
        producer
            .try_send(Record::to(&topic).value("v"))
            .unwrap_err(),
        error
    );
    abort(&producer).await;
    let expected = values("v", 10);
    begin(&producer).await;
    send_all(&producer, &topic, &expected).await;
    commit(&producer).await;
    within("the commit's marker", async {
        while read(&topic, 1, Isolation::ReadCommitted).await != expected {}
    })
    .await;
}

#[tokio::test]
#[ignore = "needs Kafka: tests/kafka/kafka.sh"]
async fn many_partitions_and_short_transactions_one_after_another() {
    let topic = topic("short", 8).await;
    let producer = producer(&unique("tx"), |builder| builder).await;
    let mut expected = BTreeMap::new();
    let begun = Instant::now();
    for round in 0..50 {
        begin(&producer).await;
        for partition in 0..8 {
            let value = format!("{round:03}-{partition}");
            producer
                .send(Record::to(&topic).partition(partition).value(&value))
                .await
                .unwrap();
            *expected.entry(value).or_insert(0) += 1;
        }
        commit(&producer).await;
    }
    println!(
        "50 transactions over 8 partitions: {:?} each",
        begun.elapsed() / 50
    );
    let expected: Vec<String> = expected.into_keys().collect();
    within("the last commit's marker", async {
        while read(&topic, 8, Isolation::ReadCommitted).await.len() < expected.len() {}
    })
    .await;
    assert_eq!(read(&topic, 8, Isolation::ReadCommitted).await, expected);
}
